/*
 * host_impl - what the files of arch/host share, and nobody else sees.
 *
 * Per CPU, in `struct host_cpu`: what other threads may post (atomics, and a file
 * descriptor an idle CPU waits on). Per thread: whether interrupts are on, how many
 * signal handlers are entered, where a faulting copy goes. Thread-local, because a fault
 * may come on a thread that is no CPU, and because a signal handler may read it.
 */
#pragma once

#ifndef _GNU_SOURCE /* so this header comes first in each file here */
#define _GNU_SOURCE 1
#endif
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <theseus/arch.h>
#include <theseus/host.h>

#ifndef THS_HOST
#error "arch/host is compiled with -DTHS_HOST"
#endif
#if !defined(__x86_64__) || !defined(__linux__)
#error "arch/host knows the registers and signals of x86_64 Linux only"
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HOST_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define HOST_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define HOST_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define HOST_TSAN 1
#endif

#define HOST_VECTORS 256u

struct host_cpu {
	atomic_bool used;
	struct ths_cpu *record;
	bool has_event;
	int event;                                   /* eventfd: something is pending */
	atomic_bool tick;                            /* a tick came with interrupts off */
	atomic_bool kick;                            /* pass through ths_work() */
	_Atomic uint64_t vectors[HOST_VECTORS / 64]; /* device interrupts, a bit each */
	bool timer_on;
	timer_t timer;
	void *exception_stack; /* what sigaltstack() had is in: */
	stack_t outer_stack;
	uintptr_t stack_low; /* the thread's own stack, and its guard below */
	uintptr_t stack_high;
};

/* cpu.c */
extern _Thread_local struct host_cpu *ths_host_self; /* NULL: the thread is no CPU */
struct host_cpu *ths_host_cpu_at(unsigned index);    /* NULL: none */
void ths_host_stack_bounds(uintptr_t *low, uintptr_t *high);

/* irq.c */
extern _Thread_local volatile sig_atomic_t ths_host_irq_flag;
void ths_host_irq_deliver(void);
void ths_host_irq_wake(struct host_cpu *cpu);
void ths_host_tick_signal_install(void);
void ths_host_timer_stop(struct host_cpu *cpu);
void ths_host_irq_reset(void);

/* trap.c */
extern _Thread_local unsigned
	ths_host_signals; /* signal handlers entered on this thread */
void ths_host_trap_install(void);
void ths_host_faults_open(void); /* in a handler: faults and copies work in it too */
void ths_host_signals_leave(unsigned to); /* before a jump out of signal handlers */

/* context.c */
struct host_context;
struct host_context *ths_host_context_running(void);
bool ths_host_context_is_guard(uintptr_t addr); /* below the running context's stack */
/* Goes to a sigsetjmp() of another context, where landed() is to be called at once. */
THS_NORETURN void ths_host_context_jump(struct host_context *to, sigjmp_buf regs);
void ths_host_context_landed(struct host_context *self);
void ths_host_contexts_unmapped(ths_vaddr_t base, uint64_t size);
void ths_host_contexts_reset(void);

/* memory.c */
#define HOST_MEMORY_DEFAULT (64u << 20)
#define HOST_AREA_SIZE      (256u << 20)
struct host_arena {
	unsigned char *direct;
	size_t size;
	int fd;
	struct ths_arch_area modules, stacks; /* reserved address space */
};
const struct host_arena *ths_host_arena(void); /* makes it at first use */
bool ths_host_is_made(void);                   /* whether it is; in handlers */
bool ths_host_is_frame(ths_paddr_t paddr, size_t pages);
/* Counts a mapping of a frame in (@by 1) or out (@by -1). */
void ths_host_frame_count(ths_paddr_t paddr, enum ths_prot prot, int by);
/* Whether a further mapping may be @prot; one that is @but will go. */
bool ths_host_frame_allows(ths_paddr_t paddr, enum ths_prot prot, enum ths_prot but);
void ths_host_memory_reset(void);

/* paging.c */
bool ths_host_is_stack_guard(ths_vaddr_t vaddr); /* in the stack area, not mapped */
void ths_host_paging_reset(void);

/* one reset per file with something to forget */
void ths_host_boot_reset(void);
void ths_host_stop_reset(void);
void ths_host_clock_reset(void);
void ths_host_console_reset(void);
void ths_host_ports_reset(void);
void ths_host_fail_reset(void);

/* The process cannot go on: says why and aborts. For the host's own failures only
 * (no memory, no signals), which no machine has. */
THS_NORETURN void ths_host_die(const char *why);

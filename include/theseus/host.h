/*
 * host - a machine made of POSIX, for tests: what it offers beyond <theseus/arch.h>.
 *
 * libtheseus-host.a is the library with arch/host below it instead of a computer. A CPU
 * is a thread, an exception is a signal, physical memory is an arena, an I/O port is a
 * function of the test. Nothing happens by itself: interrupts and ticks come when the
 * test says so (ths_host_irq(), ths_host_tick()), and so a test says exactly where. Who
 * wants the asynchronous kind starts a real timer (ths_arch_tick_start()).
 *
 * Invariants
 *   H1  Between ths_host_cpu_enter() and ths_host_cpu_leave() a thread is a CPU, and
 *       every promise of <theseus/arch.h> holds on it.
 *   H2  A fault reaches ths_trap() first; one that ths_trap() returns from is the crash
 *       it would have been without us, and a sanitizer's own report still comes.
 *   H3  With interrupts off on a CPU nothing is delivered there; what came meanwhile is
 *       delivered, ticks merged into one, when they go on again.
 *   H4  The same seed and the same calls give the same run (real timers and several
 *       threads excepted).
 *   H5  It works under ASan, UBSan and TSan, of gcc and of clang. TSan holds a real
 *       timer's signal back until the thread next enters the C library: a loop that
 *       never does is not interrupted there.
 *
 * Left out on purpose: preempting a program at depth 0 by a real timer. It might hold a
 * lock of the C library, so ths_work() waits for the next ths_arch_idle(),
 * ths_arch_relax() or ths_arch_irq_restore(true).
 *
 * Use: ths_host_cpu_enter(); test; ths_host_cpu_leave(); ths_host_reset() between tests
 * that share a process. tests/unit/arch/host_*_test.c show H1-H5.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <theseus/arch.h>
#include <theseus/attr.h>
#include <theseus/point.h>

/* ---- CPUs ---------------------------------------------------------------------- */

#define THS_HOST_NO_CPU ~0u

/**
 * ths_host_cpu_enter() - make the calling thread a CPU
 * @cpu: what ths_cpu() returns on this thread from now on
 *
 * Takes the lowest free index, switches interrupts on, and gives the thread an
 * exception stack; the first CPU also takes over SIGSEGV, SIGBUS, SIGFPE, SIGILL and
 * SIGTRAP. ths_arch_cpu_set() on a thread that is no CPU does the same, but leaves
 * interrupts off. The GS base is set too, so that freestanding code finds the record.
 *
 * Return: the index, for ths_arch_kick_cpu() and ths_host_irq_on();
 *         THS_HOST_NO_CPU when THS_CPU_MAX threads are CPUs.
 */
unsigned ths_host_cpu_enter(struct ths_cpu *cpu);
/* The same with a given index; false when it is taken or out of range. */
bool ths_host_cpu_enter_as(struct ths_cpu *cpu, unsigned index);
/* The thread is a CPU no more: its timer stops, what was pending is dropped. A thread
 * that ends leaves by itself. Not to be called inside ths_arch_run(). */
void ths_host_cpu_leave(void);
/* This thread's index, or THS_HOST_NO_CPU. */
unsigned ths_host_cpu_index(void);

/* ---- interrupts ------------------------------------------------------------------ */

/* A device interrupt on this CPU: ths_irq(@vector), then ths_work() when it is at
 * depth 0; at once, or when interrupts go on (H3). */
void ths_host_irq(unsigned vector);
/* The same on another CPU: it takes the interrupt at its next ths_arch_idle(),
 * ths_arch_relax(), ths_arch_irq_restore(true) or unwinding. */
void ths_host_irq_on(unsigned cpu, unsigned vector);
/* One tick on this CPU, with the caller's address as the interrupted one. Like any tick
 * it may unwind: then this does not return. */
void ths_host_tick(void);
/* Whether ths_arch_irq_save() would return true. */
bool ths_host_irq_is_on(void);

/**
 * ths_host_on_idle() - what to do when a CPU has nothing to do
 * @fn:  called by ths_arch_idle() with interrupts on when nothing is pending, instead of
 *       waiting; may advance the clock, tick, raise interrupts; NULL: wait
 * @ctx: handed to @fn
 *
 * With it a test drives time by itself. Without it an idle CPU waits for a real timer or
 * for another thread, for ever if need be.
 */
void ths_host_on_idle(void (*fn)(void *ctx), void *ctx);

/* ---- whose code ------------------------------------------------------------------ */

/* Whether @pc, where this thread was interrupted, is a module's: the thread stands
 * outside ths_arch_core_enter() and ths_arch_core_leave(). */
bool ths_host_in_module(uint64_t pc);

/* ---- memory and boot --------------------------------------------------------------- */

/* Physical memory begins here, as what is free of a PC's does. */
#define THS_HOST_PADDR 0x100000u

/* Physical memory in bytes, 64 MiB by default. Before its first use; false afterwards. */
bool ths_host_memory(size_t bytes);
/* The command line and the number of CPUs that boot info will name; "" and 1. */
void ths_host_cmdline(const char *cmdline);
void ths_host_cpus(unsigned cpus);
/* Copies a module archive to the end of physical memory; the memory is free no more.
 * false: no room. At most once between two resets. */
bool ths_host_archive(const void *data, size_t size);
/* What arch found; valid until the next call. */
const struct ths_boot_info *ths_host_boot_info(void);

/* How a machine stopped. */
struct ths_host_stop {
	enum ths_stop how;
	uint32_t code;
};

/**
 * ths_host_boot() - ths_boot() with ths_host_boot_info(), up to its ths_arch_stop()
 *
 * The calling thread becomes a CPU when ths_boot() says so; leave it afterwards.
 */
void ths_host_boot(struct ths_host_stop *stop);

/**
 * ths_host_until_stop() - call @fn(@arg) and stay until this thread stops the machine
 * @stop: out: how; may be NULL
 *
 * Catches ths_arch_stop() from any depth, any task and any exception of this thread;
 * afterwards the thread is as it was at the call. May be nested.
 *
 * Return: whether it stopped; false when @fn returned.
 */
bool ths_host_until_stop(void (*fn)(void *arg), void *arg, struct ths_host_stop *stop);

/* Without a catcher ths_arch_stop() calls this, from whatever thread; if it is NULL or
 * returns, the process exits: 0 for off, reboot, halt and test code 0x2a, else 1. */
void ths_host_on_stop(void (*fn)(const struct ths_host_stop *stop, void *ctx), void *ctx);

/* Forgets everything: mappings, contents of memory, stacks of tasks, ports, hooks, clock,
 * console, cmdline, fail points but the environment's. Only when no other thread is a CPU.
 */
void ths_host_reset(void);

/* ---- console, time, chance ------------------------------------------------------- */

/* ths_arch_console_write() goes into @buf, which stays NUL-terminated, and what does not
 * fit is dropped; NULL: to standard error, as at the start. */
void ths_host_console(char *buf, size_t size);

/* Freezes ths_arch_counter() at @ns nanoseconds ... */
void ths_host_clock_set(uint64_t ns);
/* ... and moves it on. */
void ths_host_clock_advance(uint64_t ns);
/* Back to CLOCK_MONOTONIC. */
void ths_host_clock_real(void);

/* The seed of ths_arch_entropy(): the environment's THS_SEED (decimal or 0x…), or chosen
 * at first use. Print it with whatever a test found. */
uint64_t ths_host_seed(void);
/* Starts the sequence of @seed. */
void ths_host_seed_set(uint64_t seed);

/* ---- ports --------------------------------------------------------------------------- */

/**
 * ths_host_port_handler() - put a device's model behind I/O ports
 * @first: the first port
 * @count: how many from there on; not beyond 0xffff
 * @in:    gives what a read of @port, @width bytes wide, sees; NULL: all ones
 * @out:   takes what is written; NULL: dropped
 * @ctx:   handed to both
 *
 * The latest handler wins where two overlap. A port without one reads as all ones, as
 * on a bus where nobody answers. At most 32; false beyond that, or for a bad range.
 * Context: not while another CPU uses ports.
 */
bool ths_host_port_handler(uint16_t first, unsigned count,
			   uint32_t (*in)(void *ctx, uint16_t port, unsigned width),
			   void (*out)(void *ctx, uint16_t port, unsigned width,
				       uint32_t value),
			   void *ctx);

/* ---- fail points ----------------------------------------------------------------- */

/*
 * Where portable code may run out of something it asks THS_FAIL(site) of
 * <theseus/point.h> first, with a site of the form "class/name" ("alloc/row-copy"). Here
 * a test says which of those times it is to fail. The environment's THS_FAIL ("class:n",
 * or "class:n+" for persistently; class "" for all) arms it from outside. When the
 * process exits, lines of site, times reached and times failed, tab-separated, are added
 * to the file that the environment's THS_FAIL_SITES names.
 */

/* Fails the @n-th (from 1) site of @class reached from now on; all after it too when
 * @persistently. "" is every class; a whole site's name is that site. Counting starts
 * anew; @n 0: count only. */
void ths_host_fail_nth(const char *class, uint64_t n, bool persistently);
/* Sites of the armed class reached, and of them failed, since it was armed. */
uint64_t ths_host_fail_reached(void);
uint64_t ths_host_fail_failed(void);
/* Calls @fn for each site ever reached by this process, in no order. */
void ths_host_fail_sites(void (*fn)(const char *site, uint64_t reached, uint64_t failed,
				    void *ctx),
			 void *ctx);

/* Where a loaded module, whose text lies low, calls to get to the function at @address. */
uint64_t ths_host_reach(uint64_t address);
/* Where one that was built with --enable-hardening finds its canary. */
uint64_t ths_host_canary(void);

/*
 * What to do in a window, THS_POINT(name): raise a conflict, swap, fail. NULL: nothing.
 * It may be set and cleared while other threads pass windows, but exchanged for another
 * function only while none does.
 */
void ths_host_on_point(void (*fn)(const char *name, void *ctx), void *ctx);

/*
 * harness - a nano_core that is nothing but questions: the upcalls of <theseus/arch.h>,
 * each telling what arch did, and a count of what held.
 */
#pragma once

#include <theseus/arch.h>

#include "x86.h"

/* Prints `ok N - name`, or `not ok` and goes on. */
void check(bool holds, const char *name);
void say(const char *text);

/* ---- traps ------------------------------------------------------------------------- */

/* What ths_trap() and ths_tick() are to do until told otherwise. */
enum reaction { PANIC, RESUME, TRACE, FAULT, UNWIND };

struct seen {
	unsigned traps;
	struct ths_trap last;
	bool flag_set;       /* interrupts were on inside ths_trap() */
	uint64_t trap_stack; /* where ths_trap() ran */
};

extern struct seen seen;
extern enum reaction on_trap;

#define UNWOUND 0x7001u

/* Runs @fn(@arg) on a stack of its own; true if it trapped as @kind and was unwound. */
bool traps_as(enum ths_trap_kind kind, uint64_t (*fn)(void *), void *arg);
/* The same on the stack that ends at @stack_top. */
bool traps_on(void *stack_top, enum ths_trap_kind kind, uint64_t (*fn)(void *),
	      void *arg);
/* The top of traps_as()'s stack, 16 KiB. */
void *test_stack(void);

/*
 * Each register but the stack pointer holds a number of its own while @between runs, which
 * is assembly and changes none. @wrong, a uint64_t, becomes 0 if they hold those afterwards.
 */
#define HOLD_REGISTERS(between, wrong)                                                   \
	__asm__ volatile(                                                                \
		"pushq %%rbp\n"                                                          \
		"movq $1, %%rax; movq $2, %%rbx; movq $3, %%rcx\n"                       \
		"movq $4, %%rdx; movq $5, %%rsi; movq $6, %%rdi\n"                       \
		"movq $7, %%rbp; movq $8, %%r8; movq $9, %%r9\n"                         \
		"movq $10, %%r10; movq $11, %%r11; movq $12, %%r12\n"                    \
		"movq $13, %%r13; movq $14, %%r14; movq $15, %%r15\n" between            \
		"\n"                                                                     \
		"xorq $1, %%rax; xorq $2, %%rbx; orq %%rbx, %%rax\n"                     \
		"xorq $3, %%rcx; orq %%rcx, %%rax; xorq $4, %%rdx; orq %%rdx, %%rax\n"   \
		"xorq $5, %%rsi; orq %%rsi, %%rax; xorq $6, %%rdi; orq %%rdi, %%rax\n"   \
		"xorq $7, %%rbp; orq %%rbp, %%rax; xorq $8, %%r8; orq %%r8, %%rax\n"     \
		"xorq $9, %%r9; orq %%r9, %%rax; xorq $10, %%r10; orq %%r10, %%rax\n"    \
		"xorq $11, %%r11; orq %%r11, %%rax; xorq $12, %%r12\n"                   \
		"orq %%r12, %%rax; xorq $13, %%r13; orq %%r13, %%rax\n"                  \
		"xorq $14, %%r14; orq %%r14, %%rax; xorq $15, %%r15\n"                   \
		"orq %%r15, %%rax\n"                                                     \
		"popq %%rbp\n"                                                           \
		: "=a"(wrong)                                                            \
		:                                                                        \
		: "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",    \
		  "r13", "r14", "r15", "memory", "cc")

/* ---- interrupts -------------------------------------------------------------------- */

extern volatile unsigned ticks, works, irqs[X86_VECTORS];
extern volatile uint64_t tick_pc;
extern volatile bool idle_now;                  /* what ths_cpu_is_idle() answers */
extern struct ths_frame *volatile tick_unwinds; /* the next tick gives this up */
extern void (*volatile work)(void);             /* called by ths_work() */

extern bool timed; /* rates can be relied on: time is the number of instructions */

bool interrupts_are_on(void);

/* ---- pages ------------------------------------------------------------------------- */

extern unsigned pages_out;   /* taken and not given back */
extern unsigned pages_allow; /* ths_page_alloc() fails when this is 0 */
ths_paddr_t frame_alloc(void);

/* The tests; each file one subject. */
void test_boot(const struct ths_boot_info *info);
void test_run_early(void); /* interrupts were never on so far */
void test_traps(void);
void test_run(void);
void test_paging(void);
void test_interrupts(void);

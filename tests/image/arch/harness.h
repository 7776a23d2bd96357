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

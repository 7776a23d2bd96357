/*
 * upcalls - a nano_core of a few lines, which notes what arch/host calls in it.
 *
 * One per thread, since a thread is a CPU. It follows nano_core's rules: a fault or tick
 * in module code unwinds the frame in use, anything else comes back.
 */
#pragma once

#include <check.h>
#include <theseus/arch.h>
#include <theseus/host.h>

#define UP_TRAP 1000u /* a frame unwound by a trap gives UP_TRAP + kind ... */
#define UP_TICK 2000u /* ... and by a tick, this */

struct up {
	struct ths_cpu *self;    /* as of struct ths_cpu: the first word is the address */
	struct ths_frame *frame; /* what to unwind; NULL: nothing runs */
	unsigned depth;          /* 0: ths_cpu_is_idle() */
	unsigned budget;         /* the tick that unwinds, once; 0: none does. Under a real
				  * timer to be set inside the frame, for one may come sooner */

	unsigned traps, ticks, irqs, works;
	struct ths_trap trap; /* the last one */
	uint64_t tick_pc, unwound_pc; /* where the last tick came; the last that unwound */
	unsigned vectors[16]; /* the first ones, in order */
	bool irq_was_on;      /* in any upcall that is to find interrupts off */
	bool work_was_off;    /* ths_work() found them off */
	void (*on_work)(void);
	void (*on_trap)(void);
};

extern _Thread_local struct up up;
extern unsigned up_pages_left; /* ths_page_alloc() can still give */
extern unsigned up_pages_out;  /* given and not given back */

/* A fresh CPU, interrupts on, everything above zero. */
void up_enter(void);
void up_leave(void);
/* Calls @fn(NULL) as an operation is called: in a frame, at depth 1, as module code. */
uint64_t up_module(uint64_t (*fn)(void *));

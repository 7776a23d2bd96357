/*
 * sched - who runs next on a CPU.
 *
 * nano_core owns contexts and does the switching; a policy only says who is next. The
 * task that runs is not in the queue. Tasks are named by their slot.
 *
 * Invariants
 *   S1  A task is in at most one queue, once.
 *   S2  A task admitted is picked after finitely many picks on its CPU.
 *   S3  Any provider can go on from the tables another left ("sched.queue/1",
 *       "sched.link/1", declared below): that is what lets policies be exchanged.
 */
#pragma once

#include <stdint.h>
#include <theseus/interface.h>
#include <theseus/row.h>

#define SCHED_TASKS_MAX 1024u

struct sched_admit { /* @task became runnable */
	uint32_t task;
	uint32_t cpu;
};
struct sched_pick {
	uint32_t cpu;
	uint32_t prev;          /* who ran until now; THS_ROW_NONE: the idle loop */
	uint32_t prev_runnable; /* 1: it goes (back) into the queue */
	uint32_t next;          /* out: who runs now. THS_E_NOENT: nobody */
};
struct sched_tick {
	uint32_t cpu;
	uint32_t current;       /* who runs; THS_ROW_NONE: the idle loop */
	uint32_t ticks;         /* it has run since it was picked */
	uint32_t resched;       /* out: 1: pick again */
};
struct sched_remove { /* @task is to be forgotten (killed while runnable) */
	uint32_t task;
	uint32_t cpu;
};

#define SCHED_OPS(OP)                                                                    \
	OP(sched, admit, struct sched_admit, 0)                                          \
	OP(sched, pick, struct sched_pick, 0)                                            \
	OP(sched, tick, struct sched_tick, 0)                                            \
	OP(sched, remove, struct sched_remove, 0)
THS_INTERFACE(sched, 1, SCHED_OPS)

/* "sched.queue/1", per CPU: a list threaded through the link rows. */
struct sched_queue {
	uint32_t head, tail; /* THS_ROW_NONE: empty; a zero row means count == 0 */
	uint32_t count;
	uint32_t picks; /* since boot, for `stats` */
};
/* "sched.link/1", by task slot; SCHED_TASKS_MAX rows, made by the first provider. */
struct sched_link {
	uint32_t next;
	uint32_t queued; /* 1: in a queue */
};

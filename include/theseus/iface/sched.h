/*
 * sched - who runs next on a CPU.
 *
 * nano_core owns contexts and does the switching; a policy only says who is next. The
 * task that runs is not in the queue. Tasks are named by their slot.
 *
 * Invariants
 *   S1  A task is in at most one queue, once. nano_core keeps a task to one CPU at a
 *       time; the provider refuses to queue it there twice (THS_E_EXIST).
 *       A task that is named to another CPU than its own is in no queue any more, and its
 *       own CPU admits it again: so there may be one queue for all.
 *   S2  A task admitted is picked after finitely many picks on its CPU.
 *   S3  Any provider can go on from the tables another left ("sched.queue/1",
 *       "sched.link/1", declared below): that is what lets policies be exchanged.
 */
#pragma once

#include <stdint.h>
#include <theseus/interface.h>
#include <theseus/row.h> /* THS_ROW_NONE */

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
	uint32_t admit;         /* 1 + a task that became runnable, 0: none. A policy may
		take it into the queue first, as by admit(), and says so: 0. Of one that
		leaves it alone nano_core asks admit() itself */
	uint32_t reserved;
};
struct sched_tick {
	uint32_t cpu;
	uint32_t current;       /* who runs; THS_ROW_NONE: the idle loop */
	uint32_t ticks;         /* it has run since it was picked */
	uint32_t resched;       /* out: 1: pick again */
};
struct sched_remove { /* @task is to be forgotten (killed while runnable). THS_E_NOENT:
	it is not in that queue */
	uint32_t task;
	uint32_t cpu;
};

#define SCHED_OPS(OP)                                                                    \
	OP(sched, admit, struct sched_admit, 0)                                          \
	OP(sched, pick, struct sched_pick, 0)                                            \
	OP(sched, tick, struct sched_tick, 0)                                            \
	OP(sched, remove, struct sched_remove, 0)
THS_INTERFACE(sched, 1, SCHED_OPS)

/*
 * "sched.queue/1", per CPU, written by that CPU alone. The order of a queue is: the ring,
 * then the overflow list. The ring holds the tasks themselves, so that a pick writes one
 * row and no other; only what finds no room there is threaded through the link rows.
 * There is an overflow list only while the ring is full. A zeroed row is an empty queue.
 */
#define SCHED_RING 16u
struct sched_queue {
	uint16_t first;    /* index of the head in the ring */
	uint16_t count;    /* tasks in the ring, 0..SCHED_RING */
	uint16_t overflow; /* tasks in the overflow list */
	uint16_t head;     /* of the overflow list, while it is not empty */
	uint16_t tail;
	uint16_t reserved;
	uint32_t picks; /* since boot, for `stats` */
	uint16_t ring[SCHED_RING];
};
/* "sched.link/1", by task slot; a THS_FIXED table of SCHED_TASKS_MAX rows. */
struct sched_link {
	uint16_t next, prev; /* in the overflow list; of no meaning at its ends */
	uint16_t queued;     /* 1: in an overflow list */
	uint16_t reserved;
};

/*
 * tasks - what a task is called, and how it ended. nano_core owns contexts; this
 * describes them, starts and ends them.
 *
 * What is known of a task belongs, as a joint row, to the client that created it: it is
 * kept until it is joined, or until its creator is gone, and nobody could join it. A task
 * that ends by returning from its program ends through exit(), called by nano_core.
 */
#pragma once

#include <stdint.h>
#include <theseus/interface.h>
#include <theseus/module.h>

struct tasks_create {
	uint64_t entry;          /* void (*)(void *) of a program */
	uint64_t arg;
	char name[THS_NAME_MAX];
	struct ths_task_id task; /* out */
};
struct tasks_exit { /* the calling task ends; the call does not return on THS_OK */
	uint64_t status;
};
struct tasks_join { /* THS_E_AGAIN until @task has ended; THS_E_STALE: no such task, or
	joined already; THS_E_INVAL: it is the caller */
	struct ths_task_id task;
	uint64_t status; /* out */
};
struct tasks_kill {
	struct ths_task_id task;
	uint64_t status; /* what join will say */
};
enum tasks_state { TASKS_FREE, TASKS_LIVE, TASKS_ENDED };
struct tasks_next { /* enumerates, in no special order */
	uint32_t row;            /* in: the previous, first THS_ROW_NONE; out: the next.
		THS_E_NOENT: no more */
	uint32_t state;          /* out: enum tasks_state */
	struct ths_task_id task; /* out */
	char name[THS_NAME_MAX];
	uint64_t status;         /* out: of one that has ended */
};

#define TASKS_OPS(OP)                                                                    \
	OP(tasks, create, struct tasks_create, 0)                                        \
	OP(tasks, exit, struct tasks_exit, 0)                                            \
	OP(tasks, join, struct tasks_join, 0)                                            \
	OP(tasks, kill, struct tasks_kill, 0)                                            \
	OP(tasks, next, struct tasks_next, 0)
THS_INTERFACE(tasks, 1, TASKS_OPS)

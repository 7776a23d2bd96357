/*
 * tasks - what a task is called, and how it ended. nano_core owns contexts; this
 * describes them, starts and ends them.
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
struct tasks_join { /* THS_E_AGAIN until @task has ended; THS_E_STALE: no such task */
	struct ths_task_id task;
	uint64_t status; /* out */
};
struct tasks_kill {
	struct ths_task_id task;
	uint64_t status; /* what join will say */
};
enum tasks_state { TASKS_FREE, TASKS_LIVE, TASKS_ENDED };
struct tasks_next { /* enumerates; start with task.slot = THS_ROW_NONE */
	struct ths_task_id task; /* in: the previous; out: the next. THS_E_NOENT: no more */
	uint32_t state;          /* enum tasks_state */
	uint32_t reserved;
	char name[THS_NAME_MAX];
	uint64_t status;
};

#define TASKS_OPS(OP)                                                                    \
	OP(tasks, create, struct tasks_create, 0)                                        \
	OP(tasks, exit, struct tasks_exit, 0)                                            \
	OP(tasks, join, struct tasks_join, 0)                                            \
	OP(tasks, kill, struct tasks_kill, 0)                                            \
	OP(tasks, next, struct tasks_next, 0)
THS_INTERFACE(tasks, 1, TASKS_OPS)

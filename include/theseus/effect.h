/*
 * effect - what an interaction does to the world beyond rows.
 *
 * Starting a task, killing one, running a driver: these cannot be taken back, so they are
 * *appended* to the interaction and performed by nano_core, in order, once it has
 * committed. Whatever performing takes (a stack, a slot) is reserved here, so that an
 * effect cannot fail. An interaction that fails drops its effects.
 *
 * Context: inside an operation. All: THS_E_FULL too many effects in one interaction.
 */
#pragma once

#include <theseus/attr.h>
#include <theseus/err.h>
#include <theseus/module.h>

/**
 * ths_task_start() - a new task, runnable once the interaction commits
 * @entry: the program: runs at depth 0 on a stack of its own; must not return to its
 *         caller by longjmp and the like; returning from it ends the task
 * @task:  out: its identity
 *
 * Return: THS_OK; THS_E_INVAL no @entry. The interaction ends in THS_E_FULL where there
 *         is no slot for the task, in THS_E_NOMEM where there is no stack.
 */
THS_MUST_CHECK enum ths_err ths_task_start(struct ths_call *call, void (*entry)(void *),
					   void *arg, struct ths_task_id *task);
/* Ends @task; its shares in joint rows go at once. THS_E_STALE: it is gone, or going. */
THS_MUST_CHECK enum ths_err ths_task_kill(struct ths_call *call, struct ths_task_id task);
/* Runs our own device operation @op (of the interface we provide, arguments all zero) at
 * depth 0, soon; several kicks before it runs are one (P10). */
THS_MUST_CHECK enum ths_err ths_kick(struct ths_call *call, unsigned op);

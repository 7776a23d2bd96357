/*
 * sched_fifo - a policy that serves in the order of the queue: all of it but its tick.
 *
 *	SCHED_FIFO_MODULE(sched_fcfs, "sched.fcfs", fcfs_tick);
 *
 * makes a module of sched/1 whose tables are those every policy keeps (sched_queue.h), and
 * whose admit, pick and remove are the steps over them that are the same for all such. What
 * is left to say is when a task gives way: the tick.
 *
 * Invariants
 *   R1  With n runnable tasks that all go on, n picks in a row name each of them once.
 *   R2  A pick that fails leaves the order as it was (the gate drops our copy).
 *   R3  A pick among at most SCHED_RING tasks writes one row.
 *
 * Where a policy differs in more it takes from here what it does not, and
 * SCHED_FIFO_TABLES.
 */
#pragma once

#include <theseus/iface/sched.h>
#include <theseus/iface/sched_queue.h>
#include <theseus/module.h>

enum { SCHED_QUEUE, SCHED_LINK };

THS_INLINE enum ths_err fifo_admit(struct ths_call *call, struct sched_admit *arg)
{
	return sched_queue_admit(call, SCHED_QUEUE, SCHED_LINK, arg);
}

THS_INLINE enum ths_err fifo_pick(struct ths_call *call, struct sched_pick *arg)
{
	return sched_queue_pick(call, SCHED_QUEUE, SCHED_LINK, arg);
}

THS_INLINE enum ths_err fifo_remove(struct ths_call *call, struct sched_remove *arg)
{
	return sched_queue_remove(call, SCHED_QUEUE, SCHED_LINK, arg);
}

/* What a tick says of a task that may go on, and of one that gives way if others wait. */
THS_INLINE enum ths_err fifo_tick(struct ths_call *call, struct sched_tick *arg,
					 bool may_go_on)
{
	const struct sched_queue *queue;

	arg->resched = 0;
	if (may_go_on)
		return THS_OK;
	THS_TRY(ths_row_read(call, SCHED_QUEUE, arg->cpu, &queue));
	arg->resched = queue->count > 0;
	return THS_OK;
}

THS_INLINE enum ths_err fifo_selftest(struct ths_call *call)
{
	const struct sched_queue *queue;

	THS_TRY(ths_row_read(call, SCHED_QUEUE, ths_call_cpu(call), &queue));
	return sched_queue_is_sound(queue) ? THS_OK : THS_E_INTERNAL;
}

#define SCHED_FIFO_TABLES                                                               \
	THS_TABLE(SCHED_QUEUE, "sched.queue/1", struct sched_queue,                      \
		  .flags = THS_PER_CPU),                                                 \
		THS_TABLE(SCHED_LINK, "sched.link/1", struct sched_link,                 \
			  .rows = SCHED_TASKS_MAX, .flags = THS_FIXED)

#define SCHED_FIFO_MODULE(token_, id_, tick_)                                               \
	THS_MODULE(token_, id_, 1, 0,                                                    \
		   THS_PROVIDES(sched, .admit = fifo_admit,                       \
				.pick = fifo_pick, .tick = (tick_),               \
				.remove = fifo_remove),                           \
		   SCHED_FIFO_TABLES, .selftest = fifo_selftest)

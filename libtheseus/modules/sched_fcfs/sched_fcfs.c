/*
 * sched.fcfs - who came first is served first, for as long as it likes.
 *
 * Nobody is preempted: a task runs until it sleeps, yields or ends. The queue is the same
 * one sched.rr keeps, in the same order; only the tick decides otherwise. That the two
 * differ in one function is the point: a policy is what is left when state is gone.
 *
 * Invariants
 *   C1  A tick never takes the CPU from a task.
 *   C2  Tasks are picked in the order in which they became runnable.
 *   C3  A pick that fails leaves the order as it was (the gate drops our copy).
 *
 * Left out on purpose: fairness. A task that never lets go keeps the CPU, here only until
 * somebody swaps the policy.
 */
#include <theseus/iface/sched.h>
#include <theseus/iface/sched_queue.h>
#include <theseus/module.h>

enum { QUEUE, LINK };

static enum ths_err fcfs_admit(struct ths_call *call, struct sched_admit *arg)
{
	return sched_queue_admit(call, QUEUE, LINK, arg);
}

static enum ths_err fcfs_pick(struct ths_call *call, struct sched_pick *arg)
{
	return sched_queue_pick(call, QUEUE, LINK, arg);
}

static enum ths_err fcfs_tick(struct ths_call *call, struct sched_tick *arg)
{
	const struct sched_queue *queue;

	arg->resched = 0;
	if (arg->current != THS_ROW_NONE)
		return THS_OK;
	THS_TRY(ths_row_read(call, QUEUE, arg->cpu, &queue));
	arg->resched = queue->count > 0;
	return THS_OK;
}

static enum ths_err fcfs_remove(struct ths_call *call, struct sched_remove *arg)
{
	return sched_queue_remove(call, QUEUE, LINK, arg);
}

static enum ths_err fcfs_selftest(struct ths_call *call)
{
	const struct sched_queue *queue;

	THS_TRY(ths_row_read(call, QUEUE, ths_call_cpu(call), &queue));
	return sched_queue_is_sound(queue) ? THS_OK : THS_E_INTERNAL;
}

THS_MODULE(sched_fcfs, "sched.fcfs", 1, 0,
	   THS_PROVIDES(sched, .admit = fcfs_admit, .pick = fcfs_pick, .tick = fcfs_tick,
			.remove = fcfs_remove),
	   THS_TABLE(QUEUE, "sched.queue/1", struct sched_queue, .flags = THS_PER_CPU),
	   THS_TABLE(LINK, "sched.link/1", struct sched_link, .rows = SCHED_TASKS_MAX,
		     .flags = THS_FIXED),
	   .selftest = fcfs_selftest);

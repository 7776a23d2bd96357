/*
 * sched.rr - every runnable task in its turn.
 *
 * The queue belongs to state_db, not to us, and the order of the queue *is* the memory of
 * whose turn it was: who was running goes to the end, who comes next is taken from the
 * front, in one interaction. So the module can be swapped between any two picks, for
 * itself or for another policy.
 *
 * Invariants
 *   R1  With n runnable tasks, n picks in a row name each of them once.
 *   R2  A pick that fails leaves the order as it was (the gate drops our copy).
 *   R3  A pick among at most SCHED_RING tasks writes one row.
 *
 * Left out on purpose: priorities, sleeping tasks (they are in no queue).
 */
#include <theseus/iface/sched.h>
#include <theseus/iface/sched_queue.h>
#include <theseus/module.h>

#define RR_QUANTUM 4u /* ticks a task may run while others wait */

enum { QUEUE, LINK };

static enum ths_err rr_admit(struct ths_call *call, struct sched_admit *arg)
{
	return sched_queue_admit(call, QUEUE, LINK, arg);
}

static enum ths_err rr_pick(struct ths_call *call, struct sched_pick *arg)
{
	return sched_queue_pick(call, QUEUE, LINK, arg);
}

static enum ths_err rr_tick(struct ths_call *call, struct sched_tick *arg)
{
	const struct sched_queue *queue;

	arg->resched = 0;
	if (arg->current != THS_ROW_NONE && arg->ticks < RR_QUANTUM)
		return THS_OK;
	THS_TRY(ths_row_read(call, QUEUE, arg->cpu, &queue));
	arg->resched = queue->count > 0;
	return THS_OK;
}

static enum ths_err rr_remove(struct ths_call *call, struct sched_remove *arg)
{
	return sched_queue_remove(call, QUEUE, LINK, arg);
}

static enum ths_err rr_selftest(struct ths_call *call)
{
	const struct sched_queue *queue;

	THS_TRY(ths_row_read(call, QUEUE, ths_call_cpu(call), &queue));
	return sched_queue_is_sound(queue) ? THS_OK : THS_E_INTERNAL;
}

THS_MODULE(sched_rr, "sched.rr", 1, 0,
	   THS_PROVIDES(sched, .admit = rr_admit, .pick = rr_pick, .tick = rr_tick,
			.remove = rr_remove),
	   THS_TABLE(QUEUE, "sched.queue/1", struct sched_queue, .flags = THS_PER_CPU),
	   THS_TABLE(LINK, "sched.link/1", struct sched_link, .rows = SCHED_TASKS_MAX,
		     .flags = THS_FIXED),
	   .selftest = rr_selftest);

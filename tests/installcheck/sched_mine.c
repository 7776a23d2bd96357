/*
 * sched.mine - a policy written away from the source tree: of two runnable tasks the one
 * that waited longest goes first, and only a task that sleeps gives way (no tick).
 *
 * It goes on from the queue any other policy left (S3 of <theseus/iface/sched.h>). That a
 * pick may admit who woke it does not make use of: nano_core asks mine_admit() then.
 */
#include <theseus/iface/sched.h>
#include <theseus/iface/sched_queue.h>
#include <theseus/module.h>

enum { QUEUE, LINK };

static enum ths_err mine_admit(struct ths_call *call, struct sched_admit *arg)
{
	struct sched_queue *queue;

	THS_TRY(ths_row_write(call, QUEUE, arg->cpu, &queue));
	return sched_queue_push(call, LINK, queue, arg->task);
}

/* One who is queued already stays where it is (S1). */
static enum ths_err queue_once(struct ths_call *call, struct sched_queue *queue,
			       uint32_t task)
{
	enum ths_err err = sched_queue_push(call, LINK, queue, task);

	return err == THS_E_EXIST ? THS_OK : err;
}

static enum ths_err mine_pick(struct ths_call *call, struct sched_pick *arg)
{
	struct sched_queue *queue;

	THS_TRY(ths_row_write(call, QUEUE, arg->cpu, &queue));
	if (arg->prev_runnable)
		THS_TRY(queue_once(call, queue, arg->prev));
	queue->picks++;
	return sched_queue_pop(call, LINK, queue, &arg->next);
}

static enum ths_err mine_tick(struct ths_call *call, struct sched_tick *arg)
{
	(void)call;
	arg->resched = 0;
	return THS_OK;
}

static enum ths_err mine_remove(struct ths_call *call, struct sched_remove *arg)
{
	struct sched_queue *queue;

	THS_TRY(ths_row_write(call, QUEUE, arg->cpu, &queue));
	return sched_queue_take(call, LINK, queue, arg->task);
}

THS_MODULE(sched_mine, "sched.mine", 1, 0,
	   THS_PROVIDES(sched, .admit = mine_admit, .pick = mine_pick, .tick = mine_tick,
			.remove = mine_remove),
	   THS_TABLE(QUEUE, "sched.queue/1", struct sched_queue, .flags = THS_PER_CPU),
	   THS_TABLE(LINK, "sched.link/1", struct sched_link, .rows = SCHED_TASKS_MAX,
		     .flags = THS_FIXED));

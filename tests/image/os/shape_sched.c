/*
 * sched.one, sched.many - every runnable task in its turn, from one queue for all CPUs, or
 * (MANY) from a queue per CPU, whose rows are those of any policy. Each adopts the other's
 * tasks; they all are the CPU's that evolves, until nano_core admits them elsewhere.
 */
#include <theseus/iface/sched.h>
#include <theseus/iface/sched_queue.h>
#include <theseus/module.h>

enum { QUEUE, LINK, OTHER };

#define ONE_TABLE(slot_) THS_TABLE(slot_, "shape.sched/1", struct sched_queue)
#define MANY_TABLE(slot_)                                                                \
	THS_TABLE(slot_, "sched.queue/1", struct sched_queue, .flags = THS_PER_CPU)

static enum ths_err admit(struct ths_call *call, struct sched_admit *arg)
{
	struct sched_admit at = *arg;

#ifndef MANY
	at.cpu = 0;
#endif
	return sched_queue_admit(call, QUEUE, LINK, &at);
}

static enum ths_err pick(struct ths_call *call, struct sched_pick *arg)
{
	uint32_t cpu = arg->cpu;
	enum ths_err err;

#ifndef MANY
	arg->cpu = 0;
#endif
	err = sched_queue_pick(call, QUEUE, LINK, arg);
	arg->cpu = cpu;
	return err;
}

static enum ths_err tick(struct ths_call *call, struct sched_tick *arg)
{
	(void)call;
	arg->resched = arg->ticks >= 4;
	return THS_OK;
}

static enum ths_err forget(struct ths_call *call, struct sched_remove *arg)
{
	struct sched_remove at = *arg;

#ifndef MANY
	at.cpu = 0;
#endif
	return sched_queue_remove(call, QUEUE, LINK, &at);
}

static enum ths_err adopt(struct ths_call *call)
{
	uint32_t mine = ths_call_cpu(call), from = 0, to = 0;
	struct sched_queue *old, *queue;

#ifdef MANY
	to = mine;
#else
	from = mine;
#endif
	THS_TRY(ths_row_write(call, OTHER, from, &old));
	THS_TRY(ths_row_write(call, QUEUE, to, &queue));
	*queue = *old;
	*old = (struct sched_queue){.picks = old->picks};
	return THS_OK;
}

#define SCHED(token_, id_, own_, other_)                                                 \
	THS_MODULE(token_, id_, 1, 0,                                                    \
		   THS_PROVIDES(sched, .admit = admit, .pick = pick, .tick = tick,       \
				.remove = forget),                                       \
		   own_(QUEUE),                                                          \
		   THS_TABLE(LINK, "sched.link/1", struct sched_link,                    \
			     .rows = SCHED_TASKS_MAX, .flags = THS_FIXED),               \
		   other_(OTHER), .adopt = adopt)
#ifdef MANY
SCHED(sched_many, "sched.many", MANY_TABLE, ONE_TABLE);
#else
SCHED(sched_one, "sched.one", ONE_TABLE, MANY_TABLE);
#endif

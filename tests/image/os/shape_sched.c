/*
 * sched.one, sched.many - every runnable task in its turn, from one queue for all CPUs, or
 * (MANY) from a queue per CPU, whose rows are those of any policy. Each adopts the other's
 * tasks: CPU by CPU they stand behind each other, and in turn they are dealt to those CPUs
 * that have ever picked.
 */
#include <theseus/arch.h> /* THS_CPU_MAX */
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

#ifdef MANY
/* After @cpu the next one that has ever picked; ours while there is none. */
static enum ths_err next_cpu(struct ths_call *call, uint32_t *cpu)
{
	const struct sched_queue *queue;

	for (uint32_t i = 0; i < THS_CPU_MAX; i++) {
		*cpu = (*cpu + 1) % THS_CPU_MAX;
		THS_TRY(ths_row_read(call, QUEUE, *cpu, &queue));
		if (queue->picks)
			return THS_OK;
	}
	*cpu = ths_call_cpu(call);
	return THS_OK;
}

static enum ths_err adopt(struct ths_call *call)
{
	struct sched_queue *one, *queue;
	uint32_t task, cpu = 0;
	enum ths_err err;

	THS_TRY(ths_row_write(call, OTHER, 0, &one));
	while ((err = sched_queue_pop(call, LINK, one, &task)) == THS_OK) {
		THS_TRY(next_cpu(call, &cpu));
		THS_TRY(ths_row_write(call, QUEUE, cpu, &queue));
		THS_TRY(sched_queue_push(call, LINK, queue, task));
	}
	return err == THS_E_NOENT ? THS_OK : err;
}
#else
static enum ths_err empty_into(struct ths_call *call, struct sched_queue *from,
			       struct sched_queue *to)
{
	uint32_t task;
	enum ths_err err;

	while ((err = sched_queue_pop(call, LINK, from, &task)) == THS_OK)
		THS_TRY(sched_queue_push(call, LINK, to, task));
	return err == THS_E_NOENT ? THS_OK : err;
}

static enum ths_err adopt(struct ths_call *call)
{
	struct sched_queue *one, *queue;

	THS_TRY(ths_row_write(call, QUEUE, 0, &one));
	for (uint32_t cpu = 0; cpu < THS_CPU_MAX; cpu++) {
		THS_TRY(ths_row_write(call, OTHER, cpu, &queue));
		THS_TRY(empty_into(call, queue, one));
	}
	return THS_OK;
}
#endif

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

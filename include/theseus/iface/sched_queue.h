/*
 * sched_queue - the queue every policy keeps, and keeps in the same form.
 *
 * What lies in the rows "sched.queue/1" and "sched.link/1" is part of the interface
 * sched/1 (S3 in sched.h); so is how it is changed. A policy decides who goes in where
 * and when; the steps are these, inline, for the sake of the context switch.
 *
 * Invariants
 *   Q1  The order is: ring from @first, then overflow list from @head to @tail.
 *   Q2  overflow > 0 implies count == SCHED_RING.
 *   Q3  A task in the ring has no link row in use; link.queued says the rest.
 *
 * Cost: with at most SCHED_RING tasks no link row is read or written. Beyond that an
 * operation writes at most three of them, however many tasks there are.
 */
#pragma once

#include <stdbool.h>
#include <theseus/iface/sched.h>
#include <theseus/module.h>

/* Whether @task is in the ring. */
THS_INLINE bool sched_queue_in_ring(const struct sched_queue *queue, uint32_t task,
				    unsigned *at)
{
	for (unsigned i = 0; i < queue->count; i++) {
		if (queue->ring[(queue->first + i) % SCHED_RING] == task) {
			*at = i;
			return true;
		}
	}
	return false;
}

/* The end of the overflow list takes one more. @links: number of the link table. */
THS_INLINE THS_MUST_CHECK enum ths_err sched_queue_spill_over(struct ths_call *call,
							      unsigned links,
							      struct sched_queue *queue,
							      uint32_t task)
{
	struct sched_link *link, *last;

	THS_TRY(ths_row_write(call, links, task, &link));
	if (link->queued)
		return THS_E_EXIST;
	link->queued = 1;
	if (queue->overflow > 0) {
		THS_TRY(ths_row_write(call, links, queue->tail, &last));
		last->next = (uint16_t)task;
		link->prev = queue->tail;
	} else {
		queue->head = (uint16_t)task;
	}
	queue->tail = (uint16_t)task;
	queue->overflow++;
	return THS_OK;
}

/* The overflow list, which is not empty, gives up @task. */
THS_INLINE THS_MUST_CHECK enum ths_err sched_queue_unlink(struct ths_call *call,
							  unsigned links,
							  struct sched_queue *queue,
							  uint32_t task)
{
	struct sched_link *link, *other;

	THS_TRY(ths_row_write(call, links, task, &link));
	if (!link->queued)
		return THS_E_NOENT;
	link->queued = 0;
	queue->overflow--;
	if (task == queue->head) {
		queue->head = link->next;
	} else {
		THS_TRY(ths_row_write(call, links, link->prev, &other));
		other->next = link->next;
	}
	if (task == queue->tail) {
		queue->tail = link->prev;
	} else {
		THS_TRY(ths_row_write(call, links, link->next, &other));
		other->prev = link->prev;
	}
	return THS_OK;
}

/* One has left the ring, whose count still says otherwise: the overflow list fills the
 * last place (Q2), or the ring is shorter now. */
THS_INLINE THS_MUST_CHECK enum ths_err
sched_queue_close_up(struct ths_call *call, unsigned links, struct sched_queue *queue)
{
	uint16_t task = queue->head;

	if (THS_LIKELY(queue->overflow == 0)) {
		queue->count--;
		return THS_OK;
	}
	THS_TRY(sched_queue_unlink(call, links, queue, task));
	queue->ring[(queue->first + queue->count - 1u) % SCHED_RING] = task;
	return THS_OK;
}

/**
 * sched_queue_push() - @task becomes the last
 *
 * Return: THS_OK; THS_E_INVAL no such task; THS_E_EXIST it is in the queue, which stays
 *         as it is (S1).
 */
THS_INLINE THS_MUST_CHECK enum ths_err sched_queue_push(struct ths_call *call,
							unsigned links,
							struct sched_queue *queue,
							uint32_t task)
{
	unsigned at;

	if (THS_UNLIKELY(task >= SCHED_TASKS_MAX))
		return THS_E_INVAL;
	if (THS_UNLIKELY(sched_queue_in_ring(queue, task, &at)))
		return THS_E_EXIST;
	if (THS_UNLIKELY(queue->count >= SCHED_RING))
		return sched_queue_spill_over(call, links, queue, task);
	queue->ring[(queue->first + queue->count) % SCHED_RING] = (uint16_t)task;
	queue->count++;
	return THS_OK;
}

/**
 * sched_queue_pop() - the first leaves
 *
 * Return: THS_OK; THS_E_NOENT the queue is empty.
 */
THS_INLINE THS_MUST_CHECK enum ths_err sched_queue_pop(struct ths_call *call,
						       unsigned links,
						       struct sched_queue *queue,
						       uint32_t *task)
{
	if (queue->count == 0)
		return THS_E_NOENT;
	*task = queue->ring[queue->first % SCHED_RING];
	queue->first = (uint16_t)((queue->first + 1u) % SCHED_RING);
	return sched_queue_close_up(call, links, queue);
}

/**
 * sched_queue_take() - @task leaves, wherever it stands; the others keep their order
 *
 * Return: THS_OK; THS_E_NOENT it is not in the queue.
 */
THS_INLINE THS_MUST_CHECK enum ths_err sched_queue_take(struct ths_call *call,
							unsigned links,
							struct sched_queue *queue,
							uint32_t task)
{
	unsigned at;

	if (task >= SCHED_TASKS_MAX)
		return THS_E_NOENT;
	if (!sched_queue_in_ring(queue, task, &at))
		return queue->overflow == 0
			       ? THS_E_NOENT
			       : sched_queue_unlink(call, links, queue, task);
	for (; at + 1 < queue->count; at++)
		queue->ring[(queue->first + at) % SCHED_RING] =
			queue->ring[(queue->first + at + 1) % SCHED_RING];
	return sched_queue_close_up(call, links, queue);
}

/* One who is queued already stays where it is: naming it twice would break S1, refusing
 * to go on would stop the CPU. */
THS_INLINE THS_MUST_CHECK enum ths_err sched_queue_ensure(struct ths_call *call,
							  unsigned links,
							  struct sched_queue *queue,
							  uint32_t task)
{
	enum ths_err err = sched_queue_push(call, links, queue, task);

	return err == THS_E_EXIST ? THS_OK : err;
}

/*
 * sched.admit, .pick and .remove of a policy that serves in the order of the queue, on its
 * tables @queues and @links: who woke goes to the end, then who runs, then the first is
 * named.
 */
THS_INLINE THS_MUST_CHECK enum ths_err sched_queue_admit(struct ths_call *call,
							 unsigned queues, unsigned links,
							 const struct sched_admit *arg)
{
	struct sched_queue *queue;

	THS_TRY(ths_row_write(call, queues, arg->cpu, &queue));
	return sched_queue_push(call, links, queue, arg->task);
}

THS_INLINE THS_MUST_CHECK enum ths_err sched_queue_pick(struct ths_call *call,
							unsigned queues, unsigned links,
							struct sched_pick *arg)
{
	struct sched_queue *queue;

	THS_TRY(ths_row_write(call, queues, arg->cpu, &queue));
	if (arg->admit)
		THS_TRY(sched_queue_ensure(call, links, queue, arg->admit - 1));
	arg->admit = 0;
	if (arg->prev_runnable)
		THS_TRY(sched_queue_ensure(call, links, queue, arg->prev));
	THS_TRY(sched_queue_pop(call, links, queue, &arg->next));
	queue->picks++;
	return THS_OK;
}

THS_INLINE THS_MUST_CHECK enum ths_err sched_queue_remove(struct ths_call *call,
							  unsigned queues, unsigned links,
							  const struct sched_remove *arg)
{
	struct sched_queue *queue;

	THS_TRY(ths_row_write(call, queues, arg->cpu, &queue));
	return sched_queue_take(call, links, queue, arg->task);
}

/* Whether a queue is one these functions made (Q2), for self-tests. */
THS_INLINE bool sched_queue_is_sound(const struct sched_queue *queue)
{
	return queue->count <= SCHED_RING && queue->first < SCHED_RING &&
	       (queue->overflow == 0 || queue->count == SCHED_RING);
}

/*
 * dfqueue - many producers, one consumer, and either side may die at any time.
 *
 * The decoupled fault-tolerant queue of Boos & Zhong (PLOS 2017). A consumer that took
 * items out would hold them when it dies. So it takes nothing: it *peeks* at the oldest
 * item, does what that asks for, and then says that it is *completed*. Until then the
 * item is where its producer put it, and any successor of the consumer peeks at the same.
 *
 * Items are numbered from 0 by tickets. There are two counts, and each is written by one
 * side only; so the producers may be ordinary operations and the consumer a device's
 * (P9), or the other way round:
 *
 *	done  <=  put            tickets done..put-1 are queued, in a ring of item rows
 *
 * One set of tables has a family of queues, numbered from 0: one for each CPU, device or
 * priority. Queue Q has row Q of the two counts, and items Q * @items on.
 *
 * As an *interrupt inbox* its producer is a device operation, and its consumer is not: the
 * tables of @put and @item are THS_HARDWARE, that of @done is THS_HARDWARE | THS_REQUEST.
 * With a queue per CPU no two producers meet. What finds the inbox full (THS_E_AGAIN)
 * stays with the device, which asks again when it is kicked.
 *
 * Where an item must not vanish with the queue (one in THS_SOFT tables, or in
 * THS_PER_INSTANCE ones, which a swap leaves behind), it is a *parcel*: a row that the
 * producing client owns, while the queue holds a weak reference to it. Then whatever
 * becomes of the consumer, its queue included, an item is done, or it is queued, or its
 * producer learns that it is neither and puts it again; and when the producer dies, so do
 * its parcels, which the consumer passes over.
 *
 * Invariants
 *   D1  The items of a queue are completed in the order of their tickets, each once.
 *   D2  At any moment an item is queued or done, whoever died: nothing is in between.
 *   D3  The consumer writes `done` and nothing else; producers never write it.
 *   D4  Where peek, work and complete are one interaction the work is done exactly once;
 *       where the work is outside of it, at least once, and a consumer that comes too
 *       late with its completion is told so (THS_E_STALE).
 *   D5  A parcel is done at most once, however often it was put again.
 *   D6  A call that fails has changed nothing, also where the module goes on.
 *
 * Use: three tables, named by a const struct ths_dfqueue; ths_dfqueue_put() and _wait()
 * by producers, _peek() and _complete() by the consumer; with parcels a fourth table and
 * _post(), _look(), _repost(), _withdraw() by producers, _next() and _finish().
 *
 * Context of all: inside an operation. They return the errors of ths_row_read(), those
 * that write also those of ths_row_write(); THS_E_NOENT: no such queue.
 *
 * See ths_dfqueue(9), theseus-patterns(7); tests/unit/patterns/dfqueue_test.c shows D1-D5,
 * dfqueue_short_test.c D6.
 */
#pragma once

#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>
#include <theseus/module.h>

/* Row types. Zeroed rows are an empty queue. */
struct ths_dfqueue_count { /* two tables, put and done: THS_FIXED, a row for each queue */
	uint64_t count;
};
struct ths_dfqueue_item { /* a THS_FIXED table of queues * items rows; each row is ... */
	uint64_t ticket;
	uint32_t len;      /* bytes in use */
	uint32_t reserved; /* ... this, and behind it as many bytes as an item may have */
};
struct ths_dfqueue_parcel { /* a THS_JOINT table; each row is ... */
	uint64_t ticket;    /* where it was put last */
	uint32_t queue;
	uint16_t len;       /* bytes in use */
	uint16_t done;      /* 1; ... this, and behind it the bytes */
};

/* A row type whose items take @bytes_: THS_DFQUEUE_ROW(struct ths_dfqueue_item, 24). */
#define THS_DFQUEUE_ROW(head_, bytes_)                                                   \
	struct {                                                                         \
		head_ head;                                                              \
		uint8_t bytes[bytes_];                                                   \
	}

/* Where a family of queues lies: numbers of tables in the module's descriptor. */
struct ths_dfqueue {
	unsigned put, done, item;
	uint32_t items;      /* that one queue may hold, at least 1 */
	uint32_t bytes;      /* of an item; with parcels sizeof(struct ths_weak) */
	unsigned parcel;     /* the table of parcels; not used without them */
	uint32_t parcel_len; /* bytes of a parcel, at most UINT16_MAX */
};

/**
 * ths_dfqueue_put() - one more item, behind all others
 * @which:  number of the queue
 * @bytes:  @len of them, at most the queue's @bytes
 * @ticket: out: its number
 *
 * Return: THS_OK; THS_E_AGAIN the queue is full, and the client sleeps until an item is
 *         completed; THS_E_SIZE @len.
 */
THS_MUST_CHECK enum ths_err ths_dfqueue_put(struct ths_call *call,
					    const struct ths_dfqueue *queue, uint32_t which,
					    const void *bytes, uint32_t len,
					    uint64_t *ticket);

/**
 * ths_dfqueue_peek() - the oldest item that is not done; it stays where it is
 * @bytes: out: room for the queue's @bytes
 *
 * Return: THS_OK; THS_E_AGAIN the queue is empty, and the client sleeps until an item is
 *         put; THS_E_INTERNAL the rows contradict each other.
 */
THS_MUST_CHECK enum ths_err ths_dfqueue_peek(struct ths_call *call,
					     const struct ths_dfqueue *queue,
					     uint32_t which, void *bytes, uint32_t *len,
					     uint64_t *ticket);

/**
 * ths_dfqueue_complete() - what the item asked for is done
 * @ticket: from ths_dfqueue_peek()
 *
 * Return: THS_OK; THS_E_STALE somebody completed it before (D4); THS_E_INVAL it is not
 *         the oldest, or no such item so far.
 */
THS_MUST_CHECK enum ths_err ths_dfqueue_complete(struct ths_call *call,
						 const struct ths_dfqueue *queue,
						 uint32_t which, uint64_t ticket);

/**
 * ths_dfqueue_wait() - whether an item is done
 *
 * Return: THS_OK it is; THS_E_AGAIN it is queued, and the client sleeps until one is
 *         completed; THS_E_INVAL no such item so far.
 */
THS_MUST_CHECK enum ths_err ths_dfqueue_wait(struct ths_call *call,
					     const struct ths_dfqueue *queue,
					     uint32_t which, uint64_t ticket);

/* ---- parcels --------------------------------------------------------------------------- */

/**
 * ths_dfqueue_post() - a parcel of the calling client's, put behind all others
 * @bytes:  @len of them, at most the queue's @parcel_len
 * @parcel: out: what the client names it by; may lie in its blob
 *
 * Return: THS_OK; THS_E_AGAIN, THS_E_SIZE as ths_dfqueue_put(); THS_E_FULL no room for a
 *         parcel; THS_E_QUOTA the client owns as many rows as it may.
 */
THS_MUST_CHECK enum ths_err ths_dfqueue_post(struct ths_call *call,
					     const struct ths_dfqueue *queue,
					     uint32_t which, const void *bytes,
					     uint32_t len, struct ths_weak *parcel);

/**
 * ths_dfqueue_look() - what has become of a parcel
 *
 * Return: THS_OK it is done; THS_E_AGAIN it is queued, and the client sleeps until that
 *         changes; THS_E_NOENT it is neither: the queue that held it is gone;
 *         THS_E_STALE there is no such parcel any more.
 */
THS_MUST_CHECK enum ths_err ths_dfqueue_look(struct ths_call *call,
					     const struct ths_dfqueue *queue,
					     struct ths_weak parcel);

/**
 * ths_dfqueue_repost() - a parcel that was lost is put again, behind all others
 *
 * Return: THS_OK; THS_E_EXIST it is not lost; THS_E_AGAIN the queue is full; THS_E_STALE.
 */
THS_MUST_CHECK enum ths_err ths_dfqueue_repost(struct ths_call *call,
					       const struct ths_dfqueue *queue,
					       struct ths_weak parcel);
/* The parcel goes, done or not; a consumer that has not met it never will. THS_E_STALE. */
THS_MUST_CHECK enum ths_err ths_dfqueue_withdraw(struct ths_call *call,
						 const struct ths_dfqueue *queue,
						 struct ths_weak parcel);

/**
 * ths_dfqueue_next() - the oldest parcel that is not done; it stays where it is
 * @bytes: out: room for the queue's @parcel_len
 *
 * Entries whose parcels are gone, or were put again elsewhere, are completed on the way. If
 * nothing came behind them @parcel is of generation 0: the operation returns THS_OK, for by
 * an error they would be back, and producers wait for their places; then it asks again.
 *
 * Return: THS_OK; THS_E_AGAIN there is none; THS_E_INTERNAL.
 */
THS_MUST_CHECK enum ths_err ths_dfqueue_next(struct ths_call *call,
					     const struct ths_dfqueue *queue,
					     uint32_t which, void *bytes, uint32_t *len,
					     struct ths_weak *parcel);
/* The parcel, from ths_dfqueue_next(), is done. THS_E_STALE: it is gone, or was done
 * before; THS_E_INVAL: it is not the oldest. */
THS_MUST_CHECK enum ths_err ths_dfqueue_finish(struct ths_call *call,
					       const struct ths_dfqueue *queue,
					       struct ths_weak parcel);

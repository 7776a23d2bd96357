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
 * Invariants
 *   D1  Items are completed in the order of their tickets, each once.
 *   D2  At any moment an item is queued or done, whoever died: nothing is in between.
 *   D3  The consumer writes `done` and nothing else; producers never write it.
 *   D4  Where peek, work and complete are one interaction the work is done exactly once;
 *       where the work is outside of it, at least once, and a consumer that comes too
 *       late with its completion is told so (THS_E_STALE).
 *
 * Use: three tables, named by a const struct ths_dfqueue; ths_dfqueue_put() and _wait()
 * by producers, _peek() and _complete() by the consumer.
 * See theseus_patterns(7); tests/unit/patterns/dfqueue_test.c shows D1-D4.
 */
#pragma once

#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>
#include <theseus/module.h>

#define THS_DFQUEUE_BYTES 48u /* of an item */

/* Row types. Zeroed rows are an empty queue. */
struct ths_dfqueue_count { /* two tables of one row each: put, done */
	uint64_t count;
};
struct ths_dfqueue_item { /* a THS_FIXED table of as many rows as may be queued */
	uint64_t ticket;
	uint32_t len; /* bytes in use */
	uint32_t reserved;
	uint8_t bytes[THS_DFQUEUE_BYTES];
};

/* Where a queue lies: numbers of tables in the module's descriptor. */
struct ths_dfqueue {
	unsigned put, done, item;
	uint32_t items; /* rows of the item table, at least 1 */
};

/**
 * ths_dfqueue_put() - one more item, behind all others
 * @bytes: at most THS_DFQUEUE_BYTES
 * @ticket: out: its number
 *
 * Return: THS_OK; THS_E_AGAIN the queue is full, and the client sleeps until an item is
 *         completed; THS_E_SIZE @len; the errors of ths_row_write().
 */
THS_MUST_CHECK enum ths_err ths_dfqueue_put(struct ths_call *call,
					    const struct ths_dfqueue *queue,
					    const void *bytes, uint32_t len,
					    uint64_t *ticket);

/**
 * ths_dfqueue_peek() - the oldest item that is not done; it stays where it is
 * @bytes: out: room for THS_DFQUEUE_BYTES
 *
 * Return: THS_OK; THS_E_AGAIN the queue is empty, and the client sleeps until an item is
 *         put; THS_E_INTERNAL the rows contradict each other; those of ths_row_read().
 */
THS_MUST_CHECK enum ths_err ths_dfqueue_peek(struct ths_call *call,
					     const struct ths_dfqueue *queue, void *bytes,
					     uint32_t *len, uint64_t *ticket);

/**
 * ths_dfqueue_complete() - what the item asked for is done
 * @ticket: from ths_dfqueue_peek()
 *
 * Return: THS_OK; THS_E_STALE somebody completed it before (D4); THS_E_INVAL it is not
 * the oldest, or no such item so far; the errors of ths_row_write().
 */
THS_MUST_CHECK enum ths_err ths_dfqueue_complete(struct ths_call *call,
						 const struct ths_dfqueue *queue,
						 uint64_t ticket);

/**
 * ths_dfqueue_wait() - whether an item is done
 *
 * Return: THS_OK it is; THS_E_AGAIN it is queued, and the client sleeps until one is
 *         completed; THS_E_INVAL no such item so far; the errors of ths_row_read().
 */
THS_MUST_CHECK enum ths_err
ths_dfqueue_wait(struct ths_call *call, const struct ths_dfqueue *queue, uint64_t ticket);

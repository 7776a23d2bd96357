/*
 * ring - a queue of bytes whose state is three numbers.
 *
 * The usual ring holds a pointer to its buffer, and so could not be a row of state_db.
 * This one holds none: the buffer comes along with each call. A row with a ring and an
 * array of bytes is a queue that survives the module that serves it.
 *
 * Invariants
 *   R1  Bytes leave in the order in which they came, each once.
 *   R2  0 <= used <= size; head and tail count bytes ever read and written, modulo 2^32.
 *   R3  Whatever stands in head and tail, no byte outside the buffer is touched.
 *   R4  Writing takes what fits and says how much; it never overwrites.
 *
 * Use: ths_ring_init() once, ths_ring_write() and ths_ring_read().
 * See tests/unit/base/ring_test.c shows R1-R4.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>

struct ths_ring {
	uint32_t size; /* of the buffer in bytes: a power of two, at most 2^31 */
	uint32_t head; /* bytes ever read */
	uint32_t tail; /* bytes ever written */
};

/**
 * ths_ring_init() - an empty ring over @size bytes
 * @size: a power of two, 1..2^31
 *
 * Context: any.
 * Return:  THS_OK;
 *          THS_E_INVAL  @size is not a power of two or too large.
 */
THS_MUST_CHECK enum ths_err ths_ring_init(struct ths_ring *ring, size_t size);

/**
 * ths_ring_used() - bytes that can be read
 * ths_ring_room() - bytes that can be written
 *
 * Context: any; callers serialise.
 */
THS_INLINE uint32_t ths_ring_used(const struct ths_ring *ring)
{
	uint32_t used = ring->tail - ring->head;

	return used <= ring->size ? used : ring->size;
}

THS_INLINE uint32_t ths_ring_room(const struct ths_ring *ring)
{
	return ring->size - ths_ring_used(ring);
}

/**
 * ths_ring_write() - append bytes
 * ths_ring_read()  - take the oldest bytes out
 * ths_ring_peek()  - the same and leave them in
 * @ring: from ths_ring_init()
 * @data: the ring's buffer, @ring->size bytes
 * @from: what to append; may be NULL when @len is 0
 * @into: where to put them; may be NULL when @len is 0
 * @len:  at most so many bytes
 *
 * Context: any; callers serialise.
 * Return:  bytes moved, 0..@len.
 */
size_t ths_ring_write(struct ths_ring *ring, void *data, const void *from, size_t len);
size_t ths_ring_read(struct ths_ring *ring, const void *data, void *into, size_t len);
size_t ths_ring_peek(const struct ths_ring *ring, const void *data, void *into,
		     size_t len);

/*
 * ring - moving bytes in and out, in at most two pieces each.
 *
 * R3 rests on one line: a position is always masked with size - 1. A row may have been
 * restored from a damaged image; the counters then are nonsense, and the worst that
 * comes of it is nonsense read from the right buffer.
 */
#include <theseus/bits.h>
#include <theseus/ring.h>
#include <theseus/string.h>

enum ths_err ths_ring_init(struct ths_ring *ring, size_t size)
{
	if (!ths_bits_is_pow2(size) || size > (size_t)1 << 31)
		return THS_E_INVAL;

	ring->size = (uint32_t)size;
	ring->head = 0;
	ring->tail = 0;
	return THS_OK;
}

/* How many of @len bytes lie before the buffer's end, counted from @pos. */
static size_t ring_first_piece(const struct ths_ring *ring, uint32_t pos, size_t len)
{
	size_t until_end = ring->size - pos;

	return len < until_end ? len : until_end;
}

size_t ths_ring_write(struct ths_ring *ring, void *data, const void *from, size_t len)
{
	size_t room = ths_ring_room(ring);

	if (len > room)
		len = room;
	if (len == 0)
		return 0;

	uint32_t pos = ring->tail & (ring->size - 1);
	size_t piece = ring_first_piece(ring, pos, len);

	memcpy((unsigned char *)data + pos, from, piece);
	memcpy(data, (const unsigned char *)from + piece, len - piece);
	ring->tail += (uint32_t)len;
	return len;
}

size_t ths_ring_peek(const struct ths_ring *ring, const void *data, void *into,
		     size_t len)
{
	size_t used = ths_ring_used(ring);

	if (len > used)
		len = used;
	if (len == 0)
		return 0;

	uint32_t pos = ring->head & (ring->size - 1);
	size_t piece = ring_first_piece(ring, pos, len);

	memcpy(into, (const unsigned char *)data + pos, piece);
	memcpy((unsigned char *)into + piece, data, len - piece);
	return len;
}

size_t ths_ring_read(struct ths_ring *ring, const void *data, void *into, size_t len)
{
	len = ths_ring_peek(ring, data, into, len);
	ring->head += (uint32_t)len;
	return len;
}

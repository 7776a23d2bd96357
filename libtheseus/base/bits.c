/*
 * bits - the searches of <theseus/bits.h>.
 *
 * All searches are one: look for a set bit in words that are taken as they are or
 * inverted. A hit beyond the count is a miss (B1), so that the tail of the last word
 * needs no masking.
 */
#include <theseus/bits.h>

static size_t bits_find(const uint64_t *map, size_t count, size_t from, uint64_t invert)
{
	if (from >= count)
		return THS_BITS_NONE;

	size_t word = from / 64;
	uint64_t bits = (map[word] ^ invert) & (~(uint64_t)0 << (from % 64));

	while (bits == 0) {
		if (++word == THS_BITS_WORDS(count))
			return THS_BITS_NONE;
		bits = map[word] ^ invert;
	}

	size_t bit = word * 64 + ths_bits_ctz(bits);

	return bit < count ? bit : THS_BITS_NONE;
}

size_t ths_bits_find_set(const uint64_t *map, size_t count, size_t from)
{
	return bits_find(map, count, from, 0);
}

size_t ths_bits_find_clear(const uint64_t *map, size_t count, size_t from)
{
	return bits_find(map, count, from, ~(uint64_t)0);
}

size_t ths_bits_find_clear_run(const uint64_t *map, size_t count, size_t from, size_t run)
{
	if (run == 0)
		return THS_BITS_NONE;

	for (;;) {
		size_t start = ths_bits_find_clear(map, count, from);

		if (start == THS_BITS_NONE || count - start < run)
			return THS_BITS_NONE;

		size_t end = ths_bits_find_set(map, count, start);

		if (end == THS_BITS_NONE || end - start >= run)
			return start;
		from = end;
	}
}

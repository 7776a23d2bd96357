/*
 * bits - counting, aligning, and bitmaps of any length.
 *
 * A bitmap is an array of uint64_t and a count of bits; both belong to the caller, so a
 * bitmap can be a row of state_db. Bit i is bit i % 64 of word i / 64.
 *
 * Invariants
 *   B1  A find looks at bits below the count only; what stands in the rest of the last
 *       word is neither read as an answer nor written.
 *   B2  Nothing here is undefined for 0: counting zeros of 0 gives the width, 64.
 *   B3  Aligning up reports nothing when it overflows: it wraps to 0, and callers that
 *       take an address from outside test for that.
 *
 * Use: ths_bits_find_clear() and ths_bits_set() make an allocator of slots.
 * See tests/unit/base/bits_test.c shows B1-B3.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <theseus/attr.h>

#define THS_BITS_WORDS(count) (((size_t)(count) + 63) / 64) /* words of a bitmap */
#define THS_BITS_NONE         SIZE_MAX                      /* a find found nothing */

/**
 * ths_bits_ctz() - zeros below the lowest set bit; 64 for 0
 * ths_bits_clz() - zeros above the highest set bit; 64 for 0
 * ths_bits_count() - how many bits are set
 * ths_bits_is_pow2() - whether exactly one bit is set
 * ths_bits_log2() - the number of the highest set bit, rounded down; 0 for 0
 *
 * Context: any.
 */
THS_INLINE unsigned ths_bits_ctz(uint64_t x)
{
	return x ? (unsigned)__builtin_ctzll(x) : 64;
}

THS_INLINE unsigned ths_bits_clz(uint64_t x)
{
	return x ? (unsigned)__builtin_clzll(x) : 64;
}

/* Written out: without -mpopcnt the compiler's builtin is a call into libgcc. */
THS_INLINE unsigned ths_bits_count(uint64_t x)
{
	x -= (x >> 1) & 0x5555555555555555u;
	x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
	return (unsigned)((x * 0x0101010101010101u) >> 56);
}

THS_INLINE bool ths_bits_is_pow2(uint64_t x)
{
	return x != 0 && (x & (x - 1)) == 0;
}

THS_INLINE unsigned ths_bits_log2(uint64_t x)
{
	return 63 - ths_bits_clz(x | 1);
}

/**
 * ths_bits_align_down() - the multiple of @align at or below @x
 * ths_bits_align_up()   - the multiple of @align at or above @x; 0 when there is none
 * (B3) ths_bits_is_aligned() - whether @x is a multiple of @align
 * @align: a power of two
 *
 * Context: any.
 */
THS_INLINE uint64_t ths_bits_align_down(uint64_t x, uint64_t align)
{
	return x & ~(align - 1);
}

THS_INLINE uint64_t ths_bits_align_up(uint64_t x, uint64_t align)
{
	return (x + align - 1) & ~(align - 1);
}

THS_INLINE bool ths_bits_is_aligned(uint64_t x, uint64_t align)
{
	return (x & (align - 1)) == 0;
}

/**
 * ths_bits_test()  - whether bit @bit is set
 * ths_bits_set()   - set bit @bit
 * ths_bits_clear() - clear bit @bit
 * @map: the words
 * @bit: below the count the words were made for; the caller answers for that
 *
 * Context: any; not atomic.
 */
THS_INLINE bool ths_bits_test(const uint64_t *map, size_t bit)
{
	return (map[bit / 64] >> (bit % 64)) & 1;
}

THS_INLINE void ths_bits_set(uint64_t *map, size_t bit)
{
	map[bit / 64] |= (uint64_t)1 << (bit % 64);
}

THS_INLINE void ths_bits_clear(uint64_t *map, size_t bit)
{
	map[bit / 64] &= ~((uint64_t)1 << (bit % 64));
}

/**
 * ths_bits_find_set()   - the lowest set bit at or above @from
 * ths_bits_find_clear() - the lowest clear bit at or above @from
 * @map:   the words; only read
 * @count: bits in the map
 * @from:  where to begin; @count and more find nothing
 *
 * Context: any; takes a step per word.
 * Return:  the bit's number, below @count, or THS_BITS_NONE.
 */
size_t ths_bits_find_set(const uint64_t *map, size_t count, size_t from);
size_t ths_bits_find_clear(const uint64_t *map, size_t count, size_t from);

/**
 * ths_bits_find_clear_run() - the lowest run of @run clear bits at or above @from
 * @run: length of the run; 0 finds nothing
 *
 * Otherwise as ths_bits_find_clear().
 */
size_t ths_bits_find_clear_run(const uint64_t *map, size_t count, size_t from,
			       size_t run);

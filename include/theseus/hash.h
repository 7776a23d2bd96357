/*
 * hash - spreading keys over tables.
 *
 * Fast and seeded, not a defence: who can choose keys and see times can make them
 * collide. Where that matters use <theseus/siphash.h>; where the contents must be
 * vouched for, <theseus/digest.h>.
 *
 * Invariants
 *   H1  ths_hash_u64() is one to one for a given seed: two keys never collide in all 64
 *       bits, and any 64-bit result has exactly one key.
 *   H2  Each bit of the input changes each bit of the result about every second time.
 *   H3  The result depends on the bytes and their number only, not on their alignment.
 *
 * Use: take the low bits of the result as the bucket.
 * See tests/unit/base/hash_test.c shows H1-H3.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <theseus/attr.h>

/* Odd, about half of the bits set, no pattern: the first 64 bits of the fractional
 * parts of the square roots of 2 and 3, made odd. */
#define THS_HASH_K1 0x6a09e667f3bcc909u
#define THS_HASH_K2 0xbb67ae8584caa73bu

/**
 * ths_hash_u64() - mix a number
 * @seed: any; another seed gives an unrelated order
 * @key:  the number
 *
 * Context: any; about ten instructions.
 * Return:  the mix; undone only by undoing each step (H1).
 */
THS_INLINE uint64_t ths_hash_u64(uint64_t seed, uint64_t key)
{
	uint64_t x = key + seed;

	x = (x ^ x >> 32) * THS_HASH_K1;
	x = (x ^ x >> 29) * THS_HASH_K2;
	return x ^ x >> 32;
}

/**
 * ths_hash_bytes() - mix a string of bytes
 * @seed: as for ths_hash_u64()
 * @data: the bytes; may be NULL when @len is 0
 * @len:  how many
 *
 * Context: any; about a step per eight bytes.
 * Return:  the hash.
 */
uint64_t ths_hash_bytes(uint64_t seed, const void *data, size_t len);

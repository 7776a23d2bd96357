/*
 * hash - the byte-string hash: eight bytes a step, each step one to one in the state.
 *
 * The length goes in first, so a string and the same string with zeros behind it
 * differ; since every step is a permutation, two strings of equal length that differ in
 * a single word never collide.
 */
#include <theseus/hash.h>
#include <theseus/string.h>

static uint64_t hash_step(uint64_t state, uint64_t word)
{
	state = (state ^ word) * THS_HASH_K1;
	return state ^ state >> 29;
}

uint64_t ths_hash_bytes(uint64_t seed, const void *data, size_t len)
{
	const unsigned char *at = data;
	uint64_t state = ths_hash_u64(seed, len);
	uint64_t word;

	for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		state = hash_step(state, word);
	}

	word = 0;
	for (size_t i = 0; i < len; i++)
		word |= (uint64_t)at[i] << (8 * i);
	return ths_hash_u64(seed, hash_step(state, word));
}

/*
 * siphash - SipHash-2-4 over whole words, then over the rest with the length on top.
 *
 * Fourteen operations a round and four rounds per eight bytes at the end and two before:
 * there is nothing to gain but the overhead. Words are therefore loaded as such, four a
 * turn of the loop, and the last, partial one is gathered from two overlapping loads
 * instead of byte by byte.
 */
#include <theseus/siphash.h>
#include <theseus/string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "words are read as they lie in memory");

static inline uint64_t load64(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static inline uint32_t load32(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

#define ROTATE(x, by) ((x) << (by) | (x) >> (64 - (by)))

#define ROUND                                                                            \
	do {                                                                             \
		v0 += v1;                                                                \
		v2 += v3;                                                                \
		v1 = ROTATE(v1, 13) ^ v0;                                                \
		v3 = ROTATE(v3, 16) ^ v2;                                                \
		v0 = ROTATE(v0, 32);                                                     \
		v2 += v1;                                                                \
		v0 += v3;                                                                \
		v1 = ROTATE(v1, 17) ^ v2;                                                \
		v3 = ROTATE(v3, 21) ^ v0;                                                \
		v2 = ROTATE(v2, 32);                                                     \
	} while (0)

/* Up to seven bytes as the low bytes of a word. */
static inline uint64_t load_rest(const uint8_t *at, size_t len)
{
	if (len >= 4) {
		uint64_t high = load32(at + len - 4);

		return load32(at) | high << (8 * (len - 4));
	}
	if (len == 0)
		return 0;
	/* First, middle and last byte: of one to three, all, some of them twice. */
	return at[0] | (uint64_t)at[len / 2] << (8 * (len / 2)) |
	       (uint64_t)at[len - 1] << (8 * (len - 1));
}

uint64_t ths_siphash24(const uint8_t key[THS_SIPHASH_KEY], const void *data, size_t len)
{
	const uint8_t *at = data;
	uint64_t k0 = load64(key), k1 = load64(key + 8);
	/* The paper's constants: "somepseudorandomlygeneratedbytes". */
	uint64_t v0 = k0 ^ 0x736f6d6570736575u, v1 = k1 ^ 0x646f72616e646f6du;
	uint64_t v2 = k0 ^ 0x6c7967656e657261u, v3 = k1 ^ 0x7465646279746573u;
	uint64_t word;

#pragma GCC unroll 4
	for (size_t words = len / 8; words > 0; words--, at += 8) {
		word = load64(at);
		v3 ^= word;
		ROUND;
		ROUND;
		v0 ^= word;
	}

	word = (uint64_t)len << 56 | load_rest(at, len & 7);
	v3 ^= word;
	ROUND;
	ROUND;
	v0 ^= word;

	v2 ^= 0xff;
	ROUND;
	ROUND;
	ROUND;
	ROUND;
	return v0 ^ v1 ^ v2 ^ v3;
}

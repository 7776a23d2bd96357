/*
 * digest - BLAKE2s-256 after RFC 7693.
 *
 * Loading a module is mostly digesting it, so instructions count: a block costs 80
 * mixings of 14 operations, 17.5 a byte, and everything else should be nothing beside
 * that. Hence the rounds are written out with the message schedule as constants, the
 * message words are operands read from where the block lies, and the sixteen words of
 * the working vector are sixteen variables.
 *
 * The bytes of a message word are little-endian (RFC 7693, 2.4); so is every machine
 * this is built for, which the static assertion below holds us to.
 */
#include <theseus/digest.h>
#include <theseus/string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "message words are read as they lie in memory");

/* RFC 7693, 2.6: the first 32 fractional bits of the square roots of 2, 3, 5 … 19. */
#define IV0 0x6a09e667u
#define IV1 0xbb67ae85u
#define IV2 0x3c6ef372u
#define IV3 0xa54ff53au
#define IV4 0x510e527fu
#define IV5 0x9b05688cu
#define IV6 0x1f83d9abu
#define IV7 0x5be0cd19u

static inline uint32_t rotate_right(uint32_t x, unsigned by)
{
	return x >> by | x << (32 - by);
}

/*
 * Where operands lie. On x86 the third row of the working vector (v8 … vb) stays in
 * memory, where an instruction finds it as well as in a register; so do the message
 * words. The other three rows and the pointer to the block then just fit the registers,
 * and nothing is ever spilled. No compiler comes upon that by itself: gcc 12 loads the
 * message into registers first, which it has not got, and takes 1,500 instructions a
 * block; told so, it takes 1,190.
 *
 *   ADD_WORD(a, x)    a += message word x
 *   ADD_XOR(c, d, b)  c += d; b ^= c
 */
#if defined(__x86_64__)
typedef uint32_t THS_MAY_ALIAS THS_ALIGNED(1) word32;

#define ADD_WORD(a, x) __asm__("addl %1, %0" : "+r"(a) : "m"(((const word32 *)block)[x]))
#define ADD_XOR(c, d, b)                                                                 \
	do {                                                                             \
		__asm__("addl %1, %0" : "+m"(c) : "r"(d));                               \
		__asm__("xorl %1, %0" : "+r"(b) : "m"(c));                               \
	} while (0)
#else
static inline uint32_t word_at(const uint8_t *block, unsigned i)
{
	uint32_t word;

	memcpy(&word, block + 4 * i, sizeof(word));
	return word;
}

#define ADD_WORD(a, x) a += word_at(block, x)
#define ADD_XOR(c, d, b)                                                                 \
	do {                                                                             \
		c += d;                                                                  \
		b ^= c;                                                                  \
	} while (0)
#endif

/* One mixing (RFC 7693, 3.1) of a column or a diagonal with two message words. */
#define MIX(a, b, c, d, x, y)                                                            \
	do {                                                                             \
		ADD_WORD(a, x);                                                          \
		a += b;                                                                  \
		d = rotate_right(d ^ a, 16);                                             \
		ADD_XOR(c, d, b);                                                        \
		b = rotate_right(b, 12);                                                 \
		ADD_WORD(a, y);                                                          \
		a += b;                                                                  \
		d = rotate_right(d ^ a, 8);                                              \
		ADD_XOR(c, d, b);                                                        \
		b = rotate_right(b, 7);                                                  \
	} while (0)

/* The four columns, then the four diagonals, of v:
 *   v0  v1  v2  v3
 *   v4  v5  v6  v7
 *   v8  v9  va  vb
 *   vc  vd  ve  vf                                                                   */
#define ROUND(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, sa, sb, sc, sd, se, sf)            \
	do {                                                                             \
		MIX(v0, v4, v8, vc, s0, s1);                                             \
		MIX(v1, v5, v9, vd, s2, s3);                                             \
		MIX(v2, v6, va, ve, s4, s5);                                             \
		MIX(v3, v7, vb, vf, s6, s7);                                             \
		MIX(v0, v5, va, vf, s8, s9);                                             \
		MIX(v1, v6, vb, vc, sa, sb);                                             \
		MIX(v2, v7, v8, vd, sc, sd);                                             \
		MIX(v3, v4, v9, ve, se, sf);                                             \
	} while (0)

/* @count: bytes taken in, those of @block included; @last: 0, or all ones for the end. */
static void digest_block(uint32_t state[8], const uint8_t *block, uint64_t count,
			 uint32_t last)
{
	uint32_t v0 = state[0], v1 = state[1], v2 = state[2], v3 = state[3];
	uint32_t v4 = state[4], v5 = state[5], v6 = state[6], v7 = state[7];
	uint32_t v8 = IV0, v9 = IV1, va = IV2, vb = IV3;
	uint32_t vc = IV4 ^ (uint32_t)count, vd = IV5 ^ (uint32_t)(count >> 32);
	uint32_t ve = IV6 ^ last, vf = IV7;

	/* The message schedule, RFC 7693, 2.7. */
	ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);
	ROUND(11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4);
	ROUND(7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8);
	ROUND(9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13);
	ROUND(2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9);
	ROUND(12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11);
	ROUND(13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10);
	ROUND(6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5);
	ROUND(10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0);

	state[0] ^= v0 ^ v8;
	state[1] ^= v1 ^ v9;
	state[2] ^= v2 ^ va;
	state[3] ^= v3 ^ vb;
	state[4] ^= v4 ^ vc;
	state[5] ^= v5 ^ vd;
	state[6] ^= v6 ^ ve;
	state[7] ^= v7 ^ vf;
}

static void digest_start(struct ths_digest *digest, uint32_t key_len)
{
	static const uint32_t iv[8] = {IV0, IV1, IV2, IV3, IV4, IV5, IV6, IV7};

	memcpy(digest->state, iv, sizeof(iv));
	/* The parameter word: fanout 1, depth 1, lengths of key and result. */
	digest->state[0] ^= 0x01010000u ^ key_len << 8 ^ THS_DIGEST_SIZE;
	digest->fill = 0;
	digest->count = 0;
}

void ths_digest_init(struct ths_digest *digest)
{
	digest_start(digest, 0);
}

enum ths_err ths_digest_init_keyed(struct ths_digest *digest, const void *key, size_t len)
{
	if (len == 0 || len > THS_DIGEST_KEY_MAX)
		return THS_E_INVAL;

	digest_start(digest, (uint32_t)len);
	/* The key, padded to a block, is the first block of the message. */
	memset(digest->block, 0, sizeof(digest->block));
	memcpy(digest->block, key, len);
	digest->fill = THS_DIGEST_BLOCK;
	return THS_OK;
}

void ths_digest_update(struct ths_digest *digest, const void *data, size_t len)
{
	const uint8_t *at = data;
	size_t room = THS_DIGEST_BLOCK - digest->fill;

	if (len == 0)
		return;

	/* The last block is marked as such, so a full one waits until more bytes come. */
	if (digest->fill && len > room) {
		memcpy(digest->block + digest->fill, at, room);
		digest->count += THS_DIGEST_BLOCK;
		digest_block(digest->state, digest->block, digest->count, 0);
		digest->fill = 0;
		at += room;
		len -= room;
	}
	for (; len > THS_DIGEST_BLOCK && digest->fill == 0;
	     at += THS_DIGEST_BLOCK, len -= THS_DIGEST_BLOCK) {
		digest->count += THS_DIGEST_BLOCK;
		digest_block(digest->state, at, digest->count, 0);
	}
	memcpy(digest->block + digest->fill, at, len);
	digest->fill += (uint32_t)len;
}

void ths_digest_final(struct ths_digest *digest, uint8_t out[THS_DIGEST_SIZE])
{
	memset(digest->block + digest->fill, 0, THS_DIGEST_BLOCK - digest->fill);
	digest_block(digest->state, digest->block, digest->count + digest->fill,
		     UINT32_MAX);
	memcpy(out, digest->state, THS_DIGEST_SIZE);

	memset(digest, 0, sizeof(*digest));
	__asm__ volatile("" : : "r"(digest) : "memory"); /* the wipe is no dead store */
}

void ths_digest(uint8_t out[THS_DIGEST_SIZE], const void *data, size_t len)
{
	struct ths_digest digest;

	ths_digest_init(&digest);
	ths_digest_update(&digest, data, len);
	ths_digest_final(&digest, out);
}

bool ths_digest_equal(const uint8_t a[THS_DIGEST_SIZE], const uint8_t b[THS_DIGEST_SIZE])
{
	uint8_t different = 0;

	for (size_t i = 0; i < THS_DIGEST_SIZE; i++)
		different |= a[i] ^ b[i];
	return different == 0;
}

/*
 * digest - BLAKE2s-256: what a run of bytes is, in 32 bytes; with a key, who vouches.
 *
 * The algorithm is that of RFC 7693, "The BLAKE2 Cryptographic Hash and Message
 * Authentication Code (MAC)", with 32-byte output, no salt, no tree. Unkeyed it guards
 * a module file against decay, keyed it admits uploads: who lacks the key cannot make
 * the digest of other bytes.
 *
 * Invariants
 *   D1  The result is BLAKE2s-256 of the concatenated bytes, however they were cut into
 *       updates.
 *   D2  Another key, another byte, another length: another digest.
 *   D3  A finished digest holds neither key nor data any more.
 *
 * Use: ths_digest() for bytes in one piece; init, update, final for others.
 * See tests/unit/base/digest_test.c shows D1-D3.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>

#define THS_DIGEST_SIZE    32 /* bytes of a digest */
#define THS_DIGEST_KEY_MAX 32 /* bytes of the longest key */
#define THS_DIGEST_BLOCK   64 /* bytes taken in at once */

struct ths_digest {
	uint32_t state[8];
	uint32_t fill;  /* bytes waiting in block */
	uint64_t count; /* bytes taken in, those of block excluded */
	uint8_t block[THS_DIGEST_BLOCK];
};

/**
 * ths_digest_init()       - begin an unkeyed digest
 * ths_digest_init_keyed() - begin a keyed digest
 * @key: the key
 * @len: its length in bytes, 1..THS_DIGEST_KEY_MAX
 *
 * Context: any.
 * Return (keyed): THS_OK;
 *          THS_E_INVAL  the key is empty or too long; @digest was not touched.
 */
void ths_digest_init(struct ths_digest *digest);
THS_MUST_CHECK enum ths_err ths_digest_init_keyed(struct ths_digest *digest,
						  const void *key, size_t len);

/**
 * ths_digest_update() - take in bytes
 * @data: the bytes; may be NULL when @len is 0
 * @len:  how many; whole blocks are read where they lie
 *
 * Context: any; about twenty instructions a byte.
 */
void ths_digest_update(struct ths_digest *digest, const void *data, size_t len);

/**
 * ths_digest_final() - end the digest and wipe @digest (D3)
 * @out: receives the result
 *
 * Context: any.
 */
void ths_digest_final(struct ths_digest *digest, uint8_t out[THS_DIGEST_SIZE]);

/**
 * ths_digest() - the unkeyed digest of bytes in one piece
 *
 * Context: any.
 */
void ths_digest(uint8_t out[THS_DIGEST_SIZE], const void *data, size_t len);

/**
 * ths_digest_equal() - compare two digests in a time that does not tell where they differ
 *
 * Context: any.
 */
bool ths_digest_equal(const uint8_t a[THS_DIGEST_SIZE], const uint8_t b[THS_DIGEST_SIZE]);

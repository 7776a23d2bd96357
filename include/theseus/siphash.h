/*
 * siphash - SipHash-2-4: a short tag that only the holder of the key can make.
 *
 * Aumasson and Bernstein, "SipHash: a fast short-input PRF" (INDOCRYPT 2012). For tags
 * on blobs and for tables whose keys an adversary chooses. 64 bits are too few for a
 * tag that must hold for ever: ours live as long as a boot, or go to <theseus/digest.h>.
 *
 * Invariants
 *   K1  The result is SipHash-2-4 of the bytes under the key, on any alignment.
 *
 * Use: tag = ths_siphash24(key, data, len); compare tags with ==.
 * See tests/unit/base/siphash_test.c has the authors' 64 vectors.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <theseus/attr.h>

#define THS_SIPHASH_KEY 16 /* bytes of a key */

/**
 * ths_siphash24() - the tag of some bytes
 * @key:  the secret
 * @data: the bytes; may be NULL when @len is 0
 * @len:  how many
 *
 * Context: any; about 60 instructions and four a byte.
 * Return:  the tag, as the number whose little-endian bytes the paper gives.
 */
uint64_t ths_siphash24(const uint8_t key[THS_SIPHASH_KEY], const void *data, size_t len);

/*
 * hash - how well it mixes, measured over fixed samples: the same verdict every time.
 */
#include "quick.h"

#include <suite.h>
#include <string.h>
#include <theseus/hash.h>

#define SAMPLES 4000

/* Undo each step of ths_hash_u64(), last first: an inverse proves it one to one. */
static uint64_t inverse_odd(uint64_t k)
{
	uint64_t x = k; /* right in three bits; each step of Newton's doubles them */

	for (int i = 0; i < 5; i++)
		x *= 2 - k * x;
	return x;
}

static uint64_t unhash_u64(uint64_t seed, uint64_t x)
{
	x ^= x >> 32;
	x *= inverse_odd(THS_HASH_K2);
	x ^= x >> 29 ^ x >> 58;
	x *= inverse_odd(THS_HASH_K1);
	x ^= x >> 32;
	return x - seed;
}

START_TEST(every_step_can_be_undone)
{
	uint64_t x = 1;

	for (int i = 0; i < 100000; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		QUICK_EQ(unhash_u64(~x, ths_hash_u64(~x, x)), x);
	}
}
END_TEST

START_TEST(each_input_bit_changes_each_output_bit_half_the_time)
{
	unsigned flips[64] = {0};

	for (uint64_t key = 0; key < SAMPLES; key++) {
		/* Small keys: indices and addresses are what tables are keyed by. */
		uint64_t diff = ths_hash_u64(1, key) ^ ths_hash_u64(1, key ^ 1ull << _i);

		for (int bit = 0; bit < 64; bit++)
			flips[bit] += (diff >> bit) & 1;
	}
	for (int bit = 0; bit < 64; bit++) {
		QUICK_LT(SAMPLES * 42 / 100, flips[bit]);
		QUICK_LT(flips[bit], SAMPLES * 58 / 100);
	}
}
END_TEST

/* 4096 keys in 4096 buckets: a random function leaves about 1507 empty (n/e), the
 * fullest holds six to eight. */
static void assert_spread(const uint64_t *hashes)
{
	unsigned char fill[4096] = {0};
	int empty = 0, most = 0;

	for (int i = 0; i < 4096; i++)
		fill[hashes[i] % 4096]++;
	for (int i = 0; i < 4096; i++) {
		empty += fill[i] == 0;
		most = fill[i] > most ? fill[i] : most;
	}
	ck_assert_int_gt(empty, 1400);
	ck_assert_int_lt(empty, 1620);
	ck_assert_int_lt(most, 12);
}

START_TEST(regular_keys_spread_over_the_low_bits)
{
	uint64_t hashes[4096];

	for (uint64_t i = 0; i < 4096; i++)
		hashes[i] = ths_hash_u64((uint64_t)_i, i << _i);
	assert_spread(hashes);
}
END_TEST

START_TEST(strings_of_bytes_spread_too)
{
	uint64_t hashes[4096];
	unsigned char text[32] = {0};

	for (unsigned i = 0; i < 4096; i++) {
		text[_i] = (unsigned char)i;
		text[_i + 1] = (unsigned char)(i >> 8);
		hashes[i] = ths_hash_bytes(3, text, sizeof(text));
	}
	assert_spread(hashes);
}
END_TEST

START_TEST(another_seed_gives_another_order)
{
	uint64_t same = 0;

	for (uint64_t key = 0; key < 4096; key++)
		same += ths_hash_u64(1, key) % 64 == ths_hash_u64(2, key) % 64;
	QUICK_LT(same, 4096 / 64 * 2);
	ck_assert_uint_ne(ths_hash_bytes(1, "key", 3), ths_hash_bytes(2, "key", 3));
}
END_TEST

START_TEST(alignment_does_not_matter)
{
	unsigned char at[8][64];
	size_t len = (size_t)_i;

	for (size_t shift = 0; shift < 8; shift++) {
		memset(at[shift], (int)shift * 17, sizeof(at[shift]));
		for (size_t i = 0; i < len; i++)
			at[shift][shift + i] = (unsigned char)(i * 7 + 1);
		QUICK_EQ(ths_hash_bytes(9, at[shift] + shift, len),
			 ths_hash_bytes(9, at[0], len));
	}
}
END_TEST

START_TEST(length_and_every_bit_matter)
{
	unsigned char text[40] = {0};
	uint64_t hashes[41];

	for (size_t len = 0; len <= 40; len++) {
		hashes[len] = ths_hash_bytes(5, text, len);
		for (size_t i = 0; i < len; i++)
			ck_assert_uint_ne(hashes[i], hashes[len]);
	}
	for (size_t bit = 0; bit < 320; bit++) {
		text[bit / 8] ^= (unsigned char)(1 << bit % 8);
		ck_assert_uint_ne(ths_hash_bytes(5, text, 40), hashes[40]);
		text[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	QUICK_EQ(ths_hash_bytes(5, NULL, 0), hashes[0]);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("hash");
	TCase *tcase;

	tcase = tcase_create("H1: one to one");
	tcase_add_test(tcase, every_step_can_be_undone);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("H2: mixing");
	ths_tcase_add_turns(tcase, each_input_bit_changes_each_output_bit_half_the_time,
			    0, 64);
	ths_tcase_add_turns(tcase, regular_keys_spread_over_the_low_bits, 0, 50);
	ths_tcase_add_turns(tcase, strings_of_bytes_spread_too, 0, 30);
	tcase_add_test(tcase, another_seed_gives_another_order);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("H3: bytes and length, nothing else");
	ths_tcase_add_turns(tcase, alignment_does_not_matter, 0, 40);
	tcase_add_test(tcase, length_and_every_bit_matter);
	suite_add_tcase(suite, tcase);

	return suite;
}

/*
 * bits - the searches against a plain loop over single bits, and the edges.
 */
#include "quick.h"

#include <suite.h>
#include <string.h>
#include <theseus/bits.h>

#define COUNT 300 /* no multiple of 64: the last word is used in part */

static uint64_t map[THS_BITS_WORDS(COUNT)];
static uint64_t state = 88172645463325252u;

static uint64_t random_u64(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static size_t plain_find(size_t count, size_t from, bool wanted)
{
	for (size_t bit = from; bit < count; bit++)
		if (ths_bits_test(map, bit) == wanted)
			return bit;
	return THS_BITS_NONE;
}

static size_t plain_find_run(size_t count, size_t from, size_t run)
{
	for (size_t bit = from; run && bit + run <= count; bit++)
		if (plain_find(bit + run, bit, true) == THS_BITS_NONE)
			return bit;
	return THS_BITS_NONE;
}

START_TEST(finds_agree_with_a_plain_loop)
{
	for (size_t i = 0; i < THS_ARRAY_SIZE(map); i++)
		map[i] = _i % 3 == 0   ? random_u64()
			 : _i % 3 == 1 ? random_u64() & random_u64() & random_u64()
				       : random_u64() | random_u64() | random_u64();

	size_t count = random_u64() % (COUNT + 1);

	for (size_t from = 0; from <= count + 1; from++) {
		QUICK_EQ(ths_bits_find_set(map, count, from),
			 plain_find(count, from, true));
		QUICK_EQ(ths_bits_find_clear(map, count, from),
			 plain_find(count, from, false));
		QUICK_EQ(ths_bits_find_clear_run(map, count, from, from % 9),
			 plain_find_run(count, from, from % 9));
	}
}
END_TEST

START_TEST(bits_behind_the_count_are_no_answer)
{
	memset(map, 0xff, sizeof(map));
	for (size_t bit = 0; bit < 70; bit++)
		ths_bits_clear(map, bit);
	QUICK_EQ(ths_bits_find_set(map, 70, 0), THS_BITS_NONE);
	QUICK_EQ(ths_bits_find_set(map, 71, 0), 70);
	QUICK_EQ(ths_bits_find_clear_run(map, 70, 0, 70), 0);
	QUICK_EQ(ths_bits_find_clear_run(map, 70, 0, 71), THS_BITS_NONE);
	QUICK_EQ(ths_bits_find_clear_run(map, 300, 0, SIZE_MAX), THS_BITS_NONE);
}
END_TEST

START_TEST(set_and_clear_change_one_bit)
{
	for (size_t bit = 0; bit < COUNT; bit++) {
		memset(map, 0, sizeof(map));
		ths_bits_set(map, bit);
		for (size_t i = 0; i < THS_ARRAY_SIZE(map); i++)
			QUICK_EQ(map[i], i == bit / 64 ? 1ull << bit % 64 : 0);
		QUICK(ths_bits_test(map, bit));
		ths_bits_clear(map, bit);
		QUICK(!ths_bits_test(map, bit));
		QUICK_EQ(ths_bits_find_set(map, COUNT, 0), THS_BITS_NONE);
	}
}
END_TEST

START_TEST(counting_zeros_of_zero_gives_the_width)
{
	volatile uint64_t zero = 0;

	QUICK_EQ(ths_bits_ctz(zero), 64);
	QUICK_EQ(ths_bits_clz(zero), 64);
	QUICK_EQ(ths_bits_log2(zero), 0);
	QUICK_EQ(ths_bits_count(zero), 0);
	QUICK(!ths_bits_is_pow2(zero));
}
END_TEST

START_TEST(single_bits_are_counted_right)
{
	volatile uint64_t x = (uint64_t)1 << _i;

	QUICK_EQ(ths_bits_ctz(x), _i);
	QUICK_EQ(ths_bits_clz(x), 63 - _i);
	QUICK_EQ(ths_bits_log2(x), _i);
	QUICK_EQ(ths_bits_log2(x | (x - 1)), _i);
	QUICK_EQ(ths_bits_count(x), 1);
	QUICK_EQ(ths_bits_count(x - 1), _i);
	QUICK(ths_bits_is_pow2(x));
	QUICK(!ths_bits_is_pow2(x | 1) || _i == 0);
}
END_TEST

START_TEST(aligned_is_the_nearest_multiple)
{
	uint64_t align = (uint64_t)1 << _i;
	uint64_t x = random_u64() >> 1;
	uint64_t down = ths_bits_align_down(x, align);
	uint64_t up = ths_bits_align_up(x, align);

	QUICK(ths_bits_is_aligned(down, align));
	QUICK(ths_bits_is_aligned(up, align));
	QUICK_LE(down, x);
	QUICK_LT(x - down, align);
	ck_assert_uint_ge(up, x);
	QUICK_LT(up - x, align);
	QUICK_EQ(ths_bits_align_up(down, align), down);
}
END_TEST

START_TEST(aligning_up_wraps_to_zero)
{
	QUICK_EQ(ths_bits_align_up(UINT64_MAX, 4096), 0);
	QUICK_EQ(ths_bits_align_up(UINT64_MAX - 4095, 4096), UINT64_MAX - 4095);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("bits");
	TCase *tcase;

	tcase = tcase_create("B1: finds look below the count only");
	ths_tcase_add_turns(tcase, finds_agree_with_a_plain_loop, 0, 200);
	tcase_add_test(tcase, bits_behind_the_count_are_no_answer);
	tcase_add_test(tcase, set_and_clear_change_one_bit);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("B2: zero is defined");
	tcase_add_test(tcase, counting_zeros_of_zero_gives_the_width);
	ths_tcase_add_turns(tcase, single_bits_are_counted_right, 0, 64);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("B3: aligning");
	ths_tcase_add_turns(tcase, aligned_is_the_nearest_multiple, 0, 64);
	tcase_add_test(tcase, aligning_up_wraps_to_zero);
	suite_add_tcase(suite, tcase);

	return suite;
}

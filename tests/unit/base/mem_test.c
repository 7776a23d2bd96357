/*
 * mem - the freestanding memory functions, under other names, against plain loops.
 *
 * Every length up to 100 at every alignment, in a buffer that is compared whole, so a
 * byte too many is seen on either side.
 */
#include "quick.h"

#include <suite.h>
#include <stdlib.h>
#include <theseus/string.h>

void *tested_memcpy(void *restrict into, const void *restrict from, size_t len);
void *tested_memmove(void *into, const void *from, size_t len);
void *tested_memset(void *into, int byte, size_t len);
int tested_memcmp(const void *a, const void *b, size_t len);

#define THS_MEM_TEST
#define memcpy  tested_memcpy
#define memmove tested_memmove
#define memset  tested_memset
#define memcmp  tested_memcmp
#include <base/mem.c>
#undef memcpy
#undef memmove
#undef memset
#undef memcmp

#define SIZE 160

static unsigned char got[SIZE], want[SIZE], source[SIZE];

static void fill(void)
{
	for (int i = 0; i < SIZE; i++) {
		got[i] = want[i] = (unsigned char)(i * 37 + 11);
		source[i] = (unsigned char)(i * 101 + 3);
	}
}

static void assert_as_wanted(void)
{
	for (int i = 0; i < SIZE; i++)
		QUICK_EQ(got[i], want[i]);
}

START_TEST(memcpy_copies_len_bytes)
{
	for (int into = 0; into < 16; into++)
		for (int from = 0; from < 16; from++) {
			fill();
			for (int i = 0; i < _i; i++)
				want[16 + into + i] = source[from + i];
			QUICK_EQ(
				tested_memcpy(got + 16 + into, source + from, (size_t)_i),
				got + 16 + into);
			assert_as_wanted();
		}
}
END_TEST

START_TEST(memset_sets_len_bytes)
{
	for (int into = 0; into < 16; into++) {
		fill();
		for (int i = 0; i < _i; i++)
			want[16 + into + i] = 0xc3;
		QUICK_EQ(tested_memset(got + 16 + into, 0x7c3, (size_t)_i),
			 got + 16 + into);
		assert_as_wanted();
	}
}
END_TEST

START_TEST(nothing_is_read_behind_the_end)
{
	size_t len = (size_t)_i;
	unsigned char *from = malloc(len ? len : 1);
	unsigned char *into = malloc(len ? len : 1);

	for (size_t i = 0; i < len; i++)
		from[i] = (unsigned char)i;
	tested_memcpy(into, from, len); /* the sanitizer watches both ends */
	QUICK_EQ(tested_memcmp(into, from, len), 0);
	tested_memmove(into, from, len);
	QUICK_EQ(tested_memcmp(from, into, len), 0);
	free(from);
	free(into);
}
END_TEST

START_TEST(memcmp_orders_by_the_first_difference)
{
	fill();
	for (int at = 0; at < _i; at++) {
		for (int i = 0; i < SIZE; i++)
			got[i] = source[i];
		got[3 + at] ^= 0x80;

		int order = tested_memcmp(got + 3, source + 3, (size_t)_i);

		QUICK(got[3 + at] > source[3 + at] ? order > 0 : order < 0);
		QUICK((tested_memcmp(source + 3, got + 3, (size_t)_i) < 0) ==
		      (order > 0));
		got[3 + _i - 1] =
			(unsigned char)~got[3 + at]; /* a later one is no matter */
		if (at < _i - 1)
			QUICK_EQ(tested_memcmp(got + 3, source + 3, (size_t)_i), order);
	}
	QUICK_EQ(tested_memcmp(source, source + 1, 0), 0);
}
END_TEST

START_TEST(memmove_is_right_for_any_overlap)
{
	/* Every alignment of the source, every distance to it on both sides. */
	for (int from = 16; from < 24; from++)
		for (int into = 0; into < 40; into++) {
			unsigned char copy[SIZE];

			fill();
			for (int i = 0; i < _i; i++)
				copy[i] = got[from + i];
			for (int i = 0; i < _i; i++)
				want[into + i] = copy[i];
			QUICK_EQ(tested_memmove(got + into, got + from, (size_t)_i),
				 got + into);
			for (int i = 0; i < SIZE; i++)
				if (got[i] != want[i])
					ck_abort_msg("len %d from %d into %d at %d", _i,
						     from, into, i);
		}
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("mem");
	TCase *tcase;

	tcase = tcase_create("M1: exactly the bytes asked for");
	ths_tcase_add_turns(tcase, memcpy_copies_len_bytes, 0, 101);
	ths_tcase_add_turns(tcase, memset_sets_len_bytes, 0, 101);
	ths_tcase_add_turns(tcase, nothing_is_read_behind_the_end, 0, 101);
	ths_tcase_add_turns(tcase, memcmp_orders_by_the_first_difference, 0, 40);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("M2: any overlap");
	ths_tcase_add_turns(tcase, memmove_is_right_for_any_overlap, 0, 101);
	suite_add_tcase(suite, tcase);

	return suite;
}

/*
 * string - lengths, order, cut copies, numbers. Buffers are exactly as long as stated,
 * so that a byte read too many is found by the sanitizer.
 */
#include <suite.h>
#include <stdlib.h>
#include <theseus/string.h>

START_TEST(length_stops_at_the_nul_or_the_limit)
{
	char *exact = malloc(3);

	ck_assert_uint_eq(ths_strlen(""), 0);
	ck_assert_uint_eq(ths_strlen("abc"), 3);
	memcpy(exact, "xyz", 3);
	ck_assert_uint_eq(ths_strnlen(exact, 3), 3);
	ck_assert_uint_eq(ths_strnlen(exact, 0), 0);
	exact[1] = '\0';
	ck_assert_uint_eq(ths_strnlen(exact, 3), 1);
	free(exact);
}
END_TEST

START_TEST(order_is_by_unsigned_bytes)
{
	ck_assert(ths_streq("", ""));
	ck_assert(ths_streq("same", "same"));
	ck_assert(!ths_streq("same", "sam"));
	ck_assert(!ths_streq("sam", "same"));
	ck_assert_int_lt(ths_strcmp("a", "b"), 0);
	ck_assert_int_gt(ths_strcmp("b", "a"), 0);
	ck_assert_int_lt(ths_strcmp("a", "ab"), 0);
	ck_assert_int_gt(ths_strcmp("\xff", "a"), 0);
	ck_assert_int_eq(ths_strcmp("\xff", "\xff"), 0);
}
END_TEST

START_TEST(prefixes_are_told)
{
	ck_assert(ths_str_starts("sched.rr", "sched."));
	ck_assert(ths_str_starts("sched", ""));
	ck_assert(ths_str_starts("", ""));
	ck_assert(!ths_str_starts("sche", "sched"));
	ck_assert(!ths_str_starts("clock", "c1"));
}
END_TEST

START_TEST(a_copy_that_fits_is_whole)
{
	char into[4];

	ck_assert_int_eq(ths_str_copy(into, sizeof(into), "abc"), THS_OK);
	ck_assert_str_eq(into, "abc");
	ck_assert_int_eq(ths_str_copy(into, sizeof(into), ""), THS_OK);
	ck_assert_str_eq(into, "");
}
END_TEST

START_TEST(a_cut_copy_is_terminated_and_told)
{
	char into[4] = "zzz";

	ck_assert_int_eq(ths_str_copy(into, sizeof(into), "abcd"), THS_E_SIZE);
	ck_assert_str_eq(into, "abc");
	ck_assert_int_eq(ths_str_copy(into, 1, "abcd"), THS_E_SIZE);
	ck_assert_str_eq(into, "");
	into[0] = 'z';
	ck_assert_int_eq(ths_str_copy(into, 0, "abcd"), THS_E_INVAL);
	ck_assert_int_eq(into[0], 'z');
}
END_TEST

static const struct {
	const char *text;
	enum ths_err err;
	uint64_t value;
} numbers[] = {
	{"0", THS_OK, 0},
	{"7", THS_OK, 7},
	{"010", THS_OK, 10},
	{"18446744073709551615", THS_OK, UINT64_MAX},
	{"0x0", THS_OK, 0},
	{"0xDeadBeef", THS_OK, 0xdeadbeef},
	{"0Xffffffffffffffff", THS_OK, UINT64_MAX},
	{"000000000000000000000000000000001", THS_OK, 1},
	{"18446744073709551616", THS_E_SIZE, 0},
	{"18446744073709551620", THS_E_SIZE, 0},
	{"99999999999999999999999999", THS_E_SIZE, 0},
	{"0x10000000000000000", THS_E_SIZE, 0},
	{"", THS_E_FORMAT, 0},
	{"0x", THS_E_FORMAT, 0},
	{"x1", THS_E_FORMAT, 0},
	{"-1", THS_E_FORMAT, 0},
	{"+1", THS_E_FORMAT, 0},
	{" 1", THS_E_FORMAT, 0},
	{"1 ", THS_E_FORMAT, 0},
	{"12a", THS_E_FORMAT, 0},
	{"0xg", THS_E_FORMAT, 0},
	{"99999999999999999999999999x", THS_E_FORMAT, 0},
};

START_TEST(numbers_are_whole_or_errors)
{
	size_t len = strlen(numbers[_i].text);
	char *exact = malloc(len + 1);
	uint64_t value = 4711;

	memcpy(exact, numbers[_i].text, len);
	exact = realloc(exact, len ? len : 1);
	ck_assert_int_eq(ths_str_parse_u64(exact, len, &value), numbers[_i].err);
	ck_assert_uint_eq(value, numbers[_i].err ? 4711 : numbers[_i].value);
	free(exact);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("string");
	TCase *tcase;

	tcase = tcase_create("S1: nothing behind the end is read");
	tcase_add_test(tcase, length_stops_at_the_nul_or_the_limit);
	tcase_add_test(tcase, order_is_by_unsigned_bytes);
	tcase_add_test(tcase, prefixes_are_told);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("S2: copies are terminated, cuts are told");
	tcase_add_test(tcase, a_copy_that_fits_is_whole);
	tcase_add_test(tcase, a_cut_copy_is_terminated_and_told);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("S3: numbers");
	ths_tcase_add_turns(tcase, numbers_are_whole_or_errors, 0,
			    (int)THS_ARRAY_SIZE(numbers));
	suite_add_tcase(suite, tcase);

	return suite;
}

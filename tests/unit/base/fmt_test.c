/*
 * fmt - the same text as the C library's, directive by directive, and what differs.
 */
#include <suite.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <theseus/fmt.h>

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"

/* The format, made at run time, and one argument, through both. */
#define ASSERT_SAME(format, value)                                                       \
	do {                                                                             \
		char ours[256], theirs[256];                                             \
		size_t needed = ths_format(ours, sizeof(ours), format, value);           \
		int length = snprintf(theirs, sizeof(theirs), format, value);            \
                                                                                         \
		if (strcmp(ours, theirs) != 0 || needed != (size_t)length)               \
			ck_abort_msg("%s: '%s' and not '%s'", format, ours, theirs);     \
	} while (0)

static const char *const flags[] = {"",   "-",  "0",  "+",  " ",  "#",   "-0",
				    "+0", "-+", "#0", "-#", " 0", "+ 0#"};
static const char *const widths[] = {"", "1", "2", "5", "17", "24"};
static const char *const precisions[] = {"", ".", ".0", ".1", ".3", ".10", ".25"};

#define FLAGS  ((int)THS_ARRAY_SIZE(flags))
#define WIDTHS ((int)THS_ARRAY_SIZE(widths))

/* "%" flags width precision size conversion; _i counts through the first two. */
static const char *directive(int i, size_t precision, const char *size, char conversion)
{
	static char text[32];

	snprintf(text, sizeof(text), "%%%s%s%s%s%c", flags[i % FLAGS], widths[i / FLAGS],
		 precisions[precision], size, conversion);
	return text;
}

static const int64_t numbers[] = {
	0,     1,         -1,        9,          10,        255,       -256,
	65535, INT32_MAX, INT32_MIN, 4294967296, INT64_MAX, INT64_MIN, 0x123456789abcdef};

START_TEST(numbers_are_as_in_c)
{
	for (size_t p = 0; p < THS_ARRAY_SIZE(precisions); p++)
		for (size_t n = 0; n < THS_ARRAY_SIZE(numbers); n++)
			for (const char *c = "diuxXo"; *c; c++) {
				int64_t x = numbers[n];

				/* Flags that C leaves undefined for a conversion: */
				if (strpbrk(flags[_i % FLAGS], "#") && strchr("diu", *c))
					continue;
				if (strpbrk(flags[_i % FLAGS], "+ ") &&
				    strchr("uxXo", *c))
					continue;
				ASSERT_SAME(directive(_i, p, "", *c), (int)x);
				ASSERT_SAME(directive(_i, p, "hh", *c), (int)x);
				ASSERT_SAME(directive(_i, p, "h", *c), (int)x);
				ASSERT_SAME(directive(_i, p, "l", *c), (long)x);
				ASSERT_SAME(directive(_i, p, "ll", *c), (long long)x);
				ASSERT_SAME(directive(_i, p, "z", *c), (size_t)x);
				ASSERT_SAME(directive(_i, p, "j", *c), (intmax_t)x);
				ASSERT_SAME(directive(_i, p, "t", *c), (ptrdiff_t)x);
			}
}
END_TEST

START_TEST(strings_and_characters_are_as_in_c)
{
	if (strpbrk(flags[_i % FLAGS], "0+ #"))
		return; /* undefined in C for these; nothing to compare with */
	for (size_t p = 0; p < THS_ARRAY_SIZE(precisions); p++) {
		ASSERT_SAME(directive(_i, p, "", 's'), "");
		ASSERT_SAME(directive(_i, p, "", 's'), "theseus");
		ASSERT_SAME(directive(_i, p, "", 's'), "a longer string than any width");
	}
	ASSERT_SAME(directive(_i, 0, "", 'c'), 'x');
	ASSERT_SAME(directive(_i, 0, "", 'c'), '%');
}
END_TEST

START_TEST(precision_bounds_what_is_read)
{
	char *exact = malloc(3), text[16];

	memcpy(exact, "abc", 3); /* not terminated */
	ck_assert_uint_eq(ths_format(text, sizeof(text), "<%.3s>", exact), 5);
	ck_assert_str_eq(text, "<abc>");
	ths_format(text, sizeof(text), "<%.*s>", 2, exact);
	ck_assert_str_eq(text, "<ab>");
	free(exact);
}
END_TEST

START_TEST(stars_take_arguments)
{
	char ours[64], theirs[64];

	for (int width = -9; width < 10; width++)
		for (int precision = -3; precision < 6; precision++) {
			ths_format(ours, sizeof(ours), "<%*.*d|%-*s>", width, precision,
				   42, width, "s");
			snprintf(theirs, sizeof(theirs), "<%*.*d|%-*s>", width, precision,
				 42, width, "s");
			ck_assert_str_eq(ours, theirs);
		}
}
END_TEST

START_TEST(directives_mix_with_text_and_each_other)
{
	char text[128];

	ths_format(text, sizeof(text), "%s: %u of %lu (%3d%%), at %p%c", "copy", 3u, 7ul,
		   42, (void *)0xffffffff80100000, '\n');
	ck_assert_str_eq(text, "copy: 3 of 7 ( 42%), at 0xffffffff80100000\n");
	ths_format(text, sizeof(text), "%#018lx|%-8s|%8s|%02x%02X", 0xbeeful, "ab", "cd",
		   10u, 171u);
	ck_assert_str_eq(text, "0x000000000000beef|ab      |      cd|0aAB");
	ths_format(text, sizeof(text), "%p", NULL);
	ck_assert_str_eq(text, "0x0");
	ths_format(text, sizeof(text), "%s", "");
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(every_size_is_cut_terminated_and_told)
{
	const char *whole = "the answer is   42, yes";
	size_t size = (size_t)_i;
	char *exact = malloc(size ? size : 1);

	exact[0] = 'z';
	ck_assert_uint_eq(
		ths_format(exact, size, "the %s is %4d, %s", "answer", 42, "yes"),
		strlen(whole));
	if (size == 0) {
		ck_assert_int_eq(exact[0], 'z');
	} else {
		ck_assert_uint_eq(strlen(exact), size - 1);
		ck_assert(strncmp(exact, whole, size - 1) == 0);
	}
	free(exact);
}
END_TEST

START_TEST(a_null_buffer_of_no_size_measures)
{
	ck_assert_uint_eq(ths_format(NULL, 0, "%1000d", 1), 1000);
}
END_TEST

static size_t count_calls, count_bytes;

static void counting_put(void *ctx, const char *s, size_t n)
{
	ck_assert_ptr_eq(ctx, &count_calls);
	ck_assert_ptr_nonnull(s);
	ck_assert_uint_gt(n, 0);
	count_calls++;
	count_bytes += n;
}

static size_t format_to_counter(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);

	size_t total = ths_vformat_to(counting_put, &count_calls, fmt, ap);

	va_end(ap);
	return total;
}

START_TEST(a_sink_gets_every_byte_and_no_empty_piece)
{
	count_calls = count_bytes = 0;
	ck_assert_uint_eq(format_to_counter("%s%-40d%.0d", "", 7, 0), 40);
	ck_assert_uint_eq(count_bytes, 40);
	count_calls = 0;
	ck_assert_uint_eq(format_to_counter("%s", ""), 0);
	ck_assert_uint_eq(count_calls, 0);
}
END_TEST

static const char *const unknown[] = {"%f", "%n", "%", "%-", "%5.3", "%lq", "%\xff"};

START_TEST(unknown_directives_stand_as_they_are)
{
	char text[64], want[64];
	int untouched = 4711;

	snprintf(want, sizeof(want), "7 %s then %%d", unknown[_i]);

	char format[64];

	snprintf(format, sizeof(format), "%%d %s then %%d", unknown[_i]);
	if (unknown[_i][1] == '\0') /* "% then": t is a size, h no conversion */
		snprintf(format, sizeof(format), "%%d %%");
	if (unknown[_i][1] == '\0')
		snprintf(want, sizeof(want), "7 %%");
	ths_format(text, sizeof(text), format, 7, &untouched);
	ck_assert_str_eq(text, want);
	ck_assert_int_eq(untouched, 4711);
}
END_TEST

START_TEST(a_null_string_is_named)
{
	char text[16];
	const char *volatile none = NULL;

	ths_format(text, sizeof(text), "<%s>", none);
	ck_assert_str_eq(text, "<(null)>");
	ths_format(text, sizeof(text), "<%8.2s>", none);
	ck_assert_str_eq(text, "<      (n>");
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("fmt");
	TCase *tcase;

	tcase = tcase_create("F1: as printf does it");
	ths_tcase_add_turns(tcase, numbers_are_as_in_c, 0, FLAGS * WIDTHS);
	ths_tcase_add_turns(tcase, strings_and_characters_are_as_in_c, 0, FLAGS * WIDTHS);
	tcase_add_test(tcase, precision_bounds_what_is_read);
	tcase_add_test(tcase, stars_take_arguments);
	tcase_add_test(tcase, directives_mix_with_text_and_each_other);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("F2: the buffer is never overrun");
	ths_tcase_add_turns(tcase, every_size_is_cut_terminated_and_told, 0, 24);
	tcase_add_test(tcase, a_null_buffer_of_no_size_measures);
	tcase_add_test(tcase, a_sink_gets_every_byte_and_no_empty_piece);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("F3: unknown directives");
	ths_tcase_add_turns(tcase, unknown_directives_stand_as_they_are, 0,
			    (int)THS_ARRAY_SIZE(unknown));
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("F4: a NULL string");
	tcase_add_test(tcase, a_null_string_is_named);
	suite_add_tcase(suite, tcase);

	return suite;
}

/*
 * err - the table of errors: every value has its name and its sentence, no other has.
 */
#include <suite.h>
#include <string.h>
#include <theseus/err.h>

static const struct {
	enum ths_err err;
	int value;
	const char *name;
	const char *text;
} table[] = {
#define ROW(name, value, text) {name, value, #name, text},
	THS_ERR_MAP(ROW)
#undef ROW
};

START_TEST(every_value_has_its_name_and_sentence)
{
	ck_assert_int_eq(table[_i].err, table[_i].value);
	ck_assert_str_eq(ths_err_name(table[_i].err), table[_i].name);
	ck_assert_str_eq(ths_err_text(table[_i].err), table[_i].text);
}
END_TEST

START_TEST(values_count_down_from_ok_without_gaps)
{
	ck_assert_int_eq(table[_i].value, -_i);
	ck_assert_int_ge(table[_i].value, THS_ERR_LAST);
}
END_TEST

START_TEST(last_is_the_last)
{
	ck_assert_int_eq(table[THS_ARRAY_SIZE(table) - 1].value, THS_ERR_LAST);
}
END_TEST

START_TEST(sentences_are_short_distinct_and_open_ended)
{
	const char *text = table[_i].text;

	ck_assert_uint_gt(strlen(text), 0);
	ck_assert_uint_lt(strlen(text), 72);
	ck_assert_int_ne(text[strlen(text) - 1], '.');
	for (int i = 0; i < _i; i++)
		ck_assert_str_ne(text, table[i].text);
}
END_TEST

START_TEST(foreign_values_are_named_as_such)
{
	static const int foreign[] = {1,     THS_ERR_LAST - 1, 4711,
				      -4711, INT32_MAX,        INT32_MIN};

	for (size_t i = 0; i < THS_ARRAY_SIZE(foreign); i++) {
		volatile int value = foreign[i];

		ck_assert_str_eq(ths_err_name((enum ths_err)value), "THS_E_?");
		ck_assert_str_eq(ths_err_text((enum ths_err)value),
				 "an error of no known kind");
	}
}
END_TEST

static enum ths_err try_and_count(enum ths_err err, int *after)
{
	THS_TRY(err);
	++*after;
	return THS_OK;
}

START_TEST(try_hands_errors_on_and_only_errors)
{
	int after = 0;

	ck_assert_int_eq(try_and_count(THS_E_BLOB, &after), THS_E_BLOB);
	ck_assert_int_eq(after, 0);
	ck_assert_int_eq(try_and_count(THS_OK, &after), THS_OK);
	ck_assert_int_eq(after, 1);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("err");
	TCase *tcase = tcase_create("table");

	ths_tcase_add_turns(tcase, every_value_has_its_name_and_sentence, 0,
			    (int)THS_ARRAY_SIZE(table));
	ths_tcase_add_turns(tcase, values_count_down_from_ok_without_gaps, 0,
			    (int)THS_ARRAY_SIZE(table));
	tcase_add_test(tcase, last_is_the_last);
	ths_tcase_add_turns(tcase, sentences_are_short_distinct_and_open_ended, 0,
			    (int)THS_ARRAY_SIZE(table));
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("foreign values");
	tcase_add_test(tcase, foreign_values_are_named_as_such);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("THS_TRY");
	tcase_add_test(tcase, try_hands_errors_on_and_only_errors);
	suite_add_tcase(suite, tcase);

	return suite;
}

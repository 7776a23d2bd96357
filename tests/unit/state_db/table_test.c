/*
 * table_test - which declarations make a table, and which agree with one that is there.
 */
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <theseus/host.h>
#include <theseus/iface/module.h>
#include "nano_core/nano_core_impl.h"

static enum ths_err never_called(struct ths_call *call)
{
	(void)call;
	return THS_E_INTERNAL;
}

static enum ths_err never_told(struct ths_call *call, uint32_t row, const void *data)
{
	(void)row;
	(void)data;
	return never_called(call);
}

static enum ths_err open(const struct ths_table_decl *decl, struct ths_table **table)
{
	bool made;

	return ths_table_open(decl, "", table, &made);
}

/* ---- no table ----------------------------------------------------------------------- */

#define NAME_32 "state_db_has_names_of_31_bytes/1"
static const char *const malformed[] = {NULL, "", "plain", "/1", "a/", "a/x", "a/-1", "a/0",
					"a/65536", NAME_32};

START_TEST(a_schema_is_a_name_and_a_number)
{
	struct ths_table_decl decl = {.schema = malformed[_i], .row_size = 8, .rows = 4};
	struct ths_table *table;

	rig_start();
	ck_assert_int_eq(open(&decl, &table), THS_E_INVAL);
	ck_assert_uint_eq(ths_schema_number(malformed[_i]), 0);
	ck_assert_ptr_null(ths_table_find(malformed[_i], ""));
	rig_stop();
}
END_TEST

static const struct ths_table_decl senseless[] = {
	{.row_size = 0, .rows = 4},
	{.row_size = 4097, .rows = 4},
	{.row_size = 4, .rows = 4, .flags = THS_KEYED}, /* where would the key be? */
	{.row_size = 8, .rows = 1, .flags = THS_KEYED},
	{.row_size = 8, .rows = 4, .flags = THS_KEYED | THS_FIXED},
	{.row_size = 8, .rows = 4, .flags = THS_REQUEST},
	{.row_size = 8, .rows = 3, .flags = THS_PER_CPU},
	{.row_size = 8, .rows = 4, .flags = THS_PERSIST | THS_JOINT},
	{.row_size = 8, .rows = 4, .flags = THS_PERSIST | THS_HARDWARE},
	{.row_size = 8, .rows = 4, .flags = THS_PERSIST | THS_SOFT},
	{.row_size = 8, .flags = THS_SOFT | THS_PER_CPU},
	{.row_size = 8, .rows = 4, .reread = never_called},
	{.row_size = 8, .rows = 4, .released = never_told},
	{.row_size = 8, .rows = 4, .flags = THS_JOINT | THS_FIXED},
};

START_TEST(what_contradicts_itself_is_refused)
{
	struct ths_table_decl decl = senseless[_i];
	struct ths_table *table;

	rig_start();
	decl.schema = "test.row/1";
	ck_assert_int_eq(open(&decl, &table), THS_E_INVAL);
	ck_assert_ptr_null(ths_table_find("test.row/1", ""));
	rig_stop();
}
END_TEST

START_TEST(there_are_so_many_tables_and_no_more)
{
	static const struct ths_table_decl more = {
		.schema = "more.row/1", .row_size = 8, .rows = 4};
	struct ths_table *table;
	char schema[THS_NAME_MAX] = "aaa.row/1";
	struct ths_table_decl decl = {.schema = schema, .row_size = 8, .rows = 4};

	rig_start();
	for (unsigned i = ths_core.tables; i < TABLES_MAX; i++) {
		schema[0] = (char)('a' + i / 20);
		schema[1] = (char)('a' + i % 20);
		ck_assert_int_eq(open(&decl, &table), THS_OK);
	}
	ck_assert_int_eq(open(&more, &table), THS_E_FULL);
	ths_table_close(table); /* which is the last that was made */
	ck_assert_int_eq(open(&more, &table), THS_OK);
	rig_stop();
}
END_TEST

/* All rows of a fixed table begin as one: without memory for that there is no table. */
START_TEST(a_table_that_cannot_be_made_leaves_nothing)
{
	static const struct ths_table_decl decl = {
		.schema = "test.row/1", .row_size = 4096, .rows = 2, .flags = THS_FIXED};
	struct ths_table *table;
	uint32_t tables;

	rig_start();
	tables = ths_core.tables;
	ths_host_fail_nth("alloc/pages", 1, true);
	ck_assert_int_eq(open(&decl, &table), THS_E_NOMEM);
	ths_host_fail_nth("", 0, false);
	ck_assert_uint_eq(ths_core.tables, tables);
	ck_assert_int_eq(open(&decl, &table), THS_OK);
	rig_stop();
}
END_TEST

/* ---- B3 ------------------------------------------------------------------------------- */

static const struct ths_table_decl first = {.schema = "test.row/2", .row_size = 16, .rows = 4};
static const struct {
	const char *schema;
	uint32_t row_size, rows, flags;
	enum ths_err err;
} seconds[] = {
	{"test.row/2", 16, 4, 0, THS_OK},
	{"test.row/2", 16, 5, 0, THS_E_SCHEMA},
	{"test.row/2", 16, 4, THS_PERSIST, THS_E_SCHEMA},
	{"test.row/2", 24, 4, 0, THS_E_SCHEMA},
	{"test.row/1", 16, 4, 0, THS_E_VERSION},
	{"test.row/1", 24, 4, 0, THS_E_VERSION},
};

START_TEST(declarations_of_a_table_agree)
{
	struct ths_table_decl second = {.schema = seconds[_i].schema,
					.row_size = seconds[_i].row_size,
					.rows = seconds[_i].rows,
					.flags = seconds[_i].flags};
	struct ths_table *table, *again;
	bool made;

	rig_start();
	ck_assert_int_eq(ths_table_open(&first, "", &table, &made), THS_OK);
	ck_assert(made);
	ck_assert_int_eq(ths_table_open(&second, "", &again, &made), seconds[_i].err);
	ck_assert(!made);
	ck_assert_ptr_eq(again, table);
	rig_stop();
}
END_TEST

START_TEST(a_table_is_known_by_its_whole_name_and_whose_it_is)
{
	struct ths_table *table;
	bool made;

	rig_start();
	ck_assert_int_eq(ths_table_open(&first, "one", &table, &made), THS_OK);
	ck_assert_ptr_eq(ths_table_find("test.row/1", "one"), table);
	ck_assert_ptr_null(ths_table_find("test.row/1", "two"));
	ck_assert_ptr_null(ths_table_find("test.ro/1", "one"));
	ck_assert_ptr_null(ths_table_find("test.rows/1", "one"));
	rig_stop();
}
END_TEST

/* ---- B4 ------------------------------------------------------------------------------- */

static enum ths_err new_and_free(struct ths_call *call, void *ctx)
{
	struct loose *loose;

	THS_TRY(ths_row_new(call, LOOSE, ctx, &loose));
	return ths_row_free(call, LOOSE, *(uint32_t *)ctx);
}

/* An empty table nobody declares goes, unless what comes after it might be taken for it. */
START_TEST(a_table_whose_generations_run_out_stays)
{
	struct ths_ref ref;
	struct ths_table *table;
	uint32_t row;

	script_start(&ref, 1);
	ck_assert_int_eq(script_by(&ref, new_and_free, &row), THS_OK);
	ck_assert_int_eq(script_by(&ref, script_new_loose, &row), THS_OK);
	ck_assert_int_eq(script_by(&ref, script_free_loose, &row), THS_OK);
	table = ths_table_find("script.loose/1", "");
	if (_i)
		slot_version(table->slots[row].word)->generation = UINT32_MAX / 2 + 1;
	ck_assert_uint_eq(table->used, 1);
	ths_table_close(table);
	ck_assert_ptr_eq(ths_table_find("script.loose/1", ""), _i ? table : NULL);
	rig_stop();
}
END_TEST

/* ---- whether the state is one ---------------------------------------------------------- */

static enum ths_err selftest(void)
{
	struct ths_ref module = THS_REF(module);
	struct module_name name = {.name = "state_db"};

	return module_selftest(&module, &name);
}

START_TEST(state_that_is_none_is_noticed)
{
	struct db_state *state = &ths_state_state_db;
	uint32_t *const places[] = {&state->share_table, &state->holder_table,
				    &state->orphan_table, &state->free[0].head};
	uint32_t was;

	harness_start();
	was = *places[_i];
	ck_assert_int_eq(selftest(), THS_OK);
	*places[_i] = TABLES_MAX - 1;
	ck_assert_int_eq(selftest(), THS_E_INTERNAL);
	*places[_i] = was;
	ck_assert_int_eq(selftest(), THS_OK);
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("table");
	TCase *none = ths_suite_case(suite, "no table"), *agree = ths_suite_case(suite, "B3");

	tcase_add_loop_test(none, a_schema_is_a_name_and_a_number, 0,
			    (int)THS_ARRAY_SIZE(malformed));
	tcase_add_loop_test(none, what_contradicts_itself_is_refused, 0,
			    (int)THS_ARRAY_SIZE(senseless));
	tcase_add_test(none, there_are_so_many_tables_and_no_more);
	tcase_add_test(none, a_table_that_cannot_be_made_leaves_nothing);
	tcase_add_loop_test(agree, declarations_of_a_table_agree, 0,
			    (int)THS_ARRAY_SIZE(seconds));
	tcase_add_test(agree, a_table_is_known_by_its_whole_name_and_whose_it_is);
	tcase_add_loop_test(ths_suite_case(suite, "B4"), a_table_whose_generations_run_out_stays,
			    0, 2);
	tcase_add_loop_test(ths_suite_case(suite, "state"), state_that_is_none_is_noticed, 0, 4);
	return suite;
}

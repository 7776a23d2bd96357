/*
 * nest_test - calls within calls are one transaction: what an inner one did stands or
 * falls with it, and with all around it.
 *
 * Each test runs twice: on a machine with one CPU and with two.
 */
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <string.h>
#include <theseus/host.h>
#include "nano_core/nano_core_impl.h"

static struct ths_ref ref;

static void start(int cpus)
{
	script_start(&ref, (unsigned)cpus);
}

static enum ths_err run(script_fn *fn, void *ctx)
{
	return script_by(&ref, fn, ctx);
}

/* ---- nesting ------------------------------------------------------------------------- */

static enum ths_err innermost(struct ths_call *call, void *ctx)
{
	(void)ctx;
	return script_put(call, 0, 3);
}

static enum ths_err middle_fails(struct ths_call *call, void *ctx)
{
	ck_assert_int_eq(script_nested(call, innermost, NULL), THS_OK);
	ck_assert_uint_eq(script_get(call, 0), 3);
	return *(enum ths_err *)ctx;
}

static enum ths_err outer_goes_on(struct ths_call *call, void *ctx)
{
	THS_TRY(script_put(call, 0, 1));
	ck_assert_int_eq(script_nested(call, middle_fails, ctx), *(enum ths_err *)ctx);
	ck_assert_uint_eq(script_get(call, 0), *(enum ths_err *)ctx ? 1 : 3);
	return THS_OK;
}

/* The middle level did not touch the row itself. */
START_TEST(a_merged_grandchild_goes_with_its_failed_parent)
{
	enum ths_err err = THS_E_IO;

	start(_i);
	ck_assert_int_eq(run(outer_goes_on, &err), THS_OK);
	ck_assert_uint_eq(script_value(&ref, 0), 1);
	err = THS_OK;
	ck_assert_int_eq(run(outer_goes_on, &err), THS_OK);
	ck_assert_uint_eq(script_value(&ref, 0), 3);
	script_assert_clean();
	rig_stop();
}
END_TEST

/*
 * A random tree of nested calls over a few cells, keyed and loose rows, beside a model
 * that is copied at each entry and put back after each error.
 */
#define TREE_CELLS 5u
#define TREE_KEYS  12u
struct model {
	uint64_t cell[TREE_CELLS];
	uint64_t item[TREE_KEYS]; /* 0: no such key */
	uint32_t loose;           /* bit per row that lives */
};
static struct model model, committed;
static uint64_t dice;

static uint32_t roll(uint32_t sides)
{
	dice = dice * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(dice >> 33) % sides;
}

static void compare(struct ths_call *call)
{
	uint32_t row = THS_ROW_NONE, living = 0;
	const struct item *item;

	for (uint32_t i = 0; i < TREE_CELLS; i++)
		ck_assert_uint_eq(script_get(call, i), model.cell[i]);
	for (uint32_t i = 0; i < TREE_KEYS; i++) {
		enum ths_err err = ths_row_find(call, ITEM, i + 100, &row, &item);

		ck_assert_int_eq(err, model.item[i] ? THS_OK : THS_E_NOENT);
		if (err == THS_OK)
			ck_assert_uint_eq(item->value, model.item[i]);
	}
	row = THS_ROW_NONE;
	while (ths_row_next(call, LOOSE, &row) == THS_OK)
		living |= 1u << row;
	ck_assert_uint_eq(living, model.loose);
}

static void change_item(struct ths_call *call, uint32_t which)
{
	const struct item *seen;
	struct item *item;
	uint32_t row;

	if (!model.item[which]) {
		ck_assert_int_eq(ths_row_new_keyed(call, ITEM, which + 100, &row, &item),
				 THS_OK);
		ck_assert_uint_eq(item->value, 0);
		item->value = model.item[which] = 1 + roll(1000);
		return;
	}
	ck_assert_int_eq(ths_row_new_keyed(call, ITEM, which + 100, &row, &item),
			 THS_E_EXIST);
	ck_assert_int_eq(ths_row_find(call, ITEM, which + 100, &row, &seen), THS_OK);
	if (roll(2)) {
		ck_assert_int_eq(ths_row_free(call, ITEM, row), THS_OK);
		model.item[which] = 0;
	} else {
		ck_assert_int_eq(ths_row_write(call, ITEM, row, &item), THS_OK);
		item->value = model.item[which] = 1 + roll(1000);
	}
}

static void change_loose(struct ths_call *call)
{
	struct loose *loose;
	uint32_t row = roll(LOOSES);
	enum ths_err err;

	if (model.loose & 1u << row) {
		ck_assert_int_eq(ths_row_free(call, LOOSE, row), THS_OK);
		ck_assert_int_eq(ths_row_write(call, LOOSE, row, &loose), THS_E_NOENT);
		model.loose &= ~(1u << row);
		return;
	}
	/* A row freed in this interaction is another's only after commit. */
	err = ths_row_new(call, LOOSE, &row, &loose);
	ck_assert(err == THS_OK || err == THS_E_FULL);
	if (err == THS_OK) {
		ck_assert(!(model.loose & 1u << row));
		model.loose |= 1u << row;
	}
}

static enum ths_err tree(struct ths_call *call, void *ctx)
{
	uintptr_t depth = (uintptr_t)ctx;

	if (depth == 0)
		model = committed; /* the gate may begin again: W4 */
	for (unsigned steps = roll(4); steps > 0; steps--) {
		struct model before = model;
		uint32_t row = roll(TREE_CELLS);

		switch (roll(depth < 6 ? 5 : 3)) {
		case 0:
			model.cell[row] = roll(1000);
			ck_assert_int_eq(script_put(call, row, model.cell[row]), THS_OK);
			break;
		case 1:
			change_item(call, roll(TREE_KEYS));
			break;
		case 2:
			change_loose(call);
			break;
		default:
			if (script_nested(call, tree, (void *)(depth + 1)) != THS_OK)
				model = before;
			break;
		}
		compare(call);
		if (ths_cpu()->txn.writes > WRITES_MAX - 20)
			break;
	}
	return roll(3) ? THS_OK : THS_E_IO;
}

static enum ths_err only_compare(struct ths_call *call, void *ctx)
{
	(void)ctx;
	compare(call);
	return THS_OK;
}

START_TEST(random_trees_of_calls_agree_with_a_model)
{
	dice = ths_test_seed();
	start(_i);
	for (unsigned i = 0; i < 400; i++) {
		if (run(tree, NULL) != THS_OK)
			model = committed;
		committed = model;
		script_assert_clean();
		ck_assert_int_eq(run(only_compare, NULL), THS_OK);
	}
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("nest");
	TCase *nest = tcase_create("nesting is closed");

	suite_add_tcase(suite, nest);
	tcase_add_loop_test(nest, a_merged_grandchild_goes_with_its_failed_parent, 1, 3);
	tcase_add_loop_test(nest, random_trees_of_calls_agree_with_a_model, 1, 3);
	return suite;
}

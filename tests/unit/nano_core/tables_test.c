/*
 * tables_test - which tables go with the last module that declares them, and that nothing is
 * left of them: no page, no charge, no reference that leads anywhere.
 */
#include "failpoint.h"
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <theseus/host.h>
#include <theseus/iface/module.h>
#include <theseus/string.h>
#include "nano_core/nano_core_impl.h"

static struct ths_ref ref;

/* A module with an instance's own tables of every kind, and shared ones. */
enum { OWN_PLAIN, OWN_KEYED, OWN_JOINT, OWN_FIXED, OWN_LOCAL, SHARED, SHARED_SOFT, SHARED_FIXED };
#define ROWS 700u

THS_MODULE(many, "many", 1, 0,
	   THS_PROVIDES(script, SCRIPT_SERVES(script_first_op)),
	   THS_TABLE(OWN_PLAIN, "many.plain/1", struct loose, .rows = ROWS,
		     .flags = THS_PER_INSTANCE),
	   THS_TABLE(OWN_KEYED, "many.keyed/1", struct item, .rows = ROWS,
		     .flags = THS_PER_INSTANCE | THS_KEYED),
	   THS_TABLE(OWN_JOINT, "many.joint/1", struct item, .rows = ROWS,
		     .flags = THS_PER_INSTANCE | THS_KEYED | THS_JOINT),
	   THS_TABLE(OWN_FIXED, "many.fixed/1", struct cell_next, .rows = ROWS,
		     .flags = THS_PER_INSTANCE | THS_FIXED),
	   THS_TABLE(OWN_LOCAL, "many.local/1", struct loose,
		     .flags = THS_PER_INSTANCE | THS_PER_CPU),
	   THS_TABLE(SHARED, "many.shared/1", struct item, .rows = ROWS, .flags = THS_KEYED),
	   THS_TABLE(SHARED_SOFT, "many.soft/1", struct item, .rows = ROWS,
		     .flags = THS_KEYED | THS_SOFT),
	   THS_TABLE(SHARED_FIXED, "many.state/1", struct loose));

static void start(void)
{
	harness_start();
	ref = (struct ths_ref)THS_REF(script);
}

static uint32_t load(void)
{
	return rig_bind(&ths_module_many, "");
}

static void unload(uint32_t slot)
{
	ck_assert_int_eq(ths_unbind(&script_iface, ""), THS_OK);
	ck_assert_int_eq(ths_module_unload(slot), THS_OK);
}

static struct ths_weak weak;

/* Rows in all of its own tables; some come and go. */
static enum ths_err use_own(struct ths_call *call, void *ctx)
{
	struct cell_next *cell;
	struct loose *loose;
	struct item *item;
	uint32_t row;

	(void)ctx;
	for (uint64_t key = 0; key < 3; key++) {
		THS_TRY(ths_row_new(call, OWN_PLAIN, &row, &loose));
		THS_TRY(ths_row_new_keyed(call, OWN_KEYED, key, &row, &item));
		THS_TRY(ths_row_new_keyed(call, OWN_JOINT, key, &row, &item));
		THS_TRY(ths_row_write(call, OWN_FIXED, (uint32_t)key * 100, &cell));
	}
	THS_TRY(ths_row_write(call, OWN_LOCAL, 0, &loose));
	return ths_row_weak(call, OWN_JOINT, row, &weak);
}

static enum ths_err use_soft(struct ths_call *call, void *ctx)
{
	struct loose *state;
	struct item *item;
	uint32_t row;

	THS_TRY(ths_row_write(call, SHARED_FIXED, 0, &state));
	return ths_row_new_keyed(call, SHARED_SOFT, *(uint64_t *)ctx, &row, &item);
}

static enum ths_err drop_some(struct ths_call *call, void *ctx)
{
	uint32_t row = THS_ROW_NONE;

	(void)ctx;
	THS_TRY(ths_row_next(call, OWN_PLAIN, &row));
	THS_TRY(ths_row_free(call, OWN_PLAIN, row));
	row = THS_ROW_NONE;
	THS_TRY(ths_row_next(call, OWN_JOINT, &row));
	return ths_row_free(call, OWN_JOINT, row);
}

static void must(script_fn *fn, void *ctx)
{
	enum ths_err err = script_by(&ref, fn, ctx);

	ck_assert_msg(err == THS_OK, "%s", ths_err_name(err));
}

static unsigned tables_named(const char *prefix)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < ths_core.tables; i++)
		count += ths_str_starts(ths_core.table[i].schema, prefix);
	return count;
}

static uint32_t charged(uint32_t client)
{
	struct module_client told = {.client = client - 1};

	return ths_quota_next(&told) && told.client == client ? told.rows : 0;
}

/* ---- B4 ------------------------------------------------------------------------------- */

static void a_life(void)
{
	uint64_t key = 5;
	uint32_t slot = load();

	ths_cpu()->current = 3;
	must(use_own, NULL);
	must(drop_some, NULL);
	must(use_soft, &key);
	ths_cpu()->current = CONTEXTS_MAX;
	ck_assert_uint_eq(charged(3), 2);
	unload(slot);
	ck_assert_uint_eq(charged(3), 0);
}

START_TEST(ten_thousand_loads_and_unloads_leave_nothing)
{
	uint64_t pages;
	uint32_t tables;

	start();
	a_life();
	pages = ths_pages_out();
	tables = ths_core.tables;
	for (unsigned i = 1; i < 10000; i++)
		a_life();
	ck_assert_uint_eq(ths_pages_out(), pages);
	ck_assert_uint_eq(ths_core.tables, tables);
	ck_assert_uint_eq(tables_named("many."), 1); /* the state that is fixed */
	ck_assert_uint_eq(ths_table_find("state_db.share/1", "")->live, 0);
	rig_stop();
}
END_TEST

static enum ths_err share_row(struct ths_call *call, void *ctx)
{
	const struct item *seen;
	struct item *item;
	uint32_t row;

	if (ths_row_find(call, SHARED, *(uint64_t *)ctx, &row, &seen) == THS_OK)
		return THS_E_EXIST;
	return ths_row_new_keyed(call, SHARED, *(uint64_t *)ctx, &row, &item);
}

static enum ths_err unshare_row(struct ths_call *call, void *ctx)
{
	const struct item *seen;
	uint32_t row;

	THS_TRY(ths_row_find(call, SHARED, *(uint64_t *)ctx, &row, &seen));
	return ths_row_free(call, SHARED, row);
}

START_TEST(rows_that_are_the_machines_stay)
{
	uint64_t key = 8;
	uint32_t slot;

	start();
	slot = load();
	must(share_row, &key);
	unload(slot);
	slot = load();
	ck_assert_int_eq(script_by(&ref, share_row, &key), THS_E_EXIST);
	ck_assert_ptr_nonnull(ths_table_find("many.shared/1", ""));
	must(unshare_row, &key);
	unload(slot);
	ck_assert_ptr_null(ths_table_find("many.shared/1", ""));
	slot = load();
	must(share_row, &key);
	rig_stop();
}
END_TEST

static enum ths_err use_weak(struct ths_call *call, void *ctx)
{
	const struct item *item;

	(void)ctx;
	return ths_weak_read(call, OWN_JOINT, weak, &item);
}

/* W3, whichever table has its rows where those were. */
START_TEST(weak_references_outlive_the_table_and_stay_dead)
{
	struct ths_weak before;
	uint32_t slot;

	start();
	slot = load();
	for (unsigned i = 0; i < 5; i++) {
		must(use_own, NULL);
		must(use_weak, NULL);
		before = weak;
		unload(slot);
		slot = load();
		ck_assert_int_eq(script_by(&ref, use_weak, NULL), THS_E_STALE);
		must(use_own, NULL);
		ck_assert_uint_eq(weak.row, before.row);
		weak = before;
		ck_assert_int_eq(script_by(&ref, use_weak, NULL), THS_E_STALE);
		unload(slot);
		slot = load();
	}
	rig_stop();
}
END_TEST

START_TEST(while_somebody_declares_it_a_table_stays)
{
	uint64_t key = 8;
	uint32_t first, second;

	start();
	first = load();
	second = rig_add(&ths_module_many, "second");
	must(share_row, &key);
	must(unshare_row, &key);
	must(use_soft, &key);
	unload(first);
	ck_assert_ptr_nonnull(ths_table_find("many.shared/1", ""));
	ck_assert_uint_eq(ths_table_find("many.soft/1", "")->live, 1);
	ck_assert_int_eq(ths_module_unload(second), THS_OK);
	ck_assert_ptr_null(ths_table_find("many.soft/1", ""));
	rig_stop();
}
END_TEST

/* ---- what runs out -------------------------------------------------------------------- */

static void try_a_life(void *ctx)
{
	struct ths_reason reason;
	uint32_t slot, client = 3;

	(void)ctx;
	if (ths_module_add(&ths_module_many, NULL, &slot, &reason) != THS_OK)
		return;
	if (ths_bind(slot, "") == THS_OK) {
		ths_cpu()->current = client;
		(void)!script_by(&ref, use_own, NULL);
		ths_cpu()->current = CONTEXTS_MAX;
		for (unsigned i = 0; ths_unbind(&script_iface, "") != THS_OK; i++)
			ck_assert_uint_lt(i, 1000);
	}
	ck_assert_int_eq(ths_module_unload(slot), THS_OK);
}

/* Rows that could not be removed are there still, in the table that is found by name. */
START_TEST(an_own_table_that_cannot_go_is_found_by_its_successor)
{
	start();
	try_a_life(NULL);
	ck_assert_uint_gt(ths_fail_each("", false, try_a_life, NULL), 20);
	a_life();
	ck_assert_uint_eq(tables_named("many."), 1);
	ck_assert_uint_eq(charged(3), 0);
	rig_stop();
}
END_TEST

START_TEST(what_never_served_is_wiped_and_owned_by_nobody)
{
	struct ths_instance *instance;

	start();
	instance = &ths_core.instance[load()];
	ths_cpu()->current = 3;
	must(use_own, NULL);
	ths_cpu()->current = CONTEXTS_MAX;
	ck_assert_uint_eq(charged(3), 3);
	ths_instance_wipe(instance);
	ck_assert_uint_eq(charged(3), 0);
	ck_assert(!ths_share_has_any(3));
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("tables");
	TCase *tcase = ths_suite_case(suite, "B4 removal");

	tcase_add_test(tcase, ten_thousand_loads_and_unloads_leave_nothing);
	tcase_add_test(tcase, rows_that_are_the_machines_stay);
	tcase_add_test(tcase, weak_references_outlive_the_table_and_stay_dead);
	tcase_add_test(tcase, while_somebody_declares_it_a_table_stays);
	tcase = ths_suite_case(suite, "nothing left");
	tcase_add_test(tcase, an_own_table_that_cannot_go_is_found_by_its_successor);
	tcase_add_test(tcase, what_never_served_is_wiped_and_owned_by_nobody);
	return suite;
}

/*
 * migrate_test - a table changes its schema, row by row, and nobody sees more than its rows.
 *
 * One row says four things (struct said). Six modules each keep them in a layout of their
 * own, in tables of each kind: what a test writes through one of them it must be told by
 * any other. Beside what it says a row has words that follow from it, so that a byte that
 * was not carried over is seen.
 */
#include "migrate_shapes.h"

static void setup(void)
{
	harness_start();
	setup_modules();
}

/* ---- every shape, forward and back ----------------------------------------------------- */

START_TEST(what_rows_say_stays)
{
	uint64_t pages[POOLS];

	for (base = 1; base < 7; base++) {
		write_all(&ref);
		swap_to(shapes[_i]);
		ck_assert_uint_eq(ths_core.steps, 4); /* no row was touched so far */
		ck_assert_uint_eq(table_of(PLAIN)->quick_rows, 0);
		check_all(&ref);
		ck_assert_int_eq(ths_sweep(), THS_OK);
		assert_ended();
		check_all(&ref);
		swap_to(&ths_module_first); /* which has no functions: those of who leaves */
		check_all(&ref);
		ck_assert_uint_eq(ths_core.steps, 0); /* its text had to go */
		assert_ended();
		if (base == 3)
			memcpy(pages, ths_cpu()->pool_pages, sizeof(pages));
	}
	ck_assert_mem_eq(pages, ths_cpu()->pool_pages, sizeof(pages));
}
END_TEST

/* What is written in between is of the new schema, and comes back all the same. */
START_TEST(a_step_is_turned_round_in_its_midst)
{
	uint32_t before = server;
	struct range some = {PLAIN, 3, 9, 0}, new_ones = {SHARED, 45, 60, 0};

	write_all(&ref);
	ths_probation_set((struct ths_probation){0, 1000000});
	swap_to(shapes[_i]);
	ck_assert_int_eq(ths_core.instance[before].state, THS_INSTANCE_KEPT);
	ck_assert(ths_migration_can_revert(&ths_core.instance[server],
					   &ths_core.instance[before]));
	base = 9;
	write_all(&ref);
	ck_assert_int_eq(script_by(&ref, write_range, &new_ones), THS_OK);
	ck_assert_int_eq(ths_rollback("script", NULL), THS_OK);
	server = before;
	ck_assert_uint_eq(ths_core.steps, 4);
	check_all(&ref);
	base = 11;
	ck_assert_int_eq(script_by(&ref, write_range, &some), THS_OK);
	ck_assert_int_eq(script_by(&ref, read_range, &some), THS_OK);
	write_all(&ref);
	base = 9;
	ck_assert_int_eq(script_by(&ref, read_range, &new_ones), THS_OK);
	base = 11;
	ck_assert_int_eq(ths_sweep(), THS_OK);
	ck_assert_uint_eq(ths_core.steps, 0);
	check_all(&ref);
}
END_TEST

/* Rows nobody ever wrote are there, zeroed, whichever schema they are read in. */
static enum ths_err read_zeroes(struct ths_call *call, void *ctx)
{
	const void *row;

	(void)ctx;
	for (uint32_t i = 0; i < PLAINS; i++) {
		THS_TRY(ths_row_read(call, PLAIN, i, &row));
		ck_assert_uint_eq(get(known(PLAIN), row).key, 0);
		ck_assert_uint_eq(get(known(PLAIN), row).both, 0);
	}
	return THS_OK;
}

START_TEST(rows_never_written_are_zero)
{
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(script_by(&ref, read_zeroes, NULL), THS_OK);
		swap_to(shapes[_i]);
		ck_assert_int_eq(script_by(&ref, read_zeroes, NULL), THS_OK);
		swap_to(&ths_module_first);
		ck_assert_int_eq(script_by(&ref, read_zeroes, NULL), THS_OK);
	}
}
END_TEST

/* ---- one step at a time ----------------------------------------------------------------- */

START_TEST(the_next_step_waits_for_the_first)
{
	write_all(&ref);
	swap_to(&ths_module_grown);
	swap_to(&ths_module_last);
	ck_assert_uint_eq(ths_core.steps, 4);
	ck_assert_uint_eq(table_of(PLAIN)->step.side[0].version, GROWN);
	check_all(&ref);
	ck_assert_int_eq(ths_sweep(), THS_OK);
	assert_ended();
	check_all(&ref);
}
END_TEST

START_TEST(a_schema_without_functions_is_refused)
{
	struct ths_reason reason;
	uint32_t slot;

	swap_to(&ths_module_grown);
	ck_assert_int_eq(ths_module_add(&ths_module_split, NULL, &slot, &reason),
			 THS_E_SCHEMA);
	ck_assert_uint_eq(ths_core.steps, 4);
	write_all(&ref);
	check_all(&ref);
}
END_TEST

/* ---- a function that fails -------------------------------------------------------------- */

static const struct {
	int trouble;
	enum ths_err err;
} troubles[] = {{REFUSES, THS_E_IO},
		{FAULTS, THS_E_FAULT},
		{LIES, THS_E_INTERNAL},
		{RENAMES, THS_E_SCHEMA},
		{ACTS, THS_E_INTERNAL}};

static const struct range bad_rows[] = {
	{PLAIN, 6, 7, BAD}, {SHARED, 6, 7, BAD}, {OWN, 0, 1, BAD}, {DEVICE, 1, 2, BAD}};

START_TEST(a_row_that_cannot_be_converted_stays)
{
	struct range good = {PLAIN, 7, PLAINS - 4, 0}, bad = bad_rows[0];
	bool keyed_only = troubles[_i].trouble == RENAMES;
	const struct ths_instance *bearer;
	uint64_t faults;

	write_all(&ref);
	for (unsigned i = keyed_only; i < (keyed_only ? 2 : 4); i++)
		ck_assert_int_eq(do_range(&ref, write_range, &bad_rows[i]), THS_OK);
	swap_to(&ths_module_grown);
	trouble = troubles[_i].trouble;
	bad = keyed_only ? bad_rows[1] : bad_rows[0];
	bearer = table_of(PLAIN)->step.bearer;
	faults = bearer->faults;
	for (unsigned i = 0; i < 3; i++) {
		struct range again = bad;

		ck_assert_int_eq(script_by(&ref, read_range, &again), troubles[_i].err);
		ck_assert_int_eq(script_by(&ref, write_range, &again), troubles[_i].err);
		ck_assert_int_eq(script_by(&ref, read_range, &good), THS_OK);
	}
	ck_assert(troubles[_i].trouble != FAULTS || bearer->faults >= faults + 6);
	ck_assert_int_eq(ths_sweep(), THS_E_BUSY);
	ck_assert_uint_eq(ths_core.steps, keyed_only ? 1 : 4);
	ck_assert_uint_eq(table_of(bad.table)->step.stuck, 1);
	ck_assert_int_eq(table_of(bad.table)->step.stuck_err, troubles[_i].err);
	trouble = WELL;
	check_all(&ref);
	ck_assert_int_eq(ths_sweep(), THS_OK);
	assert_ended();
	check_all(&ref);
}
END_TEST

/* S3: one row is given up, and not its slice. */
START_TEST(a_function_that_does_not_end_costs_one_row)
{
	write_all(&ref);
	ck_assert_int_eq(do_range(&ref, write_range, &bad_rows[0]), THS_OK);
	swap_to(&ths_module_grown);
	trouble = HANGS;
	ck_assert_int_eq(ths_sweep(), THS_E_BUSY);
	ck_assert_uint_eq(ths_core.steps, 1);
	ck_assert_uint_eq(table_of(PLAIN)->step.stuck, 1);
	ck_assert_uint_eq(table_of(PLAIN)->step.stuck_row, 6);
	trouble = WELL;
	ck_assert_int_eq(ths_sweep(), THS_OK);
	assert_ended();
	check_all(&ref);
}
END_TEST

/* The table and one of the rows are named. */
START_TEST(stuck_rows_refuse_the_next_step_and_keep_the_text)
{
	struct ths_reason reason = {{0}};
	struct ths_instance *last;
	uint32_t bearer, next;
	struct ths_instance *in;

	write_all(&ref);
	ck_assert_int_eq(do_range(&ref, write_range, &bad_rows[0]), THS_OK);
	swap_to(&ths_module_grown);
	trouble = REFUSES;
	next = rig_add(&ths_module_last, "next");
	ck_assert_int_eq(ths_swap(server, next, NULL), THS_E_BUSY);
	last = in = &ths_core.instance[next];
	ths_core.instance[server].leaving = true;
	ck_assert_int_eq(ths_migrate_check(&in, 1, &reason), THS_E_BUSY);
	ths_core.instance[server].leaving = false;
	ck_assert_ptr_nonnull(strstr(reason.text, "shape.plain/2"));
	ck_assert_ptr_nonnull(strstr(reason.text, "row 6"));

	/* The same schema is no other step, but the functions are needed. */
	bearer = server;
	swap_to(&ths_module_grown);
	ck_assert_int_eq(ths_core.instance[bearer].state, THS_INSTANCE_RETIRED);
	ths_probation_sweep();
	ck_assert_int_eq(ths_core.instance[bearer].state, THS_INSTANCE_RETIRED);
	trouble = WELL;
	check_all(&ref);
	ck_assert_int_eq(ths_sweep(), THS_OK);
	ths_probation_sweep();
	ck_assert_int_eq(ths_core.instance[bearer].state, THS_INSTANCE_FREE);
	ck_assert_int_eq(ths_swap(server, last->slot, NULL), THS_OK);
	server = last->slot;
	check_all(&ref);
}
END_TEST

/* ---- others --------------------------------------------------------------------------- */

START_TEST(others_go_on_in_the_schema_they_know)
{
	struct range theirs = {PLAIN, 0, 20, 0};

	(void)bind_other(&ths_module_first);
	for (unsigned i = 0; i < 4; i++) {
		base = 20 + i;
		write_all(i % 2 ? &ref : &other);
		check_all(i % 2 ? &other : &ref);
		if (i == 1)
			swap_to(shapes[_i]);
	}
	ck_assert_int_eq(ths_sweep(), THS_E_BUSY); /* the other one will write old rows */
	ck_assert_int_eq(script_by(&other, write_range, &theirs), THS_OK);
	check_all(&ref);
	ck_assert_int_eq(ths_unbind(&script_iface, "other"), THS_OK);
	ck_assert_int_eq(ths_sweep(), THS_OK);
	assert_ended();
	check_all(&ref);
}
END_TEST

START_TEST(without_a_way_back_others_refuse_it)
{
	uint32_t user = bind_other(&ths_module_first), next = rig_add(&ths_module_oneway, "next");
	struct ths_instance *in = &ths_core.instance[next];
	struct ths_reason reason = {{0}};

	write_all(&ref);
	ck_assert_int_eq(ths_swap(server, next, NULL), THS_E_SCHEMA);
	ths_core.instance[server].leaving = true;
	ck_assert_int_eq(ths_migrate_check(&in, 1, &reason), THS_E_SCHEMA);
	ck_assert_ptr_nonnull(strstr(reason.text, "the other"));
	ths_core.instance[user].leaving = true; /* in the same set */
	ck_assert_int_eq(ths_migrate_check(&in, 1, &reason), THS_OK);
	ths_core.instance[user].leaving = ths_core.instance[server].leaving = false;
	check_all(&ref);
	check_all(&other);
	ck_assert_int_eq(ths_unbind(&script_iface, "other"), THS_OK);
	ck_assert_int_eq(ths_swap(server, next, NULL), THS_OK);
	ck_assert_int_eq(ths_bind(user, "other"), THS_E_SCHEMA); /* it came too late */
	server = next;
	check_all(&ref);
}
END_TEST

/* Each in its schema, one within the other. */
static enum ths_err outer_and_inner(struct ths_call *call, void *ctx)
{
	struct range one = {PLAIN, 5, 6, 0}, next = {PLAIN, 6, 7, 0};
	const void *seen;
	void *row;
	struct said said;

	(void)ctx;
	base = 31;
	THS_TRY(write_range(call, &one));
	THS_TRY(script_by(ths_use(call, OTHER), read_range, &one));
	base = 32;
	THS_TRY(script_by(ths_use(call, OTHER), write_range, &one)); /* an overlay */
	THS_TRY(read_range(call, &one));
	base = 33;
	THS_TRY(write_range(call, &one));
	THS_TRY(script_by(ths_use(call, OTHER), read_range, &one));
	THS_TRY(script_by(ths_use(call, OTHER), write_range, &next)); /* a write of its own */
	THS_TRY(read_range(call, &next));
	THS_TRY(ths_row_write(call, PLAIN, 6, &row));
	said = get(known(PLAIN), row);
	ck_assert_uint_eq(said.count, expected(7).count);
	THS_TRY(ths_row_read(call, PLAIN, 6, &seen));
	ck_assert_ptr_eq(seen, row);
	return THS_OK;
}

START_TEST(levels_of_two_schemas_see_each_other)
{
	struct range both = {PLAIN, 5, 7, 0};

	(void)bind_other(&ths_module_first);
	base = 30;
	write_all(&ref);
	swap_to(shapes[_i]);
	ck_assert_int_eq(script_by(&ref, outer_and_inner, NULL), THS_OK);
	ck_assert_int_eq(script_by(&ref, read_range, &both), THS_OK);
	ck_assert_int_eq(script_by(&other, read_range, &both), THS_OK);
}
END_TEST

/* ---- no way back ------------------------------------------------------------------------ */

static enum ths_err write_and_fail(struct ths_call *call, void *ctx)
{
	THS_TRY(write_range(call, ctx));
	return THS_E_IO;
}

static bool may_revert(uint32_t before)
{
	return ths_migration_can_revert(&ths_core.instance[server],
					&ths_core.instance[before]);
}

/* Not the first that is tried, and not the first that reads. */
START_TEST(the_first_commit_bars_the_way_back)
{
	uint32_t before = rig_add(&ths_module_first, "before");
	struct range one = {PLAIN, 5, 6, 0};

	write_all(&ref);
	swap_to(&ths_module_oneway);
	check_all(&ref);
	ck_assert_int_eq(script_by(&ref, write_and_fail, &one), THS_E_IO);
	ck_assert(may_revert(before));
	if (_i == 0) {
		ck_assert_int_eq(ths_swap(server, before, NULL), THS_OK);
		check_all(&ref);
		return;
	}
	ck_assert_int_eq(script_by(&ref, write_range, &one), THS_OK);
	ck_assert(!may_revert(before));
	ck_assert_int_eq(ths_swap(server, before, NULL), THS_E_SCHEMA);
	check_all(&ref);
}
END_TEST

/* Where no row is on its way any more, it is the functions that lead back: those of who
 * serves, or of who served before. */
START_TEST(after_the_step_functions_are_the_way_back)
{
	uint32_t first = rig_add(&ths_module_first, "before"), grown;

	swap_to(&ths_module_grown);
	ck_assert_int_eq(ths_sweep(), THS_OK);
	ck_assert_uint_eq(ths_core.steps, 0);
	ck_assert(may_revert(first));
	grown = rig_add(&ths_module_grown, "grown.before");
	swap_to(&ths_module_first);
	ck_assert_int_eq(ths_sweep(), THS_OK);
	ck_assert(may_revert(grown));
	ck_assert(may_revert(first));
	swap_to(&ths_module_oneway);
	ck_assert_int_eq(ths_sweep(), THS_OK);
	ck_assert_uint_eq(ths_core.steps, 0);
	ck_assert(!may_revert(first));
}
END_TEST

/* Who holds up the first step is named. */
START_TEST(who_reads_old_rows_refuses_the_next_step)
{
	struct ths_instance *in;
	struct ths_reason reason = {{0}};

	(void)bind_other(&ths_module_first);
	write_all(&ref);
	swap_to(&ths_module_grown);
	in = &ths_core.instance[rig_add(&ths_module_last, "next")];
	ths_core.instance[server].leaving = true;
	ck_assert_int_eq(ths_migrate_check(&in, 1, &reason), THS_E_BUSY);
	ths_core.instance[server].leaving = false;
	ck_assert_ptr_nonnull(strstr(reason.text, "reads the old ones"));
	check_all(&ref);
}
END_TEST

/* ---- references and enumerations -------------------------------------------------------- */

static struct ths_weak weak;
static struct ths_weak_cached cached;

static enum ths_err take_weak(struct ths_call *call, void *ctx)
{
	const void *row;
	uint32_t number;

	(void)ctx;
	THS_TRY(ths_row_find(call, SHARED, 9, &number, &row));
	THS_TRY(ths_row_weak(call, SHARED, number, &weak));
	return ths_weak_cache(call, SHARED, weak, &cached);
}

/* @ctx: whether a cached one leads to the row. It never leads to another schema's. */
static enum ths_err use_weak(struct ths_call *call, void *ctx)
{
	const void *row;

	THS_TRY(ths_weak_read(call, SHARED, weak, &row));
	assert_said(SHARED, row, 9);
	THS_TRY(ths_weak_cache(call, SHARED, weak, &cached));
	row = ths_weak_upgrade(&cached);
	ck_assert_int_eq(row != NULL, *(bool *)ctx);
	if (row)
		assert_said(SHARED, row, 9);
	return THS_OK;
}

static enum ths_err count_rows(struct ths_call *call, void *ctx)
{
	uint32_t row = THS_ROW_NONE;

	*(unsigned *)ctx = 0;
	while (ths_row_next(call, SHARED, &row) == THS_OK)
		++*(unsigned *)ctx;
	return THS_OK;
}

static enum ths_err free_some(struct ths_call *call, void *ctx)
{
	const void *seen;
	uint32_t row;

	for (uint64_t key = 1; key <= *(unsigned *)ctx; key++) {
		THS_TRY(ths_row_find(call, SHARED, key, &row, &seen));
		THS_TRY(ths_row_free(call, SHARED, row));
	}
	return THS_OK;
}

START_TEST(references_rows_and_keys_stay)
{
	unsigned rows = 0, freed = 5;

	write_all(&ref);
	ck_assert_int_eq(script_by(&ref, take_weak, NULL), THS_OK);
	swap_to(shapes[_i]);
	ck_assert_int_eq(script_by(&ref, use_weak, &(bool){false}), THS_OK);
	ck_assert_int_eq(script_by(&ref, count_rows, &rows), THS_OK);
	ck_assert_uint_eq(rows, 45);
	ck_assert_int_eq(script_by(&ref, free_some, &freed), THS_OK);
	ck_assert_int_eq(script_by(&ref, count_rows, &rows), THS_OK);
	ck_assert_uint_eq(rows, 40);
	ck_assert_int_eq(ths_sweep(), THS_OK);
	ck_assert_int_eq(script_by(&ref, use_weak, &(bool){true}), THS_OK);
	write_all(&ref); /* freed ones come anew */
	check_all(&ref);
}
END_TEST

/* ---- whatever runs out ------------------------------------------------------------------ */

static void allow(enum ths_err err)
{
	ck_assert_msg(err == THS_OK || err == THS_E_NOMEM || err == THS_E_FULL ||
			      err == THS_E_UNAVAIL,
		      "%s", ths_err_name(err));
}

/* There and back while the nth thing that can run out does; returns how many there are. */
static uint64_t there_and_back(uint64_t nth, bool persistently)
{
	uint32_t next;
	uint64_t reached;

	setup();
	write_all(&ref);
	next = rig_add(shapes[nth % THS_ARRAY_SIZE(shapes)], "next");
	ths_host_fail_nth("alloc", nth, persistently);
	allow(ths_swap(server, next, NULL));
	for (unsigned i = 0; i < THS_ARRAY_SIZE(everything); i++) {
		base = i % 2 ? 2 : 1;
		allow(do_range(&ref, i % 2 ? write_range : read_range, &everything[i]));
	}
	allow(ths_sweep());
	reached = ths_host_fail_reached();
	ths_host_fail_nth("", 0, false);
	base = 1;
	write_all(&ref);
	check_all(&ref);
	ck_assert_int_eq(ths_sweep(), THS_OK);
	check_all(&ref);
	return reached;
}

START_TEST(what_runs_out_costs_no_row)
{
	uint64_t all = there_and_back(0, false), step = 1 + all / 50;

	ck_assert_uint_gt(all, 100);
	for (uint64_t nth = 1 + ths_test_seed() % step; nth <= all; nth += step)
		(void)there_and_back(nth, _i);
}
END_TEST

/* Without `back` nobody is kept; with it a stuck row is a failure of who brought it. */
START_TEST(a_stuck_row_fails_a_probation)
{
	uint32_t before = server;

	ths_core.quiet_faults = false; /* this is in the log, too */
	ths_probation_set((struct ths_probation){0, 1000000});
	write_all(&ref);
	ck_assert_int_eq(do_range(&ref, write_range, &bad_rows[0]), THS_OK);
	swap_to(&ths_module_grown);
	trouble = REFUSES;
	ck_assert_int_eq(ths_sweep(), THS_E_BUSY);
	ths_probation_sweep();
	ck_assert_int_eq(ths_swap_find("script", &server, NULL), THS_OK);
	ck_assert_uint_eq(server, before);
	check_all(&ref); /* as it never left its schema */
	ck_assert_int_eq(ths_sweep(), THS_OK);
	assert_ended();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("migrate");
	int all = (int)THS_ARRAY_SIZE(shapes);

	harness_loop(suite, "shapes", setup, what_rows_say_stays, 0, all);
	harness_loop(suite, "turned round", setup, a_step_is_turned_round_in_its_midst, 0, all);
	harness_loop(suite, "zero", setup, rows_never_written_are_zero, 0, all);
	harness_case(suite, "one at a time", setup, the_next_step_waits_for_the_first);
	harness_case(suite, "no functions", setup, a_schema_without_functions_is_refused);
	harness_loop(suite, "J1 troubles", setup, a_row_that_cannot_be_converted_stays, 0,
		     (int)THS_ARRAY_SIZE(troubles));
	harness_case(suite, "stuck", setup,
		     stuck_rows_refuse_the_next_step_and_keep_the_text);
	harness_case(suite, "stuck on probation", setup, a_stuck_row_fails_a_probation);
	harness_loop(suite, "others", setup, others_go_on_in_the_schema_they_know, 0, all);
	harness_case(suite, "others, one way", setup, without_a_way_back_others_refuse_it);
	harness_loop(suite, "F3 levels", setup, levels_of_two_schemas_see_each_other, 0, all);
	harness_loop(suite, "one way", setup, the_first_commit_bars_the_way_back, 0, 2);
	harness_case(suite, "way back", setup, after_the_step_functions_are_the_way_back);
	harness_case(suite, "who reads", setup, who_reads_old_rows_refuses_the_next_step);
	harness_loop(suite, "references", setup, references_rows_and_keys_stay, 0, all);
	harness_loop(suite, "J2 runs out", setup, what_runs_out_costs_no_row, 0, 2);
	harness_case(suite, "S3", setup, a_function_that_does_not_end_costs_one_row);
	return suite;
}

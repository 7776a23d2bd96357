/*
 * txn_test - reads of one moment, private writes, an end that is all or nothing.
 *
 * Each test runs twice: on a machine with one CPU, whose commit is a plain store, and
 * with two, where rows are locked and validated.
 */
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <string.h>
#include <theseus/host.h>
#include "nano_core/nano_core_impl.h"

static struct ths_ref ref;
static unsigned tries;

static void start(int cpus)
{
	script_start(&ref, (unsigned)cpus);
	tries = 0;
}

static void start_with_other(void)
{
	start(2);
	other_start();
}

static void stop_with_other(void)
{
	other_stop();
	rig_stop();
}

static enum ths_err run(script_fn *fn, void *ctx)
{
	return script_by(&ref, fn, ctx);
}

/* Cells 0 and 1 are one more than they were. */
static enum ths_err both_up(struct ths_call *call, void *ctx)
{
	struct cell *cell;

	(void)ctx;
	for (uint32_t row = 0; row < 2; row++) {
		THS_TRY(ths_row_write(call, CELL, row, &cell));
		cell->value++;
	}
	return THS_OK;
}

/* ---- W1, X1 ------------------------------------------------------------------------ */

static enum ths_err read_while_it_changes(struct ths_call *call, void *ctx)
{
	uint64_t *seen = ctx;
	const struct cell *cell;

	THS_TRY(ths_row_read(call, CELL, 0, &cell));
	if (tries++ == 0) {
		ck_assert_int_eq(other_script(both_up, NULL), THS_OK);
		ck_assert_uint_eq(cell->value, 0); /* the snapshot is what it was */
	}
	*seen = cell->value;
	return THS_OK;
}

START_TEST(a_snapshot_never_changes_and_an_outdated_outcome_is_not_believed)
{
	uint64_t seen = 99;

	start_with_other();
	ck_assert_int_eq(run(read_while_it_changes, &seen), THS_OK);
	ck_assert_uint_eq(seen, 1);
	ck_assert_uint_eq(tries, 2);
	script_assert_clean();
	stop_with_other();
}
END_TEST

static bool got_past;

static enum ths_err read_two_moments(struct ths_call *call, void *ctx)
{
	uint64_t first = script_get(call, 0);

	(void)ctx;
	if (tries++ == 0) {
		ck_assert_int_eq(other_script(both_up, NULL), THS_OK);
		(void)script_get(call, 1);
		got_past = true; /* with cell 0 of before and cell 1 of after */
	}
	ck_assert_uint_eq(first, script_get(call, 1));
	return THS_OK;
}

START_TEST(all_reads_are_of_one_moment)
{
	start_with_other();
	ck_assert_int_eq(run(read_two_moments, NULL), THS_OK);
	ck_assert(!got_past);
	ck_assert_uint_eq(tries, 2);
	stop_with_other();
}
END_TEST

static enum ths_err write_newer(struct ths_call *call, void *ctx)
{
	(void)ctx;
	(void)script_get(call, 0);
	if (tries++ == 0) {
		ck_assert_int_eq(other_script(both_up, NULL), THS_OK);
		(void)script_put(call, 1, 7);
		got_past = true;
	}
	return script_put(call, 1, script_get(call, 0) + 10);
}

START_TEST(a_write_is_of_the_same_moment)
{
	start_with_other();
	ck_assert_int_eq(run(write_newer, NULL), THS_OK);
	ck_assert(!got_past);
	ck_assert_uint_eq(script_value(&ref, 1), 11);
	stop_with_other();
}
END_TEST

static enum ths_err fail_on_what_changes(struct ths_call *call, void *ctx)
{
	uint64_t seen = script_get(call, 0);

	(void)ctx;
	if (tries++ == 0)
		ck_assert_int_eq(other_script(both_up, NULL), THS_OK);
	if (seen == 0)
		return THS_E_IO;
	return script_put(call, 2, seen);
}

START_TEST(an_error_is_believed_only_if_what_was_read_holds)
{
	start_with_other();
	ck_assert_int_eq(run(fail_on_what_changes, NULL), THS_OK);
	ck_assert_uint_eq(tries, 2);
	ck_assert_uint_eq(script_value(&ref, 2), 1);
	stop_with_other();
}
END_TEST

static enum ths_err count_and_add(struct ths_call *call, void *ctx)
{
	uint32_t row = THS_ROW_NONE, count = 0;

	while (ths_row_next(call, LOOSE, &row) == THS_OK)
		count++;
	if (tries++ == 0)
		ck_assert_int_eq(other_script(script_new_loose, &row), THS_OK);
	*(uint32_t *)ctx = count;
	return script_new_loose(call, &row);
}

/* Its own it may add; another's are not among those it has counted. */
START_TEST(who_counts_rows_counts_all_there_are)
{
	uint32_t count = 99;

	start_with_other();
	ck_assert_int_eq(run(count_and_add, &count), THS_OK);
	ck_assert_uint_eq(tries, 2);
	ck_assert_uint_eq(count, 1);
	stop_with_other();
}
END_TEST

/* P6: it is not run again, so it sees what was there when it began. */
static enum ths_err drive_beside_another(struct ths_call *call, void *ctx)
{
	uint64_t key = 7;
	uint32_t row;

	for (unsigned i = 0; i < 2; i++) {
		row = THS_ROW_NONE;
		ck_assert_int_eq(ths_row_next(call, LOOSE, &row), THS_E_NOENT);
		ck_assert_int_eq(script_find_item(call, &key), THS_E_NOENT);
		ck_assert_uint_eq(script_get(call, 0), 0);
		if (i)
			break;
		ck_assert_int_eq(other_script(script_new_loose, &row), THS_OK);
		ck_assert_int_eq(other_script(script_new_item, &key), THS_OK);
		ck_assert_int_eq(other_script(both_up, ctx), THS_OK);
	}
	tries++;
	return THS_OK;
}

START_TEST(a_device_operation_sees_one_moment_and_is_run_once)
{
	uint64_t key = 7;

	start_with_other();
	ck_assert_int_eq(script_drive_by(&ref, drive_beside_another, NULL), THS_OK);
	ck_assert_uint_eq(tries, 1);
	ck_assert_int_eq(run(script_find_item, &key), THS_OK);
	ck_assert_uint_eq(script_value(&ref, 0), 1);
	stop_with_other();
}
END_TEST

/* ---- W2 ------------------------------------------------------------------------------ */

static enum ths_err write_privately(struct ths_call *call, void *ctx)
{
	uint64_t elsewhere = 3;
	struct cell *mine;

	(void)ctx;
	tries++;
	THS_TRY(ths_row_write(call, CELL, 3, &mine));
	mine->value = 5;
	ck_assert_uint_eq(script_get(call, 3), 5);
	ck_assert_int_eq(other_script(script_read, &elsewhere), THS_OK);
	ck_assert_uint_eq(elsewhere, 0);
	return THS_OK;
}

START_TEST(a_write_is_private_until_commit)
{
	uint64_t elsewhere = 3;

	start_with_other();
	ck_assert_int_eq(run(write_privately, NULL), THS_OK);
	ck_assert_uint_eq(tries, 1); /* a reader is no conflict for a writer */
	ck_assert_int_eq(other_script(script_read, &elsewhere), THS_OK);
	ck_assert_uint_eq(elsewhere, 5);
	stop_with_other();
}
END_TEST

static enum ths_err write_what_is_written(struct ths_call *call, void *ctx)
{
	struct cell *cell;

	(void)ctx;
	THS_TRY(ths_row_write(call, CELL, 0, &cell));
	cell->value++;
	if (tries++ < 3)
		ck_assert_int_eq(other_script(both_up, NULL), THS_OK);
	return THS_OK;
}

START_TEST(no_write_is_lost)
{
	start_with_other();
	ck_assert_int_eq(run(write_what_is_written, NULL), THS_OK);
	ck_assert_uint_eq(tries, 4);
	ck_assert_uint_eq(script_value(&ref, 0), 4);
	stop_with_other();
}
END_TEST

static enum ths_err conflict_for_ever(struct ths_call *call, void *ctx)
{
	struct cell *cell;

	(void)ctx;
	THS_TRY(ths_row_write(call, CELL, 0, &cell));
	cell->value++;
	if (!ths_cpu()->token) /* nobody could commit, and the other would wait for us */
		ck_assert_int_eq(other_script(both_up, NULL), THS_OK);
	tries++;
	return THS_OK;
}

START_TEST(after_eight_conflicts_nobody_else_commits)
{
	start_with_other();
	ck_assert_int_eq(run(conflict_for_ever, NULL), THS_OK);
	ck_assert_uint_eq(tries, 9);
	ck_assert_uint_eq(script_value(&ref, 0), 9);
	ck_assert(!ths_cpu()->token);
	ck_assert_uint_eq(ths_core.token, 0);
	ck_assert_int_eq(other_script(both_up, NULL), THS_OK);
	stop_with_other();
}
END_TEST

static enum ths_err put_and_fail(struct ths_call *call, void *ctx)
{
	for (uint32_t row = 0; row < 20; row++)
		THS_TRY(script_put(call, row, 77));
	return *(enum ths_err *)ctx;
}

START_TEST(an_error_drops_every_write)
{
	enum ths_err err = THS_E_IO;

	start(_i);
	ck_assert_int_eq(run(put_and_fail, &err), THS_E_IO);
	for (uint32_t row = 0; row < 20; row++)
		ck_assert_uint_eq(script_value(&ref, row), 0);
	err = THS_OK;
	ck_assert_int_eq(run(put_and_fail, &err), THS_OK);
	for (uint32_t row = 0; row < 20; row++)
		ck_assert_uint_eq(script_value(&ref, row), 77);
	script_assert_clean();
	rig_stop();
}
END_TEST

/* ---- limits -------------------------------------------------------------------------- */

static enum ths_err write_many(struct ths_call *call, void *ctx)
{
	struct loose *row;
	uint32_t i = 0;
	enum ths_err err;

	while ((err = ths_row_write(call, WIDE, i, &row)) == THS_OK) {
		row->value = ++i;
		ck_assert_uint_le(i, WRITES_MAX);
	}
	ck_assert_int_eq(err, THS_E_FULL);
	*(uint32_t *)ctx = i;
	return THS_OK;
}

static enum ths_err write_once_more(struct ths_call *call, void *ctx)
{
	(void)ctx;
	return ths_row_write(call, WIDE, 0, &(struct loose *){NULL});
}

/* An inner call's write of the same row is one more. */
static enum ths_err write_many_nested(struct ths_call *call, void *ctx)
{
	THS_TRY(write_many(call, ctx));
	THS_TRY(write_once_more(call, NULL));
	ck_assert_int_eq(script_nested(call, write_once_more, NULL), THS_E_FULL);
	return THS_OK;
}

static enum ths_err sum_written(struct ths_call *call, void *ctx)
{
	const struct loose *row;

	*(uint64_t *)ctx = 0;
	for (uint32_t i = 0; i < WRITES_MAX + 1; i++) {
		THS_TRY(ths_row_read(call, WIDE, i, &row));
		*(uint64_t *)ctx += row->value;
	}
	return THS_OK;
}

START_TEST(a_transaction_writes_so_many_rows_and_no_more)
{
	uint32_t written = 0;
	uint64_t sum;

	start(_i);
	ck_assert_int_eq(run(write_many_nested, &written), THS_OK);
	ck_assert_uint_eq(written, WRITES_MAX);
	ck_assert_int_eq(run(sum_written, &sum), THS_OK);
	ck_assert_uint_eq(sum, WRITES_MAX * (WRITES_MAX + 1) / 2);
	rig_stop();
}
END_TEST

static enum ths_err read_many(struct ths_call *call, void *ctx)
{
	const struct loose *row;
	uint32_t i = 0;
	enum ths_err err;

	while ((err = ths_row_read(call, WIDE, i, &row)) == THS_OK)
		ck_assert_uint_lt(++i, WIDES);
	*(uint32_t *)ctx = i;
	return err;
}

static enum ths_err read_few_often(struct ths_call *call, void *ctx)
{
	const struct loose *row;

	(void)ctx;
	tries++;
	for (uint32_t i = 0; i < 20 * READS_MAX; i++)
		THS_TRY(ths_row_read(call, WIDE, i % 300, &row));
	return THS_OK;
}

START_TEST(a_transaction_reads_so_many_rows_but_each_as_often_as_it_likes)
{
	uint32_t rows = 0;

	start(_i);
	ck_assert_int_eq(run(read_many, &rows), THS_E_FULL);
	ck_assert_uint_eq(rows, READS_MAX - 1); /* the binding is one */
	ck_assert_int_eq(run(read_few_often, NULL), THS_OK);
	ck_assert_uint_eq(tries, 1);
	script_assert_clean();
	rig_stop();
}
END_TEST

static enum ths_err wide_up(struct ths_call *call, void *ctx)
{
	struct loose *row;

	THS_TRY(ths_row_write(call, WIDE, *(uint32_t *)ctx, &row));
	row->value++;
	return THS_OK;
}

static enum ths_err compact_then_conflict(struct ths_call *call, void *ctx)
{
	(void)read_few_often(call, NULL); /* counts a try */
	if (tries == 1)
		ck_assert_int_eq(other_script(wide_up, ctx), THS_OK);
	return THS_OK;
}

START_TEST(a_compacted_read_set_still_knows_every_row)
{
	uint32_t row = (uint32_t)_i;

	start_with_other();
	ck_assert_int_eq(run(compact_then_conflict, &row), THS_OK);
	ck_assert_uint_eq(tries, row < 300 ? 2 : 1);
	stop_with_other();
}
END_TEST

/* ---- X2 ------------------------------------------------------------------------------ */

static unsigned pooled(void)
{
	unsigned count = 0;

	for (unsigned pool = 0; pool < POOLS; pool++)
		for (const struct ths_version *v = ths_cpu()->pool[pool]; v; v = v->older)
			count++;
	return count;
}

static enum ths_err write_and_count(struct ths_call *call, void *ctx)
{
	struct item *item;
	uint32_t row;

	for (uint32_t i = 0; i < 30; i++)
		THS_TRY(script_put(call, i, i));
	for (uint32_t i = 0; i < 5; i++)
		THS_TRY(ths_row_new_keyed(call, ITEM, 500 + i, &row, &item));
	*(unsigned *)ctx = pooled();
	ths_host_fail_nth("", 1, true); /* from here on there is nothing to be had */
	return THS_OK;
}

START_TEST(commit_takes_no_memory)
{
	unsigned before = 0;

	start(_i);
	ck_assert_int_eq(run(write_and_count, &before), THS_OK);
	ck_assert_uint_eq(ths_host_fail_reached(), 0);
	ck_assert_uint_ge(pooled(), before);
	rig_stop();
}
END_TEST

/* ---- X3 ------------------------------------------------------------------------------ */

static enum ths_err end_somehow(struct ths_call *call, void *ctx)
{
	struct loose *loose;
	uint32_t row;

	THS_TRY(script_put(call, 4, 1));
	THS_TRY(ths_row_new(call, LOOSE, &row, &loose));
	switch ((uintptr_t)ctx) {
	case 0:
		return THS_OK;
	case 1:
		return THS_E_NOENT;
	case 2:
		return (enum ths_err)4711;
	case 3:
		ths_arch_unwind(&ths_cpu()->call->frame, (uint64_t)(int64_t)THS_E_FAULT);
	case 4:
		if (tries++ == 0)
			ths_txn_unwind(ths_cpu(), OUTCOME_CONFLICT);
		return THS_OK;
	case 5:
		if (tries++ == 0) {
			ths_cpu()->refill_pool = 0;
			ths_txn_unwind(ths_cpu(), OUTCOME_REFILL);
		}
		return THS_OK;
	default:
		return THS_E_AGAIN;
	}
}

START_TEST(the_record_is_empty_however_it_ends)
{
	static const enum ths_err ends[] = {THS_OK,      THS_E_NOENT, THS_E_INTERNAL,
					    THS_E_FAULT, THS_OK,      THS_OK,
					    THS_E_AGAIN};
	uintptr_t way = (uintptr_t)_i / 2;

	start(1 + _i % 2);
	for (unsigned i = 0; i < 2; i++) {
		tries = 0;
		ck_assert_int_eq(run(end_somehow, (void *)way), ends[way]);
		script_assert_clean();
	}
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("txn");
	TCase *w1 = ths_suite_case(suite, "W1, X1 one moment"),
	      *w2 = ths_suite_case(suite, "W2 private");
	TCase *limit = ths_suite_case(suite, "limits");
	TCase *x2 = ths_suite_case(suite, "X2 no memory"),
	      *x3 = ths_suite_case(suite, "X3 clean");

	tcase_add_test(w1,
		       a_snapshot_never_changes_and_an_outdated_outcome_is_not_believed);
	tcase_add_test(w1, all_reads_are_of_one_moment);
	tcase_add_test(w1, a_write_is_of_the_same_moment);
	tcase_add_test(w1, an_error_is_believed_only_if_what_was_read_holds);
	tcase_add_test(w1, who_counts_rows_counts_all_there_are);
	tcase_add_test(w1, a_device_operation_sees_one_moment_and_is_run_once);
	tcase_add_test(w2, a_write_is_private_until_commit);
	tcase_add_test(w2, no_write_is_lost);
	tcase_add_test(w2, after_eight_conflicts_nobody_else_commits);
	tcase_add_loop_test(w2, an_error_drops_every_write, 1, 3);
	tcase_add_loop_test(limit, a_transaction_writes_so_many_rows_and_no_more, 1, 3);
	tcase_add_loop_test(
		limit, a_transaction_reads_so_many_rows_but_each_as_often_as_it_likes, 1,
		3);
	tcase_add_loop_test(limit, a_compacted_read_set_still_knows_every_row, 298, 302);
	tcase_add_loop_test(x2, commit_takes_no_memory, 1, 3);
	tcase_add_loop_test(x3, the_record_is_empty_however_it_ends, 0, 14);
	return suite;
}

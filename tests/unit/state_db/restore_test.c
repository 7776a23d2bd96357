/*
 * restore_test - what a restore is to those at work: readers keep what they have read,
 * sleepers wake, references to rows that are none of the image's stay dead.
 */
#include "harness.h"
#include "keep.h"
#include "rig.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <theseus/host.h>
#include <theseus/iface/tasks.h>
#include <unistd.h>

extern const struct ths_module ths_module_sched_rr, ths_module_tasks;

static enum ths_err set_fixed(struct ths_call *call, void *ctx)
{
	struct fixed *row;

	THS_TRY(ths_row_write(call, FIXED, 0, &row));
	row->value[0] = *(uint64_t *)ctx;
	return THS_OK;
}

static void save_and_change(void)
{
	uint64_t saved = 1, now = 0;

	keep_must(set_fixed, &saved);
	keep_save(NULL);
	keep_must(set_fixed, &now);
}

/* ---- U3 ------------------------------------------------------------------------------- */

static atomic_bool holds, restored;

/* Reads a row and keeps looking at it while the restore would like to end. */
static enum ths_err hold(struct ths_call *call, void *ctx)
{
	const struct ths_table *table = ths_table_find("keep.fixed/1", "");
	uint64_t commits = table->commits;
	const struct fixed *row;
	struct fixed seen;

	(void)ctx;
	THS_TRY(ths_row_read(call, FIXED, 0, &row));
	seen = *row;
	if (atomic_exchange(&holds, true))
		return THS_OK; /* run again, on what was restored */
	while (table->commits == commits)
		ths_arch_relax();
	for (unsigned i = 0; i < 200 && !atomic_load(&restored); i++)
		usleep(50);
	ck_assert(!atomic_load(&restored));
	ck_assert_mem_eq(row, &seen, sizeof(seen));
	return THS_OK;
}

static void *other_cpu(void *unused)
{
	struct ths_ref own = THS_REF(keep);
	struct keep_args args = {.fn = (uint64_t)(uintptr_t)hold};

	(void)unused;
	rig_cpu_enter(1);
	ck_assert_int_eq(keep_run(&own, &args), THS_OK);
	rig_cpu_leave();
	return NULL;
}

START_TEST(what_somebody_reads_is_not_used_again)
{
	pthread_t other;

	rig_start();
	rig_cpus(2);
	keep_ref = (struct ths_ref)THS_REF(keep);
	(void)rig_bind(&ths_module_keep, "");
	save_and_change();
	atomic_store(&holds, false);
	atomic_store(&restored, false);
	ck_assert_int_eq(pthread_create(&other, NULL, other_cpu, NULL), 0);
	while (!atomic_load(&holds))
		ths_arch_relax();
	keep_restore_whole(NULL);
	atomic_store(&restored, true);
	ck_assert_int_eq(pthread_join(other, NULL), 0);
	rig_stop();
}
END_TEST

/* ---- sleepers ------------------------------------------------------------------------- */

static bool has_woken;

static enum ths_err until_set(struct ths_call *call, void *ctx)
{
	const struct fixed *row;

	(void)ctx;
	THS_TRY(ths_row_read(call, FIXED, 0, &row));
	return row->value[0] ? THS_OK : THS_E_AGAIN;
}

static void sleeper(void *arg)
{
	(void)arg;
	keep_must(until_set, NULL);
	has_woken = true;
}

static void restores_under_a_sleeper(void *arg)
{
	struct ths_ref tasks = THS_REF(tasks);
	struct tasks_create create = {.entry = (uint64_t)(uintptr_t)sleeper};

	(void)arg;
	save_and_change();
	ck_assert_int_eq(tasks_create(&tasks, &create), THS_OK);
	for (unsigned i = 0; i < 8; i++)
		ths_yield();
	ck_assert(!has_woken);
	keep_restore_whole(NULL);
	for (unsigned i = 0; i < 8; i++)
		ths_yield();
	ck_assert(has_woken);
	harness_done();
}

START_TEST(who_sleeps_on_a_row_wakes)
{
	has_woken = false;
	keep_ref = (struct ths_ref)THS_REF(keep);
	harness_bind(&ths_module_keep, "");
	harness_bind(&ths_module_sched_rr, "");
	harness_bind(&ths_module_tasks, "");
	harness_run(restores_under_a_sleeper, NULL);
}
END_TEST

/* ---- rows that are none of the image's ------------------------------------------------ */

static enum ths_err make_plain(struct ths_call *call, void *ctx)
{
	struct plain *plain;
	uint32_t row;

	THS_TRY(ths_row_new(call, PLAIN, &row, &plain));
	return ctx ? ths_row_weak(call, PLAIN, row, ctx) : THS_OK;
}

static enum ths_err is_stale(struct ths_call *call, void *ctx)
{
	const struct plain *plain;

	ck_assert_int_eq(ths_weak_read(call, PLAIN, *(struct ths_weak *)ctx, &plain),
			 THS_E_STALE);
	return THS_OK;
}

/* In slots that the image has none for. */
START_TEST(references_to_rows_made_since_stay_dead)
{
	struct ths_weak weak;

	keep_boot(&ths_module_keep);
	keep_save(NULL);
	keep_must(make_plain, &weak);
	keep_restore_whole(NULL);
	keep_must(is_stale, &weak);
	while (keep_by(make_plain, NULL) == THS_OK) /* somebody has that row again */
		;
	keep_must(is_stale, &weak);
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("restore");

	tcase_add_test(ths_suite_case(suite, "U3 readers"),
		       what_somebody_reads_is_not_used_again);
	harness_case(suite, "sleepers", harness_start, who_sleeps_on_a_row_wakes);
	tcase_add_test(ths_suite_case(suite, "references"),
		       references_to_rows_made_since_stay_dead);
	return suite;
}

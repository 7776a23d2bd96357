/*
 * absence_test - what was not there is believed only if it still is not: failed lookups
 * and enumerations are reads (phantoms), and so is finding no room.
 */
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <string.h>
#include <theseus/host.h>
#include <theseus/iface/tasks.h>
#include "nano_core/nano_core_impl.h"

static struct ths_ref ref;
static unsigned tries;

static void start(int cpus)
{
	script_start(&ref, (unsigned)cpus);
	tries = 0;
	if (cpus > 1)
		other_start();
}

static void stop(int cpus)
{
	if (cpus > 1)
		other_stop();
	rig_stop();
}

static enum ths_err run(script_fn *fn, void *ctx)
{
	return script_by(&ref, fn, ctx);
}

/* ---- what is not there, and comes ---------------------------------------------------- */

static enum ths_err count_and_note(struct ths_call *call, void *ctx)
{
	uint32_t row = THS_ROW_NONE, last = 0, count = 0;
	struct loose *cell;

	while (ths_row_next(call, LOOSE, &row) == THS_OK) {
		ck_assert(count == 0 || row > last);
		last = row;
		count++;
	}
	if (tries++ == 0)
		ck_assert_int_eq(other_script(*(script_fn **)ctx, &(uint32_t){0}),
				 THS_OK);
	THS_TRY(ths_row_write(call, CELL, 0, &cell));
	cell->value = count;
	return THS_OK;
}

static enum ths_err cell_0(struct ths_call *call, void *ctx)
{
	const struct cell *cell;

	THS_TRY(ths_row_read(call, CELL, 0, &cell));
	*(uint64_t *)ctx = cell->value;
	return THS_OK;
}

START_TEST(an_enumeration_is_complete_at_commit)
{
	script_fn *comes = script_new_loose, *goes = script_free_loose;
	uint64_t count;
	uint32_t row;

	start(2);
	ck_assert_int_eq(run(script_new_loose, &row), THS_OK);
	ck_assert_uint_eq(row, 0);
	ck_assert_int_eq(run(count_and_note, &comes), THS_OK);
	ck_assert_uint_eq(tries, 2);
	ck_assert_int_eq(run(cell_0, &count), THS_OK);
	ck_assert_uint_eq(count, 2);
	tries = 0;
	ck_assert_int_eq(run(count_and_note, &goes), THS_OK);
	ck_assert_uint_eq(tries, 2);
	ck_assert_int_eq(run(cell_0, &count), THS_OK);
	ck_assert_uint_eq(count, 1);
	stop(2);
}
END_TEST

static enum ths_err enumerate_and_add(struct ths_call *call, void *ctx)
{
	uint32_t row = THS_ROW_NONE, made, count = 0;
	struct loose *loose;

	tries++;
	while (ths_row_next(call, LOOSE, &row) == THS_OK)
		count++;
	*(uint32_t *)ctx = count;
	THS_TRY(ths_row_new(call, LOOSE, &made, &loose));
	return ths_row_new(call, LOOSE, &made, &loose);
}

START_TEST(what_we_add_ourselves_is_no_conflict)
{
	uint32_t count;

	start(_i);
	for (uint32_t i = 0; i < LOOSES; i += 2) {
		tries = 0;
		ck_assert_int_eq(run(enumerate_and_add, &count), THS_OK);
		ck_assert_uint_eq(tries, 1);
		ck_assert_uint_eq(count, i);
	}
	stop(_i);
}
END_TEST

struct absent {
	script_fn *look, *come;
	uint64_t key;
};

/* If @look finds nothing, cell 0 becomes 1: true only if there still is nothing. */
static enum ths_err note_absence(struct ths_call *call, void *ctx)
{
	struct absent *absent = ctx;
	enum ths_err err = absent->look(call, &absent->key);
	struct cell *cell;

	if (tries++ == 0)
		ck_assert_int_eq(other_script(absent->come, &absent->key), THS_OK);
	if (err == THS_OK)
		return THS_OK;
	ck_assert_int_eq(err, THS_E_NOENT);
	THS_TRY(ths_row_write(call, CELL, 0, &cell));
	cell->value = 1;
	return THS_OK;
}

static enum ths_err read_loose(struct ths_call *call, void *ctx)
{
	const struct loose *seen;

	return ths_row_read(call, LOOSE, *(uint32_t *)ctx, &seen);
}

static enum ths_err write_loose(struct ths_call *call, void *ctx)
{
	struct loose *mine;

	return ths_row_write(call, LOOSE, *(uint32_t *)ctx, &mine);
}

static enum ths_err weak_loose(struct ths_call *call, void *ctx)
{
	struct ths_weak weak;

	return ths_row_weak(call, LOOSE, *(uint32_t *)ctx, &weak);
}

static enum ths_err come_loose(struct ths_call *call, void *ctx)
{
	uint32_t row;

	(void)ctx;
	script_weak_count = 0;
	return script_new_loose(call, &row);
}

START_TEST(a_failed_lookup_is_believed_only_if_it_holds)
{
	static const struct absent kinds[] = {
		{script_find_item, script_new_item, 1234},
		{read_loose, come_loose, 0},
		{write_loose, come_loose, 0},
		{weak_loose, come_loose, 0},
	};
	struct absent absent = kinds[_i / 2];
	uint64_t seen = 99;
	uint32_t row;

	start(2);
	if (_i % 2) { /* the slot was in use before; else it is quite fresh */
		row = 0;
		ck_assert_int_eq(run(come_loose, &row), THS_OK);
		ck_assert_int_eq(run(script_free_loose, &row), THS_OK);
	}
	ck_assert_int_eq(run(note_absence, &absent), THS_OK);
	ck_assert_uint_eq(tries, 2);
	ck_assert_int_eq(run(cell_0, &seen), THS_OK);
	ck_assert_uint_eq(seen, 0);
	stop(2);
}
END_TEST

/* ---- no room ------------------------------------------------------------------------- */

extern const struct ths_module ths_module_sched_rr, ths_module_tasks;

static uint32_t made;
static bool has_made;

static enum ths_err new_or_wait(struct ths_call *call, void *ctx)
{
	enum ths_err err = script_new_loose(call, ctx);

	return err == THS_E_FULL ? THS_E_AGAIN : err;
}

static void waits_for_room(void *arg)
{
	struct ths_ref own = THS_REF(script);

	(void)arg;
	ck_assert_int_eq(script_by(&own, new_or_wait, &made), THS_OK);
	has_made = true;
}

static void gives_room(void *arg)
{
	struct ths_ref tasks = THS_REF(tasks);
	struct tasks_create create = {.entry = (uint64_t)(uintptr_t)waits_for_room};
	uint32_t row, goes = 3;

	(void)arg;
	while (script_by(&ref, script_new_loose, &row) == THS_OK)
		;
	ck_assert_int_eq(tasks_create(&tasks, &create), THS_OK);
	for (unsigned i = 0; i < 4; i++)
		ths_yield();
	ck_assert(!has_made);
	ck_assert_int_eq(script_by(&ref, script_free_loose, &goes), THS_OK);
	for (unsigned i = 0; i < 4; i++)
		ths_yield();
	ck_assert(has_made);
	ck_assert_uint_eq(made, goes);
	harness_done();
}

START_TEST(who_finds_no_room_may_wait_for_it)
{
	ref = (struct ths_ref)THS_REF(script);
	harness_bind(&ths_module_script, "");
	harness_bind(&ths_module_sched_rr, "");
	harness_bind(&ths_module_tasks, "");
	harness_run(gives_room, NULL);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("absence");
	TCase *absent = tcase_create("phantoms");

	suite_add_tcase(suite, absent);
	tcase_add_test(absent, an_enumeration_is_complete_at_commit);
	tcase_add_loop_test(absent, what_we_add_ourselves_is_no_conflict, 1, 3);
	tcase_add_loop_test(absent, a_failed_lookup_is_believed_only_if_it_holds, 0, 8);
	harness_case(suite, "no room", harness_start, who_finds_no_room_may_wait_for_it);
	return suite;
}

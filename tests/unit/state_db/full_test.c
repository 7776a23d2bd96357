/*
 * full_test - that a table is full is read like anything else: believed only if it still is,
 * and who waits for room is woken when a row comes back, whoever gives it back and how.
 *
 * CPU 0 runs tasks, CPU 1 stands still where a test says, so that a row is on its way back
 * while somebody looks. No tick comes: who is not woken sleeps for ever.
 */
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <sched.h>
#include <string.h>
#include <theseus/host.h>
#include <theseus/iface/tasks.h>
#include "nano_core/nano_core_impl.h"

extern const struct ths_module ths_module_sched_rr, ths_module_tasks;

static struct ths_ref ref, tasks;
static atomic_bool stands, goes_on; /* CPU 1 */

static void setup_cpus(unsigned cpus)
{
	harness_start();
	rig_cpus(cpus);
	harness_bind(&ths_module_sched_rr, "");
	harness_bind(&ths_module_tasks, "");
	harness_bind(&ths_module_script, "");
	ref = (struct ths_ref)THS_REF(script);
	tasks = (struct ths_ref)THS_REF(tasks);
	stands = goes_on = false;
	if (cpus > 1)
		other_start();
}

static void run(unsigned cpus, void (*program)(void *))
{
	setup_cpus(cpus);
	harness_run(program, NULL);
	if (cpus > 1)
		other_stop();
}

static void settle(void)
{
	for (unsigned i = 0; i < 4; i++)
		ths_yield();
}

/* ---- who wants rows ---------------------------------------------------------------- */

struct taker {
	uint32_t rows;  /* it wants, all at once */
	uint32_t reads; /* it does before */
	uint32_t tries;
	enum ths_err err;
	bool ended;
	struct ths_task_id task;
};

static enum ths_err take(struct ths_call *call, void *ctx)
{
	struct taker *me = ctx;
	struct loose *loose;
	uint32_t row;

	me->tries++;
	for (uint32_t i = 0; i < me->reads; i++)
		(void)script_get(call, i % CELLS);
	for (uint32_t i = 0; i < me->rows; i++) {
		enum ths_err err = ths_row_new(call, LOOSE, &row, &loose);

		THS_TRY(err == THS_E_FULL ? THS_E_AGAIN : err);
	}
	return THS_OK;
}

static void take_then_end(void *arg)
{
	struct taker *me = arg;
	struct ths_ref own = THS_REF(script);

	me->err = script_by(&own, take, me);
	me->ended = true;
}

static bool sleeps(const struct taker *taker)
{
	return !taker->ended &&
	       atomic_load(&ths_core.context[taker->task.slot].state) == CONTEXT_SLEEPING;
}

/* A task that wants @taker->rows, and sleeps, for there are not so many. */
static void falls_asleep(struct taker *taker)
{
	struct tasks_create create = {.entry = (uint64_t)(uintptr_t)take_then_end,
				      .arg = (uint64_t)(uintptr_t)taker};

	ck_assert_int_eq(tasks_create(&tasks, &create), THS_OK);
	taker->task = create.task;
	settle();
	settle();
	ck_assert_msg(sleeps(taker), "%s", ths_err_name(taker->err));
	ck_assert_uint_eq(taker->tries, 1);
}

static void is_served(struct taker *taker)
{
	settle();
	ck_assert(taker->ended);
	ck_assert_int_eq(taker->err, THS_OK);
}

static void fill(uint32_t rows)
{
	for (uint32_t row; rows; rows--) {
		script_weak_count = 0;
		ck_assert_int_eq(script_by(&ref, script_new_loose, &row), THS_OK);
	}
}

static void free_row(uint32_t row)
{
	ck_assert_int_eq(script_by(&ref, script_free_loose, &row), THS_OK);
}

/* ---- on one CPU, and with another that does nothing --------------------------------- */

static void waits_for_one(void *unused)
{
	struct taker taker = {.rows = 1};

	(void)unused;
	fill(LOOSES);
	falls_asleep(&taker);
	free_row(3);
	is_served(&taker);
	ck_assert_uint_eq(taker.tries, 2);
	harness_done();
}

START_TEST(who_finds_no_room_sleeps_until_there_is)
{
	run((unsigned)_i, waits_for_one);
}
END_TEST

/* The one it got it gives back, which is no reason to look again. */
static void waits_for_two(void *unused)
{
	struct taker taker = {.rows = 2};

	(void)unused;
	fill(LOOSES - 1);
	falls_asleep(&taker);
	free_row(3);
	is_served(&taker);
	ck_assert_uint_eq(taker.tries, 2);
	harness_done();
}

START_TEST(nobody_wakes_himself)
{
	run((unsigned)_i, waits_for_two);
}
END_TEST

static unsigned tries;

static enum ths_err take_all_and_fail(struct ths_call *call, void *unused)
{
	struct loose *loose;
	uint32_t row;
	enum ths_err err = THS_OK;

	(void)unused;
	while (err == THS_OK)
		err = ths_row_new(call, LOOSE, &row, &loose);
	ck_assert_int_eq(err, THS_E_FULL);
	return THS_E_IO;
}

static enum ths_err around_it(struct ths_call *call, void *unused)
{
	tries++;
	ck_assert_int_eq(script_nested(call, take_all_and_fail, unused), THS_E_IO);
	return script_put(call, 0, 1);
}

static void gives_back(void *unused)
{
	struct taker taker = {.rows = LOOSES};

	(void)unused;
	ck_assert_int_eq(script_by(&ref, around_it, NULL), THS_OK);
	ck_assert_uint_eq(tries, 1);
	ck_assert_int_eq(script_by(&ref, take, &taker), THS_OK);
	harness_done();
}

START_TEST(what_we_give_back_ourselves_is_no_conflict)
{
	tries = 0;
	run((unsigned)_i, gives_back);
}
END_TEST

/* ---- while another CPU gives a row back ---------------------------------------------- */

static void stand(void)
{
	atomic_store(&stands, true);
	while (!atomic_load(&goes_on))
		sched_yield();
}

static void until_it_stands(void)
{
	while (!atomic_load(&stands))
		sched_yield();
}

static void goes_on_and_ends(enum ths_err err)
{
	atomic_store(&goes_on, true);
	ck_assert_int_eq(other_ends(), err);
}

static void stand_before_it_is_back(const char *name, void *unused)
{
	(void)unused;
	if (ths_cpu()->number == 1 && strcmp(name, "state_db/before-give") == 0)
		stand();
}

static enum ths_err free_on_1(void *row)
{
	struct ths_ref own = THS_REF(script);

	return script_by(&own, script_free_loose, row);
}

static void looks_meanwhile(void *unused)
{
	struct taker taker = {.rows = 1};
	uint32_t row = 3;

	(void)unused;
	fill(LOOSES);
	ths_host_on_point(stand_before_it_is_back, NULL);
	other_begins(free_on_1, &row);
	until_it_stands();
	falls_asleep(&taker);
	goes_on_and_ends(THS_OK);
	ths_host_on_point(NULL, NULL);
	is_served(&taker);
	harness_done();
}

START_TEST(who_looks_just_before_a_row_is_back_is_woken)
{
	run(2, looks_meanwhile);
}
END_TEST

static void free_on_1_meanwhile(const char *name, void *row)
{
	if (ths_cpu()->number == 0 && strcmp(name, "state_db/none-free") == 0)
		ck_assert_int_eq(other_does(free_on_1, row), THS_OK);
}

static void finds_it_after_all(void *unused)
{
	struct taker taker = {.rows = 1};
	uint32_t row = 3;

	(void)unused;
	fill(LOOSES);
	ths_host_on_point(free_on_1_meanwhile, &row);
	ck_assert_int_eq(script_by(&ref, take, &taker), THS_OK);
	ths_host_on_point(NULL, NULL);
	harness_done();
}

START_TEST(what_comes_back_as_we_note_that_there_is_none_is_found)
{
	run(2, finds_it_after_all);
}
END_TEST

static enum ths_err take_stand_and_fail(struct ths_call *call, void *unused)
{
	struct loose *loose;
	uint32_t row;

	(void)unused;
	THS_TRY(ths_row_new(call, LOOSE, &row, &loose));
	stand();
	return THS_E_IO;
}

static enum ths_err fail_on_1(void *unused)
{
	struct ths_ref own = THS_REF(script);

	return script_by(&own, take_stand_and_fail, unused);
}

static void waits_for_who_fails(uint32_t reads)
{
	struct taker taker = {.rows = 1, .reads = reads};

	fill(LOOSES - 1);
	other_begins(fail_on_1, NULL);
	until_it_stands();
	falls_asleep(&taker);
	goes_on_and_ends(THS_E_IO);
	is_served(&taker);
	harness_done();
}

static void waits_for_it(void *unused)
{
	(void)unused;
	waits_for_who_fails(0);
}

static void waits_for_anything(void *unused)
{
	(void)unused;
	waits_for_who_fails(SLEEP_MAX + 8);
}

START_TEST(a_row_that_is_not_made_after_all_is_room_too)
{
	run(2, _i ? waits_for_anything : waits_for_it);
}
END_TEST

/* Cell 0 becomes 1 if there is no room, which is only true if there still is none. */
static enum ths_err note_no_room(struct ths_call *call, void *ctx)
{
	struct loose *loose;
	uint32_t row;
	enum ths_err err = ths_row_new(call, LOOSE, &row, &loose);

	if (tries++ == 0)
		ck_assert_int_eq(other_does(free_on_1, ctx), THS_OK);
	if (err == THS_OK)
		return THS_OK;
	ck_assert_int_eq(err, THS_E_FULL);
	return script_put(call, 0, 1);
}

static void notes(void *unused)
{
	uint32_t row = 3;

	(void)unused;
	fill(LOOSES);
	ck_assert_int_eq(script_by(&ref, note_no_room, &row), THS_OK);
	ck_assert_uint_eq(tries, 2);
	ck_assert_uint_eq(script_value(&ref, 0), 0);
	harness_done();
}

START_TEST(no_room_is_believed_only_if_there_is_none)
{
	tries = 0;
	run(2, notes);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("full");

	harness_loop(suite, "sleeps", NULL, who_finds_no_room_sleeps_until_there_is, 1, 3);
	harness_loop(suite, "two", NULL, nobody_wakes_himself, 1, 3);
	harness_loop(suite, "own", NULL, what_we_give_back_ourselves_is_no_conflict, 1, 3);
	harness_case(suite, "commit", NULL, who_looks_just_before_a_row_is_back_is_woken);
	harness_case(suite, "noted", NULL, what_comes_back_as_we_note_that_there_is_none_is_found);
	harness_loop(suite, "abort", NULL, a_row_that_is_not_made_after_all_is_room_too, 0, 2);
	harness_case(suite, "believed", NULL, no_room_is_believed_only_if_there_is_none);
	return suite;
}

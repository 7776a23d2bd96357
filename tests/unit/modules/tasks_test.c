/*
 * tasks - real tasks on the host: each ends once, and is told of once.
 */
#include <string.h>
#include <suite.h>
#include <theseus/iface/tasks.h>
#include <theseus/iface/testsrv.h>
#include "harness.h"

extern const struct ths_module ths_module_sched_rr, ths_module_tasks, ths_module_testsrv;

static struct ths_ref tasks = THS_REF(tasks);
static struct ths_ref tasks_now = {&tasks_iface, "", 0, 1, THS_REF_NOWAIT};
static struct ths_ref boxes = THS_REF(testsrv);
static uint32_t instance;

static void setup(void)
{
	harness_start();
	harness_bind(&ths_module_sched_rr, "");
	instance = harness_bind(&ths_module_tasks, "");
	harness_bind(&ths_module_testsrv, "");
}

static struct ths_task_id create(const char *name, void (*entry)(void *), uint64_t arg)
{
	struct tasks_create call = {.entry = (uint64_t)(uintptr_t)entry, .arg = arg};

	strncpy(call.name, name, sizeof call.name - 1);
	ck_assert_int_eq(tasks_create(&tasks, &call), THS_OK);
	return call.task;
}

static enum ths_err join(struct ths_task_id task, uint64_t *status)
{
	struct tasks_join call = {.task = task};
	enum ths_err err = tasks_join(&tasks, &call);

	*status = call.status;
	return err;
}

static enum ths_err kill_task(struct ths_task_id task, uint64_t status)
{
	struct tasks_kill call = {.task = task, .status = status};

	return tasks_kill(&tasks, &call);
}

/* Waits, for ever if nobody posts. */
static uint32_t fetch(uint32_t box)
{
	struct testsrv_post call = {.box = box};

	ck_assert_int_eq(testsrv_fetch(&boxes, &call), THS_OK);
	return call.byte;
}

static void post(uint32_t box, uint32_t byte)
{
	struct testsrv_post call = {.box = box, .byte = byte};

	ck_assert_int_eq(testsrv_post(&boxes, &call), THS_OK);
}

/* ---- programs ---------------------------------------------------------------------- */

static void returns(void *arg)
{
	(void)arg;
}

static void exits(void *arg)
{
	struct tasks_exit call = {.status = (uint64_t)(uintptr_t)arg};
	enum ths_err err = tasks_exit(&tasks, &call);

	ck_abort_msg("exit came back: %d", err);
}

static void waits_then_exits(void *arg)
{
	(void)arg;
	exits((void *)(uintptr_t)fetch(0));
}

static void waits_for_ever(void *arg)
{
	(void)arg;
	(void)fetch(9);
	ck_abort_msg("nobody posts there");
}

/* ---- tests --------------------------------------------------------------------------- */

static void ends_are_told_once(void *arg)
{
	struct ths_task_id task;
	uint64_t status;

	(void)arg;
	for (uint64_t i = 0; i < 20; i++) {
		task = create("exits", exits, 1000 + i);
		ck_assert_int_eq(join(task, &status), THS_OK);
		ck_assert_uint_eq(status, 1000 + i);
		ck_assert_int_eq(join(task, &status), THS_E_STALE);
		ck_assert_int_eq(kill_task(task, 1), THS_E_STALE);
	}
	task = create("returns", returns, 7);
	ck_assert_int_eq(join(task, &status), THS_OK);
	ck_assert_uint_eq(status, 0);
	harness_done();
}

START_TEST(an_end_is_told_once_to_who_joins)
{
	harness_run(ends_are_told_once, NULL);
}
END_TEST

static void joins_before_the_end(void *arg)
{
	struct tasks_join poll = {0};
	uint64_t status;

	(void)arg;
	poll.task = create("waits", waits_then_exits, 0);
	ck_assert_int_eq(tasks_join(&tasks_now, &poll), THS_E_AGAIN);
	instance = harness_swap(instance, &ths_module_tasks);
	post(0, 33); /* wakes it, but it runs when we sleep */
	ck_assert_int_eq(join(poll.task, &status), THS_OK);
	ck_assert_uint_eq(status, 33);
	harness_done();
}

START_TEST(a_joiner_sleeps_until_the_end)
{
	harness_run(joins_before_the_end, NULL);
}
END_TEST

static void kills_a_sleeper(void *arg)
{
	struct ths_task_id task = create("sleeper", waits_for_ever, 0);
	uint64_t status;

	(void)arg;
	for (unsigned i = 0; i < 3; i++)
		ths_yield(); /* let it fall asleep */
	ck_assert_int_eq(kill_task(task, 99), THS_OK);
	ck_assert_int_eq(join(task, &status), THS_OK);
	ck_assert_uint_eq(status, 99);
	task = create("never ran", waits_for_ever, 0);
	ck_assert_int_eq(kill_task(task, 98), THS_OK);
	ck_assert_int_eq(join(task, &status), THS_OK);
	ck_assert_uint_eq(status, 98);
	harness_done();
}

START_TEST(a_killed_task_never_runs_again)
{
	harness_run(kills_a_sleeper, NULL);
}
END_TEST

static void lists(void *arg)
{
	struct tasks_next next = {.row = THS_ROW_NONE};
	struct ths_task_id one = create("one", exits, 5), two = create("two", exits, 6);
	unsigned seen = 0, ended = 0;
	uint64_t status;

	(void)arg;
	for (unsigned i = 0; i < 5; i++)
		ths_yield();
	while (tasks_next(&tasks, &next) == THS_OK) {
		seen++;
		ended += next.state == TASKS_ENDED;
		if (next.task.slot == two.slot) {
			ck_assert_str_eq(next.name, "two");
			ck_assert_uint_eq(next.status, 6);
		}
	}
	ck_assert_uint_eq(seen, 3); /* and main */
	ck_assert_uint_eq(ended, 2);
	ck_assert_int_eq(join(one, &status), THS_OK);
	ck_assert_int_eq(join(two, &status), THS_OK);
	harness_done();
}

START_TEST(tasks_are_listed_with_name_and_end)
{
	harness_run(lists, NULL);
}
END_TEST

static struct ths_task_id grandchild;

static void has_a_child_and_ends(void *arg)
{
	(void)arg;
	grandchild = create("grandchild", waits_then_exits, 0);
}

static void orphans(void *arg)
{
	struct tasks_next next = {.row = THS_ROW_NONE};
	uint64_t status;

	(void)arg;
	ck_assert_int_eq(join(create("parent", has_a_child_and_ends, 0), &status),
			 THS_OK);
	for (unsigned i = 0; i < 3; i++)
		ths_yield(); /* it is reaped */
	ck_assert_int_eq(join(grandchild, &status), THS_E_STALE);
	post(0, 1); /* the orphan ends, unknown to us, without a trace */
	for (unsigned i = 0; i < 3; i++)
		ths_yield();
	while (tasks_next(&tasks, &next) == THS_OK)
		ck_assert_str_eq(next.name, "main");
	harness_done();
}

START_TEST(what_a_dead_creator_could_have_joined_is_forgotten)
{
	harness_run(orphans, NULL);
}
END_TEST

static void refusals(void *arg)
{
	struct ths_task_id self = ths_task_self(), none = {77, 12345};
	struct tasks_create create_nothing = {.arg = 1};
	uint64_t status;

	(void)arg;
	ck_assert_int_eq(join(self, &status), THS_E_INVAL);
	ck_assert_int_eq(join(none, &status), THS_E_STALE);
	ck_assert_int_eq(kill_task(none, 0), THS_E_STALE);
	ck_assert_int_eq(tasks_create(&tasks, &create_nothing), THS_E_INVAL);
	harness_done();
}

START_TEST(what_is_no_task_is_refused)
{
	harness_run(refusals, NULL);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("tasks");

	harness_case(suite, "T1 once", setup, an_end_is_told_once_to_who_joins);
	harness_case(suite, "T1 sleep", setup, a_joiner_sleeps_until_the_end);
	harness_case(suite, "T2 kill", setup, a_killed_task_never_runs_again);
	harness_case(suite, "list", setup, tasks_are_listed_with_name_and_end);
	harness_case(suite, "orphans", setup,
		     what_a_dead_creator_could_have_joined_is_forgotten);
	harness_case(suite, "refusals", setup, what_is_no_task_is_refused);
	return suite;
}

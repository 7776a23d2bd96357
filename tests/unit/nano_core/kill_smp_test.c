/*
 * kill_smp_test - a task is killed by another CPU than its own, whatever it is doing.
 *
 * CPU 0 runs tasks; a thread is CPU 1. First it kills at the very place a test is about,
 * while CPU 0 waits for it; then at any, which is run under TSan as kill_smp_tsan, too.
 */
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <theseus/host.h>
#include <theseus/iface/tasks.h>
#include "nano_core/nano_core_impl.h"

#define VICTIMS 300u

extern const struct ths_module ths_module_sched_rr, ths_module_tasks;

static struct ths_ref tasks;
static bool outlived;

static void setup(void)
{
	harness_start();
	rig_cpus(2);
	harness_bind(&ths_module_sched_rr, "");
	harness_bind(&ths_module_tasks, "");
	harness_bind(&ths_module_script, "");
	tasks = (struct ths_ref)THS_REF(tasks);
	outlived = false;
}

static struct ths_task_id create(void (*entry)(void *))
{
	struct tasks_create args = {.entry = (uint64_t)(uintptr_t)entry};

	ck_assert_int_eq(tasks_create(&tasks, &args), THS_OK);
	return args.task;
}

static bool lives(struct ths_task_id task)
{
	bool same;

	ths_section_enter(ths_cpu());
	ths_spin_lock(&ths_core.lock);
	same = ths_core.context[task.slot].generation == task.generation;
	ths_spin_unlock(&ths_core.lock);
	ths_section_leave(ths_cpu());
	return same;
}

/* No tick comes, so what is due has to have been said. */
static void is_reaped(struct ths_task_id task)
{
	for (unsigned i = 0; i < 4; i++)
		ths_yield();
	ck_assert(!lives(task));
	ck_assert(!outlived);
	ck_assert_uint_eq(ths_core.cpu[0]->dying, 0);
}

/* ---- at one place ---------------------------------------------------------------- */

static void *kill_as_cpu_1(void *arg)
{
	const struct ths_task_id *victim = arg;

	rig_cpu_enter(1);
	ths_context_kill(ths_cpu(), victim->slot, victim->generation);
	rig_cpu_leave();
	return NULL;
}

static void kill_from_elsewhere(struct ths_task_id victim)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, kill_as_cpu_1, &victim), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

static enum ths_err wait_for_ever(struct ths_call *call, void *unused)
{
	(void)unused;
	(void)script_get(call, 0);
	return THS_E_AGAIN;
}

static enum ths_err be_killed(struct ths_call *call, void *err)
{
	kill_from_elsewhere(ths_call_task(call));
	(void)script_get(call, 0);
	return *(enum ths_err *)err;
}

static void killed_in_a_call(enum ths_err err)
{
	struct ths_ref own = THS_REF(script);

	(void)!script_by(&own, be_killed, &err);
	outlived = true;
}

static void killed_as_it_sleeps(void *unused)
{
	(void)unused;
	killed_in_a_call(THS_E_AGAIN);
}

static void killed_as_it_runs(void *unused)
{
	(void)unused;
	killed_in_a_call(THS_OK);
}

static void sleeps(void *unused)
{
	struct ths_ref own = THS_REF(script);

	(void)unused;
	(void)!script_by(&own, wait_for_ever, NULL);
	outlived = true;
}

static void waits_its_turn(void *unused)
{
	(void)unused;
	for (;;)
		ths_yield();
}

static void (*const killed_in[])(void *) = {killed_as_it_sleeps, killed_as_it_runs};
static void (*const killed_later[])(void *) = {sleeps, waits_its_turn};

static void in_a_call(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < THS_ARRAY_SIZE(killed_in); i++)
		is_reaped(create(killed_in[i]));
	harness_done();
}

START_TEST(who_is_killed_in_a_call_does_not_come_out_of_it)
{
	harness_run(in_a_call, NULL);
}
END_TEST

static void off_the_cpu(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < THS_ARRAY_SIZE(killed_later); i++) {
		struct ths_task_id victim = create(killed_later[i]);

		ths_yield();
		ck_assert(lives(victim));
		kill_from_elsewhere(victim);
		is_reaped(victim);
	}
	harness_done();
}

START_TEST(who_is_killed_from_elsewhere_is_reaped_where_it_was)
{
	harness_run(off_the_cpu, NULL);
}
END_TEST

/* ---- before it begins ------------------------------------------------------------ */

static void would_live(void *unused)
{
	(void)unused;
	outlived = true;
}

static enum ths_err start_would_live(struct ths_call *call, void *task)
{
	return ths_task_start(call, would_live, NULL, task);
}

static void kill_the_unborn(const char *name, void *task)
{
	if (strcmp(name, "effect/before-perform") == 0)
		kill_from_elsewhere(*(struct ths_task_id *)task);
}

/* Committed, so anybody may know its name; and not started yet. */
static void unborn(void *unused)
{
	struct ths_ref own = THS_REF(script);
	struct ths_task_id task;

	(void)unused;
	ths_host_on_point(kill_the_unborn, &task);
	ck_assert_int_eq(script_by(&own, start_would_live, &task), THS_OK);
	ths_host_on_point(NULL, NULL);
	is_reaped(task);
	harness_done();
}

START_TEST(who_is_killed_before_it_begins_never_does)
{
	harness_run(unborn, NULL);
}
END_TEST

static enum ths_err start_and_give_up(struct ths_call *call, void *task)
{
	THS_TRY(start_would_live(call, task));
	kill_from_elsewhere(*(struct ths_task_id *)task); /* nobody can know its name: a guess */
	return THS_E_IO;
}

/* The slot's next task has nothing to do with who was killed. */
static void never_born(void *unused)
{
	struct ths_ref own = THS_REF(script);
	struct ths_task_id task, next;

	(void)unused;
	ck_assert_int_eq(script_by(&own, start_and_give_up, &task), THS_E_IO);
	ck_assert_int_eq(script_by(&own, start_would_live, &next), THS_OK);
	ck_assert_uint_eq(next.slot, task.slot);
	ths_yield();
	ck_assert(outlived);
	harness_done();
}

START_TEST(a_slot_that_was_not_needed_is_nobodys)
{
	harness_run(never_born, NULL);
}
END_TEST

/* ---- at any place ---------------------------------------------------------------- */

static _Atomic(uint64_t) condemned; /* 1 + slot, and the generation above; 0: nobody */

static void *kill_who_is_condemned(void *unused)
{
	(void)unused;
	rig_cpu_enter(1);
	for (unsigned killed = 0; killed < VICTIMS;) {
		uint64_t victim = atomic_exchange(&condemned, 0);

		if (!victim) {
			sched_yield();
			continue;
		}
		ths_context_kill(ths_cpu(), (uint32_t)victim - 1, (uint32_t)(victim >> 32));
		killed++;
	}
	rig_cpu_leave();
	return NULL;
}

static void wakes_and_sleeps(void *unused)
{
	struct ths_ref own = THS_REF(script);

	(void)unused;
	for (;;) {
		ths_yield();
		(void)!script_by(&own, wait_for_ever, NULL);
	}
}

static void loses_many(void *unused)
{
	static void (*const lives_of[])(void *) = {wakes_and_sleeps, waits_its_turn, sleeps};
	pthread_t thread;

	(void)unused;
	ck_assert_int_eq(pthread_create(&thread, NULL, kill_who_is_condemned, NULL), 0);
	for (unsigned i = 0; i < VICTIMS; i++) {
		struct ths_task_id victim = create(lives_of[i % THS_ARRAY_SIZE(lives_of)]);

		for (unsigned k = 0; k < i % 4; k++)
			ths_yield();
		atomic_store(&condemned, (uint64_t)victim.generation << 32 |
						 (victim.slot + 1));
		while (lives(victim)) {
			ths_yield();
			sched_yield();
		}
	}
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	harness_done();
}

START_TEST(whatever_it_does_it_ends)
{
	harness_run(loses_many, NULL);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("kill_smp");

	harness_case(suite, "in a call", setup, who_is_killed_in_a_call_does_not_come_out_of_it);
	harness_case(suite, "elsewhere", setup, who_is_killed_from_elsewhere_is_reaped_where_it_was);
	harness_case(suite, "unborn", setup, who_is_killed_before_it_begins_never_does);
	harness_case(suite, "not needed", setup, a_slot_that_was_not_needed_is_nobodys);
	harness_case(suite, "anywhere", setup, whatever_it_does_it_ends);
	return suite;
}

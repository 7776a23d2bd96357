/*
 * context_test - tasks as nano_core has them: slots, stacks, and who runs when the
 * scheduler does not say, or says it to the wrong CPU (K2, K4, K6, P19).
 */
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <pthread.h>
#include <theseus/host.h>
#include <theseus/iface/sched.h>
#include <theseus/iface/tasks.h>
#include "nano_core/nano_core_impl.h"

extern const struct ths_module ths_module_sched_rr, ths_module_sched_one, ths_module_tasks;

static struct ths_ref tasks, ref;
static unsigned ran;

static void setup(void)
{
	harness_start();
	harness_bind(&ths_module_sched_rr, "");
	harness_bind(&ths_module_tasks, "");
	harness_bind(&ths_module_script, "");
	tasks = (struct ths_ref)THS_REF(tasks);
	ref = (struct ths_ref)THS_REF(script);
	ran = 0;
}

static struct ths_task_id create(void (*entry)(void *), uintptr_t arg)
{
	struct tasks_create args = {.entry = (uint64_t)(uintptr_t)entry, .arg = arg};

	ck_assert_int_eq(tasks_create(&tasks, &args), THS_OK);
	return args.task;
}

static enum ths_err end(struct ths_task_id task)
{
	struct tasks_kill args = {.task = task};

	return tasks_kill(&tasks, &args);
}

static void settle(void)
{
	for (unsigned i = 0; i < 6; i++)
		ths_yield();
}

static void runs(void *arg)
{
	(void)arg;
	ran++;
}

static void runs_on(void *arg)
{
	for (;;) {
		((unsigned *)arg)[0]++;
		ths_yield();
	}
}

/* ---- K4 ------------------------------------------------------------------------------ */

static void lives_in_one_slot(void *arg)
{
	struct ths_task_id first = create(runs, 0), next;
	uint64_t stack = ths_core.context[first.slot].stack;

	(void)arg;
	settle();
	for (unsigned i = 1; i < 20; i++) {
		next = create(runs, 0);
		ck_assert_uint_eq(next.slot, first.slot);
		ck_assert_uint_eq(next.generation, first.generation + i);
		ck_assert_uint_eq(ths_core.context[next.slot].stack, stack);
		settle();
		ck_assert_uint_eq(ran, i + 1);
	}
	ck_assert_int_eq(end(first), THS_E_STALE);
	harness_done();
}

START_TEST(a_slot_is_used_again_with_another_generation)
{
	harness_run(lives_in_one_slot, NULL);
}
END_TEST

/* ---- who is who ---------------------------------------------------------------------- */

static struct ths_task_id told;

static void tells(void *arg)
{
	(void)arg;
	told = ths_task_self();
}

static enum ths_err ask_inside(struct ths_call *call, void *ctx)
{
	*(struct ths_task_id *)ctx = ths_call_task(call);
	ths_yield(); /* never within an interaction (G1) */
	return THS_OK;
}

static void asks_who(void *arg)
{
	struct ths_task_id it = create(tells, 0), self = ths_task_self(), inside;

	(void)arg;
	ck_assert_int_eq(script_by(&ref, ask_inside, &inside), THS_OK);
	ck_assert_uint_eq(inside.slot, self.slot);
	ck_assert_uint_eq(inside.generation, self.generation);
	ck_assert_uint_eq(told.generation, 0); /* the yield inside was none */
	settle();
	ck_assert_uint_eq(told.slot, it.slot);
	ck_assert_uint_eq(told.generation, it.generation);
	ck_assert_uint_ne(told.slot, self.slot);
	harness_done();
}

START_TEST(a_task_knows_itself_and_is_not_left_inside_an_interaction)
{
	told = (struct ths_task_id){0, 0};
	harness_run(asks_who, NULL);
}
END_TEST

START_TEST(before_there_are_tasks_a_yield_is_nothing)
{
	ck_assert(!ths_core.up);
	ths_yield();
	ck_assert_uint_eq(ths_cpu()->section, 0);
	ck_assert_uint_eq(ths_task_self().slot, CONTEXTS_MAX);
}
END_TEST

/* ---- ends ---------------------------------------------------------------------------- */

static void ends_itself(void *arg)
{
	(void)arg;
	ran++;
	ck_assert_int_eq(end(ths_task_self()), THS_OK);
	ck_abort_msg("it goes on though it ended itself");
}

static void ends_of_all_kinds(void *arg)
{
	struct ths_task_id self_made = create(ends_itself, 0), queued;
	unsigned turns = 0, before;
	struct ths_task_id running;

	(void)arg;
	settle();
	ck_assert_uint_eq(ran, 1);
	ck_assert_int_eq(end(self_made), THS_E_STALE);

	running = create(runs_on, (uintptr_t)&turns);
	settle();
	ck_assert_uint_gt(turns, 2);
	ck_assert_int_eq(end(running), THS_OK); /* it waits in the queue for its turn */
	before = turns;
	settle();
	ck_assert_uint_eq(turns, before);
	ck_assert_int_eq(ths_core.context[running.slot].state, CONTEXT_FREE);

	queued = create(runs, 0); /* posted, not yet admitted */
	ck_assert_int_eq(end(queued), THS_OK);
	settle();
	ck_assert_uint_eq(ran, 1);
	ck_assert_int_eq(ths_core.context[queued.slot].state, CONTEXT_FREE);
	harness_done();
}

START_TEST(who_is_ended_does_not_run_again_wherever_it_was)
{
	harness_run(ends_of_all_kinds, NULL);
}
END_TEST

/* ---- P19 ----------------------------------------------------------------------------- */

#define CREW 5u

static void without_a_scheduler(void *arg)
{
	unsigned turns[CREW] = {0}, before[CREW];

	(void)arg;
	for (unsigned i = 0; i < CREW; i++)
		create(runs_on, (uintptr_t)&turns[i]);
	settle();
	ck_assert_int_eq(ths_unbind(&sched_iface, ""), THS_OK);
	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < CREW; i++)
			before[i] = turns[i];
		ths_yield(); /* in slot order: we are named again after all of them */
		for (unsigned i = 0; i < CREW; i++)
			ck_assert_uint_eq(turns[i], before[i] + 1);
	}
	create(runs, 0); /* nobody admits it, and it runs */
	ths_yield();
	ck_assert_uint_eq(ran, 1);
	harness_done();
}

START_TEST(without_a_scheduler_all_run_in_slot_order)
{
	harness_run(without_a_scheduler, NULL);
}
END_TEST

static void scheduler_comes_back(void *arg)
{
	unsigned turns[CREW] = {0};
	uint32_t slot;

	(void)arg;
	for (unsigned i = 0; i < CREW; i++)
		create(runs_on, (uintptr_t)&turns[i]);
	settle();
	ck_assert_int_eq(ths_module_find("sched.rr", &slot), THS_OK);
	ck_assert_int_eq(ths_unbind(&sched_iface, ""), THS_OK);
	for (unsigned i = 0; i < 10; i++)
		ths_yield();
	ck_assert_int_eq(ths_bind(slot, ""), THS_OK);
	for (unsigned i = 0; i < CREW; i++)
		turns[i] = 0;
	for (unsigned i = 0; i < 10 * CREW; i++)
		ths_yield();
	for (unsigned i = 0; i < CREW; i++)
		ck_assert_uint_ge(turns[i], 5); /* nobody was forgotten meanwhile */
	harness_done();
}

START_TEST(and_none_is_forgotten_when_there_is_one_again)
{
	harness_run(scheduler_comes_back, NULL);
}
END_TEST

static enum ths_err wait_for_one(struct ths_call *call, void *unused)
{
	(void)unused;
	return script_get(call, 0) == 1 ? THS_OK : THS_E_AGAIN;
}

static enum ths_err make_it_one(struct ths_call *call, void *unused)
{
	(void)unused;
	return script_put(call, 0, 1);
}

static void waits(void *unused)
{
	struct ths_ref own = THS_REF(script);

	(void)unused;
	ths_yield();
	ck_assert_int_eq(script_by(&own, wait_for_one, NULL), THS_OK);
	ran++;
}

/* The task was in the queue of who is gone; the next one has never heard of it. */
static void wakes_under_another(void *unused)
{
	struct ths_task_id it = create(waits, 0);

	(void)unused;
	ths_yield(); /* it begins, and lets us go on */
	ck_assert(ths_core.context[it.slot].queued);
	ck_assert_int_eq(ths_unbind(&sched_iface, ""), THS_OK);
	ths_yield(); /* it runs in slot order, and sleeps */
	ck_assert_int_eq(atomic_load(&ths_core.context[it.slot].state), CONTEXT_SLEEPING);
	harness_bind(&ths_module_sched_one, "");
	ck_assert_int_eq(script_by(&ref, make_it_one, NULL), THS_OK);
	settle();
	ck_assert_uint_eq(ran, 1);
	harness_done();
}

START_TEST(who_slept_without_one_is_admitted_by_the_next)
{
	harness_run(wakes_under_another, NULL);
}
END_TEST

/* ---- K6 ------------------------------------------------------------------------- */

static void *work_as_cpu_1(void *unused)
{
	(void)unused;
	rig_cpu_enter(1);
	ths_work();
	rig_cpu_leave();
	return NULL;
}

/* Under the lock, as CPU 1 would. */
static void belongs_to(struct ths_task_id task, uint8_t cpu)
{
	ths_section_enter(ths_cpu());
	ths_spin_lock(&ths_core.lock);
	ths_core.context[task.slot].cpu = cpu;
	ths_spin_unlock(&ths_core.lock);
	ths_section_leave(ths_cpu());
}

/* One queue for all: each CPU is named tasks of the other. */
static void is_named_elsewhere(void *unused)
{
	struct ths_task_id it = create(runs, 0);
	struct ths_context *context = &ths_core.context[it.slot];
	pthread_t thread;

	(void)unused;
	belongs_to(it, 1);
	ths_yield();
	ck_assert_uint_eq(ran, 0);
	ck_assert(context->posted && !context->queued);
	ck_assert_uint_eq(atomic_load(&ths_core.cpu[1]->wake_head), it.slot + 1);
	ck_assert_uint_ne(atomic_load(&ths_core.cpu[1]->pending) & PENDING_WAKE, 0);
	ths_yield(); /* nobody but us is left here */
	ck_assert_uint_eq(ran, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, work_as_cpu_1, NULL), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(ran, 1);
	harness_done();
}

static void setup_one_queue(void)
{
	harness_start();
	rig_cpus(2);
	harness_bind(&ths_module_sched_one, "");
	harness_bind(&ths_module_tasks, "");
	harness_bind(&ths_module_script, "");
	tasks = (struct ths_ref)THS_REF(tasks);
	ran = 0;
}

START_TEST(who_is_named_to_another_cpu_is_posted_to_its_own)
{
	harness_run(is_named_elsewhere, NULL);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("context");

	harness_case(suite, "K4 slots", setup,
		     a_slot_is_used_again_with_another_generation);
	harness_case(suite, "G1 self", setup,
		     a_task_knows_itself_and_is_not_left_inside_an_interaction);
	harness_case(suite, "no tasks", setup, before_there_are_tasks_a_yield_is_nothing);
	harness_case(suite, "K2 ends", setup,
		     who_is_ended_does_not_run_again_wherever_it_was);
	harness_case(suite, "P19 none", setup, without_a_scheduler_all_run_in_slot_order);
	harness_case(suite, "P19 again", setup,
		     and_none_is_forgotten_when_there_is_one_again);
	harness_case(suite, "P19 other", setup,
		     who_slept_without_one_is_admitted_by_the_next);
	harness_case(suite, "K6 named", setup_one_queue,
		     who_is_named_to_another_cpu_is_posted_to_its_own);
	return suite;
}

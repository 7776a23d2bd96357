/*
 * sched - both policies, over one queue, against a plain array.
 */
#include <stdlib.h>
#include <string.h>
#include <suite.h>
#include <theseus/iface/sched.h>
#include <theseus/iface/sched_queue.h>
#include <theseus/iface/module.h>
#include "harness.h"

extern const struct ths_module ths_module_sched_rr, ths_module_sched_fcfs;

static const struct ths_module *const policies[] = {&ths_module_sched_rr,
						    &ths_module_sched_fcfs};
static struct ths_ref policy = THS_REF_TO(sched, "policy");
static uint32_t instance;

static void setup(void)
{
	harness_start();
	instance = harness_bind(&ths_module_sched_rr, "policy");
}

static void swap_to(const struct ths_module *module)
{
	instance = harness_swap(instance, module);
}

static enum ths_err admit(uint32_t task)
{
	struct sched_admit arg = {.task = task};

	return sched_admit(&policy, &arg);
}

static enum ths_err pick(uint32_t prev, bool runnable, uint32_t *next)
{
	struct sched_pick arg = {.prev = prev, .prev_runnable = runnable};
	enum ths_err err = sched_pick(&policy, &arg);

	*next = arg.next;
	return err;
}

static enum ths_err take(uint32_t task)
{
	struct sched_remove arg = {.task = task};

	return sched_remove(&policy, &arg);
}

static bool tick(uint32_t current, uint32_t ticks)
{
	struct sched_tick arg = {.current = current, .ticks = ticks};

	ck_assert_int_eq(sched_tick(&policy, &arg), THS_OK);
	return arg.resched;
}

/* Empties the queue and compares its order. */
static void assert_order(const uint32_t *want, unsigned count)
{
	uint32_t next;

	for (unsigned i = 0; i < count; i++) {
		ck_assert_int_eq(pick(THS_ROW_NONE, false, &next), THS_OK);
		ck_assert_uint_eq(next, want[i]);
	}
	ck_assert_int_eq(pick(THS_ROW_NONE, false, &next), THS_E_NOENT);
}

START_TEST(n_picks_name_each_of_n_tasks_once)
{
	unsigned n = (unsigned)_i;
	uint32_t running;

	for (unsigned which = 0; which < THS_ARRAY_SIZE(policies); which++) {
		swap_to(policies[which]);
		for (uint32_t task = 1; task <= n; task++)
			ck_assert_int_eq(admit(task), THS_OK);
		ck_assert_int_eq(pick(THS_ROW_NONE, false, &running), THS_OK);
		ck_assert_uint_eq(running, 1);
		for (unsigned i = 1; i < 3 * n; i++) {
			ck_assert_int_eq(pick(running, true, &running), THS_OK);
			ck_assert_uint_eq(running, i % n + 1);
		}
		for (unsigned i = 1; i < n; i++) /* each ends */
			ck_assert_int_eq(pick(THS_ROW_NONE, false, &running), THS_OK);
		ck_assert_int_eq(pick(THS_ROW_NONE, false, &running), THS_E_NOENT);
	}
}
END_TEST

START_TEST(a_task_is_queued_once)
{
	uint32_t order[40], next;

	for (uint32_t i = 0; i < THS_ARRAY_SIZE(order); i++) {
		order[i] = i * 3;
		ck_assert_int_eq(admit(order[i]), THS_OK);
	}
	for (uint32_t i = 0; i < THS_ARRAY_SIZE(order); i++)
		ck_assert_int_eq(admit(order[i]), THS_E_EXIST);
	/* One that runs and is queued: it keeps its place and nothing is doubled. */
	ck_assert_int_eq(pick(order[20], true, &next), THS_OK);
	ck_assert_uint_eq(next, order[0]);
	assert_order(order + 1, THS_ARRAY_SIZE(order) - 1);
}
END_TEST

START_TEST(no_task_beyond_the_limit)
{
	uint32_t next;

	ck_assert_int_eq(admit(SCHED_TASKS_MAX), THS_E_INVAL);
	ck_assert_int_eq(pick(SCHED_TASKS_MAX, true, &next), THS_E_INVAL);
	ck_assert_int_eq(take(SCHED_TASKS_MAX), THS_E_NOENT);
	ck_assert_int_eq(admit(SCHED_TASKS_MAX - 1), THS_OK);
	assert_order((const uint32_t[]){SCHED_TASKS_MAX - 1}, 1);
}
END_TEST

START_TEST(a_failed_pick_changes_nothing)
{
	uint32_t next = 77;

	ck_assert_int_eq(pick(THS_ROW_NONE, false, &next), THS_E_NOENT);
	ck_assert_uint_eq(next, 0); /* as we gave it */
	ck_assert_int_eq(admit(5), THS_OK);
	ck_assert_int_eq(pick(SCHED_TASKS_MAX + 1, true, &next), THS_E_INVAL);
	assert_order((const uint32_t[]){5}, 1);
}
END_TEST

START_TEST(one_that_yields_alone_goes_on)
{
	uint32_t next;

	ck_assert_int_eq(pick(9, true, &next), THS_OK);
	ck_assert_uint_eq(next, 9);
	assert_order(NULL, 0);
}
END_TEST

/* The array model: what the queue should hold, in order. */
struct model {
	uint32_t task[SCHED_TASKS_MAX];
	unsigned count;
};

static unsigned model_find(const struct model *model, uint32_t task)
{
	unsigned at = 0;

	while (at < model->count && model->task[at] != task)
		at++;
	return at;
}

static void model_drop(struct model *model, unsigned at)
{
	model->count--;
	memmove(&model->task[at], &model->task[at + 1],
		(model->count - at) * sizeof model->task[0]);
}

static void step(struct model *model, uint32_t task, unsigned what)
{
	unsigned at = model_find(model, task);
	bool queued = at < model->count;
	uint32_t next;

	switch (what) {
	case 0: /* who is not queued runs, and yields */
		if (queued)
			return;
		model->task[model->count++] = task;
		ck_assert_int_eq(pick(task, true, &next), THS_OK);
		ck_assert_uint_eq(next, model->task[0]);
		model_drop(model, 0);
		return;
	case 1:
	case 2:
		ck_assert_int_eq(admit(task), queued ? THS_E_EXIST : THS_OK);
		if (!queued)
			model->task[model->count++] = task;
		return;
	default:
		ck_assert_int_eq(take(task), queued ? THS_OK : THS_E_NOENT);
		if (queued)
			model_drop(model, at);
		return;
	}
}

START_TEST(any_history_keeps_the_order_across_policies)
{
	static struct model model;
	unsigned width = _i == 0 ? 12 : 60; /* with the ring alone, and with overflow */

	srand(1 + (unsigned)_i);
	model.count = 0;
	for (unsigned i = 0; i < 4000; i++) {
		step(&model, (uint32_t)rand() % width, (unsigned)rand() % 4);
		if (i % 100 == 0)
			swap_to(policies[i / 100 % THS_ARRAY_SIZE(policies)]);
	}
	ck_assert_uint_gt(model.count, 0);
	assert_order(model.task, model.count);
}
END_TEST

START_TEST(rr_preempts_when_others_wait)
{
	ck_assert(!tick(3, 1000));
	ck_assert(!tick(THS_ROW_NONE, 1000));
	ck_assert_int_eq(admit(4), THS_OK);
	ck_assert(!tick(3, 0));
	ck_assert(tick(3, 1000));
	ck_assert(tick(THS_ROW_NONE, 0));
}
END_TEST

START_TEST(fcfs_never_preempts)
{
	swap_to(&ths_module_sched_fcfs);
	ck_assert_int_eq(admit(4), THS_OK);
	ck_assert(!tick(3, 1u << 30));
	ck_assert(tick(THS_ROW_NONE, 0)); /* the idle loop is nobody */
}
END_TEST

START_TEST(the_self_test_knows_a_sound_queue)
{
	struct ths_ref module = THS_REF(module);
	struct module_name name = {.name = "sched.rr"};

	ck_assert_int_eq(module_selftest(&module, &name), THS_OK);
	for (uint32_t task = 1; task <= 40; task++)
		ck_assert_int_eq(admit(task), THS_OK);
	ck_assert_int_eq(module_selftest(&module, &name), THS_OK);
	ck_assert(
		!sched_queue_is_sound(&(struct sched_queue){.count = 3, .overflow = 1}));
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("sched");

	harness_case(suite, "S1 once", setup, a_task_is_queued_once);
	harness_case(suite, "S1 limits", setup, no_task_beyond_the_limit);
	harness_loop(suite, "R1 in turn", setup, n_picks_name_each_of_n_tasks_once, 1,
		     21);
	harness_case(suite, "R2 failure", setup, a_failed_pick_changes_nothing);
	harness_case(suite, "R2 alone", setup, one_that_yields_alone_goes_on);
	harness_loop(suite, "S3 exchange", setup,
		     any_history_keeps_the_order_across_policies, 0, 2);
	harness_case(suite, "rr tick", setup, rr_preempts_when_others_wait);
	harness_case(suite, "C1 fcfs tick", setup, fcfs_never_preempts);
	harness_case(suite, "self-test", setup, the_self_test_knows_a_sound_queue);
	return suite;
}

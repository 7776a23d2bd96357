/*
 * sched_smp - one run queue becomes one per CPU, and one again, while four CPUs run tasks.
 * Run under ASan and, as sched_smp_tsan, under TSan.
 *
 * The modules are those of the image's shapes (tests/image/os/shape_sched.c). A task is a
 * number with a state: a CPU that is told to run it takes it out of `queued`, which fails if
 * it runs elsewhere already. Now and then one falls asleep, and any CPU wakes it into its own
 * queue. What an evolution is to meet is waited for, not hoped for: each CPU runs a task in
 * the old shape and in the new one.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <suite.h>
#include <theseus/evolve.h>
#include <theseus/iface/sched.h>
#include "harness.h"
#include "rig.h"

extern const struct ths_module ths_module_sched_one, ths_module_sched_many;

#define CPUS       4u /* that run tasks: 1.. ; CPU 0 evolves */
#define TASKS      40u
#define EVOLUTIONS 120u

enum { QUEUED, RUNNING, ASLEEP };

static _Atomic(int) state[TASKS];
static _Atomic(uint64_t) runs[TASKS];
static _Atomic(uint64_t) served[1 + CPUS]; /* tasks run, by CPU */
static atomic_bool enough;
static struct ths_ref sched = THS_REF(sched);

static bool becomes(uint32_t task, int from, int to)
{
	return atomic_compare_exchange_strong(&state[task], &from, to);
}

static void admit(struct ths_ref *ref, uint32_t task, uint32_t cpu)
{
	struct sched_admit arg = {.task = task, .cpu = cpu};

	ck_assert_int_eq(sched_admit(ref, &arg), THS_OK);
}

static void wake_somebody(struct ths_ref *ref, uint32_t cpu, unsigned *seed)
{
	uint32_t task = (uint32_t)rand_r(seed) % TASKS;

	if (becomes(task, ASLEEP, QUEUED))
		admit(ref, task, cpu);
}

/* THS_ROW_NONE: nobody is queued here. */
static uint32_t pick(struct ths_ref *ref, uint32_t cpu, uint32_t prev)
{
	struct sched_pick arg = {
		.cpu = cpu, .prev = prev, .prev_runnable = prev != THS_ROW_NONE};
	enum ths_err err = sched_pick(ref, &arg);

	if (err == THS_E_NOENT)
		return THS_ROW_NONE;
	ck_assert_int_eq(err, THS_OK);
	ck_assert_uint_lt(arg.next, TASKS);
	return arg.next;
}

/* Who is to go on later, or THS_ROW_NONE. */
static uint32_t run(uint32_t cpu, uint32_t task, unsigned *seed)
{
	ck_assert_msg(becomes(task, QUEUED, RUNNING), "task %u runs twice", task);
	atomic_fetch_add(&runs[task], 1);
	atomic_fetch_add(&served[cpu], 1);
	if (rand_r(seed) % 4 == 0) {
		atomic_store(&state[task], ASLEEP);
		return THS_ROW_NONE;
	}
	atomic_store(&state[task], QUEUED); /* as the next pick says */
	return task;
}

static void *run_tasks(void *arg)
{
	struct ths_ref ref = THS_REF(sched);
	uint32_t cpu = (uint32_t)(uintptr_t)arg, prev = THS_ROW_NONE;
	unsigned seed = cpu;

	rig_cpu_enter(cpu);
	while (!atomic_load(&enough)) {
		uint32_t next = pick(&ref, cpu, prev);

		prev = next == THS_ROW_NONE ? next : run(cpu, next, &seed);
		wake_somebody(&ref, cpu, &seed);
	}
	if (prev != THS_ROW_NONE)
		admit(&ref, prev, cpu);
	rig_cpu_leave();
	return NULL;
}

static void wait_for_all_cpus(void)
{
	uint64_t before[1 + CPUS];

	for (unsigned cpu = 1; cpu <= CPUS; cpu++)
		before[cpu] = atomic_load(&served[cpu]);
	for (unsigned cpu = 1; cpu <= CPUS; cpu++)
		while (atomic_load(&served[cpu]) == before[cpu])
			sched_yield();
}

static void evolve_to(const struct ths_module *module)
{
	static unsigned number;
	struct ths_reason reason;
	char name[THS_NAME_MAX], text[80];

	(void)snprintf(name, sizeof(name), "policy.%u", ++number);
	(void)snprintf(text, sizeof(text), "replace sched with %s\n", name);
	rig_add(module, name);
	ck_assert_msg(ths_evolve(text, strlen(text), &reason) == THS_OK, "%s: %s", name,
		      reason.text);
}

/* The one queue has each task that is not asleep, once. */
static void expect_all_tasks(void)
{
	unsigned queued = 0;
	uint32_t task;

	while ((task = pick(&sched, 0, THS_ROW_NONE)) != THS_ROW_NONE) {
		ck_assert_msg(becomes(task, QUEUED, RUNNING), "task %u is queued twice",
			      task);
		queued++;
	}
	for (task = 0; task < TASKS; task++) {
		ck_assert_msg(atomic_load(&state[task]) != QUEUED, "task %u is lost", task);
		queued += atomic_load(&state[task]) == ASLEEP;
	}
	ck_assert_uint_eq(queued, TASKS);
}

static void be(uint32_t cpu)
{
	rig_cpu_leave();
	rig_cpu_enter(cpu);
}

/* As CPU @cpu: a task comes, and is picked. */
static void pick_once(uint32_t cpu)
{
	be(cpu);
	admit(&sched, 0, cpu);
	ck_assert_uint_eq(pick(&sched, cpu, THS_ROW_NONE), 0);
	be(0);
}

static void setup(void)
{
	harness_start();
	rig_cpus(1 + CPUS);
	harness_bind(&ths_module_sched_many, "");
}

/* All tasks in one queue; those CPUs have picked before, when they had one each. */
static void begin(uint32_t first, uint32_t last)
{
	for (uint32_t cpu = first; cpu <= last; cpu++)
		pick_once(cpu);
	evolve_to(&ths_module_sched_one);
	for (uint32_t task = 0; task < TASKS; task++)
		admit(&sched, task, 0);
}

/* Nobody else gets any. */
START_TEST(tasks_are_dealt_to_the_cpus_that_pick)
{
	uint32_t task, got = 0;

	begin(2, 3);
	evolve_to(&ths_module_sched_many);
	for (uint32_t cpu = 0; cpu <= CPUS; cpu++) {
		be(cpu);
		for (unsigned i = 0; (task = pick(&sched, cpu, THS_ROW_NONE)) != THS_ROW_NONE;
		     i++, got++)
			ck_assert_uint_eq(task, 2 * i + cpu - 2); /* in their order */
	}
	be(0);
	ck_assert_uint_eq(got, TASKS);
}
END_TEST

START_TEST(queues_of_all_cpus_become_one)
{
	uint32_t task, got = 0;

	begin(1, CPUS);
	evolve_to(&ths_module_sched_many);
	evolve_to(&ths_module_sched_one);
	while ((task = pick(&sched, 0, THS_ROW_NONE)) != THS_ROW_NONE) {
		ck_assert_uint_eq(task, got % (TASKS / CPUS) * CPUS + got / (TASKS / CPUS));
		got++;
	}
	ck_assert_uint_eq(got, TASKS);
}
END_TEST

START_TEST(no_task_is_lost_or_run_twice)
{
	uint64_t by_task = 0, by_cpu = 0;
	pthread_t thread[1 + CPUS];

	begin(1, CPUS);
	for (uintptr_t cpu = 1; cpu <= CPUS; cpu++)
		ck_assert_int_eq(
			pthread_create(&thread[cpu], NULL, run_tasks, (void *)cpu), 0);
	for (unsigned i = 1; i <= EVOLUTIONS; i++) {
		wait_for_all_cpus();
		evolve_to(i % 2 ? &ths_module_sched_many : &ths_module_sched_one);
	}
	atomic_store(&enough, true);
	for (unsigned cpu = 1; cpu <= CPUS; cpu++)
		ck_assert_int_eq(pthread_join(thread[cpu], NULL), 0);
	expect_all_tasks();
	for (uint32_t task = 0; task < TASKS; task++)
		by_task += atomic_load(&runs[task]);
	for (unsigned cpu = 1; cpu <= CPUS; cpu++)
		by_cpu += atomic_load(&served[cpu]);
	ck_assert_uint_eq(by_task, by_cpu);
}
END_TEST


Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("sched_smp");

	harness_case(suite, "there", setup, tasks_are_dealt_to_the_cpus_that_pick);
	harness_case(suite, "back", setup, queues_of_all_cpus_become_one);
	harness_case(suite, "under load", setup, no_task_is_lost_or_run_twice);
	return suite;
}

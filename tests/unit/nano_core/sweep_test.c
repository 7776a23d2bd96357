/*
 * sweep_test - the sweeper comes with a step, ends it, and goes; also when memory is short.
 *
 * Under tasks, with the rows of migrate_shapes.h. That one pass does what it should is
 * migrate_test's.
 */
#include "migrate_shapes.h"

static void setup(void)
{
	harness_start();
	setup_modules();
}

static uint64_t looks, served_as;

static enum ths_err wait_for_30(struct ths_call *call, void *ctx)
{
	const void *row;

	(void)ctx;
	looks++;
	THS_TRY(ths_row_read(call, PLAIN, 8, &row));
	served_as = known(PLAIN);
	return get(known(PLAIN), row).count == 30 + 9 ? THS_OK : THS_E_AGAIN;
}

static bool woke;

/* A tick comes as it gives up, for another table that starves. */
static void try_again(const char *point, void *unused)
{
	(void)unused;
	if (strcmp(point, "sweep/starves"))
		return;
	ths_host_on_point(NULL, NULL);
	atomic_store(&ths_core.starved, true);
	ths_sweep_again();
}

/* The nth thing that can run out does, from the sweeper's first slice on. */
static void starve(const char *point, void *n)
{
	if (strcmp(point, "sweep/before-slice"))
		return;
	ths_host_on_point(try_again, NULL);
	ths_host_fail_nth("alloc", ++*(uint64_t *)n, true);
}

static void sleeps(void *arg)
{
	struct ths_ref own = THS_REF(script);

	(void)arg;
	ck_assert_int_eq(script_by(&own, wait_for_30, NULL), THS_OK);
	woke = true;
}

static void let_it_sweep(void *arg)
{
	struct ths_ref tasks = THS_REF(tasks);
	struct tasks_create create = {.entry = (uint64_t)(uintptr_t)sleeps};
	struct range one = {PLAIN, 8, 9, 0};

	(void)arg;
	write_all(&ref);
	ck_assert_int_eq(tasks_create(&tasks, &create), THS_OK);
	for (unsigned i = 0; i < 4; i++)
		ths_yield();
	for (unsigned i = 0; i < 6; i++) {
		swap_to(i % 2 ? &ths_module_first : shapes[i / 2]);
		for (unsigned k = 0; k < 1000 && ths_core.steps; k++)
			ths_yield();
		assert_ended(); /* by itself */
		for (unsigned k = 0; k < 8; k++)
			ths_yield();
		ck_assert(!woke);
	}
	ck_assert_uint_le(looks, 1 + 6 * 3); /* binding, row, and a pick in between */
	base = 30;
	ck_assert_int_eq(script_by(&ref, write_range, &one), THS_OK);
	for (unsigned k = 0; k < 8; k++)
		ths_yield();
	ck_assert(woke);
	ck_assert_uint_eq(served_as, FIRST);
	ck_assert(!ths_core.sweeping);
	harness_done();
}

static void run_with_tasks(void (*program)(void *))
{
	ths_cpu()->current = CONTEXTS_MAX;
	harness_bind(&ths_module_sched_rr, "");
	harness_bind(&ths_module_tasks, "");
	harness_run(program, NULL);
}

START_TEST(the_sweeper_comes_and_goes)
{
	run_with_tasks(let_it_sweep);
}
END_TEST

/* It has gone, for it could do no more, and comes back. */
static void let_the_other_leave(void *arg)
{
	(void)arg;
	write_all(&ref);
	(void)bind_other(&ths_module_first);
	swap_to(&ths_module_grown);
	for (unsigned k = 0; k < 1000 && ths_core.sweeping; k++)
		ths_yield();
	ck_assert(!ths_core.sweeping);
	ck_assert_uint_eq(ths_core.steps, 4);
	ck_assert_int_eq(ths_unbind(&script_iface, "other"), THS_OK);
	for (unsigned k = 0; k < 1000 && ths_core.steps; k++)
		ths_yield();
	assert_ended();
	check_all(&ref);
	harness_done();
}

START_TEST(the_step_ends_when_the_last_who_knows_the_old_schema_leaves)
{
	run_with_tasks(let_the_other_leave);
}
END_TEST

/* Without a sweeper nothing begins. */
static void let_none_start(void *arg)
{
	uint32_t next = rig_add(&ths_module_grown, "next");
	enum ths_err err;
	uint64_t n = 0;

	(void)arg;
	write_all(&ref);
	do {
		ths_host_fail_nth("alloc", ++n, true);
		err = ths_swap(server, next, NULL);
		ck_assert(err == THS_OK || ths_host_fail_failed() > 0);
		ths_host_fail_nth("", 0, false);
		ck_assert(err == THS_OK || ths_core.steps == 0);
		check_all(&ref);
	} while (err);
	ck_assert_uint_gt(n, 2);
	server = next;
	for (unsigned k = 0; k < 1000 && ths_core.steps; k++)
		ths_yield();
	assert_ended();
	harness_done();
}

START_TEST(who_can_start_no_sweeper_begins_no_step)
{
	run_with_tasks(let_none_start);
}
END_TEST

/* Whatever runs out while the sweeper is at it, the step ends all the same. */
static void let_it_starve(void *arg)
{
	uint64_t n = 0, starved = 0;
	bool failed;

	(void)arg;
	write_all(&ref);
	do {
		ths_host_on_point(starve, &n);
		swap_to(n % 2 ? &ths_module_first : &ths_module_grown);
		for (unsigned k = 0; k < 1000 && ths_core.sweeping; k++)
			ths_yield();
		failed = ths_host_fail_failed() > 0;
		ths_host_on_point(NULL, NULL);
		ths_host_fail_nth("", 0, false);
		ck_assert(!ths_core.sweeping);
		starved += ths_core.starved;
		for (unsigned k = 0; k < 1000 && ths_core.steps; k++) {
			ths_host_tick();
			ths_yield();
		}
		assert_ended();
		check_all(&ref);
	} while (failed);
	ck_assert_uint_gt(starved, 0); /* others found what they need elsewhere */
	harness_done();
}

START_TEST(a_sweeper_that_starves_comes_again)
{
	run_with_tasks(let_it_starve);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("sweep");

	harness_case(suite, "comes and goes", setup, the_sweeper_comes_and_goes);
	harness_case(suite, "none", setup, who_can_start_no_sweeper_begins_no_step);
	harness_case(suite, "starved", setup, a_sweeper_that_starves_comes_again);
	harness_case(suite, "comes back", setup,
		     the_step_ends_when_the_last_who_knows_the_old_schema_leaves);
	return suite;
}

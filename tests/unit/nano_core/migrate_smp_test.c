/*
 * migrate_smp_test - a table changes its schema while another CPU does the worst it can, at
 * the very step a test is about.
 *
 * Publications of the other CPU are kept on probation, so that it does not wait for us.
 */
#include "migrate_shapes.h"

static void setup(void)
{
	harness_start();
	ths_host_reset();
	rig_start();
	rig_cpus(2);
	setup_modules();
	other_start();
	write_all(&ref);
}

static void finish(void)
{
	ths_host_on_point(NULL, NULL);
	other_stop();
	rig_stop();
}

static unsigned meddled, left;

/* Another CPU commits a row at a window of the protocol; where commits are held off it has
 * to wait, and so it does not begin. */
static void meddle(const char *name, void *ctx)
{
	struct range row = {PLAIN, meddled % 12, meddled % 12 + 1, 0};

	if (strcmp(name, ctx) != 0 || left == 0 || ths_cpu()->token)
		return;
	meddled++;
	left--;
	ck_assert_int_eq(other_script(write_range, &row), THS_OK);
}

static const char *const windows[] = {"swap/before-publish", "swap/after-publish",
				      "sweep/before-commit", "sweep/before-end"};

START_TEST(who_commits_in_between_is_not_lost)
{
	base = 2;
	meddled = 0;
	for (unsigned i = 0; i < 4; i++) {
		left = 3;
		ths_host_on_point(meddle, (void *)(uintptr_t)windows[_i]);
		swap_to(i % 2 ? &ths_module_first : shapes[i / 2]);
		ck_assert_int_eq(ths_sweep(), THS_OK);
		ths_host_on_point(NULL, NULL);
	}
	ck_assert_uint_ge(meddled, 4);
	for (uint32_t i = 0; i < 12; i++) {
		struct range row = {PLAIN, i, i + 1, 0};

		base = i < meddled ? 2 : 1;
		ck_assert_int_eq(script_by(&ref, read_range, &row), THS_OK);
	}
	finish();
}
END_TEST

/* ---- another size class ----------------------------------------------------------------- */

static enum ths_err publish_it(void *ctx)
{
	return ths_swap(server, *(uint32_t *)ctx, NULL);
}

static void publish_on_the_other(uint32_t next)
{
	ths_probation_set((struct ths_probation){0, 1000000});
	ck_assert_int_eq(other_does(publish_it, &next), THS_OK);
	server = next;
}

/* An outer level's copies are of the small size class, those of the level within of the one
 * that has come since: merging may bring no more than there is room for. */
static enum ths_err grows_between_levels(struct ths_call *call, void *ctx)
{
	struct range some = {PLAIN, 0, 12, 0};

	base = 2;
	THS_TRY(write_range(call, &some));
	if (ths_core.steps == 0)
		publish_on_the_other(*(uint32_t *)ctx);
	base = 3;
	THS_TRY(script_by(ths_use(call, OTHER), write_range, &some));
	for (unsigned i = 0; i < ths_cpu()->txn.writes; i++) {
		const struct ths_version *copy = ths_cpu()->txn.write[i].copy;

		ck_assert_uint_eq(copy->schema, FIRST);
		ck_assert_uint_eq(ths_pool_bytes(copy->pool), 64);
	}
	return read_range(call, &some);
}

START_TEST(levels_of_two_size_classes_merge)
{
	struct range some = {PLAIN, 0, 12, 0};
	uint32_t next;

	(void)bind_other(&ths_module_first);
	next = rig_add(&ths_module_grown, "next");
	ck_assert_int_eq(script_by(&other, grows_between_levels, &next), THS_OK);
	ck_assert_uint_eq(ths_core.steps, 4);
	ck_assert_int_eq(script_by(&ref, read_range, &some), THS_OK);
	ck_assert_int_eq(script_by(&other, read_range, &some), THS_OK);
	finish();
}
END_TEST

/* ---- turned round, where rows have no way back ------------------------------------------ */

static uint32_t before; /* who served before, to be published again */

static void step_without_a_way_back(void)
{
	before = rig_add(&ths_module_first, "before");
	swap_to(&ths_module_oneway);
}

static void assert_as_before(void)
{
	ck_assert_uint_eq(server, before);
	check_all(&ref);
	ck_assert_int_eq(ths_sweep(), THS_OK);
	assert_ended();
	finish();
}

static void turn_it_round(const char *name, void *ctx)
{
	if (strcmp(name, ctx) == 0 && server != before)
		publish_on_the_other(before);
}

/* What the sweeper has converted and not committed is not committed any more. */
START_TEST(a_slice_in_flight_ends_with_the_direction)
{
	char point[] = "sweep/before-commit";

	step_without_a_way_back();
	ths_host_on_point(turn_it_round, point);
	ck_assert_int_eq(ths_sweep(), THS_OK);
	assert_as_before();
}
END_TEST

static enum ths_err write_in_a_kick(struct ths_call *call, void *ctx)
{
	struct range some = {PLAIN, 0, 5, 0};
	enum ths_err err = write_range(call, &some);

	turn_it_round(ctx, ctx);
	return err;
}

/* Nor is what an instance has written that was called without a binding. */
START_TEST(a_kick_in_flight_ends_with_its_instance)
{
	char always[] = "";

	step_without_a_way_back();
	script_on_kick = write_in_a_kick;
	script_kick_ctx = always;
	ck_assert_int_eq(ths_invoke_op(&ths_core.instance[server], script_op_kicked),
			 THS_E_STALE);
	assert_as_before();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("migrate, two CPUs");

	harness_loop(suite, "windows", setup, who_commits_in_between_is_not_lost, 0,
		     (int)THS_ARRAY_SIZE(windows));
	harness_case(suite, "size classes", setup, levels_of_two_size_classes_merge);
	harness_case(suite, "slice", setup, a_slice_in_flight_ends_with_the_direction);
	harness_case(suite, "kick", setup, a_kick_in_flight_ends_with_its_instance);
	return suite;
}

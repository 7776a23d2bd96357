/*
 * set_test - an evolution that can be taken back, and is as a whole when one who came fails.
 *
 * `store` is removed, two halves come for it and are bound, `user` is replaced, and the pair
 * that `store` kept widens in another set: see evolve_shapes.h.
 */
#include "evolve_shapes.h"
#include "harness.h"
#include "rig.h"
#include "suite.h"

#include <string.h>
#include <theseus/evolve.h>
#include <theseus/host.h>
#include <theseus/iface/module.h>
#include "nano_core/swap_impl.h"

#define TICKS 100u /* of a probation */

/* ---- the set ---------------------------------------------------------------------------- */

static enum ths_err (*on_sum)(struct ths_call *);

static enum ths_err set_sum(struct ths_call *call, struct pair_args *arg)
{
	if (on_sum)
		THS_TRY(on_sum(call));
	return add_halves(call, arg);
}

static enum ths_err wide_sum(struct ths_call *call, struct pair_args *arg)
{
	if (on_sum)
		THS_TRY(on_sum(call));
	return add_pair(call, arg);
}

THS_MODULE(user_set, "user.set", 2, 0, THS_PROVIDES(user, .sum = set_sum),
	   THS_USES_INSTANCE(USE, half, "low"), THS_USES_INSTANCE(USE_HIGH, half, "high"),
	   .selftest = selftest);
THS_MODULE(user_wide, "user.wide", 3, 0, THS_PROVIDES(user, .sum = wide_sum),
	   THS_USES(USE, pair), .selftest = selftest);
THS_MODULE(store_both, "store.both", 2, 0,
	   THS_PROVIDES(pair, .put = wide_put, .get = wide_get),
	   THS_TABLE(PAIR, "test.pair/2", struct pair_wide),
	   THS_MIGRATE(0, "test.pair/1", "test.pair/2", widen, narrow));

#define SPLIT                                                                            \
	"remove store\nmodule half.low\nmodule half.high\nreplace user with user.set\n"      \
	"bind half/1 low = half.low\nbind half/1 high = half.high\n"
#define WIDEN                                                                            \
	"replace store with store.both\nreplace user with user.wide\n"                       \
	"migrate test.pair/1 test.pair/2\n"

static const char *const shapes[] = {SPLIT, WIDEN};
static const char *const members[][3] = {{"half.low", "half.high", "user.set"},
					 {"store.both", "user.wide", "user.wide"}};
#define SHAPES (int)THS_ARRAY_SIZE(shapes)

/* ---- the system -------------------------------------------------------------------------- */

static struct ths_ref pair, user, module;
static struct ths_reason reason;
static uint32_t store, adder;

/* If it is not there. It may be loaded before what it uses. */
static void bring(const struct ths_module *what)
{
	uint32_t slot;

	ths_core.evolving = true;
	if (ths_module_find(what->id, &slot) == THS_E_NOENT)
		rig_add(what, NULL);
	ths_core.evolving = false;
}

static void bring_all(void)
{
	bring(&ths_module_half_low);
	bring(&ths_module_half_high);
	bring(&ths_module_user_set);
	bring(&ths_module_store_both);
	bring(&ths_module_user_wide);
}

static void setup(void)
{
	harness_start();
	ths_core.quiet_faults = true;
	ths_probation_set((struct ths_probation){20, TICKS});
	store = harness_bind(&ths_module_store, "");
	adder = harness_bind(&ths_module_user, "");
	pair = (struct ths_ref)THS_REF(pair);
	user = (struct ths_ref)THS_REF(user);
	module = (struct ths_ref)THS_REF(module);
	on_sum = on_start = on_selftest = NULL;
	ck_assert_int_eq(pair_put(&pair, &(struct pair_args){30, 12}), THS_OK);
	bring_all();
}

static enum ths_err evolve(const char *text)
{
	reason.text[0] = 0;
	return ths_evolve(text, strlen(text), &reason);
}

#define EVOLVES(set) ck_assert_msg(evolve(set) == THS_OK, "%s", reason.text)

static void sums(void)
{
	struct pair_args args = {0, 0};

	ck_assert_int_eq(ths_gate(&user, user_op_sum, &args, NULL), THS_OK);
	ck_assert_uint_eq(args.low, 42);
}

static enum ths_instance_state state_of(const char *name)
{
	struct module_info info = {.slot = 0};
	uint32_t slot;

	if (ths_module_find(name, &slot) != THS_OK)
		return THS_INSTANCE_FREE;
	info.slot = slot - 1;
	ck_assert_int_eq(module_info(&module, &info), THS_OK);
	return (enum ths_instance_state)info.state;
}

static void expect_members(int shape, enum ths_instance_state state)
{
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(state_of(members[shape][i]), state);
}

/* Who served before does, with the rows there were, and takes new ones. */
static void expect_back(void)
{
	struct ths_ref low = {&half_iface, "low", 0, 1, 0};
	struct pair_args args = {0, 0};

	sums();
	ck_assert_int_eq(state_of("store"), THS_INSTANCE_BOUND);
	ck_assert_int_eq(state_of("user"), THS_INSTANCE_BOUND);
	ck_assert_int_eq(ths_gate(&low, half_op_value, &args, NULL), THS_E_UNAVAIL);
	ck_assert_int_eq(pair_put(&pair, &(struct pair_args){40, 2}), THS_OK);
	sums();
}

/* Once rows need nobody's functions any more. */
static void expect_settled(void)
{
	ck_assert_int_eq(ths_sweep(), THS_OK);
	ths_host_tick();
	for (unsigned i = 1; i < ths_instances(); i++) {
		const struct ths_instance *instance = &ths_core.instance[i];

		ck_assert(!ths_is_on_probation(instance));
		ck_assert_uint_ne(instance->state, THS_INSTANCE_KEPT);
		ck_assert_uint_ne(instance->state, THS_INSTANCE_RETIRED);
	}
}

/* ---- served ------------------------------------------------------------------------------- */

START_TEST(who_left_is_kept_until_all_have_served)
{
	EVOLVES(shapes[_i]);
	expect_members(_i, THS_INSTANCE_PROBATION);
	for (unsigned i = 0; i < 19; i++) {
		sums();
		ths_host_tick();
		ck_assert_int_eq(state_of("store"), THS_INSTANCE_KEPT);
		ck_assert_int_eq(state_of("user"), THS_INSTANCE_KEPT);
		ck_assert_int_eq(ths_module_unload(store), THS_E_BUSY);
		ck_assert_int_eq(ths_module_unload(adder), THS_E_BUSY);
	}
	sums();
	ths_host_tick();
	expect_members(_i, THS_INSTANCE_BOUND);
	ck_assert_int_eq(ths_sweep(), THS_OK);
	ths_host_tick();
	ck_assert_int_eq(state_of("store"), THS_INSTANCE_FREE);
	ck_assert_int_eq(state_of("user"), THS_INSTANCE_FREE);
	sums();
	expect_settled();
}
END_TEST

/* One of them serves and the others do not: their ticks count. */
START_TEST(or_until_their_time_is_over)
{
	EVOLVES(shapes[_i]);
	for (unsigned i = 0; i < TICKS - 1; i++)
		ths_host_tick();
	expect_members(_i, THS_INSTANCE_PROBATION);
	ths_host_tick();
	expect_members(_i, THS_INSTANCE_BOUND);
	ck_assert_int_eq(state_of("user"), THS_INSTANCE_FREE);
	ck_assert_int_eq(ths_rollback("user/1", &reason), THS_E_NOENT);
}
END_TEST

START_TEST(without_probation_they_go_at_once)
{
	ths_probation_set((struct ths_probation){0, 0});
	EVOLVES(shapes[_i]);
	expect_members(_i, THS_INSTANCE_BOUND);
	ck_assert_int_eq(state_of("user"), THS_INSTANCE_FREE);
	expect_settled();
}
END_TEST

/* ---- back ---------------------------------------------------------------------------------- */

START_TEST(one_goes_back_by_the_name_of_any)
{
	int shape = _i / 3;

	EVOLVES(shapes[shape]);
	sums();
	ck_assert_int_eq(ths_rollback(members[shape][_i % 3], &reason), THS_OK);
	expect_members(shape, THS_INSTANCE_FREE);
	expect_back();
	expect_settled();
	ck_assert_int_eq(ths_rollback("user", &reason), THS_E_NOENT);
}
END_TEST

START_TEST(or_by_module_1)
{
	struct module_name name = {"user"};

	EVOLVES(shapes[_i]);
	ck_assert_int_eq(module_rollback(&module, &name), THS_OK);
	ths_host_tick();
	expect_back();
	expect_settled();
}
END_TEST

THS_NO_SANITIZE static enum ths_err faults(struct ths_call *call)
{
	(void)call;
	return (enum ths_err) * (volatile int *)(ths_core.nobody[0] & 0); /* NULL */
}

static enum ths_err overruns(struct ths_call *call)
{
	(void)call;
	for (unsigned i = 0; i < 50; i++) /* it is told so with the next row */
		ths_host_tick();
	return THS_OK;
}

static enum ths_err is_foreign(struct ths_call *call)
{
	(void)call;
	return (enum ths_err)77;
}

static enum ths_err is_unwell(struct ths_call *call)
{
	(void)call;
	return THS_E_IO;
}

static enum ths_err (*const failures[])(struct ths_call *) = {faults, overruns, is_foreign};
#define FAILURES (int)THS_ARRAY_SIZE(failures)

/* The caller is served by who served before. */
START_TEST(a_fault_takes_all_back_and_the_caller_is_served)
{
	int shape = _i / FAILURES;

	EVOLVES(shapes[shape]);
	sums();
	on_sum = failures[_i % FAILURES];
	sums();
	ck_assert_int_eq(state_of("store"), THS_INSTANCE_BOUND);
	ths_host_tick();
	expect_members(shape, THS_INSTANCE_FREE);
	expect_back();
	expect_settled();
}
END_TEST

START_TEST(an_error_does_not)
{
	struct pair_args args = {0, 0};

	EVOLVES(shapes[_i]);
	on_sum = is_unwell;
	ck_assert_int_eq(ths_gate(&user, user_op_sum, &args, NULL), THS_E_IO);
	expect_members(_i, THS_INSTANCE_PROBATION);
}
END_TEST

/* Who cannot wait for the loader sees the fault; the sweep goes back. */
START_TEST(the_sweep_goes_back_when_it_can)
{
	struct pair_args args = {0, 0};

	EVOLVES(shapes[_i]);
	on_sum = is_foreign;
	ck_assert_int_eq(ths_loader_enter(), THS_OK);
	ck_assert_int_eq(ths_gate(&user, user_op_sum, &args, NULL), THS_E_INTERNAL);
	ths_loader_leave();
	ths_host_tick();
	expect_back();
	expect_settled();
}
END_TEST

START_TEST(a_self_test_that_fails_refuses_the_set)
{
	static enum ths_err (*const ways[])(struct ths_call *) = {is_unwell, faults};
	static const enum ths_err due[] = {THS_E_IO, THS_E_FAULT};
	int shape = _i / 2;

	on_selftest = ways[_i % 2];
	ck_assert_int_eq(evolve(shapes[shape]), due[_i % 2]);
	ck_assert_msg(strstr(reason.text, "fails its self-test") != NULL, "%s", reason.text);
	expect_members(shape, THS_INSTANCE_LOADED); /* as they had been */
	expect_back();
	expect_settled();
	on_selftest = NULL;
	EVOLVES(shapes[shape]); /* there is no harm */
	expect_members(shape, THS_INSTANCE_PROBATION);
	sums();
}
END_TEST

START_TEST(one_that_fails_later_takes_all_back)
{
	struct module_name name = {"user.set"};

	EVOLVES(SPLIT);
	on_selftest = is_unwell;
	ck_assert_int_eq(module_selftest(&module, &name), THS_E_IO);
	ths_host_tick();
	expect_back();
	expect_settled();
}
END_TEST

/* ---- no way back --------------------------------------------------------------------------- */

START_TEST(rows_without_a_way_back_or_adopted_have_no_probation)
{
	static const char *const none[] = {
		"replace store with store.wide\nmigrate test.pair/1 test.pair/2\n",
		"remove store\nmodule half.adopts\nmodule half.high\n"
		"replace user with user.set\n"
		"bind half/1 low = half.adopts\nbind half/1 high = half.high\n"};

	bring(&ths_module_store_wide);
	bring(&ths_module_half_adopts);
	EVOLVES(none[_i]);
	sums();
	expect_settled();
	ck_assert_int_eq(ths_rollback("user", &reason), THS_E_NOENT);
}
END_TEST

/* ---- others meanwhile ---------------------------------------------------------------------- */

START_TEST(the_swap_of_a_member_ends_it)
{
	uint32_t slot, other = rig_add(&ths_module_user_wide, "other");

	EVOLVES(WIDEN);
	ck_assert_int_eq(ths_module_find("user.wide", &slot), THS_OK);
	on_selftest = is_unwell;
	ck_assert_int_eq(ths_swap(slot, other, NULL), THS_E_IO); /* and leaves it */
	ck_assert_int_eq(state_of("store"), THS_INSTANCE_KEPT);
	on_selftest = NULL;
	ck_assert_int_eq(ths_swap(slot, other, NULL), THS_OK);
	ths_host_tick();
	ck_assert_int_eq(state_of("store.both"), THS_INSTANCE_BOUND);
	ck_assert_int_eq(state_of("user"), THS_INSTANCE_FREE);
	ck_assert_int_eq(ths_rollback("store.both", &reason), THS_E_NOENT);
	ck_assert_int_eq(ths_rollback("other", &reason), THS_OK);
	ck_assert_int_eq(state_of("user.wide"), THS_INSTANCE_BOUND);
	sums();
}
END_TEST

START_TEST(so_does_another_evolution)
{
	bring(&ths_module_user_halves);
	EVOLVES(SPLIT);
	on_selftest = NULL;
	EVOLVES("replace user.set with user.halves\n");
	ths_host_tick();
	ck_assert_int_eq(state_of("store"), THS_INSTANCE_FREE);
	ck_assert_int_eq(state_of("user"), THS_INSTANCE_FREE);
	ck_assert_int_eq(state_of("half.low"), THS_INSTANCE_BOUND);
	ck_assert_int_eq(state_of("user.set"), THS_INSTANCE_KEPT);
	ck_assert_int_eq(ths_rollback("user.halves", &reason), THS_OK);
	ck_assert_int_eq(state_of("user.set"), THS_INSTANCE_BOUND);
	sums();
	expect_settled();
}
END_TEST

/* Who is bound where `store` was would have to go for it. */
START_TEST(so_does_who_binds_where_somebody_left)
{
	struct pair_args args = {0, 0};
	uint32_t other;

	EVOLVES(SPLIT);
	other = harness_bind(&ths_module_store_more, "");
	ck_assert_int_eq(ths_rollback("user", &reason), THS_E_NOENT);
	ths_host_tick();
	expect_settled();
	ck_assert_uint_eq(ths_core.instance[other].state, THS_INSTANCE_BOUND);
	on_sum = is_foreign;
	ck_assert_int_eq(ths_gate(&user, user_op_sum, &args, NULL), THS_E_INTERNAL);
	on_sum = NULL;
	sums();
}
END_TEST

/* ---- what runs out -------------------------------------------------------------------------- */

static void there_and_back(int shape)
{
	if (evolve(shapes[shape]) == THS_OK)
		(void)!ths_rollback(members[shape][2], &reason);
}

START_TEST(whatever_runs_out_all_or_nothing_serves)
{
	uint64_t n = 0, reached;

	do {
		rig_stop();
		setup();
		ths_host_fail_nth("alloc", ++n, false);
		there_and_back(_i);
		reached = ths_host_fail_reached();
		ths_host_fail_nth("alloc", 0, false);
		sums();
		for (unsigned i = 0; i <= TICKS; i++)
			ths_host_tick();
		expect_settled();
		sums();
	} while (reached >= n);
	ck_assert_uint_gt(n, 2);
}
END_TEST

/* @go, once @prepared, with each allocation failing: whoever failed does not stay. */
static void expect_back_whatever_runs_out(int shape, bool persistently, void (*prepare)(int),
					  void (*go)(int))
{
	uint64_t n = 0, reached;

	do {
		rig_stop();
		setup();
		prepare(shape);
		ths_host_fail_nth("alloc", ++n, persistently);
		go(shape);
		reached = ths_host_fail_reached();
		ths_host_fail_nth("alloc", 0, false);
		ths_host_tick();
		expect_back();
		expect_settled();
	} while (reached >= n);
	ck_assert_uint_gt(n, 1);
}

static void be_foreign(int shape)
{
	EVOLVES(shapes[shape]);
	on_sum = is_foreign;
}

static void call(int shape)
{
	(void)shape;
	(void)!ths_gate(&user, user_op_sum, &(struct pair_args){0, 0}, NULL);
}

/* If not now, then later. */
START_TEST(whatever_runs_out_who_faults_is_taken_back)
{
	expect_back_whatever_runs_out(_i / 2, _i % 2, be_foreign, call);
}
END_TEST

static void be_unwell(int shape)
{
	(void)shape;
	on_selftest = is_unwell;
}

static void try_to_evolve(int shape)
{
	(void)!evolve(shapes[shape]);
}

/* Refused at once, or taken back by the sweep. */
START_TEST(whatever_runs_out_who_is_unwell_does_not_stay)
{
	expect_back_whatever_runs_out(_i / 2, _i % 2, be_unwell, try_to_evolve);
}
END_TEST

START_TEST(memory_is_as_before_after_there_and_back)
{
	uint64_t out = 0;

	for (unsigned i = 0; i < 60; i++) {
		EVOLVES(shapes[_i]);
		sums();
		ck_assert_int_eq(ths_rollback("user", &reason), THS_OK);
		sums();
		expect_settled();
		bring_all();
		if (i == 9)
			out = ths_pages_out();
	}
	ck_assert_uint_eq(ths_pages_out(), out);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("set");

	harness_loop(suite, "E1 calls", setup, who_left_is_kept_until_all_have_served, 0,
		     SHAPES);
	harness_loop(suite, "E1 ticks", setup, or_until_their_time_is_over, 0, SHAPES);
	harness_loop(suite, "E1 none", setup, without_probation_they_go_at_once, 0, SHAPES);
	harness_loop(suite, "E2 by name", setup, one_goes_back_by_the_name_of_any, 0,
		     3 * SHAPES);
	harness_loop(suite, "E2 module/1", setup, or_by_module_1, 0, SHAPES);
	harness_loop(suite, "E2 fault", setup,
		     a_fault_takes_all_back_and_the_caller_is_served, 0, FAILURES * SHAPES);
	harness_loop(suite, "E2 error", setup, an_error_does_not, 0, SHAPES);
	harness_loop(suite, "E2 sweep", setup, the_sweep_goes_back_when_it_can, 0, SHAPES);
	harness_loop(suite, "E2 self-test", setup, a_self_test_that_fails_refuses_the_set, 0,
		     2 * SHAPES);
	harness_case(suite, "E2 self-test later", setup, one_that_fails_later_takes_all_back);
	harness_loop(suite, "E3", setup,
		     rows_without_a_way_back_or_adopted_have_no_probation, 0, 2);
	harness_case(suite, "E1 swap", setup, the_swap_of_a_member_ends_it);
	harness_case(suite, "E1 evolution", setup, so_does_another_evolution);
	harness_case(suite, "E2 bind", setup, so_does_who_binds_where_somebody_left);
	harness_loop(suite, "E2 runs out", setup, whatever_runs_out_all_or_nothing_serves, 0,
		     SHAPES);
	harness_loop(suite, "E2 runs out, fault", setup,
		     whatever_runs_out_who_faults_is_taken_back, 0, 2 * SHAPES);
	harness_loop(suite, "E2 runs out, self-test", setup,
		     whatever_runs_out_who_is_unwell_does_not_stay, 0, 2 * SHAPES);
	harness_loop(suite, "memory", setup, memory_is_as_before_after_there_and_back, 0,
		     SHAPES);
	return suite;
}

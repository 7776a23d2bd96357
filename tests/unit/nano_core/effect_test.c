/*
 * effect_test - the world beyond rows changes when an interaction commits: in order,
 * once, and not at all when it does not (E1, E2).
 */
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <theseus/host.h>
#include "nano_core/nano_core_impl.h"

extern const struct ths_module ths_module_sched_rr, ths_module_tasks;

static struct ths_ref ref;
static unsigned ran, kicks;

static enum ths_err count_kick(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	kicks++;
	return THS_OK;
}

static void setup(void)
{
	harness_start();
	ths_core.quiet_faults = true;
	harness_bind(&ths_module_sched_rr, "");
	harness_bind(&ths_module_tasks, "");
	harness_bind(&ths_module_script, "");
	ref = (struct ths_ref)THS_REF(script);
	script_on_kick = count_kick;
	ran = kicks = 0;
}

static void runs(void *arg)
{
	(void)arg;
	ran++;
}

/* Lets everybody run who can. */
static void settle(void)
{
	for (unsigned i = 0; i < 6; i++)
		ths_yield();
}

static unsigned contexts_in_use(void)
{
	unsigned count = ths_core.contexts_used;

	for (uint32_t i = ths_core.spare; i; i = ths_core.context[i - 1].next)
		count--;
	for (uint32_t i = ths_core.bare; i; i = ths_core.context[i - 1].next)
		count--;
	return count;
}

static enum ths_err start_one(struct ths_call *call, void *ctx)
{
	struct ths_task_id task;

	(void)ctx;
	return ths_task_start(call, runs, NULL, &task);
}

/* ---- whose affair it is -------------------------------------------------------------- */

static struct ths_task_id asker, kicked;

static enum ths_err ask_and_kick(struct ths_call *call, void *ctx)
{
	(void)ctx;
	asker = ths_call_task(call);
	return ths_kick(call, script_op_kicked);
}

static enum ths_err note_task(struct ths_call *call, void *ctx)
{
	(void)ctx;
	kicks++;
	kicked = ths_call_task(call);
	return THS_OK;
}

static void is_asked_who(void *arg)
{
	(void)arg;
	script_on_kick = note_task;
	ck_assert_int_eq(script_by(&ref, ask_and_kick, NULL), THS_OK);
	ck_assert_uint_eq(kicks, 1);
	ck_assert_uint_eq(asker.slot, ths_task_self().slot);
	ck_assert_uint_eq(asker.generation, ths_task_self().generation);
	ck_assert_uint_eq(kicked.generation, 0);
	ck_assert_uint_ge(kicked.slot, CONTEXTS_MAX);
	harness_done();
}

START_TEST(what_is_done_at_depth_0_is_no_tasks)
{
	harness_run(is_asked_who, NULL);
}
END_TEST

/* ---- E2: what fails leaves nothing ------------------------------------------------- */

static enum ths_err do_and_fail(struct ths_call *call, void *ctx)
{
	THS_TRY(start_one(call, NULL));
	THS_TRY(ths_kick(call, script_op_kicked));
	THS_TRY(start_one(call, NULL));
	return *(enum ths_err *)ctx;
}

static void fails_then_succeeds(void *arg)
{
	enum ths_err err = THS_E_IO;

	(void)arg;
	ck_assert_int_eq(script_by(&ref, do_and_fail, &err), THS_E_IO);
	settle();
	ck_assert_uint_eq(ran + kicks, 0);
	ck_assert_uint_eq(contexts_in_use(), 1); /* we */
	err = THS_OK;
	ck_assert_int_eq(script_by(&ref, do_and_fail, &err), THS_OK);
	settle();
	ck_assert_uint_eq(ran, 2);
	ck_assert_uint_eq(kicks, 1);
	ck_assert_uint_eq(contexts_in_use(), 1);
	harness_done();
}

START_TEST(what_failed_is_not_performed_and_gives_its_slots_back)
{
	harness_run(fails_then_succeeds, NULL);
}
END_TEST

static enum ths_err around_a_failure(struct ths_call *call, void *ctx)
{
	enum ths_err err = THS_E_IO;

	THS_TRY(start_one(call, ctx));
	ck_assert_int_eq(script_nested(call, do_and_fail, &err), THS_E_IO);
	ck_assert_uint_eq(ths_cpu()->txn.effects, 1);
	return start_one(call, ctx);
}

static void outer_of_a_failure(void *arg)
{
	(void)arg;
	ck_assert_int_eq(script_by(&ref, around_a_failure, NULL), THS_OK);
	settle();
	ck_assert_uint_eq(ran, 2);
	ck_assert_uint_eq(kicks, 0);
	ck_assert_uint_eq(contexts_in_use(), 1);
	harness_done();
}

START_TEST(a_failed_level_takes_its_own_effects_along)
{
	harness_run(outer_of_a_failure, NULL);
}
END_TEST

/* ---- E2: in order -------------------------------------------------------------------- */

static enum ths_err start_and_kill(struct ths_call *call, void *ctx)
{
	struct ths_task_id *task = ctx;

	THS_TRY(ths_task_start(call, runs, NULL, task));
	return ths_task_kill(call, *task);
}

static enum ths_err kill_it(struct ths_call *call, void *ctx)
{
	return ths_task_kill(call, *(struct ths_task_id *)ctx);
}

static void kills_the_unborn(void *arg)
{
	struct ths_task_id task;

	(void)arg;
	ck_assert_int_eq(script_by(&ref, start_and_kill, &task), THS_OK);
	settle();
	ck_assert_uint_eq(ran, 0); /* the other way round it would live */
	ck_assert_uint_eq(contexts_in_use(), 1);
	ck_assert_int_eq(script_by(&ref, kill_it, &task), THS_E_STALE);
	harness_done();
}

START_TEST(effects_come_in_the_order_they_were_asked_for)
{
	harness_run(kills_the_unborn, NULL);
}
END_TEST

/* ---- E1: what cannot be had is known before ------------------------------------------ */

static enum ths_err kick_many(struct ths_call *call, void *ctx)
{
	(void)ctx;
	for (unsigned i = 0; i < EFFECTS_MAX; i++)
		THS_TRY(ths_kick(call, script_op_kicked));
	ck_assert_int_eq(ths_kick(call, script_op_kicked), THS_E_FULL);
	ck_assert_int_eq(start_one(call, NULL), THS_E_FULL);
	return THS_OK;
}

START_TEST(one_too_many_is_refused_and_the_others_stand)
{
	ck_assert_int_eq(script_by(&ref, kick_many, NULL), THS_OK);
	ck_assert_uint_eq(kicks, 1); /* several before it runs are one (P10) */
	ck_assert_uint_eq(contexts_in_use(), 0);
}
END_TEST

/* There is no mem.frames: the reserve ends. */
static void takes_all_stacks(void *arg)
{
	enum ths_err err;
	unsigned started = 0;

	(void)arg;
	while ((err = script_by(&ref, start_one, NULL)) == THS_OK)
		ck_assert_uint_lt(++started, CONTEXTS_MAX);
	ck_assert_int_eq(err, THS_E_NOMEM);
	ck_assert_uint_eq(contexts_in_use(), started + 1);
	settle();
	ck_assert_uint_eq(ran, started);
	ck_assert_int_eq(script_by(&ref, start_one, NULL), THS_OK);
	settle();
	ck_assert_uint_eq(ran, started + 1);
	harness_done();
}

START_TEST(without_a_stack_nothing_starts_until_one_is_free)
{
	harness_run(takes_all_stacks, NULL);
}
END_TEST

static enum ths_err ask_nonsense(struct ths_call *call, void *ctx)
{
	struct ths_task_id task, nobody = {CONTEXTS_MAX, 1}, later = {5, 77};

	(void)ctx;
	ck_assert_int_eq(ths_task_start(call, NULL, NULL, &task), THS_E_INVAL);
	ck_assert_int_eq(ths_task_kill(call, nobody), THS_E_STALE);
	ck_assert_int_eq(ths_task_kill(call, later), THS_E_STALE);
	ck_assert_int_eq(ths_kick(call, script_op_run),
			 THS_E_INVAL); /* takes arguments */
	ck_assert_int_eq(ths_kick(call, 99), THS_E_INVAL);
	ck_assert_uint_eq(ths_cpu()->txn.effects, 0);
	return THS_OK;
}

START_TEST(what_cannot_be_done_is_refused_when_asked_for)
{
	struct ths_task_id task;

	ck_assert_int_eq(script_by(&ref, ask_nonsense, NULL), THS_OK);
	ck_assert_int_eq(ths_task_start(NULL, runs, NULL, &task), THS_E_PERM);
	ck_assert_int_eq(ths_kick(NULL, script_op_kicked), THS_E_INVAL);
}
END_TEST

/* ---- once ---------------------------------------------------------------------------- */

static unsigned tries;

static enum ths_err touch(struct ths_call *call, void *ctx)
{
	struct cell *cell;

	(void)ctx;
	THS_TRY(ths_row_write(call, CELL, 0, &cell));
	cell->value++;
	return THS_OK;
}

static enum ths_err kick_in_a_conflict(struct ths_call *call, void *ctx)
{
	THS_TRY(ths_kick(call, script_op_kicked));
	if (tries++ < 3)
		ck_assert_int_eq(other_script(touch, NULL), THS_OK);
	return touch(call, ctx);
}

START_TEST(a_conflict_does_not_perform)
{
	rig_start();
	rig_cpus(2);
	rig_bind(&ths_module_script, "");
	ref = (struct ths_ref)THS_REF(script);
	script_on_kick = count_kick;
	kicks = tries = 0;
	other_start();
	ck_assert_int_eq(script_by(&ref, kick_in_a_conflict, NULL), THS_OK);
	ck_assert_uint_eq(tries, 4);
	ck_assert_uint_eq(kicks, 1);
	other_stop();
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("effect");
	TCase *conflicts = tcase_create("E2 conflicts");

	harness_case(suite, "whose", setup, what_is_done_at_depth_0_is_no_tasks);
	harness_case(suite, "E2 failure", setup,
		     what_failed_is_not_performed_and_gives_its_slots_back);
	harness_case(suite, "E2 levels", setup,
		     a_failed_level_takes_its_own_effects_along);
	harness_case(suite, "E2 order", setup,
		     effects_come_in_the_order_they_were_asked_for);
	harness_case(suite, "E1 too many", setup,
		     one_too_many_is_refused_and_the_others_stand);
	harness_case(suite, "E1 no stack", setup,
		     without_a_stack_nothing_starts_until_one_is_free);
	harness_case(suite, "E1 nonsense", setup,
		     what_cannot_be_done_is_refused_when_asked_for);
	tcase_add_test(conflicts, a_conflict_does_not_perform);
	suite_add_tcase(suite, conflicts);
	return suite;
}

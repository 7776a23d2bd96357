/*
 * sleep_test - who waits is woken by what it waits for, and by nothing else.
 *
 * Real tasks under sched.rr, all on one CPU: a task runs until it sleeps, yields or ends,
 * so a test says exactly who has looked at what when a commit comes.
 */
#include "harness.h"
#include "script.h"
#include "suite.h"

#include <theseus/host.h>
#include <theseus/iface/sched_fifo.h>
#include <theseus/iface/tasks.h>
#include "nano_core/nano_core_impl.h"

extern const struct ths_module ths_module_sched_rr, ths_module_tasks;

static struct ths_ref ref, tasks;

static void setup(void)
{
	harness_start();
	harness_bind(&ths_module_sched_rr, "");
	harness_bind(&ths_module_tasks, "");
	harness_bind(&ths_module_script, "");
	ref = (struct ths_ref)THS_REF(script);
	tasks = (struct ths_ref)THS_REF(tasks);
}

/* Lets everybody run who can. */
static void settle(void)
{
	for (unsigned i = 0; i < 4; i++)
		ths_yield();
}

static enum ths_err put(struct ths_call *call, void *ctx)
{
	const uint32_t *what = ctx; /* row, value */
	struct cell *cell;

	THS_TRY(ths_row_write(call, CELL, what[0], &cell));
	cell->value = what[1];
	return THS_OK;
}

static void set(uint32_t row, uint32_t value)
{
	uint32_t what[2] = {row, value};

	ck_assert_int_eq(script_by(&ref, put, what), THS_OK);
}

/* ---- sleepers ---------------------------------------------------------------------- */

struct sleeper {
	script_fn *fn;  /* THS_E_AGAIN until served */
	uint32_t row;   /* for fn */
	uint32_t extra; /* for fn */
	uint32_t tries; /* how often fn ran */
	enum ths_err err;
	bool ended;
	struct ths_task_id task;
};

static void sleep_then_end(void *arg)
{
	struct sleeper *sleeper = arg;
	struct ths_ref own = THS_REF(script);

	sleeper->err = script_by(&own, sleeper->fn, sleeper);
	sleeper->ended = true;
}

static void start(struct sleeper *sleeper)
{
	struct tasks_create create = {.entry = (uint64_t)(uintptr_t)sleep_then_end,
				      .arg = (uint64_t)(uintptr_t)sleeper};

	ck_assert_int_eq(tasks_create(&tasks, &create), THS_OK);
	sleeper->task = create.task;
}

static bool sleeps(const struct sleeper *sleeper)
{
	return !sleeper->ended &&
	       ths_core.context[sleeper->task.slot].state == CONTEXT_SLEEPING;
}

static unsigned free_waiters(void)
{
	unsigned count = 0;

	for (const struct waiter *at = ths_core.waiter_free; at; at = at->next)
		count++;
	return count;
}

/* Every record is free, or waits to be swept: nobody is left who could be woken by it. */
static void no_waiter_is_left(void)
{
	unsigned stale = 0;

	for (unsigned i = 0; i < WAITERS_HASH; i++)
		for (const struct waiter *at = ths_core.waiter_hash[i]; at; at = at->next) {
			ck_assert_uint_ne(at->sleep_number,
					  ths_core.context[at->task].sleep_number);
			stale += at >= ths_core.waiter &&
				 at < &ths_core.waiter[WAITERS_MAX];
		}
	ck_assert_uint_eq(stale + free_waiters(), WAITERS_MAX);
}

static void done(void)
{
	no_waiter_is_left();
	harness_done();
}

/* ---- ways to wait ------------------------------------------------------------------ */

static enum ths_err by_read(struct ths_call *call, void *ctx)
{
	struct sleeper *me = ctx;
	const struct cell *cell;

	me->tries++;
	THS_TRY(ths_row_read(call, CELL, me->row, &cell));
	return cell->value ? THS_OK : THS_E_AGAIN;
}

static enum ths_err by_write(struct ths_call *call, void *ctx)
{
	struct sleeper *me = ctx;
	struct cell *cell;

	me->tries++;
	THS_TRY(ths_row_write(call, CELL, me->row, &cell));
	if (!cell->value)
		return THS_E_AGAIN;
	cell->value--;
	return THS_OK;
}

static enum ths_err by_nested_read(struct ths_call *call, void *ctx)
{
	return script_nested(call, by_read, ctx);
}

static enum ths_err by_nested_write(struct ths_call *call, void *ctx)
{
	return script_nested(call, by_write, ctx);
}

static enum ths_err new_item(struct ths_call *call, void *ctx)
{
	struct item *item;
	uint32_t row;

	return ths_row_new_keyed(call, ITEM, *(uint32_t *)ctx + 1000, &row, &item);
}

static enum ths_err by_key(struct ths_call *call, void *ctx)
{
	struct sleeper *me = ctx;
	const struct item *item;
	uint32_t row;
	enum ths_err err = ths_row_find(call, ITEM, me->row + 1000, &row, &item);

	me->tries++;
	return err == THS_E_NOENT ? THS_E_AGAIN : err;
}

static enum ths_err new_loose(struct ths_call *call, void *ctx)
{
	struct loose *loose;
	uint32_t row;

	(void)ctx;
	return ths_row_new(call, LOOSE, &row, &loose);
}

static enum ths_err by_number(struct ths_call *call, void *ctx)
{
	struct sleeper *me = ctx;
	const struct loose *loose;
	enum ths_err err = ths_row_read(call, LOOSE, 0, &loose);

	me->tries++;
	return err == THS_E_NOENT ? THS_E_AGAIN : err;
}

static enum ths_err by_enumeration(struct ths_call *call, void *ctx)
{
	struct sleeper *me = ctx;
	uint32_t row = THS_ROW_NONE;
	enum ths_err err = ths_row_next(call, LOOSE, &row);

	me->tries++;
	return err == THS_E_NOENT ? THS_E_AGAIN : err;
}

static enum ths_err by_many_reads(struct ths_call *call, void *ctx)
{
	struct sleeper *me = ctx;
	const struct loose *wide;

	for (uint32_t i = 0; i < me->extra; i++)
		THS_TRY(ths_row_read(call, WIDE, i, &wide));
	return by_read(call, ctx);
}

/* ---- Z1: who is woken, and by what --------------------------------------------------- */

static const struct {
	script_fn *waits, *comes; /* comes: NULL: the cell is set */
} ways[] = {
	{by_read, NULL},
	{by_write, NULL},
	{by_nested_read, NULL},
	{by_nested_write, NULL},
	{by_key, new_item},
	{by_number, new_loose},
	{by_enumeration, new_loose},
};
static int way;

static void one_way(void *arg)
{
	struct sleeper it = {.fn = ways[way].waits, .row = 7};
	uint32_t before;

	(void)arg;
	start(&it);
	settle();
	ck_assert(sleeps(&it));
	before = it.tries;
	for (uint32_t i = 0; i < 20; i++) /* somebody else's rows */
		set(20 + i, 1);
	settle();
	ck_assert(sleeps(&it));
	ck_assert_uint_eq(it.tries, before);
	if (ways[way].comes)
		ck_assert_int_eq(script_by(&ref, ways[way].comes, &it.row), THS_OK);
	else
		set(7, 1);
	settle();
	ck_assert(it.ended);
	ck_assert_int_eq(it.err, THS_OK);
	ck_assert_uint_eq(it.tries, before + 1);
	done();
}

START_TEST(a_sleeper_is_woken_by_what_it_read_and_nothing_else)
{
	way = _i;
	harness_run(one_way, NULL);
}
END_TEST

static enum ths_err fail_after_put(struct ths_call *call, void *ctx)
{
	THS_TRY(put(call, ctx));
	return THS_E_IO;
}

static void an_abort(void *arg)
{
	struct sleeper it = {.fn = by_read, .row = 7};
	uint32_t what[2] = {7, 1};

	(void)arg;
	start(&it);
	settle();
	ck_assert_int_eq(script_by(&ref, fail_after_put, what), THS_E_IO);
	settle();
	ck_assert(sleeps(&it));
	ck_assert_uint_eq(it.tries, 1);
	set(7, 0); /* a commit that changes nothing is one, too */
	settle();
	ck_assert_uint_eq(it.tries, 2);
	ck_assert(sleeps(&it));
	set(7, 1);
	settle();
	ck_assert(it.ended);
	done();
}

START_TEST(what_was_not_committed_wakes_nobody)
{
	harness_run(an_abort, NULL);
}
END_TEST

#define CROWD 80u
static struct sleeper crowd[CROWD];

static void wake_the_crowd(void)
{
	set(9, CROWD);
	settle();
	for (uint32_t i = 0; i < CROWD; i++)
		ck_assert(crowd[i].ended && crowd[i].err == THS_OK);
}

static void a_crowd(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < CROWD; i++) {
		crowd[i] = (struct sleeper){.fn = i % 2 ? by_write : by_read, .row = 9};
		start(&crowd[i]);
	}
	settle();
	wake_the_crowd();
	done();
}

START_TEST(all_who_wait_for_a_row_are_woken)
{
	harness_run(a_crowd, NULL);
}
END_TEST

/* ---- Z2 ------------------------------------------------------------------------------ */

static void wake(uint32_t slot, uint32_t number)
{
	ths_section_enter(ths_cpu());
	ths_spin_lock(&ths_core.lock);
	ths_context_wake(ths_cpu(), slot, number);
	ths_spin_unlock(&ths_core.lock);
	ths_section_leave(ths_cpu());
}

static void late_wakes(void *arg)
{
	struct sleeper it = {.fn = by_read, .row = 7};
	struct ths_context *context;

	(void)arg;
	start(&it);
	settle();
	context = &ths_core.context[it.task.slot];
	for (uint32_t back = 1; back < 5; back++) {
		wake(it.task.slot, context->sleep_number - back);
		wake(it.task.slot, context->sleep_number + back);
	}
	settle();
	ck_assert(sleeps(&it));
	ck_assert_uint_eq(it.tries, 1);
	wake(it.task.slot, context->sleep_number); /* the true one; it sleeps again */
	settle();
	ck_assert_uint_eq(it.tries, 2);
	ck_assert(sleeps(&it));
	set(7, 1);
	settle();
	ck_assert(it.ended);
	done();
}

START_TEST(a_wake_with_another_number_wakes_nobody)
{
	harness_run(late_wakes, NULL);
}
END_TEST

static void killed_asleep(void *arg)
{
	struct sleeper it = {.fn = by_read, .row = 7}, next = {.fn = by_read, .row = 8};
	struct tasks_kill kill_it;

	(void)arg;
	start(&it);
	settle();
	kill_it = (struct tasks_kill){.task = it.task};
	ck_assert_int_eq(tasks_kill(&tasks, &kill_it), THS_OK);
	settle();
	start(&next); /* in the same slot */
	settle();
	ck_assert_uint_eq(next.task.slot, it.task.slot);
	ck_assert_uint_ne(next.task.generation, it.task.generation);
	set(7, 1);
	settle();
	ck_assert(!it.ended);
	ck_assert(sleeps(&next));
	ck_assert_uint_eq(next.tries, 1);
	set(8, 1);
	settle();
	ck_assert(next.ended);
	done();
}

START_TEST(who_was_killed_asleep_is_not_woken_nor_its_successor)
{
	harness_run(killed_asleep, NULL);
}
END_TEST

/* ---- Z3 ------------------------------------------------------------------------------ */

static void many_reads(void *arg)
{
	struct sleeper it = {.fn = by_many_reads, .row = 7, .extra = SLEEP_MAX};
	unsigned before;

	(void)arg;
	start(&it);
	settle();
	ck_assert(!it.ended);
	before = it.tries;
	set(30, 1); /* any commit will do */
	settle();
	ck_assert_uint_eq(it.tries, before + 1); /* the scheduler's do not count */
	ck_assert(sleeps(&it));
	set(7, 1);
	settle();
	ck_assert(it.ended);
	ck_assert_int_eq(it.err, THS_OK);
	done();
}

START_TEST(who_read_too_much_waits_for_any_commit)
{
	harness_run(many_reads, NULL);
}
END_TEST

/* More sleepers than there are records: they wait for any commit instead. */
static void out_of_waiters(void *arg)
{
	(void)arg;
	for (unsigned round = 0; round < 2; round++) {
		set(9, 0);
		for (uint32_t i = 0; i < CROWD; i++) {
			crowd[i] = (struct sleeper){
				.fn = by_many_reads, .row = 9, .extra = SLEEP_MAX - 4};
			start(&crowd[i]);
		}
		settle();
		for (uint32_t i = 0; i < CROWD; i++)
			ck_assert(!crowd[i].ended);
		ck_assert_uint_lt(free_waiters(), SLEEP_MAX);
		set(40, 1);
		settle();
		wake_the_crowd();
	}
	done();
}

START_TEST(without_waiters_left_one_still_sleeps_and_wakes)
{
	harness_run(out_of_waiters, NULL);
}
END_TEST

/* A walk over the rows: each sleep is on other rows than the last, and on more or fewer. */
#define WALK 24u
static uint32_t walked;

static void walk(void *arg)
{
	struct ths_ref own = THS_REF(script);

	(void)arg;
	for (uint32_t i = 0; i < WALK; i++) {
		struct sleeper me = {
			.fn = by_many_reads, .row = i, .extra = i % (2 * OWN_WAITERS)};

		ck_assert_int_eq(script_by(&own, me.fn, &me), THS_OK);
		walked++;
	}
}

static void who_walks_is_met_at_each_step(void *arg)
{
	struct tasks_create create = {.entry = (uint64_t)(uintptr_t)walk};

	(void)arg;
	walked = 0;
	ck_assert_int_eq(tasks_create(&tasks, &create), THS_OK);
	for (uint32_t i = 0; i < WALK; i++) {
		settle();
		ck_assert_uint_eq(walked, i);
		if (i > 0) /* what it slept on before is not waited for any more */
			set(i - 1, 1);
		settle();
		ck_assert_uint_eq(walked, i);
		set(i, 1);
	}
	settle();
	ck_assert_uint_eq(walked, WALK);
	done();
}

START_TEST(records_of_a_task_move_from_row_to_row)
{
	harness_run(who_walks_is_met_at_each_step, NULL);
}
END_TEST

/* ---- what is not sleep --------------------------------------------------------------- */

static enum ths_err reads_nothing(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	return THS_E_AGAIN;
}

static void no_reason(void *arg)
{
	struct ths_ref now = {&script_iface, "", 0, 1, THS_REF_NOWAIT};
	struct sleeper it = {.row = 7};

	(void)arg;
	ck_assert_int_eq(script_by(&ref, reads_nothing, NULL), THS_E_INTERNAL); /* P8 */
	ck_assert_int_eq(script_by(&now, by_read, &it), THS_E_AGAIN);
	ck_assert_uint_eq(it.tries, 1);
	done();
}

START_TEST(waiting_for_nothing_is_a_mistake_and_nowait_does_not_wait)
{
	harness_run(no_reason, NULL);
}
END_TEST

/* ---- all of it, at random ------------------------------------------------------------ */

#define PLAYERS 12u
#define BALLS   200u
static uint32_t thrown, caught, dice;

static void catch_balls(void *arg)
{
	struct ths_ref own = THS_REF(script);
	struct sleeper me = {.row = (uint32_t)(uintptr_t)arg % 4};

	for (;;) {
		ck_assert_int_eq(
			script_by(&own, me.row % 2 ? by_write : by_nested_write, &me),
			THS_OK);
		caught++;
	}
}

static enum ths_err throw_one(struct ths_call *call, void *ctx)
{
	struct cell *cell;

	THS_TRY(ths_row_write(call, CELL, *(uint32_t *)ctx, &cell));
	cell->value++;
	return THS_OK;
}

static void throw_balls(void *arg)
{
	(void)arg;
	for (uintptr_t i = 0; i < PLAYERS; i++) {
		struct tasks_create create = {.entry = (uint64_t)(uintptr_t)catch_balls,
					      .arg = i};

		ck_assert_int_eq(tasks_create(&tasks, &create), THS_OK);
	}
	while (thrown < BALLS) {
		uint32_t row = (dice = dice * 1103515245u + 12345u) >> 16 & 3;

		ck_assert_int_eq(script_by(&ref, throw_one, &row), THS_OK);
		thrown++;
		if (dice & 1u << 20)
			ths_yield();
	}
	for (unsigned i = 0; i < BALLS && caught < thrown; i++)
		ths_yield();
	ck_assert_uint_eq(caught, thrown);
	harness_done();
}

START_TEST(every_ball_is_caught_once)
{
	dice = (uint32_t)ths_test_seed();
	harness_run(throw_balls, NULL);
}
END_TEST

/* ---- policies that do not admit by a pick -------------------------------------------- */

/* Knows nothing of arg->admit. */
static enum ths_err plain_pick(struct ths_call *call, struct sched_pick *arg)
{
	struct sched_queue *queue;

	THS_TRY(ths_row_write(call, SCHED_QUEUE, arg->cpu, &queue));
	if (arg->prev_runnable)
		THS_TRY(sched_queue_ensure(call, SCHED_LINK, queue, arg->prev));
	return sched_queue_pop(call, SCHED_LINK, queue, &arg->next);
}

/* Admits, and does not say that it did. */
static enum ths_err mute_pick(struct ths_call *call, struct sched_pick *arg)
{
	uint32_t admit = arg->admit;
	enum ths_err err = fifo_pick(call, arg);

	arg->admit = admit;
	return err;
}

static enum ths_err plain_tick(struct ths_call *call, struct sched_tick *arg)
{
	(void)call;
	arg->resched = 1;
	return THS_OK;
}

#define POLICY(token, id, pick_)                                                         \
	THS_MODULE(token, id, 1, 0,                                                      \
		   THS_PROVIDES(sched, .admit = fifo_admit, .pick = (pick_),      \
				.tick = plain_tick, .remove = fifo_remove),       \
		   SCHED_FIFO_TABLES)
POLICY(sched_plain, "sched.plain", plain_pick);
POLICY(sched_mute, "sched.mute", mute_pick);

static const struct ths_module *const policies[] = {&ths_module_sched_plain,
						    &ths_module_sched_mute};

static void without_admission(void *program)
{
	for (unsigned i = 0; i < THS_ARRAY_SIZE(policies); i++) {
		uint32_t rr;

		setup();
		ck_assert_int_eq(ths_module_find("sched.rr", &rr), THS_OK);
		(void)harness_swap(rr, policies[i]);
		harness_run((void (*)(void *))(uintptr_t)program, NULL);
	}
}

START_TEST(whom_a_pick_leaves_alone_is_admitted_all_the_same)
{
	without_admission((void *)(uintptr_t)who_walks_is_met_at_each_step);
	without_admission((void *)(uintptr_t)a_crowd);
	dice = (uint32_t)ths_test_seed();
	without_admission((void *)(uintptr_t)throw_balls);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("sleep");
	TCase *tcase;

	harness_loop(suite, "Z1 woken by what was read", setup,
		     a_sleeper_is_woken_by_what_it_read_and_nothing_else, 0,
		     (int)THS_ARRAY_SIZE(ways));
	harness_case(suite, "Z1 aborts wake nobody", setup,
		     what_was_not_committed_wakes_nobody);
	harness_case(suite, "Z1 all are woken", setup, all_who_wait_for_a_row_are_woken);
	harness_case(suite, "Z2 numbers", setup, a_wake_with_another_number_wakes_nobody);
	harness_case(suite, "Z2 killed", setup,
		     who_was_killed_asleep_is_not_woken_nor_its_successor);
	harness_case(suite, "Z3 too many reads", setup,
		     who_read_too_much_waits_for_any_commit);
	harness_case(suite, "Z3 no waiters left", setup,
		     without_waiters_left_one_still_sleeps_and_wakes);
	harness_case(suite, "Z3 records move", setup, records_of_a_task_move_from_row_to_row);
	tcase = tcase_create("sched.pick");
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, whom_a_pick_leaves_alone_is_admitted_all_the_same);
	suite_add_tcase(suite, tcase);
	harness_case(suite, "P8", setup,
		     waiting_for_nothing_is_a_mistake_and_nowait_does_not_wait);
	harness_case(suite, "random", setup, every_ball_is_caught_once);
	return suite;
}

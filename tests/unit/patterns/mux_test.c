/*
 * mux - beside a model that knows whose turn is owed; leases, and whatever runs out.
 * Every call may be spoilt or met by a swap (pattern.h). Sharing in space and merging:
 * mux_space_test.c.
 */
#include <theseus/iface/tasks.h>
#include "mux_rig.h"

extern const struct ths_module ths_module_sched_rr, ths_module_tasks;

/* ---- M3: in time ------------------------------------------------------------------- */

static const unsigned client_counts[] = {1, 2, 3, 7, 16, 40, 64};
enum weights { ALIKE, ANY, POWERS, EXTREMES, WEIGHTS };
enum costs { ONE, SMALL, VAST, COSTS };

/* How far used * other's weight ran apart, since both want: least and most. */
static int64_t low[LEASES][LEASES], high[LEASES][LEASES];

static uint64_t weight_of(enum weights weights, unsigned i)
{
	switch (weights) {
	case ALIKE:
		return 5;
	case POWERS:
		return 1ull << i % 11;
	case EXTREMES:
		return i % 2 ? THS_MUX_WEIGHT_MAX : 1;
	case ANY:
	case WEIGHTS:
	default:
		return 1 + dice(THS_MUX_WEIGHT_MAX);
	}
}

static uint64_t most(enum costs costs)
{
	return costs == ONE ? 1 : costs == SMALL ? 9 : UINT32_MAX;
}

static int64_t apart(unsigned i, unsigned j)
{
	return client[i].used * (int64_t)client[j].weight -
	       client[j].used * (int64_t)client[i].weight;
}

static void begin_pairs(unsigned i)
{
	for (unsigned j = 0; j < clients; j++) {
		low[i][j] = high[i][j] = apart(i, j);
		low[j][i] = high[j][i] = apart(j, i);
	}
}

static void judge_pair(unsigned i, unsigned j, uint64_t cost)
{
	int64_t now = apart(i, j);
	uint64_t weights = client[i].weight * client[j].weight;
	uint64_t bound =
		cost * (client[i].weight + client[j].weight) + (weights >> 19) + 1;

	low[i][j] = now < low[i][j] ? now : low[i][j];
	high[i][j] = now > high[i][j] ? now : high[i][j];
	ck_assert_uint_le((uint64_t)(high[i][j] - low[i][j]), bound);
}

static void change_want(unsigned i, bool wants)
{
	ck_assert_int_eq(with(want_fn, client[i].lease, wants), THS_OK);
	if (wants && !client[i].wants)
		begin_pairs(i);
	client[i].wants = wants;
}

static unsigned wanting(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < clients; i++)
		count += client[i].wants;
	return count;
}

static void use_once(enum costs costs)
{
	struct asked asked = {.value = 1 + dice(most(costs))};
	enum ths_err err = pattern_call(use_fn, &asked);
	unsigned who;

	if (wanting() == 0) {
		ck_assert_int_eq(err, THS_E_AGAIN);
		return;
	}
	ck_assert_int_eq(err, THS_OK);
	who = client_of(asked.lease);
	ck_assert(client[who].wants);
	client[who].used += (int64_t)asked.value;
	for (unsigned j = 0; j < clients; j++) {
		if (j == who || !client[j].wants)
			continue;
		judge_pair(who, j, most(costs));
		judge_pair(j, who, most(costs));
	}
}

START_TEST(use_is_in_proportion_to_weight)
{
	enum costs costs = (enum costs)(_i % COSTS);
	enum weights weights = (enum weights)(_i / COSTS % WEIGHTS);

	clients = client_counts[_i / COSTS / WEIGHTS];
	for (unsigned i = 0; i < clients; i++) {
		client[i] = (struct client){.weight = weight_of(weights, i)};
		client[i].lease = attach(client[i].weight);
	}
	for (unsigned i = 0; i < clients; i++)
		change_want(i, true);
	for (unsigned step = 0; step < 600; step++) {
		if (dice(8) == 0)
			change_want((unsigned)dice(clients), dice(3) != 0);
		use_once(costs);
	}
}
END_TEST

/* With nobody coming or going, shares after many turns are what weights say. */
START_TEST(in_the_long_run_shares_are_exact)
{
	static const uint64_t weight[] = {1, 3, 12, 48};
	struct asked asked = {.value = 1};
	uint64_t turns[4] = {0};

	clients = 4;
	for (unsigned i = 0; i < 4; i++) {
		client[i].lease = attach(weight[i]);
		ck_assert_int_eq(with(want_fn, client[i].lease, 1), THS_OK);
	}
	for (unsigned i = 0; i < 64 * 10; i++) {
		ck_assert_int_eq(pattern_call(use_fn, &asked), THS_OK);
		turns[client_of(asked.lease)]++;
	}
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_ge(turns[i] + 2, weight[i] * 10);
		ck_assert_uint_le(turns[i], weight[i] * 10 + 2);
	}
}
END_TEST

START_TEST(a_turn_stays_until_it_is_used)
{
	struct ths_weak first = attach(1), second = attach(1);
	struct asked asked;

	ck_assert_int_eq(pattern_call(turn_fn, &asked), THS_E_AGAIN);
	ck_assert_int_eq(with(want_fn, first, 1), THS_OK);
	ck_assert_int_eq(with(want_fn, second, 1), THS_OK);
	for (unsigned i = 0; i < 20; i++) {
		for (unsigned tries = 0; tries < 3; tries++) {
			ck_assert_int_eq(pattern_call(turn_fn, &asked), THS_OK);
			ck_assert_uint_eq(asked.lease.row,
					  i % 2 ? second.row : first.row);
		}
		ck_assert_int_eq(with(charge_fn, asked.lease, 3), THS_OK);
	}
	ck_assert_int_eq(with(want_fn, first, 0), THS_OK);
	ck_assert_int_eq(with(want_fn, second, 0), THS_OK);
	ck_assert_int_eq(pattern_call(turn_fn, &asked), THS_E_AGAIN);
}
END_TEST

/* However long the absence, even once round all passes. */
START_TEST(having_been_absent_is_no_credit)
{
	struct ths_weak busy = attach(1), late = attach(1);
	unsigned turns[2] = {0};
	struct asked asked;

	ck_assert_int_eq(with(want_fn, late, 1), THS_OK);
	ck_assert_int_eq(with(charge_fn, late, 5), THS_OK);
	ck_assert_int_eq(with(want_fn, late, 0), THS_OK);
	ck_assert_int_eq(with(want_fn, busy, 1), THS_OK);
	for (unsigned i = 0; i < (_i ? 2500u : 100u); i++) {
		asked.value = _i ? UINT32_MAX : 1;
		ck_assert_int_eq(pattern_call(use_fn, &asked), THS_OK);
		ck_assert_uint_eq(asked.lease.row, busy.row);
	}
	ck_assert_int_eq(with(want_fn, late, 1), THS_OK);
	for (unsigned i = 0; i < 100; i++) {
		ck_assert_int_eq(pattern_call(use_fn, &asked), THS_OK);
		turns[asked.lease.row == late.row]++;
	}
	ck_assert_int_le(abs((int)turns[0] - (int)turns[1]), 2);
}
END_TEST

/* ---- M2: leases -------------------------------------------------------------------- */

START_TEST(a_lease_that_ended_is_stale)
{
	static script_fn *const fn[] = {detach_fn,  want_fn,  charge_fn,
					reserve_fn, claim_fn, place_fn};
	struct ths_weak lease = attach(1);

	ck_assert_int_eq(with(detach_fn, lease, 0), THS_OK);
	ck_assert_uint_eq(attach(1).row, lease.row); /* another has the row */
	for (unsigned i = 0; i < THS_ARRAY_SIZE(fn); i++) {
		struct asked asked = {.lease = lease, .value = 1, .part = {0, 0, 1, 1}};

		ck_assert_int_eq(pattern_call(fn[i], &asked), THS_E_STALE);
	}
}
END_TEST

START_TEST(weights_and_amounts_are_checked)
{
	struct asked asked = {.value = 0};

	ck_assert_int_eq(pattern_call(attach_fn, &asked), THS_E_INVAL);
	asked.value = THS_MUX_WEIGHT_MAX + 1;
	ck_assert_int_eq(pattern_call(attach_fn, &asked), THS_E_INVAL);
	ck_assert_int_eq(with(charge_fn, attach(1), 1ull << 32), THS_E_INVAL);
	for (unsigned i = 1; i < LEASES; i++)
		(void)attach(THS_MUX_WEIGHT_MAX);
	asked.value = 1;
	ck_assert_int_eq(pattern_call(attach_fn, &asked), THS_E_FULL);
}
END_TEST

static struct ths_weak of_the_dead;

static void holds_and_dies(void *arg)
{
	struct asked asked = {.value = 3};

	(void)arg;
	ck_assert_int_eq(script_by(&pattern_ref, attach_fn, &asked), THS_OK);
	of_the_dead = asked.lease;
	asked.part = (struct ths_mux_part){0, 0, 1000, 1};
	ck_assert_int_eq(script_by(&pattern_ref, reserve_fn, &asked), THS_OK);
	asked.value = 1;
	ck_assert_int_eq(script_by(&pattern_ref, want_fn, &asked), THS_OK);
}

static void outlives_it(void *arg)
{
	struct ths_ref tasks = THS_REF(tasks);
	struct tasks_create create = {.entry = (uint64_t)(uintptr_t)holds_and_dies};
	struct asked asked = {.part = {0, 0, 1000, 1}};

	(void)arg;
	ck_assert_int_eq(tasks_create(&tasks, &create), THS_OK);
	for (unsigned i = 0; i < 8; i++)
		ths_yield();
	ck_assert_uint_gt(of_the_dead.generation, 0);
	ck_assert_int_eq(script_by(&pattern_ref, turn_fn, &asked), THS_E_AGAIN);
	asked.lease = of_the_dead;
	ck_assert_int_eq(script_by(&pattern_ref, charge_fn, &asked), THS_E_STALE);
	asked.lease = attach(1);
	ck_assert_int_eq(script_by(&pattern_ref, reserve_fn, &asked), THS_OK);
	harness_done();
}

START_TEST(a_lease_goes_with_its_client)
{
	harness_bind(&ths_module_sched_rr, "");
	harness_bind(&ths_module_tasks, "");
	harness_run(outlives_it, NULL);
}
END_TEST

/* ---- whatever runs out ------------------------------------------------------------- */

/* All of what a client does with a mux, in one interaction. */
static enum ths_err all_fn(struct ths_call *call, void *ctx)
{
	struct asked *asked = ctx;

	THS_TRY(attach_fn(call, ctx));
	THS_TRY(ths_mux_want(call, &mux, asked->lease, true));
	THS_TRY(reserve_fn(call, ctx));
	return use_fn(call, ctx);
}

START_TEST(whatever_runs_out_nothing_is_half_done)
{
	uint64_t n;

	for (n = 1;; n++) {
		struct asked asked = {.value = 2, .part = {0, 0, 1000, 1}};
		enum ths_err err;

		ths_host_fail_nth("", n, false);
		err = script_by(&pattern_ref, all_fn, &asked);
		if (ths_host_fail_failed() == 0)
			break;
		ths_host_fail_nth("", 0, false);
		if (err == THS_OK) /* it was made up for */
			ck_assert_int_eq(with(detach_fn, asked.lease, 0), THS_OK);
		ck_assert_int_eq(pattern_call(turn_fn, &asked), THS_E_AGAIN);
		asked.x = asked.y = 0;
		ck_assert_int_eq(pattern_call(owner_fn, &asked), THS_E_NOENT);
	}
	ths_host_fail_nth("", 0, false);
	ck_assert_uint_gt(n, 1);
}
END_TEST

/* The same, a call at a time. */
static const struct {
	script_fn *fn;
	uint64_t value;
	struct ths_mux_part part;
	enum ths_err due;
} life[] = {
	{attach_fn, 3, {0}, THS_OK},
	{turn_fn, 0, {0}, THS_E_AGAIN},
	{want_fn, 1, {0}, THS_OK},
	{turn_fn, 0, {0}, THS_OK},
	{charge_fn, 7, {0}, THS_OK},
	{turn_fn, 0, {0}, THS_OK}, /* and the level moves */
	{reserve_fn, 0, {.width = 10, .height = 1}, THS_OK},
	{claim_fn, 0, {5, 0, 20, 1}, THS_OK},
	{place_fn, 0, {19, 0, 1, 1}, THS_OK},
	{owner_fn, 0, {0}, THS_OK},
	{want_fn, 0, {0}, THS_OK},
	{detach_fn, 0, {0}, THS_OK},
	{owner_fn, 0, {0}, THS_E_NOENT},
};

START_TEST(a_call_at_a_time_neither)
{
	struct asked asked = {.x = 24};
	struct ths_weak other = attach(1);

	asked.part = (struct ths_mux_part){100, 0, 10, 1};
	asked.lease = other;
	ck_assert_int_eq(script_by(&pattern_ref, claim_fn, &asked), THS_OK);
	for (unsigned i = 0; i < THS_ARRAY_SIZE(life); i++) {
		asked.value = life[i].value;
		asked.part = life[i].part;
		ck_assert_int_eq(pattern_short(pattern_shortages[_i], life[i].fn, &asked,
					       sizeof asked),
				 life[i].due);
		if (life[i].fn == place_fn)
			ck_assert_uint_eq(asked.x, 24);
	}
}
END_TEST

START_TEST(without_a_table_for_its_state_there_is_no_turn)
{
	struct asked asked = {.lease = attach(1)};

	ck_assert_int_eq(with(want_fn, asked.lease, 1), THS_OK);
	mux.state = THS_TABLES_MAX; /* there is none of that number */
	ck_assert_int_eq(script_by(&pattern_ref, turn_fn, &asked), THS_E_INVAL);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("mux");

	harness_case(suite, "M2 stale", setup, a_lease_that_ended_is_stale);
	harness_case(suite, "M2 client", setup, a_lease_goes_with_its_client);
	harness_loop(suite, "M3 bound", setup, use_is_in_proportion_to_weight, 0,
		     (int)(THS_ARRAY_SIZE(client_counts) * WEIGHTS * COSTS));
	harness_case(suite, "M3 shares", setup, in_the_long_run_shares_are_exact);
	harness_case(suite, "M3 turns", setup, a_turn_stays_until_it_is_used);
	harness_loop(suite, "M3 absence", setup, having_been_absent_is_no_credit, 0, 2);
	harness_case(suite, "checks", setup, weights_and_amounts_are_checked);
	harness_case(suite, "failures", setup, whatever_runs_out_nothing_is_half_done);
	harness_case(suite, "no table", setup, without_a_table_for_its_state_there_is_no_turn);
	harness_loop(suite, "failures alone", setup, a_call_at_a_time_neither, 0,
		     PATTERN_SHORTAGES);
	return suite;
}

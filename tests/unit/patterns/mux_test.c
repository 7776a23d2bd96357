/*
 * mux - shares by weight, parts of a resource, and leases that end.
 */
#include <stdlib.h>
#include <suite.h>
#include <theseus/mux.h>
#include "harness.h"

#define EXTENT 1000u

struct share_lease {
	struct ths_weak lease;
	uint64_t value, length, place;
};
#define SHARE_OPS(OP)                                                                    \
	OP(share, attach, struct share_lease, 0)                                         \
	OP(share, detach, struct share_lease, 0)                                         \
	OP(share, want, struct share_lease, 0)                                           \
	OP(share, turn, struct share_lease, 0)                                           \
	OP(share, charge, struct share_lease, 0)                                         \
	OP(share, reserve, struct share_lease, 0)                                        \
	OP(share, place, struct share_lease, 0)
THS_INTERFACE(share, 1, SHARE_OPS)

enum { STATE, LEASE };
static const struct ths_mux mux = {STATE, LEASE, EXTENT};

static enum ths_err attach_op(struct ths_call *call, struct share_lease *arg)
{
	return ths_mux_attach(call, &mux, (uint32_t)arg->value, &arg->lease);
}

static enum ths_err detach_op(struct ths_call *call, struct share_lease *arg)
{
	return ths_mux_detach(call, &mux, arg->lease);
}

static enum ths_err want_op(struct ths_call *call, struct share_lease *arg)
{
	return ths_mux_want(call, &mux, arg->lease, arg->value);
}

static enum ths_err turn_op(struct ths_call *call, struct share_lease *arg)
{
	return ths_mux_turn(call, &mux, &arg->lease);
}

static enum ths_err charge_op(struct ths_call *call, struct share_lease *arg)
{
	return ths_mux_charge(call, &mux, arg->lease, arg->value);
}

static enum ths_err reserve_op(struct ths_call *call, struct share_lease *arg)
{
	return ths_mux_reserve(call, &mux, arg->lease, arg->length, &arg->place);
}

static enum ths_err place_op(struct ths_call *call, struct share_lease *arg)
{
	return ths_mux_place(call, &mux, arg->lease, arg->value, arg->length,
			     &arg->place);
}

THS_MODULE(share_test, "share.test", 1, 0,
	   THS_PROVIDES(share, .attach = attach_op, .detach = detach_op, .want = want_op,
			.turn = turn_op, .charge = charge_op, .reserve = reserve_op,
			.place = place_op),
	   THS_TABLE(STATE, "share.state/1", struct ths_mux_state),
	   THS_TABLE(LEASE, "share.lease/1", struct ths_mux_lease, .rows = 16,
		     .flags = THS_JOINT));

static struct ths_ref share = {&share_iface, "", 0, 1, THS_REF_NOWAIT};
static uint32_t instance;

static void setup(void)
{
	harness_start();
	instance = harness_bind(&ths_module_share_test, "");
}

static struct ths_weak attach(uint32_t weight)
{
	struct share_lease arg = {.value = weight};

	ck_assert_int_eq(share_attach(&share, &arg), THS_OK);
	return arg.lease;
}

static enum ths_err with(enum share_op op, struct ths_weak lease, uint64_t value)
{
	struct share_lease arg = {.lease = lease, .value = value};

	return ths_gate(&share, op, &arg, NULL);
}

static enum ths_err reserve(struct ths_weak lease, uint64_t length, uint64_t *place)
{
	struct share_lease arg = {.lease = lease, .length = length};
	enum ths_err err = share_reserve(&share, &arg);

	*place = arg.place;
	return err;
}

/* Gives @turns turns of a cost each to whose they are; @used by row. */
static void run(unsigned turns, uint64_t used[16])
{
	for (unsigned i = 0; i < turns; i++) {
		struct share_lease arg = {.value = 1 + (unsigned)rand() % 7};

		if (i % 50 == 49)
			instance = harness_swap(instance, &ths_module_share_test);
		ck_assert_int_eq(share_turn(&share, &arg), THS_OK);
		used[arg.lease.row] += arg.value;
		ck_assert_int_eq(with(share_op_charge, arg.lease, arg.value), THS_OK);
	}
}

START_TEST(use_is_in_proportion_to_weight)
{
	static const uint32_t weight[] = {1, 2, 5, 10};
	uint64_t used[16] = {0};
	struct ths_weak lease[4];

	srand(11);
	for (unsigned i = 0; i < 4; i++) {
		lease[i] = attach(weight[i]);
		ck_assert_int_eq(with(share_op_want, lease[i], 1), THS_OK);
	}
	run(2000, used);
	for (unsigned i = 1; i < 4; i++) { /* M3: within one use, at most 7, of each */
		double a = (double)used[lease[0].row] / weight[0];
		double b = (double)used[lease[i].row] / weight[i];

		ck_assert_double_lt(a > b ? a - b : b - a,
				    7.0 / weight[0] + 7.0 / weight[i]);
	}
}
END_TEST

START_TEST(having_been_absent_is_no_credit)
{
	struct ths_weak busy = attach(1), late = attach(1);
	uint64_t used[16] = {0};

	srand(12);
	ck_assert_int_eq(with(share_op_want, busy, 1), THS_OK);
	run(300, used);
	ck_assert_uint_eq(used[late.row], 0);
	ck_assert_int_eq(with(share_op_want, late, 1), THS_OK);
	used[busy.row] = 0;
	run(300, used);
	ck_assert_int_lt(llabs((long long)(used[busy.row] - used[late.row])), 15);
}
END_TEST

START_TEST(nobody_wants_is_again)
{
	struct ths_weak lease = attach(3);
	struct share_lease arg = {0};

	ck_assert_int_eq(share_turn(&share, &arg), THS_E_AGAIN);
	ck_assert_int_eq(with(share_op_want, lease, 1), THS_OK);
	ck_assert_int_eq(share_turn(&share, &arg), THS_OK);
	ck_assert_int_eq(with(share_op_want, lease, 0), THS_OK);
	ck_assert_int_eq(share_turn(&share, &arg), THS_E_AGAIN);
}
END_TEST

START_TEST(parts_do_not_overlap)
{
	static bool taken[EXTENT];
	struct ths_weak lease[16];
	uint64_t length[16], place[16] = {0};
	unsigned held = 0, refused = 0;

	srand(13);
	for (unsigned i = 0; i < 600; i++) {
		unsigned which = held ? (unsigned)rand() % held : 0;

		if (held == 16 || (held && rand() % 3 == 0)) {
			ck_assert_int_eq(with(share_op_detach, lease[which], 0), THS_OK);
			for (uint64_t at = 0; at < length[which]; at++)
				taken[place[which] + at] = false;
			held--;
			lease[which] = lease[held];
			length[which] = length[held];
			place[which] = place[held];
			continue;
		}
		lease[held] = attach(1);
		length[held] = 1 + (unsigned)rand() % 200;
		if (reserve(lease[held], length[held], &place[held])) {
			ck_assert_int_eq(with(share_op_detach, lease[held], 0), THS_OK);
			refused++;
			continue;
		}
		ck_assert_uint_le(place[held] + length[held], EXTENT);
		for (uint64_t at = 0; at < length[held]; at++) {
			ck_assert(!taken[place[held] + at]);
			taken[place[held] + at] = true;
		}
		held++;
	}
	ck_assert_uint_gt(refused, 0);
}
END_TEST

START_TEST(a_client_reaches_its_own_part_only)
{
	struct ths_weak first = attach(1), second = attach(1);
	struct share_lease arg;
	uint64_t place;

	ck_assert_int_eq(reserve(first, 100, &place), THS_OK);
	ck_assert_int_eq(reserve(second, 50, &place), THS_OK);
	ck_assert_uint_eq(place, 100);
	ck_assert_int_eq(reserve(second, 50, &place), THS_E_EXIST);
	arg = (struct share_lease){.lease = second, .value = 40, .length = 10};
	ck_assert_int_eq(share_place(&share, &arg), THS_OK);
	ck_assert_uint_eq(arg.place, 140);
	arg.length = 11;
	ck_assert_int_eq(share_place(&share, &arg), THS_E_PERM);
	arg = (struct share_lease){.lease = second, .value = 51};
	ck_assert_int_eq(share_place(&share, &arg), THS_E_PERM);
	arg = (struct share_lease){.lease = second, .value = 1, .length = UINT64_MAX};
	ck_assert_int_eq(share_place(&share, &arg), THS_E_PERM);
	ck_assert_int_eq(reserve(attach(1), EXTENT, &place), THS_E_FULL);
	ck_assert_int_eq(reserve(attach(1), 0, &place), THS_E_INVAL);
}
END_TEST

START_TEST(a_lease_that_ended_is_stale)
{
	struct ths_weak lease = attach(1);
	uint64_t place;

	ck_assert_int_eq(with(share_op_detach, lease, 0), THS_OK);
	(void)attach(1); /* takes the row */
	ck_assert_int_eq(with(share_op_detach, lease, 0), THS_E_STALE);
	ck_assert_int_eq(with(share_op_want, lease, 1), THS_E_STALE);
	ck_assert_int_eq(with(share_op_charge, lease, 1), THS_E_STALE);
	ck_assert_int_eq(with(share_op_place, lease, 0), THS_E_STALE);
	ck_assert_int_eq(reserve(lease, 1, &place), THS_E_STALE);
}
END_TEST

START_TEST(weights_and_amounts_are_checked)
{
	struct share_lease arg = {.value = 0};

	ck_assert_int_eq(share_attach(&share, &arg), THS_E_INVAL);
	arg.value = THS_MUX_WEIGHT_MAX + 1;
	ck_assert_int_eq(share_attach(&share, &arg), THS_E_INVAL);
	ck_assert_int_eq(with(share_op_charge, attach(1), 1ull << 32), THS_E_INVAL);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("mux");

	harness_case(suite, "M2 stale", setup, a_lease_that_ended_is_stale);
	harness_case(suite, "M3 weights", setup, use_is_in_proportion_to_weight);
	harness_case(suite, "M3 absence", setup, having_been_absent_is_no_credit);
	harness_case(suite, "M3 nobody", setup, nobody_wants_is_again);
	harness_case(suite, "M4 parts", setup, parts_do_not_overlap);
	harness_case(suite, "M4 places", setup, a_client_reaches_its_own_part_only);
	harness_case(suite, "checks", setup, weights_and_amounts_are_checked);
	return suite;
}

/*
 * evolve_shapes - a small system that evolves: `store` keeps a pair of numbers for `user`,
 * who adds them up; in the forms it takes on.
 *
 * For evolve_test.c, which includes it once.
 */
#pragma once

#include <theseus/module.h>

/* ---- the system ------------------------------------------------------------------------- */

struct pair_args {
	uint64_t low, high;
};
#define PAIR_OPS(OP)                                                                     \
	OP(pair, put, struct pair_args, 0)                                               \
	OP(pair, get, struct pair_args, 0)
THS_INTERFACE(pair, 1, PAIR_OPS)

/* More of it, under the same version. */
#define PAIR_MORE_OPS(OP)                                                                \
	PAIR_OPS(OP)                                                                     \
	OP(pair, swap, struct ths_no_args, 0)
static const struct ths_op_info pair_more_info[] = {PAIR_MORE_OPS(THS_IFACE_INFO)};
static const struct ths_iface pair_more_iface = {"pair", 1, 3, pair_more_info};
struct pair_more_ops {
	PAIR_MORE_OPS(THS_IFACE_FIELD)
};

/* Another version: what is told is the sum. */
#define PAIR_NEXT_OPS(OP) OP(pair, sum, struct pair_args, 0)
static const struct ths_op_info pair_next_info[] = {PAIR_NEXT_OPS(THS_IFACE_INFO)};
static const struct ths_iface pair_next_iface = {"pair", 2, 1, pair_next_info};
struct pair_next_ops {
	PAIR_NEXT_OPS(THS_IFACE_FIELD)
};

#define HALF_OPS(OP) OP(half, value, struct pair_args, 0)
THS_INTERFACE(half, 1, HALF_OPS)

#define USER_OPS(OP) OP(user, sum, struct pair_args, 0)
THS_INTERFACE(user, 1, USER_OPS)

struct pair_row {
	uint64_t low, high;
};
struct pair_wide { /* "test.pair/2" */
	uint64_t sum, low, high;
};
struct half_row {
	uint64_t value;
};
enum { PAIR, LOW, HIGH };
enum { USE, USE_HIGH };

static enum ths_err (*on_start)(struct ths_call *);

static enum ths_err store_put(struct ths_call *call, struct pair_args *arg)
{
	struct pair_row *row;

	THS_TRY(ths_row_write(call, PAIR, 0, &row));
	*row = (struct pair_row){arg->low, arg->high};
	return THS_OK;
}

static enum ths_err store_get(struct ths_call *call, struct pair_args *arg)
{
	const struct pair_row *row;

	THS_TRY(ths_row_read(call, PAIR, 0, &row));
	*arg = (struct pair_args){row->low, row->high};
	return THS_OK;
}

static enum ths_err wide_put(struct ths_call *call, struct pair_args *arg)
{
	struct pair_wide *row;

	THS_TRY(ths_row_write(call, PAIR, 0, &row));
	*row = (struct pair_wide){arg->low + arg->high, arg->low, arg->high};
	return THS_OK;
}

static enum ths_err wide_get(struct ths_call *call, struct pair_args *arg)
{
	const struct pair_wide *row;

	THS_TRY(ths_row_read(call, PAIR, 0, &row));
	*arg = (struct pair_args){row->low, row->high};
	return THS_OK;
}

static enum ths_err pair_swap_op(struct ths_call *call, struct ths_no_args *arg)
{
	struct pair_row *row;

	(void)arg;
	THS_TRY(ths_row_write(call, PAIR, 0, &row));
	*row = (struct pair_row){row->high, row->low};
	return THS_OK;
}

static enum ths_err pair_sum(struct ths_call *call, struct pair_args *arg)
{
	const struct pair_row *row;

	THS_TRY(ths_row_read(call, PAIR, 0, &row));
	arg->low = row->low + row->high;
	return THS_OK;
}

static enum ths_err add_pair(struct ths_call *call, struct pair_args *arg)
{
	THS_TRY(ths_gate(ths_use(call, USE), pair_op_get, arg, NULL));
	arg->low += arg->high;
	return THS_OK;
}

static enum ths_err add_next(struct ths_call *call, struct pair_args *arg)
{
	return ths_gate(ths_use(call, USE), 0, arg, NULL);
}

static enum ths_err add_halves(struct ths_call *call, struct pair_args *arg)
{
	uint64_t low;

	THS_TRY(half_value(ths_use(call, USE), arg));
	low = arg->low;
	THS_TRY(half_value(ths_use(call, USE_HIGH), arg));
	arg->low += low;
	return THS_OK;
}

static enum ths_err widen(const void *old_row, void *new_row)
{
	const struct pair_row *from = old_row;
	struct pair_wide *to = new_row;

	*to = (struct pair_wide){from->low + from->high, from->low, from->high};
	return THS_OK;
}

static enum ths_err narrow(const void *old_row, void *new_row)
{
	const struct pair_wide *from = old_row;
	struct pair_row *to = new_row;

	*to = (struct pair_row){from->low, from->high};
	return THS_OK;
}

/* A table is split as its successors start: nobody commits meanwhile. */
static enum ths_err halve(struct ths_call *call)
{
	const struct pair_row *row;
	struct half_row *low, *high;

	THS_TRY(ths_row_read(call, PAIR, 0, &row));
	THS_TRY(ths_row_write(call, LOW, 0, &low));
	THS_TRY(ths_row_write(call, HIGH, 0, &high));
	low->value = row->low;
	high->value = row->high;
	return on_start ? on_start(call) : THS_OK;
}

/* And back: with one more, so that it shows who has been there. */
static enum ths_err unite(struct ths_call *call)
{
	const struct half_row *low, *high;
	struct pair_row *row;

	THS_TRY(ths_row_read(call, LOW, 0, &low));
	THS_TRY(ths_row_read(call, HIGH, 0, &high));
	THS_TRY(ths_row_write(call, PAIR, 0, &row));
	*row = (struct pair_row){low->value + 1, high->value};
	return THS_OK;
}

static enum ths_err low_value(struct ths_call *call, struct pair_args *arg)
{
	const struct half_row *row;

	THS_TRY(ths_row_read(call, LOW, 0, &row));
	arg->low = row->value;
	return THS_OK;
}

static enum ths_err high_value(struct ths_call *call, struct pair_args *arg)
{
	const struct half_row *row;

	THS_TRY(ths_row_read(call, HIGH, 0, &row));
	arg->low = row->value;
	return THS_OK;
}

static enum ths_err (*on_selftest)(struct ths_call *);

static enum ths_err selftest(struct ths_call *call)
{
	return on_selftest ? on_selftest(call) : THS_OK;
}

#define PAIR_TABLE  THS_TABLE(PAIR, "test.pair/1", struct pair_row)
#define LOW_TABLE   THS_TABLE(LOW, "test.low/1", struct half_row)
#define HIGH_TABLE  THS_TABLE(HIGH, "test.high/1", struct half_row)
#define OPS_OF(type, iface_, ...)                                                        \
	.provides = {&(iface_), &(const struct type){__VA_ARGS__}}

THS_MODULE(store, "store", 1, 0, THS_PROVIDES(pair, .put = store_put, .get = store_get),
	   PAIR_TABLE, .selftest = selftest);
THS_MODULE(store_wide, "store.wide", 2, 0,
	   THS_PROVIDES(pair, .put = wide_put, .get = wide_get),
	   THS_TABLE(PAIR, "test.pair/2", struct pair_wide),
	   THS_MIGRATE(0, "test.pair/1", "test.pair/2", widen));
THS_MODULE(store_narrow, "store.narrow", 3, 0,
	   THS_PROVIDES(pair, .put = store_put, .get = store_get), PAIR_TABLE,
	   THS_MIGRATE(0, "test.pair/2", "test.pair/1", narrow));
THS_MODULE(store_more, "store.more", 1, 1,
	   OPS_OF(pair_more_ops, pair_more_iface, .put = store_put, .get = store_get,
		  .swap = pair_swap_op),
	   PAIR_TABLE);
THS_MODULE(store_next, "store.next", 2, 0,
	   OPS_OF(pair_next_ops, pair_next_iface, .sum = pair_sum), PAIR_TABLE);
THS_MODULE(half_low, "half.low", 1, 0, THS_PROVIDES(half, .value = low_value), PAIR_TABLE,
	   LOW_TABLE, HIGH_TABLE, .start = halve);
THS_MODULE(half_adopts, "half.adopts", 1, 0, THS_PROVIDES(half, .value = low_value),
	   PAIR_TABLE, LOW_TABLE, HIGH_TABLE, .adopt = halve);
THS_MODULE(store_adopts, "store.adopts", 1, 0,
	   THS_PROVIDES(pair, .put = store_put, .get = store_get), PAIR_TABLE, LOW_TABLE,
	   HIGH_TABLE, .adopt = unite);
THS_MODULE(half_high, "half.high", 1, 0, THS_PROVIDES(half, .value = high_value), LOW_TABLE,
	   HIGH_TABLE);
THS_MODULE(user, "user", 1, 0, THS_PROVIDES(user, .sum = add_pair), THS_USES(USE, pair));
THS_MODULE(user_next, "user.next", 1, 0, THS_PROVIDES(user, .sum = add_next),
	   .uses[USE] = {&pair_next_iface, "", false});
THS_MODULE(user_halves, "user.halves", 1, 0, THS_PROVIDES(user, .sum = add_halves),
	   THS_USES_INSTANCE(USE, half, "low"), THS_USES_INSTANCE(USE_HIGH, half, "high"));

/*
 * bench.ops - the module behind the figures: each operation does its one thing `repeat`
 * times, so that two counts of repeats give the price of one.
 */
#include "bench.h"

#include <theseus/module.h>

enum { ROWS, KEYS };
enum { SESSION };

struct row64 {
	uint64_t word[8];
};
struct keyed64 {
	uint64_t key;
	uint64_t word[7];
};

static enum ths_err bench_null_op(struct ths_call *call, struct bench_words *arg)
{
	(void)call;
	(void)arg;
	return THS_OK;
}

/* What is subtracted from a read: the call, and looking at its argument. */
static enum ths_err bench_nothing_op(struct ths_call *call, struct bench_row *arg)
{
	(void)call;
	__asm__ volatile("" : : "r"((uint32_t)arg->row));
	return THS_OK;
}

static enum ths_err bench_read_op(struct ths_call *call, struct bench_row *arg)
{
	const struct row64 *row;

	THS_TRY(ths_row_read(call, ROWS, (uint32_t)arg->row, &row));
	__asm__ volatile("" : : "r"(row));
	return THS_OK;
}

/* What the loops below cost by themselves. */
static enum ths_err bench_spin_op(struct ths_call *call, struct bench_row *arg)
{
	(void)call;
	for (uint32_t i = 0; i < arg->repeat; i++)
		__asm__ volatile("" : : "r"(i) : "memory");
	return THS_OK;
}

/* Rows apart from each other, so that each is a read of its own. */
static enum ths_err bench_reads_op(struct ths_call *call, struct bench_row *arg)
{
	for (uint32_t i = 0; i < arg->repeat; i++) {
		const struct row64 *row;

		THS_TRY(ths_row_read(call, ROWS, (uint32_t)arg->row + i, &row));
		arg->sum += row->word[0];
	}
	return THS_OK;
}

static enum ths_err bench_write_op(struct ths_call *call, struct bench_row *arg)
{
	struct row64 *row;

	THS_TRY(ths_row_write(call, ROWS, (uint32_t)arg->row, &row));
	row->word[7]++;
	return THS_OK;
}

static enum ths_err bench_weak_op(struct ths_call *call, struct bench_row *arg)
{
	struct ths_weak weak;
	struct ths_weak_cached cached;

	THS_TRY(ths_row_weak(call, ROWS, (uint32_t)arg->row, &weak));
	THS_TRY(ths_weak_cache(call, ROWS, weak, &cached));
	for (uint32_t i = 0; i < arg->repeat; i++) {
		const struct row64 *row = ths_weak_upgrade(&cached);

		__asm__ volatile("" : : "r"(row) : "memory");
		if (!row)
			return THS_E_STALE;
	}
	return THS_OK;
}

static enum ths_err bench_blob_op(struct ths_call *call, struct bench_words *arg)
{
	struct row64 *session;
	void *body;
	bool fresh;

	(void)arg;
	THS_TRY(ths_blob_body(call, SESSION, &body, &fresh));
	session = body;
	session->word[7]++;
	return THS_OK;
}

static enum ths_err bench_fill_op(struct ths_call *call, struct bench_row *arg)
{
	for (uint64_t key = arg->first; key < arg->first + arg->repeat; key++) {
		struct keyed64 *row;
		uint32_t number;

		THS_TRY(ths_row_new_keyed(call, KEYS, key * 2654435761u + 1, &number, &row));
		row->word[0] = key;
	}
	return THS_OK;
}

static enum ths_err bench_lookup_op(struct ths_call *call, struct bench_row *arg)
{
	for (uint64_t i = 0; i < arg->repeat; i++) {
		const struct keyed64 *row;
		uint32_t number;

		THS_TRY(ths_row_find(call, KEYS, (i * 479 & arg->row) * 2654435761u + 1,
				     &number, &row));
		arg->sum += row->word[0];
	}
	return THS_OK;
}

/* Of the table that grows: a row written, and one held by a weak reference. */
static enum ths_err bench_change_op(struct ths_call *call, struct bench_row *arg)
{
	struct keyed64 *row;

	THS_TRY(ths_row_write(call, KEYS, (uint32_t)arg->row % 10, &row));
	row->word[6]++;
	return THS_OK;
}

static enum ths_err follow(const struct ths_weak_cached *cached, uint64_t times)
{
	for (uint32_t i = 0; i < times; i++) {
		const void *row = ths_weak_upgrade(cached);

		__asm__ volatile("" : : "r"(row) : "memory");
		if (!row)
			return THS_E_STALE;
	}
	return THS_OK;
}

static enum ths_err bench_grip_op(struct ths_call *call, struct bench_row *arg)
{
	struct ths_weak weak;
	struct ths_weak_cached cached;

	THS_TRY(ths_row_weak(call, KEYS, (uint32_t)arg->row, &weak));
	THS_TRY(ths_weak_cache(call, KEYS, weak, &cached));
	return follow(&cached, arg->repeat);
}

THS_MODULE(bench_ops, "bench.ops", 1, 0,
	   THS_PROVIDES(bench, .null = bench_null_op, .echo = bench_null_op,
			.nothing = bench_nothing_op, .read = bench_read_op,
			.reads = bench_reads_op, .spin = bench_spin_op,
			.write = bench_write_op, .weak = bench_weak_op,
			.blob = bench_blob_op,
			.fill = bench_fill_op, .lookup = bench_lookup_op,
			.change = bench_change_op, .grip = bench_grip_op),
	   THS_TABLE(ROWS, "bench.row/1", struct row64, .rows = 256, .flags = THS_FIXED),
	   THS_BLOB(SESSION, "bench.session/1", struct row64),
	   THS_TABLE(KEYS, "bench.key/1", struct keyed64, .rows = 131072,
		     .flags = THS_KEYED));

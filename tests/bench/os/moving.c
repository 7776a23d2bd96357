/*
 * moving - a table of 64-byte rows in one of two schemas: built twice, -DMOVING=1 and 2.
 *
 * The second has a member less and one more in its place, and the functions there and back.
 */
#include "moving.h"

#include <theseus/module.h>
#include <theseus/row.h>

enum { ROWS };

struct moving_first {
	uint64_t number, sum, word[6];
};
struct moving_second {
	uint64_t number;
	uint32_t high, low; /* of the sum */
	uint64_t word[6];
};
#if MOVING == 2
#define ROW moving_second

static enum ths_err there(const void *old_row, void *new_row)
{
	const struct moving_first *from = old_row;
	struct moving_second *to = new_row;

	to->number = from->number;
	to->high = (uint32_t)(from->sum >> 32);
	to->low = (uint32_t)from->sum;
	for (unsigned i = 0; i < 6; i++)
		to->word[i] = from->word[i];
	return THS_OK;
}

static enum ths_err back(const void *old_row, void *new_row)
{
	const struct moving_second *from = old_row;
	struct moving_first *to = new_row;

	to->number = from->number;
	to->sum = (uint64_t)from->high << 32 | from->low;
	for (unsigned i = 0; i < 6; i++)
		to->word[i] = from->word[i];
	return THS_OK;
}
#else
#define ROW moving_first
#endif

static enum ths_err make(struct ths_call *call, struct moving_rows *arg)
{
	for (uint32_t i = 0; i < arg->count; i++) {
		struct ROW *row;
		uint32_t number;

		THS_TRY(ths_row_new(call, ROWS, &number, &row));
		row->number = number;
	}
	return THS_OK;
}

static enum ths_err write(struct ths_call *call, struct moving_rows *arg)
{
	for (uint32_t i = arg->first; i < arg->first + arg->count; i++) {
		struct ROW *row;

		THS_TRY(ths_row_write(call, ROWS, i, &row));
		row->word[0]++;
	}
	return THS_OK;
}

#if MOVING == 2
THS_MODULE(moving_v2, "moving.v2", 2, 0, THS_PROVIDES(moving, .make = make, .write = write),
	   THS_TABLE(ROWS, "bench.moving/2", struct moving_second, .rows = 131072),
	   THS_MIGRATE(0, "bench.moving/1", "bench.moving/2", there, back));
#else
THS_MODULE(moving, "moving", 1, 0, THS_PROVIDES(moving, .make = make, .write = write),
	   THS_TABLE(ROWS, "bench.moving/1", struct moving_first, .rows = 131072));
#endif

/*
 * tally, sides - a desk's two books, a module each; TALLY says which this is. tally comes
 * with the set that takes desk's place, and adopts for both.
 */
#include "shape.h"

#include <theseus/module.h>

enum { SIDES, BOOK, DESK };

#ifdef TALLY
static enum ths_err add(struct ths_call *call, struct desk_ticket *arg)
{
	struct tally_row *row;

	THS_TRY(ths_row_write(call, BOOK, (uint32_t)arg->desk, &row));
	arg->value = ++row->next;
	arg->version = 8;
	return THS_OK;
}

static enum ths_err follow(struct ths_call *call, struct desk_seen *arg)
{
	const struct tally_row *row;

	THS_TRY(ths_row_read(call, BOOK, (uint32_t)arg->desk, &row));
	if (row->next <= arg->value)
		return THS_E_AGAIN;
	arg->value = row->next;
	return THS_OK;
}

static enum ths_err adopt(struct ths_call *call)
{
	const struct desk_row *from;
	struct sides_row *sides;
	struct tally_row *row;

	for (uint32_t desk = 0; desk < DESKS; desk++) {
		THS_TRY(ths_row_read(call, DESK, desk, &from));
		THS_TRY(ths_row_write(call, BOOK, desk, &row));
		THS_TRY(ths_row_write(call, SIDES, desk, &sides));
		row->next = from->next;
		*sides = (struct sides_row){from->left, from->right};
	}
	return THS_OK;
}

THS_MODULE(tally, "tally", 1, 0, THS_PROVIDES(tally, .add = add, .follow = follow),
	   THS_TABLE(BOOK, "shape.tally/1", struct tally_row, .rows = DESKS,
		     .flags = THS_FIXED),
	   THS_TABLE(SIDES, "shape.sides/1", struct sides_row, .rows = DESKS,
		     .flags = THS_FIXED),
	   THS_TABLE(DESK, "shape.desk/1", struct desk_row, .rows = DESKS,
		     .flags = THS_FIXED),
	   .adopt = adopt);
#else
static enum ths_err add(struct ths_call *call, struct desk_side *arg)
{
	struct sides_row *row;

	THS_TRY(ths_row_write(call, SIDES, (uint32_t)arg->desk, &row));
	arg->right = (arg->value + 1) % 2;
	row->right += (uint32_t)arg->right;
	row->left += (uint32_t)!arg->right;
	return (uint64_t)row->left + row->right == arg->value ? THS_OK : THS_E_INTERNAL;
}

THS_MODULE(sides, "sides", 1, 0, THS_PROVIDES(sides, .add = add),
	   THS_TABLE(SIDES, "shape.sides/1", struct sides_row, .rows = DESKS,
		     .flags = THS_FIXED));
#endif

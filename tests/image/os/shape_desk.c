/*
 * desk - see shape.h. Built several times; DESK_BUILD says how its books are kept:
 *
 *	1  a row of left, right and next       4  in two rows, in tables of their own
 *	2  the same with wider members         5  as 1, adopted from there
 *	3  the same in another order           6  as 1, with an operation more
 *	                                       7  as 1, as desk/2
 */
#include "shape.h"

#include <theseus/module.h>

enum { BOOK, SIDES, OTHER }; /* 4; else BOOK has all, and 5 has two more: */
enum { OTHER_TALLY = 1, OTHER_SIDES };

#if DESK_BUILD == 2
typedef uint64_t side;
struct desk_wide {
	uint64_t next;
	side left, right;
};
typedef struct desk_wide book;
#define BOOK_SCHEMA "shape.desk/2"
#elif DESK_BUILD == 3
typedef uint32_t side;
struct desk_turned {
	side right, left;
	uint64_t next;
};
typedef struct desk_turned book;
#define BOOK_SCHEMA "shape.desk/3"
#elif DESK_BUILD == 4
typedef uint32_t side;
typedef struct tally_row book;
#define BOOK_SCHEMA "shape.tally/1"
#else
typedef uint32_t side;
typedef struct desk_row book;
#define BOOK_SCHEMA "shape.desk/1"
#endif

static enum ths_err give(struct ths_call *call, uint64_t desk, uint64_t *value, bool *right)
{
	book *row;
#if DESK_BUILD == 4
	struct sides_row *sides;

	THS_TRY(ths_row_write(call, SIDES, (uint32_t)desk, &sides));
	THS_TRY(ths_row_write(call, BOOK, (uint32_t)desk, &row));
#else
	book *sides;

	THS_TRY(ths_row_write(call, BOOK, (uint32_t)desk, &row));
	sides = row;
#endif
	if ((uint64_t)sides->left + sides->right != row->next)
		return THS_E_INTERNAL;
	*right = row->next % 2;
	sides->right = (side)(sides->right + *right);
	sides->left = (side)(sides->left + !*right);
	*value = ++row->next;
	return THS_OK;
}

static enum ths_err follow(struct ths_call *call, struct desk_seen *arg)
{
	const book *row;

	THS_TRY(ths_row_read(call, BOOK, (uint32_t)arg->desk, &row));
	if (row->next <= arg->value)
		return THS_E_AGAIN;
	arg->value = row->next;
	return THS_OK;
}

#if DESK_BUILD == 7
static enum ths_err take(struct ths_call *call, struct desk_side *arg)
{
	bool right;

	THS_TRY(give(call, arg->desk, &arg->value, &right));
	arg->version = DESK_BUILD;
	arg->right = right;
	return THS_OK;
}
#else
static enum ths_err take(struct ths_call *call, struct desk_ticket *arg)
{
	bool right;

	arg->version = DESK_BUILD;
	return give(call, arg->desk, &arg->value, &right);
}
#endif

#if DESK_BUILD == 6
static enum ths_err count(struct ths_call *call, struct desk_seen *arg)
{
	const book *row;

	THS_TRY(ths_row_read(call, BOOK, (uint32_t)arg->desk, &row));
	arg->value = row->next;
	return THS_OK;
}
#define COUNT , .count = count
#else
#define COUNT
#endif

/* ---- from one form to another --------------------------------------------------------- */

#if DESK_BUILD == 2 || DESK_BUILD == 3
static enum ths_err there(const void *old_row, void *new_row)
{
	const struct desk_row *from = old_row;
	book *to = new_row;

	to->next = from->next;
	to->left = from->left;
	to->right = from->right;
	return THS_OK;
}

static enum ths_err back(const void *old_row, void *new_row)
{
	const book *from = old_row;
	struct desk_row *to = new_row;

	to->next = from->next;
	to->left = (uint32_t)from->left;
	to->right = (uint32_t)from->right;
	return THS_OK;
}
#define CHANGES , THS_MIGRATE(0, "shape.desk/1", BOOK_SCHEMA, there, back)
#elif DESK_BUILD == 4
static enum ths_err adopt(struct ths_call *call)
{
	const struct desk_row *from;
	struct sides_row *sides;
	book *row;

	for (uint32_t desk = 0; desk < DESKS; desk++) {
		THS_TRY(ths_row_read(call, OTHER, desk, &from));
		THS_TRY(ths_row_write(call, BOOK, desk, &row));
		THS_TRY(ths_row_write(call, SIDES, desk, &sides));
		row->next = from->next;
		*sides = (struct sides_row){from->left, from->right};
	}
	return THS_OK;
}
#define CHANGES                                                                          \
	, THS_TABLE(SIDES, "shape.sides/1", struct sides_row, .rows = DESKS,             \
		    .flags = THS_FIXED),                                                 \
		THS_TABLE(OTHER, "shape.desk/1", struct desk_row, .rows = DESKS,         \
			  .flags = THS_FIXED),                                           \
		.adopt = adopt
#elif DESK_BUILD == 5
static enum ths_err adopt(struct ths_call *call)
{
	const struct sides_row *sides;
	const struct tally_row *from;
	book *row;

	for (uint32_t desk = 0; desk < DESKS; desk++) {
		THS_TRY(ths_row_read(call, OTHER_TALLY, desk, &from));
		THS_TRY(ths_row_read(call, OTHER_SIDES, desk, &sides));
		THS_TRY(ths_row_write(call, BOOK, desk, &row));
		*row = (book){from->next, sides->left, sides->right};
	}
	return THS_OK;
}
#define CHANGES                                                                          \
	, THS_TABLE(OTHER_TALLY, "shape.tally/1", struct tally_row, .rows = DESKS,             \
		    .flags = THS_FIXED),                                                 \
		THS_TABLE(OTHER_SIDES, "shape.sides/1", struct sides_row, .rows = DESKS, \
			  .flags = THS_FIXED),                                           \
		.adopt = adopt
#else
#define CHANGES
#endif

#define DESK(token_, id_)                                                                \
	THS_MODULE(token_, id_, DESK_BUILD, 0,                                           \
		   THS_PROVIDES(desk, .take = take, .follow = follow COUNT),             \
		   THS_TABLE(BOOK, BOOK_SCHEMA, book, .rows = DESKS, .flags = THS_FIXED) \
			   CHANGES)
DESK(DESK_TOKEN, DESK_ID);

/*
 * dfqueue_rig - modules that are queues and nothing else, for the suites of dfqueue: one that
 * queues by value, one whose queue is lost with each swap, one that is an inbox.
 */
#pragma once

#include <string.h>
#include <theseus/dfqueue.h>
#include "pattern.h"

#define QUEUES  4u
#define PLACES  64u /* of all queues together */
#define PARCELS 24u

#define ROW_OF(bytes_) THS_DFQUEUE_ROW(struct ths_dfqueue_item, bytes_)
struct parcel_row {
	struct ths_dfqueue_parcel head;
	uint8_t bytes[20];
};
struct ledger { /* what the consumer has done, by its own account */
	uint64_t sum, count;
	uint64_t last[QUEUES]; /* of each producer */
};

enum { PUT, DONE, SMALL, LARGE, PARCEL, LEDGER, WEAK };
#define FAMILY(rows_) .rows = (rows_), .flags = THS_FIXED
#define LETTER_MODULE(token_, id_)                                                       \
	THS_MODULE(token_, id_, 1, 0, PATTERN_SERVER,                                    \
		   THS_TABLE(PUT, "letter.put/1", struct ths_dfqueue_count,              \
			     FAMILY(QUEUES)),                                            \
		   THS_TABLE(DONE, "letter.done/1", struct ths_dfqueue_count,            \
			     FAMILY(QUEUES)),                                            \
		   THS_TABLE(SMALL, "letter.small/1", ROW_OF(16), FAMILY(PLACES)),       \
		   THS_TABLE(LARGE, "letter.large/1", ROW_OF(200), FAMILY(PLACES)),      \
		   THS_TABLE(PARCEL, "letter.parcel/1", struct parcel_row,               \
			     .rows = PARCELS, .flags = THS_JOINT),                       \
		   THS_TABLE(LEDGER, "letter.ledger/1", struct ledger))
LETTER_MODULE(letter_one, "letter.one");
LETTER_MODULE(letter_two, "letter.two");

/* The same, but the queue is each instance's own: a swap loses it. */
#define LOST(rows_) .rows = (rows_), .flags = THS_FIXED | THS_PER_INSTANCE
#define LOSSY_MODULE(token_, id_)                                                        \
	THS_MODULE(                                                                      \
		token_, id_, 1, 0, PATTERN_SERVER,                                       \
		THS_TABLE(PUT, "lossy.put/1", struct ths_dfqueue_count, LOST(QUEUES)),   \
		THS_TABLE(DONE, "lossy.done/1", struct ths_dfqueue_count, LOST(QUEUES)), \
		THS_TABLE(WEAK, "lossy.weak/1", ROW_OF(sizeof(struct ths_weak)),         \
			  LOST(PLACES)),                                                 \
		THS_TABLE(PARCEL, "lossy.parcel/1", struct parcel_row, .rows = PARCELS,  \
			  .flags = THS_JOINT),                                           \
		THS_TABLE(LEDGER, "lossy.ledger/1", struct ledger))
LOSSY_MODULE(lossy_one, "lossy.one");
LOSSY_MODULE(lossy_two, "lossy.two");

/* An inbox: device operations put, ordinary ones complete. */
#define INBOX_MODULE(token_, id_)                                                        \
	THS_MODULE(token_, id_, 1, 0, PATTERN_SERVER,                                    \
		   THS_TABLE(PUT, "inbox.put/1", struct ths_dfqueue_count,               \
			     .rows = QUEUES, .flags = THS_FIXED | THS_HARDWARE),         \
		   THS_TABLE(DONE, "inbox.done/1", struct ths_dfqueue_count,             \
			     .rows = QUEUES,                                             \
			     .flags = THS_FIXED | THS_HARDWARE | THS_REQUEST),           \
		   THS_TABLE(SMALL, "inbox.item/1", ROW_OF(16), .rows = PLACES,          \
			     .flags = THS_FIXED | THS_HARDWARE),                         \
		   THS_TABLE(LEDGER, "inbox.ledger/1", struct ledger))
INBOX_MODULE(inbox_one, "inbox.one");
INBOX_MODULE(inbox_two, "inbox.two");

static struct ths_dfqueue queue; /* the parameters of the test that runs */

static const struct ths_dfqueue by_value = {
	.put = PUT, .done = DONE, .item = SMALL, .items = 5, .bytes = 16};

static inline void setup(void)
{
	pattern_start(&ths_module_letter_one, &ths_module_letter_two);
	queue = by_value;
}

static inline void setup_lossy(void)
{
	pattern_start(&ths_module_lossy_one, &ths_module_lossy_two);
	pattern_swaps =
		30; /* the tables of each instance stay: rows outlive their module */
	queue = (struct ths_dfqueue){PUT,    DONE, WEAK, 8, sizeof(struct ths_weak),
				     PARCEL, 20};
}

static inline void setup_inbox(void)
{
	pattern_start(&ths_module_inbox_one, &ths_module_inbox_two);
	queue = by_value;
}

/* ---- the pattern's functions, one call each ---------------------------------------------- */

struct letter {
	uint32_t which, len;
	uint64_t ticket;
	struct ths_weak parcel;
	uint8_t bytes[201];
};

static inline enum ths_err put_fn(struct ths_call *call, void *ctx)
{
	struct letter *letter = ctx;

	return ths_dfqueue_put(call, &queue, letter->which, letter->bytes, letter->len,
			       &letter->ticket);
}

static inline enum ths_err peek_fn(struct ths_call *call, void *ctx)
{
	struct letter *letter = ctx;

	return ths_dfqueue_peek(call, &queue, letter->which, letter->bytes, &letter->len,
				&letter->ticket);
}

static inline enum ths_err complete_fn(struct ths_call *call, void *ctx)
{
	struct letter *letter = ctx;

	return ths_dfqueue_complete(call, &queue, letter->which, letter->ticket);
}

static inline enum ths_err wait_fn(struct ths_call *call, void *ctx)
{
	struct letter *letter = ctx;

	return ths_dfqueue_wait(call, &queue, letter->which, letter->ticket);
}

static inline enum ths_err add_to_ledger(struct ths_call *call, uint64_t amount)
{
	struct ledger *ledger;

	THS_TRY(ths_row_write(call, LEDGER, 0, &ledger));
	ledger->sum += amount;
	ledger->count++;
	return THS_OK;
}

/* Peek, work and complete in one. */
static inline enum ths_err work_fn(struct ths_call *call, void *ctx)
{
	struct letter *letter = ctx;

	THS_TRY(peek_fn(call, ctx));
	THS_TRY(add_to_ledger(call, letter->bytes[0]));
	return complete_fn(call, ctx);
}

static inline enum ths_err ledger_fn(struct ths_call *call, void *ctx)
{
	const struct ledger *ledger;

	THS_TRY(ths_row_read(call, LEDGER, 0, &ledger));
	*(struct ledger *)ctx = *ledger;
	return THS_OK;
}

static inline struct ledger ledger(void)
{
	struct ledger now;

	ck_assert_int_eq(script_by(&pattern_ref, ledger_fn, &now), THS_OK);
	return now;
}

/* Of parcels. */
static inline enum ths_err post_fn(struct ths_call *call, void *ctx)
{
	struct letter *letter = ctx;

	return ths_dfqueue_post(call, &queue, letter->which, letter->bytes, letter->len,
				&letter->parcel);
}

static inline enum ths_err look_fn(struct ths_call *call, void *ctx)
{
	return ths_dfqueue_look(call, &queue, ((struct letter *)ctx)->parcel);
}

static inline enum ths_err repost_fn(struct ths_call *call, void *ctx)
{
	return ths_dfqueue_repost(call, &queue, ((struct letter *)ctx)->parcel);
}

static inline enum ths_err withdraw_fn(struct ths_call *call, void *ctx)
{
	return ths_dfqueue_withdraw(call, &queue, ((struct letter *)ctx)->parcel);
}

static inline enum ths_err next_fn(struct ths_call *call, void *ctx)
{
	struct letter *letter = ctx;

	return ths_dfqueue_next(call, &queue, letter->which, letter->bytes, &letter->len,
				&letter->parcel);
}

static inline enum ths_err finish_fn(struct ths_call *call, void *ctx)
{
	return ths_dfqueue_finish(call, &queue, ((struct letter *)ctx)->parcel);
}

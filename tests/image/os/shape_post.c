/*
 * post - queue and dispatcher; POST_BUILD 2 has room for more who listen, so its rows are
 * longer.
 */
#include "bazaar.h" /* listener/1 */
#include "shape.h"

#include <theseus/dfqueue.h>
#include <theseus/module.h>

enum { PUT, DONE, ITEM, HANDLERS };

#define FEW  2u
#define MORE 6u

typedef THS_DFQUEUE_ROW(struct ths_dfqueue_item, 8) item_row;
struct handlers_few { /* "shape.handlers/1" */
	struct ths_handler handler[FEW];
};
struct handlers_more { /* "shape.handlers/2" */
	struct ths_handler handler[MORE];
};
#if POST_BUILD == 1
typedef struct handlers_few handlers;
#define HANDLERS_SCHEMA "shape.handlers/1"
static const struct ths_dispatcher bell = {HANDLERS, FEW};
#else
typedef struct handlers_more handlers;
#define HANDLERS_SCHEMA "shape.handlers/2"
static const struct ths_dispatcher bell = {HANDLERS, MORE};
#endif
static const struct ths_dfqueue queue = {PUT, DONE, ITEM, POST_PENDING, 8, 0, 0};

static enum ths_err raise(struct ths_call *call, struct post_event *arg)
{
	uint64_t ticket, unused = 0;

	THS_TRY(ths_dfqueue_put(call, &queue, 0, &unused, sizeof(unused), &ticket));
	arg->number = ticket + 1;
	arg->version = POST_BUILD;
	return THS_OK;
}

static enum ths_err deliver(struct ths_call *call, struct post_event *arg)
{
	struct ths_delivery report;
	uint64_t ticket, unused, order = 0;
	uint32_t len;

	THS_TRY(ths_dfqueue_peek(call, &queue, 0, &unused, &len, &ticket));
	THS_TRY(ths_dispatcher_deliver(call, &bell, 0, listener_tell, &order, &report));
	THS_TRY(ths_dfqueue_complete(call, &queue, 0, ticket));
	arg->number = ticket + 1;
	arg->version = POST_BUILD;
	arg->served = report.served;
	return THS_OK;
}

static enum ths_err pending(struct ths_call *call, struct post_event *arg)
{
	const struct ths_dfqueue_count *put, *done;

	THS_TRY(ths_row_read(call, PUT, 0, &put));
	THS_TRY(ths_row_read(call, DONE, 0, &done));
	arg->number = put->count - done->count;
	return THS_OK;
}

static enum ths_err listen(struct ths_call *call, struct post_listener *arg)
{
	struct ths_handler handler = {.who = arg->binding, .generation = arg->generation};

	return ths_dispatcher_attach(call, &bell, 0, &handler);
}

#if POST_BUILD == 2
static enum ths_err more(const void *old_row, void *new_row)
{
	const struct handlers_few *from = old_row;
	struct handlers_more *to = new_row;

	for (unsigned i = 0; i < FEW; i++)
		to->handler[i] = from->handler[i];
	return THS_OK;
}

static enum ths_err fewer(const void *old_row, void *new_row)
{
	const struct handlers_more *from = old_row;
	struct handlers_few *to = new_row;

	for (unsigned i = 0; i < FEW; i++)
		to->handler[i] = from->handler[i];
	return from->handler[FEW].used ? THS_E_FULL : THS_OK;
}
#define CHANGES , THS_MIGRATE(0, "shape.handlers/1", HANDLERS_SCHEMA, more, fewer)
#else
#define CHANGES
#endif

#define POST(token_, id_)                                                                \
	THS_MODULE(token_, id_, POST_BUILD, 0,                                           \
		   THS_PROVIDES(post, .raise = raise, .deliver = deliver,                \
				.pending = pending, .listen = listen),                   \
		   THS_TABLE(PUT, "shape.put/1", struct ths_dfqueue_count),              \
		   THS_TABLE(DONE, "shape.done/1", struct ths_dfqueue_count),            \
		   THS_TABLE(ITEM, "shape.item/1", item_row, .rows = POST_PENDING,       \
			     .flags = THS_FIXED),                                        \
		   THS_TABLE(HANDLERS, HANDLERS_SCHEMA, handlers,                        \
			     .flags = THS_FIXED) CHANGES)
#if POST_BUILD == 1
POST(post, "post");
#else
POST(post_more, "post.more");
#endif

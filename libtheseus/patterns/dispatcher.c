/*
 * dispatcher - handlers by key, over one table of rows.
 *
 * The used entries of a row come first and without gaps; that is all the order there is
 * (D1), and all that find and deliver rely on.
 */
#include <theseus/dispatcher.h>

static unsigned used(const struct ths_dispatch *row)
{
	unsigned n = 0;

	while (n < THS_HANDLERS_MAX && row->handler[n].used)
		n++;
	return n;
}

/* Of the handler of that name, whatever its generation; else the first free place. */
static unsigned place_of(const struct ths_dispatch *row,
			 const struct ths_handler *handler)
{
	unsigned n = used(row), at = 0;

	while (at < n && (row->handler[at].who != handler->who ||
			  row->handler[at].what != handler->what))
		at++;
	return at;
}

enum ths_err ths_dispatcher_attach(struct ths_call *call, unsigned table, uint32_t key,
				   const struct ths_handler *handler)
{
	struct ths_dispatch *row;
	struct ths_handler *place;
	unsigned at;

	THS_TRY(ths_row_write(call, table, key, &row));
	at = place_of(row, handler);
	if (at == THS_HANDLERS_MAX)
		return THS_E_FULL;
	place = &row->handler[at];
	if (place->used && place->generation == handler->generation)
		return THS_E_EXIST;
	*place = *handler;
	place->used = 1;
	return THS_OK;
}

enum ths_err ths_dispatcher_detach(struct ths_call *call, unsigned table, uint32_t key,
				   const struct ths_handler *handler)
{
	struct ths_dispatch *row;
	unsigned at;

	THS_TRY(ths_row_write(call, table, key, &row));
	at = place_of(row, handler);
	if (at == used(row) || row->handler[at].generation != handler->generation)
		return THS_E_NOENT;
	for (; at + 1 < THS_HANDLERS_MAX; at++)
		row->handler[at] = row->handler[at + 1];
	row->handler[THS_HANDLERS_MAX - 1] = (struct ths_handler){0, 0, 0, 0};
	return THS_OK;
}

enum ths_err ths_dispatcher_find(struct ths_call *call, unsigned table, uint32_t key,
				 struct ths_handler *found, uint32_t *count)
{
	const struct ths_dispatch *row;

	THS_TRY(ths_row_read(call, table, key, &row));
	*count = used(row);
	for (unsigned i = 0; i < *count; i++)
		found[i] = row->handler[i];
	return THS_OK;
}

enum ths_err ths_dispatcher_deliver(struct ths_call *call, unsigned table, uint32_t key,
				    ths_dispatch_fn *call_one, void *event,
				    struct ths_delivery *report)
{
	struct ths_handler handler[THS_HANDLERS_MAX];
	uint32_t count;

	*report = (struct ths_delivery){0, 0, 0, {0, 0, 0, 0}};
	THS_TRY(ths_dispatcher_find(call, table, key, handler, &count));
	for (unsigned i = 0; i < count; i++) {
		enum ths_err err = call_one(call, &handler[i], event);

		if (err == THS_E_AGAIN)
			return err;
		if (err == THS_OK) {
			report->served++;
		} else if (err == THS_E_STALE || err == THS_E_UNAVAIL) {
			if (report->dead++ == 0)
				report->lost = handler[i];
		} else {
			report->failed++;
		}
	}
	return THS_OK;
}

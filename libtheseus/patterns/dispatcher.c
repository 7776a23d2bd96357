/*
 * dispatcher - handlers by key, over one table of rows.
 *
 * A row is an array of handlers. The used ones come first and without gaps, in the order
 * of their calls; that is all the order there is (D1), and all that find and deliver rely
 * on. Those of a priority form a run, and who comes later is put at its end.
 */
#include <theseus/dispatcher.h>
#include <theseus/string.h>

static enum ths_err check(const struct ths_dispatcher *dispatcher)
{
	return dispatcher->handlers - 1 < THS_HANDLERS_MAX ? THS_OK : THS_E_INVAL;
}

static uint32_t count_of(const struct ths_handler *row, uint32_t max)
{
	uint32_t n = 0;

	while (n < max && row[n].used)
		n++;
	return n;
}

/* Of the handler of that name, whatever its generation; @count: there is none. */
static uint32_t place_of(const struct ths_handler *row, uint32_t count,
			 const struct ths_handler *handler)
{
	uint32_t at = 0;

	while (at < count &&
	       (row[at].who != handler->who || row[at].what != handler->what))
		at++;
	return at;
}

static void take_out(struct ths_handler *row, uint32_t count, uint32_t at)
{
	memmove(&row[at], &row[at + 1], (count - at - 1) * sizeof(*row));
	row[count - 1] = (struct ths_handler){.used = 0};
}

/* Behind all of its priority. There is room for one more. */
static void put_in(struct ths_handler *row, uint32_t count,
		   const struct ths_handler *handler)
{
	uint32_t at = count;

	while (at > 0 && row[at - 1].priority < handler->priority)
		at--;
	memmove(&row[at + 1], &row[at], (count - at) * sizeof(*row));
	row[at] = *handler;
	row[at].missed = 0;
	row[at].used = 1;
}

/* In the place of the one that had its name before it (D2). */
static enum ths_err succeed(struct ths_handler *row, uint32_t count, uint32_t at,
			    const struct ths_handler *handler)
{
	int32_t later = (int32_t)(handler->generation - row[at].generation);

	if (later <= 0)
		return later ? THS_E_STALE : THS_E_EXIST;
	if (row[at].priority != handler->priority) {
		take_out(row, count, at);
		put_in(row, count - 1, handler);
		return THS_OK;
	}
	row[at].generation = handler->generation;
	row[at].missed = 0;
	return THS_OK;
}

enum ths_err ths_dispatcher_attach(struct ths_call *call,
				   const struct ths_dispatcher *dispatcher, uint32_t key,
				   const struct ths_handler *handler)
{
	struct ths_handler *row;
	uint32_t count, at;

	THS_TRY(check(dispatcher));
	THS_TRY(ths_row_write(call, dispatcher->table, key, &row));
	count = count_of(row, dispatcher->handlers);
	at = place_of(row, count, handler);
	if (at < count)
		return succeed(row, count, at, handler);
	if (count == dispatcher->handlers)
		return THS_E_FULL;
	put_in(row, count, handler);
	return THS_OK;
}

enum ths_err ths_dispatcher_detach(struct ths_call *call,
				   const struct ths_dispatcher *dispatcher, uint32_t key,
				   const struct ths_handler *handler)
{
	struct ths_handler *row;
	uint32_t count, at;

	THS_TRY(check(dispatcher));
	THS_TRY(ths_row_write(call, dispatcher->table, key, &row));
	count = count_of(row, dispatcher->handlers);
	at = place_of(row, count, handler);
	if (at == count || row[at].generation != handler->generation)
		return THS_E_NOENT;
	take_out(row, count, at);
	return THS_OK;
}

enum ths_err ths_dispatcher_find(struct ths_call *call,
				 const struct ths_dispatcher *dispatcher, uint32_t key,
				 struct ths_handler *found, uint32_t *count)
{
	const struct ths_handler *row;

	THS_TRY(check(dispatcher));
	THS_TRY(ths_row_read(call, dispatcher->table, key, &row));
	*count = count_of(row, dispatcher->handlers);
	memcpy(found, row, *count * sizeof(*row));
	return THS_OK;
}

/* ---- delivery -------------------------------------------------------------------------- */

static bool is_dead(enum ths_err err)
{
	return err == THS_E_STALE || err == THS_E_UNAVAIL;
}

/* What is to stand in the row is in @seen; the row may have changed under the handlers'
 * hands. Not being allowed to write it is no error. */
static void keep_missed(struct ths_call *call, const struct ths_dispatcher *dispatcher,
			uint32_t key, const struct ths_handler *seen, uint32_t count)
{
	struct ths_handler *row;
	uint32_t now, at;

	if (ths_row_write(call, dispatcher->table, key, &row) != THS_OK)
		return;
	now = count_of(row, dispatcher->handlers);
	for (uint32_t i = 0; i < count; i++) {
		at = place_of(row, now, &seen[i]);
		if (at < now && row[at].generation == seen[i].generation)
			row[at].missed = seen[i].missed;
	}
}

/* Notes what one handler returned; true: its entry of the row is to change. */
static bool note(struct ths_delivery *report, struct ths_handler *handler,
		 enum ths_err err)
{
	uint16_t before = handler->missed;

	if (err == THS_OK)
		report->served++;
	else if (!is_dead(err))
		report->failed++;
	else if (report->dead++ == 0)
		report->lost = *handler;
	if (!is_dead(err))
		handler->missed = 0;
	else if (handler->missed < UINT16_MAX)
		handler->missed++;
	return handler->missed != before;
}

enum ths_err ths_dispatcher_deliver(struct ths_call *call,
				    const struct ths_dispatcher *dispatcher, uint32_t key,
				    ths_dispatch_fn *call_one, void *event,
				    struct ths_delivery *report)
{
	struct ths_handler seen[THS_HANDLERS_MAX];
	bool changed = false;
	uint32_t count;

	*report = (struct ths_delivery){.served = 0};
	THS_TRY(ths_dispatcher_find(call, dispatcher, key, seen, &count));
	for (uint32_t i = 0; i < count; i++) {
		enum ths_err err = call_one(call, &seen[i], event);

		if (err == THS_E_AGAIN)
			return err;
		changed |= note(report, &seen[i], err);
	}
	if (changed)
		keep_missed(call, dispatcher, key, seen, count);
	return THS_OK;
}

/*
 * dfqueue - two counts and a ring of rows.
 *
 * An item's place is its ticket modulo the ring's size. It is written again only when the
 * item that lay there is done, and whoever still asks for that one learns so from the
 * count alone; so nobody ever has to clear a place.
 */
#include <theseus/dfqueue.h>
#include <theseus/string.h>

static enum ths_err counts(struct ths_call *call, const struct ths_dfqueue *queue,
			   uint64_t *put, uint64_t *done)
{
	const struct ths_dfqueue_count *row;

	THS_TRY(ths_row_read(call, queue->put, 0, &row));
	*put = row->count;
	THS_TRY(ths_row_read(call, queue->done, 0, &row));
	*done = row->count;
	return THS_OK;
}

enum ths_err ths_dfqueue_put(struct ths_call *call, const struct ths_dfqueue *queue,
			     const void *bytes, uint32_t len, uint64_t *ticket)
{
	struct ths_dfqueue_count *row;
	struct ths_dfqueue_item *item;
	uint64_t put, done;

	if (len > THS_DFQUEUE_BYTES)
		return THS_E_SIZE;
	THS_TRY(counts(call, queue, &put, &done));
	if (put - done >= queue->items)
		return THS_E_AGAIN;
	THS_TRY(ths_row_write(call, queue->item, (uint32_t)(put % queue->items), &item));
	item->ticket = put;
	item->len = len;
	memcpy(item->bytes, bytes, len);
	THS_TRY(ths_row_write(call, queue->put, 0, &row));
	row->count = put + 1;
	*ticket = put;
	return THS_OK;
}

enum ths_err ths_dfqueue_peek(struct ths_call *call, const struct ths_dfqueue *queue,
			      void *bytes, uint32_t *len, uint64_t *ticket)
{
	const struct ths_dfqueue_item *item;
	uint64_t put, done;

	THS_TRY(counts(call, queue, &put, &done));
	if (put == done)
		return THS_E_AGAIN;
	THS_TRY(ths_row_read(call, queue->item, (uint32_t)(done % queue->items), &item));
	if (item->ticket != done || item->len > THS_DFQUEUE_BYTES)
		return THS_E_INTERNAL;
	memcpy(bytes, item->bytes, item->len);
	*len = item->len;
	*ticket = done;
	return THS_OK;
}

enum ths_err ths_dfqueue_complete(struct ths_call *call, const struct ths_dfqueue *queue,
				  uint64_t ticket)
{
	struct ths_dfqueue_count *row;
	uint64_t put, done;

	THS_TRY(counts(call, queue, &put, &done));
	if (ticket >= put)
		return THS_E_INVAL;
	if (ticket != done)
		return ticket < done ? THS_E_STALE : THS_E_INVAL;
	THS_TRY(ths_row_write(call, queue->done, 0, &row));
	row->count = done + 1;
	return THS_OK;
}

enum ths_err ths_dfqueue_wait(struct ths_call *call, const struct ths_dfqueue *queue,
			      uint64_t ticket)
{
	uint64_t put, done;

	THS_TRY(counts(call, queue, &put, &done));
	if (ticket >= put)
		return THS_E_INVAL;
	return ticket < done ? THS_OK : THS_E_AGAIN;
}

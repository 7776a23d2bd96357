/*
 * dfqueue - two counts and a ring of rows; and parcels, which the ring only names.
 *
 * An item's place is its ticket modulo the ring's size. It is written again only when the
 * item that lay there is done, and whoever still asks for that one learns so from the
 * count alone; so nobody ever has to clear a place.
 *
 * Parcel and ring vouch for each other: an entry counts only if its parcel says that this
 * is its ticket, and a parcel is queued only if the entry at its ticket names it. A ring
 * that began anew, or an entry from before a parcel was put again, so shows by itself.
 */
#include <theseus/dfqueue.h>
#include <theseus/string.h>

static enum ths_err counts(struct ths_call *call, const struct ths_dfqueue *queue,
			   uint32_t which, uint64_t *put, uint64_t *done)
{
	const struct ths_dfqueue_count *row;

	THS_TRY(ths_row_read(call, queue->put, which, &row));
	*put = row->count;
	THS_TRY(ths_row_read(call, queue->done, which, &row));
	*done = row->count;
	return THS_OK;
}

static uint32_t place_of(const struct ths_dfqueue *queue, uint32_t which, uint64_t ticket)
{
	return which * queue->items + (uint32_t)(ticket % queue->items);
}

/* A place for one more item. Until it is filled nothing has changed, and filling cannot fail:
 * so who goes on after an error finds the queue, and its parcel, as they were. */
struct place {
	struct ths_dfqueue_count *put;
	struct ths_dfqueue_item *item;
};

static enum ths_err take_place(struct ths_call *call, const struct ths_dfqueue *queue,
			       uint32_t which, uint32_t len, struct place *place)
{
	uint64_t put, done;

	if (len > queue->bytes)
		return THS_E_SIZE;
	THS_TRY(counts(call, queue, which, &put, &done));
	if (put - done >= queue->items)
		return THS_E_AGAIN;
	THS_TRY(ths_row_write(call, queue->item, place_of(queue, which, put), &place->item));
	return ths_row_write(call, queue->put, which, &place->put);
}

/* The ticket. */
static uint64_t fill(const struct place *place, const void *bytes, uint32_t len)
{
	place->item->ticket = place->put->count;
	place->item->len = len;
	memcpy(place->item + 1, bytes, len);
	return place->put->count++;
}

enum ths_err ths_dfqueue_put(struct ths_call *call, const struct ths_dfqueue *queue,
			     uint32_t which, const void *bytes, uint32_t len,
			     uint64_t *ticket)
{
	struct place place;

	THS_TRY(take_place(call, queue, which, len, &place));
	*ticket = fill(&place, bytes, len);
	return THS_OK;
}

enum ths_err ths_dfqueue_peek(struct ths_call *call, const struct ths_dfqueue *queue,
			      uint32_t which, void *bytes, uint32_t *len,
			      uint64_t *ticket)
{
	const struct ths_dfqueue_item *item;
	uint64_t put, done;

	THS_TRY(counts(call, queue, which, &put, &done));
	if (put == done)
		return THS_E_AGAIN;
	THS_TRY(ths_row_read(call, queue->item, place_of(queue, which, done), &item));
	if (item->ticket != done || item->len > queue->bytes)
		return THS_E_INTERNAL;
	memcpy(bytes, item + 1, item->len);
	*len = item->len;
	*ticket = done;
	return THS_OK;
}

enum ths_err ths_dfqueue_complete(struct ths_call *call, const struct ths_dfqueue *queue,
				  uint32_t which, uint64_t ticket)
{
	struct ths_dfqueue_count *row;
	uint64_t put, done;

	THS_TRY(counts(call, queue, which, &put, &done));
	if (ticket >= put)
		return THS_E_INVAL;
	if (ticket != done)
		return ticket < done ? THS_E_STALE : THS_E_INVAL;
	THS_TRY(ths_row_write(call, queue->done, which, &row));
	row->count = done + 1;
	return THS_OK;
}

enum ths_err ths_dfqueue_wait(struct ths_call *call, const struct ths_dfqueue *queue,
			      uint32_t which, uint64_t ticket)
{
	uint64_t put, done;

	THS_TRY(counts(call, queue, which, &put, &done));
	if (ticket >= put)
		return THS_E_INVAL;
	return ticket < done ? THS_OK : THS_E_AGAIN;
}

/* ---- parcels --------------------------------------------------------------------------- */

static enum ths_err parcel_read(struct ths_call *call, const struct ths_dfqueue *queue,
				struct ths_weak weak,
				const struct ths_dfqueue_parcel **parcel)
{
	return ths_weak_read(call, queue->parcel, weak, parcel);
}

enum ths_err ths_dfqueue_post(struct ths_call *call, const struct ths_dfqueue *queue,
			      uint32_t which, const void *bytes, uint32_t len,
			      struct ths_weak *parcel)
{
	struct ths_dfqueue_parcel *row;
	struct place place;
	uint32_t at;

	if (len > queue->parcel_len)
		return THS_E_SIZE;
	THS_TRY(take_place(call, queue, which, sizeof(*parcel), &place));
	THS_TRY(ths_row_new(call, queue->parcel, &at, &row));
	THS_TRY(ths_row_weak(call, queue->parcel, at, parcel));
	row->queue = which;
	row->len = (uint16_t)len;
	memcpy(row + 1, bytes, len);
	row->ticket = fill(&place, parcel, sizeof(*parcel));
	return THS_OK;
}

/* Whether the entry at the parcel's ticket is there, not completed, and names it. */
static enum ths_err is_queued(struct ths_call *call, const struct ths_dfqueue *queue,
			      struct ths_weak weak,
			      const struct ths_dfqueue_parcel *parcel, bool *queued)
{
	const struct ths_dfqueue_item *item;
	struct ths_weak named;
	uint64_t put, done;

	*queued = false;
	THS_TRY(counts(call, queue, parcel->queue, &put, &done));
	if (parcel->ticket < done || parcel->ticket >= put)
		return THS_OK;
	THS_TRY(ths_row_read(call, queue->item,
			     place_of(queue, parcel->queue, parcel->ticket), &item));
	memcpy(&named, item + 1, sizeof(named));
	*queued = item->ticket == parcel->ticket && named.row == weak.row &&
		  named.generation == weak.generation;
	return THS_OK;
}

enum ths_err ths_dfqueue_look(struct ths_call *call, const struct ths_dfqueue *queue,
			      struct ths_weak weak)
{
	const struct ths_dfqueue_parcel *parcel;
	bool queued;

	THS_TRY(parcel_read(call, queue, weak, &parcel));
	if (parcel->done)
		return THS_OK;
	THS_TRY(is_queued(call, queue, weak, parcel, &queued));
	return queued ? THS_E_AGAIN : THS_E_NOENT;
}

enum ths_err ths_dfqueue_repost(struct ths_call *call, const struct ths_dfqueue *queue,
				struct ths_weak weak)
{
	enum ths_err err = ths_dfqueue_look(call, queue, weak);
	struct ths_dfqueue_parcel *parcel;
	struct place place;

	if (err != THS_E_NOENT)
		return err == THS_OK || err == THS_E_AGAIN ? THS_E_EXIST : err;
	THS_TRY(ths_row_write(call, queue->parcel, weak.row, &parcel));
	THS_TRY(take_place(call, queue, parcel->queue, sizeof(weak), &place));
	parcel->ticket = fill(&place, &weak, sizeof(weak));
	return THS_OK;
}

enum ths_err ths_dfqueue_withdraw(struct ths_call *call, const struct ths_dfqueue *queue,
				  struct ths_weak weak)
{
	const struct ths_dfqueue_parcel *parcel;

	THS_TRY(parcel_read(call, queue, weak, &parcel));
	return ths_row_free(call, queue->parcel, weak.row);
}

/* The parcel that the oldest entry names; THS_E_STALE: it counts no more. */
static enum ths_err oldest(struct ths_call *call, const struct ths_dfqueue *queue,
			   uint32_t which, uint64_t *ticket, struct ths_weak *weak,
			   const struct ths_dfqueue_parcel **parcel)
{
	uint8_t bytes[sizeof(*weak)];
	uint32_t len;

	if (queue->bytes != sizeof(*weak))
		return THS_E_INVAL;
	THS_TRY(ths_dfqueue_peek(call, queue, which, bytes, &len, ticket));
	memcpy(weak, bytes, sizeof(*weak));
	THS_TRY(parcel_read(call, queue, *weak, parcel));
	return (*parcel)->done || (*parcel)->ticket != *ticket ||
			       (*parcel)->queue != which
		       ? THS_E_STALE
		       : THS_OK;
}

enum ths_err ths_dfqueue_next(struct ths_call *call, const struct ths_dfqueue *queue,
			      uint32_t which, void *bytes, uint32_t *len,
			      struct ths_weak *weak)
{
	const struct ths_dfqueue_parcel *parcel;
	bool passed = false;
	uint64_t ticket;
	enum ths_err err;

	while ((err = oldest(call, queue, which, &ticket, weak, &parcel)) == THS_E_STALE &&
	       (err = ths_dfqueue_complete(call, queue, which, ticket)) == THS_OK)
		passed = true;
	if (err && passed) { /* an error would undo it */
		*weak = (struct ths_weak){.generation = 0};
		*len = 0;
		return THS_OK;
	}
	if (err)
		return err;
	memcpy(bytes, parcel + 1, parcel->len);
	*len = parcel->len;
	return THS_OK;
}

enum ths_err ths_dfqueue_finish(struct ths_call *call, const struct ths_dfqueue *queue,
				struct ths_weak weak)
{
	const struct ths_dfqueue_parcel *seen;
	struct ths_dfqueue_parcel *parcel;
	bool queued;

	THS_TRY(parcel_read(call, queue, weak, &seen));
	if (seen->done)
		return THS_E_STALE;
	THS_TRY(is_queued(call, queue, weak, seen, &queued));
	if (!queued)
		return THS_E_INVAL;
	THS_TRY(ths_row_write(call, queue->parcel, weak.row, &parcel)); /* complete may fail yet */
	THS_TRY(ths_dfqueue_complete(call, queue, seen->queue, seen->ticket));
	parcel->done = 1;
	return THS_OK;
}

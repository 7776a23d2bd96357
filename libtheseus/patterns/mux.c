/*
 * mux - leases in rows: shares by stride, parts that do not overlap, streams by stamp.
 *
 * A pass is scaled by STRIDE and compared as a difference, so that its wrapping round does
 * no harm. A charge moves it by at most CHARGE_MAX; a lease that wants is never further
 * ahead of the level than that, so whoever seems to be has been absent while the level went
 * round, or is behind. What a division leaves over is kept: nothing drifts.
 */
#include <theseus/mux.h>
#include <theseus/string.h>

#define STRIDE     (1ull << 20)
#define CHARGE_MAX (STRIDE << 32) /* of 2^32 units by weight 1 */

static enum ths_err lease_write(struct ths_call *call, const struct ths_mux *mux,
				struct ths_weak weak, struct ths_mux_lease **lease)
{
	const struct ths_mux_lease *seen;

	THS_TRY(ths_weak_read(call, mux->lease, weak, &seen));
	return ths_row_write(call, mux->lease, weak.row, lease);
}

enum ths_err ths_mux_attach(struct ths_call *call, const struct ths_mux *mux,
			    uint32_t weight, struct ths_weak *lease)
{
	struct ths_mux_lease *row;
	uint32_t at;

	if (weight == 0 || weight > THS_MUX_WEIGHT_MAX)
		return THS_E_INVAL;
	THS_TRY(ths_row_new(call, mux->lease, &at, &row));
	row->weight = (uint16_t)weight;
	return ths_row_weak(call, mux->lease, at, lease);
}

enum ths_err ths_mux_detach(struct ths_call *call, const struct ths_mux *mux,
			    struct ths_weak lease)
{
	const struct ths_mux_lease *seen;

	THS_TRY(ths_weak_read(call, mux->lease, lease, &seen));
	return ths_row_free(call, mux->lease, lease.row);
}

/* ---- in time --------------------------------------------------------------------------- */

static enum ths_err level_of(struct ths_call *call, const struct ths_mux *mux,
			     uint64_t *level)
{
	const struct ths_mux_state *state;

	THS_TRY(ths_row_read(call, mux->state, 0, &state));
	*level = state->level;
	return THS_OK;
}

static bool is_before(uint64_t pass, uint64_t other)
{
	return (int64_t)(pass - other) < 0;
}

enum ths_err ths_mux_want(struct ths_call *call, const struct ths_mux *mux,
			  struct ths_weak lease, bool wants)
{
	struct ths_mux_lease *row;
	uint64_t level;

	THS_TRY(lease_write(call, mux, lease, &row));
	if (wants && !row->wants) {
		THS_TRY(level_of(call, mux, &level));
		if (row->pass - level > CHARGE_MAX)
			row->pass = level;
	}
	row->wants = wants;
	return THS_OK;
}

/* The wanting lease with the least pass; THS_ROW_NONE: nobody wants. */
static enum ths_err least(struct ths_call *call, const struct ths_mux *mux,
			  uint32_t *best, uint64_t *pass)
{
	const struct ths_mux_lease *row;
	uint32_t at = THS_ROW_NONE;
	enum ths_err err;

	*best = THS_ROW_NONE;
	while ((err = ths_row_next(call, mux->lease, &at)) == THS_OK) {
		THS_TRY(ths_row_read(call, mux->lease, at, &row));
		if (row->wants &&
		    (*best == THS_ROW_NONE || is_before(row->pass, *pass))) {
			*best = at;
			*pass = row->pass;
		}
	}
	return err == THS_E_NOENT ? THS_OK : err;
}

enum ths_err ths_mux_turn(struct ths_call *call, const struct ths_mux *mux,
			  struct ths_weak *lease)
{
	struct ths_mux_state *state;
	uint64_t pass = 0, level;
	uint32_t best;

	THS_TRY(least(call, mux, &best, &pass));
	if (best == THS_ROW_NONE)
		return THS_E_AGAIN;
	THS_TRY(ths_row_weak(call, mux->lease, best, lease));
	THS_TRY(level_of(call, mux, &level));
	if (is_before(level, pass)) {
		THS_TRY(ths_row_write(call, mux->state, 0, &state));
		state->level = pass;
	}
	return THS_OK;
}

enum ths_err ths_mux_charge(struct ths_call *call, const struct ths_mux *mux,
			    struct ths_weak lease, uint64_t amount)
{
	struct ths_mux_lease *row;

	if (amount >> 32)
		return THS_E_INVAL;
	THS_TRY(lease_write(call, mux, lease, &row));
	amount = amount * STRIDE + row->rest;
	row->pass += amount / row->weight;
	row->rest = (uint32_t)(amount % row->weight);
	return THS_OK;
}

/* ---- in space -------------------------------------------------------------------------- */

static bool is_empty(const struct ths_mux_part *part)
{
	return part->width == 0 || part->height == 0;
}

static bool is_within(const struct ths_mux_part *part, uint64_t width, uint64_t height)
{
	return part->width <= width && part->x <= width - part->width &&
	       part->height <= height && part->y <= height - part->height;
}

static bool overlap(const struct ths_mux_part *a, const struct ths_mux_part *b)
{
	return !is_empty(a) && !is_empty(b) && a->x < b->x + b->width &&
	       b->x < a->x + a->width && a->y < b->y + b->height &&
	       b->y < a->y + a->height;
}

/* A part of another lease than @self that overlaps with @part. THS_E_NOENT: none. */
static enum ths_err in_the_way(struct ths_call *call, const struct ths_mux *mux,
			       uint32_t self, const struct ths_mux_part *part,
			       uint32_t *which, struct ths_mux_part *obstacle)
{
	const struct ths_mux_lease *row;
	uint32_t at = THS_ROW_NONE;
	enum ths_err err;

	while ((err = ths_row_next(call, mux->lease, &at)) == THS_OK) {
		THS_TRY(ths_row_read(call, mux->lease, at, &row));
		if (at != self && overlap(&row->part, part)) {
			*obstacle = row->part;
			*which = at;
			return THS_OK;
		}
	}
	return err;
}

/* Moves @part to the right, past what is in its way. THS_E_FULL: not in this line; then
 * *@bottom is where the line may be left: the nearest lower edge of what was met. */
static enum ths_err fit_line(struct ths_call *call, const struct ths_mux *mux,
			     uint32_t self, struct ths_mux_part *part, uint64_t *bottom)
{
	struct ths_mux_part obstacle;
	enum ths_err err;
	uint32_t which;

	*bottom = UINT64_MAX;
	for (part->x = 0; is_within(part, mux->width, mux->height);
	     part->x = obstacle.x + obstacle.width) {
		err = in_the_way(call, mux, self, part, &which, &obstacle);
		if (err)
			return err == THS_E_NOENT ? THS_OK : err;
		if (obstacle.y + obstacle.height < *bottom)
			*bottom = obstacle.y + obstacle.height;
	}
	return THS_E_FULL;
}

enum ths_err ths_mux_reserve(struct ths_call *call, const struct ths_mux *mux,
			     struct ths_weak lease, struct ths_mux_part *part)
{
	struct ths_mux_lease *row;
	enum ths_err err = THS_E_FULL;
	uint64_t bottom;

	if (is_empty(part))
		return THS_E_INVAL;
	THS_TRY(lease_write(call, mux, lease, &row));
	if (!is_empty(&row->part))
		return THS_E_EXIST;
	for (part->x = part->y = 0;
	     err == THS_E_FULL && is_within(part, mux->width, mux->height);) {
		err = fit_line(call, mux, lease.row, part, &bottom);
		if (err == THS_E_FULL) {
			part->x = 0;
			part->y = bottom; /* above it nothing more can fit */
		}
	}
	if (err == THS_OK)
		row->part = *part;
	return err;
}

enum ths_err ths_mux_claim(struct ths_call *call, const struct ths_mux *mux,
			   struct ths_weak lease, const struct ths_mux_part *part)
{
	struct ths_mux_part obstacle;
	struct ths_mux_lease *row;
	enum ths_err err;
	uint32_t which;

	THS_TRY(lease_write(call, mux, lease, &row));
	if (is_empty(part)) {
		row->part = (struct ths_mux_part){.width = 0};
		return THS_OK;
	}
	if (!is_within(part, mux->width, mux->height))
		return THS_E_INVAL;
	err = in_the_way(call, mux, lease.row, part, &which, &obstacle);
	if (err == THS_E_NOENT) {
		row->part = *part;
		return THS_OK;
	}
	return err == THS_OK ? THS_E_BUSY : err;
}

enum ths_err ths_mux_place(struct ths_call *call, const struct ths_mux *mux,
			   struct ths_weak lease, struct ths_mux_part *part)
{
	const struct ths_mux_lease *row;

	THS_TRY(ths_weak_read(call, mux->lease, lease, &row));
	if (!is_within(part, row->part.width, row->part.height))
		return THS_E_PERM;
	part->x += row->part.x;
	part->y += row->part.y;
	return THS_OK;
}

enum ths_err ths_mux_owner(struct ths_call *call, const struct ths_mux *mux, uint64_t x,
			   uint64_t y, struct ths_weak *lease)
{
	const struct ths_mux_part point = {x, y, 1, 1};
	struct ths_mux_part part;
	uint32_t which;

	if (!is_within(&point, mux->width, mux->height))
		return THS_E_NOENT;
	THS_TRY(in_the_way(call, mux, THS_ROW_NONE, &point, &which, &part));
	return ths_row_weak(call, mux->lease, which, lease);
}

/* ---- merging --------------------------------------------------------------------------- */

static enum ths_err stamp_of(const struct ths_mux_merge *merge, const uint8_t *bytes,
			     uint32_t len, uint64_t *stamp)
{
	if (len < sizeof(*stamp) || merge->stamp > len - sizeof(*stamp))
		return THS_E_INVAL;
	memcpy(stamp, bytes + merge->stamp, sizeof(*stamp));
	return THS_OK;
}

enum ths_err ths_mux_merge(struct ths_call *call, const struct ths_mux_merge *merge,
			   uint32_t *which, void *bytes, uint32_t *len, uint64_t *ticket)
{
	uint32_t best = merge->sources;
	uint64_t least = 0, stamp;

	for (uint32_t i = 0; i < merge->sources; i++) {
		enum ths_err err =
			ths_dfqueue_peek(call, merge->queue, i, bytes, len, ticket);

		if (err == THS_E_AGAIN)
			continue;
		if (err)
			return err;
		THS_TRY(stamp_of(merge, bytes, *len, &stamp));
		if (best == merge->sources || stamp < least) {
			best = i;
			least = stamp;
		}
	}
	if (best == merge->sources)
		return THS_E_AGAIN;
	*which = best;
	return ths_dfqueue_peek(call, merge->queue, best, bytes, len, ticket);
}

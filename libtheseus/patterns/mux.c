/*
 * mux - leases in rows, shares by stride.
 *
 * A pass is scaled by STRIDE, which every weight up to the largest divides well enough
 * for M3; it grows by at most 2^52 a charge and is compared as a difference, so that its
 * wrapping round does no harm.
 */
#include <theseus/mux.h>

#define STRIDE (1ull << 20)

static enum ths_err lease_write(struct ths_call *call, const struct ths_mux *mux,
				struct ths_weak weak, struct ths_mux_lease **lease)
{
	const struct ths_mux_lease *seen;

	THS_TRY(ths_weak_read(call, mux->lease, weak, &seen));
	return ths_row_write(call, mux->lease, weak.row, lease);
}

static bool is_before(uint64_t pass, uint64_t other)
{
	return (int64_t)(pass - other) < 0;
}

static enum ths_err level_of(struct ths_call *call, const struct ths_mux *mux,
			     uint64_t *level)
{
	const struct ths_mux_state *state;

	THS_TRY(ths_row_read(call, mux->state, 0, &state));
	*level = state->level;
	return THS_OK;
}

enum ths_err ths_mux_attach(struct ths_call *call, const struct ths_mux *mux,
			    uint32_t weight, struct ths_weak *lease)
{
	struct ths_mux_lease *row;
	uint32_t at;

	if (weight == 0 || weight > THS_MUX_WEIGHT_MAX)
		return THS_E_INVAL;
	THS_TRY(ths_row_new(call, mux->lease, &at, &row));
	row->weight = weight;
	return ths_row_weak(call, mux->lease, at, lease);
}

enum ths_err ths_mux_detach(struct ths_call *call, const struct ths_mux *mux,
			    struct ths_weak lease)
{
	const struct ths_mux_lease *seen;

	THS_TRY(ths_weak_read(call, mux->lease, lease, &seen));
	return ths_row_free(call, mux->lease, lease.row);
}

enum ths_err ths_mux_want(struct ths_call *call, const struct ths_mux *mux,
			  struct ths_weak lease, bool wants)
{
	struct ths_mux_lease *row;
	uint64_t level;

	THS_TRY(lease_write(call, mux, lease, &row));
	if (wants && !row->wants) {
		THS_TRY(level_of(call, mux, &level));
		if (is_before(row->pass, level))
			row->pass = level;
	}
	row->wants = wants;
	return THS_OK;
}

enum ths_err ths_mux_turn(struct ths_call *call, const struct ths_mux *mux,
			  struct ths_weak *lease)
{
	uint32_t at = THS_ROW_NONE, best = THS_ROW_NONE;
	const struct ths_mux_lease *row;
	struct ths_mux_state *state;
	uint64_t pass = 0, level;
	enum ths_err err;

	while ((err = ths_row_next(call, mux->lease, &at)) == THS_OK) {
		THS_TRY(ths_row_read(call, mux->lease, at, &row));
		if (row->wants && (best == THS_ROW_NONE || is_before(row->pass, pass))) {
			best = at;
			pass = row->pass;
		}
	}
	if (err != THS_E_NOENT)
		return err;
	if (best == THS_ROW_NONE)
		return THS_E_AGAIN;
	THS_TRY(level_of(call, mux, &level));
	if (is_before(level, pass)) {
		THS_TRY(ths_row_write(call, mux->state, 0, &state));
		state->level = pass;
	}
	return ths_row_weak(call, mux->lease, best, lease);
}

enum ths_err ths_mux_charge(struct ths_call *call, const struct ths_mux *mux,
			    struct ths_weak lease, uint64_t amount)
{
	struct ths_mux_lease *row;

	if (amount >> 32)
		return THS_E_INVAL;
	THS_TRY(lease_write(call, mux, lease, &row));
	row->pass += amount * STRIDE / row->weight;
	return THS_OK;
}

/* The first place at or behind @from where @length does not meet another's part. */
static enum ths_err next_gap(struct ths_call *call, const struct ths_mux *mux,
			     uint64_t from, uint64_t length, uint64_t *gap)
{
	const struct ths_mux_lease *row;
	uint32_t at = THS_ROW_NONE;
	enum ths_err err;

	while ((err = ths_row_next(call, mux->lease, &at)) == THS_OK) {
		THS_TRY(ths_row_read(call, mux->lease, at, &row));
		if (row->length && from < row->at + row->length &&
		    row->at < from + length) {
			from = row->at + row->length;
			at = THS_ROW_NONE; /* others may be in the way of this one */
		}
	}
	*gap = from;
	return err == THS_E_NOENT ? THS_OK : err;
}

enum ths_err ths_mux_reserve(struct ths_call *call, const struct ths_mux *mux,
			     struct ths_weak lease, uint64_t length, uint64_t *at)
{
	struct ths_mux_lease *row;
	uint64_t gap;

	if (length == 0)
		return THS_E_INVAL;
	THS_TRY(lease_write(call, mux, lease, &row));
	if (row->length)
		return THS_E_EXIST;
	if (length > mux->extent)
		return THS_E_FULL;
	THS_TRY(next_gap(call, mux, 0, length, &gap));
	if (gap > mux->extent - length)
		return THS_E_FULL;
	row->at = gap;
	row->length = length;
	*at = gap;
	return THS_OK;
}

enum ths_err ths_mux_place(struct ths_call *call, const struct ths_mux *mux,
			   struct ths_weak lease, uint64_t offset, uint64_t length,
			   uint64_t *place)
{
	const struct ths_mux_lease *row;

	THS_TRY(ths_weak_read(call, mux->lease, lease, &row));
	if (offset > row->length || length > row->length - offset)
		return THS_E_PERM;
	*place = row->at + offset;
	return THS_OK;
}

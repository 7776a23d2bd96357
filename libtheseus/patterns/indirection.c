/*
 * indirection - providers in order, behind one name.
 *
 * The order of the entries in the row is the order of the calls (I1); priorities matter
 * only to where an entry is put. After a call that had to look its provider up, the row
 * is told where it was found, if it may be written now: that is all there is of caching.
 */
#include <theseus/indirection.h>
#include <theseus/string.h>

static unsigned used(const struct ths_indirection *row)
{
	unsigned n = 0;

	while (n < THS_PROVIDERS_MAX && row->provider[n].used)
		n++;
	return n;
}

static unsigned place_of(const struct ths_indirection *row, const char *instance)
{
	unsigned n = used(row), at = 0;

	while (at < n && !ths_streq(row->provider[at].instance, instance))
		at++;
	return at;
}

/* Opens a gap at @at; the last entry is unused. */
static void open_gap(struct ths_indirection *row, unsigned at)
{
	for (unsigned i = THS_PROVIDERS_MAX - 1; i > at; i--)
		row->provider[i] = row->provider[i - 1];
}

static void close_gap(struct ths_indirection *row, unsigned at)
{
	for (; at + 1 < THS_PROVIDERS_MAX; at++)
		row->provider[at] = row->provider[at + 1];
	row->provider[THS_PROVIDERS_MAX - 1] = (struct ths_provider){.used = 0};
}

enum ths_err ths_indirection_add(struct ths_call *call, unsigned table, uint32_t point,
				 const char *instance, uint32_t priority)
{
	struct ths_provider fresh = {.priority = priority, .used = 1};
	struct ths_indirection *row;
	unsigned n, at = 0;

	THS_TRY(ths_str_copy(fresh.instance, sizeof fresh.instance, instance));
	THS_TRY(ths_row_write(call, table, point, &row));
	n = used(row);
	if (place_of(row, instance) < n)
		return THS_E_EXIST;
	if (n == THS_PROVIDERS_MAX)
		return THS_E_FULL;
	while (at < n && row->provider[at].priority >= priority)
		at++;
	open_gap(row, at);
	row->provider[at] = fresh;
	return THS_OK;
}

enum ths_err ths_indirection_remove(struct ths_call *call, unsigned table, uint32_t point,
				    const char *instance)
{
	struct ths_indirection *row;
	unsigned at;

	THS_TRY(ths_row_write(call, table, point, &row));
	at = place_of(row, instance);
	if (at == used(row))
		return THS_E_NOENT;
	close_gap(row, at);
	return THS_OK;
}

enum ths_err ths_indirection_prefer(struct ths_call *call, unsigned table, uint32_t point,
				    const char *instance)
{
	struct ths_indirection *row;
	struct ths_provider moved;
	unsigned at;

	THS_TRY(ths_row_write(call, table, point, &row));
	at = place_of(row, instance);
	if (at == used(row))
		return THS_E_NOENT;
	moved = row->provider[at];
	close_gap(row, at);
	/* As high as the highest, so that who is added later does not come before it. */
	if (row->provider[0].used && row->provider[0].priority > moved.priority)
		moved.priority = row->provider[0].priority;
	open_gap(row, 0);
	row->provider[0] = moved;
	return THS_OK;
}

/* What is to be called: an operation with its arguments, or the present call again. */
struct target {
	const struct ths_iface *iface;
	bool forward;
	uint32_t op;
	void *args;
	struct ths_blob *blob;
};

/* Tells the row where its provider was found (I4): not being allowed to is no error. */
static void keep_hint(struct ths_call *call, unsigned table, uint32_t point, unsigned at,
		      const struct ths_ref *ref)
{
	struct ths_indirection *row;

	if (ths_row_write(call, table, point, &row) != THS_OK)
		return;
	row->provider[at].binding = ref->binding;
	row->provider[at].generation = ref->generation;
}

static enum ths_err call_from(struct ths_call *call, unsigned table, uint32_t point,
			      unsigned at, const struct target *target)
{
	const struct ths_indirection *row;
	enum ths_err err = THS_E_UNAVAIL;

	THS_TRY(ths_row_read(call, table, point, &row));
	for (; at < THS_PROVIDERS_MAX && row->provider[at].used; at++) {
		const struct ths_provider *provider = &row->provider[at];
		struct ths_ref ref = {target->iface, provider->instance,
				      provider->binding,
				      provider->generation ? provider->generation : 1, 0};

		err = target->forward
			      ? ths_forward(call, &ref)
			      : ths_gate(&ref, target->op, target->args, target->blob);
		if (err == THS_E_UNAVAIL)
			continue;
		if (err == THS_OK && ref.generation != provider->generation)
			keep_hint(call, table, point, at, &ref);
		break;
	}
	return err;
}

enum ths_err ths_indirection_call(struct ths_call *call, unsigned table, uint32_t point,
				  const struct ths_iface *iface, uint32_t op, void *args,
				  struct ths_blob *blob)
{
	struct target target = {iface, false, op, args, blob};

	return call_from(call, table, point, 0, &target);
}

enum ths_err ths_indirection_forward(struct ths_call *call, unsigned table,
				     uint32_t point, const struct ths_iface *iface)
{
	struct target target = {.iface = iface, .forward = true};

	return call_from(call, table, point, 0, &target);
}

enum ths_err ths_indirection_next(struct ths_call *call, unsigned table, uint32_t point,
				  const struct ths_iface *iface, const char *self)
{
	struct target target = {.iface = iface, .forward = true};
	const struct ths_indirection *row;
	unsigned at;

	THS_TRY(ths_row_read(call, table, point, &row));
	at = place_of(row, self);
	if (at == used(row))
		return THS_E_NOENT;
	return call_from(call, table, point, at + 1, &target);
}

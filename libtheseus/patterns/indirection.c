/*
 * indirection - providers in order, behind one name.
 *
 * A row is an array of providers, the used ones first. The order of the entries is the
 * order of the calls (I1); priorities matter only to where an entry is put. After a call
 * that had to look its provider up, or met one that broke, the row is told, if it may be
 * written now: that is all there is of caching.
 */
#include <theseus/indirection.h>
#include <theseus/string.h>

static enum ths_err check(const struct ths_indirection *layer)
{
	return layer->providers - 1 < THS_PROVIDERS_MAX ? THS_OK : THS_E_INVAL;
}

static uint32_t count_of(const struct ths_provider *row, uint32_t max)
{
	uint32_t n = 0;

	while (n < max && row[n].used)
		n++;
	return n;
}

static uint32_t place_of(const struct ths_provider *row, uint32_t count,
			 const char *instance)
{
	uint32_t at = 0;

	while (at < count && !ths_streq(row[at].instance, instance))
		at++;
	return at;
}

static void put_in(struct ths_provider *row, uint32_t count, uint32_t at,
		   const struct ths_provider *provider)
{
	memmove(&row[at + 1], &row[at], (count - at) * sizeof(*row));
	row[at] = *provider;
}

static void take_out(struct ths_provider *row, uint32_t count, uint32_t at)
{
	memmove(&row[at], &row[at + 1], (count - at - 1) * sizeof(*row));
	row[count - 1] = (struct ths_provider){.used = 0};
}

enum ths_err ths_indirection_add(struct ths_call *call,
				 const struct ths_indirection *layer, uint32_t point,
				 const char *instance, uint32_t priority)
{
	struct ths_provider fresh = {.priority = priority, .used = 1};
	struct ths_provider *row;
	uint32_t count, at;

	THS_TRY(check(layer));
	THS_TRY(ths_str_copy(fresh.instance, sizeof fresh.instance, instance));
	THS_TRY(ths_row_write(call, layer->table, point, &row));
	count = count_of(row, layer->providers);
	if (place_of(row, count, instance) < count)
		return THS_E_EXIST;
	if (count == layer->providers)
		return THS_E_FULL;
	for (at = 0; at < count && row[at].priority >= priority;)
		at++;
	put_in(row, count, at, &fresh);
	return THS_OK;
}

/* The row, to be written, and where in it @instance is. */
static enum ths_err place_in(struct ths_call *call, const struct ths_indirection *layer,
			     uint32_t point, const char *instance,
			     struct ths_provider **row, uint32_t *count, uint32_t *at)
{
	THS_TRY(check(layer));
	THS_TRY(ths_row_write(call, layer->table, point, row));
	*count = count_of(*row, layer->providers);
	*at = place_of(*row, *count, instance);
	return *at < *count ? THS_OK : THS_E_NOENT;
}

enum ths_err ths_indirection_remove(struct ths_call *call,
				    const struct ths_indirection *layer, uint32_t point,
				    const char *instance)
{
	struct ths_provider *row;
	uint32_t count, at;

	THS_TRY(place_in(call, layer, point, instance, &row, &count, &at));
	take_out(row, count, at);
	return THS_OK;
}

enum ths_err ths_indirection_prefer(struct ths_call *call,
				    const struct ths_indirection *layer, uint32_t point,
				    const char *instance)
{
	struct ths_provider *row, moved;
	uint32_t count, at;

	THS_TRY(place_in(call, layer, point, instance, &row, &count, &at));
	moved = row[at];
	/* As high as the highest, so that who is added later does not come before it. */
	if (row[0].priority > moved.priority)
		moved.priority = row[0].priority;
	take_out(row, count, at);
	put_in(row, count - 1, 0, &moved);
	return THS_OK;
}

enum ths_err ths_indirection_find(struct ths_call *call,
				  const struct ths_indirection *layer, uint32_t point,
				  uint32_t at, struct ths_provider *provider)
{
	const struct ths_provider *row;

	THS_TRY(check(layer));
	THS_TRY(ths_row_read(call, layer->table, point, &row));
	if (at >= count_of(row, layer->providers))
		return THS_E_NOENT;
	*provider = row[at];
	return THS_OK;
}

/* ---- calls ------------------------------------------------------------------------------ */

/* What is to be called: an operation with its arguments, or the present call again. */
struct target {
	const struct ths_iface *iface;
	bool forward;
	uint32_t op;
	void *args;
	struct ths_blob *blob;
};

static bool is_fault(enum ths_err err)
{
	return (err <= THS_E_FAULT && err >= THS_E_OPCODE) || err == THS_E_INTERNAL;
}

static enum ths_err call_one(struct ths_call *call, const struct target *target,
			     struct ths_ref *ref)
{
	return target->forward ? ths_forward(call, ref)
			       : ths_gate(ref, target->op, target->args, target->blob);
}

/* Tells the row who broke, and where @name, which is at @at, was found (I4): not being
 * allowed to is no error. Whoever was called may have changed the order: then it is told
 * nothing, for a hint beside the wrong name would be no hint. */
static void tell_row(struct ths_call *call, const struct ths_indirection *layer,
		     uint32_t point, uint64_t broke, uint32_t at, const char *name,
		     const struct ths_ref *ref)
{
	struct ths_provider *row;

	if (ths_row_write(call, layer->table, point, &row) != THS_OK ||
	    !ths_streq(row[at].instance, name))
		return;
	for (; broke; broke &= broke - 1) {
		uint32_t i = (uint32_t)__builtin_ctzll(broke);

		row[i].faults += row[i].faults < UINT16_MAX;
	}
	row[at].binding = ref->binding;
	row[at].generation = ref->generation;
}

/* The first from @at on that answers (I1, I2). A provider that did not answer has changed
 * nothing, so the row is still as it was read when the next one is called. */
static enum ths_err call_from(struct ths_call *call, const struct ths_indirection *layer,
			      uint32_t point, const struct ths_provider *row, uint32_t at,
			      const struct target *target)
{
	uint32_t count = count_of(row, layer->providers);
	enum ths_err last = THS_E_UNAVAIL;
	char name[THS_NAME_MAX];
	uint64_t broke = 0;

	_Static_assert(THS_PROVIDERS_MAX == 64, "a bit of @broke each");
	for (; at < count; at++) {
		const struct ths_provider *it = &row[at];
		bool tell = broke || it->generation == 0;
		struct ths_ref ref = {target->iface, it->instance, it->binding,
				      it->generation ? it->generation : 1, 0};
		enum ths_err err;

		if (tell)
			memcpy(name, it->instance, sizeof name);
		err = call_one(call, target, &ref);
		if (is_fault(err)) {
			last = err;
			broke |= 1ull << at;
		} else if (err != THS_E_UNAVAIL) {
			if (err == THS_OK && tell)
				tell_row(call, layer, point, broke, at, name, &ref);
			return err;
		}
	}
	return last;
}

static enum ths_err call_first(struct ths_call *call, const struct ths_indirection *layer,
			       uint32_t point, const struct target *target)
{
	const struct ths_provider *row;

	THS_TRY(check(layer));
	THS_TRY(ths_row_read(call, layer->table, point, &row));
	return call_from(call, layer, point, row, 0, target);
}

enum ths_err ths_indirection_call(struct ths_call *call,
				  const struct ths_indirection *layer, uint32_t point,
				  const struct ths_iface *iface, uint32_t op, void *args,
				  struct ths_blob *blob)
{
	struct target target = {iface, false, op, args, blob};

	return call_first(call, layer, point, &target);
}

enum ths_err ths_indirection_forward(struct ths_call *call,
				     const struct ths_indirection *layer, uint32_t point,
				     const struct ths_iface *iface)
{
	struct target target = {.iface = iface, .forward = true};

	return call_first(call, layer, point, &target);
}

enum ths_err ths_indirection_next(struct ths_call *call,
				  const struct ths_indirection *layer, uint32_t point,
				  const struct ths_iface *iface, const char *self)
{
	struct target target = {.iface = iface, .forward = true};
	const struct ths_provider *row;
	uint32_t count, at;

	THS_TRY(check(layer));
	THS_TRY(ths_row_read(call, layer->table, point, &row));
	count = count_of(row, layer->providers);
	at = place_of(row, count, self);
	return at < count ? call_from(call, layer, point, row, at + 1, &target)
			  : THS_E_NOENT;
}

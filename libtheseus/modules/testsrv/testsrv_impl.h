/*
 * testsrv_impl - the test server, of which two versions are built from this one source.
 *
 * TESTSRV_VERSION says which. Both serve the same; they differ in the version they answer
 * with, and in the row of a counter: version 2 counts the additions, too. Each can take
 * over from the other, row by row.
 *
 * Invariants
 *   V1  Whatever is remembered is a row or the client's blob; so a client cannot tell
 *       from the numbers it gets, apart from the version, which build answered.
 *   V2  A reply's version is that of the code that computed it.
 */
#include <theseus/iface/testsrv.h>
#include <theseus/module.h>
#include "testsrv_fault.h"

#define COUNTERS 32u
#define JOINTS   1024u
#define BOXES    16u
#define ITEMS    131072u
#define FILL_MAX 32u /* rows a fill makes at most: what a transaction holds */
#define READ_MAX 32u
#define WEAK_MAX 1000u

enum { COUNTER, JOINT, BOX, ITEM };
enum { SESSION };
enum { SELF };

struct counter_v1 { /* "testsrv.counter/1": 64 bytes, what the bench asks for */
	uint64_t value;
	uint64_t spare[7];
};
struct counter_v2 { /* "testsrv.counter/2" */
	uint64_t value;
	uint32_t adds;
	uint32_t reserved;
	uint64_t spare[7];
};
struct testsrv_owners { /* "testsrv.joint/1" */
	uint64_t key;
	uint64_t joined;
};
struct testsrv_box { /* "testsrv.box/1" */
	uint32_t full;
	uint32_t byte;
};
struct testsrv_item { /* "testsrv.item/1" */
	uint64_t key;
	uint64_t value;
};
struct testsrv_session { /* blob "session/1" */
	uint64_t count;
};

#if TESTSRV_VERSION == 1
typedef struct counter_v1 counter_row;
#define COUNTER_SCHEMA "testsrv.counter/1"
#else
typedef struct counter_v2 counter_row;
#define COUNTER_SCHEMA "testsrv.counter/2"
#endif

static enum ths_err add_to(struct ths_call *call, uint32_t row, uint64_t amount,
			   uint64_t *value)
{
	counter_row *counter;

	THS_TRY(ths_row_write(call, COUNTER, row, &counter));
	counter->value += amount;
#if TESTSRV_VERSION >= 2
	counter->adds++;
#endif
	*value = counter->value;
	return THS_OK;
}

static enum ths_err srv_null(struct ths_call *call, struct testsrv_null *arg)
{
	(void)call;
	(void)arg;
	return THS_OK;
}

static enum ths_err srv_count(struct ths_call *call, struct testsrv_count *arg)
{
	struct testsrv_session *session;
	void *body;
	bool fresh;

	THS_TRY(ths_blob_body(call, SESSION, &body, &fresh));
	session = body;
	arg->value = ++session->count;
	arg->version = TESTSRV_VERSION;
	return THS_OK;
}

static enum ths_err srv_add(struct ths_call *call, struct testsrv_add *arg)
{
	arg->version = TESTSRV_VERSION;
	return add_to(call, arg->row, arg->amount, &arg->value);
}

static enum ths_err srv_read(struct ths_call *call, struct testsrv_read *arg)
{
	const counter_row *counter;

	if (arg->rows > READ_MAX)
		return THS_E_INVAL;
	arg->sum = 0;
	for (uint32_t i = 0; i < arg->rows; i++) {
		THS_TRY(ths_row_read(call, COUNTER, arg->row + i, &counter));
		arg->sum += counter->value;
	}
	return THS_OK;
}

static enum ths_err srv_join(struct ths_call *call, struct testsrv_joint *arg)
{
	const struct testsrv_owners *seen;
	struct testsrv_owners *owners;
	uint32_t at;
	enum ths_err err;

	if (arg->key == 0)
		return THS_E_INVAL;
	err = ths_row_find(call, JOINT, arg->key, &at, &seen);
	if (err == THS_E_NOENT) { /* who makes a joint row owns it */
		THS_TRY(ths_row_new_keyed(call, JOINT, arg->key, &at, &owners));
	} else {
		THS_TRY(err);
		THS_TRY(ths_row_write(call, JOINT, at, &owners));
		THS_TRY(ths_row_share(call, JOINT, at));
	}
	arg->value = ++owners->joined;
	return ths_row_weak(call, JOINT, at, &arg->weak);
}

static enum ths_err srv_leave(struct ths_call *call, struct testsrv_joint *arg)
{
	const struct testsrv_owners *owners;
	uint32_t at;

	THS_TRY(ths_row_find(call, JOINT, arg->key, &at, &owners));
	arg->value = owners->joined;
	return ths_row_unshare(call, JOINT, at);
}

static enum ths_err srv_weak(struct ths_call *call, struct testsrv_weak *arg)
{
	const struct testsrv_owners *owners;

	if (arg->rounds == 0 || arg->rounds > WEAK_MAX)
		return THS_E_INVAL;
	for (uint64_t i = 0; i < arg->rounds; i++) {
		THS_TRY(ths_weak_read(call, JOINT, arg->weak, &owners));
		arg->value = owners->joined;
	}
	return THS_OK;
}

static enum ths_err srv_post(struct ths_call *call, struct testsrv_post *arg)
{
	struct testsrv_box *box;

	THS_TRY(ths_row_write(call, BOX, arg->box, &box));
	if (box->full)
		return THS_E_AGAIN;
	*box = (struct testsrv_box){1, arg->byte};
	arg->version = TESTSRV_VERSION;
	return THS_OK;
}

static enum ths_err srv_fetch(struct ths_call *call, struct testsrv_post *arg)
{
	struct testsrv_box *box;

	THS_TRY(ths_row_write(call, BOX, arg->box, &box));
	if (!box->full)
		return THS_E_AGAIN;
	arg->byte = box->byte;
	*box = (struct testsrv_box){0, 0};
	arg->version = TESTSRV_VERSION;
	return THS_OK;
}

static enum ths_err srv_fill(struct ths_call *call, struct testsrv_lookup *arg)
{
	uint64_t wanted = arg->value < FILL_MAX ? arg->value : FILL_MAX;
	struct testsrv_item *item;
	uint32_t at;

	if (arg->key == 0 || wanted == 0)
		return THS_E_INVAL;
	for (uint64_t i = 0; i < wanted; i++) {
		THS_TRY(ths_row_new_keyed(call, ITEM, arg->key + i, &at, &item));
		item->value = ~(arg->key + i);
	}
	arg->value = wanted;
	return THS_OK;
}

static enum ths_err srv_lookup(struct ths_call *call, struct testsrv_lookup *arg)
{
	const struct testsrv_item *item;
	uint32_t at;

	THS_TRY(ths_row_find(call, ITEM, arg->key, &at, &item));
	arg->value = item->value;
	return THS_OK;
}

/* The fault happens in a call nested in this one, by way of the interface. */
static enum ths_err fault_nested(struct ths_call *call, struct testsrv_fault *arg)
{
	struct testsrv_fault inner = {.kind = TESTSRV_MIDWAY, .row = arg->row};
	uint64_t value;

	THS_TRY(add_to(call, arg->row, 1, &value));
	arg->seen = (uint64_t)(int64_t)testsrv_fault(ths_use(call, SELF), &inner);
	return THS_OK;
}

static enum ths_err srv_fault(struct ths_call *call, struct testsrv_fault *arg)
{
	uint64_t value;

	if (arg->kind >= TESTSRV_KINDS)
		return THS_E_INVAL;
	if (arg->kind == TESTSRV_NESTED)
		return fault_nested(call, arg);
	THS_TRY(add_to(call, arg->row, 1, &value));
	if (arg->kind == TESTSRV_MIDWAY)
		return testsrv_break(TESTSRV_NULL);
	THS_TRY(add_to(call, arg->row + 1, 1, &value));
	return testsrv_break((enum testsrv_fault_kind)arg->kind);
}

static enum ths_err counter_up(const void *old_row, void *new_row)
{
	const struct counter_v1 *from = old_row;
	struct counter_v2 *to = new_row;

	to->value = from->value;
	for (unsigned i = 0; i < THS_ARRAY_SIZE(to->spare); i++)
		to->spare[i] = from->spare[i];
	return THS_OK;
}

static enum ths_err counter_down(const void *old_row, void *new_row)
{
	const struct counter_v2 *from = old_row;
	struct counter_v1 *to = new_row;

	to->value = from->value;
	for (unsigned i = 0; i < THS_ARRAY_SIZE(to->spare); i++)
		to->spare[i] = from->spare[i];
	return THS_OK;
}

/* What comes after them is added to the descriptor. */
#define TESTSRV_MODULE(token, id, ...)                                                   \
	THS_MODULE(                                                                      \
		token, id, TESTSRV_VERSION, 0,                                           \
		THS_PROVIDES(testsrv, .null = srv_null, .count = srv_count,              \
			     .add = srv_add, .join = srv_join, .leave = srv_leave,       \
			     .post = srv_post, .fetch = srv_fetch, .fault = srv_fault,   \
			     .read = srv_read, .fill = srv_fill, .lookup = srv_lookup,   \
			     .weak = srv_weak),                                          \
		THS_USES_OPTIONAL(SELF, testsrv),                                        \
		THS_TABLE(COUNTER, COUNTER_SCHEMA, counter_row, .rows = COUNTERS,        \
			  .flags = THS_FIXED | THS_PERSIST),                             \
		THS_TABLE(JOINT, "testsrv.joint/1", struct testsrv_owners,               \
			  .rows = JOINTS, .flags = THS_JOINT | THS_KEYED),               \
		THS_TABLE(BOX, "testsrv.box/1", struct testsrv_box, .rows = BOXES,       \
			  .flags = THS_FIXED),                                           \
		THS_TABLE(ITEM, "testsrv.item/1", struct testsrv_item, .rows = ITEMS,    \
			  .flags = THS_KEYED),                                           \
		THS_BLOB(SESSION, "session/1", struct testsrv_session),                  \
		THS_MIGRATE(0, "testsrv.counter/1", "testsrv.counter/2", counter_up,     \
			    counter_down),                                               \
		THS_MIGRATE(1, "testsrv.counter/2", "testsrv.counter/1", counter_down,   \
			    counter_up) __VA_OPT__(, ) __VA_ARGS__)

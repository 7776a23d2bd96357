/*
 * dispatcher - beside a model that keeps the handlers in a sorted list. Handlers die, come
 * back, fail and wait; calls are spoilt and met by swaps (pattern.h).
 */
#include <string.h>
#include <theseus/dispatcher.h>
#include "pattern.h"

#define KEYS 3u
#define WHOS 40u

enum { ONE, FEW, MANY, NARROW, TRACE, SHAPES = 3 };
/* Who was called with what, by this delivery. */
struct trace {
	uint32_t count;
	uint32_t who[THS_HANDLERS_MAX + 1];
};
struct row_of_one {
	struct ths_handler handler[1];
};
struct row_of_few {
	struct ths_handler handler[5];
};
struct row_of_many {
	struct ths_handler handler[THS_HANDLERS_MAX];
};
static const struct ths_dispatcher shapes[SHAPES] = {
	{ONE, 1}, {FEW, 5}, {MANY, THS_HANDLERS_MAX}};

#define ROWS .rows = KEYS, .flags = THS_FIXED
#define EVENT_MODULE(token_, id_)                                                        \
	THS_MODULE(token_, id_, 1, 0, PATTERN_SERVER,                                    \
		   THS_TABLE(ONE, "event.one/1", struct row_of_one, ROWS),               \
		   THS_TABLE(FEW, "event.few/1", struct row_of_few, ROWS),               \
		   THS_TABLE(MANY, "event.many/1", struct row_of_many, ROWS),            \
		   THS_TABLE(NARROW, "event.narrow/1", struct row_of_few, .rows = KEYS,  \
			     .flags = THS_FIXED | THS_HARDWARE),                         \
		   THS_TABLE(TRACE, "event.trace/1", struct trace))
EVENT_MODULE(event_one, "event.one");
EVENT_MODULE(event_two, "event.two");

static struct ths_dispatcher shape; /* the parameters of the test that runs */
/* What becomes of a call of each handler, by who it is. */
static enum ths_err fate[WHOS];

static void setup(void)
{
	pattern_start(&ths_module_event_one, &ths_module_event_two);
	shape = shapes[1];
	memset(fate, 0, sizeof fate);
}

/* ---- the pattern's functions, one call each --------------------------------------------- */

struct asked {
	uint32_t key, count;
	struct ths_handler handler, found[THS_HANDLERS_MAX];
	struct ths_delivery report;
	struct trace trace;
};

static enum ths_err attach_fn(struct ths_call *call, void *ctx)
{
	struct asked *asked = ctx;

	return ths_dispatcher_attach(call, &shape, asked->key, &asked->handler);
}

static enum ths_err detach_fn(struct ths_call *call, void *ctx)
{
	struct asked *asked = ctx;

	return ths_dispatcher_detach(call, &shape, asked->key, &asked->handler);
}

static enum ths_err find_fn(struct ths_call *call, void *ctx)
{
	struct asked *asked = ctx;

	return ths_dispatcher_find(call, &shape, asked->key, asked->found, &asked->count);
}

/* Leaves its trace in a row, as a handler does: where it fails, that must be undone. */
static enum ths_err call_one(struct ths_call *call, const struct ths_handler *handler,
			     void *event)
{
	struct trace *trace;

	(void)event;
	if (fate[handler->who])
		return fate[handler->who];
	THS_TRY(ths_row_write(call, TRACE, 0, &trace));
	trace->who[trace->count++] = handler->who;
	return THS_OK;
}

static enum ths_err deliver_fn(struct ths_call *call, void *ctx)
{
	struct asked *asked = ctx;
	const struct trace *trace;
	struct trace *fresh;

	THS_TRY(ths_row_write(call, TRACE, 0, &fresh));
	*fresh = (struct trace){.count = 0};
	THS_TRY(ths_dispatcher_deliver(call, &shape, asked->key, call_one, asked,
				       &asked->report));
	THS_TRY(ths_row_read(call, TRACE, 0, &trace));
	asked->trace = *trace;
	return THS_OK;
}

static enum ths_err trace_fn(struct ths_call *call, void *ctx)
{
	const struct trace *trace;

	THS_TRY(ths_row_read(call, TRACE, 0, &trace));
	((struct asked *)ctx)->trace = *trace;
	return THS_OK;
}

/* Attached, called in vain, found, detached; each with whatever it needs missing. */
START_TEST(whatever_runs_out_nothing_is_half_done)
{
	static script_fn *const life[] = {attach_fn, find_fn, deliver_fn, detach_fn};
	struct asked asked = {.key = 1, .handler = {.who = 3, .generation = 1}};

	fate[3] = THS_E_STALE;
	for (unsigned i = 0; i < THS_ARRAY_SIZE(life); i++)
		ck_assert_int_eq(pattern_short(pattern_shortages[_i], life[i], &asked,
					       offsetof(struct asked, found)),
				 THS_OK);
	ck_assert_uint_eq(asked.report.dead, 1);
	ck_assert_int_eq(script_by(&pattern_ref, find_fn, &asked), THS_OK);
	ck_assert_uint_eq(asked.count, 0);
	shape.table = THS_TABLES_MAX; /* there is none of that number */
	for (unsigned i = 0; i < THS_ARRAY_SIZE(life); i++)
		if (life[i] != deliver_fn)
			ck_assert_int_eq(script_by(&pattern_ref, life[i], &asked), THS_E_INVAL);
}
END_TEST

static enum ths_err attach(uint32_t key, uint32_t who, uint32_t generation,
			   uint8_t priority)
{
	struct asked asked = {
		.key = key,
		.handler = {.who = who, .generation = generation, .priority = priority}};

	return pattern_call(attach_fn, &asked);
}

static struct asked deliver(uint32_t key)
{
	struct asked asked = {.key = key};

	ck_assert_int_eq(pattern_call(deliver_fn, &asked), THS_OK);
	return asked;
}

/* ---- the model ---------------------------------------------------------------------------- */

static struct ths_handler model[KEYS][THS_HANDLERS_MAX + 1];
static unsigned count[KEYS];

static unsigned model_place(unsigned key, const struct ths_handler *handler)
{
	unsigned at = 0;

	while (at < count[key] && (model[key][at].who != handler->who ||
				   model[key][at].what != handler->what))
		at++;
	return at;
}

static void model_take_out(unsigned key, unsigned at)
{
	memmove(&model[key][at], &model[key][at + 1],
		(--count[key] - at) * sizeof(struct ths_handler));
}

static void model_put_in(unsigned key, struct ths_handler handler)
{
	unsigned at = 0;

	handler.missed = 0;
	while (at < count[key] && model[key][at].priority >= handler.priority)
		at++;
	memmove(&model[key][at + 1], &model[key][at],
		(count[key]++ - at) * sizeof(struct ths_handler));
	model[key][at] = handler;
}

static enum ths_err model_attach(unsigned key, const struct ths_handler *handler)
{
	unsigned at = model_place(key, handler);

	if (at == count[key]) {
		if (count[key] == shape.handlers)
			return THS_E_FULL;
		model_put_in(key, *handler);
		return THS_OK;
	}
	if (model[key][at].generation == handler->generation)
		return THS_E_EXIST;
	if (model[key][at].generation > handler->generation)
		return THS_E_STALE;
	if (model[key][at].priority == handler->priority) {
		model[key][at].generation = handler->generation;
		model[key][at].missed = 0;
	} else {
		model_take_out(key, at);
		model_put_in(key, *handler);
	}
	return THS_OK;
}

static void compare_row(unsigned key)
{
	struct asked asked = {.key = key};

	ck_assert_int_eq(pattern_call(find_fn, &asked), THS_OK);
	ck_assert_uint_eq(asked.count, count[key]);
	for (unsigned i = 0; i < count[key]; i++) {
		ck_assert_uint_eq(asked.found[i].who, model[key][i].who);
		ck_assert_uint_eq(asked.found[i].what, model[key][i].what);
		ck_assert_uint_eq(asked.found[i].generation, model[key][i].generation);
		ck_assert_uint_eq(asked.found[i].priority, model[key][i].priority);
		ck_assert_uint_eq(asked.found[i].missed, model[key][i].missed);
	}
}

static void deliver_beside_model(unsigned key)
{
	unsigned served = 0, dead = 0, failed = 0;
	struct asked asked = deliver(key);

	for (unsigned i = 0; i < count[key]; i++) {
		struct ths_handler *handler = &model[key][i];
		enum ths_err err = fate[handler->who];

		if (err == THS_E_STALE || err == THS_E_UNAVAIL) {
			if (dead++ == 0)
				ck_assert_uint_eq(asked.report.lost.who, handler->who);
			handler->missed++;
			continue;
		}
		handler->missed = 0;
		if (err)
			failed++;
		else
			ck_assert_uint_eq(asked.trace.who[served++], handler->who);
	}
	ck_assert_uint_eq(asked.trace.count, served);
	ck_assert_uint_eq(asked.report.served, served);
	ck_assert_uint_eq(asked.report.dead, dead);
	ck_assert_uint_eq(asked.report.failed, failed);
}

START_TEST(it_does_what_the_model_does)
{
	static const enum ths_err fates[] = {THS_OK, THS_OK, THS_E_STALE, THS_E_UNAVAIL,
					     THS_E_IO};

	shape = shapes[_i];
	memset(count, 0, sizeof count);
	for (unsigned step = 0; step < 1500; step++) {
		struct asked asked = {
			.key = (uint32_t)dice(KEYS),
			.handler = {.who = (uint32_t)dice(WHOS),
				    .what = (uint32_t)dice(2),
				    .generation = (uint32_t)(1 + dice(3) + step / 100),
				    .priority = (uint8_t)(dice(3) * 100)}};
		unsigned at = model_place(asked.key, &asked.handler);

		switch (dice(5)) {
		case 0:
		case 1:
			ck_assert_int_eq(pattern_call(attach_fn, &asked),
					 model_attach(asked.key, &asked.handler));
			break;
		case 2:
			if (count[asked.key] && dice(2)) { /* one that is there */
				at = (unsigned)dice(count[asked.key]);
				asked.handler = model[asked.key][at];
			}
			if (at < count[asked.key] &&
			    model[asked.key][at].generation == asked.handler.generation) {
				ck_assert_int_eq(pattern_call(detach_fn, &asked), THS_OK);
				model_take_out(asked.key, at);
			} else {
				ck_assert_int_eq(pattern_call(detach_fn, &asked),
						 THS_E_NOENT);
			}
			break;
		case 3:
			fate[asked.handler.who] = fates[dice(THS_ARRAY_SIZE(fates))];
			break;
		default:
			deliver_beside_model(asked.key);
		}
		compare_row(asked.key);
	}
}
END_TEST

/* ---- what the model does not show ---------------------------------------------------------- */

START_TEST(one_that_must_wait_undoes_the_delivery)
{
	struct asked asked = {.key = 0};

	ck_assert_int_eq(attach(0, 5, 1, 9), THS_OK);
	ck_assert_int_eq(attach(0, 7, 1, 5), THS_OK);
	ck_assert_int_eq(attach(0, 6, 1, 1), THS_OK);
	fate[7] = THS_E_UNAVAIL;
	fate[6] = THS_E_AGAIN;
	ck_assert_int_eq(pattern_call(deliver_fn, &asked), THS_E_AGAIN);
	ck_assert_int_eq(pattern_call(trace_fn, &asked), THS_OK);
	ck_assert_uint_eq(asked.trace.count, 0); /* 5 was called, as if it had not been */
	ck_assert_int_eq(pattern_call(find_fn, &asked), THS_OK);
	ck_assert_uint_eq(asked.found[1].missed, 0); /* and 7 has missed nothing */
}
END_TEST

START_TEST(a_dead_one_is_seen_in_the_row_until_it_lives)
{
	struct asked asked = {.key = 1};

	ck_assert_int_eq(attach(1, 3, 1, 0), THS_OK);
	fate[3] = THS_E_STALE;
	for (unsigned i = 1; i <= 20; i++) {
		(void)deliver(1);
		ck_assert_int_eq(pattern_call(find_fn, &asked), THS_OK);
		ck_assert_uint_eq(asked.found[0].missed, i);
	}
	fate[3] = THS_OK;
	(void)deliver(1);
	ck_assert_int_eq(pattern_call(find_fn, &asked), THS_OK);
	ck_assert_uint_eq(asked.found[0].missed, 0);
}
END_TEST

/* It counts no further than it can. */
static enum ths_err miss_many(struct ths_call *call, void *ctx)
{
	struct ths_handler *row;

	(void)ctx;
	THS_TRY(ths_row_write(call, shape.table, 1, &row));
	row->missed = UINT16_MAX - 1;
	return THS_OK;
}

START_TEST(what_was_missed_does_not_wrap_round)
{
	struct asked asked = {.key = 1};

	ck_assert_int_eq(attach(1, 3, 1, 0), THS_OK);
	fate[3] = THS_E_STALE;
	ck_assert_int_eq(script_by(&pattern_ref, miss_many, NULL), THS_OK);
	for (unsigned i = 0; i < 3; i++)
		(void)deliver(1);
	ck_assert_int_eq(pattern_call(find_fn, &asked), THS_OK);
	ck_assert_uint_eq(asked.found[0].missed, UINT16_MAX);
}
END_TEST

/* Handlers that attach and detach while they are called. */
static enum ths_err meddle(struct ths_call *call, const struct ths_handler *handler,
			   void *event)
{
	struct ths_handler other = {
		.who = handler->who + 10, .generation = 1, .priority = 200};

	(*(unsigned *)event)++;
	if (handler->who == 2) {
		THS_TRY(ths_dispatcher_detach(call, &shape, 0, handler));
		return ths_dispatcher_attach(call, &shape, 0, &other);
	}
	return handler->who == 3 ? THS_E_STALE : THS_OK;
}

static enum ths_err meddle_fn(struct ths_call *call, void *ctx)
{
	struct asked *asked = ctx;
	unsigned called = 0;

	THS_TRY(ths_dispatcher_deliver(call, &shape, 0, meddle, &called, &asked->report));
	asked->count = called;
	return THS_OK;
}

START_TEST(who_was_there_at_the_beginning_is_called)
{
	struct asked asked = {.key = 0};

	for (uint32_t who = 1; who <= 4; who++)
		ck_assert_int_eq(attach(0, who, 1, 100), THS_OK);
	ck_assert_int_eq(script_by(&pattern_ref, meddle_fn, &asked), THS_OK);
	ck_assert_uint_eq(asked.count, 4);
	ck_assert_int_eq(pattern_call(find_fn, &asked), THS_OK);
	ck_assert_uint_eq(asked.count, 4);
	ck_assert_uint_eq(asked.found[0].who, 12);
	ck_assert_uint_eq(asked.found[2].who, 3);
	ck_assert_uint_eq(asked.found[2].missed,
			  1); /* kept, though its place has changed */
}
END_TEST

/* An ordinary operation may not write a device's table: it delivers all the same. */
static enum ths_err attach_to_device(struct ths_call *call, void *ctx)
{
	const struct ths_handler handler = {.who = 3, .generation = 1};

	(void)ctx;
	return ths_dispatcher_attach(call, &shape, 0, &handler);
}

START_TEST(it_delivers_where_it_may_not_write)
{
	struct asked asked;

	shape = (struct ths_dispatcher){NARROW, 5};
	ck_assert_int_eq(script_drive_by(&pattern_ref, attach_to_device, NULL), THS_OK);
	fate[3] = THS_E_STALE;
	asked = deliver(0);
	ck_assert_uint_eq(asked.report.dead, 1);
	ck_assert_int_eq(pattern_call(find_fn, &asked), THS_OK);
	ck_assert_uint_eq(asked.found[0].missed, 0);
}
END_TEST

START_TEST(keys_and_sizes_are_checked)
{
	struct asked asked = {.key = KEYS};

	ck_assert_int_eq(attach(KEYS, 1, 1, 0), THS_E_NOENT);
	ck_assert_int_eq(pattern_call(detach_fn, &asked), THS_E_NOENT);
	ck_assert_int_eq(pattern_call(find_fn, &asked), THS_E_NOENT);
	ck_assert_int_eq(pattern_call(deliver_fn, &asked), THS_E_NOENT);
	for (unsigned i = 0; i < 2; i++) {
		shape.handlers = i ? THS_HANDLERS_MAX + 1 : 0;
		asked.key = 0;
		ck_assert_int_eq(attach(0, 1, 1, 0), THS_E_INVAL);
		ck_assert_int_eq(pattern_call(detach_fn, &asked), THS_E_INVAL);
		ck_assert_int_eq(pattern_call(find_fn, &asked), THS_E_INVAL);
		ck_assert_int_eq(pattern_call(deliver_fn, &asked), THS_E_INVAL);
	}
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("dispatcher");

	harness_loop(suite, "short", setup, whatever_runs_out_nothing_is_half_done, 0,
		     PATTERN_SHORTAGES);
	harness_loop(suite, "D1-D4 model", setup, it_does_what_the_model_does, 0, SHAPES);
	harness_case(suite, "D3 waiting", setup, one_that_must_wait_undoes_the_delivery);
	harness_case(suite, "D3 dead", setup,
		     a_dead_one_is_seen_in_the_row_until_it_lives);
	harness_case(suite, "D3 count", setup, what_was_missed_does_not_wrap_round);
	harness_case(suite, "D1 meddling", setup,
		     who_was_there_at_the_beginning_is_called);
	harness_case(suite, "D3 reading", setup, it_delivers_where_it_may_not_write);
	harness_case(suite, "checks", setup, keys_and_sizes_are_checked);
	return suite;
}

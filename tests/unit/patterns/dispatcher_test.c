/*
 * dispatcher - a module made of it, its handlers swapped, dead and failing.
 */
#include <suite.h>
#include <theseus/dispatcher.h>
#include "harness.h"

#define KEYS 3u

/* ---- an interface that hands the pattern's functions out --------------------------- */

struct event_handler {
	uint32_t key, who, generation, what;
};
struct event_sent {
	uint32_t key, value;
	uint32_t served, failed, dead, lost; /* out */
};
#define EVENT_OPS(OP)                                                                    \
	OP(event, attach, struct event_handler, 0)                                       \
	OP(event, detach, struct event_handler, 0)                                       \
	OP(event, send, struct event_sent, 0)
THS_INTERFACE(event, 1, EVENT_OPS)

/* What a handler does: notes down who was called with what, in a row of the module. */
struct event_trace {
	uint32_t count;
	uint32_t entry[31];
};
enum { HANDLERS, TRACE };

static enum ths_err event_attach_op(struct ths_call *call, struct event_handler *arg)
{
	struct ths_handler handler = {arg->who, arg->generation, arg->what, 0};

	return ths_dispatcher_attach(call, HANDLERS, arg->key, &handler);
}

static enum ths_err event_detach_op(struct ths_call *call, struct event_handler *arg)
{
	struct ths_handler handler = {arg->who, arg->generation, arg->what, 0};

	return ths_dispatcher_detach(call, HANDLERS, arg->key, &handler);
}

/* @who is what becomes of the call: 1000 is dead, 1001 unbound, 1002 fails, 1003 waits.
 */
static enum ths_err call_one(struct ths_call *call, const struct ths_handler *handler,
			     void *event)
{
	static const enum ths_err outcome[] = {THS_E_STALE, THS_E_UNAVAIL, THS_E_IO,
					       THS_E_AGAIN};
	const struct event_sent *sent = event;
	struct event_trace *trace;

	if (handler->who >= 1000)
		return outcome[handler->who - 1000];
	THS_TRY(ths_row_write(call, TRACE, 0, &trace));
	trace->entry[trace->count++] =
		handler->who * 100 + handler->what * 10 + sent->value;
	return THS_OK;
}

static enum ths_err event_send_op(struct ths_call *call, struct event_sent *arg)
{
	struct ths_delivery report;

	THS_TRY(ths_dispatcher_deliver(call, HANDLERS, arg->key, call_one, arg, &report));
	arg->served = report.served;
	arg->failed = report.failed;
	arg->dead = report.dead;
	arg->lost = report.lost.who;
	return THS_OK;
}

static enum ths_err read_trace(struct ths_call *call, struct event_trace *out)
{
	const struct event_trace *trace;

	THS_TRY(ths_row_read(call, TRACE, 0, &trace));
	*out = *trace;
	return THS_OK;
}

struct trace_read {
	struct event_trace trace;
};
#define TRACE_OPS(OP) OP(trace, read, struct trace_read, 0)
THS_INTERFACE(trace, 1, TRACE_OPS)

static enum ths_err trace_read_op(struct ths_call *call, struct trace_read *arg)
{
	return read_trace(call, &arg->trace);
}

#define EVENT_TABLES                                                                     \
	THS_TABLE(HANDLERS, "event.handlers/1", struct ths_dispatch, .rows = KEYS,       \
		  .flags = THS_FIXED),                                                   \
		THS_TABLE(TRACE, "event.trace/1", struct event_trace)

THS_MODULE(event_test, "event.test", 1, 0,
	   THS_PROVIDES(event, .attach = event_attach_op, .detach = event_detach_op,
			.send = event_send_op),
	   EVENT_TABLES);
THS_MODULE(trace_test, "trace.test", 1, 0, THS_PROVIDES(trace, .read = trace_read_op),
	   EVENT_TABLES);

/* ---- the tests -----------------------------------------------------------------------
 */

static struct ths_ref event = {&event_iface, "", 0, 1, THS_REF_NOWAIT};
static struct ths_ref trace = THS_REF(trace);
static uint32_t instance;

static void setup(void)
{
	harness_start();
	instance = harness_bind(&ths_module_event_test, "");
	harness_bind(&ths_module_trace_test, "");
}

static enum ths_err attach(uint32_t key, uint32_t who, uint32_t generation, uint32_t what)
{
	struct event_handler arg = {key, who, generation, what};

	return event_attach(&event, &arg);
}

static enum ths_err detach(uint32_t key, uint32_t who, uint32_t generation, uint32_t what)
{
	struct event_handler arg = {key, who, generation, what};

	return event_detach(&event, &arg);
}

static struct event_sent send_ok(uint32_t key, uint32_t value)
{
	struct event_sent arg = {.key = key, .value = value};

	ck_assert_int_eq(event_send(&event, &arg), THS_OK);
	return arg;
}

static void assert_called(const uint32_t *want, unsigned count)
{
	struct trace_read arg;

	ck_assert_int_eq(trace_read(&trace, &arg), THS_OK);
	ck_assert_uint_eq(arg.trace.count, count);
	for (unsigned i = 0; i < count; i++)
		ck_assert_uint_eq(arg.trace.entry[i], want[i]);
}

START_TEST(handlers_are_called_in_the_order_they_came)
{
	ck_assert_int_eq(attach(1, 3, 1, 0), THS_OK);
	ck_assert_int_eq(attach(1, 2, 1, 5), THS_OK);
	ck_assert_int_eq(attach(2, 9, 1, 0), THS_OK); /* another key */
	ck_assert_int_eq(attach(1, 7, 1, 0), THS_OK);
	ck_assert_uint_eq(send_ok(1, 4).served, 3);
	ck_assert_int_eq(detach(1, 2, 1, 5), THS_OK);
	instance = harness_swap(instance, &ths_module_event_test);
	ck_assert_uint_eq(send_ok(1, 6).served, 2);
	ck_assert_uint_eq(send_ok(0, 6).served, 0);
	assert_called((const uint32_t[]){304, 254, 704, 306, 706}, 5);
}
END_TEST

START_TEST(an_operation_is_attached_once_and_replaced_in_place)
{
	ck_assert_int_eq(attach(0, 3, 1, 0), THS_OK);
	ck_assert_int_eq(attach(0, 4, 1, 0), THS_OK);
	ck_assert_int_eq(attach(0, 3, 1, 0), THS_E_EXIST);
	ck_assert_int_eq(attach(0, 3, 1, 1), THS_OK); /* another of its operations */
	ck_assert_int_eq(attach(0, 3, 2, 0), THS_OK); /* the next to have that name */
	ck_assert_int_eq(detach(0, 3, 1, 0), THS_E_NOENT);
	(void)send_ok(0, 0);
	assert_called((const uint32_t[]){300, 400, 310}, 3);
	ck_assert_int_eq(attach(0, 5, 1, 0), THS_OK);
	ck_assert_int_eq(attach(0, 6, 1, 0), THS_E_FULL);
	ck_assert_int_eq(attach(KEYS, 6, 1, 0), THS_E_NOENT);
}
END_TEST

START_TEST(a_dead_or_failing_handler_keeps_nobody_from_being_called)
{
	struct event_sent sent;

	ck_assert_int_eq(attach(0, 1000, 1, 0), THS_OK);
	ck_assert_int_eq(attach(0, 1002, 1, 0), THS_OK);
	ck_assert_int_eq(attach(0, 1001, 1, 0), THS_OK);
	ck_assert_int_eq(attach(0, 5, 1, 0), THS_OK);
	sent = send_ok(0, 1);
	ck_assert_uint_eq(sent.served, 1);
	ck_assert_uint_eq(sent.failed, 1);
	ck_assert_uint_eq(sent.dead, 2);
	ck_assert_uint_eq(sent.lost, 1000);
	assert_called((const uint32_t[]){501}, 1);
}
END_TEST

START_TEST(one_that_must_wait_undoes_the_delivery)
{
	struct event_sent arg = {.key = 0, .value = 1};

	ck_assert_int_eq(attach(0, 5, 1, 0), THS_OK);
	ck_assert_int_eq(attach(0, 1003, 1, 0), THS_OK);
	ck_assert_int_eq(event_send(&event, &arg), THS_E_AGAIN);
	assert_called(NULL, 0); /* 5 was called, and it is as if it had not been */
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("dispatcher");

	harness_case(suite, "D1 order", setup,
		     handlers_are_called_in_the_order_they_came);
	harness_case(suite, "D2 once", setup,
		     an_operation_is_attached_once_and_replaced_in_place);
	harness_case(suite, "D3 dead", setup,
		     a_dead_or_failing_handler_keeps_nobody_from_being_called);
	harness_case(suite, "D3 waiting", setup, one_that_must_wait_undoes_the_delivery);
	return suite;
}

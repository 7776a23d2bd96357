/*
 * call_test - what an operation may ask and do, and what becomes of it when it may not: its
 * client's blob, device operations within device operations, its way on to another.
 */
#include "actor.h"

#include <theseus/host.h>

struct short_note {
	uint64_t text[4];
};
/* Who means something else by the blob that is passed on. */
ACT_MODULE(other_type, "other.type", "", "letter/1", struct note);
ACT_MODULE(other_schema, "other.schema", "", "note/2", struct note);
ACT_MODULE(other_size, "other.size", "", "note/1", struct short_note);

/* ---- things to do ------------------------------------------------------------------------ */

static enum ths_err refuse(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	return THS_E_IO;
}

static enum ths_err break_down(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	__asm__ volatile("ud2");
	return THS_OK;
}

static enum ths_err take_too_long(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	for (unsigned i = 0; i < 4 * BUDGET_TICKS; i++)
		ths_host_tick();
	ck_abort_msg("an operation without end");
	return THS_OK;
}

static script_fn *then_fail = refuse, *then_late = take_too_long;

/* ---- the client's blob --------------------------------------------------------------------- */

static enum ths_err ask_wrongly(struct ths_call *call, void *ctx)
{
	void *body;
	bool fresh;

	(void)ctx;
	ck_assert_int_eq(ths_blob_body(call, THS_BLOBS_MAX, &body, &fresh), THS_E_INVAL);
	ck_assert_int_eq(ths_blob_body(call, NO_BLOB, &body, &fresh), THS_E_INVAL);
	ck_assert_int_eq(ths_blob_body(call, NOTE, &body, NULL), THS_OK);
	ck_assert_int_eq(ths_blob_body(call, NOTE, &body, &fresh), THS_E_INVAL); /* twice */
	return THS_OK;
}

static enum ths_err ask(struct ths_call *call, void *ctx)
{
	void *body;

	return ths_blob_body(call, (unsigned)(uintptr_t)ctx, &body, NULL);
}

START_TEST(a_body_is_there_once_and_by_its_number)
{
	void *body;

	ck_assert_int_eq(held(&act, ask_wrongly, NULL, blob), THS_OK);
	ck_assert_int_eq(run(&act, ask, (void *)NOTE), THS_E_INVAL); /* not with this one */
	ck_assert_int_eq(ths_blob_body(NULL, NOTE, &body, NULL), THS_E_INVAL);
}
END_TEST

START_TEST(who_does_not_ask_for_it_leaves_it_alone)
{
	unsigned char before[sizeof(memory)];

	ck_assert_int_eq(held(&act, count, &then_nothing, blob), THS_OK);
	memcpy(before, memory, sizeof(memory));
	ck_assert_int_eq(held(&act, nothing, NULL, blob), THS_OK);
	ck_assert_int_eq(memcmp(before, memory, sizeof(memory)), 0);
}
END_TEST

/* By a reference that is trusted, and by one that is not. */
START_TEST(a_blob_that_does_not_fit_is_refused)
{
	static THS_BLOB_STORAGE(large, sizeof(struct long_note));
	THS_BLOB_STORAGE(small, sizeof(struct short_note));
	struct ths_ref tool = THS_REF_TO(act, "other");

	act.flags = tool.flags = _i ? THS_REF_TAGGED : 0;
	rig_bind(&ths_module_other_type, "other");
	ck_assert_int_eq(held(&act, ask, (void *)NOTE, ths_blob_init(small, sizeof(struct short_note))),
			 THS_E_BLOB);
	ck_assert_int_eq(held(&act, ask, (void *)LONG,
			      ths_blob_init(large, sizeof(struct long_note))),
			 THS_E_FULL);
	ck_assert_int_eq(held(&act, count, &then_nothing, blob), THS_OK);
	ck_assert_int_eq(held(&tool, count, &then_nothing, blob), THS_E_BLOB);
	ck_assert_int_eq(ths_blob_take(blob), THS_OK);
	ck_assert_int_eq(held(&act, count, &then_nothing, blob), THS_E_BUSY);
	ths_blob_drop(blob);
	ck_assert_int_eq(held(&act, count, &then_nothing, blob), THS_OK);
	ck_assert_uint_eq(counted(), 2);
}
END_TEST

static enum ths_err hand_on(struct ths_call *call, void *ctx)
{
	return held(ths_use(call, TOOL), count, ctx, blob);
}

/* A level that succeeded has written its blob; one that failed, or was cut short, has not,
 * and lets it go. */
START_TEST(a_blob_goes_further_in)
{
	ck_assert_int_eq(run(&act, hand_on, &then_nothing), THS_OK);
	ck_assert_uint_eq(counted(), 1);
	ck_assert_int_eq(run(&act, hand_on, &then_fail), THS_E_IO);
	ck_assert_int_eq(run(&act, hand_on, &then_late), THS_E_DEADLINE);
	ck_assert_uint_eq(counted(), 1);
	ck_assert_int_eq(run(&act, hand_on, &then_nothing), THS_OK);
	ck_assert_uint_eq(counted(), 2);
}
END_TEST

/* Done by both: whoever is behind asks for the body, too. */
static enum ths_err ask_and_pass_on(struct ths_call *call, void *ctx)
{
	(void)ctx;
	THS_TRY(ask(call, (void *)NOTE));
	return strcmp(ths_cpu()->serving->module->id, "tool") == 0
		       ? THS_OK
		       : ths_forward(call, ths_use(call, TOOL));
}

START_TEST(who_stands_before_means_the_same_by_the_body)
{
	static const struct {
		const struct ths_module *module;
		enum ths_err err;
	} fronts[] = {{&ths_module_actor, THS_OK},
		      {&ths_module_other_type, THS_E_BLOB},
		      {&ths_module_other_schema, THS_E_BLOB},
		      {&ths_module_other_size, THS_E_BLOB}};
	struct ths_ref front = THS_REF_TO(act, "front");

	ck_assert_int_eq(ths_bind(rig_add(fronts[_i].module, "front"), "front"), THS_OK);
	ck_assert_int_eq(held(&front, ask_and_pass_on, NULL, blob), fronts[_i].err);
}
END_TEST

/* ---- devices -------------------------------------------------------------------------------- */

static enum ths_err drive_tool(struct ths_call *call, void *ctx)
{
	return drive(ths_use(call, TOOL), (script_fn *)(uintptr_t)ctx, NULL);
}

static enum ths_err drive_tool_all_the_same(struct ths_call *call, void *ctx)
{
	enum ths_err *seen = ctx;

	*seen = drive(ths_use(call, TOOL), break_down, NULL);
	return THS_OK;
}

static enum ths_err drive_self(struct ths_call *call, void *ctx)
{
	(void)ctx;
	return drive(ths_use(call, SELF), nothing, NULL);
}

START_TEST(a_device_operation_may_call_another)
{
	static const struct {
		script_fn *fn;
		enum ths_err err;
	} inner[] = {{nothing, THS_OK},
		     {refuse, THS_E_IO},
		     {break_down, THS_E_OPCODE},
		     {take_too_long, THS_E_DEADLINE}};

	for (unsigned i = 0; i < THS_ARRAY_SIZE(inner); i++) {
		ck_assert_int_eq(drive(&act, drive_tool, (void *)(uintptr_t)inner[i].fn),
				 inner[i].err);
		ck_assert_int_eq(drive(&act, drive_tool, (void *)(uintptr_t)nothing), THS_OK);
		script_assert_clean();
	}
}
END_TEST

START_TEST(what_a_device_operation_may_not)
{
	enum ths_err seen = THS_OK;

	ck_assert_int_eq(drive(&act, drive_self, NULL), THS_E_BUSY);
	ck_assert_int_eq(run(&act, drive_tool, (void *)(uintptr_t)nothing), THS_E_PERM); /* P9 */
	ck_assert_int_eq(drive(&act, drive_tool_all_the_same, &seen), THS_OK);
	ck_assert_int_eq(seen, THS_E_OPCODE); /* is its parent's to see: it runs once only */
}
END_TEST

static unsigned accesses;

static uint32_t answer(void *ctx, uint16_t port, unsigned width)
{
	(void)ctx;
	ck_assert(port >= WIRE_PORT && port + width <= WIRE_PORT + 4);
	return ++accesses;
}

static enum ths_err reach(struct ths_call *call, void *ctx)
{
	static const struct {
		unsigned range, offset, width;
	} beyond[] = {{WIRE, 4, 1}, {WIRE, 3, 2},    {WIRE, 1, 4},         {WIRE, UINT32_MAX, 1},
		      {WIRE, 0, 3}, {NO_WIRE, 0, 1}, {THS_PORTS_MAX, 0, 1}};
	uint32_t value;

	(void)ctx;
	for (unsigned i = 0; i < THS_ARRAY_SIZE(beyond); i++) {
		ck_assert_int_eq(ths_port_in(call, beyond[i].range, beyond[i].offset,
					     beyond[i].width, &value), THS_E_INVAL);
		ck_assert_int_eq(ths_port_out(call, beyond[i].range, beyond[i].offset,
					      beyond[i].width, 0), THS_E_INVAL);
	}
	return ths_port_in(call, WIRE, 3, 1, &value);
}

static enum ths_err reach_first(struct ths_call *call, void *ctx)
{
	return ths_port_in(call, WIRE, 0, 4, ctx);
}

/* I7: those of the descriptor, and in device operations only. */
START_TEST(ports_are_those_of_the_descriptor)
{
	uint32_t value;

	ck_assert(ths_host_port_handler(WIRE_PORT - 8, 20, answer, NULL, NULL));
	accesses = 0;
	ck_assert_int_eq(drive(&act, reach, NULL), THS_OK);
	ck_assert_int_eq(drive(&act, reach_first, &value), THS_OK);
	ck_assert_uint_eq(accesses, 2);
	ck_assert_int_eq(run(&act, reach_first, &value), THS_E_PERM);
	ck_assert_int_eq(ths_port_in(NULL, WIRE, 0, 1, &value), THS_E_PERM);
	ck_assert_uint_eq(accesses, 2);
}
END_TEST

/* P5: who has the token takes it no second time, and keeps it. */
START_TEST(a_device_operation_may_be_called_with_the_token)
{
	struct ths_cpu *cpu = ths_cpu();

	ths_token_take(cpu);
	ck_assert_int_eq(drive(&act, drive_tool, (void *)(uintptr_t)nothing), THS_OK);
	ck_assert(cpu->token);
	ths_token_give(cpu);
	ck_assert_int_eq(drive(&act, nothing, NULL), THS_OK);
}
END_TEST

/* ---- questions --------------------------------------------------------------------------------- */

static enum ths_err use_wrongly(struct ths_call *call, void *ctx)
{
	const struct ths_iface *iface = NULL;

	(void)ctx;
	ck_assert_ptr_null(ths_use(call, THS_USES_MAX));
	ck_assert_ptr_null(ths_use(call, NO_USE));
	ck_assert_ptr_nonnull(ths_use(call, TOOL));
	ck_assert_uint_eq(ths_call_op(call, &iface), act_op_run);
	ck_assert_ptr_eq(iface, &act_iface);
	ck_assert_int_eq(ths_forward(call, NULL), THS_E_INVAL); /* it stands before nobody */
	ck_assert_int_eq(ths_kick(call, act_ops_count), THS_E_INVAL);
	ck_assert_int_eq(ths_kick(call, act_op_none), THS_E_INVAL);
	ck_assert_int_eq(ths_kick(call, act_op_run), THS_E_INVAL); /* it has arguments */
	ck_assert_int_eq(ths_invoke_op(ths_cpu()->serving, act_op_run), THS_E_PERM);
	return THS_OK;
}

START_TEST(what_is_not_there_is_not_found)
{
	const struct ths_iface *iface = NULL;

	ck_assert_int_eq(run(&act, use_wrongly, NULL), THS_OK);
	ck_assert_ptr_null(ths_use(NULL, TOOL)); /* at depth 0 */
	ck_assert_uint_eq(ths_call_op(NULL, &iface), UINT32_MAX);
	ck_assert_int_eq(ths_forward(NULL, &act), THS_E_INVAL);
	ck_assert_int_eq(ths_kick(NULL, act_op_none), THS_E_INVAL);
	ck_assert_int_eq(ths_effect_rollback(ths_cpu(), 1), THS_E_PERM);
	ck_assert_ptr_null(iface);
}
END_TEST

static enum ths_err ask_in_start(struct ths_call *call, void *ctx)
{
	const struct ths_iface *iface = NULL;

	(void)ctx;
	ck_assert_uint_eq(ths_call_op(call, &iface), UINT32_MAX);
	ck_assert_int_eq(ths_forward(call, &act), THS_E_INVAL);
	return THS_OK;
}

static enum ths_err wait(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	return THS_E_AGAIN;
}

START_TEST(start_is_no_operation_and_does_not_wait)
{
	uint32_t slot = rig_add(&ths_module_actor, "late");

	on_start = wait;
	ck_assert_int_eq(ths_bind(slot, "late"), THS_E_AGAIN);
	on_start = ask_in_start;
	ck_assert_int_eq(ths_bind(slot, "late"), THS_OK);
}
END_TEST

static enum ths_err beyond(struct ths_call *call, void *ctx)
{
	(void)call;
	return (enum ths_err)(intptr_t)ctx;
}

/* Nor is it taken for what unwinding says: 1, "run again", would never end. */
static const struct {
	intptr_t value;
	enum ths_err err;
} results[] = {{THS_ERR_LAST, THS_ERR_LAST},
	       {THS_ERR_LAST - 1, THS_E_INTERNAL},
	       {1, THS_E_INTERNAL},
	       {2, THS_E_INTERNAL},
	       {3, THS_E_INTERNAL},
	       {5, THS_E_INTERNAL},
	       {INT32_MAX, THS_E_INTERNAL},
	       {INT32_MIN, THS_E_INTERNAL}};

START_TEST(what_is_no_error_is_none)
{
	ck_assert_int_eq(run(&act, beyond, (void *)results[_i].value), results[_i].err);
}
END_TEST

/* Nobody sleeps in a section, in work at depth 0, or before there are tasks. */
START_TEST(there_are_times_when_nobody_sleeps)
{
	struct ths_cpu *cpu = ths_cpu();
	uint32_t self = cpu->current;

	ck_assert_int_eq(run(&act, wait, NULL), THS_E_AGAIN);
	ths_core.up = true;
	ck_assert_int_eq(run(&act, wait, NULL), THS_E_AGAIN); /* nobody runs */
	cpu->current = 3;
	cpu->section++;
	ck_assert_int_eq(run(&act, wait, NULL), THS_E_AGAIN);
	cpu->section--;
	cpu->working = true;
	ck_assert_int_eq(run(&act, wait, NULL), THS_E_AGAIN);
	cpu->working = false;
	ck_assert_int_eq(run(&act, wait, NULL), THS_E_INTERNAL); /* for nothing */
	cpu->current = self;
	ths_core.up = false;
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("call");

	harness_case(suite, "blob, body", setup_blob, a_body_is_there_once_and_by_its_number);
	harness_case(suite, "blob, left", setup_blob, who_does_not_ask_for_it_leaves_it_alone);
	harness_loop(suite, "blob, refused", setup_blob, a_blob_that_does_not_fit_is_refused, 0, 2);
	harness_case(suite, "blob, nested", setup_blob, a_blob_goes_further_in);
	harness_loop(suite, "blob, passed on", setup_blob,
		     who_stands_before_means_the_same_by_the_body, 0, 4);
	harness_case(suite, "devices", setup, a_device_operation_may_call_another);
	harness_case(suite, "devices, refused", setup, what_a_device_operation_may_not);
	harness_case(suite, "I7", setup, ports_are_those_of_the_descriptor);
	harness_case(suite, "P5", setup, a_device_operation_may_be_called_with_the_token);
	harness_case(suite, "questions", setup, what_is_not_there_is_not_found);
	harness_case(suite, "start", setup, start_is_no_operation_and_does_not_wait);
	harness_loop(suite, "results", setup, what_is_no_error_is_none, 0,
		     (int)THS_ARRAY_SIZE(results));
	harness_case(suite, "sleep", setup, there_are_times_when_nobody_sleeps);
	return suite;
}

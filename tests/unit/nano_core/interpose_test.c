/*
 * interpose_test - modules put before others that are being called, and taken away. Run
 * under ASan and, as interpose_tsan, under TSan.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <suite.h>
#include <theseus/blob.h>
#include <theseus/host.h>
#include <theseus/iface/interpose.h>
#include <theseus/iface/tasks.h>
#include <theseus/iface/testsrv.h>
#include <theseus/iface/trace.h>
#include "failpoint.h"
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "nano_core/swap_impl.h"

extern const struct ths_module ths_module_trace, ths_module_testsrv,
	ths_module_testsrv_v2, ths_module_sched_rr, ths_module_tasks;

/* ---- interposers ----------------------------------------------------------------------- */

/* What `bend` does to the calls it stands before; the test turns the screws. */
static struct {
	enum ths_err before, after; /* answers so itself, before or after passing on */
	bool nonsense, faulty;      /* in other ways */
	uint64_t add;               /* to the first word of the arguments */
	bool twice;
	volatile uintptr_t nowhere; /* 0 */
} bend;

THS_NO_SANITIZE static enum ths_err bend_any(struct ths_call *call,
					     struct interpose_any *args)
{
	if (bend.before)
		return bend.before;
	args->word[0] += bend.add;
	THS_TRY(ths_forward(call, NULL));
	if (bend.twice)
		THS_TRY(ths_forward(call, NULL));
	if (bend.faulty)
		return (enum ths_err) * (volatile int *)bend.nowhere;
	return bend.nonsense ? (enum ths_err)99 : bend.after;
}
static enum ths_err starts_not(struct ths_call *call)
{
	(void)call;
	return THS_E_IO;
}
THS_MODULE(unwilling, "unwilling", 1, 0, THS_PROVIDES(interpose, .any = bend_any),
	   .start = starts_not);
THS_MODULE(bend, "bend", 1, 0, THS_PROVIDES(interpose, .any = bend_any));

/* What it is told of the call it stands in for. */
static struct {
	char iface[THS_NAME_MAX], op[THS_NAME_MAX];
	uint32_t number;
} told;

static enum ths_err tell_any(struct ths_call *call, struct interpose_any *args)
{
	const struct ths_iface *iface;

	(void)args;
	told.number = ths_call_op(call, &iface);
	if (told.number == THS_ROW_NONE)
		return ths_forward(call, NULL);
	strcpy(told.iface, iface->name);
	strcpy(told.op, iface->info[told.number].name);
	return ths_forward(call, NULL);
}
THS_MODULE(tell, "tell", 1, 0, THS_PROVIDES(interpose, .any = tell_any));

/* Sums up what trace has counted on this CPU. */
enum { CALLS };
struct tally_read {
	uint64_t sum, op[4];
};
#define TALLY_OPS(OP) OP(tally, read, struct tally_read, 0)
THS_INTERFACE(tally, 1, TALLY_OPS)

static enum ths_err tally_read_op(struct ths_call *call, struct tally_read *arg)
{
	const struct trace_calls *calls;

	THS_TRY(ths_row_read(call, CALLS, ths_call_cpu(call), &calls));
	for (unsigned i = 0; i < TRACE_OPS_MAX; i++) {
		arg->sum += calls->count[i];
		if (i < THS_ARRAY_SIZE(arg->op))
			arg->op[i] = calls->count[i];
	}
	return THS_OK;
}
THS_MODULE(tally, "tally", 1, 0, THS_PROVIDES(tally, .read = tally_read_op),
	   THS_TABLE(CALLS, "trace.calls/1", struct trace_calls, .flags = THS_PER_CPU));

static struct tally_read tally(void)
{
	struct ths_ref ref = THS_REF(tally);
	struct tally_read read = {0};

	ck_assert_int_eq(tally_read(&ref, &read), THS_OK);
	return read;
}

/* ---- the scene ------------------------------------------------------------------------- */

static struct ths_ref srv, script;
static uint32_t server, scripted;

static void setup(void)
{
	harness_start();
	ths_core.quiet_faults = true;
	bend.before = bend.after = THS_OK;
	bend.add = 0;
	bend.nonsense = bend.faulty = bend.twice = false;
	memset(&told, 0, sizeof told);
	harness_bind(&ths_module_sched_rr, "");
	harness_bind(&ths_module_tasks, "");
	harness_bind(&ths_module_tally, "");
	server = harness_bind(&ths_module_testsrv, "");
	scripted = harness_bind(&ths_module_script, "");
	ths_probation_set((struct ths_probation){0, 0});
	srv = (struct ths_ref)THS_REF(testsrv);
	script = (struct ths_ref)THS_REF(script);
}

static uint32_t put(const struct ths_module *module, const char *name, const char *iface)
{
	uint32_t slot = rig_add(module, name);

	ck_assert_int_eq(ths_interpose(slot, iface, NULL), THS_OK);
	return slot;
}

static uint64_t add(uint64_t amount)
{
	struct testsrv_add arg = {.amount = amount};

	ck_assert_int_eq(testsrv_add(&srv, &arg), THS_OK);
	return arg.value;
}

static uint64_t version(void)
{
	struct testsrv_add arg = {.amount = 0};

	ck_assert_int_eq(testsrv_add(&srv, &arg), THS_OK);
	return arg.version;
}

static enum ths_err do_nothing(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	return THS_OK;
}

/* ---- it is not noticed ------------------------------------------------------------------ */

START_TEST(calls_are_counted_and_answered_as_before)
{
	uint32_t trace = put(&ths_module_trace, NULL, "testsrv");
	struct testsrv_fault fault = {.kind = TESTSRV_ERROR};
	struct tally_read read;

	for (uint64_t i = 1; i <= 50; i++)
		ck_assert_uint_eq(add(1), i);
	ck_assert_int_eq(testsrv_fault(&srv, &fault), THS_E_IO);
	read = tally();
	ck_assert_uint_eq(read.op[testsrv_op_add], 50);
	ck_assert_uint_eq(read.sum, 50); /* the failed one has left nothing */
	ck_assert_int_eq(ths_interpose_end(trace), THS_OK);
	ck_assert_uint_eq(add(1), 51);
	ck_assert_uint_eq(tally().sum, 50);
	ck_assert_int_eq(ths_module_unload(trace), THS_OK);
}
END_TEST

START_TEST(it_knows_what_it_stands_for)
{
	(void)put(&ths_module_tell, NULL, "testsrv");
	(void)add(1);
	ck_assert_str_eq(told.iface, "testsrv");
	ck_assert_str_eq(told.op, "add");
	ck_assert_uint_eq(told.number, testsrv_op_add);
	ck_assert_int_eq(ths_unbind(&testsrv_iface, NULL), THS_OK);
	ck_assert_int_eq(testsrv_add(&srv, &(struct testsrv_add){.amount = 1}),
			 THS_E_UNAVAIL);
	ck_assert_uint_eq(told.number, THS_ROW_NONE);
}
END_TEST

/* One that is called directly is told its own. */
static enum ths_err ask_own(struct ths_call *call, void *ctx)
{
	const struct ths_iface *iface = NULL;

	ck_assert_uint_eq(ths_call_op(call, &iface), script_op_run);
	ck_assert_str_eq(iface->name, "script");
	ck_assert_int_eq(ths_forward(call, NULL), THS_E_INVAL);
	(*(unsigned *)ctx)++;
	return THS_OK;
}

START_TEST(who_stands_before_nobody_cannot_pass_on)
{
	unsigned asked = 0;

	ck_assert_int_eq(script_by(&script, ask_own, &asked), THS_OK);
	ck_assert_uint_eq(asked, 1);
	ck_assert_int_eq(ths_forward(NULL, NULL), THS_E_INVAL); /* and at depth 0 */
}
END_TEST

START_TEST(a_filter_changes_what_is_asked_and_what_is_answered)
{
	static const enum ths_err answers[] = {THS_E_PERM, THS_E_AGAIN, THS_E_NOENT};

	(void)put(&ths_module_bend, NULL, "script");
	bend.add = 0;
	for (unsigned i = 0; i < THS_ARRAY_SIZE(answers); i++) {
		script.flags = THS_REF_NOWAIT;
		bend.before = answers[i];
		ck_assert_int_eq(script_by(&script, do_nothing, NULL), answers[i]);
		bend.before = THS_OK;
		bend.after = answers[i];
		ck_assert_int_eq(script_by(&script, do_nothing, NULL), answers[i]);
		bend.after = THS_OK;
	}
	ck_assert_int_eq(script_by(&script, do_nothing, NULL), THS_OK);
}
END_TEST

/* Whatever an interposer does wrong is an error of the call, and nothing of it is left. */
START_TEST(a_broken_interposer_is_an_error_of_the_call)
{
	uint32_t slot = put(&ths_module_bend, NULL, "testsrv");
	struct testsrv_add arg = {.amount = 5};

	bend.faulty = true;
	ck_assert_int_eq(testsrv_add(&srv, &arg), THS_E_FAULT);
	bend.faulty = false;
	bend.nonsense = true;
	ck_assert_int_eq(testsrv_add(&srv, &arg), THS_E_INTERNAL);
	bend.nonsense = false;
	ck_assert_uint_eq(arg.value, 0);
	ck_assert_uint_eq(add(1), 1); /* the fives are gone */
	ck_assert_int_eq(ths_module_find("bend", &slot), THS_OK); /* it was loaded anew */
	ck_assert_int_eq(ths_interpose_end(slot), THS_OK);
	ck_assert_uint_eq(add(1), 2);
}
END_TEST

/* P19: what breaks everything leaves the chain, and the server serves. */
START_TEST(one_that_always_breaks_leaves_the_chain)
{
	uint32_t slot = put(&ths_module_bend, NULL, "testsrv"), broken = 0;

	(void)put(&ths_module_trace, NULL, "testsrv"); /* before it; it stays */
	bend.faulty = true;
	while (broken < 20 && testsrv_add(&srv, &(struct testsrv_add){.amount = 1}))
		broken++;
	ck_assert_uint_gt(broken, 0);
	ck_assert_uint_lt(broken, 20);
	ck_assert_int_eq(ths_module_find("bend", &slot), THS_OK);
	ck_assert_int_eq(ths_interpose_end(slot), THS_E_NOENT);
	ck_assert_uint_eq(add(1), 2);
	ck_assert_uint_eq(tally().sum, 2);
}
END_TEST

START_TEST(an_injector_may_do_it_twice)
{
	(void)put(&ths_module_bend, NULL, "testsrv");
	bend.twice = true;
	ck_assert_uint_eq(add(3), 6);
}
END_TEST

/* ---- device operations go by ------------------------------------------------------------- */

static enum ths_err drive_nested(struct ths_call *call, void *ctx)
{
	return script_drive_by(ths_use(call, SCRIPT_SELF), do_nothing, ctx);
}

START_TEST(device_operations_go_by)
{
	uint32_t first = put(&ths_module_bend, NULL, "script");
	uint32_t second = put(&ths_module_trace, NULL, "script");

	bend.before = THS_E_PERM;
	ck_assert_int_eq(script_by(&script, do_nothing, NULL), THS_E_PERM);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(script_drive_by(&script, do_nothing, NULL), THS_OK);
		/* Nested in itself: the driver's lock is taken, so it was the driver. */
		ck_assert_int_eq(script_drive_by(&script, drive_nested, NULL),
				 THS_E_BUSY);
		scripted = harness_swap(scripted, &ths_module_script_next);
	}
	ck_assert_uint_eq(tally().sum, 0);
	ck_assert_int_eq(ths_interpose_end(first), THS_OK);
	ck_assert_int_eq(script_drive_by(&script, do_nothing, NULL), THS_OK);
	ck_assert_int_eq(ths_interpose_end(second), THS_OK);
	ck_assert_int_eq(script_drive_by(&script, do_nothing, NULL), THS_OK);
}
END_TEST

/* ---- chains, and what is bound ------------------------------------------------------------ */

START_TEST(swaps_go_on_behind_and_before)
{
	uint32_t trace = put(&ths_module_trace, NULL, "testsrv");
	uint64_t calls = 0;

	for (unsigned i = 0; i < 10; i++) {
		server = harness_swap(server, i % 2 ? &ths_module_testsrv
						    : &ths_module_testsrv_v2);
		ck_assert_uint_eq(version(), 2 - i % 2);
		trace = harness_swap(trace, &ths_module_trace);
		ck_assert_uint_eq(version(), 2 - i % 2);
		calls += 2;
		ck_assert_uint_eq(tally().sum, calls);
	}
	ck_assert_int_eq(ths_swap(trace, rig_add(&ths_module_testsrv, "x"), NULL),
			 THS_E_VERSION);
	ck_assert_int_eq(ths_swap(server, rig_add(&ths_module_trace, "y"), NULL),
			 THS_E_VERSION);
	ck_assert_int_eq(ths_interpose_end(trace), THS_OK);
	ck_assert_uint_eq(version(), 1);
	ck_assert_uint_eq(tally().sum, calls);
}
END_TEST

START_TEST(who_is_bound_and_unbound_stands_behind)
{
	uint32_t trace = put(&ths_module_trace, NULL, "testsrv"), next;

	ck_assert_int_eq(ths_bind(rig_add(&ths_module_testsrv_v2, "v2"), ""),
			 THS_E_EXIST);
	ck_assert_int_eq(ths_unbind(&testsrv_iface, NULL), THS_OK);
	ck_assert_int_eq(ths_unbind(&testsrv_iface, NULL), THS_E_NOENT);
	ck_assert_int_eq(testsrv_add(&srv, &(struct testsrv_add){.amount = 1}),
			 THS_E_UNAVAIL);
	ck_assert_int_eq(
		ths_interpose(rig_add(&ths_module_bend, "late"), "testsrv", NULL),
		THS_E_UNAVAIL);
	ck_assert_int_eq(ths_module_find("v2", &next), THS_OK);
	ck_assert_int_eq(ths_module_unload(server), THS_OK);
	ck_assert_int_eq(ths_swap(trace, next, NULL), THS_E_VERSION);
	ck_assert_int_eq(ths_module_unload(next), THS_OK);
	server = harness_bind(&ths_module_testsrv, "");
	ck_assert_uint_eq(version(), 1);
	ck_assert_uint_eq(tally().sum, 1);
	ck_assert_int_eq(ths_module_unload(server), THS_E_BUSY);
	ck_assert_int_eq(ths_interpose_end(trace), THS_OK);
	ck_assert_uint_eq(version(), 1);
}
END_TEST

/* An interface with one operation, and a later build of its module with two. */
struct grow_arg {
	uint64_t value;
};
#define GROW_ONE(OP) OP(grow, one, struct grow_arg, 0)
#define GROW_TWO(OP)                                                                     \
	OP(grown, one, struct grow_arg, 0)                                               \
	OP(grown, two, struct grow_arg, 0)
THS_INTERFACE(grow, 1, GROW_ONE)
THS_INTERFACE(grown, 1, GROW_TWO)
static const struct ths_iface grown_as_grow = {"grow", 1, grown_ops_count,
					       grown_ops_info};

static enum ths_err grow_op(struct ths_call *call, struct grow_arg *arg)
{
	(void)call;
	arg->value++;
	return THS_OK;
}
static const struct grown_ops grown_ops = {grow_op, grow_op};
THS_MODULE(grow_small, "grow.small", 1, 0, THS_PROVIDES(grow, .one = grow_op));
THS_MODULE(grow_large, "grow.large", 1, 0, .provides = {&grown_as_grow, &grown_ops});

/* Each of what the swap needs fails once; the chain is extended, or all is as before. */
static uint32_t grows_whatever_runs_out(uint32_t small)
{
	uint32_t large = rig_add(&ths_module_grow_large, NULL);
	struct ths_ref ref = {&grown_as_grow, "", 0, 1, 0};
	struct grow_arg arg = {0};
	enum ths_err err;
	uint64_t n = 0;

	do {
		ths_host_fail_nth("", ++n, false);
		err = ths_swap(small, large, NULL);
		ck_assert(err == THS_OK || ths_host_fail_failed() > 0);
		ths_host_fail_nth("", 0, false);
		ck_assert_int_eq(ths_gate(&ref, grown_op_two, &arg, NULL),
				 err == THS_OK ? THS_OK : THS_E_NOSYS);
	} while (err);
	ck_assert_uint_gt(n, 1);
	return large;
}

START_TEST(a_successor_may_have_more_operations)
{
	uint32_t small = harness_bind(&ths_module_grow_small, "");
	uint32_t trace = put(&ths_module_trace, NULL, "grow");
	struct ths_ref ref = {&grown_as_grow, "", 0, 1, 0};
	struct grow_arg arg = {0};

	(void)put(&ths_module_bend, NULL, "grow");
	ck_assert_int_eq(ths_gate(&ref, grown_op_one, &arg, NULL), THS_OK);
	ck_assert_int_eq(ths_gate(&ref, grown_op_two, &arg, NULL), THS_E_NOSYS);
	(void)put(&ths_module_bend, "aside", "tally"); /* which is no successor's business */
	small = grows_whatever_runs_out(small);
	ck_assert_int_eq(ths_gate(&ref, grown_op_two, &arg, NULL), THS_OK);
	ck_assert_uint_eq(arg.value, 2);
	ck_assert_uint_eq(tally().sum, 3);
	ck_assert_int_eq(ths_unbind(&grow_iface, NULL), THS_OK);
	ck_assert_int_eq(ths_bind(rig_add(&ths_module_grow_small, "s"), ""),
			 THS_E_VERSION); /* the chain is laid out for two */
	ck_assert_int_eq(ths_bind(small, ""), THS_OK);
	ck_assert_int_eq(ths_interpose_end(trace), THS_OK);
	ck_assert_int_eq(ths_gate(&ref, grown_op_two, &arg, NULL), THS_OK);
}
END_TEST

/* By name the same interface, whose operation is laid out otherwise, or not there. */
#define GROW_DEVICE(OP) OP(grow_device, one, struct grow_arg, THS_OP_DEVICE)
#define GROW_WIDE(OP)   OP(grow_wide, one, struct grow_wide_arg, 0)
struct grow_wide_arg {
	uint64_t value[2];
};
THS_INTERFACE(grow_device, 1, GROW_DEVICE)
THS_INTERFACE(grow_wide, 1, GROW_WIDE)

THS_MODULE(drives, "drives", 1, 0, THS_PROVIDES(grow_device, .one = grow_op));
THS_MODULE(wide, "wide", 1, 0, THS_PROVIDES(grow_wide, .one = NULL));
THS_MODULE(hollow, "hollow", 1, 0, THS_PROVIDES(grow, .one = NULL));

START_TEST(who_fits_has_the_same_operations)
{
	const struct ths_instance *front, *small, *instance = ths_core.instance;
	struct ths_ref ref = THS_REF(grow);
	struct grow_arg arg = {0};

	(void)harness_bind(&ths_module_hollow, "");
	front = &instance[put(&ths_module_bend, NULL, "grow")];
	ck_assert_int_eq(grow_one(&ref, &arg), THS_E_NOSYS);
	small = &instance[rig_add(&ths_module_grow_small, NULL)];
	ck_assert(ths_interpose_fits(front, small));
	ck_assert(!ths_interpose_fits(front, &instance[rig_add(&ths_module_drives, NULL)]));
	ck_assert(!ths_interpose_fits(front, &instance[rig_add(&ths_module_wide, NULL)]));
	ck_assert(ths_interpose_fits(small, front)); /* before which nobody is laid out */
	ck_assert_ptr_null(ths_interpose_place(small));
}
END_TEST

START_TEST(what_is_refused_changes_nothing)
{
	uint32_t trace = put(&ths_module_trace, NULL, "testsrv"), slot[4];
	uint32_t other = rig_add(&ths_module_testsrv_v2, "other");

	ck_assert_int_eq(ths_interpose(trace, "script", NULL), THS_E_NOENT);
	ck_assert_int_eq(ths_interpose(other, "script", NULL), THS_E_VERSION);
	ck_assert_int_eq(ths_interpose(INSTANCES_MAX, "script", NULL), THS_E_NOENT);
	ck_assert_int_eq(ths_interpose(rig_add(&ths_module_unwilling, NULL), "testsrv", NULL),
			 THS_E_IO);
	ck_assert_int_eq(ths_interpose_end(server), THS_E_NOENT);
	ck_assert_int_eq(ths_interpose_end(INSTANCES_MAX), THS_E_NOENT);
	for (unsigned i = 0; i < 4; i++) {
		char name[] = "bend.0";

		name[5] += (char)i;
		slot[i] = rig_add(&ths_module_bend, name);
		ck_assert_int_eq(ths_interpose(slot[i], "nothing", NULL), THS_E_UNAVAIL);
		ck_assert_int_eq(ths_interpose(slot[i], "testsrv", NULL),
				 i < 3 ? THS_OK : THS_E_FULL);
	}
	ck_assert_uint_eq(add(1), 1);
	ck_assert_uint_eq(tally().sum, 1);
	/* Places behind are used again: more chains than bindings, one after the other. */
	for (unsigned i = 0; i < 2 * BINDINGS_MAX; i++) {
		ck_assert_int_eq(ths_interpose_end(slot[i % 3]), THS_OK);
		ck_assert_int_eq(ths_interpose(slot[i % 3], "testsrv", NULL), THS_OK);
	}
	ck_assert_uint_eq(add(1), 2);
	ck_assert_uint_eq(tally().sum, 2);
}
END_TEST

static bool interpose_once(void)
{
	struct ths_reason reason;
	uint64_t failed;
	uint32_t slot;

	if (ths_module_add(&ths_module_trace, "trace", &slot, &reason) != THS_OK)
		return true;
	if (ths_interpose(slot, "testsrv", NULL) == THS_OK &&
	    ths_interpose_end(slot) != THS_OK) {
		ths_host_fail_nth("alloc", 0, false);
		ck_assert_int_eq(ths_interpose_end(slot), THS_OK);
		ck_assert_int_eq(ths_module_unload(slot), THS_OK);
		return true;
	}
	failed = ths_host_fail_failed();
	ths_host_fail_nth("alloc", 0, false);
	ck_assert_int_eq(ths_module_unload(slot), THS_OK);
	return failed != 0;
}

START_TEST(whatever_runs_out_the_server_serves_on)
{
	uint64_t n, value = 0;

	for (unsigned persistently = 0; persistently < 2; persistently++) {
		for (n = 1;; n++) {
			ths_host_fail_nth("alloc", n, persistently);
			if (!interpose_once())
				break;
			ths_host_fail_nth("alloc", 0, false);
			ck_assert_uint_eq(add(1), ++value);
		}
		ck_assert_uint_gt(n, 2);
	}
	ths_host_fail_nth("alloc", 0, false);
	ck_assert_uint_eq(tally().sum, 0);
}
END_TEST

/* ---- in the middle of calls --------------------------------------------------------------- */

static enum ths_err wait_for_cell(struct ths_call *call, void *ctx)
{
	const struct cell *cell;

	THS_TRY(ths_row_read(call, CELL, 0, &cell));
	*(uint64_t *)ctx = cell->value;
	return cell->value ? THS_OK : THS_E_AGAIN;
}

static enum ths_err set_cell(struct ths_call *call, void *ctx)
{
	struct cell *cell;

	THS_TRY(ths_row_write(call, CELL, 0, &cell));
	cell->value = *(uint64_t *)ctx;
	return THS_OK;
}

static uint64_t heard;

static void sleeps(void *arg)
{
	struct ths_ref own = THS_REF(script);
	uint64_t value = 0;

	(void)arg;
	ck_assert_int_eq(script_by(&own, wait_for_cell, &value), THS_OK);
	heard = value;
}

static void interpose_on_a_sleeper(void *arg)
{
	struct ths_ref tasks = THS_REF(tasks);
	struct tasks_create create = {.entry = (uint64_t)(uintptr_t)sleeps};
	uint64_t value = 7;
	uint32_t trace;

	(void)arg;
	for (unsigned put_first = 0; put_first < 2; put_first++) {
		heard = 0;
		trace = put_first ? put(&ths_module_trace, NULL, "script") : 0;
		ck_assert_int_eq(tasks_create(&tasks, &create), THS_OK);
		ths_yield();
		ths_yield();
		if (put_first)
			ck_assert_int_eq(ths_interpose_end(trace), THS_OK);
		else
			trace = put(&ths_module_trace, NULL, "script");
		ths_yield();
		ck_assert_uint_eq(heard, 0);
		value = 7;
		ck_assert_int_eq(script_by(&script, set_cell, &value), THS_OK);
		for (unsigned i = 0; i < 4; i++)
			ths_yield();
		ck_assert_uint_eq(heard, 7);
		value = 0;
		ck_assert_int_eq(script_by(&script, set_cell, &value), THS_OK);
		if (!put_first)
			ck_assert_int_eq(ths_interpose_end(trace), THS_OK);
		ck_assert_int_eq(ths_module_unload(trace), THS_OK);
	}
	harness_done();
}

START_TEST(who_sleeps_is_woken_through_it)
{
	harness_run(interpose_on_a_sleeper, NULL);
}
END_TEST

#define CPUS   3u
#define ROUNDS 1500u
#define TURNS  60u

static atomic_uint running;
static _Atomic(uint64_t) traced;

static void *call_on(void *arg)
{
	struct ths_ref own = THS_REF(testsrv);
	THS_BLOB_STORAGE(memory, 64);
	struct ths_blob *session = ths_blob_init(memory, 64);

	rig_cpu_enter((unsigned)(uintptr_t)arg);
	for (uint64_t i = 1; i <= ROUNDS; i++) {
		struct testsrv_add sum = {.row = (uint32_t)(uintptr_t)arg, .amount = 1};
		struct testsrv_count seen = {0};

		ck_assert_int_eq(testsrv_add(&own, &sum), THS_OK);
		ck_assert_uint_eq(sum.value, i);
		ck_assert_int_eq(testsrv_count_with(&own, &seen, session), THS_OK);
		ck_assert_uint_eq(seen.value, i);
	}
	atomic_fetch_add(&traced, tally().sum);
	atomic_fetch_sub(&running, 1);
	rig_cpu_leave();
	return NULL;
}

/* No call is lost or done twice, and each is counted by as many as stood there when it was
 * committed: one to three. */
START_TEST(it_comes_and_goes_under_calls_of_other_cpus)
{
	pthread_t thread[CPUS];
	uint32_t first = rig_add(&ths_module_trace, "first");
	uint32_t second = rig_add(&ths_module_trace, "second"), third;
	const uint64_t calls = 2ull * (CPUS - 1) * ROUNDS;
	unsigned turns = 0;

	rig_cpus(CPUS);
	(void)put(&ths_module_bend, NULL, "testsrv"); /* it stays in front of all */
	third = put(&ths_module_trace, "third", "testsrv");
	atomic_store(&traced, 0);
	atomic_store(&running, CPUS - 1);
	for (uintptr_t cpu = 1; cpu < CPUS; cpu++)
		ck_assert_int_eq(pthread_create(&thread[cpu], NULL, call_on, (void *)cpu),
				 0);
	for (; atomic_load(&running) && turns < TURNS; turns++) {
		ck_assert_int_eq(ths_interpose(first, "testsrv", NULL), THS_OK);
		server = harness_swap(server, turns % 2 ? &ths_module_testsrv
							: &ths_module_testsrv_v2);
		ck_assert_int_eq(ths_interpose(second, "testsrv", NULL), THS_OK);
		first = harness_swap(first, &ths_module_trace);
		ck_assert_int_eq(ths_interpose_end(turns % 3 ? first : second), THS_OK);
		ck_assert_int_eq(ths_interpose_end(turns % 3 ? second : first), THS_OK);
	}
	for (unsigned cpu = 1; cpu < CPUS; cpu++)
		ck_assert_int_eq(pthread_join(thread[cpu], NULL), 0);
	ck_assert_uint_gt(turns, 0);
	ck_assert_uint_ge(atomic_load(&traced), calls);
	ck_assert_uint_le(atomic_load(&traced), 3 * calls);
	ck_assert_int_eq(ths_interpose_end(third), THS_OK);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("interpose");

	harness_case(suite, "not noticed", setup,
		     calls_are_counted_and_answered_as_before);
	harness_case(suite, "what for", setup, it_knows_what_it_stands_for);
	harness_case(suite, "nobody", setup, who_stands_before_nobody_cannot_pass_on);
	harness_case(suite, "filter", setup,
		     a_filter_changes_what_is_asked_and_what_is_answered);
	harness_case(suite, "broken", setup, a_broken_interposer_is_an_error_of_the_call);
	harness_case(suite, "P19", setup, one_that_always_breaks_leaves_the_chain);
	harness_case(suite, "twice", setup, an_injector_may_do_it_twice);
	harness_case(suite, "devices", setup, device_operations_go_by);
	harness_case(suite, "Z1 swaps", setup, swaps_go_on_behind_and_before);
	harness_case(suite, "Z1 bindings", setup, who_is_bound_and_unbound_stands_behind);
	harness_case(suite, "Z1 operations", setup, a_successor_may_have_more_operations);
	harness_case(suite, "Z1 fits", setup, who_fits_has_the_same_operations);
	harness_case(suite, "Z2, Z3", setup, what_is_refused_changes_nothing);
	harness_case(suite, "failures", setup, whatever_runs_out_the_server_serves_on);
	harness_case(suite, "sleepers", setup, who_sleeps_is_woken_through_it);
	harness_case(suite, "CPUs", setup, it_comes_and_goes_under_calls_of_other_cpus);
	return suite;
}

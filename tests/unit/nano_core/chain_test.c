/*
 * chain_test - what passes along a chain of interposers: clients' blobs; and how a chain
 * evolves.
 */
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <string.h>
#include <theseus/blob.h>
#include <theseus/evolve.h>
#include <theseus/iface/interpose.h>
#include <theseus/iface/testsrv.h>
#include "nano_core/swap_impl.h"

extern const struct ths_module ths_module_trace, ths_module_testsrv,
	ths_module_testsrv_v2, ths_module_sched_rr, ths_module_tasks;

/* Asks as often as it is told, and answers as it is told. */
static struct {
	unsigned times;
	enum ths_err answer;
} echo;

static enum ths_err echo_any(struct ths_call *call, struct interpose_any *args)
{
	(void)args;
	for (unsigned i = 0; i < echo.times; i++)
		THS_TRY(ths_forward(call, NULL));
	return echo.answer;
}
THS_MODULE(echo, "echo", 1, 0, THS_PROVIDES(interpose, .any = echo_any));

static struct ths_ref srv;
static uint32_t server;

static void setup(void)
{
	harness_start();
	ths_core.quiet_faults = true;
	echo.times = 1;
	echo.answer = THS_OK;
	harness_bind(&ths_module_sched_rr, "");
	harness_bind(&ths_module_tasks, "");
	server = harness_bind(&ths_module_testsrv, "");
	harness_bind(&ths_module_script, "");
	ths_probation_set((struct ths_probation){0, 0});
	srv = (struct ths_ref)THS_REF(testsrv);
}

static uint32_t put(const struct ths_module *module, const char *name)
{
	uint32_t slot = rig_add(module, name);

	ck_assert_int_eq(ths_interpose(slot, "testsrv", NULL), THS_OK);
	return slot;
}

/* ---- blobs ------------------------------------------------------------------------------ */

static void expect_count(struct ths_blob *session, uint64_t want)
{
	struct testsrv_count arg = {0};

	ck_assert_int_eq(testsrv_count_with(&srv, &arg, session), THS_OK);
	ck_assert_uint_eq(arg.value, want);
}

static void expect_error(struct ths_blob *session, enum ths_err err)
{
	struct testsrv_count arg = {0};

	ck_assert_int_eq(testsrv_count_with(&srv, &arg, session), err);
}

/* However many stand between, and whether or not they spoil it: the session goes on. */
START_TEST(a_session_goes_through_any_number_of_interposers)
{
	THS_BLOB_STORAGE(memory, 64);
	struct ths_blob *session = ths_blob_init(memory, 64);
	uint32_t slot[4];
	uint64_t want = 0;

	for (unsigned n = 0; n <= 4; n++) {
		char name[] = "echo.0";

		expect_count(session, ++want);
		echo.answer = THS_E_IO;
		if (n)
			expect_error(session, THS_E_IO);
		echo.answer = THS_OK;
		echo.times = 2; /* each of them */
		expect_count(session, want += 1u << n);
		echo.times = 1;
		name[5] += (char)n;
		if (n < 4)
			slot[n] = put(&ths_module_echo, name);
	}
	server = harness_swap(server, &ths_module_testsrv_v2);
	expect_count(session, ++want);
	for (unsigned n = 0; n < 4; n++) /* from the inside */
		ck_assert_int_eq(ths_interpose_end(slot[n]), THS_OK);
	expect_count(session, ++want);
}
END_TEST

/* Its tag is verified by who holds it, however far in it is asked for. */
START_TEST(so_does_one_from_elsewhere)
{
	THS_BLOB_STORAGE(memory, 64);
	struct ths_blob *session = ths_blob_init(memory, 64);
	uint64_t want = 0;

	srv.flags = THS_REF_TAGGED;
	for (unsigned n = 0; n <= 4; n++) {
		char name[] = "echo.0";

		expect_count(session, ++want);
		echo.times = 2;
		expect_count(session, want += 1u << n);
		echo.times = 1;
		memory[THS_BLOB_HEADER] ^= 1;
		expect_error(session, THS_E_BLOB);
		memory[THS_BLOB_HEADER] ^= 1;
		expect_count(session, ++want);
		name[5] += (char)n;
		if (n < 4)
			(void)put(&ths_module_echo, name);
	}
}
END_TEST

/* ---- evolutions --------------------------------------------------------------------------- */

static struct ths_reason reason;

static enum ths_err evolve(const char *text)
{
	return ths_evolve(text, strlen(text), &reason);
}

#define EVOLVES(set) ck_assert_msg(evolve(set) == THS_OK, "%s", reason.text)

static uint64_t add(void)
{
	struct testsrv_add args = {.amount = 1};

	ck_assert_int_eq(testsrv_add(&srv, &args), THS_OK);
	return args.value;
}

/* With an operation more, which interposers have no place for. */
static const struct ths_module *more_module(void)
{
	static struct ths_module module;
	static struct ths_op_info info[testsrv_ops_count + 1];
	static struct ths_iface iface;
	static struct {
		struct testsrv_ops ops;
		enum ths_err (*more)(struct ths_call *call, struct testsrv_add *args);
	} ops;

	memcpy(info, testsrv_ops_info, sizeof(testsrv_ops_info));
	info[testsrv_ops_count] = (struct ths_op_info){"more", sizeof(struct testsrv_add), 0};
	iface = testsrv_iface;
	iface.info = info;
	iface.ops = testsrv_ops_count + 1;
	memcpy(&ops.ops, ths_module_testsrv.provides.ops, sizeof(ops.ops));
	ops.more = ops.ops.add;
	module = ths_module_testsrv;
	module.provides.iface = &iface;
	module.provides.ops = &ops;
	return &module;
}

START_TEST(what_a_chain_is_not_laid_out_for_is_refused)
{
	static const struct {
		const char *set, *why;
	} refused[] = {
		{"remove testsrv\n", "would stand before nobody: testsrv/1 is served by a "
				     "chain, trace > testsrv"},
		{"replace testsrv with more\n",
		 "other operations do not pass interposers: testsrv/1 is served by a chain, "
		 "trace > testsrv"},
	};
	static const char bind[] = "module testsrv.anew\nbind testsrv/1 = testsrv.anew\n";
	uint32_t slot = put(&ths_module_trace, NULL);

	rig_add(&ths_module_testsrv, "testsrv.anew");
	rig_add(more_module(), "more");
	for (unsigned i = 0; i < THS_ARRAY_SIZE(refused); i++) {
		ck_assert_int_eq(evolve(refused[i].set), THS_E_BUSY);
		ck_assert_msg(strstr(reason.text, refused[i].why) != NULL, "%s", reason.text);
		ck_assert_uint_eq(add(), i + 1);
	}
	ck_assert_int_eq(evolve("replace trace with testsrv.anew\n"), THS_E_VERSION);
	ck_assert_int_eq(ths_unbind(&testsrv_iface, NULL), THS_OK);
	ck_assert_int_eq(evolve(bind), THS_E_BUSY);
	ck_assert(strstr(reason.text, "trace > nobody") != NULL);
	ck_assert_int_eq(ths_interpose_end(slot), THS_OK);
	EVOLVES(bind);
	ck_assert_uint_eq(add(), 3);
}
END_TEST

/* ---- done */

static bool is_bound(const char *name)
{
	uint32_t slot;

	return ths_module_find(name, &slot) == THS_OK &&
	       ths_core.instance[slot].state == THS_INSTANCE_BOUND;
}

START_TEST(who_is_in_a_chain_is_replaced_in_its_place)
{
	uint32_t slot = put(&ths_module_trace, NULL);

	put(&ths_module_echo, NULL); /* before it */
	rig_add(&ths_module_testsrv, "testsrv.anew");
	rig_add(&ths_module_trace, "trace.anew");
	ck_assert_uint_eq(add(), 1);
	EVOLVES("replace testsrv with testsrv.anew\n");
	ck_assert(is_bound("testsrv.anew") && !is_bound("testsrv"));
	ck_assert_uint_eq(add(), 2);
	EVOLVES("replace trace with trace.anew\n");
	ck_assert(is_bound("trace.anew") && !is_bound("trace"));
	ck_assert_uint_eq(add(), 3);
	ck_assert_int_eq(ths_module_find("trace.anew", &slot), THS_OK);
	ck_assert_uint_gt(ths_instance_calls(&ths_core.instance[slot]), 0);
	rig_add(&ths_module_testsrv, "third");
	rig_add(&ths_module_trace, "thrice");
	EVOLVES("replace testsrv.anew with third\nreplace trace.anew with thrice\n");
	ck_assert_uint_eq(add(), 4);
	ck_assert_int_eq(ths_module_find("thrice", &slot), THS_OK);
	ck_assert_int_eq(ths_interpose_end(slot), THS_OK); /* a chain like any other */
	ck_assert_uint_eq(add(), 5);
}
END_TEST

static const char *const leaves[] = {"remove trace\n", "remove echo\n",
				     "remove trace\nremove echo\n",
				     "remove echo\nremove trace\n",
				     "remove echo\nreplace testsrv with testsrv.anew\n",
				     "remove echo\nreplace trace with trace.anew\n"};

START_TEST(interposers_leave_with_a_set)
{
	struct ths_binding *binding;

	put(&ths_module_trace, NULL);
	put(&ths_module_echo, NULL);
	ck_assert_int_eq(ths_binding_find(&testsrv_iface, "", &binding), THS_OK);
	ths_binding_end(binding)->account.vital = true;
	rig_add(&ths_module_testsrv, "testsrv.anew");
	rig_add(&ths_module_trace, "trace.anew");
	ck_assert_uint_eq(add(), 1);
	EVOLVES(leaves[_i]);
	ck_assert(ths_binding_end(binding)->account.vital);
	ck_assert_uint_eq(add(), 2);
	ck_assert_int_eq(is_bound("echo"), _i == 0);
	ck_assert_int_eq(is_bound("trace"), _i == 1 || _i == 4);
	ck_assert_int_eq(is_bound("trace.anew"), _i == 5);
	ck_assert_int_eq(ths_binding_end(binding) == binding, _i == 2 || _i == 3);
}
END_TEST

/* Who comes in the end does not: the chain is as it was, and who was to interpose does not. */
START_TEST(a_set_that_fails_leaves_the_chain_as_it_was)
{
	uint32_t slot, anew;

	slot = put(&ths_module_trace, NULL);
	anew = rig_add(&ths_module_trace, "trace.anew");
	rig_add(&ths_module_script, "script.anew");
	ck_assert_int_eq(evolve("replace trace with trace.anew\n"
				"replace script with script.anew\n"
				"version script/1 script/2\n"), THS_E_VERSION);
	ck_assert(!ths_is_interposing(&ths_core.instance[anew]));
	ck_assert_uint_eq(add(), 1);
	ck_assert_int_eq(ths_interpose_end(slot), THS_OK);
	ck_assert_uint_eq(add(), 2);
}
END_TEST

/* The server has an operation more since; who comes back passes that on, too. */
START_TEST(who_comes_back_is_laid_out_as_the_server_is_now)
{
	const struct ths_module *module = more_module();
	struct ths_ref more = {module->provides.iface, "", 0, 1, 0};
	struct testsrv_add args = {.amount = 1};

	put(&ths_module_trace, NULL);
	rig_add(&ths_module_trace, "trace.anew");
	ths_probation_set((struct ths_probation){1000, 1000});
	EVOLVES("replace trace with trace.anew\n");
	ths_probation_set((struct ths_probation){0, 0});
	ck_assert_int_eq(ths_swap(server, rig_add(module, "more"), NULL), THS_OK);
	for (uint64_t i = 1; i <= 2; i++) {
		ck_assert_int_eq(ths_gate(&more, testsrv_ops_count, &args, NULL), THS_OK);
		ck_assert_uint_eq(args.value, i);
		if (i == 1)
			ck_assert_int_eq(ths_rollback("trace.anew", &reason), THS_OK);
	}
	ck_assert(is_bound("trace") && !is_bound("trace.anew"));
}
END_TEST

/* ---- accounts ----------------------------------------------------------------------- */

/* What is held against a server, and what it is due, goes with it behind. */
START_TEST(a_server_behind_is_as_vital)
{
	struct ths_binding *binding;

	ck_assert_int_eq(ths_vital("testsrv"), THS_E_NOENT); /* but it is */
	ck_assert_int_eq(ths_binding_find(&testsrv_iface, "", &binding), THS_OK);
	ck_assert(binding->account.vital);
	(void)put(&ths_module_echo, NULL);
	ck_assert(!binding->account.vital);
	ck_assert(ths_binding_end(binding)->account.vital);
}
END_TEST

/* What is held against the server is what it was: that it served somebody, too. */
START_TEST(a_server_does_not_pay_for_who_left)
{
	struct testsrv_fault fault = {.kind = TESTSRV_MIDWAY, .row = 3};
	struct testsrv_add add = {.amount = 1};

	for (unsigned i = 2; i < 8; i++) /* the first is mended, and comes again */
		ck_assert_int_eq(testsrv_fault(&srv, &fault), THS_E_FAULT);
	ck_assert_int_eq(testsrv_add(&srv, &add), THS_OK); /* else the next would be too many */
	(void)put(&ths_module_echo, NULL);
	echo.times = 0;
	echo.answer = (enum ths_err)99;
	for (unsigned i = 2; i < 8; i++)
		ck_assert_int_eq(testsrv_fault(&srv, &fault), THS_E_INTERNAL);
	ck_assert_int_eq(testsrv_fault(&srv, &fault), THS_E_FAULT); /* it leaves */
	ck_assert_int_eq(testsrv_add(&srv, &add), THS_OK);
	ck_assert_uint_eq(add.value, 2);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("chain");

	harness_case(suite, "blobs", setup,
		     a_session_goes_through_any_number_of_interposers);
	harness_case(suite, "tagged blobs", setup, so_does_one_from_elsewhere);
	harness_case(suite, "evolutions", setup, what_a_chain_is_not_laid_out_for_is_refused);
	harness_case(suite, "evolutions", setup, who_is_in_a_chain_is_replaced_in_its_place);
	harness_loop(suite, "evolutions", setup, interposers_leave_with_a_set, 0,
		     (int)THS_ARRAY_SIZE(leaves));
	harness_case(suite, "evolutions", setup, a_set_that_fails_leaves_the_chain_as_it_was);
	harness_case(suite, "evolutions, back", setup,
		     who_comes_back_is_laid_out_as_the_server_is_now);
	harness_case(suite, "accounts", setup, a_server_behind_is_as_vital);
	harness_case(suite, "accounts", setup, a_server_does_not_pay_for_who_left);
	return suite;
}

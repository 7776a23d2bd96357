/*
 * chain_test - what passes along a chain of interposers: clients' blobs; and what does not
 * touch one: evolutions.
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
#include "nano_core/nano_core_impl.h"

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

/* Chains are for whoever made them; what is not in one evolves as ever. */
START_TEST(who_is_in_a_chain_stays)
{
	static const char *const in_chain[] = {"replace testsrv with testsrv.anew\n",
					       "remove testsrv\n",
					       "replace trace with testsrv.anew\n",
					       "remove trace\n"};
	static const char bind[] = "module testsrv.anew\nbind testsrv/1 = testsrv.anew\n";
	struct testsrv_add add = {.amount = 1};
	uint32_t slot = put(&ths_module_trace, NULL);

	rig_add(&ths_module_testsrv, "testsrv.anew");
	rig_add(&ths_module_script, "script.anew");
	for (unsigned i = 0; i < THS_ARRAY_SIZE(in_chain); i++) {
		ck_assert_int_eq(evolve(in_chain[i]), THS_E_BUSY);
		ck_assert(strstr(reason.text, "an interposer") != NULL);
		ck_assert_int_eq(testsrv_add(&srv, &add), THS_OK);
		ck_assert_uint_eq(add.value, i + 1);
	}
	EVOLVES("replace script with script.anew\n");
	ck_assert_int_eq(ths_unbind(&testsrv_iface, NULL), THS_OK);
	ck_assert_int_eq(evolve(bind), THS_E_BUSY);
	ck_assert_int_eq(ths_interpose_end(slot), THS_OK);
	EVOLVES(bind);
	ck_assert_int_eq(testsrv_add(&srv, &add), THS_OK);
	ck_assert_uint_eq(add.value, 5);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("chain");

	harness_case(suite, "blobs", setup,
		     a_session_goes_through_any_number_of_interposers);
	harness_case(suite, "tagged blobs", setup, so_does_one_from_elsewhere);
	harness_case(suite, "evolutions", setup, who_is_in_a_chain_stays);
	return suite;
}

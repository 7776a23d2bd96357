/*
 * policy_test - what nano_core asks of loader/1, and that no answer keeps it from going on.
 */
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <string.h>
#include <theseus/evolve.h>
#include <theseus/host.h>
#include <theseus/iface/loader.h>
#include "nano_core/swap_impl.h"

/* ---- a policy that is whatever the test says ------------------------------------------- */

enum answer { RULE, OTHER, FAULT, FOREIGN, LOOP, SLEEP, NO };

static enum answer answer;
static unsigned asked;
static struct loader_module seen;
static uint64_t rank_of_name[3]; /* by the last letter of the name: a, b, c */
static struct ths_probation wanted;
static const char *unwatched; /* the id of who needs no probation; NULL: everybody does */
static void *volatile nowhere; /* NULL */

THS_NO_SANITIZE static enum ths_err give(enum answer what)
{
	switch (what) {
	case NO:
		return THS_E_PERM;
	case OTHER:
		return THS_E_IO;
	case FAULT:
		return (enum ths_err) * (volatile int *)nowhere;
	case FOREIGN:
		return (enum ths_err)77;
	case LOOP:
		for (;;)
			ths_host_tick();
	case SLEEP:
		return THS_E_AGAIN;
	case RULE:
		break;
	}
	return THS_OK;
}

static enum ths_err test_admit(struct ths_call *call, struct loader_module *arg)
{
	(void)call;
	asked++;
	seen = *arg;
	return give(answer);
}

static enum ths_err test_rank(struct ths_call *call, struct loader_rank *arg)
{
	(void)call;
	asked++;
	arg->rank = rank_of_name[(arg->module.name[strlen(arg->module.name) - 1] - 'a') % 3];
	return give(answer);
}

static enum ths_err test_probation(struct ths_call *call, struct loader_probation *arg)
{
	(void)call;
	asked++;
	arg->calls = wanted.calls;
	arg->ticks = wanted.ticks;
	if (unwatched && strcmp(arg->module.id, unwatched) == 0)
		arg->calls = arg->ticks = 0;
	return give(answer);
}

#define POLICY                                                                           \
	THS_PROVIDES(loader, .admit = test_admit, .rank = test_rank,                     \
		     .probation = test_probation)
THS_MODULE(policy, "policy", 1, 0, POLICY);
THS_MODULE(driver, "driver", 3, 4, THS_PROVIDES(script, SCRIPT_SERVES(script_first_op)),
	   THS_PORTS(0, 0x2f8, 8), THS_IRQ(1, 3, script, kicked));

static struct ths_ref ref, loader;

static void setup(void)
{
	harness_start();
	ths_core.quiet_faults = true;
	ref = (struct ths_ref)THS_REF(script);
	loader = (struct ths_ref)THS_REF(loader);
	answer = RULE;
	memset(rank_of_name, 0, sizeof(rank_of_name));
	wanted = (struct ths_probation){5, 6};
	unwatched = NULL;
	harness_bind(&ths_module_script, "");
	harness_bind(&ths_module_policy, "");
	asked = 0;
}

static struct ths_instance *provider(const struct ths_iface *iface)
{
	struct ths_binding *binding;

	ck_assert_int_eq(ths_binding_find(iface, "", &binding), THS_OK);
	return ths_binding_instance(binding);
}

static enum ths_err add(const struct ths_module *module, const char *name,
			struct ths_reason *reason)
{
	uint32_t slot;

	return ths_module_add(module, name, &slot, reason);
}

/* ---- admission --------------------------------------------------------------------------- */

START_TEST(it_is_told_what_is_to_be_loaded)
{
	ck_assert_int_eq(add(&ths_module_driver, "com2", NULL), THS_OK);
	ck_assert_uint_eq(asked, 1);
	ck_assert_str_eq(seen.id, "driver");
	ck_assert_str_eq(seen.name, "com2");
	ck_assert_str_eq(seen.provides, "script");
	ck_assert_uint_eq(seen.version, 1);
	ck_assert_uint_eq(seen.major, 3);
	ck_assert_uint_eq(seen.minor, 4);
	ck_assert_uint_eq(seen.traits, LOADER_PORTS | LOADER_LINES);
	rig_add(&ths_module_script_same, NULL);
	ck_assert_uint_eq(seen.traits, LOADER_HARDWARE);
}
END_TEST

START_TEST(who_is_refused_leaves_nothing)
{
	uint64_t pages = ths_pages_out();
	struct ths_reason reason = {{0}};
	uint32_t slot;

	answer = NO;
	ck_assert_int_eq(add(&ths_module_driver, NULL, &reason), THS_E_PERM);
	ck_assert_ptr_nonnull(strstr(reason.text, "driver: the loader's policy, policy,"));
	ck_assert_int_eq(add(&ths_module_driver, NULL, NULL), THS_E_PERM);
	ck_assert_int_eq(ths_module_find("driver", &slot), THS_E_NOENT);
	ck_assert_uint_eq(ths_pages_out(), pages);
	answer = RULE;
	ck_assert_int_eq(add(&ths_module_driver, NULL, NULL), THS_OK);
}
END_TEST

/* L2: twice each, for the first fault of others is mended. */
START_TEST(what_is_no_answer_refuses_nobody)
{
	answer = (enum answer)_i;
	ck_assert_int_eq(add(&ths_module_driver, "first", NULL), THS_OK);
	ck_assert_int_eq(add(&ths_module_driver, "second", NULL), THS_OK);
	ck_assert_uint_eq(asked, 2); /* nobody ran it again */
	ck_assert_int_eq(ths_loader_enter(), THS_OK); /* the turn was given back */
	ths_loader_leave();
}
END_TEST

/* ---- who takes over ------------------------------------------------------------------------ */

static enum ths_err fault_once(struct ths_call *call, void *ctx)
{
	unsigned *left = ctx;

	(void)call;
	if (*left == 0)
		return THS_OK;
	--*left;
	return (enum ths_err)77;
}

/* A vital provider faults, and the call is served by whoever took over. */
static const char *who_takes_over(void)
{
	unsigned left = 1;

	ck_assert_int_eq(ths_vital("script"), THS_OK);
	asked = 0;
	ck_assert_int_eq(script_by(&ref, fault_once, &left), THS_OK);
	return provider(&script_iface)->name;
}

static void add_seconds(void)
{
	rig_add(&ths_module_script_same, "a");
	rig_add(&ths_module_script_same, "b");
	rig_add(&ths_module_script_same, "c");
}

START_TEST(the_lowest_rank_takes_over)
{
	static const struct {
		uint64_t rank[3];
		const char *due;
	} tried[] = {{{3, 2, 1}, "c"},
		     {{3, 1, 1}, "b"}, /* of equals, the first */
		     {{0, 0, 0}, "a"},
		     {{UINT64_MAX, UINT64_MAX, UINT64_MAX}, "a"}, /* L1: an order, no veto */
		     {{UINT64_MAX, UINT64_MAX, 7}, "c"}};

	add_seconds();
	memcpy(rank_of_name, tried[_i].rank, sizeof(rank_of_name));
	ck_assert_str_eq(who_takes_over(), tried[_i].due);
	ck_assert_uint_eq(asked, 3);
}
END_TEST

/* L1, L2: the built-in rule, and one question is enough to find out. */
START_TEST(without_an_order_the_first_takes_over)
{
	add_seconds();
	rank_of_name[0] = 9;
	answer = (enum answer)_i;
	ck_assert_str_eq(who_takes_over(), "a");
	ck_assert_uint_eq(asked, 1);
}
END_TEST

/* The first was ranked and would win; the second question is answered by a fault. */
static enum ths_err fault_at_b(struct ths_call *call, struct loader_rank *arg)
{
	(void)call;
	asked++;
	arg->rank = arg->module.name[0] == 'a' ? 5 : 0;
	return arg->module.name[0] == 'b' ? give(FAULT) : THS_OK;
}

THS_MODULE(policy_half, "policy.half", 1, 0, THS_PROVIDES(loader, .rank = fault_at_b));

START_TEST(half_an_order_is_none)
{
	add_seconds();
	ck_assert_int_eq(ths_unbind(&loader_iface, ""), THS_OK);
	harness_bind(&ths_module_policy_half, "");
	ck_assert_str_eq(who_takes_over(), "a");
	ck_assert_uint_eq(asked, 2);
}
END_TEST

/* L1: the policy that faults is replaced by the second policy, and asked nothing. */
START_TEST(it_is_not_asked_about_itself)
{
	struct loader_rank rank = {.module.name = "a"};
	struct ths_instance *first = provider(&loader_iface);

	rig_add(&ths_module_policy, "another");
	ck_assert_int_eq(ths_vital("loader"), THS_OK);
	asked = 0;
	answer = FAULT;
	ck_assert_int_eq(loader_rank(&loader, &rank), THS_E_FAULT);
	ck_assert_uint_eq(asked, 2); /* by us, and by us run again on the second */
	ck_assert_ptr_ne(provider(&loader_iface), first);
	ck_assert_str_eq(provider(&loader_iface)->name, "another");
}
END_TEST

START_TEST(what_needs_no_choice_is_not_asked)
{
	unsigned left = 1;

	answer = NO;
	ck_assert_int_eq(script_by(&ref, fault_once, &left), THS_OK); /* loaded anew */
	ck_assert_uint_eq(provider(&script_iface)->faults, 1);
	ck_assert_uint_eq(asked, 0);
}
END_TEST

/* ---- a policy that fails ------------------------------------------------------------------- */

/* L3 */
START_TEST(who_faults_again_and_again_is_asked_no_more)
{
	char name[] = "n.aa";

	answer = FAULT;
	for (unsigned i = 0; i < 2 * LOADER_FAULTS; i++, name[3]++)
		ck_assert_int_eq(add(&ths_module_driver, name, NULL), THS_OK);
	ck_assert_uint_eq(asked, LOADER_FAULTS);

	answer = RULE; /* another is asked */
	ck_assert_int_eq(ths_unbind(&loader_iface, ""), THS_OK);
	ck_assert_int_eq(add(&ths_module_policy, "another", NULL), THS_OK);
	ck_assert_int_eq(ths_bind(ths_core.instances - 1, ""), THS_OK);
	rig_add(&ths_module_driver, "last");
	ck_assert_uint_eq(asked, LOADER_FAULTS + 1);
}
END_TEST

START_TEST(one_answer_between_faults_is_enough)
{
	char name[] = "n.aa";

	for (unsigned i = 0; i < 3 * LOADER_FAULTS; i++, name[3]++) {
		answer = i % LOADER_FAULTS == LOADER_FAULTS - 1 ? RULE : FAULT;
		ck_assert_int_eq(add(&ths_module_driver, name, NULL), THS_OK);
	}
	ck_assert_uint_eq(asked, 3 * LOADER_FAULTS);
}
END_TEST

static void swap_policy(void)
{
	ths_probation_set((struct ths_probation){1000, 1000});
	wanted = (struct ths_probation){1000, 1000};
	ck_assert_int_eq(ths_swap(provider(&loader_iface)->slot,
				  rig_add(&ths_module_policy, "next"), NULL),
			 THS_OK);
	ck_assert_str_eq(provider(&loader_iface)->name, "next");
}

START_TEST(on_probation_it_is_taken_back_when_it_faults)
{
	swap_policy();
	answer = FAULT;
	ck_assert_int_eq(add(&ths_module_driver, NULL, NULL), THS_OK);
	ths_host_tick();
	ck_assert_str_eq(provider(&loader_iface)->name, "policy");
}
END_TEST

/* Where the fault comes amid a cascade, too. */
START_TEST(on_probation_it_is_taken_back_after_recovery)
{
	add_seconds();
	swap_policy();
	answer = FAULT;
	ck_assert_str_eq(who_takes_over(), "a");
	ths_host_tick();
	ck_assert_str_eq(provider(&loader_iface)->name, "policy");
}
END_TEST

/* ---- probation ----------------------------------------------------------------------------- */

static void expect_probation(uint64_t calls, uint64_t ticks)
{
	struct ths_instance *now;
	struct ths_swap_times times;

	ck_assert_int_eq(ths_swap(provider(&script_iface)->slot,
				  rig_add(&ths_module_script_same, "next"), &times),
			 THS_OK);
	now = provider(&script_iface);
	ck_assert_int_eq(times.kept, calls || ticks);
	if (!times.kept)
		return;
	ck_assert_uint_eq(now->until_calls - ths_instance_calls(now), calls);
	ck_assert_uint_eq(now->until_tick - ths_ticks(), ticks);
}

START_TEST(it_says_how_long_a_successor_is_watched)
{
	expect_probation(5, 6);
}
END_TEST

START_TEST(it_may_do_without)
{
	wanted = (struct ths_probation){0, 0};
	expect_probation(0, 0);
}
END_TEST

/* The others of its set are waited for. */
START_TEST(one_of_a_set_may_do_without)
{
	static const char text[] = "replace script with script.same\n"
				   "replace other with script.soft\n";
	struct ths_ref other = THS_REF_TO(script, "other");
	struct ths_reason reason;

	ck_assert_int_eq(ths_bind(rig_add(&ths_module_script, "other"), "other"), THS_OK);
	rig_add(&ths_module_script_same, NULL);
	rig_add(&ths_module_script_soft, NULL);
	unwatched = "script.same";
	wanted = (struct ths_probation){1, 0};
	ck_assert_msg(ths_evolve(text, sizeof(text) - 1, &reason) == THS_OK, "%s", reason.text);
	for (unsigned i = 0; i < 10; i++)
		ths_host_tick();
	ck_assert(ths_is_on_probation(provider(&script_iface)));
	ck_assert_int_eq(script_version(&other, &(struct script_args){0}), THS_OK);
	ths_host_tick();
	ck_assert(!ths_is_on_probation(provider(&script_iface)));
}
END_TEST

START_TEST(what_is_no_probation_is_the_usual_one)
{
	static const struct ths_probation none[] = {
		{1ull << 32, 1}, {1, UINT64_MAX}, {UINT64_MAX, UINT64_MAX}};

	wanted = none[_i];
	expect_probation(THS_PROBATION_CALLS, THS_PROBATION_TICKS);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("policy");

	harness_case(suite, "admit: told", setup, it_is_told_what_is_to_be_loaded);
	harness_case(suite, "admit: refused", setup, who_is_refused_leaves_nothing);
	harness_loop(suite, "L2 admit", setup, what_is_no_answer_refuses_nobody, RULE, NO);
	harness_loop(suite, "rank", setup, the_lowest_rank_takes_over, 0, 5);
	harness_loop(suite, "L2 rank", setup, without_an_order_the_first_takes_over,
		     OTHER, NO + 1);
	harness_case(suite, "L2 half", setup, half_an_order_is_none);
	harness_case(suite, "L1 itself", setup, it_is_not_asked_about_itself);
	harness_case(suite, "L1 anew", setup, what_needs_no_choice_is_not_asked);
	harness_case(suite, "L3", setup, who_faults_again_and_again_is_asked_no_more);
	harness_case(suite, "L3 in a row", setup, one_answer_between_faults_is_enough);
	harness_case(suite, "taken back", setup,
		     on_probation_it_is_taken_back_when_it_faults);
	harness_case(suite, "taken back later", setup,
		     on_probation_it_is_taken_back_after_recovery);
	harness_case(suite, "probation", setup, it_says_how_long_a_successor_is_watched);
	harness_case(suite, "no probation", setup, it_may_do_without);
	harness_case(suite, "no probation in a set", setup, one_of_a_set_may_do_without);
	harness_loop(suite, "L2 probation", setup, what_is_no_probation_is_the_usual_one, 0,
		     3);
	return suite;
}

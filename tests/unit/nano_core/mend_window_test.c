/*
 * mend_window_test - while a fault is seen to, anything may run out and anybody may come in
 * between: the machine goes on, the fault is in the log, and who has nothing to do with it
 * is served as ever.
 *
 * Each step of the cascade, and the recovery of a device, is brought about with each thing
 * it asks for running out, once and for good, and with each trouble in each of its windows.
 */
#include "accounts.h"
#include "harness.h"
#include "keeper.h"
#include "rig.h"
#include "suite.h"
#include "window.h"

#include <theseus/iface/interpose.h>
#include <theseus/iface/module.h>
#include <theseus/string.h>

extern const struct ths_module ths_module_keeper;

/* ---- modules --------------------------------------------------------------------------- */

static bool front_is_ill;

static enum ths_err front_any(struct ths_call *call, struct interpose_any *args)
{
	(void)args;
	THS_TRY(ths_forward(call, NULL));
	return front_is_ill ? (enum ths_err)77 : THS_OK;
}
THS_MODULE(front, "front", 1, 0, THS_PROVIDES(interpose, .any = front_any));

static unsigned wanting; /* of the next so many calls of `recover` run out */

static enum ths_err driver_recover(struct ths_call *call, const struct ths_journal *journal)
{
	(void)call;
	(void)journal;
	if (wanting == 0)
		return THS_OK;
	wanting--;
	return THS_E_NOMEM;
}

/* Beside a cache it has a device. */
enum { CACHE };
THS_MODULE(driver, "driver", 1, 0,
	   THS_PROVIDES(script, SCRIPT_SERVES(script_first_op)),
	   THS_TABLE(CACHE, "driver.cache/1", struct item, .rows = SOFTS,
		     .flags = THS_SOFT | THS_KEYED),
	   .recover = driver_recover);

/* ---- the ways -------------------------------------------------------------------------- */

static struct ths_ref server, driver;
static struct ths_reason why;

static struct ths_instance *provider(const char *name)
{
	struct ths_binding *binding;

	ck_assert_int_eq(ths_binding_find(&script_iface, name, &binding), THS_OK);
	return ths_binding_server(binding);
}

static enum ths_err fault_for_a_while(struct ths_call *call, void *left)
{
	(void)call;
	return *(unsigned *)left && (*(unsigned *)left)-- ? (enum ths_err)77 : THS_OK;
}

static enum ths_err faulting(struct ths_ref *ref, unsigned times)
{
	return script_by(ref, fault_for_a_while, &times);
}

static enum ths_err mended_anew(void)
{
	return faulting(&server, 1);
}

static enum ths_err its_callers(void)
{
	return faulting(&server, 1000);
}

/* By the time the turn is ours another one may serve: then it is that one's place. */
static enum ths_err take_the_place(uint32_t slot)
{
	enum ths_err err = THS_E_NOENT;

	for (unsigned i = 0; i < 100 && err == THS_E_NOENT; i++)
		err = ths_swap(provider("")->slot, slot, NULL);
	return err;
}

static enum ths_err taken_back(void)
{
	uint32_t slot;

	THS_TRY(ths_module_add(&ths_module_script_same, "next", &slot, &why));
	THS_TRY(take_the_place(slot));
	return faulting(&server, 1);
}

static enum ths_err by_a_second(void)
{
	uint32_t slot;

	THS_TRY(ths_module_add(&ths_module_script_same, "second", &slot, &why));
	THS_TRY(ths_vital("script"));
	return faulting(&server, 1);
}

/* Until it has served nobody for long. */
static enum ths_err unbound(void)
{
	enum ths_err err = THS_OK;

	for (unsigned i = 0; i < 12; i++)
		err = faulting(&server, 1000);
	return err;
}

static enum ths_err by_the_next(void)
{
	uint32_t slot;

	THS_TRY(ths_module_add(&ths_module_script_same, "second", &slot, &why));
	return unbound();
}

static enum ths_err left_by_an_interposer(void)
{
	enum ths_err err = THS_OK;
	uint32_t slot;

	THS_TRY(ths_module_add(&ths_module_front, NULL, &slot, &why));
	THS_TRY(ths_interpose(slot, "script", NULL));
	front_is_ill = true;
	for (unsigned i = 0; i < 12; i++)
		err = faulting(&server, 0);
	front_is_ill = false;
	return err;
}

static enum ths_err fill_cache(struct ths_call *call, void *unused)
{
	struct item *item;
	uint32_t row;

	(void)unused;
	return ths_row_new_keyed(call, CACHE, 5, &row, &item);
}

static enum ths_err use_cache(struct ths_call *call, void *unused)
{
	const struct item *item;
	uint32_t row;

	(void)unused;
	return ths_row_find(call, CACHE, 5, &row, &item) == THS_OK ? (enum ths_err)77 : THS_OK;
}

static enum ths_err without_a_cache(void)
{
	enum ths_err err = script_by(&driver, fill_cache, NULL);

	for (unsigned i = 0; i < 9; i++)
		err = script_by(&driver, use_cache, NULL);
	return err;
}

static enum ths_err with_a_device(void)
{
	unsigned times = 1;
	enum ths_err err;

	wanting = 1;
	err = script_drive_by(&driver, fault_for_a_while, &times);
	for (unsigned i = 0; i < 3; i++)
		ths_host_tick();
	return err == THS_E_INTERNAL ? THS_OK : err;
}

static const struct way {
	enum ths_err (*go)(void);
	enum ths_err due; /* where nothing comes in between */
	const char *faulty;
} ways[] = {
	{mended_anew, THS_OK, "script"},
	{its_callers, THS_E_INTERNAL, "script"},
	{taken_back, THS_OK, "next"},
	{by_a_second, THS_OK, "script"},
	{unbound, THS_E_UNAVAIL, "script"},
	{by_the_next, THS_E_UNAVAIL, "script"},
	{left_by_an_interposer, THS_OK, "front"},
	{without_a_cache, THS_OK, "driver"},
	{with_a_device, THS_OK, "driver"},
};
#define WAYS THS_ARRAY_SIZE(ways)

/* ---- troubles --------------------------------------------------------------------------- */

static enum ths_err do_nothing(struct ths_call *call, void *unused)
{
	(void)call;
	(void)unused;
	return THS_OK;
}

static bool may_be_unbound(enum ths_err err)
{
	return err == THS_OK || err == THS_E_UNAVAIL || err == THS_E_INTERNAL;
}

/* Who is served by the one that faults, ... */
static enum ths_err trouble_commit(void *unused)
{
	struct ths_ref own = THS_REF(script);

	return may_be_unbound(script_by(&own, do_nothing, unused)) ? THS_OK : THS_E_IO;
}

/* ... and who makes it fault, too. */
static enum ths_err trouble_fault(void *unused)
{
	struct ths_ref own = THS_REF(script);
	unsigned times = 1000;

	(void)unused;
	return may_be_unbound(script_by(&own, fault_for_a_while, &times)) ? THS_OK : THS_E_IO;
}

static enum ths_err trouble_swap(void *unused)
{
	const struct ths_instance *old;
	enum ths_err err;
	uint32_t slot;

	(void)unused;
	THS_TRY(ths_module_add(&ths_module_script, "elsewhere", &slot, NULL));
	old = provider("");
	if (!old)
		return THS_OK;
	err = ths_swap(old->slot, slot, NULL);
	return err == THS_E_NOENT ? THS_OK : err; /* unbound meanwhile */
}

/* ---- a turn ----------------------------------------------------------------------------- */

static uint64_t kept;

/* Who has nothing to do with all this. */
static void others_are_served(void)
{
	struct keeper_add add = {.amount = 1};
	struct ths_ref keeper = THS_REF(keeper);

	ck_assert_int_eq(keeper_add(&keeper, &add), THS_OK);
	ck_assert_uint_eq(add.total, ++kept);
}

static void begin(void)
{
	harness_start();
	rig_cpus(2);
	other_start();
	ths_core.quiet_faults = true;
	ths_probation_set((struct ths_probation){1000, 1000});
	rig_bind(&ths_module_script, "");
	ck_assert_int_eq(ths_bind(rig_add(&ths_module_driver, NULL), "driver"), THS_OK);
	memset(ths_module_keeper.state.at, 0, ths_module_keeper.state.size);
	rig_bind(&ths_module_keeper, "");
	server = (struct ths_ref)THS_REF(script);
	driver = (struct ths_ref)THS_REF_TO(script, "driver");
	kept = wanting = 0;
	front_is_ill = false;
	others_are_served();
}

static bool is_logged(const char *name)
{
	struct ths_ref module = THS_REF(module);
	struct module_fault entry = {.number = 0};

	while (module_fault(&module, &entry) == THS_OK)
		if (entry.step == MODULE_FAULT && strcmp(entry.name, name) == 0)
			return true;
	return false;
}

/* Once there is enough of everything: whoever was unbound can be bound, and serves. */
static void serve_again(const char *name)
{
	struct ths_ref own = {&script_iface, name, 0, 1, 0};
	uint32_t slot;

	if (!provider(name)) {
		ck_assert_int_eq(ths_module_find(name[0] ? name : "script", &slot), THS_OK);
		ck_assert_int_eq(ths_bind(slot, name), THS_OK);
	}
	ck_assert_int_eq(script_by(&own, do_nothing, NULL), THS_OK);
}

static bool leads_somewhere(const struct ths_instance *instance)
{
	for (unsigned i = 0; i < BINDINGS_MAX; i++)
		if (ths_core.binding[i].generation &&
		    ths_binding_instance(&ths_core.binding[i]) == instance)
			return true;
	return false;
}

static bool is_kept_for_somebody(const struct ths_instance *instance)
{
	for (unsigned i = 1; i < ths_instances(); i++)
		if (ths_core.instance[i].state == THS_INSTANCE_BOUND &&
		    ths_core.instance[i].before == instance)
			return true;
	return false;
}

/* Who counts as bound is, and nobody is kept for somebody who has gone. */
static void states_hold(void)
{
	for (unsigned i = 1; i < ths_instances(); i++) {
		const struct ths_instance *instance = &ths_core.instance[i];

		ck_assert_msg(instance->state != THS_INSTANCE_BOUND || leads_somewhere(instance),
			      "%s is bound to nothing", instance->name);
		ck_assert_msg(instance->state != THS_INSTANCE_KEPT ||
				      is_kept_for_somebody(instance),
			      "%s is kept for nobody", instance->name);
	}
}

/* @faulty: whose fault is due in the log; NULL: none is. */
static void end(const char *faulty)
{
	char name[THS_NAME_MAX] = "";
	const char *lost;

	if (faulty)
		(void)!ths_str_copy(name, sizeof(name), faulty);
	wanting = 0;
	for (unsigned i = 0; i < 3; i++)
		ths_host_tick();
	others_are_served();
	states_hold();
	ck_assert_msg(!faulty || is_logged(name), "%s's fault is not in the log", name);
	serve_again("");
	serve_again("driver");
	other_stop();
	lost = accounts_lost();
	ck_assert_msg(!lost, "%s", lost);
	rig_stop();
}

static bool is_shortage(enum ths_err err)
{
	return ths_err_is_shortage(err) || err == THS_E_USES || err == THS_E_NOENT;
}

START_TEST(whatever_runs_out_the_rest_is_served)
{
	const struct way *way = &ways[_i / 2];
	bool failed = true;
	uint64_t n;

	for (n = 1; failed; n++) {
		enum ths_err err;

		begin();
		ths_host_fail_nth("alloc", n, _i % 2);
		err = way->go();
		failed = ths_host_fail_failed() > 0;
		ths_host_fail_nth("alloc", 0, false);
		ck_assert_msg(failed ? may_be_unbound(err) || is_shortage(err) : err == way->due,
			      "way %d, failure %u: %s", _i / 2, (unsigned)n, ths_err_name(err));
		/* It may not have come so far as to fault. */
		end(ths_cpu()->fault.err ? ths_cpu()->fault.name : NULL);
	}
	ck_assert_uint_gt(n, 2);
}
END_TEST

static unsigned met_on[WAYS][WINDOWS];

static void go_without_trouble(unsigned way)
{
	begin();
	ck_assert_int_eq(look(ways[way].go), ways[way].due);
	memcpy(met_on[way], met, sizeof(met));
	end(ways[way].faulty);
}

START_TEST(trouble_in_a_window_leaves_the_rest_served)
{
	unsigned way = (unsigned)_i;

	go_without_trouble(way);
	for (unsigned i = 0; i < WINDOWS * TIMES * TROUBLES; i++) {
		unsigned window = i / TROUBLES / TIMES;
		unsigned time = time_of(met_on[way][window], i / TROUBLES % TIMES);
		enum ths_err err;

		if (time == 0 || i % TROUBLES == NONE)
			continue;
		begin();
		err = go(ways[way].go, windows[window], time, (enum trouble)(i % TROUBLES));
		ck_assert_msg(at.err == THS_OK && may_be_unbound(err),
			      "way %u, trouble %u, time %u in %s: %s, %s", way, i % TROUBLES,
			      time, windows[window], ths_err_name(err),
			      ths_err_name(at.err));
		end(ways[way].faulty);
	}
}
END_TEST

/* Which window_test leaves to us. */
START_TEST(the_windows_of_the_cascade_are_met)
{
	static const char *const due[] = {"cascade/", "recover/", "swap/before-unbind",
					  "tables/before-empty"};
	unsigned count[WINDOWS] = {0};

	for (unsigned way = 0; way < WAYS; way++) {
		go_without_trouble(way);
		for (unsigned i = 0; i < WINDOWS; i++)
			count[i] += met_on[way][i];
	}
	for (unsigned i = 0; i < WINDOWS; i++)
		for (unsigned k = 0; k < THS_ARRAY_SIZE(due); k++)
			if (strncmp(windows[i], due[k], strlen(due[k])) == 0 &&
			    strcmp(windows[i], "tables/before-empty-one") != 0)
				ck_assert_msg(count[i], "no way leads through %s", windows[i]);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("mend windows");
	TCase *loaded = tcase_create("allocations"), *trouble = tcase_create("windows");

	tcase_add_loop_test(loaded, whatever_runs_out_the_rest_is_served, 0, 2 * (int)WAYS);
	suite_add_tcase(suite, loaded);
	tcase_add_loop_test(trouble, trouble_in_a_window_leaves_the_rest_served, 0, (int)WAYS);
	suite_add_tcase(suite, trouble);
	tcase_add_test(ths_suite_case(suite, "list"), the_windows_of_the_cascade_are_met);
	return suite;
}

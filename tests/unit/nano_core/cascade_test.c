/*
 * cascade_test - what is done about a fault before its caller sees it, step by step.
 */
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <string.h>
#include <theseus/host.h>
#include <theseus/iface/module.h>
#include <theseus/iface/tasks.h>
#include "nano_core/swap_impl.h"

static struct ths_ref ref, module;
static uint32_t server;
static unsigned runs;

static void setup(void)
{
	harness_start();
	ths_core.quiet_faults = true;
	server = harness_bind(&ths_module_script, "");
	ref = (struct ths_ref)THS_REF(script);
	module = (struct ths_ref)THS_REF(module);
	runs = 0;
}

static enum ths_err serve(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	return THS_OK;
}

/* Faults as often as *@ctx says, each time with a row written. */
static enum ths_err fault_for_a_while(struct ths_call *call, void *ctx)
{
	unsigned *left = ctx;
	struct cell *cell;

	runs++;
	THS_TRY(ths_row_write(call, CELL, 0, &cell));
	cell->value++;
	if (*left == 0)
		return THS_OK;
	--*left;
	return (enum ths_err)77;
}

static enum ths_err see_cell(struct ths_call *call, void *ctx)
{
	const struct cell *cell;

	THS_TRY(ths_row_read(call, CELL, 0, &cell));
	*(uint64_t *)ctx = cell->value;
	return THS_OK;
}

static uint64_t cell_value(void)
{
	uint64_t value = UINT64_MAX;

	ck_assert_int_eq(script_by(&ref, see_cell, &value), THS_OK);
	return value;
}

static struct ths_instance *provider(void)
{
	struct ths_binding *binding;

	ck_assert_int_eq(ths_binding_find(&script_iface, "", &binding), THS_OK);
	return ths_binding_instance(binding);
}

static void call_faulting(unsigned times, enum ths_err due)
{
	unsigned left = times;

	ck_assert_int_eq(script_by(&ref, fault_for_a_while, &left), due);
}

/* The steps in the log so far, beside faults. */
static unsigned steps(enum module_fault_step *step, unsigned most, unsigned *faults)
{
	struct module_fault entry = {.number = 0};
	unsigned count = 0;

	*faults = 0;
	while (module_fault(&module, &entry) == THS_OK) {
		if (entry.step == MODULE_FAULT)
			++*faults;
		else if (count < most)
			step[count++] = (enum module_fault_step)entry.step;
	}
	return count;
}

static void expect_steps(unsigned faults_due, unsigned count_due,
			 const enum module_fault_step *due)
{
	enum module_fault_step step[MODULE_FAULTS];
	unsigned faults, count = steps(step, MODULE_FAULTS, &faults);

	ck_assert_uint_eq(faults, faults_due);
	ck_assert_uint_eq(count, count_due);
	for (unsigned i = 0; i < count; i++)
		ck_assert_int_eq(step[i], due[i]);
}

#define EXPECT(faults, ...)                                                              \
	expect_steps((faults),                                                           \
		     sizeof((enum module_fault_step[]){__VA_ARGS__}) /                   \
			     sizeof(enum module_fault_step),                             \
		     (enum module_fault_step[]){__VA_ARGS__})

/* ---- a first fault ------------------------------------------------------------------- */

START_TEST(a_fault_that_does_not_come_again_is_mended)
{
	struct ths_instance *before = provider();

	call_faulting(1, THS_OK);
	ck_assert_uint_eq(runs, 2);
	ck_assert_uint_eq(cell_value(), 1); /* the first run left nothing */
	ck_assert_ptr_ne(provider(), before);
	ck_assert_str_eq(provider()->name, "script"); /* its own tables go by that */
	ck_assert_uint_eq(provider()->faults, 1);
	ck_assert_int_eq(before->state, THS_INSTANCE_FREE);
	EXPECT(1, MODULE_FAULT_ANEW);
}
END_TEST

START_TEST(a_fault_that_comes_again_is_its_callers)
{
	call_faulting(1000, THS_E_INTERNAL);
	ck_assert_uint_eq(runs, 2);
	ck_assert_uint_eq(cell_value(), 0);
	ck_assert_int_eq(script_by(&ref, serve, NULL), THS_OK);
	EXPECT(2, MODULE_FAULT_ANEW);
}
END_TEST

/* A budget of three; then a fault costs nothing but itself, until time has passed. */
START_TEST(mending_has_a_budget)
{
	for (unsigned i = 0; i < 3; i++) {
		call_faulting(1, THS_OK);
		ck_assert_int_eq(script_by(&ref, serve, NULL), THS_OK);
	}
	for (unsigned i = 0; i < 5; i++) {
		struct ths_instance *before = provider();

		call_faulting(1, THS_E_INTERNAL);
		ck_assert_ptr_eq(provider(), before);
		ck_assert_int_eq(script_by(&ref, serve, NULL), THS_OK);
	}
	ck_assert_uint_eq(runs, 3 * 2 + 5);
	for (unsigned i = 0; i < 10000; i++)
		ths_host_tick();
	call_faulting(1, THS_OK);
}
END_TEST

static enum ths_err parent(struct ths_call *call, void *ctx)
{
	enum ths_err *seen = ctx;
	unsigned left = *seen == THS_OK ? 1000 : 1;

	if (*seen != THS_OK && runs > 0)
		left = 0; /* the child faults once */
	*seen = script_nested(call, fault_for_a_while, &left);
	return THS_OK;
}

/* X1 */
START_TEST(a_parent_does_not_see_what_is_mended)
{
	enum ths_err seen = THS_E_IO;

	ck_assert_int_eq(script_by(&ref, parent, &seen), THS_OK);
	ck_assert_int_eq(seen, THS_OK);
	ck_assert_uint_eq(runs, 2);
	ck_assert_uint_eq(cell_value(), 1);
}
END_TEST

START_TEST(a_parent_sees_a_fault_when_no_step_is_left)
{
	enum ths_err seen = THS_OK;

	for (unsigned i = 0; i < 3; i++) {
		call_faulting(1, THS_OK);
		ck_assert_int_eq(script_by(&ref, serve, NULL), THS_OK);
	}
	ck_assert_int_eq(script_by(&ref, parent, &seen), THS_OK);
	ck_assert_int_eq(seen, THS_E_INTERNAL);
	ck_assert_uint_eq(cell_value(), 3);
}
END_TEST

/* X4 */
static enum ths_err device_fault(struct ths_call *call, void *ctx)
{
	(void)call;
	++*(unsigned *)ctx;
	return (enum ths_err)77;
}

START_TEST(a_device_fault_leads_to_a_step_and_is_not_run_again)
{
	unsigned count = 0;

	ck_assert_int_eq(script_drive_by(&ref, device_fault, &count), THS_E_INTERNAL);
	ck_assert_uint_eq(count, 1);
	EXPECT(1, MODULE_FAULT_ANEW);
}
END_TEST

/* ---- who serves nobody ----------------------------------------------------------------- */

/* The first fault is mended and comes again; then in_a_row counts up to the break. */
static void fault_until_the_break(void)
{
	call_faulting(1000, THS_E_INTERNAL); /* 1, anew, 2 */
	for (unsigned i = 3; i < 8; i++)
		call_faulting(1000, THS_E_INTERNAL);
}

START_TEST(who_serves_nobody_is_unbound)
{
	fault_until_the_break();
	ck_assert_ptr_nonnull(provider());
	call_faulting(1000, THS_E_UNAVAIL);
	ck_assert_ptr_null(provider());
	ck_assert_int_eq(script_by(&ref, serve, NULL), THS_E_UNAVAIL);
	EXPECT(8, MODULE_FAULT_ANEW, MODULE_FAULT_UNBOUND);
}
END_TEST

static void serve_times(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		ck_assert_int_eq(script_by(&ref, serve, NULL), THS_OK);
}

/* Also if it has served less than who was there before. */
START_TEST(what_a_successor_serves_counts)
{
	for (unsigned i = 0; i < 3; i++) { /* from now on nothing is mended */
		call_faulting(1, THS_OK);
		serve_times(1);
	}
	serve_times(300);
	for (unsigned i = 1; i < 8; i++) /* one more, and it would be unbound */
		call_faulting(1000, THS_E_INTERNAL);
	ck_assert_int_eq(ths_swap(provider()->slot, rig_add(&ths_module_script_same, "next"),
				  NULL),
			 THS_OK);
	serve_times(200);
	ths_host_tick(); /* its probation is over */
	call_faulting(1000, THS_E_INTERNAL);
	call_faulting(1000, THS_E_INTERNAL);
	ck_assert_ptr_nonnull(provider());
}
END_TEST

START_TEST(it_can_be_bound_again)
{
	uint32_t slot;

	fault_until_the_break();
	call_faulting(1000, THS_E_UNAVAIL);
	ck_assert_int_eq(ths_module_find("script", &slot), THS_OK);
	ck_assert_int_eq(ths_bind(slot, ""), THS_OK);
	ck_assert_int_eq(script_by(&ref, serve, NULL), THS_OK);
	call_faulting(1, THS_OK); /* and is mended as before */
}
END_TEST

static enum ths_err fault_unless_same(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	runs++;
	return ths_cpu()->call->instance->module == &ths_module_script_same ? THS_OK
									     : (enum ths_err)77;
}

START_TEST(the_next_provider_takes_over)
{
	uint32_t second = rig_add(&ths_module_script_same, "second");

	for (unsigned i = 1; i < 7; i++)
		ck_assert_int_eq(script_by(&ref, fault_unless_same, NULL), THS_E_INTERNAL);
	ck_assert_uint_eq(runs, 7);
	ck_assert_int_eq(script_by(&ref, fault_unless_same, NULL), THS_OK);
	ck_assert_uint_eq(runs, 9);
	ck_assert_ptr_eq(provider(), &ths_core.instance[second]);
	EXPECT(8, MODULE_FAULT_ANEW, MODULE_FAULT_NEXT);
}
END_TEST

/* If that faults as well the way goes on from there. */
START_TEST(the_way_leads_down_to_the_end)
{
	rig_add(&ths_module_script_same, "second");
	fault_until_the_break();
	call_faulting(1000, THS_E_UNAVAIL);
	ck_assert_ptr_null(provider());
	EXPECT(9, MODULE_FAULT_ANEW, MODULE_FAULT_NEXT, MODULE_FAULT_UNBOUND);
}
END_TEST

/* One call served in between: it serves somebody, and stays. */
START_TEST(who_serves_others_stays)
{
	for (unsigned i = 0; i < 50; i++) {
		call_faulting(1000, THS_E_INTERNAL);
		ck_assert_int_eq(script_by(&ref, serve, NULL), THS_OK);
	}
	ck_assert_ptr_nonnull(provider());
}
END_TEST

/* ---- soft tables ------------------------------------------------------------------------- */

/* A cache with a bad entry in it: emptied, it is filled again. */
static enum ths_err use_cache(struct ths_call *call, void *ctx)
{
	const struct loose *fixed;
	const struct item *entry;
	uint32_t row;

	(void)ctx;
	if (ths_row_find(call, SOFT, 5, &row, &entry) == THS_OK && entry->value == 666)
		return (enum ths_err)77;
	THS_TRY(ths_row_read(call, SOFT_FIXED, 3, &fixed));
	return fixed->value == 666 ? (enum ths_err)77 : THS_OK;
}

static enum ths_err spoil_cache(struct ths_call *call, void *ctx)
{
	struct loose *fixed;
	struct item *entry;
	uint32_t row;

	(void)ctx;
	for (uint64_t key = 0; key < SOFTS; key++) {
		THS_TRY(ths_row_new_keyed(call, SOFT, key, &row, &entry));
		entry->value = 666;
	}
	THS_TRY(ths_row_write(call, SOFT_FIXED, 3, &fixed));
	fixed->value = 666;
	return THS_OK;
}

START_TEST(soft_tables_are_emptied)
{
	struct ths_ref soft = THS_REF_TO(script, "soft");

	harness_bind(&ths_module_script_soft, "soft");
	ck_assert_int_eq(script_by(&soft, spoil_cache, NULL), THS_OK);
	for (unsigned i = 1; i < 7; i++)
		ck_assert_int_eq(script_by(&soft, use_cache, NULL), THS_E_INTERNAL);
	ck_assert_int_eq(script_by(&soft, use_cache, NULL), THS_OK);
	EXPECT(8, MODULE_FAULT_ANEW, MODULE_FAULT_SOFT);
	ck_assert_int_eq(script_by(&soft, spoil_cache, NULL), THS_OK); /* all rows are free */
}
END_TEST

/* ---- vital ---------------------------------------------------------------------------------- */

START_TEST(a_vital_fault_is_a_rebind_without_loading)
{
	struct ths_instance *first = provider();
	uint32_t second = rig_add(&ths_module_script_same, "second");
	uint64_t pages = ths_pages_out();

	ck_assert_int_eq(ths_vital("script"), THS_OK);
	call_faulting(1, THS_OK);
	ck_assert_ptr_eq(provider(), &ths_core.instance[second]);
	ck_assert_int_eq(first->state, THS_INSTANCE_LOADED); /* now it is the second */
	ck_assert_int_eq(script_by(&ref, serve, NULL), THS_OK);
	call_faulting(1, THS_OK);
	ck_assert_ptr_eq(provider(), first);
	EXPECT(2, MODULE_FAULT_NEXT, MODULE_FAULT_NEXT);
	ck_assert_uint_eq(ths_pages_out(), pages);
}
END_TEST

START_TEST(who_has_no_second_is_told)
{
	ck_assert_int_eq(ths_vital("script"), THS_E_NOENT);
	ck_assert_int_eq(ths_vital("nobody"), THS_E_UNAVAIL);
	call_faulting(1, THS_OK); /* loaded anew, then */
	EXPECT(1, MODULE_FAULT_ANEW);
}
END_TEST

extern const struct ths_module ths_module_sched_rr, ths_module_tasks;

static struct ths_ref tasks;
static enum ths_err came_out;

static void set_up_tasks(void)
{
	setup();
	ths_probation_set((struct ths_probation){0, 0}); /* who is replaced goes at once */
	harness_bind(&ths_module_sched_rr, "");
	harness_bind(&ths_module_tasks, "");
	tasks = (struct ths_ref)THS_REF(tasks);
	came_out = THS_E_AGAIN;
}

/* ---- the log -------------------------------------------------------------------------------- */

START_TEST(the_log_says_what_and_where)
{
	struct module_fault entry = {.number = 0};
	enum ths_err seen = THS_OK;

	ck_assert_int_eq(script_by(&ref, parent, &seen), THS_OK);
	ck_assert_int_eq(module_fault(&module, &entry), THS_OK);
	ck_assert_uint_eq(entry.number, 1);
	ck_assert_str_eq(entry.name, "script");
	ck_assert_str_eq(entry.by, "");
	ck_assert_int_eq(entry.err, THS_E_INTERNAL);
	ck_assert_uint_eq(entry.op, script_op_run);
	ck_assert_uint_eq(entry.depth, 1);
	ck_assert_int_eq(module_fault(&module, &entry), THS_OK);
	ck_assert_uint_eq(entry.number, 2);
	ck_assert_uint_eq(entry.step, MODULE_FAULT_ANEW);
	ck_assert_str_eq(entry.by, "script");
}
END_TEST

START_TEST(the_log_keeps_the_newest)
{
	struct module_fault entry = {.number = 0};
	uint64_t first = 0, last = 0;

	for (unsigned i = 0; i < 200; i++) {
		call_faulting(1000, THS_E_INTERNAL);
		ck_assert_int_eq(script_by(&ref, serve, NULL), THS_OK);
	}
	while (module_fault(&module, &entry) == THS_OK) {
		first = first ? first : entry.number;
		ck_assert(last == 0 || entry.number == last + 1);
		last = entry.number;
	}
	ck_assert_uint_gt(last, 200);
	ck_assert_uint_eq(last - first, MODULE_FAULTS - 1);
}
END_TEST

static enum ths_err set_to_13(struct ths_call *call, void *ctx)
{
	struct cell *cell;

	(void)ctx;
	THS_TRY(ths_row_write(call, CELL, 0, &cell));
	cell->value = 13; /* which script_on_migrate is asked about */
	return THS_OK;
}

THS_NO_SANITIZE static enum ths_err fault_in_migration(struct ths_call *call, void *ctx)
{
	(void)call;
	return (enum ths_err) * (volatile int *)(uintptr_t)ctx; /* NULL */
}

/* The sweep passes over it: there is nothing to mend. */
START_TEST(a_fault_that_cannot_be_mended_is_logged)
{
	struct module_fault entry = {.number = 0};
	uint32_t next = rig_add(&ths_module_script_next, "next");

	script_on_migrate = fault_in_migration;
	ck_assert_int_eq(script_by(&ref, set_to_13, NULL), THS_OK);
	ck_assert_int_eq(ths_swap(server, next, NULL), THS_OK);
	ck_assert_int_eq(ths_sweep(), THS_E_BUSY);
	script_on_migrate = NULL;
	ths_host_tick();
	ck_assert_int_eq(module_fault(&module, &entry), THS_OK);
	ck_assert_str_eq(entry.name, "next");
}
END_TEST

/* Anybody who declares the table reads it, and sleeps on it. */
THS_MODULE(log_reader, "log.reader", 1, 0,
	   THS_PROVIDES(script, SCRIPT_SERVES(script_first_op)),
	   THS_TABLE(CELL, "nano_core.fault/1", struct module_fault,
		     .rows = 1 + MODULE_FAULTS, .flags = THS_FIXED));

static enum ths_err newest_fault(struct ths_call *call, void *ctx)
{
	struct module_fault *seen = ctx;
	const struct module_fault *head, *entry;

	THS_TRY(ths_row_read(call, CELL, 0, &head));
	if (head->number <= seen->number)
		return THS_E_AGAIN;
	THS_TRY(ths_row_read(call, CELL, 1 + head->number % MODULE_FAULTS, &entry));
	*seen = *entry;
	return THS_OK;
}

static struct module_fault seen;

static void waits_for_a_fault(void *unused)
{
	struct ths_ref reader = THS_REF_TO(script, "reader");

	(void)unused;
	came_out = script_by(&reader, newest_fault, &seen);
}

static void create(void (*entry)(void *))
{
	struct tasks_create args = {.entry = (uint64_t)(uintptr_t)entry};

	ck_assert_int_eq(tasks_create(&tasks, &args), THS_OK);
}

static void faults_while_somebody_waits(void *unused)
{
	(void)unused;
	seen.number = 0;
	create(waits_for_a_fault);
	for (unsigned i = 0; i < 10; i++)
		ths_yield();
	ck_assert_int_eq(came_out, THS_E_AGAIN);
	call_faulting(1000, THS_E_INTERNAL);
	while (came_out == THS_E_AGAIN)
		ths_yield();
	ck_assert_int_eq(came_out, THS_OK);
	ck_assert_uint_ge(seen.number, 1);
	ck_assert_str_eq(seen.name, "script");
	ck_assert_int_eq(seen.err, THS_E_INTERNAL);
	harness_done();
}

START_TEST(anybody_may_read_the_log_and_sleep_on_it)
{
	harness_bind(&ths_module_log_reader, "reader");
	harness_run(faults_while_somebody_waits, NULL);
}
END_TEST

/* ---- while it waits for the turn ------------------------------------------------------- */

static void faults_once(void *unused)
{
	struct ths_ref own = THS_REF(script);
	unsigned left = 1;

	(void)unused;
	came_out = script_by(&own, fault_for_a_while, &left);
}

/* Who faulted goes; after another one a third serves, and has its slot. */
static void replace_twice(void)
{
	uint64_t life = ths_instance_life(&ths_core.instance[server]);
	uint32_t between = harness_swap(server, &ths_module_script);

	ck_assert_int_eq(ths_core.instance[server].state, THS_INSTANCE_FREE);
	ck_assert_uint_eq(harness_swap(between, &ths_module_script), server);
	ck_assert_uint_ne(ths_instance_life(&ths_core.instance[server]), life);
}

static void replaces_who_faulted(void *unused)
{
	uint64_t life;

	(void)unused;
	ck_assert_int_eq(ths_loader_enter(), THS_OK);
	create(faults_once);
	while (runs == 0)
		ths_yield();
	ths_loader_leave();
	replace_twice();
	life = ths_instance_life(&ths_core.instance[server]);
	ck_assert_uint_eq(runs, 1);
	while (came_out == THS_E_AGAIN)
		ths_yield();
	ck_assert_int_eq(came_out, THS_OK);
	ck_assert_uint_eq(runs, 2);
	ck_assert_ptr_eq(provider(), &ths_core.instance[server]);
	ck_assert_uint_eq(ths_instance_life(provider()), life);
	expect_steps(1, 0, NULL);
	harness_done();
}

START_TEST(a_successor_pays_for_nobody)
{
	harness_run(replaces_who_faulted, NULL);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("cascade");

	harness_case(suite, "once", setup, a_fault_that_does_not_come_again_is_mended);
	harness_case(suite, "again", setup, a_fault_that_comes_again_is_its_callers);
	harness_case(suite, "X2 budget", setup, mending_has_a_budget);
	harness_case(suite, "X1 mended", setup, a_parent_does_not_see_what_is_mended);
	harness_case(suite, "X1 told", setup, a_parent_sees_a_fault_when_no_step_is_left);
	harness_case(suite, "X4", setup, a_device_fault_leads_to_a_step_and_is_not_run_again);
	harness_case(suite, "unbound", setup, who_serves_nobody_is_unbound);
	harness_case(suite, "successor", setup, what_a_successor_serves_counts);
	harness_case(suite, "bound again", setup, it_can_be_bound_again);
	harness_case(suite, "next", setup, the_next_provider_takes_over);
	harness_case(suite, "all the way", setup, the_way_leads_down_to_the_end);
	harness_case(suite, "stays", setup, who_serves_others_stays);
	harness_case(suite, "soft", setup, soft_tables_are_emptied);
	harness_case(suite, "vital", setup, a_vital_fault_is_a_rebind_without_loading);
	harness_case(suite, "no second", setup, who_has_no_second_is_told);
	harness_case(suite, "log", setup, the_log_says_what_and_where);
	harness_case(suite, "log goes round", setup, the_log_keeps_the_newest);
	harness_case(suite, "log of all", setup, a_fault_that_cannot_be_mended_is_logged);
	harness_case(suite, "log is a table", set_up_tasks,
		     anybody_may_read_the_log_and_sleep_on_it);
	harness_case(suite, "X5", set_up_tasks, a_successor_pays_for_nobody);
	return suite;
}

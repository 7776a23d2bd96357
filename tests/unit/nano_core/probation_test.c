/*
 * probation_test - a swap that can be taken back, and is when the new one fails.
 */
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <string.h>
#include <theseus/host.h>
#include <theseus/iface/module.h>
#include "nano_core/swap_impl.h"

static struct ths_ref ref, module;
static uint32_t server;

static void setup(void)
{
	harness_start();
	ths_core.quiet_faults = true;
	server = harness_bind(&ths_module_script, "");
	ref = (struct ths_ref)THS_REF(script);
	module = (struct ths_ref)THS_REF(module);
	script_on_version = NULL;
	script_on_selftest = NULL;
	script_on_migrate = NULL;
}

static uint64_t version(void)
{
	struct script_args args = {0};

	ck_assert_int_eq(script_version(&ref, &args), THS_OK);
	return args.fn;
}

static enum ths_instance_state state_of(uint32_t slot)
{
	struct module_info info = {.slot = slot - 1};

	if (module_info(&module, &info) != THS_OK || info.slot != slot)
		return THS_INSTANCE_FREE;
	return (enum ths_instance_state)info.state;
}

static uint32_t swap_in(const struct ths_module *what, const char *name)
{
	uint32_t next = rig_add(what, name);
	struct ths_swap_times times;

	ck_assert_int_eq(ths_swap(server, next, &times), THS_OK);
	ck_assert_int_eq(times.kept, state_of(next) == THS_INSTANCE_PROBATION);
	return next;
}

static enum ths_err do_nothing(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	return THS_OK;
}

THS_NO_SANITIZE static enum ths_err faults(struct ths_call *call, void *ctx)
{
	(void)call;
	return (enum ths_err) * (volatile int *)(uintptr_t)ctx; /* NULL */
}

static enum ths_err is_unwell(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	return THS_E_IO;
}

/* ---- U1: kept, then gone ------------------------------------------------------------- */

START_TEST(the_old_one_is_kept_for_so_many_calls)
{
	uint32_t next;

	ths_probation_set((struct ths_probation){5, 1000});
	next = swap_in(&ths_module_script_same, "same");
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(version(), 3);
		ths_host_tick();
		ck_assert_int_eq(state_of(next), THS_INSTANCE_PROBATION);
		ck_assert_int_eq(state_of(server), THS_INSTANCE_KEPT);
		ck_assert_int_eq(ths_module_unload(server), THS_E_BUSY);
	}
	ck_assert_uint_eq(version(), 3);
	ths_host_tick();
	ck_assert_int_eq(state_of(next), THS_INSTANCE_BOUND);
	ck_assert_int_eq(state_of(server), THS_INSTANCE_FREE);
	ck_assert(!ths_core.watched);
}
END_TEST

START_TEST(the_old_one_is_kept_for_so_many_ticks)
{
	uint32_t next;

	ths_probation_set((struct ths_probation){0, 7});
	next = swap_in(&ths_module_script_same, "same");
	for (unsigned i = 0; i < 6; i++) {
		ck_assert_uint_eq(version(), 3);
		ths_host_tick();
		ck_assert_int_eq(state_of(next), THS_INSTANCE_PROBATION);
	}
	ths_host_tick();
	ck_assert_int_eq(state_of(next), THS_INSTANCE_BOUND);
	ck_assert_int_eq(state_of(server), THS_INSTANCE_FREE);
}
END_TEST

/* Of calls and ticks either may be left out. */
START_TEST(or_for_as_long_as_it_takes)
{
	uint32_t next;

	ths_probation_set((struct ths_probation){3, 0});
	next = swap_in(&ths_module_script_same, "same");
	for (unsigned i = 0; i < 100; i++)
		ths_host_tick();
	ck_assert_int_eq(state_of(next), THS_INSTANCE_PROBATION);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(version(), 3);
	ths_host_tick();
	ck_assert_int_eq(state_of(next), THS_INSTANCE_BOUND);
	ck_assert_int_eq(state_of(server), THS_INSTANCE_FREE);
}
END_TEST

START_TEST(without_probation_the_old_one_goes_at_once)
{
	uint32_t next;

	script_on_selftest = is_unwell; /* not asked */
	ths_probation_set((struct ths_probation){0, 0});
	next = swap_in(&ths_module_script_same, "same");
	ck_assert_int_eq(state_of(next), THS_INSTANCE_BOUND);
	ck_assert_int_eq(state_of(server), THS_INSTANCE_FREE);
}
END_TEST

/* There is no way back for its rows. */
START_TEST(who_migrated_rows_has_no_probation)
{
	uint32_t next = swap_in(&ths_module_script_next, "next");
	struct ths_reason reason;

	ck_assert_int_eq(state_of(next), THS_INSTANCE_BOUND);
	ck_assert_int_eq(state_of(server), THS_INSTANCE_FREE);
	ck_assert_int_eq(ths_rollback("next", &reason), THS_E_NOENT);
}
END_TEST

START_TEST(the_next_swap_ends_a_probation)
{
	uint32_t first = server;
	uint32_t second = swap_in(&ths_module_script_same, "second"), third;

	server = second;
	third = swap_in(&ths_module_script, "third");
	ck_assert_int_eq(state_of(third), THS_INSTANCE_PROBATION);
	ck_assert_int_eq(state_of(second), THS_INSTANCE_KEPT);
	ths_host_tick();
	ck_assert_int_eq(state_of(first), THS_INSTANCE_FREE);
	ck_assert_int_eq(ths_rollback("script", NULL), THS_OK);
	ck_assert_uint_eq(version(), 3);
	ck_assert_int_eq(state_of(second), THS_INSTANCE_BOUND);
	ck_assert_int_eq(ths_rollback("script", NULL), THS_E_NOENT);
}
END_TEST

START_TEST(a_swap_that_fails_leaves_a_probation_as_it_was)
{
	uint32_t second = swap_in(&ths_module_script_same, "second");
	uint32_t other = rig_add(&ths_module_script_same, "other");

	script_on_selftest = is_unwell;
	ck_assert_int_eq(ths_swap(second, other, NULL), THS_E_IO);
	ck_assert_int_eq(state_of(other), THS_INSTANCE_LOADED);
	ck_assert_int_eq(state_of(second), THS_INSTANCE_PROBATION);
	ck_assert_int_eq(state_of(server), THS_INSTANCE_KEPT);
	ck_assert_int_eq(ths_rollback("second", NULL), THS_OK);
	ck_assert_uint_eq(version(), 1);
}
END_TEST

/* ---- going back ------------------------------------------------------------------------ */

START_TEST(one_may_go_back_by_name)
{
	static const char *const names[] = {"same", "script"};
	struct ths_reason reason;
	uint32_t next = swap_in(&ths_module_script_same, "same");

	ck_assert_uint_eq(version(), 3);
	ck_assert_int_eq(ths_rollback("nobody", &reason), THS_E_NOENT);
	ck_assert(strstr(reason.text, "nobody") != NULL);
	ck_assert_int_eq(ths_rollback(names[_i], &reason), THS_OK);
	ck_assert_uint_eq(version(), 1);
	ck_assert_int_eq(state_of(server), THS_INSTANCE_BOUND);
	ck_assert_int_eq(state_of(next), THS_INSTANCE_FREE);
	ck_assert_int_eq(ths_rollback("script", &reason), THS_E_NOENT);
	ck_assert(strstr(reason.text, "not on probation") != NULL);
}
END_TEST

START_TEST(a_failed_self_test_refuses_the_swap)
{
	static script_fn *const ways[] = {is_unwell, faults};
	static const enum ths_err due[] = {THS_E_IO, THS_E_FAULT};
	uint32_t next = rig_add(&ths_module_script_same, "same");

	script_on_selftest = ways[_i];
	ck_assert_int_eq(ths_swap(server, next, NULL), due[_i]);
	ck_assert_uint_eq(version(), 1);
	ck_assert_int_eq(state_of(server), THS_INSTANCE_BOUND);
	ck_assert_int_eq(state_of(next), THS_INSTANCE_LOADED);
	ths_host_tick();
	ck_assert_int_eq(state_of(next), THS_INSTANCE_LOADED);
	script_on_selftest = NULL;
	ck_assert_int_eq(ths_swap(server, next, NULL), THS_OK);
	ck_assert_uint_eq(version(), 3);
}
END_TEST

/* `module/1` asks it again while it is on probation. */
START_TEST(a_self_test_that_fails_later_reverts)
{
	struct module_name name = {"same"};
	uint32_t next = swap_in(&ths_module_script_same, "same");

	script_on_selftest = is_unwell;
	ck_assert_int_eq(module_selftest(&module, &name), THS_E_IO);
	ck_assert_uint_eq(version(), 1);
	ck_assert_int_eq(state_of(next), THS_INSTANCE_FREE);
	ck_assert_int_eq(module_selftest(&module, &name), THS_E_NOENT);
}
END_TEST

START_TEST(one_may_go_back_by_module_1)
{
	struct module_name name = {"same"};

	swap_in(&ths_module_script_same, "same");
	ck_assert_int_eq(module_rollback(&module, &name), THS_OK);
	ck_assert_uint_eq(version(), 1);
	ck_assert_int_eq(module_rollback(&module, &name), THS_E_NOENT);
}
END_TEST

/* ---- failing ------------------------------------------------------------------------------ */

static enum ths_err set_cell(struct ths_call *call, void *ctx)
{
	struct cell *cell;

	THS_TRY(ths_row_write(call, CELL, 0, &cell));
	cell->value++;
	if (ths_cpu()->call->instance->module != &ths_module_script_same)
		return THS_OK;
	return faults(call, ctx);
}

static enum ths_err count_cell(struct ths_call *call, void *ctx)
{
	const struct cell *cell;

	THS_TRY(ths_row_read(call, CELL, 0, &cell));
	*(uint64_t *)ctx = cell->value;
	return THS_OK;
}

static enum ths_err nested_set(struct ths_call *call, void *ctx)
{
	enum ths_err err = script_nested(call, set_cell, NULL);

	(void)ctx;
	ck_assert_int_eq(err, THS_OK); /* a parent does not see what is mended */
	return err;
}

static enum ths_err foreign(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	return ths_cpu()->call->instance->module == &ths_module_script_same ? (enum ths_err)77
									     : THS_OK;
}

static enum ths_err foreign_anyway(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	return (enum ths_err)77;
}

/* A fault in the new one, whatever it is: the caller is served by the old one. */
START_TEST(a_fault_reverts_and_the_caller_is_served)
{
	static script_fn *const ways[] = {set_cell, nested_set, foreign};
	uint32_t next = swap_in(&ths_module_script_same, "same");
	uint64_t count = 0;

	ck_assert_int_eq(script_by(&ref, ways[_i], NULL), THS_OK);
	ck_assert_int_eq(state_of(server), THS_INSTANCE_BOUND);
	ths_host_tick();
	ck_assert_int_eq(state_of(next), THS_INSTANCE_FREE);
	ck_assert_uint_eq(version(), 1);
	ck_assert_int_eq(script_by(&ref, count_cell, &count), THS_OK);
	ck_assert_uint_eq(count, ways[_i] == foreign ? 0 : 1);
}
END_TEST

/* A device operation is not run again, but the next is the old one's. */
START_TEST(a_device_fault_reverts)
{
	uint32_t next = swap_in(&ths_module_script_same, "same");

	ck_assert_int_eq(script_drive_by(&ref, foreign, NULL), THS_E_INTERNAL);
	ck_assert_int_eq(state_of(server), THS_INSTANCE_BOUND);
	ths_host_tick();
	ck_assert_int_eq(state_of(next), THS_INSTANCE_FREE);
	ck_assert_int_eq(script_drive_by(&ref, foreign, NULL), THS_OK);
}
END_TEST

/* Both do it: the fault is the request's, and the one before stays. */
START_TEST(a_fault_of_both_is_the_callers)
{
	swap_in(&ths_module_script_same, "same");
	ck_assert_int_eq(script_by(&ref, faults, NULL), THS_E_FAULT);
	ck_assert_uint_eq(version(), 1);
	ck_assert_int_eq(ths_rollback("script", NULL), THS_E_NOENT);
}
END_TEST

/* An error is no fault. */
START_TEST(an_error_does_not_revert)
{
	uint32_t next = swap_in(&ths_module_script_same, "same");

	ck_assert_int_eq(script_by(&ref, is_unwell, NULL), THS_E_IO);
	ck_assert_int_eq(state_of(next), THS_INSTANCE_PROBATION);
}
END_TEST

/* Who has served its probation is not taken back. */
START_TEST(a_fault_after_probation_is_its_callers)
{
	uint32_t next;

	ths_probation_set((struct ths_probation){1, 100});
	next = swap_in(&ths_module_script_same, "same");
	ck_assert_uint_eq(version(), 3);
	ths_host_tick();
	ck_assert_int_eq(state_of(next), THS_INSTANCE_BOUND);
	ck_assert_int_eq(script_by(&ref, foreign, NULL), THS_E_INTERNAL);
	ck_assert_uint_eq(version(), 3);
}
END_TEST

/* While somebody has the loader's turn, who cannot wait for it sees its fault; the sweep
 * goes back as soon as it can. */
START_TEST(who_cannot_wait_is_told_and_the_sweep_reverts)
{
	swap_in(&ths_module_script_same, "same");
	ck_assert_int_eq(ths_loader_enter(), THS_OK);
	ck_assert_int_eq(script_by(&ref, foreign, NULL), THS_E_INTERNAL);
	ths_host_tick();
	ck_assert_uint_eq(version(), 3);
	ths_loader_leave();
	ths_host_tick();
	ck_assert_uint_eq(version(), 1);
}
END_TEST

/* What is asked of the one that goes back is the other's to do. */
static unsigned kicks;

static enum ths_err count_kick(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	return ++kicks < 3 ? THS_E_BUSY : THS_OK;
}

static enum ths_err kick(struct ths_call *call, void *ctx)
{
	(void)ctx;
	return ths_kick(call, script_op_kicked);
}

START_TEST(kicks_go_back_too)
{
	kicks = 0;
	script_on_kick = count_kick;
	swap_in(&ths_module_script_same, "same");
	ck_assert_int_eq(script_by(&ref, kick, NULL), THS_OK);
	ck_assert_int_eq(ths_rollback("script", NULL), THS_OK);
	while (kicks < 3)
		ths_host_tick();
	ths_host_tick();
	ck_assert_uint_eq(kicks, 3);
	ck_assert_uint_eq(ths_core.instance[server].kicked, 0);
	script_on_kick = NULL;
}
END_TEST

static uint32_t unwell;

/* On another CPU who met it before asks it for something. */
static void kick_late(const char *window, void *unused)
{
	(void)unused;
	if (strcmp(window, "swap/before-unserve") == 0)
		ths_kick_now(ths_cpu(), &ths_core.instance[unwell], 1u << script_op_kicked);
}

START_TEST(so_do_those_that_come_late)
{
	kicks = 2;
	script_on_kick = count_kick;
	script_on_selftest = is_unwell;
	unwell = rig_add(&ths_module_script_same, "same");
	ths_host_on_point(kick_late, NULL);
	ck_assert_int_eq(ths_swap(server, unwell, NULL), THS_E_IO);
	ths_host_on_point(NULL, NULL);
	ths_host_tick();
	ck_assert_uint_eq(kicks, 3);
	script_on_kick = NULL;
}
END_TEST

/* Its tables are not what they were when it was replaced. */
START_TEST(who_cannot_read_its_tables_any_more_does_not_come_back)
{
	uint32_t next = swap_in(&ths_module_script_same, "same"), third;
	struct ths_reason reason;

	third = rig_add(&ths_module_script_next, "third");
	ck_assert_int_eq(ths_swap(next, third, NULL), THS_OK);
	ths_host_tick();
	ck_assert_int_eq(state_of(server), THS_INSTANCE_FREE);
	ck_assert_int_eq(state_of(next), THS_INSTANCE_FREE);
	ck_assert_int_eq(ths_rollback("script", &reason), THS_E_NOENT);
	ck_assert_uint_eq(version(), 2);
}
END_TEST

/* A table that only who is kept knows has changed for good meanwhile, by another's swap: it is
 * tried once, and who failed stays for want of anybody else. */
START_TEST(who_cannot_come_back_is_kept_no_longer)
{
	struct ths_reason reason;
	uint32_t bare, other = rig_add(&ths_module_script, "other");

	ck_assert_int_eq(ths_bind(other, "other"), THS_OK);
	bare = swap_in(&ths_module_script_soft, "bare");
	ck_assert_int_eq(state_of(bare), THS_INSTANCE_PROBATION);
	ck_assert_int_eq(ths_swap(other, rig_add(&ths_module_script_next, "next"), NULL), THS_OK);
	ck_assert_int_eq(ths_sweep(), THS_OK);
	if (_i) {
		ck_assert_int_eq(ths_rollback("bare", &reason), THS_E_SCHEMA);
		ck_assert_str_eq(reason.text, "bare cannot be taken back: its tables were "
					      "migrated since");
	} else {
		ck_assert_int_eq(ths_loader_enter(), THS_OK);
		ck_assert_int_eq(script_by(&ref, foreign_anyway, NULL), THS_E_INTERNAL);
		ths_loader_leave();
	}
	for (unsigned i = 0; i < 3; i++)
		ths_host_tick();
	ck_assert_int_eq(state_of(bare), THS_INSTANCE_BOUND);
	ck_assert_int_eq(state_of(server), THS_INSTANCE_FREE);
	ck_assert(!ths_core.watched);
	ck_assert_int_eq(script_by(&ref, do_nothing, NULL), THS_OK);
}
END_TEST

START_TEST(memory_is_as_before_after_there_and_back)
{
	uint64_t out = 0;

	for (unsigned i = 0; i < 200; i++) {
		uint32_t next = swap_in(&ths_module_script_same, "same");

		ck_assert_int_eq(script_by(&ref, do_nothing, NULL), THS_OK);
		ck_assert_int_eq(ths_rollback("script", NULL), THS_OK);
		ck_assert_int_eq(state_of(next), THS_INSTANCE_FREE);
		if (i == 9)
			out = ths_pages_out();
	}
	ck_assert_uint_eq(ths_pages_out(), out);
	ck_assert_uint_eq(version(), 1);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("probation");

	harness_case(suite, "U1 calls", setup, the_old_one_is_kept_for_so_many_calls);
	harness_case(suite, "U1 ticks", setup, the_old_one_is_kept_for_so_many_ticks);
	harness_case(suite, "U1 calls alone", setup, or_for_as_long_as_it_takes);
	harness_case(suite, "U1 none", setup, without_probation_the_old_one_goes_at_once);
	harness_case(suite, "U1 migrated", setup, who_migrated_rows_has_no_probation);
	harness_case(suite, "U1 next swap", setup, the_next_swap_ends_a_probation);
	harness_case(suite, "U1 failed swap", setup,
		     a_swap_that_fails_leaves_a_probation_as_it_was);
	harness_loop(suite, "back by name", setup, one_may_go_back_by_name, 0, 2);
	harness_loop(suite, "self-test", setup, a_failed_self_test_refuses_the_swap, 0, 2);
	harness_case(suite, "self-test later", setup, a_self_test_that_fails_later_reverts);
	harness_case(suite, "module/1", setup, one_may_go_back_by_module_1);
	harness_loop(suite, "fault", setup, a_fault_reverts_and_the_caller_is_served, 0, 3);
	harness_case(suite, "device", setup, a_device_fault_reverts);
	harness_case(suite, "both", setup, a_fault_of_both_is_the_callers);
	harness_case(suite, "error", setup, an_error_does_not_revert);
	harness_case(suite, "later", setup, a_fault_after_probation_is_its_callers);
	harness_case(suite, "U3", setup, who_cannot_wait_is_told_and_the_sweep_reverts);
	harness_case(suite, "kicks", setup, kicks_go_back_too);
	harness_case(suite, "kicks, late", setup, so_do_those_that_come_late);
	harness_case(suite, "tables", setup,
		     who_cannot_read_its_tables_any_more_does_not_come_back);
	harness_loop(suite, "no way back", setup, who_cannot_come_back_is_kept_no_longer, 0, 2);
	harness_case(suite, "memory", setup, memory_is_as_before_after_there_and_back);
	return suite;
}

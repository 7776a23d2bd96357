/*
 * meta_fault_test - a state_db that faults while it is on probation is taken back, and the
 * interaction is run again; where rows would be left half-done the machine stops instead.
 *
 * The second copy of state_db is linked into this program (state_db/names.h). What stands for
 * its faulty code is break_down(), in a section of its own: those are its text's bounds.
 */
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <pthread.h>
#include <string.h>
#include <theseus/host.h>
#include <theseus/iface/module.h>
#include "accounts.h"
#include "nano_core/swap_impl.h"

extern const struct ths_module ths_state_db_first_module, ths_state_db_second_module;
extern const uint8_t __start_state_db_fault[], __stop_state_db_fault[];

__attribute__((noinline, section("state_db_fault"))) static void break_down(void)
{
	__asm__ volatile("ud2");
}

static struct ths_ref ref;
static uint32_t second;

static struct {
	const char *point;
	unsigned nth; /* of its passings */
	bool hangs, met;
	const char *why_not;
} at;

/* As if its code came round and round without end. */
static void hang(void)
{
	for (unsigned i = 0; i < 3 * BUDGET_TICKS; i++)
		ths_tick((uintptr_t)break_down);
}

static void on_point(const char *name, void *unused)
{
	(void)unused;
	if (ths_cpu()->number != 0 || strcmp(name, at.point) != 0 || at.met ||
	    ths_cpu()->db != ths_state_db_second_module.state.entries || --at.nth > 0)
		return;
	at.met = true;
	at.why_not = ths_meta_why_not(ths_cpu());
	if (at.hangs)
		hang();
	else
		break_down();
}

static void expect_at(const char *point, unsigned nth)
{
	at.point = point;
	at.nth = nth;
	at.hangs = at.met = false;
	ths_host_on_point(on_point, NULL);
}

static void on_probation(void)
{
	uint32_t first;

	ck_assert_int_eq(ths_module_find("state_db", &first), THS_OK);
	second = rig_add(&ths_state_db_second_module, "second");
	ths_core.instance[second].text = (uintptr_t)__start_state_db_fault;
	ths_core.instance[second].text_size =
		(uint64_t)(__stop_state_db_fault - __start_state_db_fault);
	ths_probation_set((struct ths_probation){0, 1000});
	ck_assert_int_eq(ths_swap(first, second, NULL), THS_OK);
	ck_assert_ptr_eq(ths_core.db, ths_state_db_second_module.state.entries);
}

/* A second CPU, which reads all the time, and changes to another state_db when it is told. */
static pthread_t thread;
static atomic_bool enough;

static void *reader(void *unused)
{
	struct ths_ref own = THS_REF(script);

	(void)unused;
	rig_cpu_enter(1);
	while (!atomic_load(&enough))
		ck_assert_uint_le(script_value(&own, 3), 1);
	rig_cpu_leave();
	return NULL;
}

static void setup(unsigned cpus)
{
	script_start(&ref, cpus);
	ths_core.quiet_faults = true;
	atomic_store(&enough, false);
	if (cpus > 1)
		ck_assert_int_eq(pthread_create(&thread, NULL, reader, NULL), 0);
	on_probation();
}

static void is_taken_back(void)
{
	ck_assert(at.met);
	ck_assert_ptr_null(at.why_not);
	ck_assert_ptr_eq(ths_core.db, ths_state_db_first_module.state.entries);
	ck_assert_ptr_eq(ths_cpu()->db, ths_core.db);
	ck_assert_ptr_null(ths_meta_on_probation((uintptr_t)break_down));
}

static void teardown(void)
{
	const char *lost;

	ths_host_on_point(NULL, NULL);
	atomic_store(&enough, true);
	if (ths_core.cpus > 1)
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ths_probation_set((struct ths_probation){0, 0});
	for (unsigned i = 0; i < 1001; i++)
		ths_host_tick();
	ths_quiesce();
	ths_probation_sweep();
	script_assert_clean();
	lost = accounts_lost();
	ck_assert_msg(!lost, "%s", lost);
	rig_stop();
}

/* ---- what can be taken back --------------------------------------------------------------- */

#define MADE 4u

static enum ths_err make_item(struct ths_call *call, void *key)
{
	return script_new_item(call, key);
}

/* Rows, one of them at a level further in, and a cell written twice. */
static enum ths_err make(struct ths_call *call, void *unused)
{
	(void)unused;
	for (uint64_t key = 1; key < MADE; key++)
		THS_TRY(script_new_item(call, &key));
	THS_TRY(script_put(call, 3, script_get(call, 3) + 1));
	return script_nested(call, make_item, &(uint64_t){MADE});
}

static void all_is_made(void)
{
	ck_assert_uint_eq(script_value(&ref, 3), 1);
	for (uint64_t key = 1; key <= MADE; key++)
		ck_assert_int_eq(script_by(&ref, script_find_item, &(uint64_t){key}), THS_OK);
	ck_assert_int_eq(script_by(&ref, script_find_item, &(uint64_t){MADE + 1}),
			 THS_E_NOENT);
}

START_TEST(a_fault_takes_it_back_and_the_interaction_is_run_again)
{
	setup(1 + (unsigned)_i / MADE % 2);
	expect_at("state_db/made", 1 + (unsigned)_i % MADE);
	ck_assert_int_eq(script_by(&ref, make, NULL), THS_OK);
	is_taken_back();
	all_is_made();
	teardown();
}
END_TEST

START_TEST(so_does_an_overrun)
{
	setup(1);
	expect_at("state_db/made", 1 + (unsigned)_i);
	at.hangs = true;
	ck_assert_int_eq(script_by(&ref, make, NULL), THS_OK);
	is_taken_back();
	all_is_made();
	teardown();
}
END_TEST

static enum ths_err make_by_kick(struct ths_call *call, void *unused)
{
	(void)unused;
	return make(call, NULL);
}

START_TEST(what_was_not_called_through_a_binding_is_run_again_too)
{
	setup(1);
	ck_assert_uint_eq(script_value(&ref, 3), 0);
	script_on_kick = make_by_kick;
	expect_at("state_db/made", 2);
	ck_assert_int_eq(ths_invoke_op(ths_binding_instance(ths_ref_binding(&ref)),
				       script_op_kicked), THS_OK);
	script_on_kick = NULL;
	is_taken_back();
	all_is_made();
	teardown();
}
END_TEST

/* Nobody can go back while another has the loader's turn: the caller is told, and it is done
 * when the turn is free. */
START_TEST(it_waits_for_the_loaders_turn)
{
	setup(1);
	expect_at("state_db/made", 2);
	ck_assert_int_eq(ths_loader_enter(), THS_OK);
	ck_assert_int_eq(script_by(&ref, make, NULL), THS_E_OPCODE);
	ck_assert_ptr_eq(ths_core.db, ths_state_db_second_module.state.entries);
	ths_loader_leave();
	ths_probation_sweep();
	is_taken_back();
	ck_assert_int_eq(script_by(&ref, make, NULL), THS_OK);
	all_is_made();
	teardown();
}
END_TEST

START_TEST(the_log_says_fault_and_step)
{
	struct ths_ref module = THS_REF(module);
	struct module_fault fault = {0};

	setup(1);
	expect_at("state_db/made", 1);
	ck_assert_int_eq(script_by(&ref, make, NULL), THS_OK);
	ck_assert_int_eq(module_fault(&module, &fault), THS_OK);
	ck_assert_str_eq(fault.name, "second");
	ck_assert_int_eq(fault.step, MODULE_FAULT);
	ck_assert_int_eq(fault.err, THS_E_OPCODE);
	ck_assert_int_eq(module_fault(&module, &fault), THS_OK);
	ck_assert_str_eq(fault.name, "second");
	ck_assert_str_eq(fault.by, "state_db");
	ck_assert_int_eq(fault.step, MODULE_FAULT_REVERTED);
	teardown();
}
END_TEST

/* ---- what cannot --------------------------------------------------------------------------- */

/* Two writes of one cell at two levels, so that the inner is merged. */
static enum ths_err overlay(struct ths_call *call, void *unused)
{
	(void)unused;
	return script_put(call, 3, 2);
}

static enum ths_err write_twice(struct ths_call *call, void *unused)
{
	(void)unused;
	THS_TRY(script_put(call, 3, 1));
	return script_nested(call, overlay, NULL);
}

static void run(void *fn)
{
	ck_assert_int_ne(script_by(&ref, *(script_fn **)fn, NULL), THS_OK);
}

static const struct {
	const char *point, *why;
	script_fn *fn;
} ends[] = {
	{"state_db/locked", "under a lock", make},
	{"state_db/merging", "half-way through a write", write_twice},
	{"state_db/commit", "where an interaction begins, commits or is dropped", make},
};

START_TEST(where_rows_would_be_left_half_done_the_machine_stops)
{
	script_fn *fn = ends[_i].fn;
	struct ths_host_stop stop;

	setup(1);
	expect_at(ends[_i].point, 1);
	ck_assert(ths_host_until_stop(run, &fn, &stop));
	ck_assert_int_eq(stop.how, THS_STOP_TEST);
	ck_assert_uint_eq(stop.code, 0x33);
	ck_assert(at.met);
	ck_assert_str_eq(at.why_not, ends[_i].why);
	ck_assert_str_eq(ths_meta_why_not(ths_core.cpu[0]), ends[_i].why);
}
END_TEST

START_TEST(outside_of_interactions_it_stops_too)
{
	setup(1);
	ck_assert_str_eq(ths_meta_why_not(ths_cpu()), "outside of interactions");
	teardown();
}
END_TEST

/* Two rows are written; what of the record does not hold is put right again at once. */
static enum ths_err damage(struct ths_call *call, void *unused)
{
	struct ths_txn *txn = &ths_cpu()->txn;
	struct ths_version *first, *second_copy;
	uint16_t writes;
	uint8_t pool;

	(void)unused;
	THS_TRY(script_put(call, 3, 1));
	THS_TRY(script_put(call, 4, 1));
	ck_assert_ptr_null(ths_meta_why_not(ths_cpu()));
	writes = txn->writes;
	first = txn->write[0].copy;
	second_copy = txn->write[1].copy;
	pool = first->pool;
#define NOT_WHOLE(thing_, wrong_, right_)                                                \
	do {                                                                             \
		(thing_) = (wrong_);                                                     \
		ck_assert_str_eq(ths_meta_why_not(ths_cpu()), "half-way through a write"); \
		(thing_) = (right_);                                                     \
	} while (0)
	NOT_WHOLE(txn->writes, WRITES_MAX + 1, writes);
	NOT_WHOLE(txn->write[0].copy, NULL, first);
	NOT_WHOLE(first->pool, POOLS, pool);
	NOT_WHOLE(txn->write[1].copy, first, second_copy);
#undef NOT_WHOLE
	ck_assert_ptr_null(ths_meta_why_not(ths_cpu()));
	return THS_OK;
}

START_TEST(a_record_that_does_not_hold_is_seen)
{
	setup(1);
	ck_assert_int_eq(script_by(&ref, damage, NULL), THS_OK);
	ck_assert_uint_eq(script_value(&ref, 4), 1);
	teardown();
}
END_TEST

/* It may wait there for another: nobody says that it hangs. */
START_TEST(an_overrun_in_a_commit_goes_on)
{
	setup(1);
	expect_at("state_db/commit", 1);
	at.hangs = true;
	ck_assert_int_eq(script_by(&ref, make, NULL), THS_OK);
	ck_assert(at.met);
	ck_assert_ptr_eq(ths_core.db, ths_state_db_second_module.state.entries);
	all_is_made();
	teardown();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("meta_fault");
	TCase *tcase = tcase_create("F2");

	tcase_add_loop_test(tcase, a_fault_takes_it_back_and_the_interaction_is_run_again, 0,
			    2 * MADE);
	tcase_add_loop_test(tcase, so_does_an_overrun, 0, MADE);
	tcase_add_test(tcase, what_was_not_called_through_a_binding_is_run_again_too);
	tcase_add_test(tcase, it_waits_for_the_loaders_turn);
	tcase_add_test(tcase, the_log_says_fault_and_step);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("F1");
	tcase_add_loop_test(tcase, where_rows_would_be_left_half_done_the_machine_stops, 0,
			    THS_ARRAY_SIZE(ends));
	tcase_add_test(tcase, outside_of_interactions_it_stops_too);
	tcase_add_test(tcase, a_record_that_does_not_hold_is_seen);
	tcase_add_test(tcase, an_overrun_in_a_commit_goes_on);
	suite_add_tcase(suite, tcase);
	return suite;
}

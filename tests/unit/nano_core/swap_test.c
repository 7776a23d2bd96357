/*
 * swap_test - one module takes another's place, or nothing has happened.
 */
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <stdatomic.h>
#include <string.h>
#include <theseus/evolve.h>
#include <theseus/host.h>
#include <theseus/iface/tasks.h>
#include "nano_core/swap_impl.h"

extern const struct ths_module ths_module_sched_rr, ths_module_tasks;

/* One interface in two versions, for kicks. */
struct bell_args {
	uint64_t word[32];
};
#define BELL_OPS(OP)                                                                     \
	OP(bell, ring, struct ths_no_args, 0)                                            \
	OP(bell, press, struct ths_no_args, 0)                                           \
	OP(bell, cease, struct ths_no_args, 0)
THS_INTERFACE(bell, 1, BELL_OPS)
#define BELL_NEXT_OPS(OP)                                                                \
	OP(bell_next, press, struct bell_args, 0)                                        \
	OP(bell_next, cease, struct bell_args, 0)                                        \
	OP(bell_next, ring, struct ths_no_args, 0)
static const struct ths_op_info bell_next_info[] = {BELL_NEXT_OPS(THS_IFACE_INFO)};
static const struct ths_iface bell_next_iface = {"bell", 2, 3, bell_next_info};
struct bell_next_ops {
	BELL_NEXT_OPS(THS_IFACE_FIELD)
};

static struct ths_ref ref;
static uint32_t server;

static void setup(void)
{
	harness_start();
	ths_core.quiet_faults = true;
	harness_bind(&ths_module_sched_rr, "");
	harness_bind(&ths_module_tasks, "");
	server = harness_bind(&ths_module_script, "");
	ref = (struct ths_ref)THS_REF(script);
	script_on_kick = NULL;
}

static enum ths_err fill(struct ths_call *call, void *ctx)
{
	const uint64_t *base = ctx;
	struct cell *cell;

	for (uint32_t i = 0; i < CELLS / 2; i++) {
		THS_TRY(ths_row_write(call, CELL, i, &cell));
		cell->value = *base + i;
		cell->again = 7 * i;
	}
	return THS_OK;
}

static enum ths_err check(struct ths_call *call, void *ctx)
{
	const uint64_t *base = ctx;
	const struct cell *cell;

	for (uint32_t i = 0; i < CELLS; i++) {
		THS_TRY(ths_row_read(call, CELL, i, &cell));
		ck_assert_uint_eq(cell->value, i < CELLS / 2 ? *base + i : 0);
		ck_assert_uint_eq(cell->again, i < CELLS / 2 ? 7 * i : 0);
	}
	return THS_OK;
}

static uint64_t version(void)
{
	struct script_args args = {0};

	ck_assert_int_eq(script_version(&ref, &args), THS_OK);
	return args.fn;
}

/* ---- V1 ------------------------------------------------------------------------------ */

START_TEST(what_is_no_successor_is_refused)
{
	uint32_t other = rig_add(&ths_module_sched_rr, "other"), gone;

	ck_assert_int_eq(ths_swap(server, other, NULL), THS_E_VERSION);
	ck_assert_int_eq(ths_swap(server, server, NULL), THS_E_NOENT);
	ck_assert_int_eq(ths_swap(server, INSTANCES_MAX, NULL), THS_E_NOENT);
	ck_assert_int_eq(ths_swap(INSTANCES_MAX, other, NULL), THS_E_NOENT);
	ck_assert_int_eq(ths_swap(other, server, NULL), THS_E_NOENT);
	ck_assert_int_eq(ths_module_unload(server), THS_E_BUSY);
	ck_assert_int_eq(ths_module_unload(other), THS_OK);
	ck_assert_int_eq(ths_module_find("other", &gone), THS_E_NOENT);
	ck_assert_uint_eq(version(), 1);
}
END_TEST

/* Somebody else reads the table in the old layout. */
START_TEST(a_table_with_other_users_is_not_migrated)
{
	uint64_t base = 100;
	uint32_t user = rig_add(&ths_module_script, "user");
	uint32_t next = rig_add(&ths_module_script_next, "next");

	ck_assert_int_eq(ths_bind(user, "aside"), THS_OK);
	ck_assert_int_eq(script_by(&ref, fill, &base), THS_OK);
	ck_assert_int_eq(ths_swap(server, next, NULL), THS_E_SCHEMA);
	ck_assert_uint_eq(version(), 1);
	ck_assert_int_eq(script_by(&ref, check, &base), THS_OK);
	ck_assert_int_eq(ths_unbind(&script_iface, "aside"), THS_OK);
	ck_assert_int_eq(ths_swap(server, next, NULL), THS_OK);
	ck_assert_int_eq(ths_bind(user, "aside"), THS_E_SCHEMA); /* it came too late */
	ck_assert_int_eq(ths_module_unload(user), THS_OK);
	ck_assert_int_eq(script_by(&ref, check, &base), THS_OK);
}
END_TEST

/* ---- V2: there and back -------------------------------------------------------------- */

static enum ths_err see_more(struct ths_call *call, void *ctx)
{
	const struct cell_next *cell;

	(void)ctx;
	for (uint32_t i = 0; i < CELLS; i++) {
		THS_TRY(ths_row_read(call, CELL, i, &cell));
		ck_assert_uint_eq(cell->more[0], ~cell->value);
		ck_assert_uint_eq(cell->more[5], 0);
	}
	return THS_OK;
}

START_TEST(rows_change_their_layout_and_keep_what_they_say)
{
	uint64_t base = 1000;

	for (unsigned i = 0; i < 10; i++, base += 77) {
		ck_assert_int_eq(script_by(&ref, fill, &base), THS_OK);
		server = harness_swap(server, i % 2 ? &ths_module_script
						    : &ths_module_script_next);
		ck_assert_uint_eq(version(), 2 - i % 2);
		if (i % 2 == 0)
			ck_assert_int_eq(script_by(&ref, see_more, NULL), THS_OK);
		ck_assert_int_eq(script_by(&ref, check, &base), THS_OK);
	}
}
END_TEST

/* ---- kicks and sleepers -------------------------------------------------------------- */

static unsigned kicks;
static enum ths_err kick_result;

static enum ths_err count_kick(struct ths_call *call, void *ctx)
{
	(void)ctx;
	ck_assert_ptr_eq(call, ths_cpu()->call);
	kicks++;
	return kick_result;
}

static enum ths_err kick(struct ths_call *call, void *ctx)
{
	(void)ctx;
	return ths_kick(call, script_op_kicked);
}

START_TEST(a_kick_not_done_yet_is_the_successors)
{
	script_on_kick = count_kick;
	kick_result = THS_E_BUSY;
	ck_assert_int_eq(script_by(&ref, kick, NULL), THS_OK);
	ck_assert_uint_eq(kicks, 1);
	server = harness_swap(server, &ths_module_script_next);
	kick_result = THS_OK;
	ths_host_tick();
	ck_assert_uint_eq(kicks, kicks > 2 ? 3 : 2);
	ths_host_tick();
	ck_assert_uint_le(kicks, 3); /* done: it is not run again */
	ck_assert_uint_eq(ths_core.instance[server].kicked, 0);
}
END_TEST

static uint64_t served_by;

static enum ths_err wait_for_cell(struct ths_call *call, void *ctx)
{
	const struct cell *cell;

	THS_TRY(ths_row_read(call, CELL, 40, &cell));
	*(uint64_t *)ctx = ths_cpu()->call->instance->module->major;
	return cell->value ? THS_OK : THS_E_AGAIN;
}

static enum ths_err set_cell(struct ths_call *call, void *ctx)
{
	struct cell *cell;

	(void)ctx;
	THS_TRY(ths_row_write(call, CELL, 40, &cell));
	cell->value = 1;
	return THS_OK;
}

static void sleeps(void *arg)
{
	struct ths_ref own = THS_REF(script);
	uint64_t by = 0;

	(void)arg;
	ck_assert_int_eq(script_by(&own, wait_for_cell, &by), THS_OK);
	served_by = by;
}

static void swap_under_a_sleeper(void *arg)
{
	struct ths_ref tasks = THS_REF(tasks);
	struct tasks_create create = {.entry = (uint64_t)(uintptr_t)sleeps};

	(void)arg;
	ck_assert_int_eq(tasks_create(&tasks, &create), THS_OK);
	ths_yield();
	ths_yield();
	ck_assert_uint_eq(served_by, 0);
	server = harness_swap(server, &ths_module_script_next);
	ths_yield();
	ths_yield();
	ck_assert_uint_eq(served_by, 0); /* woken, asked the new one, sleeps again */
	ck_assert_int_eq(script_by(&ref, set_cell, NULL), THS_OK);
	ths_yield();
	ths_yield();
	ck_assert_uint_eq(served_by, 2);
	harness_done();
}

START_TEST(who_slept_on_the_old_one_is_served_by_the_new_one)
{
	served_by = 0;
	harness_run(swap_under_a_sleeper, NULL);
}
END_TEST

/* In another version, too, and by the operation's name: its numbers are that one's. */
static unsigned rings, presses;

static enum ths_err not_yet(struct ths_call *call, struct ths_no_args *arg)
{
	(void)call;
	(void)arg;
	return THS_E_BUSY;
}

static enum ths_err press(struct ths_call *call, struct ths_no_args *arg)
{
	(void)arg;
	THS_TRY(ths_kick(call, bell_op_cease));
	return ths_kick(call, bell_op_ring);
}

static enum ths_err ring(struct ths_call *call, struct ths_no_args *arg)
{
	(void)call;
	(void)arg;
	rings++;
	return THS_OK;
}

static enum ths_err press_much(struct ths_call *call, struct bell_args *arg)
{
	(void)call;
	memset(arg, 0xff, sizeof(*arg));
	presses++;
	return THS_OK;
}

THS_MODULE(bell, "bell", 1, 0,
	   THS_PROVIDES(bell, .ring = not_yet, .press = press, .cease = not_yet));
THS_MODULE(bell_next, "bell.next", 2, 0,
	   .provides = {&bell_next_iface,
			&(const struct bell_next_ops){
				.press = press_much, .cease = press_much, .ring = ring}});

START_TEST(kicks_go_by_names)
{
	static const char set[] = "replace bell with bell.next\nversion bell/1 bell/2\n";
	struct ths_ref bell = THS_REF(bell);
	struct ths_no_args none = {0};

	rings = presses = 0;
	harness_bind(&ths_module_bell, "");
	rig_add(&ths_module_bell_next, NULL);
	ck_assert_int_eq(bell_press(&bell, &none), THS_OK);
	ths_host_tick();
	ck_assert_int_eq(ths_evolve(set, sizeof(set) - 1, NULL), THS_OK);
	for (unsigned i = 0; i < 3; i++)
		ths_host_tick();
	ck_assert_uint_eq(rings, 1);
	ck_assert_uint_eq(presses, 0);
}
END_TEST

/* ---- V3 ------------------------------------------------------------------------------- */

static struct ths_instance *old;
static _Atomic(bool) is_in;
static unsigned gone_early;

/* In the old one, for some time after nobody is led to it any more. */
static enum ths_err stay(struct ths_call *call, void *ctx)
{
	struct ths_binding *binding = ths_ref_binding(&ref);
	uint64_t life = ths_instance_life(old);

	(void)call;
	(void)ctx;
	if (atomic_exchange(&is_in, true))
		return THS_OK; /* run again, by the new one */
	while (ths_binding_instance(binding) == old)
		ths_arch_relax();
	for (unsigned i = 0; i < 50000; i++) {
		gone_early += ths_instance_life(old) != life;
		ths_arch_relax();
	}
	return THS_OK;
}

static enum ths_err enter(void *unused)
{
	struct ths_ref own = THS_REF(script);

	(void)unused;
	return script_by(&own, stay, NULL);
}

static enum ths_err swaps(void)
{
	return ths_swap(server, rig_add(&ths_module_script_same, "next"), NULL);
}

static enum ths_err evolves(void)
{
	static const char set[] = "replace script with next\n";

	rig_add(&ths_module_script_same, "next");
	return ths_evolve(set, sizeof(set) - 1, NULL);
}

static enum ths_err unloads(void)
{
	enum ths_err err = ths_unbind(&script_iface, "");

	return err ? err : ths_module_unload(server);
}

START_TEST(who_is_left_by_nobody_yet_stays)
{
	static enum ths_err (*const ways[])(void) = {swaps, evolves, unloads};

	rig_cpus(2);
	other_start();
	ths_probation_set((struct ths_probation){0, 0});
	ck_assert_uint_eq(version(), 1); /* and the reference is resolved */
	old = &ths_core.instance[server];
	atomic_store(&is_in, false);
	gone_early = 0;
	other_begins(enter, NULL);
	while (!atomic_load(&is_in))
		ths_arch_relax();
	ck_assert_int_eq(ways[_i](), THS_OK);
	ck_assert_int_eq(other_ends(), ways[_i] == unloads ? THS_E_UNAVAIL : THS_OK);
	ck_assert_uint_eq(gone_early, 0);
	ck_assert_int_eq(old->state, THS_INSTANCE_FREE);
	other_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("swap");

	harness_case(suite, "V1 no successor", setup, what_is_no_successor_is_refused);
	harness_case(suite, "V1 other users", setup,
		     a_table_with_other_users_is_not_migrated);
	harness_case(suite, "V2 migration", setup,
		     rows_change_their_layout_and_keep_what_they_say);
	harness_case(suite, "kicks, versions", setup, kicks_go_by_names);
	harness_loop(suite, "V3", setup, who_is_left_by_nobody_yet_stays, 0, 3);
	harness_case(suite, "kicks", setup, a_kick_not_done_yet_is_the_successors);
	harness_case(suite, "sleepers", setup,
		     who_slept_on_the_old_one_is_served_by_the_new_one);
	return suite;
}

/*
 * preempt_test - a tick may come at any place of nano_core at depth 0, and bring another
 * task: everybody comes to an end, gets what was due, and leaves nothing behind.
 *
 * Tasks swap, fault, recover a device, sleep and wake, make tasks and kill them in the midst
 * of all that, while a tick comes at every so many basic blocks (preempt.h); the same with
 * each phase, so that each block was once where the tick came.
 */
#include "accounts.h"
#include "harness.h"
#include "preempt.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>
#include <theseus/host.h>
#include <theseus/soft.h>
#include <theseus/iface/tasks.h>
#include "nano_core/swap_impl.h"

#define ROUNDS 6u

extern const struct ths_module ths_module_sched_rr, ths_module_tasks, ths_module_mem_frames;

static unsigned recovered;

static enum ths_err driver_recover(struct ths_call *call, const struct ths_journal *journal)
{
	(void)call;
	(void)journal;
	recovered++;
	return THS_OK;
}

THS_MODULE(driver, "driver", 1, 0, THS_PROVIDES(script, SCRIPT_SERVES(script_first_op)),
	   .recover = driver_recover);

static struct ths_ref tasks;
static const char *const bindings[] = {"", "b", "c", "d"};
static unsigned names, loops;

static void must(enum ths_err err, const char *what)
{
	ck_assert_msg(err == THS_OK, "%s: %s", what, ths_err_name(err));
}

static struct ths_ref ref_to(const char *binding)
{
	struct ths_ref ref = THS_REF(script);

	ref.instance = binding;
	return ref;
}

/* ---- those who change what others use ------------------------------------------------------ */

static uint32_t provider(const char *name)
{
	struct ths_binding *binding;

	ck_assert_int_eq(ths_binding_find(&script_iface, name, &binding), THS_OK);
	return ths_binding_instance(binding)->slot;
}

static uint32_t add(const struct ths_module *module)
{
	char name[THS_NAME_MAX];
	uint32_t slot;

	(void)snprintf(name, sizeof(name), "n%u", ++names);
	must(ths_module_add(module, name, &slot, NULL), "add");
	return slot;
}

/* Who serves may be another by the time the turn is ours. */
static void swapper(void *binding)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t slot = add(i % 2 ? &ths_module_script : &ths_module_script_same);
		enum ths_err err;

		do
			err = ths_swap(provider(binding), slot, NULL);
		while (err == THS_E_NOENT);
		must(err, "swap");
	}
}

static bool faulted;

static enum ths_err fault_once(struct ths_call *call, void *left)
{
	(void)call;
	if (*(unsigned *)left == 0)
		return THS_OK;
	--*(unsigned *)left;
	faulted = true;
	return (enum ths_err)77;
}

/* Runs at ticks; its own fault comes right behind that of the one it interrupts. */
static enum ths_err fault_too(struct ths_call *call, void *unused)
{
	enum ths_err err = faulted ? (enum ths_err)77 : THS_E_IO;

	(void)call;
	(void)unused;
	faulted = false;
	return err;
}

static enum ths_err nothing(struct ths_call *call, void *unused)
{
	(void)call;
	(void)unused;
	return THS_OK;
}

/* Each fault is mended, by loading anew whose it was, whoever else is at it. (Of one that nobody swaps: who has just come
 * has served nobody, and his first fault may be one in a row.) */
static void faulter(void *binding)
{
	struct ths_ref ref = ref_to(binding);

	for (unsigned i = 0; i < 3; i++) {
		unsigned left = 1;
		uint64_t life = ths_instance_life(&ths_core.instance[provider(binding)]);

		must(script_by(&ref, nothing, NULL), "served");
		must(script_by(&ref, fault_once, &left), "mended");
		ck_assert_uint_ne(ths_instance_life(&ths_core.instance[provider(binding)]),
				  life);
	}
}

static void drives(void *unused)
{
	struct ths_ref ref = ref_to("driver");

	(void)unused;
	for (unsigned i = 0; i < 3; i++) {
		unsigned left = 1;

		must(script_by(&ref, nothing, NULL), "driver");
		ck_assert_int_eq(script_drive_by(&ref, fault_once, &left), THS_E_INTERNAL);
		must(script_drive_by(&ref, nothing, NULL), "driven");
	}
}

/* ---- those who use it ---------------------------------------------------------------------- */

struct step {
	uint32_t row;
	uint64_t value;
};

static enum ths_err count(struct ths_call *call, void *ctx)
{
	const struct step *step = ctx;

	return script_put(call, step->row, script_get(call, step->row) + 1);
}

static enum ths_err await(struct ths_call *call, void *ctx)
{
	const struct step *step = ctx;

	return script_get(call, step->row) < step->value ? THS_E_AGAIN : THS_OK;
}

static void client(void *binding)
{
	struct ths_ref ref = ref_to(binding);
	struct step step = {.row = 1};

	for (unsigned i = 0; i < 8 * ROUNDS; i++)
		must(script_by(&ref, count, &step), "count");
}

/* The two of them in turns. */
static void ping(void *unused)
{
	struct ths_ref ref = ref_to("");

	(void)unused;
	for (unsigned i = 1; i <= ROUNDS; i++) {
		must(script_by(&ref, count, &(struct step){.row = 2}), "ping");
		must(script_by(&ref, await, &(struct step){.row = 3, .value = i}), "await");
	}
}

static void pong(void *unused)
{
	struct ths_ref ref = ref_to("b");

	(void)unused;
	for (unsigned i = 1; i <= ROUNDS; i++) {
		must(script_by(&ref, await, &(struct step){.row = 2, .value = i}), "await");
		must(script_by(&ref, count, &(struct step){.row = 3}), "pong");
	}
}

/* ---- those who are killed ------------------------------------------------------------------ */

static void loads(void *unused)
{
	(void)unused;
	for (;; loops++)
		must(ths_module_unload(add(&ths_module_script)), "unload");
}

static void sleeps(void *unused)
{
	struct ths_ref ref = ref_to("c");

	(void)unused;
	for (;; loops++) {
		must(script_by(&ref, count, &(struct step){.row = 4}), "count");
		loops++;
		must(script_by(&ref, await, &(struct step){.row = 5, .value = 1}), "await");
	}
}

static void short_life(void *unused)
{
	(void)unused;
}

static struct ths_task_id start(void (*entry)(void *), const char *binding)
{
	struct tasks_create create = {.entry = (uint64_t)(uintptr_t)entry,
				      .arg = (uint64_t)(uintptr_t)binding};

	must(tasks_create(&tasks, &create), "create");
	return create.task;
}

static void join(struct ths_task_id task)
{
	struct tasks_join join = {.task = task};

	must(tasks_join(&tasks, &join), "join");
}

static void killer(void *unused)
{
	static void (*const victims[])(void *) = {loads, sleeps};

	(void)unused;
	for (unsigned i = 0; i < 2 * ROUNDS; i++) {
		unsigned before = loops;
		struct tasks_kill kill = {.task = start(victims[i % 2], NULL)};

		while (loops == before)
			ths_yield();
		for (unsigned k = 0; k < i; k++)
			ths_yield();
		must(tasks_kill(&tasks, &kill), "kill");
		join(kill.task);
		join(start(short_life, NULL));
	}
}

/* ---- all of it ----------------------------------------------------------------------------- */

static const struct {
	void (*entry)(void *);
	unsigned binding;
} cast[] = {{swapper, 0}, {swapper, 1}, {faulter, 2}, {faulter, 3}, {drives, 0}, {client, 0},
	    {client, 1},  {client, 2},  {ping, 0},    {pong, 1},    {killer, 0}};

/* Nothing is left as it is only while something is done. */
static void rests(void)
{
	struct ths_cpu *cpu = ths_cpu();

	ck_assert_uint_eq(cpu->section, 0);
	ck_assert_uint_eq(cpu->locks, 0);
	ck_assert_uint_eq(cpu->faulted_count, 0);
	ck_assert(!cpu->refilling && !cpu->relieving && !cpu->recovering && !cpu->token);
	ck_assert_int_eq(ths_loader_enter(), THS_OK);
	ths_loader_leave();
}

static void plays(void *unused)
{
	struct ths_task_id task[THS_ARRAY_SIZE(cast)];
	struct ths_ref ref = ref_to("");

	(void)unused;
	ths_soft_stress(1);
	ths_soft_stress(0);
	for (unsigned i = 0; i < THS_ARRAY_SIZE(cast); i++)
		task[i] = start(cast[i].entry, bindings[cast[i].binding]);
	for (unsigned i = 0; i < THS_ARRAY_SIZE(cast); i++)
		join(task[i]);
	preempt_every(0, 0);
	for (unsigned i = 0; i < 4; i++)
		ths_host_tick(); /* who is dead is reaped */
	rests();
	ck_assert_uint_eq(recovered, 3);
	ck_assert_uint_eq(script_value(&ref, 1), 3 * 8 * ROUNDS);
	ck_assert_uint_eq(script_value(&ref, 2), ROUNDS);
	ck_assert_uint_eq(script_value(&ref, 3), ROUNDS);
	harness_done();
}

static void setup(void)
{
	recovered = names = loops = 0;
	harness_start();
	ths_probation_set((struct ths_probation){3, 2});
	ths_core.quiet_faults = true;
	harness_bind(&ths_module_mem_frames, "");
	must(ths_memory_donate(), "donate");
	harness_bind(&ths_module_sched_rr, "");
	harness_bind(&ths_module_tasks, "");
	tasks = (struct ths_ref)THS_REF(tasks);
	for (unsigned i = 0; i < THS_ARRAY_SIZE(bindings); i++)
		must(ths_bind(add(&ths_module_script), bindings[i]), "bind");
	must(ths_bind(rig_add(&ths_module_driver, NULL), "driver"), "bind");
	must(ths_bind(add(&ths_module_script), "kicked"), "bind");
	must(ths_bind(rig_add(&ths_module_script_soft, NULL), "soft"), "bind");
	script_on_kick = fault_too;
	ths_kick_now(ths_cpu(), &ths_core.instance[provider("kicked")], 1u << script_op_kicked);
	faulted = false;
}

/* Every @each-th block, in each phase; each 0: a tick never comes, and all goes well. */
static void play(unsigned each, int phase)
{
	setup();
	preempt_every(each, (unsigned)phase);
	harness_run(plays, NULL);
}

START_TEST(undisturbed)
{
	play(0, 0);
}
END_TEST

#define OFTEN   1
#define SELDOM 61

/* Where nothing is optimised (`make coverage`) all phases would take ten minutes. */
#ifdef __OPTIMIZE__
#define OFTEN_PHASES  OFTEN
#define SELDOM_PHASES SELDOM
#else
#define OFTEN_PHASES  0
#define SELDOM_PHASES 3
#endif

START_TEST(often_disturbed)
{
	play(OFTEN, _i);
}
END_TEST

START_TEST(seldom_disturbed)
{
	play(SELDOM, _i);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("preempt");

	tcase_add_test(ths_suite_case(suite, "no tick"), undisturbed);
	if (OFTEN_PHASES > 0)
		ths_tcase_add_turns(ths_suite_case(suite, "often"), often_disturbed, 0,
				    OFTEN_PHASES);
	ths_tcase_add_turns(ths_suite_case(suite, "seldom"), seldom_disturbed, 0, SELDOM_PHASES);
	return suite;
}

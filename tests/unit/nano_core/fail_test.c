/*
 * fail_test - whatever runs out, and whenever: an error, nothing half done, nothing lost.
 *
 * A life of a small OS - modules added, bound, called, swapped with migration, tasks
 * started, put to sleep, woken, killed, modules unloaded - is run once for each place
 * where something can run out, with that one failing, and again with everything failing
 * from there on. No call may crash, hang, or answer with an error it does not document;
 * afterwards every page and every version is where it can be accounted for.
 */
#include "accounts.h"
#include "archive.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>
#include <theseus/host.h>
#include <theseus/iface/tasks.h>
#include <theseus/save.h>
#include "nano_core/swap_impl.h"
#include "tmod_image.h"

extern const struct ths_module ths_module_sched_rr, ths_module_tasks,
	ths_module_mem_frames, ths_module_keeper;

/* ---- what may come back -------------------------------------------------------------- */

static bool failing; /* something is armed */

static void allow(enum ths_err err, const char *what)
{
	bool documented = err == THS_E_NOMEM || err == THS_E_FULL ||
			  err == THS_E_UNAVAIL || err == THS_E_USES || err == THS_E_NOENT;

	ck_assert_msg(err == THS_OK || (failing && documented), "%s: %s", what,
		      ths_err_name(err));
}

/* An item may be there already, or not at all, from an earlier round. */
static void allow_item(enum ths_err err, const char *what)
{
	allow(err == THS_E_EXIST || err == THS_E_NOENT ? THS_OK : err, what);
}

static struct ths_ref ref, tasks;

static enum ths_err pair_up(struct ths_call *call, void *ctx)
{
	uint32_t row = *(uint32_t *)ctx;
	struct cell *cell;

	for (uint32_t i = 0; i < 2; i++) {
		THS_TRY(ths_row_write(call, CELL, row + i, &cell));
		cell->value++;
	}
	return THS_OK;
}

/* Cell 63 counts the items. */
static enum ths_err new_item(struct ths_call *call, void *ctx)
{
	struct item *item;
	struct cell *count;
	uint32_t row;

	THS_TRY(ths_row_new_keyed(call, ITEM, *(uint32_t *)ctx + 1, &row, &item));
	THS_TRY(ths_row_write(call, CELL, CELLS - 1, &count));
	count->value++;
	return THS_OK;
}

static enum ths_err free_item(struct ths_call *call, void *ctx)
{
	const struct item *item;
	struct cell *count;
	uint32_t row;

	THS_TRY(ths_row_find(call, ITEM, *(uint32_t *)ctx + 1, &row, &item));
	THS_TRY(ths_row_free(call, ITEM, row));
	THS_TRY(ths_row_write(call, CELL, CELLS - 1, &count));
	count->value--;
	return THS_OK;
}

static enum ths_err own_item(struct ths_call *call, void *ctx)
{
	struct item *item;
	uint32_t row;

	return ths_row_new_keyed(call, OWNED, *(uint32_t *)ctx + 1, &row, &item);
}

static enum ths_err nested_pair(struct ths_call *call, void *ctx)
{
	THS_TRY(script_nested(call, pair_up, ctx));
	return script_nested(call, pair_up, ctx);
}

static enum ths_err kick_self(struct ths_call *call, void *ctx)
{
	(void)ctx;
	return ths_kick(call, script_op_kicked);
}

static enum ths_err wait_for(struct ths_call *call, void *ctx)
{
	const struct cell *cell;

	THS_TRY(ths_row_read(call, CELL, *(uint32_t *)ctx, &cell));
	return cell->value ? THS_OK : THS_E_AGAIN;
}

/* What holds whatever happened. */
static enum ths_err all_is_whole(struct ths_call *call, void *ctx)
{
	const struct cell *cell, *twin;
	uint32_t row = THS_ROW_NONE, items = 0;

	(void)ctx;
	for (uint32_t i = 0; i < 20; i += 2) {
		THS_TRY(ths_row_read(call, CELL, i, &cell));
		THS_TRY(ths_row_read(call, CELL, i + 1, &twin));
		ck_assert_uint_eq(cell->value, twin->value);
	}
	while (ths_row_next(call, ITEM, &row) == THS_OK)
		items++;
	THS_TRY(ths_row_read(call, CELL, CELLS - 1, &cell));
	ck_assert_uint_eq(cell->value, items);
	return THS_OK;
}

/* ---- programs ------------------------------------------------------------------------ */

static uint32_t forty = 40;

static void waits(void *arg)
{
	struct ths_ref own = THS_REF(script);
	uint32_t row = (uint32_t)(uintptr_t)arg;

	(void)script_by(&own, own_item, &row); /* goes when this task does */
	allow(script_by(&own, wait_for, &forty), "wait");
	allow(script_by(&own, pair_up, &(uint32_t){4}), "after waiting");
}

static void wakes(void *arg)
{
	struct ths_ref own = THS_REF(script);

	(void)arg;
	allow(script_by(&own, pair_up, &forty), "wake");
}

static unsigned turns;

static void idle(void *ctx)
{
	(void)ctx;
	if (++turns > 12)
		ths_stop(THS_STOP_OFF, 0);
	ths_host_tick();
}

static void create_task(void (*entry)(void *), uintptr_t arg)
{
	struct tasks_create create = {.entry = (uint64_t)(uintptr_t)entry, .arg = arg};

	allow(tasks_create(&tasks, &create), "create");
}

static void run_tasks(void *arg)
{
	(void)arg;
	ths_core.up = true;
	for (uintptr_t i = 0; i < 3; i++)
		create_task(waits, i);
	create_task(wakes, 0);
	ths_context_idle(ths_cpu());
}

/* ---- the life ------------------------------------------------------------------------ */

static enum ths_err start_module(const struct ths_module *module, const char *name,
				 uint32_t *slot)
{
	struct ths_reason why;

	THS_TRY(ths_module_add(module, name, slot, &why));
	return ths_bind(*slot, "");
}

static void replace(uint32_t *slot, const struct ths_module *by, const char *name)
{
	struct ths_reason why;
	uint32_t next;
	enum ths_err err = ths_module_add(by, name, &next, &why);

	allow(err, "add successor");
	if (err)
		return;
	err = ths_swap(*slot, next, NULL);
	allow(err, "swap");
	if (err)
		ck_assert_int_eq(ths_module_unload(next), THS_OK);
	else
		*slot = next;
}

static void call_it(void)
{
	for (uint32_t i = 0; i < 40; i++)
		allow_item(script_by(&ref, new_item, &i), "new item");
	for (uint32_t i = 0; i < 20; i += 2)
		allow(script_by(&ref, nested_pair, &i), "nested");
	for (uint32_t i = 0; i < 40; i += 3)
		allow_item(script_by(&ref, free_item, &i), "free item");
	allow(script_by(&ref, kick_self, NULL), "kick");
	allow_item(script_by(&ref, own_item, &(uint32_t){50}), "own");
}

static void kill_all(void)
{
	struct ths_cpu *cpu = ths_cpu();
	uint32_t spare = 0;

	for (uint32_t i = 0; i < ths_core.contexts_used; i++)
		if (ths_core.context[i].state != CONTEXT_FREE)
			ths_context_kill(cpu, i, ths_core.context[i].generation);
	ths_section_enter(cpu);
	ths_context_admit_posted(cpu);
	ths_context_reap(cpu);
	ths_section_leave(cpu);
	for (uint32_t i = ths_core.spare; i; i = ths_core.context[i - 1].next) {
		ck_assert_int_eq(ths_core.context[i - 1].state, CONTEXT_FREE);
		ck_assert(ths_core.context[i - 1].stack);
		spare++;
	}
	for (uint32_t i = ths_core.bare; i; i = ths_core.context[i - 1].next) {
		ck_assert(!ths_core.context[i - 1].stack);
		spare++;
	}
	ck_assert_uint_eq(spare, ths_core.contexts_used);
}

static bool is_bound(const char *iface)
{
	for (unsigned i = 1; i < BINDINGS_MAX; i++)
		if (strcmp(ths_core.binding[i].iface, iface) == 0)
			return ths_binding_instance(&ths_core.binding[i]) != NULL;
	return false;
}

/* A file in an archive of its own: it is loaded and goes again, unless something was not to
 * be had. */
static void load_file(void)
{
	static struct image file;
	static uint8_t archive[1 << 16];
	struct ths_reason why;
	enum ths_err err;
	uint32_t slot;
	size_t end;

	if (!file.data)
		file = image_read("fixture.plain");
	ck_assert_uint_lt(file.size, sizeof archive - 512);
	end = archive_add(archive, 0, "fixture.plain.tmod", file.data, file.size);
	err = ths_archive_init(archive, end);
	allow(err, "archive");
	if (err)
		return;
	err = ths_module_load("fixture.plain", NULL, &slot, &why);
	ck_assert_msg(err == THS_OK ||
			      (failing && (err == THS_E_NOMEM || err == THS_E_FULL)),
		      "load: %s, %s", ths_err_name(err), why.text);
	if (err == THS_OK)
		ck_assert_int_eq(ths_module_unload(slot), THS_OK);
}

/* Out of this life and back into it. */
static void save_and_restore(void)
{
	static uint8_t image[8192];
	struct ths_save_memory out = {image, sizeof(image), 0},
			       in = {image, sizeof(image), 0};
	enum ths_err err = ths_save(ths_save_to_memory, &out, NULL);

	allow(err, "save");
	if (err == THS_OK)
		allow(ths_restore(ths_save_from_memory, &in, NULL, NULL), "restore");
}

static void live(void)
{
	uint32_t server = 0, other;
	struct ths_host_stop stop;

	load_file();

	allow(start_module(&ths_module_mem_frames, NULL, &other), "frames");
	if (is_bound("frames"))
		allow(ths_memory_donate(), "donate");
	allow(start_module(&ths_module_sched_rr, NULL, &other), "sched");
	allow(start_module(&ths_module_tasks, NULL, &other), "tasks");
	allow(start_module(&ths_module_keeper, NULL, &other), "keeper");
	allow(start_module(&ths_module_script, "one", &server), "script");
	call_it();
	turns = 0;
	ck_assert(ths_host_until_stop(run_tasks, NULL, &stop));
	ck_assert_int_eq(stop.how, THS_STOP_OFF);
	ths_core.up = false;
	if (server) {
		replace(&server, &ths_module_script_next, "two");
		call_it();
		replace(&server, &ths_module_script, "three");
	}
	save_and_restore();
	call_it();
}

/* ---- accounts ------------------------------------------------------------------------ */

static unsigned free_waiters(void)
{
	unsigned count = 0;

	for (const struct waiter *at = ths_core.waiter_free; at; at = at->next)
		count++;
	return count;
}

static unsigned linked_waiters(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < WAITERS_HASH; i++)
		for (const struct waiter *at = ths_core.waiter_hash[i]; at; at = at->next)
			count += at >= ths_core.waiter &&
				 at < &ths_core.waiter[WAITERS_MAX];
	return count;
}

static void nothing_is_lost(void)
{
	const char *lost;
	enum ths_err err;

	failing = false;
	err = script_by(&ref, all_is_whole, NULL);
	ck_assert_msg(err == THS_OK || err == THS_E_UNAVAIL, "%s", ths_err_name(err));
	kill_all();
	if (ths_table_find("script.owned/1", "")) /* but for our own */
		ck_assert_uint_le(ths_table_find("script.owned/1", "")->live, 1);
	lost = accounts_lost();
	ck_assert_msg(!lost, "%s", lost);
	ck_assert_uint_eq(free_waiters() + linked_waiters(), WAITERS_MAX);
}

/* ---- the runs ------------------------------------------------------------------------ */

static char console[1 << 16];

static void boot(void)
{
	rig_start();
	ths_host_console(console, sizeof console);
	ths_host_on_idle(idle, NULL);
	ths_arch_irq_restore(true);
	ref = (struct ths_ref)THS_REF(script);
	tasks = (struct ths_ref)THS_REF(tasks);
}

static uint64_t one_life(const char *class, uint64_t n, bool persistently)
{
	uint64_t failed;

	boot();
	ths_host_fail_nth(class, n, persistently);
	failing = n > 0;
	live();
	failed = n ? ths_host_fail_failed() : ths_host_fail_reached();
	ths_host_fail_nth(class, 0, false);
	nothing_is_lost();
	rig_stop();
	return failed;
}

/* The first places all, of the others a choice by the seed. */
#define ALL     400u
#define SAMPLES 250u

static void every_failure(bool persistently)
{
	uint64_t places = one_life("alloc", 0, false), n;
	uint64_t dice = ths_test_seed();

	ck_assert_uint_gt(places, 100);
	for (n = 1; n <= places && n <= ALL; n++)
		(void)one_life("alloc", n, persistently);
	for (unsigned i = 0; places > ALL && i < SAMPLES; i++) {
		dice = dice * 6364136223846793005u + 1442695040888963407u;
		(void)one_life("alloc", ALL + 1 + (dice >> 33) % (places - ALL),
			       persistently);
	}
}

/* As the build found them in the sources. */
static const char *const sites[] = {
#include "tests/unit/nano_core/fail_sites.h"
};

START_TEST(one_thing_runs_out)
{
	every_failure(false);
}
END_TEST

START_TEST(everything_runs_out)
{
	every_failure(true);
}
END_TEST

/* Each site alone, its first times, once and for good: so none is hidden behind another.
 */
START_TEST(each_site_fails)
{
	const char *site = sites[_i / 2];
	bool persistently = _i % 2;
	uint64_t n;

	for (n = 1; n <= 12; n++)
		if (one_life(site, n, persistently) == 0)
			break;
	ck_assert_msg(n > 1, "%s was never made to fail: no life here reaches it", site);
}
END_TEST

START_TEST(without_memory_there_is_no_start)
{
	uint64_t n = 0, failed;

	do {
		ths_host_reset();
		ths_host_fail_nth("alloc", ++n, false);
		failed = ths_core_start(ths_host_boot_info()) != THS_OK;
		ck_assert_int_eq(failed, ths_host_fail_failed() > 0);
		ths_host_cpu_leave();
	} while (failed);
	ck_assert_uint_gt(n, 8);
	ths_host_reset();
}
END_TEST

START_TEST(a_cpu_that_cannot_start_leaves_nothing)
{
	bool failed = true;
	uint64_t n;

	for (n = 1; failed; n++) {
		struct ths_cpu *cpu = calloc(1, sizeof(*cpu));
		const char *lost;

		rig_start();
		ck_assert_int_eq(ths_cpu_make(cpu, 1), THS_OK);
		ths_host_fail_nth("alloc", n, false);
		failed = ths_cpu_start(cpu) != THS_OK;
		ck_assert_int_eq(failed, ths_host_fail_failed() > 0);
		ths_host_fail_nth("alloc", 0, false);
		lost = failed ? accounts_lost() : NULL;
		ck_assert_msg(!lost, "failure %u: %s", (unsigned)n, lost);
		if (failed)
			ck_assert_int_eq(ths_cpu_start(cpu), THS_OK);
		ths_core.cpus = 2;
		lost = accounts_lost();
		ck_assert_msg(!lost, "failure %u, started: %s", (unsigned)n, lost);
		rig_stop();
	}
	ck_assert_uint_gt(n, 6);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("fail");
	TCase *each = tcase_create("sites");

	tcase_add_test(ths_suite_case(suite, "start"), without_memory_there_is_no_start);
	tcase_add_test(ths_suite_case(suite, "a CPU"), a_cpu_that_cannot_start_leaves_nothing);
	tcase_add_loop_test(each, each_site_fails, 0, 2 * (int)THS_ARRAY_SIZE(sites));
	suite_add_tcase(suite, each);
	tcase_add_test(ths_suite_case(suite, "once"), one_thing_runs_out);
	tcase_add_test(ths_suite_case(suite, "for good"), everything_runs_out);
	return suite;
}

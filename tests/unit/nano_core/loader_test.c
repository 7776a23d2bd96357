/*
 * loader_test - files by name; and what happens while one is loaded.
 */
#include "accounts.h"
#include "archive.h"
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"
#include "tmod_image.h"

#include <theseus/evolve.h>
#include <theseus/host.h>
#include <theseus/iface/tasks.h>
#include "nano_core/swap_impl.h"

extern const struct ths_module ths_module_sched_rr, ths_module_tasks;

static uint8_t space[1 << 18];

/* ---- files by name ------------------------------------------------------------------ */

static const char *found(const char *name)
{
	const void *data;
	size_t size;

	return ths_archive_find(name, &data, &size) == THS_OK ? data : NULL;
}

START_TEST(the_first_of_a_name_is_found)
{
	const void *data;
	size_t end, size;

	end = archive_add(space, 0, "one", "1", 2);
	end = archive_add(space, end, "./two", "2", 2);
	end = archive_add(space, end, "one", "3", 2);
	end = archive_add(space, end, ARCHIVE_TRAILER, "", 0);
	ck_assert_int_eq(ths_archive_init(space, end), THS_OK);
	ck_assert_str_eq(found("one"), "1");
	ck_assert_str_eq(found("two"), "2");
	ck_assert_int_eq(ths_archive_find("three", &data, &size), THS_E_NOENT);
}
END_TEST

START_TEST(only_files_are_found)
{
	const void *data;
	size_t end, size;

	end = archive_add(space, 0, "folder", "", 0);
	memcpy(space + 14, "000041ed", 8); /* its mode: drwxr-xr-x */
	end = archive_add(space, end, "folder/one", "1", 2);
	end = archive_add(space, end, ARCHIVE_TRAILER, "", 0);
	ck_assert_int_eq(ths_archive_init(space, end), THS_OK);
	ck_assert_str_eq(found("folder/one"), "1");
	ck_assert_int_eq(ths_archive_find("folder", &data, &size), THS_E_NOENT);
}
END_TEST

START_TEST(before_the_damage_files_are_found)
{
	const void *data;
	size_t first, end, size;

	first = archive_add(space, 0, "one", "1", 2);
	end = archive_add(space, first, "two", "2", 2);
	space[first] = '?';
	ck_assert_int_eq(ths_archive_init(space, end), THS_OK);
	ck_assert_str_eq(found("one"), "1");
	ck_assert_int_eq(ths_archive_find("two", &data, &size), THS_E_FORMAT);
	accounts_keep(ths_archive_pages());
	ck_assert_int_eq(ths_archive_init(NULL, 0), THS_OK);
	ck_assert_int_eq(ths_archive_find("one", &data, &size), THS_E_FORMAT);
}
END_TEST

START_TEST(each_of_a_thousand_files_is_found)
{
	char name[16];
	size_t end = 0;

	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof name, "file.%u", i);
		end = archive_add(space, end, name, name, sizeof name);
	}
	end = archive_add(space, end, ARCHIVE_TRAILER, "", 0);
	ck_assert_int_eq(ths_archive_init(space, end), THS_OK);
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof name, "file.%u", i);
		ck_assert_str_eq(found(name), name);
	}
	ck_assert_ptr_null(found("file.1000"));
}
END_TEST

/* ---- modules -------------------------------------------------------------------------- */

/* The archive has this file, as @name, and no other. */
static void bring(const char *name, const struct image *file)
{
	size_t end = archive_add(space, 0, name, file->data, file->size);

	end = archive_add(space, end, ARCHIVE_TRAILER, "", 0);
	ck_assert_int_eq(ths_archive_init(space, end), THS_OK);
}

static void seal(struct image *file)
{
	ck_assert_int_eq(ths_tmod_seal(file->data, file->size, &reason), THS_OK);
}

START_TEST(a_file_is_found_by_its_whole_name_too)
{
	struct image file = image_read("fixture.plain");
	uint32_t slot;

	bring("fixture.plain.tmod", &file);
	ck_assert_int_eq(ths_module_load("fixture.plain.tmod", NULL, &slot, NULL), THS_OK);
	ck_assert_str_eq(ths_core.instance[slot].name, "fixture.plain");
	ck_assert_int_eq(ths_module_load("fixture", NULL, &slot, &reason), THS_E_NOENT);
	ck_assert_str_eq(reason.text, "the archive has no module fixture");
	free(file.data);
}
END_TEST

static void forget_layouts(struct image *file)
{
	section_of(file, section_named(file, ".ths.schema"))->sh_name++;
}

static void bear_another_name(struct image *file)
{
	Elf64_Shdr *layouts = section_of(file, section_named(file, ".ths.schema"));
	char *id = (char *)file->data + layouts->sh_offset + strlen("theseus-schema 1 ");

	ck_assert_int_eq(strncmp(id, "fixture.plain\n", 14), 0);
	memcpy(id, "fixture.plane", 13);
}

/* The name of a function it imports is one that nobody publishes. */
static void import_another(struct image *file)
{
	Elf64_Shdr *names = section_of(file, section_named(file, ".strtab"));
	char *at = (char *)file->data + names->sh_offset;

	while (strcmp(at, "ths_port_in") != 0)
		at += strlen(at) + 1;
	memcpy(at, "ths_port_un", 12);
}

/* Of another ABI, and it imports what that had: it is the ABI that is said. */
static void become_another_abi(struct image *file)
{
	size_t home = section_named(file, ".rodata");
	uint32_t abi = THS_ABI + 1;

	ck_assert_int_eq(ths_tmod_open(&tmod, file->data, file->size, &reason), THS_OK);
	memcpy(file->data + section_of(file, home)->sh_offset + tmod.descriptor -
		       tmod.place[home],
	       &abi, sizeof(abi));
	import_another(file);
}

static const struct {
	void (*damage)(struct image *file);
	enum ths_err err;
	const char *words;
} unloadable[] = {
	{forget_layouts, THS_E_FORMAT, "the module has no layouts: no section .ths.schema"},
	{become_another_abi, THS_E_ABI, "fixture.plain: is built for abi 4, this is 3"},
	{bear_another_name, THS_E_FORMAT,
	 "the layouts in .ths.schema are of module fixture.plane, not of fixture.plain"},
	{import_another, THS_E_SYMBOL, "symbol ths_port_un (used at .text+0x"},
};

/* Q2 */
START_TEST(what_cannot_be_loaded_leaves_nothing)
{
	struct image file = image_read("fixture.plain");
	uint32_t slot;

	unloadable[_i].damage(&file);
	seal(&file);
	bring("fixture.plain.tmod", &file);
	ck_assert_int_eq(ths_module_load("fixture.plain", NULL, &slot, &reason),
			 unloadable[_i].err);
	ck_assert_msg(strncmp(reason.text, unloadable[_i].words,
			      strlen(unloadable[_i].words)) == 0,
		      "%s", reason.text);
	ck_assert_int_eq(ths_module_load("fixture.plain", NULL, &slot, NULL),
			 unloadable[_i].err);
	ck_assert_ptr_null(accounts_lost());
	free(file.data);
}
END_TEST

static enum ths_prot rights(ths_vaddr_t at)
{
	ths_paddr_t paddr;
	enum ths_prot prot;

	ck_assert(ths_arch_lookup(at, &paddr, &prot));
	return prot;
}

/* The control of E1: what it writes stays writable, and nothing else. */
START_TEST(a_module_that_spills_is_loaded_if_that_is_wanted)
{
	struct image file = image_read("fixture.spill");
	const struct ths_instance *instance;
	uint32_t slot;

	bring("fixture.spill.tmod", &file);
	ck_assert_int_eq(ths_module_load("fixture.spill", NULL, &slot, &reason), THS_E_SPILL);
	ths_test_admit_spill(true);
	ck_assert_int_eq(ths_module_load("fixture.spill", NULL, &slot, &reason), THS_OK);
	ths_test_admit_spill(false);
	instance = &ths_core.instance[slot];
	ck_assert_int_eq(rights(instance->text), THS_PROT_RX);
	ck_assert_int_eq(rights(instance->rodata), THS_PROT_R);
	ck_assert_int_eq(rights(instance->rodata + instance->tmod.spill), THS_PROT_RW);
	free(file.data);
}
END_TEST

START_TEST(there_is_no_room_for_more_than_the_area_has)
{
	ck_assert_ptr_null(ths_loader_room(ths_arch_module_area().size));
	ck_assert_ptr_null(ths_loader_room(32u << 20)); /* of addresses, but not of pages */
	ck_assert_ptr_null(accounts_lost());
}
END_TEST

/* Pages that came with the image are memory like any other when their module goes. */
START_TEST(pages_of_the_image_are_given_back)
{
	ths_vaddr_t at = ths_arch_stack_area().base + ths_arch_stack_area().size - THS_PAGE_SIZE;
	struct ths_instance *instance;
	void *page = ths_pages_take(0);
	ths_paddr_t paddr;
	enum ths_prot prot;
	uint32_t slot;

	ck_assert_ptr_nonnull(page);
	accounts_keep(1); /* the image's */
	ck_assert_int_eq(ths_arch_map(at, ths_arch_paddr(page), 1, THS_PROT_RX), THS_OK);
	slot = rig_add(&ths_module_sched_rr, NULL);
	instance = &ths_core.instance[slot];
	instance->text = instance->rodata = at;
	instance->pages = 2; /* there is nothing in the second */
	ck_assert_int_eq(ths_module_unload(slot), THS_OK);
	ck_assert(!ths_arch_lookup(at, &paddr, &prot));
	ck_assert_uint_eq(((uint8_t *)page)[THS_PAGE_SIZE - 1], 0x6b);
}
END_TEST

/* ---- turns ---------------------------------------------------------------------------- */

static enum ths_err add(void)
{
	uint32_t slot;

	return ths_module_add(&ths_module_sched_rr, "another", &slot, NULL);
}

static enum ths_err load_one(void)
{
	uint32_t slot;

	return ths_module_load("fixture.plain", NULL, &slot, NULL);
}

static enum ths_err unload(void)
{
	return ths_module_unload(1);
}

static enum ths_err bind(void)
{
	return ths_bind(1, "another");
}

static enum ths_err unbind(void)
{
	return ths_unbind(&tasks_iface, "");
}

static enum ths_err swap(void)
{
	return ths_swap(1, 2, NULL);
}

static enum ths_err swap_file(void)
{
	return ths_swap_file("tasks", "fixture.plain", NULL, &reason);
}

static enum ths_err roll_back(void)
{
	return ths_rollback("tasks", NULL);
}

static enum ths_err interpose(void)
{
	return ths_interpose(2, "tasks", NULL);
}

static enum ths_err interpose_end(void)
{
	return ths_interpose_end(2);
}

static enum ths_err evolve(void)
{
	return ths_evolve("remove tasks\n", 13, &reason);
}

static enum ths_err to_nowhere(void *ctx, const void *data, size_t size)
{
	(void)ctx;
	(void)data;
	(void)size;
	return THS_OK;
}

static enum ths_err from_nowhere(void *ctx, void *data, size_t size)
{
	(void)ctx;
	(void)data;
	(void)size;
	return THS_E_FORMAT;
}

static const uint8_t key[THS_SAVE_KEY];

static enum ths_err save(void)
{
	return ths_save(to_nowhere, NULL, key);
}

static enum ths_err restore(void)
{
	return ths_restore(from_nowhere, NULL, key, NULL);
}

static enum ths_err vital(void)
{
	return ths_vital("tasks");
}

static enum ths_err (*const takes_a_turn[])(void) = {
	add,       load_one,  unload,        bind,   unbind, swap,    swap_file,
	roll_back, interpose, interpose_end, evolve, save,   restore, vital};

START_TEST(who_has_the_turn_gets_no_second)
{
	rig_bind(&ths_module_tasks, "");
	rig_add(&ths_module_sched_rr, NULL);
	ck_assert_int_eq(ths_loader_enter(), THS_OK);
	ck_assert_int_eq(takes_a_turn[_i](), THS_E_BUSY);
	ths_loader_leave();
	ck_assert_int_eq(ths_loader_enter(), THS_OK);
	ths_loader_leave();
}
END_TEST

static enum ths_err add_inside(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	return add();
}

/* Another task has the turn, and this is no moment to let it run. */
START_TEST(where_nobody_can_wait_nobody_does)
{
	struct ths_cpu *cpu = ths_cpu();
	struct ths_ref script = THS_REF(script);
	uint32_t self = cpu->current;

	rig_bind(&ths_module_script, "");
	ck_assert_int_eq(ths_loader_enter(), THS_OK);
	cpu->current = 7;
	cpu->section++;
	ck_assert_int_eq(add(), THS_E_BUSY);
	cpu->section--;
	cpu->working = true;
	ck_assert_int_eq(add(), THS_E_BUSY);
	cpu->working = false;
	ck_assert_int_eq(script_by(&script, add_inside, NULL), THS_E_BUSY);
	cpu->current = self;
	ths_loader_leave();
	ck_assert_int_eq(add(), THS_OK);
}
END_TEST

/* ---- while one is loaded -------------------------------------------------------------- */

static struct ths_ref tasks;
static unsigned turns, turns_meanwhile;
static bool loaded, went_on;

static void set_up(void)
{
	struct image file = image_read("fixture.plain");

	harness_start();
	harness_bind(&ths_module_sched_rr, "");
	harness_bind(&ths_module_tasks, "");
	tasks = (struct ths_ref)THS_REF(tasks);
	bring("fixture.plain.tmod", &file);
	free(file.data);
	turns = turns_meanwhile = 0;
	loaded = went_on = false;
}

static struct ths_task_id begin(void (*entry)(void *))
{
	struct tasks_create args = {.entry = (uint64_t)(uintptr_t)entry};

	ck_assert_int_eq(tasks_create(&tasks, &args), THS_OK);
	return args.task;
}

static void load(void)
{
	uint32_t slot;

	ck_assert_msg(ths_module_load("fixture.plain", NULL, &slot, &reason) == THS_OK, "%s",
		      reason.text);
	loaded = true;
}

static void takes_turns(void *arg)
{
	(void)arg;
	for (;; turns++)
		ths_yield();
}

static void loads_beside_another(void *arg)
{
	(void)arg;
	(void)begin(takes_turns);
	ths_yield();
	turns = 0;
	load();
	turns_meanwhile = turns;
	harness_done();
}

START_TEST(others_run_while_a_file_is_loaded)
{
	harness_run(loads_beside_another, NULL);
	ck_assert_uint_ge(turns_meanwhile, 5);
}
END_TEST

static void loads_and_goes_on(void *arg)
{
	(void)arg;
	load();
	went_on = true;
}

static void kills_who_loads(void *arg)
{
	struct tasks_kill kill = {.task = begin(loads_and_goes_on)};
	struct tasks_join join = {.task = kill.task};

	(void)arg;
	ths_yield(); /* to it, and back at its first pause */
	ck_assert(!loaded);
	ck_assert_int_eq(tasks_kill(&tasks, &kill), THS_OK);
	ck_assert_int_eq(tasks_join(&tasks, &join), THS_OK);
	ck_assert_int_eq(ths_loader_enter(), THS_OK); /* waits for it to be done */
	ths_loader_leave();
	ths_yield();
	ck_assert_ptr_null(accounts_lost());
	harness_done();
}

/* Q4: nothing is half done, the turn is somebody else's, and the task is no more. */
START_TEST(who_is_killed_while_it_loads_gives_its_turn_back)
{
	harness_run(kills_who_loads, NULL);
	ck_assert(!loaded);
	ck_assert(!went_on);
}
END_TEST

static void die(void)
{
	struct ths_task_id self = ths_task_self();

	ths_context_kill(ths_cpu(), self.slot, self.generation);
}

static void die_having_the_turn(const char *point, void *ctx)
{
	(void)ctx;
	if (strcmp(point, "load/turn"))
		return;
	ths_host_on_point(NULL, NULL);
	die();
	ths_host_tick();
}

static void dies_first(void *unused)
{
	(void)unused;
	die();
	went_on = true;
	(void)!ths_loader_enter();
	ck_abort_msg("the dead run");
}

static void dies_as_its_turn_comes(void *unused)
{
	(void)unused;
	ths_host_on_point(die_having_the_turn, NULL);
	went_on = true;
	(void)!ths_loader_enter();
	ck_abort_msg("the dead run");
}

static void (*const dying[])(void *) = {dies_first, dies_as_its_turn_comes};
static int how;

static void waits_for_the_dead(void *unused)
{
	(void)unused;
	(void)begin(dying[how]);
	ths_yield();
	ck_assert(went_on);
	ck_assert_int_eq(ths_loader_enter(), THS_OK);
	ths_loader_leave();
	harness_done();
}

START_TEST(the_dead_keep_no_turn)
{
	how = _i;
	harness_run(waits_for_the_dead, NULL);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("loader");

	harness_case(suite, "W1", harness_start, the_first_of_a_name_is_found);
	harness_case(suite, "W3", harness_start, before_the_damage_files_are_found);
	harness_case(suite, "many", harness_start, each_of_a_thousand_files_is_found);
	harness_case(suite, "W1, folders", harness_start, only_files_are_found);
	harness_case(suite, "names", harness_start, a_file_is_found_by_its_whole_name_too);
	harness_loop(suite, "Q2", harness_start, what_cannot_be_loaded_leaves_nothing, 0,
		     (int)THS_ARRAY_SIZE(unloadable));
	harness_case(suite, "Q1", harness_start,
		     a_module_that_spills_is_loaded_if_that_is_wanted);
	harness_case(suite, "Q2, room", harness_start,
		     there_is_no_room_for_more_than_the_area_has);
	harness_case(suite, "image", harness_start, pages_of_the_image_are_given_back);
	harness_loop(suite, "turns", harness_start, who_has_the_turn_gets_no_second, 0,
		     (int)THS_ARRAY_SIZE(takes_a_turn));
	harness_case(suite, "turns, waiting", harness_start, where_nobody_can_wait_nobody_does);
	harness_case(suite, "meanwhile", set_up, others_run_while_a_file_is_loaded);
	harness_case(suite, "Q4", set_up, who_is_killed_while_it_loads_gives_its_turn_back);
	harness_loop(suite, "Q4, killed", set_up, the_dead_keep_no_turn, 0,
		     (int)THS_ARRAY_SIZE(dying));
	return suite;
}

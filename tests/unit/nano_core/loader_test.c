/*
 * loader_test - files by name; and what happens while one is loaded.
 */
#include "accounts.h"
#include "archive.h"
#include "harness.h"
#include "rig.h"
#include "suite.h"
#include "tmod_image.h"

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

/* ---- while one is loaded -------------------------------------------------------------- */

static struct ths_ref tasks;
static unsigned turns, turns_meanwhile;
static bool loaded, went_on;

static void set_up(void)
{
	struct image file = image_read("fixture.plain");
	size_t end;

	harness_start();
	harness_bind(&ths_module_sched_rr, "");
	harness_bind(&ths_module_tasks, "");
	tasks = (struct ths_ref)THS_REF(tasks);
	end = archive_add(space, 0, "fixture.plain.tmod", file.data, file.size);
	end = archive_add(space, end, ARCHIVE_TRAILER, "", 0);
	ck_assert_int_eq(ths_archive_init(space, end), THS_OK);
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

static void dies_first(void *arg)
{
	struct ths_task_id self = ths_task_self();

	(void)arg;
	ths_context_kill(ths_cpu(), self.slot, self.generation);
	ck_assert_int_eq(ths_loader_enter(), THS_E_BUSY);
	went_on = true;
	ths_yield();
	ck_abort_msg("the dead run");
}

static void waits_for_the_dead(void *arg)
{
	(void)arg;
	(void)begin(dies_first);
	ths_yield();
	ck_assert(went_on);
	ck_assert_int_eq(ths_loader_enter(), THS_OK);
	ths_loader_leave();
	harness_done();
}

START_TEST(the_dead_get_no_turn)
{
	harness_run(waits_for_the_dead, NULL);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("loader");

	harness_case(suite, "W1", harness_start, the_first_of_a_name_is_found);
	harness_case(suite, "W3", harness_start, before_the_damage_files_are_found);
	harness_case(suite, "many", harness_start, each_of_a_thousand_files_is_found);
	harness_case(suite, "meanwhile", set_up, others_run_while_a_file_is_loaded);
	harness_case(suite, "Q4", set_up, who_is_killed_while_it_loads_gives_its_turn_back);
	harness_case(suite, "Q4, killed", set_up, the_dead_get_no_turn);
	return suite;
}

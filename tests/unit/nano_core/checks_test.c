/*
 * checks_test - each check of a build with THS_CHECKS fires: the mistake is made, and the
 * machine stops and says which.
 */
#include "harness.h"
#include "suite.h"

#include <string.h>
#include <theseus/host.h>
#include <theseus/list.h>
#include "nano_core/nano_core_impl.h"
#include "state_db/txn_quick.h"

static char console[4096];

/* @mistake stops the machine, and @said is why. */
static void is_told(void (*mistake)(void *), const char *said)
{
	struct ths_host_stop stop;

	memset(console, 0, sizeof(console));
	ths_host_console(console, sizeof(console));
	ck_assert(ths_host_until_stop(mistake, NULL, &stop));
	ck_assert_msg(strstr(console, said) != NULL, "'%s' is not in:\n%s", said, console);
}

static void lock_at_depth_0(void *unused)
{
	_Atomic(uint32_t) lock = 0;

	(void)unused;
	ths_arch_irq_restore(true);
	ths_spin_lock(&lock);
}

START_TEST(a_lock_where_a_tick_may_do_work)
{
	is_told(lock_at_depth_0, "a spin lock is taken where a tick may do work");
}
END_TEST

/* Behind the word by which free pages are linked. */
static void write_to_a_page_given_back(void *unused)
{
	uint8_t *page = ths_pages_take(0);

	(void)unused;
	ck_assert_ptr_nonnull(page);
	ths_pages_give(page, 0);
	page[THS_PAGE_SIZE - 1] = 0;
	page = ths_pages_take(0);
}

START_TEST(a_page_is_written_to_that_is_nobodys)
{
	is_told(write_to_a_page_given_back,
		"a page was written to after it was given back: byte 4087");
}
END_TEST

static struct ths_version *version;

static void write_to_a_version_given_back(void *unused)
{
	struct ths_cpu *cpu = ths_cpu();

	(void)unused;
	ck_assert_int_eq(ths_pool_refill(cpu, 0), THS_OK);
	version = pool_pop(cpu, 0);
	pool_push(cpu, version);
	version->data[0] = 1;
	version = pool_pop(cpu, 0);
}

START_TEST(a_version_is_written_to_that_is_free)
{
	is_told(write_to_a_version_given_back,
		"a row's version was written to after it was given back: byte 0");
	pool_push(ths_cpu(), version); /* it was taken: none may be lost */
}
END_TEST

static struct ths_list head, node, stray;

static void break_list(void)
{
	ths_list_init(&head);
	ths_list_init(&node);
	ths_list_init(&stray);
	ths_list_add_last(&head, &node);
	head.next = &stray;
}

static void add_to_a_broken_list(void *unused)
{
	(void)unused;
	ths_list_add_first(&head, &(struct ths_list){NULL, NULL});
}

static void remove_from_a_broken_list(void *unused)
{
	(void)unused;
	ths_list_remove(&node);
}

START_TEST(a_list_is_broken)
{
	break_list();
	is_told(add_to_a_broken_list, "a list is broken");
	is_told(remove_from_a_broken_list, "a list is broken");
}
END_TEST

START_TEST(what_is_taken_from_the_arena_is_not_zero)
{
	uint8_t *room = ths_arena_take(ths_cpu(), 16);

	ck_assert_ptr_nonnull(room);
	for (unsigned i = 0; i < 16; i++)
		ck_assert_uint_eq(room[i], 0x6b);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("checks");

	harness_case(suite, "C1 locks", harness_start, a_lock_where_a_tick_may_do_work);
	harness_case(suite, "C1 pages", harness_start, a_page_is_written_to_that_is_nobodys);
	harness_case(suite, "C1 versions", harness_start, a_version_is_written_to_that_is_free);
	harness_case(suite, "C1 lists", harness_start, a_list_is_broken);
	harness_case(suite, "C1 arena", harness_start, what_is_taken_from_the_arena_is_not_zero);
	return suite;
}

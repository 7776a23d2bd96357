/*
 * relief_test - what is given up when memory is short, and what that is good for.
 *
 * The machine's pages are all taken, mem.frames' too; so whatever is had after that was had
 * by giving up something. How much is counted, and printed.
 */
#include "accounts.h"
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <stdio.h>
#include <theseus/host.h>
#include <theseus/soft.h>
#include "nano_core/nano_core_impl.h"

enum { CACHE, STOCK, FIXED_CACHE };
#define ROWS   4000u
#define FIXEDS 100u
#define PAGE_ROWS ((unsigned)(THS_PAGE_SIZE / (sizeof(struct ths_version) + 256)))

struct wide { /* in versions of 256 bytes */
	uint64_t key, value[31];
};

THS_MODULE(cacher, "cacher", 1, 0,
	   THS_PROVIDES(script, SCRIPT_SERVES(script_first_op)),
	   THS_TABLE(CACHE, "cacher.cache/1", struct wide, .rows = ROWS,
		     .flags = THS_SOFT | THS_KEYED),
	   THS_TABLE(STOCK, "cacher.stock/1", struct wide, .rows = ROWS),
	   THS_TABLE(FIXED_CACHE, "cacher.fixed/1", struct wide, .rows = FIXEDS,
		     .flags = THS_SOFT | THS_FIXED));

extern const struct ths_module ths_module_mem_frames;
static struct ths_ref ref;

static void start(void)
{
	rig_start();
	ref = (struct ths_ref)THS_REF(script);
	(void)rig_bind(&ths_module_cacher, "");
}

static void start_with_frames(void)
{
	start();
	(void)rig_bind(&ths_module_mem_frames, "");
	ck_assert_int_eq(ths_memory_donate(), THS_OK);
}

static struct ths_table *table_at(unsigned number)
{
	static const char *const name[] = {"cacher.cache/1", "cacher.stock/1",
					   "cacher.fixed/1"};

	return ths_table_find(name[number], "");
}

static enum ths_err make(struct ths_call *call, void *ctx)
{
	struct wide *wide;
	uint32_t row;

	if (*(unsigned *)ctx == STOCK)
		return ths_row_new(call, STOCK, &row, &wide);
	THS_TRY(ths_row_new_keyed(call, CACHE, table_at(CACHE)->live, &row, &wide));
	wide->value[30] = ~wide->key;
	return THS_OK;
}

static unsigned make_rows(unsigned table, unsigned most)
{
	unsigned count = 0;

	while (count < most && script_by(&ref, make, &table) == THS_OK)
		count++;
	return count;
}

static enum ths_err touch_all(struct ths_call *call, void *ctx)
{
	struct wide *wide;

	(void)ctx;
	for (uint32_t row = 0; row < 32; row++) {
		THS_TRY(ths_row_write(call, FIXED_CACHE, row, &wide));
		wide->key = 7;
	}
	return THS_OK;
}

static enum ths_err free_stock(struct ths_call *call, void *ctx)
{
	(void)ctx;
	for (unsigned i = 0; i < 16; i++) {
		uint32_t row = THS_ROW_NONE;

		THS_TRY(ths_row_next(call, STOCK, &row));
		THS_TRY(ths_row_free(call, STOCK, row));
	}
	return THS_OK;
}

/* Every key is found with what was put there, or is not there. */
static enum ths_err look_at_cache(struct ths_call *call, void *ctx)
{
	uint64_t *key = ctx;
	const struct wide *wide;
	uint32_t row;
	enum ths_err err = ths_row_find(call, CACHE, *key, &row, &wide);

	if (err == THS_OK)
		ck_assert_uint_eq(wide->value[30], ~*key);
	return err;
}

static unsigned cached(void)
{
	unsigned count = 0;

	for (uint64_t key = 0; key < ROWS; key++) {
		enum ths_err err = script_by(&ref, look_at_cache, &key);

		ck_assert(err == THS_OK || err == THS_E_NOENT);
		count += err == THS_OK;
	}
	ck_assert_uint_eq(count, table_at(CACHE)->live);
	return count;
}

/* ---- pages ---------------------------------------------------------------------------- */

static void *taken; /* linked */
static unsigned taken_count;

static void *take_one(void)
{
	void **page = ths_pages_take(0);

	if (page) {
		*page = taken;
		taken = page;
		taken_count++;
		accounts_keep(1);
	}
	return page;
}

/* What there is without relief. */
static void take_free_pages(void)
{
	ths_cpu()->started = false; /* nothing is given up */
	while (take_one())
		;
	ths_cpu()->started = true;
	taken_count = 0;
}

static void give_all(void)
{
	while (taken) {
		void *page = taken;

		taken = *(void **)page;
		ths_pages_give(page, 0);
		accounts_keep(-1ull);
	}
}

START_TEST(soft_rows_become_pages)
{
	unsigned rows, pages = 0;
	uint64_t vanished;

	_i ? start_with_frames() : start();
	rows = make_rows(CACHE, ROWS);
	ck_assert_uint_eq(rows, ROWS);
	vanished = ths_soft_vanished();
	take_free_pages();
	ck_assert_uint_eq(cached(), rows); /* nothing went so far */
	while (take_one())
		pages = taken_count;
	printf("# %u soft rows of 256 bytes: %u pages\n", rows, pages);
	ck_assert_uint_eq(cached(), 0);
	ck_assert_uint_eq(ths_soft_vanished() - vanished, rows);
	/* Of each row a tombstone stays; the rest comes back, but for what cannot be whole. */
	ck_assert_uint_ge(pages, ROWS / PAGE_ROWS - ROWS / 128 - 24);
	give_all();
	ck_assert_uint_eq(make_rows(CACHE, 100), 100); /* the cache is one again */
	rig_stop();
}
END_TEST

START_TEST(one_page_costs_a_few_rows)
{
	unsigned rows;

	start();
	rows = make_rows(CACHE, 1000);
	take_free_pages();
	for (unsigned i = 0; i < 8 && table_at(CACHE)->live == rows; i++)
		ck_assert_ptr_nonnull(take_one()); /* what lay free in pools */
	ck_assert_uint_ge(cached(), rows - 64);
	ck_assert_uint_lt(cached(), rows);
	give_all();
	rig_stop();
}
END_TEST

START_TEST(rows_that_may_not_vanish_take_their_place)
{
	unsigned with, without;

	start();
	take_free_pages();
	without = make_rows(STOCK, ROWS);
	give_all();
	rig_stop();

	start();
	ck_assert_uint_eq(make_rows(CACHE, 1000), 1000);
	take_free_pages();
	with = make_rows(STOCK, ROWS);
	printf("# of 1000 soft rows: room for %u others\n", with - without);
	ck_assert_uint_ge(with, without + 850);
	ck_assert_uint_le(with, without + 1000 + PAGE_ROWS);
	ck_assert_uint_eq(cached(), 0);
	ck_assert_uint_eq(table_at(STOCK)->live, with);
	give_all();
	rig_stop();
}
END_TEST

START_TEST(what_pools_once_needed_is_given_back)
{
	unsigned pages = 0;

	start();
	ck_assert_uint_eq(make_rows(STOCK, 1600), 1600);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_int_eq(script_by(&ref, free_stock, NULL), THS_OK);
	take_free_pages();
	while (take_one())
		pages = taken_count;
	ck_assert_uint_ge(pages, 1600 / PAGE_ROWS - 2);
	give_all();
	ck_assert_uint_eq(make_rows(STOCK, 1600), 1600);
	rig_stop();
}
END_TEST

/* ---- what does not go ------------------------------------------------------------------ */

START_TEST(fixed_rows_stay_for_they_free_nothing)
{
	start();
	ck_assert_int_eq(script_by(&ref, touch_all, NULL), THS_OK);
	take_free_pages();
	while (take_one())
		;
	for (uint32_t row = 0; row < 32; row++)
		ck_assert_uint_eq(*(const uint64_t *)(const void *)slot_version(
					  table_at(FIXED_CACHE)->slots[row].word)
					   ->data,
				  7);
	ck_assert_uint_eq(ths_soft_vanished(), 0);
	give_all();
	rig_stop();
}
END_TEST

static enum ths_err take_inside(struct ths_call *call, void *ctx)
{
	(void)call;
	*(void **)ctx = ths_pages_take(0);
	return THS_OK;
}

START_TEST(inside_an_interaction_nothing_is_given_up)
{
	void *page = &page;

	start();
	ck_assert_uint_eq(make_rows(CACHE, 1000), 1000);
	take_free_pages();
	ck_assert_int_eq(script_by(&ref, take_inside, &page), THS_OK);
	ck_assert_ptr_null(page);
	ck_assert_uint_eq(cached(), 1000);
	give_all();
	rig_stop();
}
END_TEST

/* ---- several CPUs ---------------------------------------------------------------------- */

static _Atomic(bool) over;

static enum ths_err read_on(void *ctx)
{
	struct ths_ref own = THS_REF(script);
	unsigned *found = ctx;

	for (uint64_t key = 0; !atomic_load(&over); key = (key + 1) % ROWS) {
		enum ths_err err = script_by(&own, look_at_cache, &key);

		ck_assert(err == THS_OK || err == THS_E_NOENT);
		*found += err == THS_OK;
	}
	return THS_OK;
}

START_TEST(another_cpu_reads_on_meanwhile)
{
	unsigned found = 0, pages = 0;

	rig_start();
	rig_cpus(2);
	ref = (struct ths_ref)THS_REF(script);
	(void)rig_bind(&ths_module_cacher, "");
	ck_assert_uint_eq(make_rows(CACHE, 2000), 2000);
	take_free_pages();
	atomic_store(&over, false);
	other_start();
	other_begins(read_on, &found);
	while (take_one())
		pages = taken_count;
	atomic_store(&over, true);
	ck_assert_int_eq(other_ends(), THS_OK);
	other_stop();
	ck_assert_uint_eq(cached(), 0);
	ck_assert_uint_ge(pages, 2000 / PAGE_ROWS - 2000 / 128 - 24);
	give_all();
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("relief");
	TCase *tcase = ths_suite_case(suite, "gained");

	tcase_add_loop_test(tcase, soft_rows_become_pages, 0, 2);
	tcase_add_test(tcase, one_page_costs_a_few_rows);
	tcase_add_test(tcase, rows_that_may_not_vanish_take_their_place);
	tcase_add_test(tcase, what_pools_once_needed_is_given_back);
	tcase = ths_suite_case(suite, "kept");
	tcase_add_test(tcase, fixed_rows_stay_for_they_free_nothing);
	tcase_add_test(tcase, inside_an_interaction_nothing_is_given_up);
	tcase = ths_suite_case(suite, "several CPUs");
	tcase_add_test(tcase, another_cpu_reads_on_meanwhile);
	return suite;
}

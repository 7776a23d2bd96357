/*
 * grow_test - a large table takes memory for the rows it has, not for those it may have.
 */
#include "failpoint.h"
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <pthread.h>
#include <theseus/host.h>
#include <theseus/quota.h>
#include "nano_core/nano_core_impl.h"

enum { PLAIN, OWNED_BY, INDEXED };
#define ROWS_MAX 20000u
#define PER_PAGE 512u /* slots */

static struct ths_ref ref;

THS_MODULE(large, "large", 1, 0,
	   THS_PROVIDES(script, SCRIPT_SERVES(script_first_op)),
	   THS_TABLE(PLAIN, "large.plain/1", struct loose, .rows = ROWS_MAX,
		     .flags = THS_PER_INSTANCE),
	   THS_TABLE(OWNED_BY, "large.owned/1", struct loose, .rows = ROWS_MAX,
		     .flags = THS_PER_INSTANCE | THS_JOINT),
	   THS_TABLE(INDEXED, "large.indexed/1", struct item, .rows = ROWS_MAX,
		     .flags = THS_PER_INSTANCE | THS_KEYED));

static uint32_t start(void)
{
	harness_start();
	ref = (struct ths_ref)THS_REF(script);
	return rig_bind(&ths_module_large, "");
}

static struct ths_table *table_at(unsigned number)
{
	static const char *const name[] = {"large.plain/1", "large.owned/1",
					   "large.indexed/1"};

	return ths_table_find(name[number], "large");
}

/* One row more in the table *@ctx, whose number it holds. */
static enum ths_err make(struct ths_call *call, void *ctx)
{
	struct loose *loose;
	struct item *item;
	uint32_t row;

	switch (*(unsigned *)ctx) {
	case PLAIN:
		THS_TRY(ths_row_new(call, PLAIN, &row, &loose));
		loose->value = row;
		return THS_OK;
	case OWNED_BY:
		THS_TRY(ths_row_new(call, OWNED_BY, &row, &loose));
		loose->value = row;
		return THS_OK;
	default:
		return ths_row_new_keyed(call, INDEXED, table_at(INDEXED)->live, &row, &item);
	}
}

static void must_make(unsigned number, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		ck_assert_int_eq(script_by(&ref, make, &number), THS_OK);
}

static bool is_mapped(const void *at)
{
	ths_paddr_t paddr;
	enum ths_prot prot;

	return ths_arch_lookup((uintptr_t)at & ~(uintptr_t)(THS_PAGE_SIZE - 1), &paddr, &prot);
}

/* G1, and no page beyond. */
static void is_grown_to(const struct ths_table *table, uint32_t pages)
{
	for (uint32_t i = 0; i < ROWS_MAX; i += PER_PAGE) {
		ck_assert_int_eq(is_mapped(&table->slots[i]), i < pages * PER_PAGE);
		if (table->title)
			ck_assert_int_eq(is_mapped(&table->title[i]), i < pages * PER_PAGE);
	}
}

START_TEST(slots_come_with_rows)
{
	struct ths_table *table;
	unsigned number = (unsigned)_i;

	(void)start();
	table = table_at(number);
	is_grown_to(table, 0);
	must_make(number, 1);
	is_grown_to(table, 1);
	must_make(number, PER_PAGE - 1);
	is_grown_to(table, 1);
	must_make(number, 1);
	is_grown_to(table, 2);
	must_make(number, 5 * PER_PAGE);
	is_grown_to(table, 7);
	ck_assert_uint_eq(table->live, 6 * PER_PAGE + 1);
	rig_stop();
}
END_TEST

static enum ths_err sum_and_free_all(struct ths_call *call, void *ctx)
{
	uint64_t *sum = ctx;
	uint32_t row = THS_ROW_NONE;
	const struct loose *loose;

	for (unsigned i = 0; i < 32; i++) {
		THS_TRY(ths_row_next(call, PLAIN, &row));
		THS_TRY(ths_row_read(call, PLAIN, row, &loose));
		*sum += loose->value;
		THS_TRY(ths_row_free(call, PLAIN, row));
	}
	return THS_OK;
}

START_TEST(up_to_what_was_declared_and_no_further)
{
	uint64_t pages, sum = 0;
	unsigned number = PLAIN;
	uint32_t slot = start();

	must_make(PLAIN, ROWS_MAX);
	ck_assert_int_eq(script_by(&ref, make, &number), THS_E_FULL);
	pages = ths_pages_out();
	for (unsigned i = 0; i < ROWS_MAX / 32; i++)
		ck_assert_int_eq(script_by(&ref, sum_and_free_all, &sum), THS_OK);
	ck_assert_uint_eq(sum, (uint64_t)ROWS_MAX * (ROWS_MAX - 1) / 2);
	ck_assert_uint_eq(table_at(PLAIN)->live, 0);
	must_make(PLAIN, ROWS_MAX); /* in the same places */
	ck_assert_int_eq(script_by(&ref, make, &number), THS_E_FULL);
	ck_assert_uint_eq(ths_pages_out(), pages);
	ck_assert_int_eq(ths_unbind(&script_iface, ""), THS_OK);
	ck_assert_int_eq(ths_module_unload(slot), THS_OK);
	ck_assert_ptr_null(table_at(PLAIN));
	rig_stop();
}
END_TEST

START_TEST(what_has_grown_goes_with_its_table)
{
	uint64_t pages = 0;
	const void *slots = NULL;
	uint32_t slot = start();

	ths_quota_default(UINT32_MAX);
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned number = PLAIN; number <= INDEXED; number++)
			must_make(number, 3 * PER_PAGE);
		slots = table_at(OWNED_BY)->slots;
		ck_assert_int_eq(ths_unbind(&script_iface, ""), THS_OK);
		ck_assert_int_eq(ths_module_unload(slot), THS_OK);
		ck_assert(!is_mapped(slots));
		ck_assert(i == 0 || ths_pages_out() == pages);
		pages = ths_pages_out();
		slot = rig_bind(&ths_module_large, "");
	}
	rig_stop();
}
END_TEST

/* ---- what runs out -------------------------------------------------------------------- */

static void a_page_full(void *ctx)
{
	unsigned number = OWNED_BY;

	(void)ctx;
	for (unsigned i = 0; i < PER_PAGE + 1; i++) {
		uint32_t before = table_at(OWNED_BY)->live;
		enum ths_err err = script_by(&ref, make, &number);

		ck_assert(err == THS_OK || err == THS_E_NOMEM || err == THS_E_FULL);
		ck_assert_uint_eq(table_at(OWNED_BY)->live, before + (err == THS_OK));
	}
}

START_TEST(a_row_there_is_no_slot_for_is_an_error_and_comes_later)
{
	uint32_t before;

	(void)start();
	ths_quota_default(UINT32_MAX);
	ck_assert_uint_gt(ths_fail_each("alloc/pages", false, a_page_full, NULL), 1);
	before = table_at(OWNED_BY)->live;
	must_make(OWNED_BY, 2 * PER_PAGE);
	ck_assert_uint_eq(table_at(OWNED_BY)->live, before + 2 * PER_PAGE);
	is_grown_to(table_at(OWNED_BY), table_at(OWNED_BY)->grown / PER_PAGE);
	rig_stop();
}
END_TEST

/* ---- several CPUs --------------------------------------------------------------------- */

#define CPUS 3u

static void *make_many(void *arg)
{
	struct ths_ref own = THS_REF(script);
	unsigned cpu = (unsigned)(uintptr_t)arg, number = PLAIN;

	if (cpu)
		rig_cpu_enter(cpu);
	for (unsigned i = 0; i < 3 * PER_PAGE; i++)
		ck_assert_int_eq(script_by(&own, make, &number), THS_OK);
	if (cpu)
		rig_cpu_leave();
	return NULL;
}

START_TEST(several_cpus_grow_it_at_once)
{
	pthread_t thread[CPUS];
	struct ths_table *table;

	rig_start();
	rig_cpus(CPUS);
	(void)rig_bind(&ths_module_large, "");
	table = table_at(PLAIN);
	for (uintptr_t cpu = 1; cpu < CPUS; cpu++)
		ck_assert_int_eq(pthread_create(&thread[cpu], NULL, make_many, (void *)cpu), 0);
	(void)make_many(NULL);
	for (unsigned cpu = 1; cpu < CPUS; cpu++)
		ck_assert_int_eq(pthread_join(thread[cpu], NULL), 0);
	ck_assert_uint_eq(table->live, 3 * CPUS * PER_PAGE);
	for (uint32_t i = 0; i < table->fresh; i++) {
		const struct ths_version *version = slot_version(table->slots[i].word);

		if (ths_version_is_live(version))
			ck_assert_uint_eq(((const struct loose *)(const void *)version->data)->value,
					  i);
	}
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("growth");
	TCase *tcase = ths_suite_case(suite, "G1 as rows come");

	tcase_add_loop_test(tcase, slots_come_with_rows, PLAIN, INDEXED + 1);
	tcase_add_test(tcase, up_to_what_was_declared_and_no_further);
	tcase_add_test(tcase, what_has_grown_goes_with_its_table);
	tcase = ths_suite_case(suite, "runs out");
	tcase_add_test(tcase, a_row_there_is_no_slot_for_is_an_error_and_comes_later);
	tcase = ths_suite_case(suite, "G2 several CPUs");
	tcase_add_test(tcase, several_cpus_grow_it_at_once);
	return suite;
}

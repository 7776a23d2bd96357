/*
 * module_iface - what nano_core tells of any module, asked as a console asks.
 *
 * Each enumeration is compared with what was made: instances bound here, the tables their
 * descriptors name, the rows their clients own. (That a loaded module's pages are not
 * writable is seen in the image: tests/image/ship_console.tap.)
 */
#include <string.h>
#include <suite.h>
#include <theseus/iface/module.h>
#include <theseus/iface/tasks.h>
#include <theseus/iface/testsrv.h>
#include "harness.h"
#include "nano_core/nano_core_impl.h"

extern const struct ths_module ths_module_sched_rr, ths_module_tasks, ths_module_testsrv;

static struct ths_ref module = THS_REF(module);
static struct ths_ref testsrv = THS_REF(testsrv);
static uint32_t sched, server;

static void setup(void)
{
	harness_start();
	sched = harness_bind(&ths_module_sched_rr, "");
	harness_bind(&ths_module_tasks, "");
	server = harness_bind(&ths_module_testsrv, "");
}

static bool find_info(uint32_t slot, struct module_info *info)
{
	*info = (struct module_info){.slot = THS_ROW_NONE};
	while (module_info(&module, info) == THS_OK)
		if (info->slot == slot)
			return true;
	return false;
}

START_TEST(an_instance_is_told_with_its_state_and_calls)
{
	struct testsrv_null null = {{0}};
	struct module_info before, after;

	ck_assert(find_info(server, &before));
	ck_assert_str_eq(before.id, "testsrv");
	ck_assert_str_eq(before.provides, "testsrv");
	ck_assert_uint_eq(before.version, 1);
	ck_assert_uint_eq(before.state, THS_INSTANCE_BOUND);
	ck_assert_uint_eq(before.faults, 0);
	ck_assert_int_eq(testsrv_null(&testsrv, &null), THS_OK);
	ck_assert(find_info(server, &after));
	ck_assert_uint_eq(after.calls, before.calls + 1);
}
END_TEST

START_TEST(a_swap_is_seen_at_its_binding_alone)
{
	struct module_binding binding = {.slot = THS_ROW_NONE};
	uint32_t other = harness_swap(server, &ths_module_testsrv);
	unsigned seen = 0;

	while (module_binding(&module, &binding) == THS_OK) {
		bool swapped = strcmp(binding.iface, "testsrv") == 0;

		seen += swapped;
		ck_assert_uint_eq(binding.published, swapped ? 2 : 1);
		if (swapped)
			ck_assert_uint_eq(binding.instance, other);
		if (strcmp(binding.iface, "sched") == 0)
			ck_assert_uint_eq(binding.instance, sched);
	}
	ck_assert_uint_eq(seen, 1);
}
END_TEST

START_TEST(a_module_works_on_the_tables_its_descriptor_names)
{
	static const char *const due[] = {"testsrv.counter/1", "testsrv.joint/1",
					  "testsrv.box/1", "testsrv.item/1"};
	struct module_works_on on = {.slot = server, .number = THS_ROW_NONE};
	unsigned count = 0;

	while (module_works_on(&module, &on) == THS_OK) {
		struct module_table table = {.slot = on.table - 1};

		ck_assert_uint_lt(count, THS_ARRAY_SIZE(due));
		ck_assert_uint_eq(on.number, count);
		ck_assert_str_eq(on.schema, due[count++]);
		ck_assert_int_eq(module_table(&module, &table), THS_OK);
		ck_assert_str_eq(table.schema, on.schema);
	}
	ck_assert_uint_eq(count, THS_ARRAY_SIZE(due));
	on = (struct module_works_on){.slot = 99, .number = THS_ROW_NONE};
	ck_assert_int_eq(module_works_on(&module, &on), THS_E_NOENT);
	on.slot = UINT32_MAX;
	ck_assert_int_eq(module_works_on(&module, &on), THS_E_NOENT);
}
END_TEST

START_TEST(a_module_uses_what_its_descriptor_names)
{
	struct module_use use = {.slot = server, .number = THS_ROW_NONE};

	ck_assert_int_eq(module_use(&module, &use), THS_OK);
	ck_assert_str_eq(use.iface, "testsrv");
	ck_assert_str_eq(use.name, "");
	ck_assert_uint_eq(use.version, 1);
	ck_assert_uint_eq(use.optional, 1);
	ck_assert_int_eq(module_use(&module, &use), THS_E_NOENT);
	use = (struct module_use){.slot = sched, .number = THS_ROW_NONE};
	ck_assert_int_eq(module_use(&module, &use), THS_E_NOENT);
	use = (struct module_use){.slot = UINT32_MAX, .number = THS_ROW_NONE};
	ck_assert_int_eq(module_use(&module, &use), THS_E_NOENT);
}
END_TEST

START_TEST(a_linked_module_says_so)
{
	struct module_memory memory = {.slot = server};

	ck_assert_int_eq(module_memory(&module, &memory), THS_OK);
	ck_assert_uint_eq(memory.linked, 1);
	ck_assert_uint_eq(memory.text | memory.rodata | memory.writable, 0);
	ck_assert_uint_eq(memory.writable_pages, 0);
	ck_assert_uint_eq(memory.block, 0);
	ck_assert_int_eq(ths_module_find("state_db", &memory.slot), THS_OK);
	ck_assert_int_eq(module_memory(&module, &memory), THS_OK);
	ck_assert_uint_eq(memory.block, sizeof(struct db_state)); /* which is moved */
	memory.slot = UINT32_MAX;
	ck_assert_int_eq(module_memory(&module, &memory), THS_E_NOENT);
}
END_TEST

/* How many rows of testsrv.joint are this task's. */
static unsigned own_rows(void)
{
	struct module_share share = {.share = THS_ROW_NONE};
	uint32_t last = THS_ROW_NONE;
	unsigned count = 0;

	while (module_share(&module, &share) == THS_OK) {
		struct module_table table = {.slot = share.table - 1};

		ck_assert(last == THS_ROW_NONE || share.share > last);
		last = share.share;
		ck_assert_int_eq(module_table(&module, &table), THS_OK);
		count += share.client == ths_task_self().slot &&
			 strcmp(table.schema, "testsrv.joint/1") == 0;
	}
	return count;
}

static void shares(void *unused)
{
	struct testsrv_joint joint = {.key = 7};

	(void)unused;
	ck_assert_uint_eq(own_rows(), 0);
	ck_assert_int_eq(testsrv_join(&testsrv, &joint), THS_OK);
	joint.key = 8;
	ck_assert_int_eq(testsrv_join(&testsrv, &joint), THS_OK);
	ck_assert_uint_eq(own_rows(), 2);
	joint.key = 7;
	ck_assert_int_eq(testsrv_leave(&testsrv, &joint), THS_OK);
	ck_assert_uint_eq(own_rows(), 1);
	harness_done();
}

START_TEST(shares_are_listed_while_they_last)
{
	harness_run(shares, NULL);
}
END_TEST

START_TEST(pools_are_told_by_ascending_size)
{
	struct module_pool pool = {.pool = THS_ROW_NONE};
	struct testsrv_add add = {.amount = 1};
	uint32_t last = 0, spare = 0, count = 0;

	ck_assert_int_eq(testsrv_add(&testsrv, &add), THS_OK);
	while (module_pool(&module, &pool) == THS_OK) {
		ck_assert_uint_eq(pool.pool, count++);
		ck_assert_uint_ge(pool.bytes, last);
		last = pool.bytes;
		spare += pool.spare;
		if (pool.bytes == 64) /* the counter's rows */
			ck_assert_uint_gt(pool.spare, 0);
	}
	ck_assert_uint_gt(spare, 0);
	ck_assert_uint_ge(count, 9);
	ck_assert_uint_eq(last, 4096);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("module_iface");

	harness_case(suite, "info", setup, an_instance_is_told_with_its_state_and_calls);
	harness_case(suite, "binding", setup, a_swap_is_seen_at_its_binding_alone);
	harness_case(suite, "works_on", setup,
		     a_module_works_on_the_tables_its_descriptor_names);
	harness_case(suite, "use", setup, a_module_uses_what_its_descriptor_names);
	harness_case(suite, "memory", setup, a_linked_module_says_so);
	harness_case(suite, "share", setup, shares_are_listed_while_they_last);
	harness_case(suite, "pool", setup, pools_are_told_by_ascending_size);
	return suite;
}

/*
 * save_large_test - images of many blocks, for tables that grow, while rows come.
 */
#include "keep.h"
#include "rig.h"

#include <string.h>
#include <theseus/host.h>
#include "state_db/index_quick.h"

enum { FEW, STEADY, BULK };
#define BULKS  2500u /* their slots are mapped as they come */
#define HELD   300u
#define SAME   12u /* keys of one bucket, which is too small for them */
#define LATE   200u /* more than a restore has room for at first */
#define STEADY_ROWS 8u

struct bulk {
	uint64_t key, value;
	uint8_t rest[496];
};

#define BULK_MODULE(token, id, steady_rows)                                              \
	THS_MODULE(token, id, 1, 0, THS_PROVIDES(keep, .run = keep_run_op),              \
		   THS_TABLE(FEW, "bulk.few/1", struct named, .rows = 10,                \
			     .flags = THS_PERSIST | THS_KEYED),                          \
		   THS_TABLE(STEADY, "bulk.steady/1", struct fixed, .rows = (steady_rows), \
			     .flags = THS_PERSIST | THS_FIXED),                          \
		   THS_TABLE(BULK, "bulk.row/1", struct bulk, .rows = BULKS,             \
			     .flags = THS_PERSIST | THS_KEYED))
BULK_MODULE(bulk, "bulk", STEADY_ROWS);
BULK_MODULE(longer, "longer", STEADY_ROWS + 4);

static uint8_t image[1 << 19];
static size_t size;
static uint64_t keys[HELD];

static struct ths_table *bulk_table(void)
{
	return ths_table_find("bulk.row/1", "");
}

static void boot(const struct ths_module *module)
{
	const struct ths_table *table;
	uint64_t key = 0;

	keep_boot(module);
	table = bulk_table();
	for (unsigned i = 0; i < HELD; i++) {
		do
			key++;
		while (i < SAME && index_home(table, index_hash(key), 0) != 1);
		keys[i] = key;
	}
}

static enum ths_err make_bulk(struct ths_call *call, void *ctx)
{
	uint64_t key = *(uint64_t *)ctx;
	struct bulk *bulk;
	uint32_t row;

	THS_TRY(ths_row_new_keyed(call, BULK, key, &row, &bulk));
	bulk->value = key * 31;
	memset(bulk->rest, (int)key, sizeof(bulk->rest));
	return THS_OK;
}

static enum ths_err look_at_bulk(struct ths_call *call, void *ctx)
{
	uint64_t key = *(uint64_t *)ctx;
	const struct bulk *bulk;
	uint32_t row;

	THS_TRY(ths_row_find(call, BULK, key, &row, &bulk));
	ck_assert_uint_eq(bulk->value, key * 31);
	for (unsigned i = 0; i < sizeof(bulk->rest); i++)
		ck_assert_uint_eq(bulk->rest[i], (uint8_t)key);
	return THS_OK;
}

static enum ths_err fill_steady(struct ths_call *call, void *ctx)
{
	struct fixed *fixed;
	struct named *named;
	uint32_t row;

	for (uint32_t i = 0; i < STEADY_ROWS; i++) {
		THS_TRY(ths_row_write(call, STEADY, i, &fixed));
		fixed->value[1] = *(uint64_t *)ctx + i;
	}
	return ths_row_new_keyed(call, FEW, *(uint64_t *)ctx, &row, &named);
}

/* 0: nothing was ever written. */
static enum ths_err steady_is(struct ths_call *call, void *ctx)
{
	uint64_t base = *(uint64_t *)ctx;
	const struct fixed *fixed;

	for (uint32_t i = 0; ths_row_read(call, STEADY, i, &fixed) == THS_OK; i++)
		ck_assert_uint_eq(fixed->value[1], base && i < STEADY_ROWS ? base + i : 0);
	return THS_OK;
}

static void make_all(uint64_t from, uint32_t count)
{
	for (uint64_t i = 0, key; i < count; i++) {
		key = from ? from + i : keys[i];
		keep_must(make_bulk, &key);
	}
}

static void save(void)
{
	struct ths_save_memory memory = {image, sizeof(image), 0};

	ck_assert_int_eq(ths_save(ths_save_to_memory, &memory, NULL), THS_OK);
	size = memory.at;
}

static enum ths_err restore(ths_save_source *source)
{
	struct ths_save_memory memory = {image, size, 0};

	return ths_restore(source, &memory, NULL, &keep_reason);
}

static uint64_t first = 1000;

static void all_is_there(void)
{
	ck_assert_uint_eq(bulk_table()->live, HELD);
	for (unsigned i = 0; i < HELD; i++)
		keep_must(look_at_bulk, &keys[i]);
	keep_must(steady_is, &first);
}

static void save_and_reboot(const struct ths_module *module)
{
	boot(&ths_module_bulk);
	keep_must(fill_steady, &first);
	make_all(0, HELD);
	save();
	ck_assert_uint_gt(size, HELD * sizeof(struct bulk));
	rig_stop();
	boot(module);
}

/* The other has more rows than the image: these are as they were at first. */
START_TEST(it_comes_back_whole)
{
	save_and_reboot(_i ? &ths_module_longer : &ths_module_bulk);
	ck_assert_int_eq(restore(ths_save_from_memory), THS_OK);
	all_is_there();
	rig_stop();
}
END_TEST

START_TEST(without_memory_for_all_of_it_there_is_nothing_of_it)
{
	uint64_t n = 0, failed;

	save_and_reboot(&ths_module_bulk);
	do {
		enum ths_err err;

		ths_host_fail_nth("alloc/pages", ++n, true);
		err = restore(ths_save_from_memory);
		failed = ths_host_fail_failed();
		ths_host_fail_nth("", 0, false);
		ck_assert_int_eq(err, failed ? THS_E_NOMEM : THS_OK);
		if (failed)
			ck_assert_uint_eq(bulk_table()->live, 0);
	} while (failed);
	ck_assert_uint_gt(n, 5);
	all_is_there();
	rig_stop();
}
END_TEST

/* ---- U1 ------------------------------------------------------------------------------- */

static bool then_no_memory;

/* The last that is read brings rows along. Here an error is told, not asserted: the restore
 * holds pages. */
static enum ths_err source_with_others(void *ctx, void *data, size_t bytes)
{
	struct ths_save_memory *memory = ctx;

	THS_TRY(ths_save_from_memory(ctx, data, bytes));
	if (memory->at < size)
		return THS_OK;
	for (uint64_t key = 50000; key < 50000 + LATE; key++)
		THS_TRY(keep_by(make_bulk, &key));
	if (then_no_memory)
		ths_host_fail_nth("alloc/pages", 1, true);
	return THS_OK;
}

START_TEST(rows_that_came_while_it_was_read_die)
{
	uint64_t key = 50000;

	save_and_reboot(&ths_module_bulk);
	then_no_memory = false;
	ck_assert_int_eq(restore(source_with_others), THS_OK);
	all_is_there();
	ck_assert_int_eq(keep_by(look_at_bulk, &key), THS_E_NOENT);
	make_all(50000, LATE);
	keep_must(look_at_bulk, &key);
	rig_stop();
}
END_TEST

START_TEST(or_live_on_if_there_is_no_room_for_them)
{
	uint64_t nothing = 0;

	boot(&ths_module_bulk);
	keep_must(fill_steady, &first);
	save();
	rig_stop();
	boot(&ths_module_bulk);
	then_no_memory = true;
	ck_assert_int_eq(restore(source_with_others), THS_E_NOMEM);
	ths_host_fail_nth("", 0, false);
	ck_assert_uint_eq(bulk_table()->live, LATE);
	for (uint64_t key = 50000; key < 50000 + LATE; key++)
		keep_must(look_at_bulk, &key);
	keep_must(steady_is, &nothing);
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("large images");
	TCase *whole = ths_suite_case(suite, "S1 whole"), *late = ths_suite_case(suite, "U1 late");

	tcase_add_loop_test(whole, it_comes_back_whole, 0, 2);
	tcase_add_test(whole, without_memory_for_all_of_it_there_is_nothing_of_it);
	tcase_add_test(late, rows_that_came_while_it_was_read_die);
	tcase_add_test(late, or_live_on_if_there_is_no_room_for_them);
	return suite;
}

/*
 * index_test - from a key to its row, however crowded its neighbourhood.
 */
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <theseus/host.h>
#include "nano_core/nano_core_impl.h"
#include "state_db/index_quick.h"

#define KEYS  96u
#define STEPS 3000u

static struct ths_ref ref;
static struct ths_table *table;
static uint64_t keys[KEYS];      /* to choose from */
static uint64_t value[KEYS];     /* the model: 0, no such row */
static uint64_t committed[KEYS]; /* the model before the interaction */
static uint64_t dice;

static uint32_t roll(uint32_t sides)
{
	dice = dice * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(dice >> 33) % sides;
}

static uint32_t home_of(uint64_t key)
{
	return index_home(table, index_hash(key), 0);
}

/* @kind 0: any keys; 1: all at home in one bucket, the last. */
static void choose_keys(int kind)
{
	uint64_t key = 1;

	for (unsigned i = 0; i < KEYS; i++, key++) {
		while (kind > 0 && home_of(key) != table->bucket_mask)
			key++;
		keys[i] = key;
	}
}

static void start(int cpus, int kind)
{
	rig_start();
	if (cpus > 1)
		rig_cpus((unsigned)cpus);
	ref = (struct ths_ref)THS_REF(script);
	(void)rig_bind(&ths_module_script, "");
	table = ths_table_find("script.item/1", "");
	dice = ths_test_seed();
	choose_keys(kind);
}

static const struct bucket *bucket_at(uint32_t number)
{
	const struct ths_version *version = slot_version(table->bucket[number].word);

	return version ? (const struct bucket *)(const void *)version->data : NULL;
}

/* H1, from outside of any interaction: each live row has one entry, reached from its home
 * over buckets that say so; and the overflow counts are exact. */
static void check_buckets(void)
{
	uint32_t overflow[64] = {0}, rows = 0, entries = 0;

	ck_assert_uint_lt(table->bucket_mask, 64);
	for (uint32_t at = 0; at <= table->bucket_mask; at++) {
		const struct bucket *bucket = bucket_at(at);

		for (uint32_t i = 0; bucket && i < bucket->count; i++) {
			const struct ths_version *row =
				slot_version(table->slots[bucket->entry[i].row].word);
			uint64_t key = *(const uint64_t *)(const void *)row->data;

			ck_assert(ths_version_is_live(row));
			ck_assert_uint_eq(bucket->entry[i].tag,
					  index_tag(index_hash(key)));
			for (uint32_t by = home_of(key); by != at;
			     by = (by + 1) & table->bucket_mask)
				overflow[by]++;
			entries++;
		}
	}
	for (uint32_t at = 0; at <= table->bucket_mask; at++)
		ck_assert_uint_eq(bucket_at(at) ? bucket_at(at)->overflow : 0,
				  overflow[at]);
	for (unsigned i = 0; i < KEYS; i++)
		rows += value[i] != 0;
	ck_assert_uint_eq(entries, rows);
}

static void change_one(struct ths_call *call, unsigned which)
{
	const struct item *seen;
	struct item *item;
	uint32_t row;
	enum ths_err err = ths_row_find(call, ITEM, keys[which], &row, &seen);

	ck_assert_int_eq(err, value[which] ? THS_OK : THS_E_NOENT);
	if (err == THS_OK) {
		ck_assert_uint_eq(seen->value, value[which]);
		ck_assert_int_eq(ths_row_free(call, ITEM, row), THS_OK);
		value[which] = 0;
		return;
	}
	err = ths_row_new_keyed(call, ITEM, keys[which], &row, &item);
	if (err == THS_OK)
		item->value = value[which] = 1 + roll(1u << 30);
	else
		ck_assert_int_eq(err, THS_E_FULL);
}

static enum ths_err change_some(struct ths_call *call, void *ctx)
{
	unsigned changes = 1 + roll(4);

	(void)ctx;
	for (unsigned i = 0; i < KEYS; i++)
		value[i] = committed[i]; /* the gate may begin again */
	while (changes--)
		change_one(call, roll(KEYS));
	return roll(4) ? THS_OK : THS_E_IO;
}

static enum ths_err find_all(struct ths_call *call, void *ctx)
{
	const struct item *seen;
	uint32_t row, live = 0, met = 0;

	(void)ctx;
	for (unsigned i = 0; i < KEYS; i++) {
		enum ths_err err = ths_row_find(call, ITEM, keys[i], &row, &seen);

		ck_assert_int_eq(err, value[i] ? THS_OK : THS_E_NOENT);
		if (err == THS_OK)
			ck_assert_uint_eq(seen->value, value[i]);
		live += value[i] != 0;
	}
	for (row = THS_ROW_NONE; ths_row_next(call, ITEM, &row) == THS_OK;)
		met++;
	ck_assert_uint_eq(met, live);
	return THS_OK;
}

static enum ths_err remove_all(struct ths_call *call, void *ctx)
{
	(void)ctx;
	for (unsigned i = 0, done = 0; i < KEYS && done < 12; i++)
		if (value[i]) {
			change_one(call, i);
			done++;
		}
	return THS_OK;
}

static void against_a_model(int cpus, int kind)
{
	start(cpus, kind);
	for (unsigned step = 0; step < STEPS; step++) {
		enum ths_err err = script_by(&ref, change_some, NULL);

		for (unsigned i = 0; i < KEYS; i++)
			if (err)
				value[i] = committed[i];
			else
				committed[i] = value[i];
		if (step % 16 == 0) {
			check_buckets();
			ck_assert_int_eq(script_by(&ref, find_all, NULL), THS_OK);
		}
	}
	for (unsigned i = 0; i < KEYS / 12; i++)
		ck_assert_int_eq(script_by(&ref, remove_all, NULL), THS_OK);
	check_buckets();
	for (uint32_t at = 0; at <= table->bucket_mask; at++)
		ck_assert_uint_eq(bucket_at(at) ? bucket_at(at)->count : 0, 0);
	rig_stop();
}

START_TEST(any_keys_agree_with_a_model)
{
	against_a_model(_i, 0);
}
END_TEST

START_TEST(keys_of_one_home_agree_with_a_model)
{
	against_a_model(_i, 1);
}
END_TEST

/* A module may write what it likes to its copy, and free the row before commit has a look:
 * the way to the entry begins at the key the row was made for. */
static enum ths_err free_under_another_key(struct ths_call *call, void *ctx)
{
	uint64_t *key = ctx;
	const struct item *seen;
	struct item *item;
	uint32_t row;

	if (key[2])
		THS_TRY(ths_row_new_keyed(call, ITEM, key[0], &row, &item));
	else
		THS_TRY(ths_row_find(call, ITEM, key[0], &row, &seen));
	THS_TRY(ths_row_write(call, ITEM, row, &item));
	item->key = key[1];
	return ths_row_free(call, ITEM, row);
}

static enum ths_err free_deeper_down(struct ths_call *call, void *ctx)
{
	uint64_t *key = ctx;
	struct item *item;
	uint32_t row;

	THS_TRY(ths_row_new_keyed(call, ITEM, key[0], &row, &item));
	key[2] = 0;
	return script_nested(call, free_under_another_key, ctx);
}

START_TEST(a_row_is_freed_by_the_key_it_was_made_for)
{
	/* its own; one at home in the bucket before; whether the row is new */
	uint64_t key[3] = {1, 1, _i / 2 % 2};

	start(1 + _i % 2, 0);
	while (home_of(key[1]) != ((home_of(key[0]) - 1) & table->bucket_mask))
		key[1]++;
	if (_i < 2)
		ck_assert_int_eq(script_by(&ref, script_new_item, key), THS_OK);
	ck_assert_int_eq(script_by(&ref, _i < 4 ? free_under_another_key : free_deeper_down,
				   key),
			 THS_OK);
	check_buckets();
	ck_assert_int_eq(script_by(&ref, script_find_item, &key[0]), THS_E_NOENT);
	ck_assert_int_eq(script_by(&ref, script_find_item, &key[1]), THS_E_NOENT);
	rig_stop();
}
END_TEST

/* ---- H2 ------------------------------------------------------------------------------ */

/* The entry's tag is made another key's: the row's own key still decides. */
START_TEST(equal_tags_are_not_equal_keys)
{
	uint64_t here = 0, absent = 0;
	struct bucket *bucket;

	start(1, 1);
	here = keys[0];
	absent = keys[1];
	ck_assert_int_eq(script_by(&ref, script_new_item, &here), THS_OK);
	bucket = (struct bucket *)(uintptr_t)bucket_at(home_of(here));
	ck_assert_uint_eq(bucket->count, 1);
	bucket->entry[0].tag = index_tag(index_hash(absent));
	ck_assert_int_eq(script_by(&ref, script_find_item, &absent), THS_E_NOENT);
	ck_assert_int_eq(script_by(&ref, script_new_item, &absent), THS_OK);
	ck_assert_int_eq(script_by(&ref, script_find_item, &absent), THS_OK);
	rig_stop();
}
END_TEST

/* Who sleeps until a row appears marks the bucket it would be in, be there one or not. */
START_TEST(a_bucket_that_never_was_may_be_waited_for)
{
	start(_i, 1);
	atomic_fetch_or(&table->bucket[home_of(keys[0])].word, SLOT_WAITERS);
	ck_assert_int_eq(script_by(&ref, script_find_item, &keys[0]), THS_E_NOENT);
	ck_assert_int_eq(script_by(&ref, script_new_item, &keys[0]), THS_OK);
	ck_assert_int_eq(script_by(&ref, script_find_item, &keys[0]), THS_OK);
	rig_stop();
}
END_TEST

/* ---- lookups and the read set -------------------------------------------------------- */

static unsigned tries;

static enum ths_err find_while_neighbours_come(struct ths_call *call, void *ctx)
{
	const struct item *item;
	struct loose *cell;
	uint32_t row;

	(void)ctx;
	THS_TRY(ths_row_find(call, ITEM, keys[0], &row, &item));
	if (tries++ == 0)
		ck_assert_int_eq(other_script(script_new_item, &keys[1]), THS_OK);
	return ths_row_write(call, CELL, 0, &cell);
}

START_TEST(a_found_row_depends_on_itself_alone)
{
	start(2, 1);
	other_start();
	ck_assert_int_eq(script_by(&ref, script_new_item, &keys[0]), THS_OK);
	ck_assert_int_eq(script_by(&ref, find_while_neighbours_come, NULL), THS_OK);
	ck_assert_uint_eq(tries, 1);
	other_stop();
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("index");
	TCase *h1 = tcase_create("H1 every key is found"), *h2 = tcase_create("H2 tags");
	TCase *reads = tcase_create("read set");

	tcase_add_loop_test(h1, any_keys_agree_with_a_model, 1, 3);
	tcase_add_loop_test(h1, keys_of_one_home_agree_with_a_model, 1, 3);
	tcase_add_loop_test(h1, a_row_is_freed_by_the_key_it_was_made_for, 0, 6);
	tcase_add_test(h2, equal_tags_are_not_equal_keys);
	tcase_add_loop_test(h2, a_bucket_that_never_was_may_be_waited_for, 1, 3);
	tcase_add_test(reads, a_found_row_depends_on_itself_alone);
	suite_add_tcase(suite, h1);
	suite_add_tcase(suite, h2);
	suite_add_tcase(suite, reads);
	return suite;
}

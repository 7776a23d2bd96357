/*
 * row_test - what exists, who may write it, what it is called and for how long.
 */
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <string.h>
#include <theseus/host.h>
#include "nano_core/nano_core_impl.h"

static struct ths_ref ref, plain;
static unsigned tries;

static enum ths_err bare_op(struct ths_call *call, struct script_args *arg)
{
	return ((script_fn *)(uintptr_t)arg->fn)(call, (void *)(uintptr_t)arg->ctx);
}

/* Declares one table, and not the first. */
enum { BARE = 3 };
THS_MODULE(bare, "bare", 1, 0, THS_PROVIDES(script, .run = bare_op),
	   THS_TABLE(BARE, "bare.row/1", struct loose, .rows = 4));

static void start(int cpus)
{
	script_start(&ref, (unsigned)cpus);
	plain = (struct ths_ref)THS_REF_TO(script, "bare");
	(void)rig_bind(&ths_module_bare, "bare");
	tries = 0;
	if (cpus > 1)
		other_start();
}

static void stop(int cpus)
{
	if (cpus > 1)
		other_stop();
	rig_stop();
}

static enum ths_err run(script_fn *fn, void *ctx)
{
	return script_by(&ref, fn, ctx);
}

/* ---- R1 ------------------------------------------------------------------------------ */

static const unsigned undeclared[] = {0, 1, 2, 4, 7, 8, 9, 64, 0x10000000, UINT32_MAX};

static enum ths_err try_undeclared(struct ths_call *call, void *ctx)
{
	unsigned table = *(const unsigned *)ctx;
	struct ths_weak weak = {0, 1};
	struct ths_weak_cached cached;
	uint32_t row = 0;
	const void *seen;
	void *mine;

	ck_assert_int_eq(ths_row_read(call, table, 0, &seen), THS_E_INVAL);
	ck_assert_int_eq((intptr_t)ths_row_read_(table, 0), THS_E_INVAL);
	ck_assert_int_eq((intptr_t)ths_row_write_(table, 0), THS_E_INVAL);
	ck_assert_int_eq(ths_row_write(call, table, 0, &mine), THS_E_INVAL);
	ck_assert_int_eq(ths_row_new(call, table, &row, &mine), THS_E_INVAL);
	ck_assert_int_eq(ths_row_new_keyed(call, table, 5, &row, &mine), THS_E_INVAL);
	ck_assert_int_eq(ths_row_find(call, table, 5, &row, &seen), THS_E_INVAL);
	ck_assert_int_eq(ths_row_free(call, table, 0), THS_E_INVAL);
	ck_assert_int_eq(ths_row_next(call, table, &row), THS_E_INVAL);
	ck_assert_int_eq(ths_row_weak(call, table, 0, &weak), THS_E_INVAL);
	ck_assert_int_eq(ths_weak_read(call, table, weak, &seen), THS_E_INVAL);
	ck_assert_int_eq(ths_weak_cache(call, table, weak, &cached), THS_E_INVAL);
	ck_assert_int_eq(ths_row_share(call, table, 0), THS_E_INVAL);
	ck_assert_int_eq(ths_row_unshare(call, table, 0), THS_E_INVAL);
	ck_assert_int_eq(ths_row_new(call, BARE, &row, &mine), THS_OK);
	return THS_OK;
}

START_TEST(a_table_that_is_not_declared_is_not_there)
{
	unsigned table = undeclared[_i];

	start(1);
	ck_assert_int_eq(script_by(&plain, try_undeclared, &table), THS_OK);
	stop(1);
}
END_TEST

static enum ths_err try_wrong_kind(struct ths_call *call, void *ctx)
{
	const struct loose *seen;
	struct loose *mine;
	uint32_t row;

	(void)ctx;
	ck_assert_int_eq(ths_row_find(call, LOOSE, 1, &row, &seen), THS_E_INVAL);
	ck_assert_int_eq(ths_row_new(call, CELL, &row, &mine), THS_E_INVAL);
	ck_assert_int_eq(ths_row_free(call, CELL, 1), THS_E_INVAL);
	ck_assert_int_eq(ths_row_new(call, LOCAL, &row, &mine), THS_E_INVAL);
	ck_assert_int_eq(ths_row_share(call, CELL, 0), THS_E_INVAL);
	ck_assert_int_eq(ths_row_unshare(call, LOOSE, 0), THS_E_INVAL);
	for (unsigned i = 0; i < 2; i++) {
		row = i ? UINT32_MAX : CELLS;
		ck_assert_int_eq(ths_row_read(call, CELL, row, &seen), THS_E_NOENT);
		ck_assert_int_eq(ths_row_write(call, CELL, row, &mine), THS_E_NOENT);
		ck_assert_int_eq(ths_row_read(call, LOOSE, row, &seen), THS_E_NOENT);
		ck_assert_int_eq(ths_row_free(call, LOOSE, row), THS_E_NOENT);
		ck_assert_int_eq(ths_row_share(call, OWNED, row), THS_E_NOENT);
		ck_assert_int_eq(ths_row_unshare(call, OWNED, row), THS_E_NOENT);
	}
	return THS_OK;
}

START_TEST(what_a_table_is_not_for_is_refused)
{
	start(1);
	ck_assert_int_eq(run(try_wrong_kind, NULL), THS_OK);
	stop(1);
}
END_TEST

/* ---- R2 ------------------------------------------------------------------------------ */

static enum ths_err write_both_sides(struct ths_call *call, void *ctx)
{
	bool device = *(bool *)ctx;
	enum ths_err mine = THS_OK, theirs = THS_E_PERM;
	const struct loose *seen;
	struct loose *row;

	for (uint32_t i = 0; i < HARDS; i++) {
		ck_assert_int_eq(ths_row_read(call, HARD, i, &seen), THS_OK);
		ck_assert_int_eq(ths_row_read(call, ASKED, i, &seen), THS_OK);
		ck_assert_int_eq(ths_row_write(call, HARD, i, &row),
				 device ? mine : theirs);
		if (device)
			row->value++;
		ck_assert_int_eq(ths_row_write(call, ASKED, i, &row),
				 device ? theirs : mine);
		if (!device)
			row->value++;
	}
	ck_assert_int_eq(ths_row_write(call, CELL, 0, &row), device ? theirs : mine);
	ck_assert_int_eq(ths_row_write(call, LOCAL, 0, &row), THS_OK);
	ck_assert_int_eq(ths_row_new(call, LOOSE, &(uint32_t){0}, &row),
			 device ? theirs : mine);
	return THS_OK;
}

static enum ths_err hardware_sum(struct ths_call *call, void *ctx)
{
	const struct loose *hard, *asked;

	*(uint64_t *)ctx = 0;
	for (uint32_t i = 0; i < HARDS; i++) {
		THS_TRY(ths_row_read(call, HARD, i, &hard));
		THS_TRY(ths_row_read(call, ASKED, i, &asked));
		*(uint64_t *)ctx += hard->value + 100 * asked->value;
	}
	return THS_OK;
}

START_TEST(hardware_rows_are_the_devices_and_requests_everyone_elses)
{
	bool device = true;
	uint64_t sum;

	start(_i);
	ck_assert_int_eq(script_drive_by(&ref, write_both_sides, &device), THS_OK);
	ck_assert_int_eq(run(hardware_sum, &sum), THS_OK);
	ck_assert_uint_eq(sum, HARDS);
	device = false;
	ck_assert_int_eq(run(write_both_sides, &device), THS_OK);
	ck_assert_int_eq(run(hardware_sum, &sum), THS_OK);
	ck_assert_uint_eq(sum, HARDS + 100 * HARDS);
	stop(_i);
}
END_TEST

/* ---- R3 ------------------------------------------------------------------------------ */

static enum ths_err local_up(struct ths_call *call, void *ctx)
{
	uint32_t cpu = ths_call_cpu(call);
	const struct loose *seen;
	struct ths_weak weak;
	struct loose *mine;

	for (uint32_t row = 0; row < THS_CPU_MAX; row++) {
		if (row == cpu)
			continue;
		ck_assert_int_eq(ths_row_weak(call, LOCAL, row, &weak), THS_E_PERM);
		ck_assert_int_eq(ths_row_read(call, LOCAL, row, &seen), THS_E_PERM);
		ck_assert_int_eq(ths_row_write(call, LOCAL, row, &mine), THS_E_PERM);
	}
	THS_TRY(ths_row_write(call, LOCAL, cpu, &mine));
	*(uint64_t *)ctx = ++mine->value;
	return THS_OK;
}

START_TEST(a_cpus_row_is_its_own)
{
	uint64_t seen = 0;

	start(_i);
	for (uint64_t i = 1; i < 10; i++) {
		ck_assert_int_eq(run(local_up, &seen), THS_OK);
		ck_assert_uint_eq(seen, i);
		if (_i > 1 && i % 2) {
			ck_assert_int_eq(other_script(local_up, &seen), THS_OK);
			ck_assert_uint_eq(seen, i / 2 + 1);
		}
	}
	stop(_i);
}
END_TEST

/* ---- keys ---------------------------------------------------------------------------- */

static enum ths_err change_key(struct ths_call *call, void *ctx)
{
	const struct item *seen;
	struct item *item;
	uint32_t row;

	THS_TRY(ths_row_find(call, ITEM, *(uint64_t *)ctx, &row, &seen));
	THS_TRY(ths_row_write(call, ITEM, row, &item));
	item->key++;
	item->value = 9;
	return THS_OK;
}

START_TEST(a_key_never_changes)
{
	uint64_t key = 40, next = 41;

	start(_i);
	ck_assert_int_eq(run(script_new_item, &key), THS_OK);
	ck_assert_int_eq(run(change_key, &key), THS_E_INTERNAL);
	ck_assert_int_eq(run(script_find_item, &key), THS_OK);
	ck_assert_int_eq(run(script_find_item, &next), THS_E_NOENT);
	ck_assert_int_eq(run(script_new_item, &key), THS_E_EXIST);
	ck_assert_int_eq(run(script_new_item, &next), THS_OK);
	stop(_i);
}
END_TEST

static enum ths_err new_with_wrong_key(struct ths_call *call, void *ctx)
{
	struct item *item;
	uint32_t row;

	THS_TRY(ths_row_new_keyed(call, ITEM, *(uint64_t *)ctx, &row, &item));
	item->key = 999;
	return THS_OK;
}

START_TEST(a_new_rows_key_is_the_one_it_was_made_for)
{
	uint64_t key = 40;

	start(_i);
	ck_assert_int_eq(run(new_with_wrong_key, &key), THS_E_INTERNAL);
	ck_assert_int_eq(run(script_find_item, &key), THS_E_NOENT);
	ck_assert_int_eq(run(script_new_item, &key), THS_OK);
	stop(_i);
}
END_TEST

/* ---- W3 ------------------------------------------------------------------------------ */

static enum ths_err all_are_stale(struct ths_call *call, void *ctx)
{
	struct ths_weak_cached cached;
	const struct loose *seen;

	(void)ctx;
	for (unsigned i = 0; i < script_weak_count; i++) {
		ck_assert_int_eq(ths_weak_read(call, LOOSE, script_weaks[i], &seen),
				 THS_E_STALE);
		ck_assert_int_eq(ths_weak_cache(call, LOOSE, script_weaks[i], &cached),
				 THS_E_STALE);
	}
	return THS_OK;
}

START_TEST(a_dead_rows_reference_is_stale_for_ever)
{
	uint32_t held[LOOSES], count = 0;
	uint64_t seed = ths_test_seed();

	start(_i);
	while (script_weak_count < SCRIPT_WEAKS - 1) {
		for (; count < LOOSES; count++) {
			ck_assert_int_eq(run(script_new_loose, &held[count]), THS_OK);
			script_weak_count++;
		}
		for (; count > ((seed = seed * 6364136223846793005u + 1) >> 33) % LOOSES;
		     count--)
			ck_assert_int_eq(run(script_free_loose, &held[count - 1]),
					 THS_OK);
		if (script_weak_count + LOOSES > SCRIPT_WEAKS)
			break;
	}
	for (; count > 0; count--)
		ck_assert_int_eq(run(script_free_loose, &held[count - 1]), THS_OK);
	ck_assert_uint_gt(script_weak_count, 200);
	ck_assert_int_eq(run(all_are_stale, NULL), THS_OK);
	for (; count < LOOSES; count++) { /* others live in every one's place */
		struct ths_weak old = script_weaks[script_weak_count];

		ck_assert_int_eq(run(script_new_loose, &held[count]), THS_OK);
		script_weaks[script_weak_count] = old;
	}
	ck_assert_int_eq(run(all_are_stale, NULL), THS_OK);
	stop(_i);
}
END_TEST

static enum ths_err keep_ready(struct ths_call *call, void *ctx)
{
	return ths_weak_cache(call, LOOSE, script_weaks[0], ctx);
}

static const struct ths_weak_cached *ready;

static enum ths_err upgrade(struct ths_call *call, void *ctx)
{
	const struct loose *seen = ths_weak_upgrade(ready);

	(void)call;
	*(uint64_t *)ctx = seen ? seen->value : 0;
	return THS_OK;
}

START_TEST(a_reference_kept_ready_knows_when_the_row_dies)
{
	struct ths_weak_cached cached;
	uint64_t value;
	uint32_t row, again;

	start(_i);
	script_weak_count = 0;
	ck_assert_int_eq(run(script_new_loose, &row), THS_OK);
	ck_assert_int_eq(run(keep_ready, &cached), THS_OK);
	ready = &cached;
	ck_assert_int_eq(run(upgrade, &value), THS_OK);
	ck_assert_uint_eq(value, 1000 + row);
	ck_assert_int_eq(run(script_free_loose, &row), THS_OK);
	ck_assert_int_eq(run(upgrade, &value), THS_OK);
	ck_assert_uint_eq(value, 0);
	script_weak_count = 1;
	ck_assert_int_eq(run(script_new_loose, &again), THS_OK);
	ck_assert_uint_eq(again, row);
	ck_assert_int_eq(run(upgrade, &value), THS_OK);
	ck_assert_uint_eq(value, 0);
	stop(_i);
}
END_TEST

/* A slot whose generation would begin anew is not used any more (P16). */
START_TEST(a_slot_out_of_generations_retires)
{
	struct ths_table *table;
	uint32_t row, next;

	start(_i);
	ck_assert_int_eq(run(script_new_loose, &row), THS_OK);
	table = ths_table_find("script.loose/1", "");
	slot_version(table->slots[row].word)->generation = UINT32_MAX - 1;
	ck_assert_int_eq(run(script_free_loose, &row), THS_OK);
	for (unsigned i = 1; i < LOOSES; i++) {
		ck_assert_int_eq(run(script_new_loose, &next), THS_OK);
		ck_assert_uint_ne(next, row);
	}
	ck_assert_int_eq(run(script_new_loose, &next), THS_E_FULL);
	stop(_i);
}
END_TEST

/* ---- full, and given back ------------------------------------------------------------ */

static enum ths_err take_all_and_fail(struct ths_call *call, void *ctx)
{
	struct loose *loose;
	uint32_t row;
	unsigned count = 0;

	while (ths_row_new(call, LOOSE, &row, &loose) == THS_OK)
		count++;
	*(unsigned *)ctx = count;
	return THS_E_IO;
}

START_TEST(a_full_table_says_so_and_rows_not_kept_are_free_again)
{
	unsigned count = 0;
	uint32_t row;

	start(_i);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_int_eq(run(take_all_and_fail, &count), THS_E_IO);
		ck_assert_uint_eq(count, LOOSES);
	}
	for (unsigned i = 0; i < LOOSES; i++)
		ck_assert_int_eq(run(script_new_loose, &row), THS_OK);
	ck_assert_int_eq(run(script_new_loose, &row), THS_E_FULL);
	ck_assert_int_eq(run(script_free_loose, &row), THS_OK);
	ck_assert_int_eq(run(script_new_loose, &row), THS_OK);
	stop(_i);
}
END_TEST

static struct ths_version *put_aside;

static enum ths_err new_on_the_last_version(struct ths_call *call, void *ctx)
{
	struct ths_cpu *cpu = ths_cpu();

	if (tries++ == 0) { /* one version for the tombstone, none for the row */
		put_aside = cpu->pool[0]->older;
		cpu->pool[0]->older = NULL;
	}
	return script_new_loose(call, ctx);
}

static void put_back(void)
{
	struct ths_cpu *cpu = ths_cpu();

	while (put_aside) {
		struct ths_version *version = put_aside;

		put_aside = version->older;
		version->older = cpu->pool[0];
		cpu->pool[0] = version;
	}
}

START_TEST(a_row_is_not_lost_for_want_of_a_version)
{
	uint32_t row;

	start(_i);
	for (unsigned i = 0; i < LOOSES; i++) {
		enum ths_err err;

		tries = 0;
		err = run(new_on_the_last_version, &row);
		put_back();
		ck_assert_int_eq(err, THS_OK);
		ck_assert_uint_eq(row, i);
	}
	stop(_i);
}
END_TEST

static enum ths_err new_when_freed_meanwhile(struct ths_call *call, void *ctx)
{
	uint32_t other_row = 3;
	const struct cell *cell;

	THS_TRY(ths_row_read(call, CELL, 0, &cell));
	if (tries++ == 0)
		ck_assert_int_eq(other_script(script_free_loose, &other_row), THS_OK);
	return script_new_loose(call, ctx);
}

START_TEST(a_row_freed_meanwhile_is_not_lost)
{
	uint32_t row = 0;

	start(2);
	for (unsigned i = 0; i < LOOSES; i++)
		ck_assert_int_eq(run(script_new_loose, &row), THS_OK);
	ck_assert_int_eq(run(new_when_freed_meanwhile, &row), THS_OK);
	ck_assert_uint_eq(row, 3);
	stop(2);
}
END_TEST

static enum ths_err new_when_nearly_full(struct ths_call *call, void *ctx)
{
	uint32_t left = *(uint32_t *)ctx, row;
	struct loose *wide;
	struct item *item;

	for (uint32_t i = 0; i < WRITES_MAX - left; i++)
		THS_TRY(ths_row_write(call, WIDE, i, &wide));
	ck_assert_int_eq(ths_row_new_keyed(call, ITEM, 77, &row, &item),
			 left < 2 ? THS_E_FULL : THS_OK);
	ck_assert_int_eq(ths_row_new_keyed(call, OWNED, 77, &row, &item), THS_E_FULL);
	return THS_OK; /* the module takes no offence */
}

static enum ths_err count_of(struct ths_call *call, void *ctx)
{
	uint32_t *table = ctx, row = THS_ROW_NONE, count = 0;

	while (ths_row_next(call, *table, &row) == THS_OK)
		count++;
	*table = count;
	return THS_OK;
}

/* A new row is several writes: the row, the index, the owner. All or none of them. */
START_TEST(a_row_that_could_not_be_made_whole_is_not_made)
{
	uint32_t left, items = ITEM, owned = OWNED;
	uint64_t key = 77;

	for (left = 0; left < 6; left++) {
		start(_i);
		ck_assert_int_eq(run(new_when_nearly_full, &left), THS_OK);
		ck_assert_int_eq(run(count_of, &items), THS_OK);
		ck_assert_uint_eq(items, left < 2 ? 0 : 1);
		ck_assert_int_eq(run(script_find_item, &key),
				 left < 2 ? THS_E_NOENT : THS_OK);
		ck_assert_int_eq(run(count_of, &owned), THS_OK);
		ck_assert_uint_eq(owned, 0);
		items = ITEM;
		owned = OWNED;
		stop(_i);
	}
}
END_TEST

static enum ths_err free_when_nearly_full(struct ths_call *call, void *ctx)
{
	struct loose *wide;

	for (uint32_t i = 0; i < WRITES_MAX - 1; i++)
		THS_TRY(ths_row_write(call, WIDE, i, &wide));
	ck_assert_int_eq(ths_row_free(call, ITEM, *(uint32_t *)ctx), THS_E_FULL);
	return THS_OK;
}

START_TEST(a_row_that_could_not_be_freed_whole_lives_on)
{
	uint64_t key = 5;
	uint32_t row = 0;

	start(_i);
	ck_assert_int_eq(run(script_new_item, &key), THS_OK);
	ck_assert_int_eq(run(free_when_nearly_full, &row), THS_OK);
	ck_assert_int_eq(run(script_find_item, &key), THS_OK);
	stop(_i);
}
END_TEST

/* ---- no room to read -------------------------------------------------------------------- */

enum { LIVES, DIED, NEVER_USED }; /* loose rows */

static enum ths_err read_never_used(struct ths_call *call, void *ctx)
{
	(void)ctx;
	return ths_row_read(call, LOOSE, NEVER_USED, &(const struct loose *){NULL});
}

static enum ths_err write_never_used(struct ths_call *call, void *ctx)
{
	(void)ctx;
	return ths_row_write(call, LOOSE, NEVER_USED, &(struct loose *){NULL});
}

static enum ths_err write_dead(struct ths_call *call, void *ctx)
{
	(void)ctx;
	return ths_row_write(call, LOOSE, DIED, &(struct loose *){NULL});
}

static enum ths_err upgrade_slowly(struct ths_call *call, void *ctx)
{
	(void)ctx;
	return ths_weak_read(call, LOOSE, script_weaks[0], &(const struct loose *){NULL});
}

static enum ths_err cache(struct ths_call *call, void *ctx)
{
	(void)ctx;
	return ths_weak_cache(call, LOOSE, script_weaks[0], &(struct ths_weak_cached){NULL, 0});
}

static enum ths_err leave_never_used(struct ths_call *call, void *ctx)
{
	(void)ctx;
	return ths_row_unshare(call, OWNED, OWNEDS - 1);
}

static const struct {
	script_fn *fn;
	enum ths_err err; /* with room enough */
} readers[] = {{read_never_used, THS_E_NOENT}, {write_never_used, THS_E_NOENT},
	       {write_dead, THS_E_NOENT},      {upgrade_slowly, THS_OK},
	       {cache, THS_OK},                {leave_never_used, THS_E_NOENT}};

/* What decides an outcome is noted as read; if it cannot be, there is no outcome. */
START_TEST(without_room_to_note_it_nothing_is_read)
{
	uint64_t n = 0, failed;
	enum ths_err err;
	uint32_t row;

	start(1);
	script_weak_count = 0;
	ck_assert_int_eq(run(script_new_loose, &row), THS_OK);
	script_weak_count = 1;
	ck_assert_int_eq(run(script_new_loose, &row), THS_OK);
	ck_assert_uint_eq(row, DIED);
	ck_assert_int_eq(run(script_free_loose, &row), THS_OK);
	do {
		ths_host_fail_nth("room", ++n, false);
		err = run(readers[_i].fn, NULL);
		failed = ths_host_fail_failed();
		ck_assert_int_eq(err, failed ? THS_E_FULL : readers[_i].err);
	} while (failed);
	ck_assert_uint_gt(n, 2); /* the binding, and what is asked for */
	ths_host_fail_nth("", 0, false);
	stop(1);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("row");
	TCase *r1 = ths_suite_case(suite, "R1 declared tables"),
	      *r2 = ths_suite_case(suite, "R2 hardware");
	TCase *r3 = ths_suite_case(suite, "R3 per-CPU"),
	      *keys = ths_suite_case(suite, "keys");
	TCase *w3 = ths_suite_case(suite, "W3 generations"),
	      *full = ths_suite_case(suite, "all or none");

	tcase_add_loop_test(r1, a_table_that_is_not_declared_is_not_there, 0,
			    (int)THS_ARRAY_SIZE(undeclared));
	tcase_add_test(r1, what_a_table_is_not_for_is_refused);
	tcase_add_loop_test(r2, hardware_rows_are_the_devices_and_requests_everyone_elses,
			    1, 3);
	tcase_add_loop_test(r3, a_cpus_row_is_its_own, 1, 3);
	tcase_add_loop_test(keys, a_key_never_changes, 1, 3);
	tcase_add_loop_test(keys, a_new_rows_key_is_the_one_it_was_made_for, 1, 3);
	tcase_add_loop_test(w3, a_dead_rows_reference_is_stale_for_ever, 1, 3);
	tcase_add_loop_test(w3, a_reference_kept_ready_knows_when_the_row_dies, 1, 3);
	tcase_add_loop_test(w3, a_slot_out_of_generations_retires, 1, 3);
	tcase_add_loop_test(full, a_full_table_says_so_and_rows_not_kept_are_free_again,
			    1, 3);
	tcase_add_loop_test(full, a_row_is_not_lost_for_want_of_a_version, 1, 3);
	tcase_add_test(full, a_row_freed_meanwhile_is_not_lost);
	tcase_add_loop_test(full, a_row_that_could_not_be_made_whole_is_not_made, 1, 3);
	tcase_add_loop_test(full, a_row_that_could_not_be_freed_whole_lives_on, 1, 3);
	tcase_add_loop_test(ths_suite_case(suite, "no room"),
			    without_room_to_note_it_nothing_is_read, 0,
			    (int)THS_ARRAY_SIZE(readers));
	return suite;
}

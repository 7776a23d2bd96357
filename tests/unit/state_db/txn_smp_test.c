/*
 * txn_smp_test - transactions of several CPUs at once. Run under ASan and, as
 * txn_smp_tsan, under TSan.
 *
 * The CPUs are threads. What is asserted inside an operation holds on every try, also on
 * one that is going to be a conflict: no operation ever sees a mix of two moments (X1).
 */
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <theseus/host.h>
#include <theseus/iface/module.h>
#include <theseus/quota.h>
#include "nano_core/nano_core_impl.h"

#define CPUS   3u
#define ROUNDS 1200u

struct player {
	unsigned cpu;
	uint64_t dice;
	struct ths_ref ref;
	uint64_t count; /* for the test */
};
static struct player player[CPUS];
static void (*play)(struct player *);
static atomic_uint playing;

static uint32_t roll(struct player *me, uint32_t sides)
{
	me->dice = me->dice * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(me->dice >> 33) % sides;
}

static enum ths_err run(struct player *me, script_fn *fn, void *ctx)
{
	return script_by(&me->ref, fn, ctx);
}

static void play_one(struct player *me)
{
	me->ref = (struct ths_ref)THS_REF(script);
	me->dice = ths_test_seed() + me->cpu;
	play(me);
	atomic_fetch_sub(&playing, 1);
}

static void *thread_main(void *arg)
{
	struct player *me = arg;

	rig_cpu_enter(me->cpu);
	play_one(me);
	rig_cpu_leave();
	return NULL;
}

static uint32_t instance;

static void setup(void)
{
	rig_start();
	ths_probation_set((struct ths_probation){0, 0}); /* names come again at once */
	rig_cpus(CPUS);
	instance = rig_bind(&ths_module_script, "");
}

/* Everybody plays; CPU 0 does @meanwhile instead, if given. */
static void play_all(void (*fn)(struct player *), void (*meanwhile)(void))
{
	pthread_t thread[CPUS];

	play = fn;
	atomic_store(&playing, meanwhile ? CPUS - 1 : CPUS);
	for (unsigned i = 0; i < CPUS; i++) {
		player[i] = (struct player){.cpu = i};
		if (i > 0)
			ck_assert_int_eq(
				pthread_create(&thread[i], NULL, thread_main, &player[i]),
				0);
	}
	if (meanwhile)
		meanwhile();
	else
		play_one(&player[0]);
	for (unsigned i = 1; i < CPUS; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
}

static void pause_a_little(void)
{
	for (unsigned i = 0; i < 30; i++)
		ths_arch_relax();
}

/* ---- a bank -------------------------------------------------------------------------- */

#define ACCOUNTS 16u
#define MONEY    1000u

struct transfer {
	uint32_t from, to;
	uint64_t amount;
};

static enum ths_err open_accounts(struct ths_call *call, void *ctx)
{
	struct cell *cell;

	(void)ctx;
	for (uint32_t i = 0; i < ACCOUNTS; i++) {
		THS_TRY(ths_row_write(call, CELL, i, &cell));
		cell->value = MONEY;
	}
	return THS_OK;
}

static enum ths_err transfer(struct ths_call *call, void *ctx)
{
	const struct transfer *order = ctx;
	struct cell *from, *to;

	THS_TRY(ths_row_write(call, CELL, order->from, &from));
	THS_TRY(ths_row_write(call, CELL, order->to, &to));
	if (from->value < order->amount)
		return THS_E_PERM;
	from->value -= order->amount;
	to->value += order->amount;
	return THS_OK;
}

static enum ths_err audit(struct ths_call *call, void *ctx)
{
	uint64_t sum;

	(void)ctx;
	THS_TRY(script_sum(call, ACCOUNTS, &sum));
	ck_assert_uint_eq(sum, (uint64_t)ACCOUNTS * MONEY); /* on each try */
	return THS_OK;
}

static void bank(struct player *me)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct transfer order = {roll(me, ACCOUNTS), roll(me, ACCOUNTS),
					 roll(me, MONEY)};
		enum ths_err err = run(me, transfer, &order);

		ck_assert(err == THS_OK || err == THS_E_PERM);
		if (i % 8 == me->cpu)
			ck_assert_int_eq(run(me, audit, NULL), THS_OK);
	}
}

START_TEST(money_is_neither_made_nor_lost)
{
	struct ths_ref ref = THS_REF(script);

	setup();
	ck_assert_int_eq(script_by(&ref, open_accounts, NULL), THS_OK);
	play_all(bank, NULL);
	ck_assert_int_eq(script_by(&ref, audit, NULL), THS_OK);
	rig_stop();
}
END_TEST

#define SWAPS 12u

/* From script to script_next and back: each time all cells change their layout. */
static void swap_meanwhile(void)
{
	for (unsigned i = 0; i < SWAPS && atomic_load(&playing); i++) {
		uint32_t next =
			rig_add(i % 2 ? &ths_module_script : &ths_module_script_next,
				i % 2 ? "even" : "odd");
		enum ths_err err = ths_swap(instance, next, NULL);

		/* Rows that change all the time may not be had; the old one serves on. */
		ck_assert_msg(err == THS_OK, "swap %u: %s", i, ths_err_name(err));
		instance = next;
	}
}

START_TEST(nor_while_its_rows_change_their_layout)
{
	struct ths_ref ref = THS_REF(script);

	setup();
	ck_assert_int_eq(script_by(&ref, open_accounts, NULL), THS_OK);
	play_all(bank, swap_meanwhile);
	ck_assert_int_eq(script_by(&ref, audit, NULL), THS_OK);
	rig_stop();
}
END_TEST

/* ---- rows of one's own, and a hot one ------------------------------------------------ */

static enum ths_err up(struct ths_call *call, void *ctx)
{
	struct cell *cell;

	THS_TRY(ths_row_write(call, CELL, *(uint32_t *)ctx, &cell));
	cell->value++;
	return THS_OK;
}

static enum ths_err value_of(struct ths_call *call, void *ctx)
{
	const struct cell *cell;

	THS_TRY(ths_row_read(call, CELL, (uint32_t) * (uint64_t *)ctx, &cell));
	*(uint64_t *)ctx = cell->value;
	return THS_OK;
}

static void count_up(struct player *me)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t row = i % 2 ? me->cpu : CPUS;

		ck_assert_int_eq(run(me, up, &row), THS_OK);
	}
}

START_TEST(every_step_counts_once)
{
	struct ths_ref ref = THS_REF(script);

	setup();
	play_all(count_up, NULL);
	for (uint64_t row = 0; row <= CPUS; row++) {
		uint64_t value = row;

		ck_assert_int_eq(script_by(&ref, value_of, &value), THS_OK);
		ck_assert_uint_eq(value, row < CPUS ? ROUNDS / 2 : CPUS * ROUNDS / 2);
	}
	rig_stop();
}
END_TEST

/* ---- the token ----------------------------------------------------------------------- */

/* A conflict at each try without the token: so all CPUs ask for it at once, on any host.
 */
static enum ths_err up_with_token(struct ths_call *call, void *ctx)
{
	uint64_t *tries = ctx;
	struct cell *cell;

	++*tries;
	THS_TRY(ths_row_write(call, CELL, 0, &cell));
	cell->value++;
	if (!ths_cpu()->token)
		ths_txn_unwind(ths_cpu(), OUTCOME_CONFLICT);
	return THS_OK;
}

static void insist(struct player *me)
{
	for (unsigned i = 0; i < ROUNDS / 20; i++) {
		uint64_t tries = 0;

		ck_assert_int_eq(run(me, up_with_token, &tries), THS_OK);
		ck_assert_uint_ge(tries, 9);
		ck_assert_uint_le(tries, 9 + 2); /* an empty pool is no conflict */
	}
}

START_TEST(the_ninth_try_is_the_last)
{
	struct ths_ref ref = THS_REF(script);
	uint64_t value = 0;

	setup();
	play_all(insist, NULL);
	ck_assert_int_eq(script_by(&ref, value_of, &value), THS_OK);
	ck_assert_uint_eq(value, CPUS * (ROUNDS / 20));
	ck_assert_uint_eq(ths_core.token, 0);
	rig_stop();
}
END_TEST

/* ---- rows that come and go ----------------------------------------------------------- */

/* Cell 0 says how many items there are: in every interaction. */
static enum ths_err item_comes_or_goes(struct ths_call *call, void *ctx)
{
	const uint64_t key = *(uint64_t *)ctx;
	const struct item *seen;
	struct item *item;
	struct cell *count;
	uint32_t row;
	enum ths_err err = ths_row_find(call, ITEM, key, &row, &seen);

	THS_TRY(ths_row_write(call, CELL, 0, &count));
	if (err == THS_OK) {
		ck_assert_uint_eq(seen->value, ~key);
		count->value--;
		return ths_row_free(call, ITEM, row);
	}
	ck_assert_int_eq(err, THS_E_NOENT);
	THS_TRY(ths_row_new_keyed(call, ITEM, key, &row, &item));
	item->value = ~key;
	count->value++;
	return THS_OK;
}

static enum ths_err count_items(struct ths_call *call, void *ctx)
{
	uint32_t row = THS_ROW_NONE;
	const struct item *item;
	const struct cell *count;
	uint64_t met = 0;

	(void)ctx;
	while (ths_row_next(call, ITEM, &row) == THS_OK) {
		THS_TRY(ths_row_read(call, ITEM, row, &item));
		ck_assert_uint_eq(item->value, ~item->key);
		met++;
	}
	THS_TRY(ths_row_read(call, CELL, 0, &count));
	ck_assert_uint_eq(count->value, met);
	return THS_OK;
}

static void come_and_go(struct player *me)
{
	for (unsigned i = 0; i < ROUNDS / 2; i++) {
		uint64_t key = 1 + roll(me, ITEMS);

		if (roll(me, 4))
			ck_assert_int_eq(run(me, item_comes_or_goes, &key), THS_OK);
		else
			ck_assert_int_eq(run(me, count_items, NULL), THS_OK);
	}
}

START_TEST(an_enumeration_meets_each_row_that_lives)
{
	struct ths_ref ref = THS_REF(script);

	setup();
	play_all(come_and_go, NULL);
	ck_assert_int_eq(script_by(&ref, count_items, NULL), THS_OK);
	rig_stop();
}
END_TEST

/* ---- reclamation --------------------------------------------------------------------- */

static enum ths_err write_pair(struct ths_call *call, void *ctx)
{
	struct player *me = ctx;
	struct cell *cell;

	THS_TRY(ths_row_write(call, CELL, (uint32_t)(me->count % 4), &cell));
	cell->value = me->dice;
	cell->again = ~me->dice;
	return THS_OK;
}

/* A version that is in somebody's hands is not used again. */
static enum ths_err hold_versions(struct ths_call *call, void *ctx)
{
	const struct cell *cell[4];
	struct cell copy[4];

	(void)ctx;
	for (uint32_t i = 0; i < 4; i++) {
		THS_TRY(ths_row_read(call, CELL, i, &cell[i]));
		copy[i] = *cell[i];
	}
	pause_a_little();
	for (uint32_t i = 0; i < 4; i++) {
		ck_assert_uint_eq(cell[i]->value, copy[i].value);
		ck_assert(cell[i]->value == ~cell[i]->again || cell[i]->value == 0);
	}
	return THS_OK;
}

static void hold_and_write(struct player *me)
{
	for (me->count = 0; me->count < ROUNDS; me->count++) {
		(void)roll(me, 2);
		if (me->cpu == 0 || me->count % 8 == 0)
			ck_assert_int_eq(run(me, hold_versions, NULL), THS_OK);
		else
			ck_assert_int_eq(run(me, write_pair, me), THS_OK);
	}
}

START_TEST(a_version_in_use_is_not_used_again)
{
	setup();
	play_all(hold_and_write, NULL);
	rig_stop();
}
END_TEST

/* ---- devices ------------------------------------------------------------------------- */

static atomic_uint inside;

static enum ths_err drive_device(struct ths_call *call, void *ctx)
{
	const struct cell *first, *second;
	struct loose *hard;

	(void)ctx;
	ck_assert_uint_eq(atomic_fetch_add(&inside, 1), 0); /* one at a time */
	pause_a_little();
	ck_assert_uint_eq(atomic_fetch_sub(&inside, 1), 1);
	THS_TRY(ths_row_read(call, CELL, 0, &first)); /* a snapshot: of one moment */
	pause_a_little();
	THS_TRY(ths_row_read(call, CELL, 1, &second));
	ck_assert_uint_eq(first->value, second->value);
	for (uint32_t i = 0; i < HARDS; i++) {
		THS_TRY(ths_row_write(call, HARD, i, &hard));
		hard->value++;
	}
	return THS_OK;
}

static enum ths_err beside_a_device(struct ths_call *call, void *ctx)
{
	const struct loose *first, *last;
	struct cell *cell;

	(void)ctx;
	THS_TRY(ths_row_read(call, HARD, 0, &first));
	THS_TRY(ths_row_read(call, HARD, HARDS - 1, &last));
	ck_assert_uint_eq(first->value, last->value);
	for (uint32_t i = 0; i < 2; i++) {
		THS_TRY(ths_row_write(call, CELL, i, &cell));
		cell->value++;
	}
	return THS_OK;
}

static void drive_and_call(struct player *me)
{
	for (unsigned i = 0; i < ROUNDS / 2; i++) {
		if (roll(me, 3) == 0) {
			ck_assert_int_eq(script_drive_by(&me->ref, drive_device, NULL),
					 THS_OK);
			me->count++;
		} else {
			ck_assert_int_eq(run(me, beside_a_device, NULL), THS_OK);
		}
	}
}

static enum ths_err read_hard(struct ths_call *call, void *ctx)
{
	const struct loose *hard;

	THS_TRY(ths_row_read(call, HARD, 1, &hard));
	*(uint64_t *)ctx = hard->value;
	return THS_OK;
}

static void assert_driven(uint64_t expected)
{
	struct ths_ref ref = THS_REF(script);
	uint64_t driven = 0;

	ck_assert_int_eq(script_by(&ref, read_hard, &driven), THS_OK);
	ck_assert_uint_eq(driven, expected);
}

START_TEST(a_device_is_driven_by_one_and_seen_whole_by_all)
{
	setup();
	play_all(drive_and_call, NULL);
	assert_driven(player[0].count + player[1].count + player[2].count);
	rig_stop();
}
END_TEST

START_TEST(and_while_its_driver_is_swapped)
{
	setup();
	play_all(drive_and_call, swap_meanwhile);
	assert_driven(player[1].count + player[2].count);
	rig_stop();
}
END_TEST

/* ---- owners -------------------------------------------------------------------------- */

#define MAY_OWN 4u /* of six */

struct owning {
	uint64_t key;
	bool remove;
};

static enum ths_err join_leave_or_remove(struct ths_call *call, void *ctx)
{
	const struct owning *what = ctx;
	const struct item *seen;
	struct item *item;
	uint32_t row;
	enum ths_err err = ths_row_find(call, OWNED, what->key, &row, &seen);

	if (err == THS_E_NOENT)
		return ths_row_new_keyed(call, OWNED, what->key, &row, &item);
	THS_TRY(err);
	if (what->remove)
		return ths_row_free(call, OWNED, row);
	err = ths_row_share(call, OWNED, row);
	return err == THS_E_EXIST ? ths_row_unshare(call, OWNED, row) : err;
}

static enum ths_err reap_one(struct ths_cpu *cpu, void *client)
{
	return ths_share_reap_one(cpu, *(uint32_t *)client, NULL);
}

static void own_and_die(struct player *me)
{
	uint32_t before = ths_cpu()->current;

	for (unsigned i = 0; i < ROUNDS / 4; i++) {
		struct owning what = {1 + roll(me, 6), roll(me, 8) == 0};
		uint32_t client = me->cpu;
		struct module_client told = {.client = client - 1};
		enum ths_err err;

		ths_cpu()->current = client;
		err = run(me, join_leave_or_remove, &what);
		ck_assert_msg(err == THS_OK || err == THS_E_QUOTA, "%s", ths_err_name(err));
		if (ths_quota_next(&told) && told.client == client)
			ck_assert_uint_le(told.rows, MAY_OWN);
		while (i % 32 == 31 && ths_publish(reap_one, &client) == THS_OK)
			;
	}
	while (ths_publish(reap_one, &(uint32_t){me->cpu}) == THS_OK)
		;
	ths_cpu()->current = before;
}

START_TEST(the_last_of_all_owners_frees)
{
	setup();
	ths_quota_default(MAY_OWN);
	play_all(own_and_die, NULL);
	ck_assert_uint_eq(ths_table_find("script.owned/1", "")->live, 0);
	ck_assert_uint_eq(ths_table_find("state_db.share/1", "")->live, 0);
	ck_assert_uint_eq(ths_table_find("state_db.orphan/1", "")->live, 0);
	ck_assert(!ths_share_next(&(struct module_share){.share = THS_ROW_NONE}));
	ck_assert(!ths_quota_next(&(struct module_client){.client = THS_ROW_NONE}));
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("txn on several CPUs");

	tcase_add_test(ths_suite_case(suite, "X1 one moment"),
		       money_is_neither_made_nor_lost);
	tcase_add_test(ths_suite_case(suite, "V2 migration"),
		       nor_while_its_rows_change_their_layout);
	tcase_add_test(ths_suite_case(suite, "W2 hot rows"), every_step_counts_once);
	tcase_add_test(ths_suite_case(suite, "P5 token"), the_ninth_try_is_the_last);
	tcase_add_test(ths_suite_case(suite, "P6 enumeration"),
		       an_enumeration_meets_each_row_that_lives);
	tcase_add_test(ths_suite_case(suite, "L2 reclamation"),
		       a_version_in_use_is_not_used_again);
	tcase_add_test(ths_suite_case(suite, "P9 devices"),
		       a_device_is_driven_by_one_and_seen_whole_by_all);
	tcase_add_test(ths_suite_case(suite, "P9 devices swapped"),
		       and_while_its_driver_is_swapped);
	tcase_add_test(ths_suite_case(suite, "O1 owners"), the_last_of_all_owners_frees);
	return suite;
}

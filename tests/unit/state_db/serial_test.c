/*
 * serial_test - interactions of 2 to 8 CPUs, and an order that explains them.
 *
 * Every attempt writes down what it saw (history.h); afterwards the whole history is
 * judged: strictly serialisable, and no attempt, also none that was run again, saw a mix.
 * Rows are fixed, keyed and many; levels nest, fail and are rolled back; operations fail
 * after they have written; and in some rounds the module is swapped for a build with
 * another row layout, again and again, while all this goes on.
 *
 * About 110,000 interactions; THS_SERIAL=n in the environment makes it n times as many
 * (CI: 10). Under TSan, which is slow and looks for something else, a tenth.
 */
#include "history.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <theseus/host.h>
#include "nano_core/nano_core_impl.h"

#ifdef __SANITIZE_THREAD__
#define SHARE_OF_ROUND 10u
#else
#define SHARE_OF_ROUND 1u
#endif
#define ROWS_ALL (CELLS + WIDES + ITEMS)

/* A round: who plays and what. */
static const struct round {
	const char *name;
	unsigned cpus, calls;         /* calls: of each CPU */
	unsigned cells, wides, items; /* rows of each kind that are used */
	unsigned reads, writes;       /* of a call, at most */
	unsigned nest, fail;          /* out of 100 calls */
	bool swap;
} rounds[] = {
	{"few rows, much met", 2, 8000, 4, 0, 0, 3, 2, 0, 0, false},
	{"readers", 4, 4000, 16, 200, 8, 8, 1, 0, 5, false},
	{"writers", 4, 2500, 24, 0, 8, 2, 6, 0, 5, false},
	{"nested", 3, 3000, 16, 60, 8, 3, 3, 60, 20, false},
	{"many rows", 4, 4000, CELLS, WIDES, ITEMS, 6, 3, 10, 5, false},
	{"keys", 3, 3500, 0, 0, ITEMS, 4, 3, 10, 5, false},
	{"one hot row", 8, 1000, 1, 300, 0, 2, 1, 0, 0, false},
	{"eight", 8, 1500, CELLS, 200, ITEMS, 5, 3, 20, 10, false},
	{"swapped", 3, 4000, 24, 100, 8, 4, 3, 20, 5, true},
	{"two, swapped", 2, 5000, 12, 0, 4, 3, 3, 20, 5, true},
};
#define ROUNDS (sizeof(rounds) / sizeof(rounds[0]))

static const struct round *played;
static struct history *history;
static atomic_uint playing, swaps;
static uint32_t instance;

static unsigned calls_of(const struct round *round)
{
	const char *longer = getenv("THS_SERIAL");

	return round->calls / SHARE_OF_ROUND *
	       (longer ? (unsigned)strtoul(longer, NULL, 0) : 1);
}

static uint32_t roll(uint64_t *dice, uint32_t sides)
{
	*dice = *dice * 6364136223846793005u + 1442695040888963407u;
	return sides ? (uint32_t)(*dice >> 33) % sides : 0;
}

/* ---- rows, by one number ------------------------------------------------------------- */

/* Rows of the history: the cells, the wides, the items by key. */
static uint32_t any_row(uint64_t *dice)
{
	uint32_t at = roll(dice, played->cells + played->wides + played->items);

	if (at < played->cells)
		return at;
	at -= played->cells;
	return at < played->wides ? CELLS + at : CELLS + WIDES + at - played->wides;
}

/* An item is looked up anew each time. */
static enum ths_err locate(struct ths_call *call, uint32_t row, unsigned *table,
			   uint32_t *number)
{
	const struct item *item;

	*table = row < CELLS ? CELL : row < CELLS + WIDES ? WIDE : ITEM;
	*number = row < CELLS ? row : row - CELLS;
	if (*table != ITEM)
		return THS_OK;
	return ths_row_find(call, ITEM, row - CELLS - WIDES + 1, number, &item);
}

static enum ths_err read_row(struct ths_call *call, unsigned cpu, uint32_t row)
{
	unsigned table;
	uint32_t number;
	const struct loose *data;

	THS_TRY(locate(call, row, &table, &number));
	THS_TRY(ths_row_read(call, table, number, &data));
	history_read(history, cpu, row, data[table == ITEM].value); /* behind the key */
	return THS_OK;
}

static enum ths_err write_row(struct ths_call *call, unsigned cpu, uint32_t row)
{
	unsigned table;
	uint32_t number;
	struct loose *data;

	THS_TRY(locate(call, row, &table, &number));
	THS_TRY(ths_row_write(call, table, number, &data));
	data += table == ITEM;
	data->value = history_write(history, cpu, row, data->value);
	return THS_OK;
}

/* ---- a call -------------------------------------------------------------------------- */

struct player {
	unsigned cpu;
	uint64_t dice;
	struct ths_ref ref;
};

static enum ths_err accesses(struct ths_call *call, struct player *me)
{
	unsigned reads = roll(&me->dice, played->reads + 1);
	unsigned writes = roll(&me->dice, played->writes + 1);

	while (reads + writes > 0) {
		uint32_t row = any_row(&me->dice);

		if (writes > 0 && roll(&me->dice, reads + writes) < writes) {
			writes--;
			THS_TRY(write_row(call, me->cpu, row));
		} else {
			reads--;
			THS_TRY(read_row(call, me->cpu, row));
		}
	}
	return roll(&me->dice, 100) < played->fail ? THS_E_PERM : THS_OK;
}

static enum ths_err inner(struct ths_call *call, void *ctx)
{
	return accesses(call, ctx);
}

/* A level that fails is undone; its parent goes on. Runs again with the same dice. */
static enum ths_err outer(struct ths_call *call, void *ctx)
{
	struct player me = *(struct player *)ctx;
	size_t mark;
	enum ths_err err;

	history_attempt(history, me.cpu);
	THS_TRY(accesses(call, &me));
	if (roll(&me.dice, 100) >= played->nest)
		return THS_OK;
	mark = history_mark(history, me.cpu);
	err = script_nested(call, inner, &me);
	if (err)
		history_undo(history, me.cpu, mark);
	ck_assert(err == THS_OK || err == THS_E_PERM);
	return accesses(call, &me);
}

static void play(unsigned cpu)
{
	struct player me = {
		.cpu = cpu, .dice = ths_test_seed() + cpu, .ref = THS_REF(script)};

	for (unsigned i = 0; i < calls_of(played); i++) {
		enum ths_err err;

		while (i == calls_of(played) / 2 && played->swap &&
		       atomic_load(&swaps) < 2)
			sched_yield(); /* that some come in the middle is no luck */
		roll(&me.dice, 1);
		history_call(history, cpu);
		err = script_by(&me.ref, outer, &me);
		history_done(history, cpu, err == THS_OK);
		ck_assert_msg(err == THS_OK || err == THS_E_PERM, "%s",
			      ths_err_name(err));
	}
	atomic_fetch_sub(&playing, 1);
}

static void *thread_main(void *arg)
{
	unsigned cpu = *(unsigned *)arg;

	rig_cpu_enter(cpu);
	play(cpu);
	rig_cpu_leave();
	return NULL;
}

/* ---- a round ------------------------------------------------------------------------- */

static enum ths_err make_item(struct ths_call *call, void *ctx)
{
	struct item *item;
	uint32_t row;

	return ths_row_new_keyed(call, ITEM, *(uint64_t *)ctx, &row, &item);
}

static void setup(void)
{
	struct ths_ref ref = THS_REF(script);

	rig_start();
	ths_probation_set((struct ths_probation){0, 0}); /* names come again at once */
	rig_cpus(played->cpus);
	instance = rig_bind(&ths_module_script, "");
	for (uint64_t key = 1; key <= played->items; key++)
		ck_assert_int_eq(script_by(&ref, make_item, &key), THS_OK);
}

/* CPU 0 swaps until the others have played; where it does not, it plays, too. */
static void swap_meanwhile(void)
{
	for (unsigned turn = 0; atomic_load(&playing); turn++) {
		bool odd = turn % 2;
		uint32_t next =
			rig_add(odd ? &ths_module_script : &ths_module_script_next,
				odd ? "even" : "odd");
		enum ths_err err = ths_swap(instance, next, NULL);

		ck_assert_msg(err == THS_OK, "swap %u: %s", turn, ths_err_name(err));
		instance = next;
		atomic_store(&swaps, turn + 1);
	}
}

static void play_all(void)
{
	pthread_t thread[THS_CPU_MAX];
	unsigned number[THS_CPU_MAX];

	atomic_store(&playing, played->swap ? played->cpus - 1 : played->cpus);
	for (unsigned i = 1; i < played->cpus; i++) {
		number[i] = i;
		ck_assert_int_eq(
			pthread_create(&thread[i], NULL, thread_main, &number[i]), 0);
	}
	if (played->swap)
		swap_meanwhile();
	else
		play(0);
	for (unsigned i = 1; i < played->cpus; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
}

START_TEST(an_order_explains_what_all_have_seen)
{
	char why[1024];
	enum history_verdict verdict;

	played = &rounds[_i];
	/* nobody is run more than nine times for a conflict, and few more than twice */
	history = history_new(played->cpus, ROWS_ALL, 11u * calls_of(played),
			      60u * calls_of(played));
	setup();
	play_all();
	verdict = history_judge(history, why, sizeof(why));
	ck_assert_msg(verdict == HISTORY_SERIALISABLE, "%s: %s", played->name, why);
	printf("# %s: %zu of %zu attempts committed, %u swaps\n", played->name,
	       history_committed(history), history_attempts(history),
	       atomic_load(&swaps));
	rig_stop();
	history_free(history);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("serial");
	TCase *tcase = tcase_create("X1 one moment");

	tcase_set_timeout(tcase, 600);
	tcase_add_loop_test(tcase, an_order_explains_what_all_have_seen, 0, (int)ROUNDS);
	suite_add_tcase(suite, tcase);
	return suite;
}

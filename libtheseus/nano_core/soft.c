/*
 * soft - see <theseus/soft.h>.
 *
 * When memory is short (memory.c) rows go by a hand that moves on over all soft tables and,
 * once round, begins anew: so each row stays as long as any other, and who is asked for
 * next was put there longest ago, as near as can be told without a mark at each read.
 * Rows of fixed tables stay, for one that is zeroed has a version like any other.
 *
 * Touching a soft table under stress marks work for depth 0, where the dice are thrown: so they are
 * thrown in an order that depends on the interactions alone, and an idle machine stays idle.
 *
 * Cost: the hand's step O(1), as long as there are rows. Without stress one test in the calls on rows that are no quick ones. Under stress
 * soft rows are read and written by those only.
 */
#include <theseus/nano_core.h>
#include <theseus/soft.h>
#include <theseus/string.h>
#include "nano_core/nano_core_impl.h"

/* Its rows are touched by the ways that notice it, or by all again. */
void ths_soft_stress(uint64_t seed)
{
	atomic_store(&ths_core.soft_dice, seed);
	for (uint32_t i = 0; i < atomic_load(&ths_core.tables); i++)
		if (ths_core.table[i].flags & THS_SOFT)
			ths_table_bar(&ths_core.table[i]);
}

uint64_t ths_soft_vanished(void)
{
	return atomic_load(&ths_core.soft_vanished);
}

/* What the command line says. */
void ths_soft_boot(void)
{
	char text[24];
	uint64_t seed;

	if (!ths_cmdline_get("soft_stress", text, sizeof(text)))
		return;
	if (ths_str_parse_u64(text, ths_strlen(text), &seed))
		ths_logf("soft_stress=%s: not a number", text);
	else
		ths_soft_stress(seed);
}

/* Knuth's MMIX; the upper half. A seed of 0 is none, and no state is (it steps over it). */
static uint32_t roll(uint32_t sides)
{
	uint64_t dice = atomic_load(&ths_core.soft_dice), next;

	do {
		next = dice * 6364136223846793005u + 1442695040888963407u;
	} while (dice && !atomic_compare_exchange_weak(&ths_core.soft_dice, &dice,
						       next ? next : 1));
	return (uint32_t)(next >> 33) % sides;
}

static uint32_t soft_tables(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < atomic_load(&ths_core.tables); i++)
		count += (ths_core.table[i].flags & THS_SOFT) != 0;
	return count;
}

static struct ths_table *soft_table(uint32_t number)
{
	for (uint32_t i = 0; i < atomic_load(&ths_core.tables); i++)
		if ((ths_core.table[i].flags & THS_SOFT) && number-- == 0)
			return &ths_core.table[i];
	return NULL;
}

/* Any row there is, from a random place on. */
static void vanish(struct ths_table *table)
{
	uint32_t fresh = atomic_load(&table->fresh);

	if (fresh && ths_table_empty_one(table, roll(fresh)) == THS_OK)
		atomic_fetch_add(&ths_core.soft_vanished, 1);
}

/* Depth 0: none, one or some rows go; seldom all of a table. */
void ths_soft_vanish(void)
{
	uint32_t tables = soft_tables(), sides = roll(32);
	struct ths_table *table = tables ? soft_table(roll(tables)) : NULL;

	if (!table)
		return;
	if (sides == 0) {
		if (ths_table_empty(table) == THS_OK)
			atomic_fetch_add(&ths_core.soft_vanished, 1);
		return;
	}
	for (uint32_t count = sides % 8 < 4 ? 0 : sides % 4; count; count--)
		vanish(table);
}

/* ---- memory is short ------------------------------------------------------------------ */

/* From where the hand is on. False: none is left, or there is no memory to remove one. */
static bool drop_some(uint32_t *gone)
{
	uint32_t tables = atomic_load(&ths_core.tables);
	enum ths_err err = THS_E_NOENT;

	/* Once round, and where it began: it stood in the midst of that. */
	for (uint32_t i = 0; err == THS_E_NOENT && i <= tables; i++) {
		struct ths_table *table = &ths_core.table[ths_core.soft_table % tables];

		err = ths_table_empty_some(table, true, &ths_core.soft_row, gone);
		if (err) {
			ths_core.soft_table = (ths_core.soft_table + 1) % tables;
			ths_core.soft_row = 0;
		}
	}
	return err == THS_OK;
}

/* Not with every page: once a second. */
static void say_so(uint32_t dropped)
{
	if (ths_core.soft_said && ths_ticks() < ths_core.soft_said + TICK_HZ)
		return;
	ths_core.soft_said = ths_ticks() + 1;
	ths_logf("memory is short: %u soft rows went, and more may", dropped);
}

uint32_t ths_soft_drop(uint32_t most)
{
	struct ths_cpu *cpu = ths_cpu();
	uint32_t dropped = 0, gone;

	while (dropped < most && drop_some(&gone)) {
		dropped += gone;
		ths_pool_reclaim(cpu);
	}
	atomic_fetch_add(&ths_core.soft_vanished, dropped);
	if (dropped)
		say_so(dropped);
	return dropped;
}

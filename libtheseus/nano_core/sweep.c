/*
 * sweep - rows that nobody touches are brought into their table's new schema, too.
 *
 * A pass goes over all rows of a table, a slice at a time; each slice is an interaction of
 * nano_core's own that writes the rows still due, converted, and commits like any other.
 * The sweeper is a program, started with the first step and gone after the last; whoever
 * cannot wait for it (a publication in the way, the bearer's retirement) makes a pass of
 * its own. Two passes over one table do no harm.
 *
 * A row that cannot be converted is reported and passed over; its step stays under way, the
 * table in both schemas, until the row is freed or the step turned round. The sweeper then
 * leaves it alone: conversion is a pure function of the row, so it would be the same again,
 * and rows that are met are converted meanwhile as ever. The next publication or unbinding
 * that concerns it looks again, and so does ths_sweep(). What met a shortage, a sweeper that
 * could not be started among it, is tried again every AGAIN_TICKS ticks.
 *
 * Invariants
 *   S1  A step ends only after a pass that found every row converted, and that began after
 *       a quiescence with nobody bound any more who knows the old schema: so no version
 *       of that can come to be behind the pass.
 *   S2  A slice commits only if rows still go where they went when it was converted: one
 *       that was overtaken by a publication would leave rows of a schema that may have no
 *       way back.
 *   S3  A slice stays within what a transaction holds and, cut short by a deadline, is
 *       taken again row by row: a function that never ends costs one row, not the sweep.
 *
 * Cost: a pass O(rows); other interactions wait for it as for any commit, and for one slice
 * at a time of a hardware or per-CPU table.
 */
#include <theseus/point.h>
#include "nano_core/swap_impl.h"

#define SLICE_WRITES 32u
#define SLICE_LOOKS  1024u
#define REPORTS_MAX  4u /* lines of the log, a pass */
#define AGAIN_TICKS  16u

struct slice {
	struct ths_table *table;
	uint32_t first, next; /* rows: where it begins; where it got to */
	uint32_t most;        /* rows written */
	uint32_t stuck, stuck_row;
	enum ths_err stuck_err;
};

static void note_stuck(struct slice *slice, enum ths_err err)
{
	slice->stuck++;
	slice->stuck_row = slice->next;
	slice->stuck_err = err;
}

/* May be run more than once, as any operation: it begins at its beginning each time. */
static enum ths_err convert_slice(struct ths_cpu *cpu, void *arg)
{
	struct slice *slice = arg;
	struct ths_table *table = slice->table;
	uint32_t end = atomic_load(&table->fresh);

	slice->stuck = 0;
	slice->next = slice->first;
	if (end - slice->first > SLICE_LOOKS)
		end = slice->first + SLICE_LOOKS;
	for (; slice->next < end && cpu->txn.writes < slice->most; slice->next++) {
		enum ths_err err = ths_convert_row(cpu, table, slice->next);

		if (ths_err_is_shortage(err))
			return err;
		if (err)
			note_stuck(slice, err);
	}
	THS_POINT("sweep/before-commit");
	return THS_OK;
}

/* What must not conflict is converted while nobody commits and no device is driven. */
static enum ths_err run_slice(struct slice *slice)
{
	struct ths_cpu *cpu = ths_cpu();
	bool alone = slice->table->flags & (THS_PER_CPU | THS_HARDWARE);
	enum ths_err err;

	THS_POINT("sweep/before-slice");
	if (!alone)
		return ths_publish(convert_slice, slice);
	ths_section_enter(cpu);
	ths_token_take(cpu);
	err = ths_publish(convert_slice, slice);
	ths_token_give(cpu);
	ths_section_leave(cpu);
	return err;
}

static void report(struct ths_table *table, const struct slice *slice)
{
	struct ths_step *step = &table->step;

	if (atomic_fetch_add(&step->stuck, slice->stuck) < REPORTS_MAX &&
	    !ths_core.quiet_faults)
		ths_logf("sweep: %s: row %u does not become one: %s", table->schema,
			 slice->stuck_row, ths_err_text(slice->stuck_err));
	atomic_store(&step->stuck_row, slice->stuck_row);
	atomic_store(&step->stuck_err, slice->stuck_err);
	if (ths_is_on_probation(atomic_load(&step->bearer)))
		ths_probation_condemn(atomic_load(&step->bearer));
}

/* THS_OK, also where rows are stuck: table->step.stuck. */
static enum ths_err sweep_rows(struct ths_table *table, bool yields)
{
	struct slice slice = {.table = table, .most = SLICE_WRITES};

	atomic_store(&table->step.stuck, 0);
	while (slice.first < atomic_load(&table->fresh)) {
		enum ths_err err = run_slice(&slice);

		if (ths_err_is_shortage(err))
			return err;
		if (err && slice.most > 1) { /* S3 */
			slice.most = 1;
			continue;
		}
		if (err)
			note_stuck(&slice, err);
		if (slice.stuck)
			report(table, &slice);
		slice.first = slice.next + (err != THS_OK);
		slice.most = SLICE_WRITES;
		if (yields)
			ths_yield();
	}
	return THS_OK;
}

/* Nobody refers to it any more, unless it is of the schema the step came back to. */
static void drop_zero(struct ths_cpu *cpu, struct ths_table *table)
{
	struct ths_version *zero = table->zero;

	if (!zero || (zero->schema == table->schema_version && zero->pool == table->pool))
		return;
	table->zero = NULL;
	ths_pool_give(cpu, zero);
}

/* After a quiescence (J3). False: it was turned round, or somebody else has ended it. */
static bool end_step(struct ths_table *table, uintptr_t turns)
{
	struct ths_cpu *cpu = ths_cpu();
	bool ended;

	ths_section_enter(cpu);
	ths_token_take(cpu);
	ended = ths_table_in_step(table) && atomic_load(&table->step.turns.word) == turns;
	if (ended) {
		drop_zero(cpu, table);
		THS_POINT("sweep/dropped-zero");
		ths_step_end(table);
	}
	ths_token_give(cpu);
	ths_section_leave(cpu);
	return ended;
}

static void note_shortage(enum ths_err err)
{
	THS_POINT("sweep/before-note");
	if (ths_err_is_shortage(err))
		atomic_store(&ths_core.starved, true);
}

static enum ths_err pass(struct ths_table *table, bool yields)
{
	uintptr_t turns = atomic_load(&table->step.turns.word);
	bool shared = ths_step_is_shared(table);
	enum ths_err err;

	ths_quiesce();
	err = sweep_rows(table, yields);
	if (err == THS_OK && (shared || atomic_load(&table->step.stuck)))
		err = THS_E_BUSY;
	if (err == THS_OK) {
		ths_quiesce();
		THS_POINT("sweep/before-end");
		(void)end_step(table, turns);
	} else if (atomic_load(&table->step.turns.word) == turns) {
		/* In this order: a tick in between finds nothing yet, or undoes all of it. */
		atomic_store(&table->step.parked, true);
		THS_POINT("sweep/starves");
		atomic_store(&table->step.starved, ths_err_is_shortage(err));
		note_shortage(err);
	}
	return err;
}

enum ths_err ths_sweep_table(struct ths_table *table)
{
	enum ths_err err = THS_OK;

	while (err == THS_OK && ths_table_in_step(table))
		err = pass(table, false);
	return err;
}

enum ths_err ths_sweep_all(uint32_t flags)
{
	enum ths_err result = THS_OK;

	for (uint32_t i = 0; i < atomic_load(&ths_core.tables); i++) {
		struct ths_table *table = &ths_core.table[i];
		enum ths_err err = (table->flags & flags) == flags ? ths_sweep_table(table)
								    : THS_OK;

		result = err ? err : result;
	}
	return result;
}

enum ths_err ths_sweep(void)
{
	return ths_sweep_all(0);
}

/* ---- the sweeper -------------------------------------------------------------------------- */

static struct ths_table *next_table(void)
{
	for (uint32_t i = 0; i < atomic_load(&ths_core.tables); i++) {
		struct ths_table *table = &ths_core.table[i];

		if (ths_table_in_step(table) && !atomic_load(&table->step.parked))
			return table;
	}
	return NULL;
}

/* Whoever begins a step while we are ending finds `sweeping` either set, and then we find
 * the step, or not. */
static void sweeper(void *arg)
{
	struct ths_table *table;

	(void)arg;
	do {
		while ((table = next_table()))
			(void)!pass(table, true);
		THS_POINT("sweep/before-rest");
		atomic_store(&ths_core.sweeping, false);
	} while (next_table() && !atomic_exchange(&ths_core.sweeping, true));
}

static enum ths_err start_sweeper(struct ths_cpu *cpu, void *arg)
{
	struct ths_task_id task;

	(void)cpu;
	(void)arg;
	return ths_task_start(NULL, sweeper, NULL, &task);
}

/* Before tasks can run whoever is in a hurry makes the pass. */
enum ths_err ths_sweep_start(void)
{
	enum ths_err err;

	if (!ths_core.up || atomic_exchange(&ths_core.sweeping, true))
		return THS_OK;
	THS_POINT("sweep/before-start");
	err = ths_publish(start_sweeper, NULL);
	if (err)
		atomic_store(&ths_core.sweeping, false);
	note_shortage(err);
	return err;
}

bool ths_sweep_is_due(uint64_t ticks)
{
	return ticks % AGAIN_TICKS == 0 &&
	       atomic_load_explicit(&ths_core.starved, memory_order_relaxed);
}

void ths_sweep_again(void)
{
	if (!atomic_exchange(&ths_core.starved, false))
		return;
	THS_POINT("sweep/before-again");
	for (uint32_t i = 0; i < atomic_load(&ths_core.tables); i++)
		if (atomic_exchange(&ths_core.table[i].step.starved, false))
			atomic_store(&ths_core.table[i].step.parked, false);
	(void)!ths_sweep_start();
}

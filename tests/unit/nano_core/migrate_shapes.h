/*
 * migrate_shapes - one row in six layouts, a module for each, and what it is told.
 *
 * For migrate_test.c, migrate_smp_test.c and sweep_test.c, each of which includes it once.
 */
#pragma once

#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <string.h>
#include <theseus/host.h>
#include <theseus/iface/tasks.h>
#include "nano_core/swap_impl.h"

extern const struct ths_module ths_module_sched_rr, ths_module_tasks;

/* ---- layouts ------------------------------------------------------------------------- */

struct said {
	uint64_t key, both; /* two halves of a word */
	uint32_t count, mark;
};

enum { FIRST = 1, GROWN, SHRUNK, SPLIT, REORDERED, LAST }; /* schemas of "shape.*" */

struct first { /* 56 bytes */
	uint64_t key, both;
	uint32_t count, mark;
	uint64_t tail[4];
};
struct grown { /* 136: of another size class */
	uint64_t key, both;
	uint32_t count, mark;
	uint64_t tail[4], more[10];
};
struct shrunk { /* 24: of a smaller one */
	uint64_t key, both;
	uint32_t count, mark;
};
struct split { /* a member becomes two */
	uint64_t key, high, low;
	uint32_t count, mark;
	uint64_t tail[4];
};
struct reordered {
	uint64_t key, tail[4];
	uint32_t mark, count;
	uint64_t both;
};
struct last { /* GROWN's successor */
	uint64_t key, more[10], tail[4];
	struct said said;
};

static void put_words(uint64_t *word, unsigned words, uint64_t key)
{
	for (unsigned i = 0; i < words; i++)
		word[i] = key * (i + 3); /* a zero row follows, too */
}

static void assert_words(const uint64_t *word, unsigned words, uint64_t key)
{
	for (unsigned i = 0; i < words; i++)
		ck_assert_uint_eq(word[i], key * (i + 3));
}

static void put(unsigned schema, void *row, const struct said *said)
{
	struct said plain = *said;

	switch (schema) {
	case FIRST: {
		struct first *to = row;

		memcpy(to, &plain, sizeof(plain));
		put_words(to->tail, 4, said->key);
		break;
	}
	case GROWN: {
		struct grown *to = row;

		memcpy(to, &plain, sizeof(plain));
		put_words(to->tail, 4, said->key);
		put_words(to->more, 10, said->key);
		break;
	}
	case SHRUNK:
		memcpy(row, &plain, sizeof(plain));
		break;
	case SPLIT: {
		struct split *to = row;

		*to = (struct split){said->key, said->both >> 32, (uint32_t)said->both,
				     said->count, said->mark, {0}};
		put_words(to->tail, 4, said->key);
		break;
	}
	case REORDERED: {
		struct reordered *to = row;

		*to = (struct reordered){said->key, {0}, said->mark, said->count, said->both};
		put_words(to->tail, 4, said->key);
		break;
	}
	default: {
		struct last *to = row;

		to->key = said->key;
		to->said = plain;
		put_words(to->tail, 4, said->key);
		put_words(to->more, 10, said->key);
	}
	}
}

static struct said get(unsigned schema, const void *row)
{
	struct said said;

	memcpy(&said, row, sizeof(said)); /* as most have it */
	if (schema == FIRST)
		assert_words(((const struct first *)row)->tail, 4, said.key);
	if (schema == GROWN) {
		assert_words(((const struct grown *)row)->tail, 4, said.key);
		assert_words(((const struct grown *)row)->more, 10, said.key);
	}
	if (schema == SPLIT) {
		const struct split *from = row;

		assert_words(from->tail, 4, said.key);
		said.both = from->high << 32 | from->low;
		said.count = from->count;
		said.mark = from->mark;
	}
	if (schema == REORDERED) {
		const struct reordered *from = row;

		assert_words(from->tail, 4, said.key);
		said = (struct said){from->key, from->both, from->count, from->mark};
	}
	if (schema == LAST) {
		const struct last *from = row;

		assert_words(from->tail, 4, said.key);
		assert_words(from->more, 10, said.key);
		said = from->said;
	}
	return said;
}

/* ---- modules ------------------------------------------------------------------------- */

enum { PLAIN, SHARED, OWN, DEVICE };
#define PLAINS  40u
#define SHAREDS 90u
#define DEVICES 4u

/* What becomes of the rows with this mark. */
#define BAD 0xbadu
static enum { WELL, REFUSES, FAULTS, LIES, RENAMES, ACTS, HANGS } trouble;

THS_NO_SANITIZE static enum ths_err fault(void)
{
	return (enum ths_err) * (volatile int *)(uintptr_t)(trouble - FAULTS);
}

static enum ths_err convert(unsigned from, unsigned to, const void *old_row, void *new_row)
{
	struct said said = get(from, old_row);

	if (said.mark == BAD && trouble == RENAMES)
		said.key++;
	put(to, new_row, &said);
	if (said.mark != BAD)
		return THS_OK;
	for (unsigned i = 0; trouble == HANGS && i < 50; i++)
		ths_host_tick();
	if (trouble == ACTS)
		return ths_kick(NULL, script_op_kicked);
	return trouble == REFUSES  ? THS_E_IO
	       : trouble == FAULTS ? fault()
	       : trouble == LIES   ? (enum ths_err)77
				   : THS_OK;
}

#define WAY(from_, to_)                                                                  \
	static enum ths_err from_##_to_##to_(const void *old_row, void *new_row)         \
	{                                                                                \
		return convert(from_, to_, old_row, new_row);                            \
	}
#define BOTH_WAYS(from_, to_) WAY(from_, to_) WAY(to_, from_)
BOTH_WAYS(FIRST, GROWN)
BOTH_WAYS(FIRST, SHRUNK)
BOTH_WAYS(FIRST, SPLIT)
BOTH_WAYS(FIRST, REORDERED)
BOTH_WAYS(GROWN, LAST)

static enum ths_err run_op(struct ths_call *call, struct script_args *arg)
{
	return ((script_fn *)(uintptr_t)arg->fn)(call, (void *)(uintptr_t)arg->ctx);
}

/* As a migration function's effect it is not to be performed. */
static enum ths_err kicked_op(struct ths_call *call, struct ths_no_args *arg)
{
	(void)arg;
	ck_assert_ptr_nonnull(script_on_kick);
	return script_on_kick(call, script_kick_ctx);
}

enum { SELF, OTHER };

#define SHAPE_MODULE(token_, id_, number_, row_, ...)                                    \
	THS_MODULE(token_, id_, 1, 0,                                                    \
		   THS_PROVIDES(script, .run = run_op, .drive = run_op,                  \
				.kicked = kicked_op),                                    \
		   THS_USES_OPTIONAL(SELF, script),                                      \
		   .uses[OTHER] = {&script_iface, "other", true},                        \
		   THS_TABLE(PLAIN, "shape.plain/" #number_, struct row_, .rows = PLAINS, \
			     .flags = THS_FIXED),                                        \
		   THS_TABLE(SHARED, "shape.shared/" #number_, struct row_,              \
			     .rows = SHAREDS, .flags = THS_KEYED | THS_JOINT),           \
		   THS_TABLE(OWN, "shape.own/" #number_, struct row_,                    \
			     .flags = THS_PER_CPU),                                      \
		   THS_TABLE(DEVICE, "shape.device/" #number_, struct row_,              \
			     .rows = DEVICES, .flags = THS_HARDWARE | THS_FIXED),        \
		   __VA_ARGS__)
#define STEPS(from_, a_, to_, b_, ...)                                                   \
	THS_MIGRATE(0, "shape.plain/" #a_, "shape.plain/" #b_, from_##_to_##to_,         \
		    __VA_ARGS__),                                                        \
		THS_MIGRATE(1, "shape.shared/" #a_, "shape.shared/" #b_,                 \
			    from_##_to_##to_, __VA_ARGS__),                              \
		THS_MIGRATE(2, "shape.own/" #a_, "shape.own/" #b_, from_##_to_##to_,     \
			    __VA_ARGS__),                                                \
		THS_MIGRATE(3, "shape.device/" #a_, "shape.device/" #b_,                 \
			    from_##_to_##to_, __VA_ARGS__)

SHAPE_MODULE(first, "first", 1, first, );
SHAPE_MODULE(grown, "grown", 2, grown, STEPS(FIRST, 1, GROWN, 2, GROWN_to_FIRST));
SHAPE_MODULE(shrunk, "shrunk", 3, shrunk, STEPS(FIRST, 1, SHRUNK, 3, SHRUNK_to_FIRST));
SHAPE_MODULE(split, "split", 4, split, STEPS(FIRST, 1, SPLIT, 4, SPLIT_to_FIRST));
SHAPE_MODULE(reordered, "reordered", 5, reordered,
	     STEPS(FIRST, 1, REORDERED, 5, REORDERED_to_FIRST));
SHAPE_MODULE(last, "last", 6, last, STEPS(GROWN, 2, LAST, 6, LAST_to_GROWN));
/* Their rows do not come back. */
SHAPE_MODULE(oneway, "oneway", 2, grown, STEPS(FIRST, 1, GROWN, 2, NULL));

static const struct ths_module *const shapes[] = {&ths_module_grown, &ths_module_shrunk,
						  &ths_module_split, &ths_module_reordered};

/* ---- what is said -------------------------------------------------------------------- */

static struct ths_ref ref, other;
static uint32_t server;
static uint64_t base; /* what rows say follows from it */

static void setup_modules(void)
{
	ths_core.quiet_faults = true;
	ths_probation_set((struct ths_probation){0, 0});
	trouble = WELL;
	script_on_kick = NULL;
	base = 1;
	server = rig_bind(&ths_module_first, "");
	ref = (struct ths_ref)THS_REF(script);
	other = (struct ths_ref){&script_iface, "other", 0, 1, 0};
	ths_cpu()->current = 3; /* a client, to own what is joint */
}

static unsigned known(unsigned table)
{
	return ths_cpu()->call->instance->schema[table];
}

static struct said expected(uint64_t key)
{
	return (struct said){key, (base << 36) + key * base, (uint32_t)(base + key), 7};
}

struct range {
	unsigned table;
	uint32_t from, to;
	uint32_t mark; /* 0: as expected() says */
};

static enum ths_err write_range(struct ths_call *call, void *ctx)
{
	const struct range *range = ctx;
	uint32_t number;

	for (uint32_t i = range->from; i < range->to; i++) {
		struct said said = expected(i + 1);
		const void *seen;
		void *row;

		said.mark = range->mark ? range->mark : said.mark;
		if (range->table != SHARED) {
			THS_TRY(ths_row_write(call, range->table, i, &row));
		} else {
			enum ths_err err =
				ths_row_find(call, SHARED, i + 1, &number, &seen);

			if (err == THS_OK)
				err = ths_row_write(call, SHARED, number, &row);
			else if (err == THS_E_NOENT)
				err = ths_row_new_keyed(call, SHARED, i + 1, &number,
							&row);
			THS_TRY(err);
		}
		put(known(range->table), row, &said);
	}
	return THS_OK;
}

static void assert_said(unsigned table, const void *row, uint64_t key)
{
	struct said is = get(known(table), row), due = expected(key);

	ck_assert_uint_eq(is.key, due.key);
	ck_assert_uint_eq(is.both, due.both);
	ck_assert_uint_eq(is.count, due.count);
	ck_assert(is.mark == due.mark || is.mark == BAD);
}

static enum ths_err read_range(struct ths_call *call, void *ctx)
{
	const struct range *range = ctx;

	for (uint32_t i = range->from; i < range->to; i++) {
		const void *row, *again;
		uint32_t number = i;

		if (range->table == SHARED)
			THS_TRY(ths_row_find(call, SHARED, i + 1, &number, &row));
		else
			THS_TRY(ths_row_read(call, range->table, i, &row));
		assert_said(range->table, row, i + 1);
		THS_TRY(ths_row_read(call, range->table, number, &again));
		ck_assert_ptr_eq(row, again); /* W1, F1 */
	}
	return THS_OK;
}

static const struct range everything[] = {
	{PLAIN, 0, PLAINS / 2, 0}, {PLAIN, PLAINS / 2, PLAINS - 4, 0},
	{SHARED, 0, 15, 0},        {SHARED, 15, 30, 0},
	{SHARED, 30, 45, 0},       {OWN, 0, 1, 0},
	{DEVICE, 0, DEVICES, 0}};

static enum ths_err do_range(struct ths_ref *by, script_fn *fn, const struct range *range)
{
	struct range copy = *range;

	return range->table == DEVICE ? script_drive_by(by, fn, &copy)
				      : script_by(by, fn, &copy);
}

static void write_all(struct ths_ref *by)
{
	for (unsigned i = 0; i < THS_ARRAY_SIZE(everything); i++)
		ck_assert_int_eq(do_range(by, write_range, &everything[i]), THS_OK);
}

/* By ordinary operations and by device operations. */
static void check_all(struct ths_ref *by)
{
	for (unsigned i = 0; i < THS_ARRAY_SIZE(everything); i++) {
		struct range range = everything[i];

		ck_assert_int_eq(script_by(by, read_range, &range), THS_OK);
		ck_assert_int_eq(script_drive_by(by, read_range, &range), THS_OK);
	}
}

static uint32_t bind_other(const struct ths_module *module)
{
	uint32_t slot = rig_add(module, "the other");

	ck_assert_int_eq(ths_bind(slot, "other"), THS_OK);
	return slot;
}

static void swap_to(const struct ths_module *module)
{
	server = harness_swap(server, module);
}

static struct ths_table *table_of(unsigned number)
{
	ck_assert_int_eq(ths_swap_find("script", &server, NULL), THS_OK); /* or who mended */
	return ths_core.instance[server].table[number];
}

static bool is_due(const struct ths_table *table, uint32_t row)
{
	const struct ths_version *version =
		slot_version(atomic_load(&table_slot(table, row)->word));

	return ths_version_is_live(version) && (version->schema != table->schema_version ||
						version->pool != table->pool);
}

static void assert_ended(void)
{
	ck_assert_uint_eq(ths_core.steps, 0);
	for (unsigned i = 0; i < 4; i++) {
		const struct ths_table *table = table_of(i);
		uint32_t rows = i == SHARED ? 45
				: i == OWN  ? ths_core.cpus == 1
					    : table->rows;

		ck_assert_uint_eq(atomic_load(&((struct ths_table *)(uintptr_t)table)
						       ->quick_rows), rows);
		for (uint32_t k = 0; k < atomic_load(&table_of(i)->fresh); k++)
			ck_assert(!is_due(table, k));
	}
}

/*
 * row - what modules call: from a table's number in the descriptor to rows.
 *
 * Everything a module may do to state passes here, so this is where the rules of tables
 * are kept: who may write which kind, per-CPU rows, what exists.
 *
 * Invariants
 *   R1  A module reaches the tables of its descriptor and no others.
 *   R2  Hardware rows are written by device operations of the table's declarer, request
 *       rows by ordinary ones, never both (P9).
 *   R3  A per-CPU row is read in an interaction, and written, by its CPU alone.
 *   R4  A call that fails has written nothing, also where it takes several writes (a row,
 *       its index, its owner): the module may go on.
 *   R5  A module sees a row in the schema it declares, or not at all.
 */
#include "state_db/names.h" /* first */
#include <theseus/point.h>
#include <theseus/string.h>
#include "nano_core/nano_core_impl.h"
#include "state_db/txn_quick.h"

THS_INLINE enum ths_err find_table(struct ths_cpu *cpu, unsigned number,
				   struct ths_table **out)
{
	if (THS_UNLIKELY(number >= THS_TABLES_MAX))
		return THS_E_INVAL;
	*out = cpu->serving->table[number];
	if (THS_UNLIKELY((*out)->flags & THS_SOFT))
		ths_soft_touched(cpu);
	return THS_LIKELY(*out != &ths_core.no_table) ? THS_OK : THS_E_INVAL;
}

THS_INLINE bool slot_exists(struct ths_table *table, uint32_t row)
{
	return row < atomic_load_explicit(&table->fresh, memory_order_acquire);
}

/* A slot never used so far has nothing to note as read; but whoever makes it a row adds
 * to the population. THS_OK: it has come to be meanwhile. */
static enum ths_err note_absent(struct ths_cpu *cpu, struct ths_table *table, uint32_t row)
{
	if (row >= table->rows)
		return THS_E_NOENT;
	THS_TRY(ths_txn_count(cpu, &table->population));
	return slot_exists(table, row) ? THS_OK : THS_E_NOENT;
}

/* Another CPU's row, which is reached only while nobody else commits: by who adopts. */
THS_INLINE bool is_anothers(const struct ths_cpu *cpu, const struct ths_table *table,
			    uint32_t row)
{
	return (table->flags & THS_PER_CPU) && row != cpu->number &&
	       !(cpu->txn.flags & TXN_ADOPT);
}

THS_INLINE enum ths_err read_row(struct ths_cpu *cpu, struct ths_table *table,
				 uint32_t row, const struct ths_version **out)
{
	if (THS_UNLIKELY(!slot_exists(table, row)))
		THS_TRY(note_absent(cpu, table, row));
	if (THS_UNLIKELY(is_anothers(cpu, table, row)))
		return THS_E_PERM;
	THS_TRY(ths_txn_read(cpu, table_slot(table, row), out));
	return THS_LIKELY(ths_version_is_live(*out)) ? THS_OK : THS_E_NOENT;
}

enum ths_err ths_table_read(struct ths_cpu *cpu, struct ths_table *table, uint32_t row,
			    const struct ths_version **out)
{
	return read_row(cpu, table, row, out);
}

static enum ths_err may_write(const struct ths_cpu *cpu, const struct ths_table *table)
{
	bool device = cpu->txn.flags & TXN_DEVICE;

	if (cpu->txn.flags & TXN_PUBLISH)
		return THS_OK;
	if (table->flags & THS_HARDWARE)
		return device == !(table->flags & THS_REQUEST) ? THS_OK : THS_E_PERM;
	return !device || (table->flags & THS_PER_CPU) ? THS_OK : THS_E_PERM;
}

static enum ths_err may_write_row(struct ths_cpu *cpu, struct ths_table *table,
				  uint32_t row)
{
	if (THS_UNLIKELY(!slot_exists(table, row)))
		THS_TRY(note_absent(cpu, table, row));
	if (THS_UNLIKELY(is_anothers(cpu, table, row)))
		return THS_E_PERM;
	if (THS_UNLIKELY((table->flags & THS_HARDWARE) || (cpu->txn.flags & TXN_DEVICE)))
		return may_write(cpu, table);
	return THS_OK;
}

static THS_NOINLINE enum ths_err write_row(struct ths_cpu *cpu, struct ths_table *table,
					   uint32_t row, enum write_kind kind,
					   unsigned pool, struct ths_version **out)
{
	const struct ths_version *dead;
	enum ths_err err = may_write_row(cpu, table, row);

	if (err == THS_OK)
		err = ths_txn_write(cpu, table, table_slot(table, row), kind, pool, out);
	if (err == THS_E_NOENT && slot_exists(table, row)) /* only while it stays dead */
		THS_TRY(ths_txn_read(cpu, table_slot(table, row), &dead));
	return err;
}

enum ths_err ths_table_write(struct ths_cpu *cpu, struct ths_table *table, uint32_t row,
			     struct ths_version **out)
{
	struct ths_version *copy = NULL;

	if (!is_room_to_write())
		return THS_E_FULL;
	if (THS_LIKELY(!(table->flags & (THS_PER_CPU | THS_HARDWARE)) &&
		       slot_exists(table, row)))
		copy = quick_row_copy(cpu, table, row);
	if (THS_UNLIKELY(!copy))
		return write_row(cpu, table, row, WRITE_CHANGE, table->pool, out);
	cpu->txn.special |= keyed_special(table);
	*out = copy;
	return THS_OK;
}

static enum ths_err may_make(const struct ths_cpu *cpu, const struct ths_table *table)
{
	if (table->flags & THS_FIXED)
		return THS_E_INVAL;
	return may_write(cpu, table);
}

static void set_key(struct ths_version *version, uint64_t key)
{
	*(uint64_t *)(void *)version->data = key;
}

/* Before a row is taken, that would be lost: a version for it, and one for the tombstone of
 * a slot never used before. */
static void need_versions(struct ths_cpu *cpu, uint32_t pool)
{
	if (cpu->pool[pool] && (pool != 0 || cpu->pool[0]->older) && cpu->pool[0] &&
	    !THS_FAIL("alloc/version-new"))
		return;
	cpu->refill_pool = cpu->pool[0] && cpu->pool[0]->older ? pool : 0;
	ths_txn_unwind(cpu, OUTCOME_REFILL);
}

/* The row was freed after we began. */
static bool is_newer(const struct ths_cpu *cpu, struct ths_slot *slot)
{
	return slot_version(atomic_load(&slot->word))->commit > cpu->txn.clock;
}

enum ths_err ths_table_new(struct ths_cpu *cpu, struct ths_table *table, uint64_t key,
			   uint32_t *row, struct ths_version **out)
{
	bool keyed = table->flags & THS_KEYED;
	uint32_t pool = table->pool; /* once: it grows */
	const struct ths_version *present;
	struct ths_version *tombstone;
	enum ths_err err;

	THS_TRY(may_make(cpu, table));
	if (keyed) {
		err = ths_index_find(cpu, table, key, row, &present);
		if (err != THS_E_NOENT)
			return err == THS_OK ? THS_E_EXIST : err;
	}
	if (cpu->txn.writes == WRITES_MAX || !is_room_to_write())
		return THS_E_FULL;
	need_versions(cpu, pool);
	THS_TRY(ths_table_take_row(cpu, table, row, &tombstone));
	if (is_newer(cpu, table_slot(table, *row))) {
		ths_table_give_back(cpu, table, *row, tombstone);
		ths_txn_unwind(cpu, OUTCOME_CONFLICT);
	}
	*out = ths_txn_write_new(cpu, table, table_slot(table, *row), pool, tombstone);
	THS_POINT("state_db/made");
	if (!keyed)
		return THS_OK;
	set_key(*out, key);
	cpu->txn.write[cpu->txn.writes - 1].key = key;
	return ths_index_add(cpu, table, key, *row);
}

/* Makes the row's next version a tombstone of the generation to come. */
enum ths_err ths_table_free(struct ths_cpu *cpu, struct ths_table *table, uint32_t row)
{
	const struct ths_version *present;
	struct ths_version *tombstone;

	THS_TRY(may_make(cpu, table));
	THS_TRY(ths_table_read(cpu, table, row, &present));
	if (table->flags & THS_KEYED)
		THS_TRY(ths_index_remove(
			cpu, table, ths_txn_key(&cpu->txn, table_slot(table, row), present),
			row));
	return is_room_to_write() ? write_row(cpu, table, row, WRITE_FREE, 0, &tombstone)
				  : THS_E_FULL;
}

enum ths_err ths_table_next(struct ths_cpu *cpu, struct ths_table *table, uint32_t *row)
{
	const struct ths_version *version;
	uint32_t fresh;

	THS_TRY(ths_txn_count(cpu, &table->population));
	fresh = atomic_load_explicit(&table->fresh, memory_order_acquire);
	for (uint32_t next = *row + 1; next < fresh; next++) { /* THS_ROW_NONE + 1 is 0 */
		THS_TRY(ths_txn_peek(cpu, table_slot(table, next), &version));
		if (ths_version_is_live(version)) {
			*row = next;
			return THS_OK;
		}
	}
	return THS_E_NOENT;
}

/* ---- the module's side --------------------------------------------------------------- */

/* The schema in which the module that runs knows its table. */
THS_INLINE uint16_t known_schema(const struct ths_cpu *cpu, unsigned number)
{
	return cpu->serving->schema[number];
}

/* What was read, in the schema of who reads. Outside a step all live versions are in that of
 * whoever is bound (T6): who finds no step finds no version of another kind. */
static enum ths_err known_row(struct ths_cpu *cpu, unsigned number,
			      struct ths_table *table, const struct ths_version **version)
{
	if (THS_LIKELY(!ths_table_in_step(table)) ||
	    (*version)->schema == known_schema(cpu, number))
		return THS_OK;
	return ths_convert_read(cpu, table, *version, known_schema(cpu, number), version);
}

#ifdef STATE_DB_FAULTY /* a build for tests: at some commits' times, by a wild store or never
			  to end. Interactions ask for rows often enough */
static void break_down(void)
{
	uint64_t dice = (atomic_load(&ths_core.clock) + 1) * 0x9e3779b97f4a7c15ull >> 58;

	while (dice == 1)
		ths_arch_relax();
	if (dice < 8)
		*(volatile uint64_t *)(uintptr_t)(8 + 8 * dice) = dice;
}
#else
THS_INLINE void break_down(void)
{
}
#endif

static enum ths_err enter(struct ths_cpu *cpu, unsigned number, struct ths_table **out)
{
	break_down();
	ths_arch_core_enter();
	return find_table(cpu, number, out);
}

#define ENTER(cpu_, table_number_, table_)                                               \
	struct ths_cpu *cpu_ = ths_cpu();                                                \
	struct ths_table *table_;                                                        \
	enum ths_err err;                                                                \
	(void)call;                                                                      \
	err = enter(cpu_, table_number_, &table_)

#define LEAVE()                                                                          \
	ths_arch_core_leave();                                                           \
	return err

/* What takes several writes is a level of its own, like a nested call (R4). */
static void level_begin(struct ths_cpu *cpu, struct txn_mark *mark)
{
	ths_txn_mark(&cpu->txn, mark);
	cpu->txn.savepoint = cpu->txn.writes;
}

static enum ths_err level_end(struct ths_cpu *cpu, const struct txn_mark *mark,
			      enum ths_err err)
{
	if (err) {
		ths_txn_keep_reads(cpu, mark);
		ths_txn_rollback(cpu, mark);
	} else {
		ths_txn_merge(cpu, mark);
	}
	return err;
}

static void *error_or(enum ths_err err, const struct ths_version *version)
{
	return err ? (void *)(intptr_t)err : (void *)(uintptr_t)version;
}

/* arch may bring quicker ones of these two, for a machine on which nobody else commits. */
const void *ths_row_read_(unsigned table_number, uint32_t row)
{
	struct ths_cpu *cpu = ths_cpu();
	const struct ths_version *version = NULL;
	struct ths_table *table;
	enum ths_err err;

	ths_arch_core_enter();
	err = find_table(cpu, table_number, &table);
	if (THS_LIKELY(err == THS_OK))
		err = read_row(cpu, table, row, &version);
	if (THS_LIKELY(err == THS_OK))
		err = known_row(cpu, table_number, table, &version);
	ths_arch_core_leave();
	return error_or(err, version);
}

/* A row's copy in the schema of who writes. If it cannot be had in that, it has not been
 * written (R4): back to @mark. */
static THS_NOINLINE enum ths_err write_known(struct ths_cpu *cpu, unsigned number,
					     struct ths_table *table,
					     const struct txn_mark *mark,
					     struct ths_version **version)
{
	enum ths_err err;

	if ((*version)->schema == known_schema(cpu, number))
		return THS_OK;
	err = ths_convert_write(cpu, table, known_schema(cpu, number), version);
	if (err) {
		ths_txn_keep_reads(cpu, mark);
		ths_txn_rollback(cpu, mark);
	}
	return err;
}

static THS_NOINLINE enum ths_err write_slowly(struct ths_cpu *cpu, unsigned table_number,
					      uint32_t row, struct ths_version **version)
{
	struct ths_table *table;

	THS_TRY(find_table(cpu, table_number, &table));
	struct txn_mark mark = {cpu->txn.writes, cpu->txn.effects, cpu->txn.savepoint};

	ths_stack_check(cpu);
	THS_TRY(ths_table_write(cpu, table, row, version));
	return THS_LIKELY(!ths_table_in_step(table))
		       ? THS_OK
		       : write_known(cpu, table_number, table, &mark, version);
}

void *ths_row_write_(unsigned table_number, uint32_t row)
{
	struct ths_cpu *cpu = ths_cpu();
	struct ths_version *version;
	enum ths_err err = THS_OK;

	ths_arch_core_enter();
	version = quick_write(cpu, table_number, row);
	if (THS_UNLIKELY(!version))
		err = write_slowly(cpu, table_number, row, &version);
	ths_arch_core_leave();
	return error_or(err, version);
}

static enum ths_err new_row(struct ths_cpu *cpu, struct ths_table *table, uint64_t key,
			    uint32_t *row, struct ths_version **out)
{
	struct txn_mark mark;
	enum ths_err err;

	level_begin(cpu, &mark);
	err = ths_table_new(cpu, table, key, row, out);
	if (err == THS_OK && (table->flags & THS_JOINT))
		err = ths_share_add(cpu, table, *row, (*out)->generation);
	return level_end(cpu, &mark, err);
}

enum ths_err ths_row_new_(struct ths_call *call, unsigned table_number, uint64_t key,
			  uint32_t *row, void **out)
{
	struct ths_version *version;
	uint32_t number = 0;

	ENTER(cpu, table_number, table);
	if (err == THS_OK)
		err = new_row(cpu, table, key, &number, &version);
	if (err == THS_OK) {
		version->schema = known_schema(cpu, table_number);
		*row = number;
		*out = version->data;
	}
	LEAVE();
}

/* What quick_find() has not found. */
enum ths_err ths_row_find_slowly(unsigned table_number, uint64_t key, uint32_t *row,
				 const void **out)
{
	struct ths_call *call = NULL;
	const struct ths_version *version;

	ENTER(cpu, table_number, table);
	if (err == THS_OK && !(table->flags & THS_KEYED))
		err = THS_E_INVAL;
	if (err == THS_OK)
		err = ths_index_find(cpu, table, key, row, &version);
	if (err == THS_OK)
		err = known_row(cpu, table_number, table, &version);
	if (err == THS_OK)
		*out = version->data;
	LEAVE();
}

/* The row that @weak leads to; THS_E_STALE: it is no more. */
static enum ths_err read_weak(struct ths_cpu *cpu, struct ths_table *table,
			      struct ths_weak weak, const struct ths_version **version)
{
	enum ths_err err = ths_table_read(cpu, table, weak.row, version);

	if (err == THS_OK && (*version)->generation == weak.generation)
		return THS_OK;
	return err == THS_OK || err == THS_E_NOENT ? THS_E_STALE : err;
}

enum ths_err ths_weak_read_(struct ths_call *call, unsigned table_number,
			    struct ths_weak weak, const void **out)
{
	const struct ths_version *version;

	ENTER(cpu, table_number, table);
	if (err == THS_OK)
		err = read_weak(cpu, table, weak, &version);
	if (err == THS_OK)
		err = known_row(cpu, table_number, table, &version);
	if (err == THS_OK)
		*out = version->data;
	LEAVE();
}

_Static_assert(offsetof(struct ths_version, generation) == THS_VERSION_LIFE, "ABI");
_Static_assert(offsetof(struct ths_version, data) == THS_VERSION_DATA, "ABI");
_Static_assert(sizeof(struct ths_slot) == sizeof(uintptr_t), "ABI");

/* What a live version of that row has behind its links, once it is in that schema. */
static uint64_t life_of(const struct ths_table *table, const struct ths_version *version,
			uint16_t schema)
{
	struct ths_version like = {.generation = version->generation,
				   .pool = (uint8_t)table->pool,
				   .schema = schema};
	uint64_t life;

	memcpy(&life, (const char *)&like + THS_VERSION_LIFE, sizeof(life));
	return life;
}

enum ths_err ths_weak_cache(struct ths_call *call, unsigned table_number,
			    struct ths_weak weak, struct ths_weak_cached *cached)
{
	const struct ths_version *version;

	ENTER(cpu, table_number, table);
	if (err == THS_OK)
		err = read_weak(cpu, table, weak, &version);
	if (err == THS_OK) {
		cached->slot =
			(const uintptr_t *)(const void *)table_slot(table, weak.row);
		cached->life = life_of(table, version, known_schema(cpu, table_number));
	}
	LEAVE();
}

static enum ths_err free_row(struct ths_cpu *cpu, struct ths_table *table, uint32_t row)
{
	struct txn_mark mark;
	enum ths_err err = THS_OK;

	level_begin(cpu, &mark);
	if (table->flags & THS_JOINT)
		err = ths_share_remove_all(cpu, table, row);
	if (err == THS_OK)
		err = ths_table_free(cpu, table, row);
	return level_end(cpu, &mark, err);
}

enum ths_err ths_row_free(struct ths_call *call, unsigned table_number, uint32_t row)
{
	ENTER(cpu, table_number, table);
	if (err == THS_OK)
		err = free_row(cpu, table, row);
	LEAVE();
}

enum ths_err ths_row_next(struct ths_call *call, unsigned table_number, uint32_t *row)
{
	ENTER(cpu, table_number, table);
	if (err == THS_OK)
		err = ths_table_next(cpu, table, row);
	LEAVE();
}

enum ths_err ths_row_weak(struct ths_call *call, unsigned table_number, uint32_t row,
			  struct ths_weak *weak)
{
	const struct ths_version *version;

	ENTER(cpu, table_number, table);
	if (err == THS_OK)
		err = ths_table_read(cpu, table, row, &version);
	if (err == THS_OK) {
		weak->row = row;
		weak->generation = version->generation;
	}
	LEAVE();
}

enum ths_err ths_row_share(struct ths_call *call, unsigned table_number, uint32_t row)
{
	const struct ths_version *version;
	struct txn_mark mark;

	ENTER(cpu, table_number, table);
	if (err == THS_OK && !(table->flags & THS_JOINT))
		err = THS_E_INVAL;
	if (err == THS_OK)
		err = ths_table_read(cpu, table, row, &version);
	if (err == THS_OK) {
		level_begin(cpu, &mark);
		err = ths_share_add(cpu, table, row, version->generation);
		err = level_end(cpu, &mark, err);
	}
	LEAVE();
}

enum ths_err ths_row_unshare(struct ths_call *call, unsigned table_number, uint32_t row)
{
	struct txn_mark mark;

	ENTER(cpu, table_number, table);
	if (err == THS_OK && !(table->flags & THS_JOINT))
		err = THS_E_INVAL;
	if (err == THS_OK) {
		level_begin(cpu, &mark);
		err = ths_share_remove(cpu, table, row, ths_client(cpu));
		err = level_end(cpu, &mark, err);
	}
	LEAVE();
}

/*
 * table - rows of one size under one name, and which of them are free.
 *
 * A table is found by its schema's name ("sched.queue" of "sched.queue/1") and, where it
 * is the instance's own, the instance. It outlives the modules that declare it: that is
 * what lets their successors go on. All slots it will ever have lie side by side and are
 * made with it (T3). Which rows are free is a list through the tombstones: soft
 * knowledge, taken and given outside transactions; whether a row really is free the
 * transaction finds out.
 *
 * Invariants
 *   B1  A row is handed out by ths_table_take_row() to one interaction at a time, and
 *       comes back by ths_table_give_row() when that fails or when the row is freed.
 *   B2  Below `fresh` every slot of a table that is not fixed has a version.
 *   B3  Two declarations of one table agree in version, row size, rows and flags.
 *   B4  A table nobody declares any more goes if it was an instance's own, or soft, or has
 *       no rows. Rows of tables made afterwards are of later generations than any of its
 *       rows, so a weak reference outlives it and stays dead.
 *   B5  That no row was free is part of the read set, as the count of those that came back:
 *       it is validated, and slept on, like any read.
 *
 * Cost: finding a row's slot O(1); taking and giving O(1); opening O(tables).
 */
#include "state_db/names.h" /* first */
#include <theseus/point.h>
#include <theseus/string.h>
#include "nano_core/nano_core_impl.h"
#include "nano_core/swap_impl.h"

#define GENERATION_MAX (UINT32_MAX / 2) /* a row lives so often again, at least */

static struct db_free *free_rows(const struct ths_table *table)
{
	return &ths_state_state_db.free[table->id];
}

/* The length of the name before the slash, and the number behind it; 0: malformed. */
static size_t parse_schema(const char *schema, uint16_t *version)
{
	size_t slash = 0;
	uint64_t number;

	if (!schema)
		return 0;
	while (schema[slash] && schema[slash] != '/')
		slash++;
	if (!schema[slash] || slash == 0 || ths_strlen(schema) >= THS_NAME_MAX ||
	    ths_str_parse_u64(schema + slash + 1, ths_strlen(schema + slash + 1), &number) != THS_OK ||
	    number > UINT16_MAX || number == 0)
		return 0;
	*version = (uint16_t)number;
	return slash;
}

uint16_t ths_schema_number(const char *schema)
{
	uint16_t version = 0;

	return parse_schema(schema, &version) ? version : 0;
}

static bool same_table(const struct ths_table *table, const char *schema, size_t length,
		       const char *instance)
{
	for (size_t i = 0; i < length; i++)
		if (table->schema[i] != schema[i])
			return false;
	return table->schema[length] == '/' && ths_streq(table->instance, instance);
}

struct ths_table *ths_table_find(const char *schema, const char *instance)
{
	uint16_t version;
	size_t length = parse_schema(schema, &version);
	uint32_t count = atomic_load_explicit(&ths_core.tables, memory_order_acquire);

	for (uint32_t i = 0; length && i < count; i++)
		if (same_table(&ths_core.table[i], schema, length, instance))
			return &ths_core.table[i];
	return NULL;
}

/* A zeroed run of slots, each holding @word. */
static struct ths_slot *make_slots(uint32_t count, const struct ths_version *version)
{
	struct ths_slot *slots = ths_pages_take(ths_order_of(count * sizeof(*slots)));

	for (uint32_t i = 0; slots && i < count; i++)
		atomic_init(&slots[i].word, (uintptr_t)version);
	return slots;
}

static void free_slots(struct ths_slot *slots, uint32_t count)
{
	if (slots)
		ths_pages_give(slots, ths_order_of(count * sizeof(*slots)));
}

static bool is_small(const struct ths_table *table)
{
	return table->rows <= SMALL_SLOTS;
}

/* Gives back all the table holds; for one that could not be made, or in which nothing was
 * ever committed: then its rows are tombstones. */
static void free_table(struct ths_table *table)
{
	if (!(table->flags & THS_FIXED))
		for (uint32_t i = 0; i < atomic_load(&table->fresh); i++)
			ths_pool_give(ths_cpu(), slot_version(table->slots[i].word));
	if (table->grows)
		ths_grow_end(table);
	else if (table->slots && !is_small(table))
		free_slots(table->slots, table->rows);
	if (!table->grows)
		free_slots(table->title, table->rows);
	free_slots(table->bucket, table->bucket_mask + 1);
	if (table->zero)
		ths_pool_give(ths_cpu(), table->zero);
	memset(table, 0, sizeof(*table));
}

static enum ths_err make_all_slots(struct ths_table *table)
{
	if (ths_grow_begin(table))
		return THS_OK;
	atomic_store(&table->grown, table->rows);
	if (!is_small(table)) {
		table->slots = make_slots(table->rows, table->zero);
		return table->slots ? THS_OK : THS_E_NOMEM;
	}
	table->slots = table->small;
	for (uint32_t i = 0; i < table->rows; i++)
		atomic_init(&table->small[i].word, (uintptr_t)table->zero);
	return THS_OK;
}

static enum ths_err make_zero(struct ths_table *table)
{
	struct ths_cpu *cpu = ths_cpu();

	if (!cpu->pool[table->pool])
		THS_TRY(ths_pool_refill(cpu, table->pool));
	table->zero = ths_pool_take(cpu, table->pool);
	table->zero->commit = 0;
	table->zero->older = NULL;
	table->zero->generation = atomic_load(&ths_core.generation);
	table->zero->flags = 0;
	table->zero->schema = table->schema_version;
	memset(table->zero->data, 0, (table->row_size + 7u) & ~7u);
	return THS_OK;
}

/*
 * How many rows may be had by the quick ways. Per-CPU rows: where there is one CPU, its
 * own. None while the schema changes (T6), and none of soft rows under stress. Writing asks
 * for more: no rules of their own, and a size gate.S unrolls.
 */
static void set_fresh(struct ths_table *table, uint32_t rows)
{
	bool per_cpu = table->flags & THS_PER_CPU;
	bool barred = ths_table_in_step(table) ||
		      ((table->flags & THS_SOFT) && ths_soft_is_stressed());
	uint32_t quick = barred ? 0 : !per_cpu ? rows : ths_core.cpus == 1 ? 1 : 0;
	bool plain = !(table->flags & (THS_HARDWARE | THS_KEYED)) &&
		     table->words8 <= QUICK_BYTES_MAX;

	atomic_store_explicit(&table->fresh, rows, memory_order_release);
	atomic_store_explicit(&table->quick_rows, quick, memory_order_release);
	atomic_store_explicit(&table->write_rows, plain ? quick : 0, memory_order_release);
	atomic_store_explicit(&table->quick_bucket, barred ? NULL : table->bucket,
			      memory_order_release);
}

void ths_table_lock(struct ths_table *table)
{
	ths_cpu()->locks++;
	ths_spin_lock(&free_rows(table)->lock);
}

void ths_table_unlock(struct ths_table *table)
{
	ths_spin_unlock(&free_rows(table)->lock);
	ths_cpu()->locks--;
}

void ths_table_bar(struct ths_table *table)
{
	ths_section_enter(ths_cpu());
	ths_table_lock(table);
	set_fresh(table, atomic_load(&table->fresh));
	ths_table_unlock(table);
	ths_section_leave(ths_cpu());
}

uint32_t ths_table_size_in(const struct ths_table *table, uint16_t schema)
{
	const struct ths_side *side = table->step.side;

	if (!ths_table_in_step(table))
		return schema == table->schema_version ? table->row_size : 0;
	return schema == side[0].version   ? side[0].row_size
	       : schema == side[1].version ? side[1].row_size
					   : 0;
}

/*
 * The size of a row, and all that follows from it, in the order T5 asks for; and whether
 * the quick ways are open.
 */
void ths_table_set_size(struct ths_table *table, uint32_t row_size)
{
	uint32_t pool = ths_pool_of(row_size);

	ths_table_lock(table);
	if (pool > table->pool)
		atomic_store_explicit(&table->pool, pool, memory_order_release);
	table->pool_at = (uint32_t)(offsetof(struct ths_cpu, pool) +
				    table->pool * sizeof(struct ths_version *));
	table->words8 = (row_size + 7u) & ~7u;
	atomic_store_explicit(&table->row_size, row_size, memory_order_release);
	set_fresh(table, atomic_load(&table->fresh));
	ths_table_unlock(table);
}

static enum ths_err make_hidden_slots(struct ths_table *table)
{
	uint32_t buckets = 1;

	if (table->flags & THS_KEYED) {
		while (buckets < table->rows / 3)
			buckets *= 2;
		table->bucket_mask = buckets - 1;
		table->bucket = make_slots(buckets, NULL);
		if (!table->bucket)
			return THS_E_NOMEM;
	}
	if ((table->flags & THS_JOINT) && !table->grows) {
		table->title = make_slots(table->rows, NULL);
		if (!table->title)
			return THS_E_NOMEM;
	}
	return THS_OK;
}

static enum ths_err make_table(struct ths_table *table, const struct ths_table_decl *decl,
			       const char *instance, uint16_t version)
{
	memset(table, 0, sizeof(*table));
	(void)!ths_str_copy(table->schema, sizeof(table->schema), decl->schema);
	(void)!ths_str_copy(table->instance, sizeof(table->instance), instance);
	table->rows = ths_declared_rows(decl);
	table->flags = ths_declared_flags(decl);
	ths_table_set_size(table, decl->row_size);
	table->schema_version = version;
	table->id = (uint32_t)(table - ths_core.table);
	*free_rows(table) = (struct db_free){.head = THS_ROW_NONE};
	if (table->flags & THS_FIXED)
		THS_TRY(make_zero(table));
	THS_TRY(make_all_slots(table));
	THS_TRY(make_hidden_slots(table));
	if (table->flags & THS_FIXED)
		atomic_store(&table->live, table->rows);
	set_fresh(table, table->flags & THS_FIXED ? table->rows : 0);
	return THS_OK;
}

static bool declaration_is_valid(const struct ths_table_decl *decl)
{
	uint32_t flags = ths_declared_flags(decl);

	if (decl->row_size == 0 || decl->row_size > 4096)
		return false;
	if ((flags & THS_KEYED) && (decl->row_size < 8 || (flags & THS_FIXED)))
		return false;
	if ((flags & THS_REQUEST) && !(flags & THS_HARDWARE))
		return false;
	if ((flags & THS_PER_CPU) && ths_declared_rows(decl) != THS_CPU_MAX)
		return false;
	if ((flags & THS_PERSIST) && (flags & (THS_JOINT | THS_HARDWARE | THS_SOFT)))
		return false; /* who owns, mirrors, or makes it anew is not in the image */
	if ((flags & THS_SOFT) && (flags & THS_PER_CPU))
		return false; /* written by its CPU alone, and may vanish any time */
	if (decl->reread && !(flags & THS_HARDWARE))
		return false;
	if (decl->released && !(flags & THS_JOINT))
		return false;
	return !((flags & THS_JOINT) && (flags & THS_FIXED));
}

static struct ths_table *unused_table(void)
{
	uint32_t count = atomic_load(&ths_core.tables);

	for (uint32_t i = 0; i < count; i++)
		if (!ths_core.table[i].schema[0])
			return &ths_core.table[i];
	return count < TABLES_MAX && !THS_FAIL("alloc/table") ? &ths_core.table[count]
							      : NULL;
}

static enum ths_err open_new(const struct ths_table_decl *decl, const char *instance,
			     uint16_t version, struct ths_table **out)
{
	struct ths_table *table = unused_table();
	enum ths_err err;

	if (!table)
		return THS_E_FULL;
	err = make_table(table, decl, instance, version);
	if (err) {
		free_table(table);
		return err;
	}
	table->used = 1;
	if (table == &ths_core.table[atomic_load(&ths_core.tables)])
		atomic_fetch_add_explicit(&ths_core.tables, 1, memory_order_release);
	*out = table;
	return THS_OK;
}

/* Depth 0, one loader at a time. *@made: it is new. THS_E_SCHEMA: declared otherwise. */
enum ths_err ths_table_open(const struct ths_table_decl *decl, const char *instance,
			    struct ths_table **out, bool *made)
{
	uint16_t version;
	struct ths_table *table;

	if (!parse_schema(decl->schema, &version) || !declaration_is_valid(decl))
		return THS_E_INVAL;
	table = ths_table_find(decl->schema, instance);
	*made = table == NULL;
	if (!table) {
		enum ths_err err;

		ths_section_enter(ths_cpu()); /* versions are taken, at depth 0 */
		err = open_new(decl, instance, version, out);
		ths_section_leave(ths_cpu());
		return err;
	}
	*out = table;
	if (table->rows != ths_declared_rows(decl) || table->flags != ths_declared_flags(decl))
		return THS_E_SCHEMA;
	if (ths_table_size_in(table, version) != decl->row_size &&
	    ths_table_size_in(table, version))
		return THS_E_SCHEMA;
	table->used++;
	return table->schema_version == version ? THS_OK : THS_E_VERSION;
}

static void forget_versions(struct ths_slot *slots, uint32_t count,
			    const struct ths_version *otherwise)
{
	for (uint32_t i = 0; slots && i < count; i++) {
		struct ths_version *version = slot_version(atomic_load(&slots[i].word));

		if (version && version != otherwise)
			ths_pool_give(ths_cpu(), version);
		atomic_store(&slots[i].word, (uintptr_t)otherwise);
	}
}

/* As it was made. Nobody reads it, nor has since every CPU passed depth 0. */
void ths_table_wipe(struct ths_table *table)
{
	bool fixed = table->flags & THS_FIXED;

	ths_section_enter(ths_cpu());
	forget_versions(table->slots, atomic_load(&table->fresh), table->zero);
	forget_versions(table->bucket, table->bucket_mask + 1, NULL);
	forget_versions(table->title, atomic_load(&table->fresh), NULL);
	free_rows(table)->head = THS_ROW_NONE;
	atomic_store(&table->live, fixed ? table->rows : 0);
	atomic_store(&table->commits, 0);
	set_fresh(table, fixed ? table->rows : 0);
	ths_section_leave(ths_cpu());
}

/* The last there was of any row. */
static uint32_t last_generation(const struct ths_table *table)
{
	uint32_t rows = atomic_load(&((struct ths_table *)(uintptr_t)table)->fresh), last = 0;

	for (uint32_t i = 0; i < rows; i++) {
		const struct ths_version *version =
			slot_version(atomic_load(&table->slots[i].word));

		last = version->generation > last ? version->generation : last;
	}
	return last;
}

/* Whether nobody misses what is in a table that nobody declares: the rows were an instance's
 * own, or a cache; or there are none. */
static bool is_forsaken(const struct ths_table *table)
{
	bool empty = !(table->flags & THS_FIXED) &&
		     atomic_load(&((struct ths_table *)(uintptr_t)table)->live) == 0;

	if (ths_table_in_step(table) || last_generation(table) > GENERATION_MAX)
		return false;
	if (table->flags & THS_JOINT)
		return empty; /* else shares lead there: nano_core/tables.c */
	return empty || (table->flags & (THS_PER_INSTANCE | THS_SOFT));
}

/* A declaring instance is gone. The table goes with the last of them, unless somebody may
 * come for its rows: B4. */
void ths_table_close(struct ths_table *table)
{
	if (atomic_fetch_sub(&table->used, 1) > 1)
		return;
	ths_section_enter(ths_cpu());
	ths_quiesce(); /* nano_core may be emptying it: nano_core/tables.c */
	if (atomic_load(&table->commits) == 0) {
		free_table(table);
	} else if (is_forsaken(table)) {
		if (last_generation(table) >= atomic_load(&ths_core.generation))
			atomic_store(&ths_core.generation, last_generation(table) + 1);
		ths_table_wipe(table);
		free_table(table);
	}
	ths_section_leave(ths_cpu());
}

/* ---- free rows --------------------------------------------------------------------- */

static uint32_t *free_link(const struct ths_version *tombstone)
{
	return (uint32_t *)(uintptr_t)tombstone->data;
}

/* Under the table's lock. */
static void push_free(struct ths_table *table, uint32_t row, struct ths_version *tombstone)
{
	if (tombstone->generation == UINT32_MAX)
		return; /* the slot retires: P16 */
	*free_link(tombstone) = free_rows(table)->head;
	free_rows(table)->head = row;
}

/* @tombstone is what the giver knows the row by: if that has been replaced meanwhile, so
 * has the list (replace.c), and whether the row is on it is not his affair any more. Only then
 * the count moves: who has read it before that, or marks it, finds either moved or the row
 * (B5, Z1). */
bool ths_table_give_row(struct ths_table *table, uint32_t row, struct ths_version *tombstone)
{
	THS_POINT("state_db/before-give");
	ths_table_lock(table);
	if (slot_version(atomic_load(&table_slot(table, row)->word)) == tombstone)
		push_free(table, row, tombstone);
	ths_table_unlock(table);
	return atomic_fetch_add(&table->returns.word, 4) & SLOT_WAITERS;
}

/* Others may have found no room meanwhile: who sleeps on that is woken, but not we ourselves,
 * and what we found holds for us, for we would find it so again. On one CPU nobody else can
 * have looked. */
void ths_table_give_back(struct ths_cpu *cpu, struct ths_table *table, uint32_t row,
			 struct ths_version *tombstone)
{
	struct ths_txn *txn = &cpu->txn;
	bool waited = ths_table_give_row(table, row, tombstone);

	if (ths_core.cpus == 1)
		return;
	for (struct txn_read *read = txn->read; read < txn->read_next; read++)
		if (read->slot == &table->returns)
			read->seen += 4;
	if (waited || ths_somebody_waits_for_any())
		ths_wake_others(cpu, &table->returns);
}

/* Under the table's lock: the first @rows slots have got other versions. */
void ths_table_recount(struct ths_table *table, uint32_t rows)
{
	uint32_t live = 0;

	free_rows(table)->head = THS_ROW_NONE;
	for (uint32_t i = rows; i-- > 0;) {
		struct ths_version *version = slot_version(atomic_load(&table->slots[i].word));

		if (ths_version_is_live(version))
			live++;
		else
			push_free(table, i, version);
	}
	atomic_store(&table->live, live);
	atomic_fetch_add(&table->returns.word, 4);
	set_fresh(table, rows);
}

static uint32_t pop_free(struct ths_table *table, struct ths_version **tombstone)
{
	uint32_t row;

	ths_table_lock(table);
	row = free_rows(table)->head;
	if (row != THS_ROW_NONE) {
		*tombstone = slot_version(atomic_load(&table_slot(table, row)->word));
		free_rows(table)->head = *free_link(*tombstone);
	}
	ths_table_unlock(table);
	return row;
}

/* The row's slot is mapped at depth 0. */
static THS_NORETURN void want_slots(struct ths_cpu *cpu, struct ths_table *table)
{
	cpu->refill_pool = POOLS;
	cpu->refill_table = table;
	ths_txn_unwind(cpu, OUTCOME_REFILL);
}

/* The first row never used, with its first tombstone. */
static enum ths_err take_fresh(struct ths_cpu *cpu, struct ths_table *table, uint32_t *row,
			       struct ths_version **out)
{
	struct ths_version *tombstone = ths_pool_take(cpu, 0);
	uint32_t grown;

	tombstone->commit = 0;
	tombstone->older = NULL;
	tombstone->generation = atomic_load(&ths_core.generation);
	tombstone->flags = VERSION_DEAD;
	tombstone->schema = table->schema_version;
	*out = tombstone;
	ths_table_lock(table);
	*row = atomic_load(&table->fresh);
	grown = atomic_load(&table->grown);
	THS_POINT("state_db/locked");
	if (*row < table->rows && *row < grown && !THS_FAIL("alloc/row")) {
		atomic_store(&table_slot(table, *row)->word, (uintptr_t)tombstone);
		set_fresh(table, *row + 1);
		ths_table_unlock(table);
		return THS_OK;
	}
	ths_table_unlock(table);
	ths_pool_give(cpu, tombstone);
	if (*row < table->rows && *row >= grown)
		want_slots(cpu, table);
	return THS_E_FULL;
}

/* That there is none is believed when it is so after the count of returns was read: who
 * sleeps until a row comes back must not miss it. Rows never used do not come again. */
enum ths_err ths_table_take_row(struct ths_cpu *cpu, struct ths_table *table, uint32_t *row,
				struct ths_version **tombstone)
{
	enum ths_err err;

	*row = pop_free(table, tombstone);
	if (*row != THS_ROW_NONE)
		return THS_OK;
	err = take_fresh(cpu, table, row, tombstone);
	if (err != THS_E_FULL)
		return err;
	THS_POINT("state_db/none-free");
	THS_TRY(ths_txn_count(cpu, &table->returns)); /* B5 */
	*row = pop_free(table, tombstone);
	return *row != THS_ROW_NONE ? THS_OK : THS_E_FULL;
}

/*
 * replace - other contents for whole tables, at one moment.
 *
 * The new versions are made beforehand, where nobody sees them. Then, with all commits
 * held off and the lists of free rows locked, every slot is locked, the clock moves on,
 * and each slot gets its new version: the same that a commit does, for any number of rows.
 * Whoever read before finds another address when he validates; whoever reads in between
 * meets a locked slot or a version newer than his clock. Both run again.
 *
 * A row that another CPU has taken from the free list for an interaction in flight is
 * given its place on the new list. The interaction, which cannot commit any more, gives
 * it back by the tombstone it knows, and that is not the row's any more.
 *
 * Invariants
 *   U1  Until ths_replace_commit() nothing has changed; from then on nothing can fail.
 *   U2  Every slot below the table's `fresh` gets another version, bucket slots too.
 *   U3  Old versions are given back when every CPU has passed depth 0 since.
 *
 * Cost: O(rows), during which other CPUs' commits wait.
 */
#include "state_db/names.h" /* first */
#include <theseus/point.h>
#include <theseus/string.h>
#include "nano_core/swap_impl.h"
#include "state_db/index_quick.h"

#define SLACK 64u /* rows that may appear before the commit */
enum { BUCKET_POOL = 2 };

static void *take_array(size_t count)
{
	return ths_pages_take(ths_order_of(count * sizeof(void *)));
}

static void give_array(void *array, size_t count)
{
	if (array)
		ths_pages_give(array, ths_order_of(count * sizeof(void *)));
}

/* A version at depth 0; interrupts' work takes from the same lists. */
static struct ths_version *make_version(unsigned pool, uint32_t generation, bool live)
{
	struct ths_cpu *cpu = ths_cpu();
	struct ths_version *version = NULL;

	ths_section_enter(cpu);
	if (!THS_FAIL("alloc/version-replace") &&
	    (cpu->pool[pool] || ths_pool_refill(cpu, pool) == THS_OK)) {
		version = ths_pool_take(cpu, pool);
		version->older = NULL;
		version->generation = generation;
		version->flags = live ? 0 : VERSION_DEAD;
		memset(version->data, 0, live ? ths_pool_bytes(pool) : 8);
	}
	ths_section_leave(cpu);
	return version;
}

/* What stands behind the rows that are added: rows that have come since, and will go. Of a
 * fixed table none goes; they are as they were at first. */
static enum ths_err make_rest(struct ths_replace *replace, uint32_t from)
{
	bool fixed = replace->table->flags & THS_FIXED;

	for (uint32_t i = from; i < replace->room; i++) {
		replace->row[i] =
			make_version(fixed ? replace->table->pool : 0,
				     atomic_load(&ths_core.generation), fixed);
		if (!replace->row[i])
			return THS_E_NOMEM;
		replace->row[i]->schema = replace->table->schema_version;
	}
	return THS_OK;
}

enum ths_err ths_replace_begin(struct ths_replace *replace, struct ths_table *table,
			       uint32_t rows)
{
	uint32_t fresh = atomic_load(&table->fresh);
	uint32_t room = (rows > fresh ? rows : fresh) + SLACK;

	*replace = (struct ths_replace){.table = table};
	if (rows > table->rows)
		return THS_E_FULL;
	replace->room = room < table->rows ? room : table->rows;
	THS_TRY(ths_grow(table, replace->room));
	replace->row = take_array(replace->room);
	if (!replace->row)
		return THS_E_NOMEM;
	if (!(table->flags & THS_KEYED))
		return THS_OK;
	replace->bucket = take_array(table->bucket_mask + 1u);
	return replace->bucket ? THS_OK : THS_E_NOMEM;
}

enum ths_err ths_replace_add(struct ths_replace *replace, uint32_t generation, bool live,
			     void **data)
{
	struct ths_version *version =
		make_version(live ? replace->table->pool : 0, generation, live);

	if (!version)
		return THS_E_NOMEM;
	version->schema = replace->table->schema_version;
	replace->row[replace->rows++] = version;
	*data = live ? version->data : NULL;
	return THS_OK;
}

/* ---- the index ----------------------------------------------------------------------- */

static enum ths_err bucket_at(struct ths_replace *replace, uint32_t number,
			      struct bucket **out)
{
	struct ths_version **version = &replace->bucket[number];

	if (!*version)
		*version = make_version(BUCKET_POOL, 1, true);
	if (!*version)
		return THS_E_NOMEM;
	*out = (struct bucket *)(void *)(*version)->data;
	return THS_OK;
}

static bool has_key(const struct ths_replace *replace, const struct bucket *bucket,
		    uint64_t key)
{
	for (uint32_t i = 0; i < bucket->count; i++)
		if (version_key(replace->row[bucket->entry[i].row]) == key)
			return true;
	return false;
}

/* As ths_index_add() does it. A key is in the first bucket of its way with room, or before:
 * so two of the same meet. There is room: seven places for three rows. */
static enum ths_err enter(struct ths_replace *replace, uint32_t row)
{
	uint64_t key = version_key(replace->row[row]), hash = index_hash(key);

	for (uint32_t i = 0;; i++) {
		struct bucket *bucket;

		THS_TRY(bucket_at(replace, index_home(replace->table, hash, i), &bucket));
		if (has_key(replace, bucket, key))
			return THS_E_EXIST;
		if (bucket->count < BUCKET_ENTRIES) {
			bucket->entry[bucket->count++] =
				(struct bucket_entry){row, index_tag(hash)};
			return THS_OK;
		}
		bucket->overflow++;
	}
}

enum ths_err ths_replace_index(struct ths_replace *replace)
{
	THS_TRY(make_rest(replace, replace->rows));
	for (uint32_t i = 0; replace->bucket && i < replace->rows; i++)
		if (ths_version_is_live(replace->row[i]))
			THS_TRY(enter(replace, i));
	return THS_OK;
}

/* ---- the moment ---------------------------------------------------------------------- */

static uint32_t buckets_of(const struct ths_replace *replace)
{
	return replace->bucket ? replace->table->bucket_mask + 1 : 0;
}

static bool lock_slots(struct ths_replace *replace)
{
	struct ths_table *table = replace->table;
	uint32_t fresh;

	ths_table_lock(table);
	fresh = atomic_load(&table->fresh);
	if (fresh > replace->room)
		return false;
	for (uint32_t i = 0; i < fresh; i++)
		atomic_fetch_or(&table->slots[i].word, SLOT_LOCKED);
	for (uint32_t i = 0; i < buckets_of(replace); i++)
		atomic_fetch_or(&table->bucket[i].word, SLOT_LOCKED);
	return true;
}

static void exchange(struct ths_slot *slot, struct ths_version **version, uint64_t commit)
{
	if (*version)
		(*version)->commit = commit;
	*version = slot_version(atomic_exchange(&slot->word, (uintptr_t)*version));
}

/* A row that is none of the image's: its references die, and stay dead. */
static void succeed(struct ths_version *next, const struct ths_version *present)
{
	bool ends = ths_version_is_live(present) && !ths_version_is_live(next);

	next->generation = present->generation + ends;
}

static void install(struct ths_replace *replace, uint64_t commit)
{
	struct ths_table *table = replace->table;
	uint32_t fresh = atomic_load(&table->fresh);
	uint32_t rows = fresh > replace->rows ? fresh : replace->rows;

	for (uint32_t i = replace->rows; i < rows; i++)
		succeed(replace->row[i], slot_version(atomic_load(&table->slots[i].word)));
	for (uint32_t i = 0; i < rows; i++) {
		exchange(&table->slots[i], &replace->row[i], commit);
		if (replace->row[i] == table->zero)
			replace->row[i] = NULL; /* everybody's: stays */
	}
	for (uint32_t i = 0; i < buckets_of(replace); i++)
		exchange(&table->bucket[i], &replace->bucket[i], commit);
	atomic_fetch_add(&table->population.word, 4);
	atomic_fetch_add(&table->commits, 1);
	ths_table_recount(table, rows);
}

static bool lock_all(struct ths_replace *replace, uint32_t count, uint32_t *locked)
{
	for (*locked = 0; *locked < count; (*locked)++)
		if (!lock_slots(&replace[*locked])) {
			ths_table_unlock(replace[*locked].table);
			return false;
		}
	return true;
}

static void unlock_slots(struct ths_replace *replace)
{
	for (uint32_t i = 0; i < atomic_load(&replace->table->fresh); i++)
		atomic_fetch_and(&replace->table->slots[i].word, ~(uintptr_t)SLOT_LOCKED);
	for (uint32_t i = 0; i < buckets_of(replace); i++)
		atomic_fetch_and(&replace->table->bucket[i].word, ~(uintptr_t)SLOT_LOCKED);
}

/* With all commits held off. False: there is no room for the rows that came since. */
static bool replace_all(struct ths_replace *replace, uint32_t count)
{
	uint32_t locked;
	bool all = lock_all(replace, count, &locked);
	uint64_t commit = all ? atomic_fetch_add(&ths_core.clock, 1) + 1 : 0;

	for (uint32_t i = 0; i < locked; i++) {
		if (all)
			install(&replace[i], commit);
		else
			unlock_slots(&replace[i]);
		ths_table_unlock(replace[i].table);
	}
	return all;
}

/* More room behind the rows, for the next try. */
static enum ths_err make_more_room(struct ths_replace *replace)
{
	uint32_t fresh = atomic_load(&replace->table->fresh), before = replace->room;
	uint32_t room = fresh > replace->table->rows / 2 ? replace->table->rows : 2 * fresh;
	struct ths_version **row;

	if (fresh <= before)
		return THS_OK;
	row = take_array(room);
	if (!row)
		return THS_E_NOMEM;
	memcpy(row, replace->row, before * sizeof(*row));
	give_array(replace->row, before);
	replace->row = row;
	replace->room = room;
	return make_rest(replace, before);
}

enum ths_err ths_replace_commit(struct ths_replace *replace, uint32_t count)
{
	struct ths_cpu *cpu = ths_cpu();
	bool done = false;

	for (unsigned tries = 0; !done && tries < 8; tries++) {
		for (uint32_t i = 0; i < count; i++)
			THS_TRY(make_more_room(&replace[i]));
		ths_section_enter(cpu);
		ths_token_take(cpu);
		done = replace_all(replace, count);
		ths_token_give(cpu);
		if (done)
			ths_wake_everybody(cpu);
		ths_section_leave(cpu);
	}
	if (!done)
		return THS_E_BUSY;
	ths_quiesce(); /* U3 */
	return THS_OK;
}

static void give_versions(struct ths_version **version, uint32_t count)
{
	struct ths_cpu *cpu = ths_cpu();

	ths_section_enter(cpu);
	for (uint32_t i = 0; version && i < count; i++)
		if (version[i])
			ths_pool_give(cpu, version[i]);
	ths_section_leave(cpu);
}

void ths_replace_end(struct ths_replace *replace)
{
	give_versions(replace->row, replace->room);
	give_versions(replace->bucket, buckets_of(replace));
	give_array(replace->row, replace->room);
	give_array(replace->bucket, buckets_of(replace));
}

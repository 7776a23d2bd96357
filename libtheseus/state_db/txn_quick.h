/*
 * txn_quick - how a row is copied to be written, and the common write, in line.
 *
 * Part of txn.c's business, kept here so that row.c's entry for modules is one function
 * without calls.
 */
#pragma once

#include <theseus/point.h>
#include "nano_core/gate_layout.h"
#include "nano_core/nano_core_impl.h"

/* Multiplied, for else the first rows of all tables had one bit: their slots begin pages. */
THS_INLINE uint64_t filter_bit(const struct ths_slot *slot)
{
	return 1ull << ((uint32_t)(uintptr_t)slot * FILTER_FACTOR >> FILTER_SHIFT);
}

/* The first of a pool, which is not empty. */
/* Hosted only: for x86_64 state_db is a module, the same one with any archive. */
#if defined(THS_CHECKS) && defined(THS_HOST)
THS_INLINE void version_free(struct ths_version *version)
{
	ths_poison(version->data, ths_pool_bytes(version->pool));
}
THS_INLINE void version_is_free(const struct ths_version *version)
{
	ths_poison_check(version->data, ths_pool_bytes(version->pool), "a row's version");
}
#else
THS_INLINE void version_free(struct ths_version *version)
{
	(void)version;
}
THS_INLINE void version_is_free(const struct ths_version *version)
{
	(void)version;
}
#endif

THS_INLINE struct ths_version *pool_pop(struct ths_cpu *cpu, unsigned pool)
{
	struct ths_version *version = cpu->pool[pool];

	cpu->pool[pool] = version->older;
	version_is_free(version);
	return version;
}

THS_INLINE void pool_push(struct ths_cpu *cpu, struct ths_version *version)
{
	version_free(version);
	version->older = cpu->pool[version->pool];
	cpu->pool[version->pool] = version;
}

/* Whole runs of 32 bytes, as every size class but the smallest has room for; in that, and of
 * what came from it, one word. Bytes are to be one at least. */
THS_INLINE void copy_data(struct ths_version *to_version, const struct ths_version *from_version,
			  size_t bytes)
{
	uint64_t *to = (uint64_t *)(void *)to_version->data;
	const uint64_t *from = (const uint64_t *)(const void *)from_version->data;
	const uint64_t *end = from + bytes / 8;

	if (bytes < 16) {
		*to = *from;
		return;
	}
	do {
		to[0] = from[0];
		to[1] = from[1];
		to[2] = from[2];
		to[3] = from[3];
		to += 4;
		from += 4;
	} while (from < end);
}

/* Bytes of data in a version of that pool: what the row needs, or all there is. */
THS_INLINE size_t data_bytes(const struct ths_table *table, unsigned pool)
{
	size_t room = ths_pool_bytes(pool), size = table->row_size + 7u;

	return size < room ? size : room; /* a migration may be under way: T5 */
}

THS_INLINE unsigned smaller_pool(unsigned pool, unsigned other)
{
	return pool < other ? pool : other;
}

/* Of writing, or making, a row of @table. */
THS_INLINE uint8_t keyed_special(const struct ths_table *table)
{
	return table->flags & THS_KEYED ? SPECIAL | SPECIAL_KEYED : 0;
}

/* A key is a row's name: what it was made for, and the same while the row lives. A module may
 * write another one to its copy, until commit looks. */
THS_INLINE uint64_t key_of_write(const struct txn_write *write)
{
	return ths_version_is_live(write->old) ? version_key(write->old) : write->key;
}

/* Pushes what commit will need to know. */
THS_INLINE void note_write(struct ths_txn *txn, struct ths_table *table,
			   struct ths_slot *slot, struct ths_version *old,
			   struct ths_version *copy, uint16_t under)
{
	struct txn_write *entry = &txn->write[txn->writes++];

	entry->slot = slot;
	entry->old = old;
	entry->copy = copy;
	entry->table = table;
	entry->row = table ? (uint32_t)(slot - table->slots) : 0;
	entry->under = under;
	txn->filter |= filter_bit(slot);
	txn->read_limit = txn->read; /* reads have to look at our own writes now */
}

/* So that a test may say otherwise. */
THS_INLINE bool is_room_to_write(void)
{
	return !THS_FAIL("alloc/write");
}

/*
 * The common write: of a slot that holds a live version and that this interaction has not
 * written so far. @pool is loaded after @bytes where a migration may change them (T5).
 * NULL: not that common, or not to be had; ths_txn_write() knows more.
 */
THS_INLINE struct ths_version *quick_copy(struct ths_cpu *cpu, struct ths_table *table,
					  struct ths_slot *slot, uint32_t bytes,
					  uint32_t pool)
{
	struct ths_txn *txn = &cpu->txn;
	uintptr_t word = atomic_load_explicit(&slot->word, memory_order_acquire);
	struct ths_version *old = slot_version(word), *copy;

	if (THS_UNLIKELY(txn->writes >= txn->writes_limit ||
			 (txn->filter & filter_bit(slot)) || !cpu->pool[pool] || !old ||
			 (word & SLOT_LOCKED) || old->commit > txn->clock ||
			 (old->flags & VERSION_DEAD) || old->pool != pool))
		return NULL;
	copy = pool_pop(cpu, pool);
	copy->life = old->life;
	copy_data(copy, old, bytes);
	note_write(txn, table, slot, old, copy, 0);
	return copy;
}

THS_INLINE struct ths_version *quick_row_copy(struct ths_cpu *cpu, struct ths_table *table,
					      uint32_t row)
{
	uint32_t size = atomic_load_explicit(&table->row_size, memory_order_acquire);

	return quick_copy(cpu, table, table_slot(table, row), size + 7u,
			  atomic_load_explicit(&table->pool, memory_order_relaxed));
}

/* A row of a table that has no rules of its own. */
THS_INLINE struct ths_version *quick_write(struct ths_cpu *cpu, unsigned number, uint32_t row)
{
	struct ths_table *table;

	if (THS_UNLIKELY(number >= THS_TABLES_MAX))
		return NULL;
	table = cpu->serving->table[number];
	if (THS_UNLIKELY(row >= atomic_load_explicit(&table->write_rows,
						     memory_order_acquire)))
		return NULL;
	return quick_row_copy(cpu, table, row);
}

/*
 * txn_quick - the common write of a row, in line.
 *
 * Part of txn.c's business, kept here so that row.c's entry for modules is one function
 * without calls.
 */
#pragma once

#include "nano_core/nano_core_impl.h"

THS_INLINE uint64_t filter_bit(const struct ths_slot *slot)
{
	return 1ull << (((uintptr_t)slot / sizeof(*slot)) % 64);
}

/* Whole runs of 32 bytes, as every size class but the smallest has room for. */
THS_INLINE void copy_data(struct ths_version *to_version, const struct ths_version *from_version,
			  size_t bytes)
{
	uint64_t *to = (uint64_t *)(void *)to_version->data;
	const uint64_t *from = (const uint64_t *)(const void *)from_version->data;
	const uint64_t *end = from + bytes / 8;

	if (to_version->pool == 0) {
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

THS_INLINE void zero_data(struct ths_version *version, size_t bytes)
{
	uint64_t *word = (uint64_t *)(void *)version->data;

	for (size_t i = 0; i < bytes / 8; i++)
		word[i] = 0;
}

/* Pushes what commit will need to know. */
THS_INLINE void note_write(struct ths_txn *txn, struct ths_table *table,
			   struct ths_slot *slot, uint32_t row, struct ths_version *old,
			   struct ths_version *copy, uint16_t under)
{
	struct txn_write *entry = &txn->write[txn->writes];

	entry->slot = slot;
	entry->old = old;
	entry->copy = copy;
	entry->table = table;
	entry->row = row;
	entry->under = under;
	txn->writes++;
	txn->filter |= filter_bit(slot);
	txn->read_limit = txn->read; /* reads have to look at our own writes now */
}

/*
 * The common write: a live row of an ordinary table, not written so far in this
 * interaction. NULL: not that common, or not to be had; ths_table_write() knows more.
 */
THS_INLINE struct ths_version *quick_write(struct ths_cpu *cpu, unsigned number, uint32_t row)
{
	struct ths_txn *txn = &cpu->txn;
	struct ths_version *old, *copy;
	struct ths_table *table;
	struct ths_slot *slot;
	uintptr_t word;
	uint32_t size, pool;

	if (THS_UNLIKELY(number >= THS_TABLES_MAX))
		return NULL;
	table = cpu->serving->table[number];
	if (THS_UNLIKELY(row >= atomic_load_explicit(&table->write_rows,
						     memory_order_acquire) ||
			 txn->writes >= txn->writes_limit))
		return NULL;
	slot = table_slot(table, row);
	word = atomic_load_explicit(&slot->word, memory_order_acquire);
	old = slot_version(word);
	size = atomic_load_explicit(&table->row_size, memory_order_acquire); /* T5 */
	pool = atomic_load_explicit(&table->pool, memory_order_relaxed); /* once: it grows */
	copy = cpu->pool[pool];
	if (THS_UNLIKELY((txn->filter & filter_bit(slot)) || !copy || (word & SLOT_LOCKED) ||
			 old->commit > txn->clock || (old->flags & VERSION_DEAD)))
		return NULL;
	cpu->pool[pool] = copy->older;
	copy->generation = old->generation;
	copy->flags = 0;
	copy->schema = old->schema;
	copy_data(copy, old, size + 7u);
	note_write(txn, table, slot, row, old, copy, 0);
	return copy;
}

/*
 * index_quick - the common lookup by key, in line.
 *
 * Part of index.c's business, kept here so that row.c's entry for modules is one function
 * without calls. It finds a row that is there, in its key's home bucket, in an
 * interaction that has written nothing; whatever is not so is for ths_index_find() to
 * find out.
 */
#pragma once

#include <theseus/hash.h>
#include "nano_core/nano_core_impl.h"

/*
 * Where a key belongs, and by what it is told from most others there: the upper and the
 * lower half of a product, whose upper bits depend on all bits of the key. Cheaper than
 * ths_hash_u64(), whose lower bits do, too.
 */
THS_INLINE uint64_t index_hash(uint64_t key)
{
	return (key ^ key >> 32) * THS_HASH_K1;
}

THS_INLINE uint32_t index_home(const struct ths_table *table, uint64_t hash,
			       uint32_t step)
{
	return ((uint32_t)(hash >> 32) + step) & table->bucket_mask;
}

THS_INLINE uint32_t index_tag(uint64_t hash)
{
	return (uint32_t)hash;
}

/* Whether nothing stands in the way of reading the version that @word leads to. */
THS_INLINE bool is_quick(const struct ths_txn *txn, uintptr_t word)
{
	return !(word & SLOT_LOCKED) && slot_version(word)->commit <= txn->clock;
}

/* The row of @key, read and registered; NULL: not that simple. */
THS_INLINE const void *quick_find(struct ths_cpu *cpu, struct ths_table *table,
				  uint64_t key, uint32_t *row)
{
	struct ths_txn *txn = &cpu->txn;
	struct txn_read *read = txn->read_next;
	uint64_t hash = index_hash(key);
	const struct bucket_entry *entry, *end;
	struct ths_slot *buckets =
		atomic_load_explicit(&table->quick_bucket, memory_order_acquire);
	const struct bucket *bucket;
	uintptr_t word;

	if (THS_UNLIKELY(!buckets || read >= txn->read_limit))
		return NULL;
	word = atomic_load_explicit(&buckets[index_home(table, hash, 0)].word,
				    memory_order_acquire);
	if (THS_UNLIKELY(word <= SLOT_FLAGS || !is_quick(txn, word))) /* none, or waited for */
		return NULL;
	bucket = (const struct bucket *)(const void *)slot_version(word)->data;
	end = bucket->entry + bucket->count;
	for (entry = bucket->entry; entry < end; entry++) {
		const struct ths_version *version;
		struct ths_slot *slot;

		if (entry->tag != index_tag(hash))
			continue;
		slot = table_slot(table,
				  entry->row); /* has a version: it has had this key */
		word = atomic_load_explicit(&slot->word, memory_order_acquire);
		version = slot_version(word);
		if (THS_UNLIKELY(!is_quick(txn, word) ||
				 version_key(version) != key))
			return NULL;
		*row = entry->row;
		read->slot = slot;
		read->seen = (uintptr_t)version;
		txn->read_next = read + 1;
		txn->flags |= TXN_READ;
		return version->data;
	}
	return NULL;
}

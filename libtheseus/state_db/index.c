/*
 * index - from a key to its row.
 *
 * A hash table whose buckets are rows of a hidden kind: they are read, written and
 * validated like any row, so an insertion is part of its interaction and a failed lookup
 * (whose answer depends on a bucket staying as it is) is validated too (P6). A bucket
 * holds seven entries in one 64-byte version; what does not fit goes to the next bucket,
 * and every bucket passed over counts it, so that a lookup knows when to stop.
 *
 * A lookup that succeeds depends on the row alone, whose key never changes: the buckets
 * it passed are not made part of its read set.
 *
 * Invariants
 *   H1  A live row's key is in exactly one bucket, reached from its home bucket through
 *       buckets whose `overflow` is not 0.
 *   H2  Tags equal is not keys equal: the row's own key decides.
 *
 * Cost: O(1) expected; the number of buckets is at least a third of the rows declared.
 */
#include "state_db/names.h" /* first */
#include <theseus/point.h>
#include "nano_core/nano_core_impl.h"
#include "state_db/index_quick.h"

_Static_assert(sizeof(struct bucket) == 64, "a bucket is one version of pool 2");
enum { BUCKET_POOL = 2 };

THS_INLINE const struct bucket *bucket_of(const struct ths_version *version)
{
	return (const struct bucket *)(const void *)version->data;
}

/* The row in @bucket with @key, read and registered; THS_E_NOENT: not in this bucket. */
static enum ths_err find_in(struct ths_cpu *cpu, struct ths_table *table,
			    const struct bucket *bucket, uint64_t key, uint32_t tag,
			    uint32_t *row, const struct ths_version **out)
{
	for (uint32_t i = 0; i < bucket->count; i++) {
		if (bucket->entry[i].tag != tag)
			continue;
		*row = bucket->entry[i].row;
		THS_TRY(ths_txn_read(cpu, table_slot(table, *row), out));
		if (version_key(*out) == key) /* it lives: H1, and all that is read is of one moment */
			return THS_OK;
	}
	return THS_E_NOENT;
}

enum ths_err ths_index_find(struct ths_cpu *cpu, struct ths_table *table, uint64_t key,
			    uint32_t *row, const struct ths_version **out)
{
	uint64_t hash = index_hash(key);
	uint32_t tag = index_tag(hash);
	struct ths_txn *txn = &cpu->txn;

	for (uint32_t i = 0; i <= table->bucket_mask; i++) {
		uint32_t home = index_home(table, hash, i);
		const struct ths_version *version;
		struct txn_read *mark = txn->read_next;
		enum ths_err err = THS_E_NOENT;

		THS_TRY(ths_txn_read(cpu, &table->bucket[home], &version));
		if (version)
			err = find_in(cpu, table, bucket_of(version), key, tag, row, out);
		if (err == THS_OK && txn->read_next >= mark + 2) {
			/* the row is enough: drop the bucket from the read set */
			*mark = txn->read_next[-1];
			txn->read_next = mark + 1;
		}
		if (err != THS_E_NOENT)
			return err;
		if (!version || bucket_of(version)->overflow == 0)
			return THS_E_NOENT;
	}
	return THS_E_NOENT;
}

static enum ths_err write_bucket(struct ths_cpu *cpu, struct ths_table *table,
				 uint32_t number, struct bucket **out)
{
	struct ths_version *version;

	THS_TRY(ths_txn_write_hidden(cpu, &table->bucket[number], BUCKET_POOL, &version));
	*out = (struct bucket *)(void *)version->data;
	return THS_OK;
}

enum ths_err ths_index_add(struct ths_cpu *cpu, struct ths_table *table, uint64_t key,
			   uint32_t row)
{
	uint64_t hash = index_hash(key);

	for (uint32_t i = 0; i <= table->bucket_mask; i++) {
		struct bucket *bucket;

		THS_TRY(write_bucket(cpu, table, index_home(table, hash, i), &bucket));
		if (bucket->count < BUCKET_ENTRIES && !THS_FAIL("alloc/bucket")) {
			bucket->entry[bucket->count].row = row;
			bucket->entry[bucket->count].tag = index_tag(hash);
			bucket->count++;
			return THS_OK;
		}
		bucket->overflow++;
	}
	return THS_E_FULL;
}

static bool remove_from(struct bucket *bucket, uint32_t row)
{
	for (uint32_t i = 0; i < bucket->count; i++) {
		if (bucket->entry[i].row != row)
			continue;
		bucket->entry[i] = bucket->entry[--bucket->count];
		return true;
	}
	return false;
}

enum ths_err ths_index_remove(struct ths_cpu *cpu, struct ths_table *table, uint64_t key,
			      uint32_t row)
{
	uint64_t hash = index_hash(key);

	for (uint32_t i = 0; i <= table->bucket_mask; i++) {
		struct bucket *bucket;

		THS_TRY(write_bucket(cpu, table, index_home(table, hash, i), &bucket));
		if (remove_from(bucket, row))
			return THS_OK;
		bucket->overflow--;
	}
	return THS_E_INTERNAL; /* H1 is broken */
}

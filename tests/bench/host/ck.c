/* ck - Concurrency Kit's ck_ht, read within ck_epoch sections; one writer at a time. */
#include "subject.h"

#include <ck_epoch.h>
#include <ck_ht.h>
#include <stdlib.h>

struct object {
	uint64_t key, value;
};

static ck_ht_t table;
static ck_epoch_t epoch;
static ck_epoch_record_t record[THREADS_MAX];
static _Thread_local ck_epoch_record_t *mine;

static void *ck_take(size_t size)
{
	return malloc(size);
}

static void ck_give(void *memory, size_t size, bool deferred)
{
	(void)size, (void)deferred;
	free(memory);
}

static struct ck_malloc allocator = {.malloc = ck_take, .free = ck_give};

/* Keys are random already; the finalizer of MurmurHash3 as for the others. */
static void hash(ck_ht_hash_t *out, const void *key, size_t length, uint64_t seed)
{
	uint64_t k = (uint64_t)(uintptr_t)key ^ seed;

	(void)length;
	k = (k ^ (k >> 33)) * 0xff51afd7ed558ccdu;
	out->value = (k ^ (k >> 33)) * 0xc4ceb9fe1a85ec53u;
}

static void enter(unsigned thread)
{
	mine = &record[thread];
	ck_epoch_register(&epoch, mine, NULL);
}

static void leave(unsigned thread)
{
	ck_epoch_unregister(&record[thread]);
}

static void direct_hash(ck_ht_hash_t *out, uint64_t key)
{
	hash(out, (const void *)(uintptr_t)key, sizeof(key), 0);
}

static void fill(const uint64_t *keys, size_t count, unsigned threads)
{
	(void)threads;
	ck_epoch_init(&epoch);
	enter(0);
	if (!ck_ht_init(&table, CK_HT_MODE_DIRECT, hash, &allocator, 2 * count, 0))
		subject_die("no memory");
	for (size_t i = 0; i < count; i++) {
		struct object *object = malloc(sizeof(*object));
		ck_ht_entry_t entry;
		ck_ht_hash_t h;

		if (!object)
			subject_die("no memory");
		object->key = keys[i];
		object->value = ~keys[i];
		direct_hash(&h, keys[i]);
		ck_ht_entry_set_direct(&entry, h, (uintptr_t)keys[i], (uintptr_t)object);
		if (!ck_ht_put_spmc(&table, h, &entry))
			subject_die("cannot put");
	}
}

static uint64_t look(const uint64_t *keys)
{
	ck_epoch_section_t section;
	uint64_t sum = 0;

	ck_epoch_begin(mine, &section);
	for (unsigned i = 0; i < BATCH; i++) {
		ck_ht_entry_t entry;
		ck_ht_hash_t h;

		direct_hash(&h, keys[i]);
		ck_ht_entry_key_set_direct(&entry, (uintptr_t)keys[i]);
		if (ck_ht_get_spmc(&table, h, &entry))
			sum += ((const struct object *)ck_ht_entry_value_direct(&entry))
				       ->value;
	}
	(void)ck_epoch_end(mine, &section);
	return sum;
}

const struct subject subject_ck = {"ck",  false, true, false, fill,
				   enter, leave, look, NULL};

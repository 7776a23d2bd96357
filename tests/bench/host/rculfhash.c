/*
 * rculfhash - liburcu's lock-free hash table under its QSBR flavour; a reference kept is
 * a pointer, and asks its node whether it was deleted.
 */
#define _LGPL_SOURCE /* liburcu: read-side functions in line */
#include "subject.h"

#include <stdlib.h>
#include <urcu-qsbr.h>
#include <urcu/rculfhash.h>

struct object {
	uint64_t key, value;
	struct cds_lfht_node node;
};

static struct cds_lfht *table;
static struct object **kept;

/* The finalizer of MurmurHash3. */
static unsigned long hash(uint64_t key)
{
	key = (key ^ (key >> 33)) * 0xff51afd7ed558ccdu;
	return (key ^ (key >> 33)) * 0xc4ceb9fe1a85ec53u;
}

static int match(struct cds_lfht_node *node, const void *key)
{
	return caa_container_of(node, struct object, node)->key == *(const uint64_t *)key;
}

static void fill(const uint64_t *keys, size_t count, unsigned threads)
{
	size_t buckets = 1;

	(void)threads;
	urcu_qsbr_register_thread();
	while (buckets < count)
		buckets *= 2;
	table = cds_lfht_new(buckets, buckets, 0, 0, NULL);
	kept = calloc(count, sizeof(*kept));
	if (!table || !kept)
		subject_die("no memory");
	for (size_t i = 0; i < count; i++) {
		struct object *object = malloc(sizeof(*object));

		if (!object)
			subject_die("no memory");
		object->key = keys[i];
		object->value = ~keys[i];
		cds_lfht_node_init(&object->node);
		urcu_qsbr_read_lock();
		cds_lfht_add(table, hash(object->key), &object->node);
		urcu_qsbr_read_unlock();
		kept[i] = object;
	}
}

static void enter(unsigned thread)
{
	(void)thread;
	urcu_qsbr_register_thread();
}

static void leave(unsigned thread)
{
	(void)thread;
	urcu_qsbr_unregister_thread();
}

static uint64_t look(const uint64_t *keys)
{
	uint64_t sum = 0;

	urcu_qsbr_read_lock();
	for (unsigned i = 0; i < BATCH; i++) {
		struct cds_lfht_iter iter;
		struct cds_lfht_node *node;

		cds_lfht_lookup(table, hash(keys[i]), match, &keys[i], &iter);
		node = cds_lfht_iter_get_node(&iter);
		if (node)
			sum += caa_container_of(node, struct object, node)->value;
	}
	urcu_qsbr_read_unlock();
	urcu_qsbr_quiescent_state();
	return sum;
}

static uint64_t use(const uint32_t *numbers)
{
	uint64_t sum = 0;

	urcu_qsbr_read_lock();
	for (unsigned i = 0; i < BATCH; i++) {
		struct object *object = rcu_dereference(kept[numbers[i]]);

		if (object && !cds_lfht_is_node_deleted(&object->node))
			sum += object->value;
	}
	urcu_qsbr_read_unlock();
	urcu_qsbr_quiescent_state();
	return sum;
}

const struct subject subject_rculfhash = {"rculfhash", false, true, true, fill,
					  enter,       leave, look, use};

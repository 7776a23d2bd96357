/* uthash - Troy Hanson's hash table in macros, of Debian's uthash-dev. Not concurrent. */
#include "subject.h"

#include <stdlib.h>
#include <uthash.h>

struct object {
	uint64_t key, value;
	UT_hash_handle hh;
};

static struct object *table;

static void fill(const uint64_t *keys, size_t count, unsigned threads)
{
	(void)threads;
	for (size_t i = 0; i < count; i++) {
		struct object *object = malloc(sizeof(*object));

		if (!object)
			subject_die("no memory");
		object->key = keys[i];
		object->value = ~keys[i];
		HASH_ADD(hh, table, key, sizeof(object->key), object);
	}
}

static void enter(unsigned thread)
{
	(void)thread;
}

static uint64_t look(const uint64_t *keys)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < BATCH; i++) {
		const struct object *object;

		HASH_FIND(hh, table, &keys[i], sizeof(keys[i]), object);
		if (object)
			sum += object->value;
	}
	return sum;
}

const struct subject subject_uthash = {"uthash", true,  true, false, fill,
				       enter,    enter, look, NULL};

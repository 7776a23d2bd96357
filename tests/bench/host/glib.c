/* glib - GHashTable (not concurrent: writers must be shut out), and GWeakRef, which is.
 */
#include "subject.h"

#include <glib-object.h>

struct object {
	GObject parent;
	uint64_t key, value;
};
typedef GObjectClass ObjectClass;
typedef struct object Object;
G_DEFINE_TYPE(Object, object, G_TYPE_OBJECT)

static GHashTable *table;
static GWeakRef *kept;

static void object_class_init(ObjectClass *class)
{
	(void)class;
}

static void object_init(Object *object)
{
	(void)object;
}

static void fill(const uint64_t *keys, size_t count, unsigned threads)
{
	(void)threads;
	table = g_hash_table_new(g_int64_hash, g_int64_equal);
	kept = g_new0(GWeakRef, count);
	for (size_t i = 0; i < count; i++) {
		struct object *object = g_object_new(object_get_type(), NULL);

		object->key = keys[i];
		object->value = ~keys[i];
		g_hash_table_insert(table, &object->key, object);
		g_weak_ref_init(&kept[i], object);
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
		const struct object *object = g_hash_table_lookup(table, &keys[i]);

		if (object)
			sum += object->value;
	}
	return sum;
}

static uint64_t use(const uint32_t *numbers)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < BATCH; i++) {
		struct object *object = g_weak_ref_get(&kept[numbers[i]]);

		if (object) {
			sum += object->value;
			g_object_unref(object);
		}
	}
	return sum;
}

const struct subject subject_glib = {"glib", true,  true, true, fill,
				     enter,  enter, look, use};

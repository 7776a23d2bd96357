/*
 * blob - making, checking, storing and tagging of blobs; the layout is in blob_impl.h.
 *
 * Everything here treats the header as hostile: sizes are compared with the memory there
 * really is before they are used.
 */
#include <base/blob_impl.h>
#include <theseus/bits.h>
#include <theseus/hash.h>
#include <theseus/string.h>

#define COVERED offsetof(struct ths_blob, type) /* where the tagged bytes begin */

_Static_assert(offsetof(struct ths_blob, body) == THS_BLOB_HEADER,
	       "clients reserve this");
_Static_assert(_Alignof(struct ths_blob) == THS_BLOB_ALIGN, "clients align to this");

struct ths_blob *ths_blob_init(void *storage, size_t capacity)
{
	if (!storage || !ths_bits_is_aligned((uintptr_t)storage, THS_BLOB_ALIGN) ||
	    capacity > THS_BLOB_CAPACITY_MAX)
		return NULL;

	struct ths_blob *blob = storage;

	blob->tag = 0;
	atomic_init(&blob->busy, 0);
	blob->type = 0;
	blob->schema = 0;
	blob->generation = 0;
	blob->size = 0;
	blob->capacity = (uint32_t)capacity;
	return blob;
}

size_t ths_blob_size(const struct ths_blob *blob)
{
	return THS_BLOB_HEADER + (size_t)blob->size;
}

uint64_t ths_blob_type(const char *name, uint32_t *schema)
{
	size_t len = ths_strlen(name), slash = 0;
	uint64_t number = 0;

	while (slash < len && name[slash] != '/')
		slash++;
	if (slash < len &&
	    (ths_str_parse_u64(name + slash + 1, len - slash - 1, &number) ||
	     number > UINT32_MAX)) {
		number = 0;
		slash = len; /* not a version: part of the name */
	}
	*schema = (uint32_t)number;

	uint64_t type = ths_hash_bytes(0, name, slash);

	return type ? type : 1; /* 0 is the empty blob's */
}

enum ths_err ths_blob_take(struct ths_blob *blob)
{
	uint64_t idle = 0;

	if (!atomic_compare_exchange_strong_explicit(
		    &blob->busy, &idle, 1, memory_order_acquire, memory_order_relaxed))
		return THS_E_BUSY;
	return THS_OK;
}

void ths_blob_drop(struct ths_blob *blob)
{
	atomic_store_explicit(&blob->busy, 0, memory_order_release);
}

bool ths_blob_is_empty(const struct ths_blob *blob)
{
	return blob->type == 0 && blob->schema == 0 && blob->generation == 0 &&
	       blob->size == 0 && blob->tag == 0;
}

static bool blob_is_sound(const struct ths_blob *blob, size_t bytes)
{
	return bytes >= THS_BLOB_HEADER && blob->capacity <= THS_BLOB_CAPACITY_MAX &&
	       blob->capacity <= bytes - THS_BLOB_HEADER && blob->size <= blob->capacity;
}

enum ths_err ths_blob_check(const struct ths_blob *blob, size_t bytes, uint64_t type,
			    uint32_t schema, size_t size)
{
	if (!blob_is_sound(blob, bytes))
		return THS_E_BLOB;
	if (ths_blob_is_empty(blob))
		return size <= blob->capacity ? THS_OK : THS_E_BLOB;
	if (blob->type != type || blob->schema != schema || blob->size != size)
		return THS_E_BLOB;
	return THS_OK;
}

void ths_blob_store(struct ths_blob *blob, uint64_t type, uint32_t schema,
		    const void *body, size_t size)
{
	memcpy(blob->body, body, size);
	blob->type = type;
	blob->schema = schema;
	blob->size = (uint32_t)size;
	blob->generation++;
}

static uint64_t blob_compute_tag(const uint8_t key[THS_SIPHASH_KEY],
				 const struct ths_blob *blob)
{
	return ths_siphash24(key, (const unsigned char *)blob + COVERED,
			     THS_BLOB_HEADER - COVERED + blob->size);
}

void ths_blob_tag(const uint8_t key[THS_SIPHASH_KEY], struct ths_blob *blob)
{
	blob->tag = blob_compute_tag(key, blob);
}

enum ths_err ths_blob_verify(const uint8_t key[THS_SIPHASH_KEY],
			     const struct ths_blob *blob, size_t bytes)
{
	if (!blob_is_sound(blob, bytes) || blob->tag != blob_compute_tag(key, blob))
		return THS_E_BLOB;
	return THS_OK;
}

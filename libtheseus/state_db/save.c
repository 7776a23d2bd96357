/*
 * save - what the tables declared THS_PERSIST hold at one moment, as bytes.
 *
 * With all commits held off the rows are copied to memory that was taken before; then the
 * copy is written out in peace. A version never changes, but it may be used again once it
 * is superseded: a row that is only pointed at would not keep.
 *
 * Invariants
 *   A1  While commits are held off nothing is called and no memory is taken.
 *   A2  Every byte written goes through the digest, digests included.
 *
 * Left out on purpose: saving what changed since the last image.
 */
#include "state_db/names.h" /* first */
#include <theseus/string.h>
#include "nano_core/nano_core_impl.h"
#include "state_db/save_impl.h"

/* ---- the copy: bytes in blocks -------------------------------------------------------- */

#define BLOCK_ORDER 3u
#define BLOCK_BYTES (((size_t)THS_PAGE_SIZE << BLOCK_ORDER) - sizeof(void *))

struct block {
	struct block *next;
	uint8_t data[BLOCK_BYTES];
};

struct cursor {
	struct block *block;
	size_t at; /* in it */
};

struct copy {
	struct block *first;
	size_t room;    /* bytes in all blocks */
	size_t needed;  /* bytes the last try would have taken */
	struct cursor end;
	uint64_t clock;
};

static enum ths_err make_room(struct copy *copy, size_t bytes)
{
	while (copy->room < bytes) {
		struct block *block = ths_pages_take(BLOCK_ORDER);

		if (!block)
			return THS_E_NOMEM;
		block->next = copy->first;
		copy->first = block;
		copy->room += BLOCK_BYTES;
	}
	return THS_OK;
}

static void give_room(struct copy *copy)
{
	while (copy->first) {
		struct block *block = copy->first;

		copy->first = block->next;
		ths_pages_give(block, BLOCK_ORDER);
	}
}

/* The longest run of bytes at the cursor, at most @size; moves it on. */
static void *run(struct cursor *cursor, size_t size, size_t *length)
{
	uint8_t *data;

	if (cursor->at == BLOCK_BYTES)
		*cursor = (struct cursor){.block = cursor->block->next};
	data = cursor->block->data + cursor->at;
	*length = size < BLOCK_BYTES - cursor->at ? size : BLOCK_BYTES - cursor->at;
	cursor->at += *length;
	return data;
}

/* What does not fit is counted only. */
static void put(struct copy *copy, const void *data, size_t size)
{
	const uint8_t *from = data;
	size_t length;

	copy->needed += size;
	if (copy->needed > copy->room)
		return;
	for (; size; size -= length, from += length) {
		void *to = run(&copy->end, size, &length);

		memcpy(to, from, length);
	}
}

/* ---- under the token ------------------------------------------------------------------ */

static bool is_saved(const struct ths_table *table)
{
	return table->schema[0] && (table->flags & THS_PERSIST);
}

static const struct ths_version *version_at(const struct ths_table *table, uint32_t row)
{
	return slot_version(atomic_load(&table->slots[row].word));
}

static void put_layout(struct copy *copy, const struct ths_layout *layout, size_t length)
{
	static const uint8_t padding[8];

	put(copy, layout->text, length);
	put(copy, padding, save_padded(length) - length);
}

static void copy_table(struct copy *copy, struct ths_table *table)
{
	const struct ths_layout *layout = &table->layout;
	struct save_table head = {.layout = layout->text && layout->length <= SAVE_LAYOUT_MAX
						    ? layout->length
						    : 0,
				  .row_size = table->row_size,
				  .flags = table->flags,
				  .slots = atomic_load(&table->fresh),
				  .live = 0};

	memcpy(head.schema, table->schema, sizeof(head.schema));
	memcpy(head.instance, table->instance, sizeof(head.instance));
	for (uint32_t i = 0; i < head.slots; i++)
		head.live += ths_version_is_live(version_at(table, i));
	put(copy, &head, sizeof(head));
	put_layout(copy, layout, head.layout);
	for (uint32_t i = 0; i < head.slots; i++) {
		const struct ths_version *version = version_at(table, i);
		uint64_t entry = version->generation |
				 (ths_version_is_live(version) ? SAVE_LIVE : 0);

		put(copy, &entry, sizeof(entry));
	}
	for (uint32_t i = 0; i < head.slots; i++)
		if (ths_version_is_live(version_at(table, i)))
			put(copy, version_at(table, i)->data, save_padded(head.row_size));
}

/* A slot of a row in the making has a tombstone, and stays below `fresh`: all that is
 * looked at here is held still by the token. */
static enum ths_err copy_all(struct copy *copy)
{
	struct ths_cpu *cpu = ths_cpu();

	copy->needed = 0;
	copy->end = (struct cursor){.block = copy->first};
	ths_section_enter(cpu);
	ths_token_take(cpu);
	copy->clock = atomic_load(&ths_core.clock);
	for (uint32_t i = 0; i < atomic_load(&ths_core.tables); i++)
		if (is_saved(&ths_core.table[i]))
			copy_table(copy, &ths_core.table[i]);
	ths_token_give(cpu);
	ths_section_leave(cpu);
	return copy->needed <= copy->room ? THS_OK : THS_E_BUSY;
}

static enum ths_err take_copy(struct copy *copy)
{
	enum ths_err err = THS_E_BUSY;

	for (unsigned tries = 0; err == THS_E_BUSY && tries < 8; tries++) {
		THS_TRY(make_room(copy, copy->needed + copy->needed / 8 + 1));
		err = copy_all(copy);
	}
	return err;
}

/* ---- writing -------------------------------------------------------------------------- */

struct writer {
	ths_save_sink *sink;
	void *ctx;
	struct ths_digest digest;
};

static enum ths_err write_bytes(struct writer *writer, const void *data, size_t size)
{
	ths_digest_update(&writer->digest, data, size);
	return writer->sink(writer->ctx, data, size);
}

static enum ths_err write_digest(struct writer *writer)
{
	struct ths_digest so_far = writer->digest;
	uint8_t digest[THS_DIGEST_SIZE];

	ths_digest_final(&so_far, digest);
	return write_bytes(writer, digest, sizeof(digest));
}

/* @size bytes of the copy, and the digest. */
static enum ths_err write_piece(struct writer *writer, struct cursor *at, size_t size)
{
	size_t length;

	for (; size; size -= length) {
		const void *data = run(at, size, &length);

		THS_TRY(write_bytes(writer, data, length));
	}
	return write_digest(writer);
}

/* Looks at what is to be written next. */
static void peek(struct cursor at, void *data, size_t size)
{
	uint8_t *to = data;
	size_t length;

	for (; size; size -= length, to += length) {
		const void *from = run(&at, size, &length);

		memcpy(to, from, length);
	}
}

static enum ths_err write_tables(struct writer *writer, const struct copy *copy,
				 uint32_t tables)
{
	struct cursor at = {.block = copy->first};
	struct save_table head;

	for (uint32_t i = 0; i < tables; i++) {
		peek(at, &head, sizeof(head));
		THS_TRY(write_piece(writer, &at, sizeof(head)));
		if (head.layout)
			THS_TRY(write_piece(writer, &at, save_padded(head.layout)));
		THS_TRY(write_piece(writer, &at, head.slots * sizeof(uint64_t)));
		THS_TRY(write_piece(writer, &at, head.live * save_padded(head.row_size)));
	}
	return THS_OK;
}

/* *@pieces: that a digest follows. */
static uint32_t count_tables(const struct copy *copy, uint64_t *pieces)
{
	struct cursor at = {.block = copy->first};
	size_t left = copy->needed, length;
	struct save_table head;
	uint32_t tables = 0;

	for (; left; tables++) {
		size_t skip;

		peek(at, &head, sizeof(head));
		skip = sizeof(head) + save_padded(head.layout) +
		       head.slots * sizeof(uint64_t) +
		       head.live * save_padded(head.row_size);
		*pieces += head.layout ? 4 : 3;
		left -= skip;
		for (; skip; skip -= length)
			(void)run(&at, skip, &length);
	}
	return tables;
}

void ths_save_key_id(uint8_t id[16], const uint8_t *key)
{
	uint8_t digest[THS_DIGEST_SIZE] = {0};

	if (key)
		ths_digest(digest, key, THS_SAVE_KEY);
	memcpy(id, digest, 16);
}

void ths_save_digest(struct ths_digest *digest, const uint8_t *key)
{
	if (key)
		(void)!ths_digest_init_keyed(digest, key, THS_SAVE_KEY); /* of a good size */
	else
		ths_digest_init(digest);
}

static enum ths_err write_image(struct writer *writer, const struct copy *copy,
				const uint8_t *key)
{
	uint64_t pieces = 1;
	struct save_head head = {.magic = SAVE_MAGIC,
				 .order = SAVE_ORDER,
				 .format = SAVE_FORMAT,
				 .machine = SAVE_X86_64,
				 .tables = count_tables(copy, &pieces),
				 .clock = copy->clock};

	head.size = sizeof(head) + copy->needed + pieces * THS_DIGEST_SIZE;
	ths_save_key_id(head.key, key);
	ths_save_digest(&writer->digest, key);
	THS_TRY(write_bytes(writer, &head, sizeof(head)));
	THS_TRY(write_digest(writer));
	return write_tables(writer, copy, head.tables);
}

enum ths_err ths_save_image(ths_save_sink *sink, void *ctx, const uint8_t key[THS_SAVE_KEY])
{
	struct writer writer = {.sink = sink, .ctx = ctx};
	struct copy copy = {0};
	enum ths_err err;

	err = take_copy(&copy);
	if (err == THS_OK)
		err = write_image(&writer, &copy, key);
	give_room(&copy);
	return err;
}

/*
 * restore - an image becomes what the tables hold, wholly or not at all.
 *
 * The image is read once, from its first byte to its last, and rows are made of it where
 * nobody sees them; only when the last digest holds are the tables' contents exchanged
 * (replace.c). Nothing in the image is used before a digest has vouched for it, but for
 * what tells that it is an image at all.
 *
 * Invariants
 *   E1  An error before the exchange leaves all as it was: versions made are given back.
 *   E2  No number of the image leads outside what it was compared with before.
 */
#include "state_db/names.h" /* first */
#include <stdarg.h>
#include <theseus/fmt.h>
#include <theseus/string.h>
#include "nano_core/nano_core_impl.h"
#include "state_db/save_impl.h"

struct reader {
	ths_save_source *source;
	void *ctx;
	const uint8_t *key;
	struct ths_digest digest;
	uint64_t at;      /* bytes read */
	char what[96];    /* is being read */
	struct ths_reason *reason;
	struct ths_replace *replace; /* one for each table read so far */
	uint32_t tables;
};

static enum ths_err refuse(struct reader *reader, enum ths_err err, const char *fmt, ...)
	THS_PRINTF(3, 4);
static enum ths_err refuse(struct reader *reader, enum ths_err err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)ths_vformat(reader->reason->text, sizeof(reader->reason->text), fmt, args);
	va_end(args);
	return err;
}

/* ---- bytes ---------------------------------------------------------------------------- */

static enum ths_err read_bytes(struct reader *reader, void *data, size_t size)
{
	enum ths_err err = reader->source(reader->ctx, data, size);

	if (err)
		return refuse(reader, err, "the image ends after %llu bytes, in %s (%s)",
			      (unsigned long long)reader->at, reader->what,
			      ths_err_text(err));
	reader->at += size;
	ths_digest_update(&reader->digest, data, size);
	return THS_OK;
}

/* Behind each piece: what has been read so far may be believed. */
static enum ths_err check_digest(struct reader *reader)
{
	struct ths_digest so_far = reader->digest;
	uint8_t due[THS_DIGEST_SIZE], is[THS_DIGEST_SIZE];

	ths_digest_final(&so_far, due);
	THS_TRY(read_bytes(reader, is, sizeof(is)));
	if (!ths_digest_equal(due, is))
		return refuse(reader, THS_E_DIGEST, "the image is damaged in %s, before byte %llu",
			      reader->what, (unsigned long long)reader->at);
	return THS_OK;
}

/* ---- the head ------------------------------------------------------------------------- */

static enum ths_err check_kind(struct reader *reader, const struct save_head *head)
{
	uint8_t key[16];

	if (head->magic != SAVE_MAGIC && head->magic != __builtin_bswap64(SAVE_MAGIC))
		return refuse(reader, THS_E_FORMAT, "not an image: it begins otherwise");
	if (head->order != SAVE_ORDER || head->magic != SAVE_MAGIC)
		return refuse(reader, THS_E_ABI, "the image is of a machine of other byte order");
	if (head->format != SAVE_FORMAT)
		return refuse(reader, THS_E_VERSION, "the image has format %u, not %u",
			      head->format, SAVE_FORMAT);
	if (head->machine != SAVE_X86_64)
		return refuse(reader, THS_E_ABI, "the image is of architecture %u, not %u",
			      head->machine, SAVE_X86_64);
	ths_save_key_id(key, reader->key);
	if (memcmp(head->key, key, sizeof(key)) != 0)
		return refuse(reader, THS_E_PERM, "the image was saved under another key");
	return THS_OK;
}

static enum ths_err read_head(struct reader *reader, struct save_head *head)
{
	(void)!ths_str_copy(reader->what, sizeof(reader->what), "the head");
	THS_TRY(read_bytes(reader, head, sizeof(*head)));
	THS_TRY(check_kind(reader, head));
	THS_TRY(check_digest(reader));
	return head->tables <= TABLES_MAX
		       ? THS_OK
		       : refuse(reader, THS_E_FORMAT, "the image says it has %u tables",
				head->tables);
}

/* ---- a table -------------------------------------------------------------------------- */

static bool is_read(const struct reader *reader, const struct ths_table *table)
{
	for (uint32_t i = 0; i < reader->tables; i++)
		if (reader->replace[i].table == table)
			return true;
	return false;
}

static enum ths_err find_table(struct reader *reader, const struct save_table *head,
			       struct ths_table **out)
{
	struct ths_table *table;

	if (head->schema[THS_NAME_MAX - 1] || head->instance[THS_NAME_MAX - 1])
		return refuse(reader, THS_E_FORMAT, "a name in the image does not end");
	table = ths_table_find(head->schema, head->instance);
	if (!table || !(table->flags & THS_PERSIST))
		return refuse(reader, THS_E_SCHEMA, "nobody has %s to be restored",
			      reader->what);
	if (is_read(reader, table))
		return refuse(reader, THS_E_FORMAT, "the image has %s twice", reader->what);
	if (!ths_streq(table->schema, head->schema))
		return refuse(reader, THS_E_SCHEMA, "%s stands at %s here", reader->what,
			      table->schema);
	if (table->row_size != head->row_size || table->flags != head->flags)
		return refuse(reader, THS_E_SCHEMA,
			      "%s has rows of %u bytes, flags 0x%x; here %u, 0x%x",
			      reader->what, head->row_size, head->flags, table->row_size,
			      table->flags);
	*out = table;
	return THS_OK;
}

static enum ths_err compare_layout(struct reader *reader, const struct save_table *head,
				   const struct ths_table *table, const char *text)
{
	struct ths_layout there = {text, (uint32_t)head->layout, head->row_size};
	char said[THS_TMOD_REASON_MAX];

	THS_TRY(read_bytes(reader, (void *)(uintptr_t)text, save_padded(head->layout)));
	THS_TRY(check_digest(reader));
	if (ths_layout_same(&table->layout, &there))
		return THS_OK;
	ths_layout_differ(said, sizeof(said), &table->layout, &there, "the image");
	return refuse(reader, THS_E_SCHEMA, "%s: %s", reader->what, said);
}

/* Where both know it, a row is laid out alike to the last member. */
static enum ths_err read_layout(struct reader *reader, const struct save_table *head,
				const struct ths_table *table)
{
	unsigned order = ths_order_of(save_padded(head->layout));
	enum ths_err err;
	char *text;

	if (head->layout == 0)
		return THS_OK;
	if (head->layout > SAVE_LAYOUT_MAX)
		return refuse(reader, THS_E_FORMAT, "%s has a layout of %llu bytes",
			      reader->what, (unsigned long long)head->layout);
	text = ths_pages_take(order);
	if (!text)
		return THS_E_NOMEM;
	err = compare_layout(reader, head, table, text);
	ths_pages_give(text, order);
	return err;
}

/* A life has a number, and another one may follow it: P16. */
static bool is_entry(uint64_t entry)
{
	uint64_t generation = entry & UINT32_MAX;

	return entry < 2 * SAVE_LIVE && generation != 0 &&
	       (generation < UINT32_MAX || entry < SAVE_LIVE);
}

static enum ths_err read_entries(struct reader *reader, struct ths_replace *replace,
				 const struct save_table *head)
{
	uint32_t live = 0, wrong = THS_ROW_NONE;

	for (uint32_t i = 0; i < head->slots; i++) {
		uint64_t entry;
		void *data;

		THS_TRY(read_bytes(reader, &entry, sizeof(entry)));
		THS_TRY(ths_replace_add(replace, (uint32_t)entry, entry & SAVE_LIVE, &data));
		live += data != NULL;
		wrong = is_entry(entry) ? wrong : i;
	}
	THS_TRY(check_digest(reader));
	if (wrong != THS_ROW_NONE)
		return refuse(reader, THS_E_FORMAT, "%s has no life in row %u that could be",
			      reader->what, wrong);
	if (live != head->live || ((replace->table->flags & THS_FIXED) && live != head->slots))
		return refuse(reader, THS_E_FORMAT, "%s has %u rows, not %u", reader->what,
			      live, head->live);
	return THS_OK;
}

static enum ths_err read_rows(struct reader *reader, const struct ths_replace *replace,
			      const struct save_table *head)
{
	for (uint32_t i = 0; i < head->slots; i++)
		if (ths_version_is_live(replace->row[i]))
			THS_TRY(read_bytes(reader, replace->row[i]->data,
					   save_padded(head->row_size)));
	return check_digest(reader);
}

static enum ths_err read_table(struct reader *reader)
{
	struct ths_replace *replace = &reader->replace[reader->tables];
	struct save_table head;
	struct ths_table *table = NULL;
	enum ths_err err;

	(void)ths_format(reader->what, sizeof(reader->what), "the head of table %u",
			 reader->tables + 1);
	THS_TRY(read_bytes(reader, &head, sizeof(head)));
	THS_TRY(check_digest(reader));
	(void)ths_format(reader->what, sizeof(reader->what), "table %.31s%s%.31s", head.schema,
			 head.instance[0] ? " of " : "", head.instance);
	THS_TRY(find_table(reader, &head, &table));
	THS_TRY(read_layout(reader, &head, table));
	reader->tables++;
	err = ths_replace_begin(replace, table, head.slots);
	if (err == THS_E_FULL)
		return refuse(reader, err, "%s has %u rows in the image, here at most %u",
			      reader->what, head.slots, table->rows);
	THS_TRY(err);
	THS_TRY(read_entries(reader, replace, &head));
	THS_TRY(read_rows(reader, replace, &head));
	err = ths_replace_index(replace);
	return err == THS_E_EXIST ? refuse(reader, THS_E_FORMAT, "%s has a key twice",
					   reader->what)
				  : err;
}

/* One moment, for all that is to persist: a table that is not in the image would be of
 * another. */
static enum ths_err check_whole(struct reader *reader)
{
	for (uint32_t i = 0; i < atomic_load(&ths_core.tables); i++) {
		const struct ths_table *table = &ths_core.table[i];

		if (table->schema[0] && (table->flags & THS_PERSIST) &&
		    !is_read(reader, table))
			return refuse(reader, THS_E_SCHEMA, "the image has no table %s%s%s",
				      table->schema, table->instance[0] ? " of " : "",
				      table->instance);
	}
	return THS_OK;
}

static enum ths_err read_image(struct reader *reader)
{
	struct save_head head;

	ths_save_digest(&reader->digest, reader->key);
	THS_TRY(read_head(reader, &head));
	for (uint32_t i = 0; i < head.tables; i++)
		THS_TRY(read_table(reader));
	return check_whole(reader);
}

/* ---- all of it ------------------------------------------------------------------------ */

static enum ths_err exchange(struct reader *reader)
{
	unsigned order = ths_order_of(TABLES_MAX * sizeof(*reader->replace));
	enum ths_err err;

	reader->replace = ths_pages_take(order);
	if (!reader->replace)
		return THS_E_NOMEM;
	err = read_image(reader);
	if (err == THS_OK)
		err = ths_replace_commit(reader->replace, reader->tables);
	for (uint32_t i = 0; i < reader->tables; i++)
		ths_replace_end(&reader->replace[i]);
	ths_pages_give(reader->replace, order);
	return err;
}

/* The devices are as they were: their rows follow them, not the image. */
static enum ths_err reread_all(struct reader *reader)
{
	enum ths_err first = THS_OK;

	for (unsigned i = 0; i < ths_instances(); i++) {
		struct ths_instance *instance = &ths_core.instance[i];
		enum ths_err err = THS_OK;

		if (instance->state == THS_INSTANCE_BOUND)
			err = ths_invoke_reread(instance);
		if (err && !first)
			first = refuse(reader, err, "restored, but %s cannot read its device: %s",
				       instance->name, ths_err_text(err));
	}
	return first;
}

/* In the loader's turn, at depth 0. */
enum ths_err ths_restore_image(ths_save_source *source, void *ctx,
			       const uint8_t key[THS_SAVE_KEY], struct ths_reason *reason)
{
	struct reader reader = {.source = source, .ctx = ctx, .key = key, .reason = reason};
	enum ths_err err = exchange(&reader);

	if (err == THS_OK)
		err = reread_all(&reader);
	if (err && !reason->text[0])
		(void)refuse(&reader, err, "%s, in %s", ths_err_text(err), reader.what);
	return err;
}

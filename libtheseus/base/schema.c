/*
 * schema - reads the text of .ths.schema and compares parts of it.
 *
 * A text is lines. One that begins with a blank is a member of the record above it; each
 * other begins a record. To compare is to compare bytes (the form is canonical), and that
 * is all a module costs that fits. Only to say how two layouts differ are lines taken
 * apart: the first line that is not the same names the member, unless that one has only
 * been moved by another, which is named then.
 */
#include <theseus/fmt.h>
#include <theseus/schema.h>
#include <theseus/string.h>

struct line {
	const char *text;
	size_t length; /* without the newline */
};

/* The line at *@at, which moves behind it. False: there is none. (L1: a text ends with a
 * newline, and so does each part of it.) */
static bool line_next(const char *text, size_t size, size_t *at, struct line *line)
{
	size_t end = *at;

	if (end >= size)
		return false;
	while (text[end] != '\n')
		end++;
	line->text = text + *at;
	line->length = end - *at;
	*at = end + 1;
	return true;
}

/* The word at the beginning of @line, which loses it and the blank behind it. */
static struct line word_take(struct line *line)
{
	struct line word = {line->text, 0};

	while (word.length < line->length && word.text[word.length] != ' ')
		word.length++;
	line->text += word.length;
	line->length -= word.length;
	if (line->length > 0) {
		line->text++;
		line->length--;
	}
	return word;
}

static bool line_is(const struct line *line, const char *text)
{
	return ths_strlen(text) == line->length &&
	       memcmp(line->text, text, line->length) == 0;
}

static bool lines_same(const struct line *a, const struct line *b)
{
	return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

/* ---- reading ---------------------------------------------------------------------- */

enum ths_err ths_schema_open(struct ths_schema *schema, const char *text, size_t size)
{
	const size_t magic = sizeof(THS_SCHEMA_MAGIC) - 1;

	if (size <= magic || size > UINT32_MAX ||
	    memcmp(text, THS_SCHEMA_MAGIC, magic) != 0 || text[size - 1] != '\n')
		return THS_E_FORMAT;
	for (size_t i = magic; i < size; i++)
		if ((unsigned char)(text[i] - ' ') > '~' - ' ' && text[i] != '\n')
			return THS_E_FORMAT;
	schema->text = text;
	schema->size = size;
	return THS_OK;
}

void ths_schema_rewind(struct ths_schema_cursor *cursor, const struct ths_schema *schema)
{
	struct line first;

	cursor->schema = *schema;
	cursor->at = 0;
	(void)line_next(schema->text, schema->size, &cursor->at, &first);
}

const char *ths_schema_module(const struct ths_schema *schema, size_t *length)
{
	struct line first = {0};
	size_t at = sizeof(THS_SCHEMA_MAGIC) - 1;

	(void)line_next(schema->text, schema->size, &at, &first);
	*length = first.length;
	return first.text;
}

/* The words begin with different letters. */
static bool kind_of(const struct line *word, enum ths_schema_kind *kind)
{
	static const struct {
		const char *word;
		size_t length;
	} kinds[] = {[THS_SCHEMA_PROVIDES] = {"provides", 8},
		     [THS_SCHEMA_USES] = {"uses", 4},
		     [THS_SCHEMA_OP] = {"op", 2},
		     [THS_SCHEMA_TABLE] = {"table", 5},
		     [THS_SCHEMA_BLOB] = {"blob", 4},
		     [THS_SCHEMA_STATE] = {"state", 5}};

	for (unsigned i = 0; i < THS_ARRAY_SIZE(kinds); i++) {
		if (word->length != kinds[i].length || word->text[0] != kinds[i].word[0])
			continue;
		*kind = (enum ths_schema_kind)i;
		return memcmp(word->text, kinds[i].word, word->length) == 0;
	}
	return false;
}

/* "KIND NAME", "KIND NAME SIZE", or "op NAME SIZE = OTHER". */
static enum ths_err record_read(struct line line, struct ths_schema_record *record)
{
	bool blank = line.length > 0 && line.text[line.length - 1] == ' ';
	struct line kind = word_take(&line), name = word_take(&line), size;
	uint64_t bytes = 0;

	if (blank || !kind_of(&kind, &record->kind) || name.length == 0)
		return THS_E_FORMAT;
	record->name = name.text;
	record->name_length = name.length;
	record->layout = (struct ths_layout){0};
	record->like = NULL;
	if (record->kind <= THS_SCHEMA_USES)
		return line.length == 0 ? THS_OK : THS_E_FORMAT;
	size = word_take(&line);
	THS_TRY(ths_str_parse_u64(size.text, size.length, &bytes));
	if (bytes > UINT32_MAX)
		return THS_E_FORMAT;
	record->layout.size = (uint32_t)bytes;
	if (line.length == 0)
		return THS_OK;
	if (record->kind != THS_SCHEMA_OP || line.length < 3 ||
	    memcmp(line.text, "= ", 2) != 0)
		return THS_E_FORMAT;
	record->like = line.text + 2;
	record->like_length = line.length - 2;
	return THS_OK;
}

enum ths_err ths_schema_next(struct ths_schema_cursor *cursor,
			     struct ths_schema_record *record)
{
	const char *text = cursor->schema.text;
	size_t size = cursor->schema.size, at = cursor->at, members;
	struct line line;

	if (!line_next(text, size, &at, &line))
		return THS_E_NOENT;
	if (record_read(line, record) != THS_OK)
		return THS_E_FORMAT;
	members = at;
	while (at < size && text[at] == ' ')
		(void)line_next(text, size, &at, &line);
	if (at != members && (record->kind <= THS_SCHEMA_USES || record->like))
		return THS_E_FORMAT;
	record->layout.text = text + members;
	record->layout.length = (uint32_t)(at - members);
	cursor->at = at;
	return THS_OK;
}

bool ths_schema_is(const struct ths_schema_record *record, enum ths_schema_kind kind,
		   const char *name)
{
	const struct line line = {record->name, record->name_length};

	return record->kind == kind && line_is(&line, name);
}

/* The operations that begin at the cursor, which moves behind them. */
static void ops_take(struct ths_schema_cursor *cursor, struct ths_layout *layout)
{
	struct ths_schema_cursor next = *cursor;
	struct ths_schema_record record;

	*layout = (struct ths_layout){.text = cursor->schema.text + cursor->at};
	while (ths_schema_next(&next, &record) == THS_OK && record.kind == THS_SCHEMA_OP) {
		*cursor = next;
		layout->size++;
	}
	layout->length = (uint32_t)(cursor->schema.text + cursor->at - layout->text);
}

enum ths_err ths_schema_find(const struct ths_schema *schema, enum ths_schema_kind kind,
			     const char *name, struct ths_layout *layout)
{
	bool iface = kind <= THS_SCHEMA_USES;
	struct ths_schema_cursor cursor;
	struct ths_schema_record record;

	if (!schema->text)
		return THS_E_NOENT;
	ths_schema_rewind(&cursor, schema);
	while (ths_schema_next(&cursor, &record) == THS_OK) {
		if (iface && record.kind <= THS_SCHEMA_USES)
			record.kind = kind; /* the first of the name has the operations */
		if (!ths_schema_is(&record, kind, name))
			continue;
		*layout = record.layout;
		if (iface)
			ops_take(&cursor, layout);
		return THS_OK;
	}
	return THS_E_NOENT;
}

/* ---- comparing -------------------------------------------------------------------- */

bool ths_layout_same(const struct ths_layout *a, const struct ths_layout *b)
{
	if (!a->text || !b->text)
		return true;
	return a->size == b->size && a->length == b->length &&
	       memcmp(a->text, b->text, a->length) == 0;
}

bool ths_layout_same_ops(const struct ths_layout *a, const struct ths_layout *b)
{
	const struct ths_layout *shorter = a->length < b->length ? a : b;
	const struct ths_layout *longer = shorter == a ? b : a;

	if (!a->text || !b->text)
		return true;
	return memcmp(a->text, b->text, shorter->length) == 0 &&
	       (shorter->length == longer->length || longer->text[shorter->length] != ' ');
}

/* ---- saying how they differ ------------------------------------------------------- */

struct member { /* " links.next u32 12" */
	struct line line, path, kind, offset;
};

static bool member_next(const struct ths_layout *layout, size_t *at, struct member *member)
{
	struct line rest;

	if (!line_next(layout->text, layout->length, at, &member->line))
		return false;
	rest = member->line;
	(void)word_take(&rest); /* the blank it begins with */
	member->path = word_take(&rest);
	member->kind = word_take(&rest);
	member->offset = rest;
	return true;
}

static bool member_find(const struct ths_layout *layout, const struct line *path,
			struct member *member)
{
	size_t at = 0;

	while (member_next(layout, &at, member))
		if (lines_same(&member->path, path))
			return true;
	return false;
}

#define WORD(line_) (int)(line_).length, (line_).text

/* One has a member that the other has not. */
static void say_missing(char *into, size_t size, const struct member *member, bool here,
			const char *where)
{
	(void)ths_format(into, size, "member %.*s is %.*s at %.*s %s%s, %s%s",
			 WORD(member->path), WORD(member->kind), WORD(member->offset),
			 here ? "here" : "in ", here ? "" : where,
			 here ? "missing in " : "missing here", here ? where : "");
}

static void say_changed(char *into, size_t size, const struct member *here,
			const struct member *there, const char *where)
{
	if (lines_same(&here->line, &there->line))
		(void)ths_format(into, size, "member %.*s has another place than in %s",
				 WORD(here->path), where);
	else
		(void)ths_format(into, size,
				 "member %.*s is %.*s at %.*s here, %.*s at %.*s in %s",
				 WORD(here->path), WORD(here->kind), WORD(here->offset),
				 WORD(there->kind), WORD(there->offset), where);
}

void ths_layout_differ(char *into, size_t size, const struct ths_layout *here,
		       const struct ths_layout *there, const char *where)
{
	struct member a = {0}, b = {0}, other, unused;
	size_t at_a = 0, at_b = 0;
	bool has_a, has_b;

	do {
		has_a = member_next(here, &at_a, &a);
		has_b = member_next(there, &at_b, &b);
	} while (has_a && has_b && lines_same(&a.line, &b.line));
	if (has_a && !member_find(there, &a.path, &other))
		say_missing(into, size, &a, true, where);
	else if (has_b && !member_find(here, &b.path, &unused))
		say_missing(into, size, &b, false, where);
	else if (has_a)
		say_changed(into, size, &a, &other, where);
	else
		(void)ths_format(into, size, "%u bytes here, %u in %s", here->size,
				 there->size, where);
}

/* Operation @number of an interface, with its members where it has another's. */
static bool op_at(const struct ths_layout *iface, unsigned number,
		  struct ths_schema_record *op)
{
	const struct ths_schema part = {iface->text, iface->length};
	struct ths_schema_cursor cursor = {part, 0};
	struct ths_schema_record other;

	do {
		if (ths_schema_next(&cursor, op) != THS_OK)
			return false;
	} while (number-- > 0);
	cursor.at = 0;
	while (op->like && ths_schema_next(&cursor, &other) == THS_OK) {
		const struct line name = {other.name, other.name_length};
		const struct line like = {op->like, op->like_length};

		if (lines_same(&name, &like))
			op->layout = other.layout;
	}
	return true;
}

void ths_layout_differ_ops(char *into, size_t size, const struct ths_layout *here,
			   const struct ths_layout *there, const char *where)
{
	struct ths_schema_record a, b;
	size_t said;

	for (unsigned i = 0; op_at(here, i, &a) && op_at(there, i, &b); i++) {
		const struct line name_a = {a.name, a.name_length};
		const struct line name_b = {b.name, b.name_length};

		if (!lines_same(&name_a, &name_b)) {
			(void)ths_format(into, size, "operation %u is %.*s here, %.*s in %s",
					 i, WORD(name_a), WORD(name_b), where);
			return;
		}
		if (ths_layout_same(&a.layout, &b.layout))
			continue;
		said = ths_format(into, size, "operation %.*s: ", WORD(name_a));
		if (said < size)
			ths_layout_differ(into + said, size - said, &a.layout, &b.layout,
					  where);
		return;
	}
	(void)ths_format(into, size, "%u operations here, %u in %s", here->size, there->size,
			 where);
}

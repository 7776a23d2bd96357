/*
 * json - see json.h.
 *
 *	{"module": ID, "records": [{"kind": "table", "name": "x/1", "size": 8, "members": [...]},
 *		{"kind": "uses", "name": "y/1", "operations": [{"name": ..., "size": 8,
 *		"same_as": null, "members": [{"path": "a", "type": "u32", "offset": 0}]}]}]}
 *
 * Lines become objects in their order; a member belongs to the record or the operation
 * before it.
 */
#include "json.h"

#include <stdio.h>
#include <string.h>

#include "check/tool.h"

struct writer {
	struct tool_text text;
	bool in_record, in_op;
	unsigned members, ops, records;
};

static void word(struct writer *out, const char *key, const char *value)
{
	tool_text_add(&out->text, "\"%s\": ", key);
	tool_text_json(&out->text, value);
}

static void op_end(struct writer *out)
{
	if (out->in_op)
		tool_text_add(&out->text, "]}");
	out->in_op = false;
}

static void record_end(struct writer *out)
{
	op_end(out);
	if (out->in_record)
		tool_text_add(&out->text, "]}");
	out->in_record = false;
}

static void member(struct writer *out, const char *path, const char *type,
		   unsigned long offset)
{
	tool_text_add(&out->text, "%s{", out->members++ == 0 ? "" : ", ");
	word(out, "path", path);
	tool_text_add(&out->text, ", ");
	word(out, "type", type);
	tool_text_add(&out->text, ", \"offset\": %lu}", offset);
}

static void op(struct writer *out, const char *name, unsigned long size, const char *same_as)
{
	op_end(out);
	tool_text_add(&out->text, "%s{", out->ops++ == 0 ? "" : ", ");
	word(out, "name", name);
	tool_text_add(&out->text, ", \"size\": %lu, \"same_as\": ", size);
	if (same_as[0] != '\0')
		tool_text_json(&out->text, same_as);
	else
		tool_text_add(&out->text, "null");
	tool_text_add(&out->text, ", \"members\": [");
	out->in_op = true;
	out->members = 0;
}

/* @size: NULL where it is an interface, which has operations instead. */
static void record(struct writer *out, const char *kind, const char *name,
		   const unsigned long *size)
{
	record_end(out);
	tool_text_add(&out->text, "%s{", out->records++ == 0 ? "" : ", ");
	word(out, "kind", kind);
	tool_text_add(&out->text, ", ");
	word(out, "name", name);
	if (size != NULL)
		tool_text_add(&out->text, ", \"size\": %lu, \"members\": [", *size);
	else
		tool_text_add(&out->text, ", \"operations\": [");
	out->in_record = true;
	out->members = out->ops = 0;
}

static void line_write(struct writer *out, const char *line)
{
	char a[256], b[256], same_as[256] = "";
	unsigned long number;

	if (line[0] == ' ' && sscanf(line, " %255s %255s %lu", a, b, &number) == 3)
		member(out, a, b, number);
	else if (sscanf(line, "op %255s %lu = %255s", a, &number, same_as) >= 2)
		op(out, a, number, same_as);
	else if (sscanf(line, "%255s %255s %lu", a, b, &number) == 3)
		record(out, a, b, &number);
	else if (sscanf(line, "%255s %255s", a, b) == 2)
		record(out, a, b, NULL);
}

void schema_json(const char *schema)
{
	struct writer out = {0};
	char id[256] = "";

	(void)sscanf(schema, "theseus-schema %*u %255s", id);
	tool_text_add(&out.text, "{");
	word(&out, "module", id);
	tool_text_add(&out.text, ", \"records\": [");
	for (const char *at = strchr(schema, '\n'); at != NULL && at[1] != '\0';
	     at = strchr(at + 1, '\n'))
		line_write(&out, at + 1);
	record_end(&out);
	tool_text_add(&out.text, "]}");
	puts(out.text.text);
	tool_text_free(&out.text);
}

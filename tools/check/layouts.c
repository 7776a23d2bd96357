/*
 * layouts - see layouts.h.
 */
#include "layouts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define WRONG(...) findings_add(findings, "schema", __VA_ARGS__)

/* ---- what ought to be there --------------------------------------------------------- */

static void expect_iface(const struct placed *placed, const char *how,
			 const struct ths_iface *at, struct tool_text *lines)
{
	const struct ths_iface *iface = placed_data(placed, at, sizeof(*iface), 8);
	const struct ths_op_info *info =
		placed_data(placed, iface->info, iface->ops * sizeof(*info), 8);
	char *line = tool_print(" %s/%u\n", placed_string(placed, iface->name),
				iface->version);
	bool again = strstr(lines->text, line) != NULL;

	tool_text_add(lines, "%s%s", how, line);
	for (unsigned i = 0; i < iface->ops && !again; i++)
		tool_text_add(lines, "op %s %u\n", placed_string(placed, info[i].name),
			      info[i].args_size);
	free(line);
}

/* The lines of all records, as the descriptor has them. */
static void expect_all(const struct placed *placed, struct tool_text *lines)
{
	const struct ths_module *module = placed->module;

	tool_text_add(lines, THS_SCHEMA_MAGIC "%s\n", placed_string(placed, module->id));
	expect_iface(placed, "provides", module->provides.iface, lines);
	for (unsigned i = 0; i < THS_USES_MAX; i++)
		if (module->uses[i].iface != NULL)
			expect_iface(placed, "uses", module->uses[i].iface, lines);
	for (unsigned i = 0; i < THS_TABLES_MAX; i++)
		if (module->tables[i].schema != NULL)
			tool_text_add(lines, "table %s %u\n",
				      placed_string(placed, module->tables[i].schema),
				      module->tables[i].row_size);
	for (unsigned i = 0; i < THS_BLOBS_MAX; i++)
		if (module->blobs[i].type != NULL)
			tool_text_add(lines, "blob %s %u\n",
				      placed_string(placed, module->blobs[i].type),
				      module->blobs[i].size);
	if (module->state.schema != NULL)
		tool_text_add(lines, "state %s %u\n",
			      placed_string(placed, module->state.schema),
			      module->state.size);
}

/* ---- members ------------------------------------------------------------------------ */

/* A number without a sign or a zero in front; *@at moves behind it. */
static bool number_take(const char **at, unsigned long *value)
{
	char *end;

	if (!isdigit((unsigned char)**at) || ((*at)[0] == '0' && isdigit((unsigned char)(*at)[1])))
		return false;
	*value = strtoul(*at, &end, 10);
	*at = end;
	return *value <= UINT32_MAX;
}

/* Bytes of one of a kind, at *@at, which moves behind it; 0: no kind. */
static unsigned long kind_take(const char **at, bool *aggregate)
{
	static const struct {
		const char *name;
		unsigned bytes;
	} kinds[] = {{"bool", 1}, {"char", 1}, {"ptr", 8},   {"u8", 1},    {"u16", 2},
		     {"u32", 4},  {"u64", 8},  {"u128", 16}, {"i8", 1},    {"i16", 2},
		     {"i32", 4},  {"i64", 8},  {"i128", 16}, {"f32", 4},   {"f64", 8},
		     {"f128", 16}};
	size_t length = strcspn(*at, "[ ");
	unsigned long bytes = 0;

	*aggregate = isdigit((unsigned char)**at) != 0;
	if (*aggregate)
		return number_take(at, &bytes) ? bytes : 0;
	for (size_t i = 0; i < THS_ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i].name) == length &&
		    strncmp(*at, kinds[i].name, length) == 0)
			bytes = kinds[i].bytes;
	*at += length;
	return bytes;
}

/* " PATH KIND[N]... OFFSET"; NULL, or what is wrong with it. */
static const char *member_wrong(const char *line, unsigned long size, bool pointers)
{
	size_t path = strcspn(line + 1, " ");
	const char *at = line + 1 + path;
	unsigned long bytes, count, offset;
	bool aggregate;

	if (path == 0 || *at++ != ' ')
		return "is no member";
	if (!pointers && strncmp(at, "ptr", 3) == 0)
		return "is a pointer";
	bytes = kind_take(&at, &aggregate);
	if (bytes == 0 || (aggregate && *at != '['))
		return "is of no known kind";
	while (*at == '[') {
		at++;
		if (!number_take(&at, &count) || count == 0 || *at++ != ']' ||
		    bytes > UINT32_MAX / count)
			return "has no proper dimensions";
		bytes *= count;
	}
	if (*at++ != ' ' || !number_take(&at, &offset) || *at != '\0')
		return "has no proper offset";
	return offset + bytes > size ? "lies outside" : NULL;
}

/* ---- the text ----------------------------------------------------------------------- */

struct reading {
	struct tool_text heads;   /* lines of records, so far */
	struct tool_text members; /* paths of the present record, each between newlines */
	struct tool_text ops;     /* of the present interface, likewise */
	char *head;               /* the present record */
	unsigned long size;       /* its bytes */
	bool pointers;            /* it may have them */
	bool closed;              /* it has another's members */
};

static void path_note(struct reading *reading, const char *line, struct findings *findings)
{
	char *path = tool_print("\n%.*s\n", (int)strcspn(line + 1, " "), line + 1);

	if (reading->members.text != NULL && strstr(reading->members.text, path) != NULL)
		WRONG("%s: member%.*s stands there twice", reading->head,
		      (int)strcspn(line + 1, " ") + 1, line);
	tool_text_add(&reading->members, "%s", path);
	free(path);
}

static void member_read(struct reading *reading, const char *line,
			struct findings *findings)
{
	const char *wrong = reading->closed
				    ? "stands where there are none"
				    : member_wrong(line, reading->size, reading->pointers);

	if (wrong != NULL)
		WRONG("%s: member%.*s %s", reading->head, (int)strcspn(line + 1, " ") + 1,
		      line, wrong);
	path_note(reading, line, findings);
}

/* "op NAME SIZE = OTHER" is "op NAME SIZE", where an "op OTHER SIZE" stands above. */
static void like_take(struct reading *reading, char *line, struct findings *findings)
{
	char *like = strstr(line, " = "), *size, *other;

	if (like == NULL)
		return;
	*like = '\0';
	size = strrchr(line, ' ');
	other = tool_print("\nop %s%s\n", like + 3, size == NULL ? "" : size);
	if (reading->ops.text == NULL || strstr(reading->ops.text, other) == NULL)
		WRONG("%s: no operation %s of that size stands above it", line, like + 3);
	reading->closed = true;
	free(other);
}

static void head_read(struct reading *reading, char *line, struct findings *findings)
{
	const char *size;

	reading->closed = false;
	like_take(reading, line, findings);
	if (strncmp(line, "op ", 3) != 0)
		tool_text_free(&reading->ops);
	else if (!reading->closed)
		tool_text_add(&reading->ops, "\n%s\n", line);
	tool_text_free(&reading->members);
	tool_text_add(&reading->heads, "%s\n", line);
	free(reading->head);
	reading->head = tool_print("%s", line);
	size = strrchr(line, ' ');
	reading->size = size == NULL ? 0 : strtoul(size, NULL, 10);
	reading->pointers = strncmp(line, "op ", 3) == 0;
}

/* The first line in which two texts differ, in @a. */
static char *first_other(const char *a, const char *b)
{
	size_t start = 0;

	for (size_t i = 0; a[i] == b[i] && a[i] != '\0'; i++)
		if (a[i] == '\n')
			start = i + 1;
	return tool_print("%.*s", (int)strcspn(a + start, "\n"), a + start);
}

static void text_check(const struct object_section *section, const struct placed *placed,
		       struct findings *findings)
{
	struct reading reading = {0};
	struct tool_text due = {0};
	char *text = tool_print("%.*s", (int)section->header.sh_size,
				(const char *)section->data),
	     *rest = text, *line;
	size_t before = findings->count;

	while ((line = strsep(&rest, "\n")) != NULL && (rest != NULL || line[0] != '\0'))
		if (line[0] == ' ')
			member_read(&reading, line, findings);
		else
			head_read(&reading, line, findings);
	expect_all(placed, &due);
	if (findings->count == before &&
	    (reading.heads.text == NULL || strcmp(reading.heads.text, due.text) != 0)) {
		const char *has = reading.heads.text == NULL ? "" : reading.heads.text;
		char *wanted = first_other(due.text, has), *found = first_other(has, due.text);

		WRONG("'%s' stands where the descriptor has '%s'", found, wanted);
		free(wanted);
		free(found);
	}
	tool_text_free(&due);
	tool_text_free(&reading.heads);
	tool_text_free(&reading.members);
	tool_text_free(&reading.ops);
	free(reading.head);
	free(text);
}

void layouts_check(const struct object *object, const struct placed *placed,
		   struct findings *findings)
{
	const struct object_section *schema = NULL;
	const struct ths_schema *loaders = &placed->tmod.schema;

	for (size_t i = 1; i < object->section_count; i++)
		if (strcmp(object->sections[i].name, ".ths.schema") == 0)
			schema = &object->sections[i];
	if (schema == NULL || schema->data == NULL) {
		WRONG("no section .ths.schema: see theseus-schema(1)");
		return;
	}
	if (loaders->text == NULL || loaders->size != schema->header.sh_size ||
	    memcmp(loaders->text, schema->data, loaders->size) != 0)
		WRONG("the loader reads another .ths.schema");
	text_check(schema, placed, findings);
}

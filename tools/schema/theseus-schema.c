/*
 * theseus-schema - writes down the layouts that a module was compiled with.
 *
 * What there is to describe the descriptor says: the interface provided, those used, the
 * tables, the blobs, in the order of their slots. How each lies in memory the debug
 * information says, in which the C types are found by name. The text goes to standard
 * output; theseus.mk puts it into the module file as section .ths.schema.
 *
 * Before it is written the text is read by the reader of the loader.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <theseus/schema.h>

#include "check/descriptor.h"
#include "check/tool.h"
#include "dwarf.h"
#include "json.h"

static const char usage_text[] =
	"usage: theseus-schema [--json] FILE.tmod.debug FILE.tmod\n"
	"\n"
	"Writes to standard output the layout of each row type, blob type and argument "
	"type\n"
	"of a module, in the form of theseus-schema(5). The first file is the module with\n"
	"debug information, the second the same without.\n"
	"\n"
	"  --json     write it as one JSON object\n"
	"  --quiet    say no more than what is wrong, as ever\n"
	TOOL_OPTIONS_TEXT("")
	"\n"
	"Exit status: 0 written, 1 refused: a pointer or a bit-field in a row, say; 2 wrong\n"
	"usage, 3 a file cannot be read or written.\n";

struct schema {
	const struct dwarf *dwarf;
	const struct placed *placed;
	struct tool_text text;
};

/* ---- interfaces ------------------------------------------------------------------- */

struct op { /* of the interface at hand */
	const char *name;
	struct tool_text members;
	uint64_t size;
};

/* The first operation with the same arguments; @number itself, if it is that. */
static unsigned op_like(const struct op *ops, unsigned number)
{
	for (unsigned i = 0; i < number; i++)
		if (ops[i].size == ops[number].size &&
		    ops[i].members.size == ops[number].members.size &&
		    (ops[i].members.size == 0 ||
		     strcmp(ops[i].members.text, ops[number].members.text) == 0))
			return i;
	return number;
}

static bool op_read(const struct schema *schema, const char *iface, unsigned number,
		    struct op *op)
{
	char *what = tool_print("interface %s: operation %s", iface, op->name);
	Dwarf_Die type;
	bool good = false;

	if (!dwarf_arguments(schema->dwarf, iface, number, op->name, &type))
		tool_warn("%s: not in the debug information: is it declared by "
			  "THS_INTERFACE, and compiled with "
			  "-fno-eliminate-unused-debug-types?",
			  what);
	else
		good = dwarf_layout(&type, what, true, &op->members, &op->size);
	free(what);
	return good;
}

static void ops_write(struct schema *schema, const struct op *ops, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned like = op_like(ops, i);

		tool_text_add(&schema->text, "op %s %lu", ops[i].name, ops[i].size);
		if (like != i)
			tool_text_add(&schema->text, " = %s\n", ops[like].name);
		else
			tool_text_add(&schema->text, "\n%s",
				      ops[i].members.size == 0 ? "" : ops[i].members.text);
	}
}

/* An interface that stands above already is not written out again. */
static bool is_written(const struct schema *schema, const char *name)
{
	struct ths_schema so_far = {schema->text.text, schema->text.size};
	struct ths_layout unused;

	return ths_schema_find(&so_far, THS_SCHEMA_USES, name, &unused) == THS_OK;
}

static bool iface_write(struct schema *schema, const char *how, const struct ths_iface *at)
{
	const struct placed *placed = schema->placed;
	const struct ths_iface *iface = placed_data(placed, at, sizeof(*iface), 8);
	const char *name = iface == NULL ? NULL : placed_string(placed, iface->name);
	const struct ths_op_info *info =
		name == NULL
			? NULL
			: placed_data(placed, iface->info, iface->ops * sizeof(*info), 8);
	struct op *ops;
	char *versioned;
	bool good = true;

	if (info == NULL) {
		tool_warn("%s: the descriptor names no interface", how);
		return false;
	}
	versioned = tool_print("%s/%u", name, iface->version);
	ops = tool_alloc(iface->ops * sizeof(*ops));
	for (unsigned i = 0; i < iface->ops && good; i++) {
		ops[i].name = placed_string(placed, info[i].name);
		good = ops[i].name != NULL && op_read(schema, name, i, &ops[i]);
	}
	if (good && is_written(schema, versioned)) {
		tool_text_add(&schema->text, "%s %s\n", how, versioned);
	} else if (good) {
		tool_text_add(&schema->text, "%s %s\n", how, versioned);
		ops_write(schema, ops, iface->ops);
	}
	for (unsigned i = 0; i < iface->ops; i++)
		tool_text_free(&ops[i].members);
	free(ops);
	free(versioned);
	return good;
}

/* ---- tables, blobs ---------------------------------------------------------------- */

/* @kind: "table", "blob" or "state"; @type_at: its C type's name, in the module. */
static bool type_write(struct schema *schema, const char *kind, const char *name_at,
		       const char *type_at)
{
	const char *name = placed_string(schema->placed, name_at);
	const char *type = placed_string(schema->placed, type_at);
	char *what = tool_print("%s %s", kind, name == NULL ? "?" : name);
	struct tool_text members = {0};
	Dwarf_Die die;
	uint64_t size;
	bool good = false;

	if (name == NULL || type == NULL)
		tool_warn("%s: the descriptor does not name its type", what);
	else if (!dwarf_type(schema->dwarf, type, &die))
		tool_warn("%s: '%s' is no struct, union or typedef of the debug information",
			  what, type);
	else
		good = dwarf_layout(&die, what, false, &members, &size);
	if (good)
		tool_text_add(&schema->text, "%s %lu\n%s", what, size,
			      members.size == 0 ? "" : members.text);
	tool_text_free(&members);
	free(what);
	return good;
}

/* ---- the whole -------------------------------------------------------------------- */

/* All that is wrong is said, not the first of it only. */
static bool schema_write(struct schema *schema)
{
	const struct ths_module *module = schema->placed->module;
	const char *id = placed_string(schema->placed, module->id);
	bool good;

	if (module->abi != THS_ABI || module->size != sizeof(*module) || id == NULL) {
		tool_warn("the descriptor is not one of this version of libtheseus");
		return false;
	}
	tool_text_add(&schema->text, THS_SCHEMA_MAGIC "%s\n", id);
	good = iface_write(schema, "provides", module->provides.iface);
	for (unsigned i = 0; i < THS_USES_MAX; i++)
		if (module->uses[i].iface != NULL)
			good &= iface_write(schema, "uses", module->uses[i].iface);
	for (unsigned i = 0; i < THS_TABLES_MAX; i++)
		if (module->tables[i].schema != NULL)
			good &= type_write(schema, "table", module->tables[i].schema,
					   module->tables[i].row);
	for (unsigned i = 0; i < THS_BLOBS_MAX; i++)
		if (module->blobs[i].type != NULL)
			good &= type_write(schema, "blob", module->blobs[i].type,
					   module->blobs[i].body);
	if (module->state.schema != NULL)
		good &= type_write(schema, "state", module->state.schema,
				   module->state.type);
	return good;
}

/* Whether the loader's reader takes it: a name could have bytes that it does not. */
static bool schema_is_read(const struct tool_text *text)
{
	struct ths_schema schema;
	struct ths_schema_cursor cursor;
	struct ths_schema_record record;
	enum ths_err err = ths_schema_open(&schema, text->text, text->size);

	if (err == THS_OK) {
		ths_schema_rewind(&cursor, &schema);
		while ((err = ths_schema_next(&cursor, &record)) == THS_OK)
			continue;
	}
	if (err != THS_E_NOENT)
		tool_warn("a name has characters beyond ASCII");
	return err == THS_E_NOENT;
}

static enum tool_status describe(const char *debug, const char *path, bool json)
{
	struct schema schema = {0};
	struct ths_reason reason = {""};
	struct placed placed;
	struct dwarf dwarf;
	struct tool_file file;
	enum tool_status status = TOOL_REFUSED;

	if (!tool_read(path, &file))
		return TOOL_UNREADABLE;
	if (!placed_open(&placed, &file, PLACED_LOW, &reason)) {
		tool_warn("%s: %s", path, reason.text);
	} else if (!dwarf_open(&dwarf, debug)) {
		status = TOOL_UNREADABLE;
		placed_close(&placed);
	} else {
		schema.placed = &placed;
		schema.dwarf = &dwarf;
		if (schema_write(&schema) && schema_is_read(&schema.text))
			status = TOOL_OK;
		dwarf_close(&dwarf);
		placed_close(&placed);
	}
	if (status == TOOL_OK && json)
		schema_json(schema.text.text);
	else if (status == TOOL_OK)
		fputs(schema.text.text, stdout);
	tool_text_free(&schema.text);
	free(file.data);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {{"json", no_argument, NULL, 'j'}, TOOL_OPTIONS};
	bool json = false;
	int found, status;

	tool_name = "theseus-schema";
	while ((found = getopt_long(argc, argv, "", known, NULL)) != -1) {
		status = tool_option(found, usage_text);
		if (status >= 0)
			return status;
		json |= found == 'j';
	}
	if (argc - optind != 2)
		return (int)tool_misused("two files are wanted");
	return tool_end((int)describe(argv[optind], argv[optind + 1], json));
}

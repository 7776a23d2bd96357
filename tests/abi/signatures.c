/*
 * signatures - what modules are compiled against, a line for each thing that two builds must
 * have alike; and whether a change of it took the version step that it needs.
 *
 *	signatures list PROBE.o MODULE.tmod...   to standard output
 *	signatures compare OLD NEW               two such texts; see step.h
 *
 * The probe is what probe.sh makes of the public headers; layouts are those that
 * theseus-schema would write (W1: whichever compiler made the probe). A record is a line
 * and, below it, its members:
 *
 *	number THS_ABI 3                a macro
 *	value THS_E_SPILL -20           an enumerator
 *	function ths_gate i32(ptr, u32, ptr, ptr)
 *	struct ths_use 24               and each union, by the bytes
 *	 iface ptr 0
 *	op sched/1:pick 24 number 1 flags 0
 *	 cpu u32 0
 *	table sched.queue/1 48          and each blob, of the modules
 *	 first u16 0
 *
 * What a header of an interface declares is named by its version: number and value
 * testsrv/1:TESTSRV_LOOP, say.
 */
#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <theseus/tmod.h>

#include "schema/dwarf.h"
#include "step.h"

struct listing {
	struct dwarf dwarf;
	struct tool_text text;
	char **structs; /* records, in the order of the debug information so far */
	size_t count;
};

static bool starts(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

/* ---- the unit ------------------------------------------------------------------------ */

/* Calls @visit with each entry at the top of the probe that has a name, or is an enum. */
static bool each(struct listing *listing, bool (*visit)(struct listing *, Dwarf_Die *))
{
	Dwarf_Die die;
	bool good = true;

	if (dwarf_child(&listing->dwarf.unit, &die) != 0)
		return false;
	do {
		if (dwarf_diename(&die) != NULL || dwarf_tag(&die) == DW_TAG_enumeration_type)
			good &= visit(listing, &die);
	} while (dwarf_siblingof(&die, &die) == 0);
	return good;
}

/* "sched" of an entry in iface/sched.h; "" in another public header; NULL elsewhere. */
static char *room_of(Dwarf_Die *die)
{
	const char *file = dwarf_decl_file(die);
	const char *at = file == NULL ? NULL : strstr(file, "include/theseus/");

	if (at == NULL)
		return NULL;
	at += strlen("include/theseus/");
	if (!starts(at, "iface/"))
		return tool_print("%s", "");
	at += strlen("iface/");
	return tool_print("%.*s", (int)strcspn(at, "."), at);
}

/* Written in one byte, 200 may be -56: which it is, the type of the enum says. */
static Dwarf_Sword value_of(Dwarf_Die *type, Dwarf_Die *enumerator)
{
	Dwarf_Attribute at, encoding;
	Dwarf_Word is = DW_ATE_signed, word = 0;
	Dwarf_Sword value = 0;
	Dwarf_Die base;

	if (dwarf_formref_die(dwarf_attr(type, DW_AT_type, &at), &base) != NULL)
		(void)dwarf_formudata(dwarf_attr(&base, DW_AT_encoding, &encoding), &is);
	if (dwarf_attr(enumerator, DW_AT_const_value, &at) == NULL)
		return 0;
	if (is == DW_ATE_unsigned && dwarf_formudata(&at, &word) == 0)
		return (Dwarf_Sword)word;
	(void)dwarf_formsdata(&at, &value);
	return value;
}

/* Of the last of a kind, which moves when one is appended, nobody keeps the value. */
static bool is_bound(const char *name)
{
	const char *last = strrchr(name, '_');

	return last != NULL && (strcmp(last, "_LAST") == 0 || strcmp(last, "_KINDS") == 0);
}

static bool is_interface(Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	return dwarf_tag(die) == DW_TAG_enumeration_type && name != NULL &&
	       starts(name, "abi_interface_");
}

/* The version of the interface that room is named after: the probe's first enumerator of
 * it. 0: the header declares none. */
static unsigned version_of(const struct listing *listing, const char *room)
{
	char *name = tool_print("abi_interface_%s", room);
	Dwarf_Die unit = listing->dwarf.unit, die, version;
	unsigned found = 0;

	if (dwarf_child(&unit, &die) == 0)
		do {
			if (is_interface(&die) && strcmp(dwarf_diename(&die), name) == 0 &&
			    dwarf_child(&die, &version) == 0)
				found = (unsigned)value_of(&die, &version);
		} while (dwarf_siblingof(&die, &die) == 0);
	free(name);
	return found;
}

/* ---- numbers, enumerators ------------------------------------------------------------- */

static void number_list(struct listing *listing, const char *room, const char *name,
			Dwarf_Sword value)
{
	const char *macro = "abi_number_";
	bool is_macro = starts(name, macro);
	unsigned version = room[0] == '\0' ? 0 : version_of(listing, room);

	if (is_bound(name))
		return;
	tool_text_add(&listing->text, is_macro ? "number " : "value ");
	if (version != 0)
		tool_text_add(&listing->text, "%s/%u:", room, version);
	tool_text_add(&listing->text, "%s %ld\n", name + (is_macro ? strlen(macro) : 0), value);
}

/* Operations have their own records; in a header without an interface there are only the
 * numbers of a module's own slots. */
static bool enum_list(struct listing *listing, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);
	size_t length = name == NULL ? 0 : strlen(name);
	bool is_op = length > 3 && strcmp(name + length - 3, "_op") == 0;
	Dwarf_Die enumerator;
	char *room;

	if (dwarf_tag(die) != DW_TAG_enumeration_type || is_interface(die) || is_op)
		return true;
	room = room_of(die);
	if (room != NULL && (room[0] == '\0' || version_of(listing, room) != 0) &&
	    dwarf_child(die, &enumerator) == 0)
		do
			number_list(listing, room, dwarf_diename(&enumerator),
				    value_of(die, &enumerator));
		while (dwarf_siblingof(&enumerator, &enumerator) == 0);
	free(room);
	return true;
}

/* ---- published symbols ---------------------------------------------------------------- */

/* One word for the type that @die refers to: as its member would have, or its bytes. */
static bool type_add(struct listing *listing, Dwarf_Die *die, const char *what)
{
	struct tool_text members = {0};
	Dwarf_Attribute attribute;
	Dwarf_Die type;
	uint64_t size;
	bool good = true;

	if (dwarf_formref_die(dwarf_attr(die, DW_AT_type, &attribute), &type) == NULL)
		tool_text_add(&listing->text, "void");
	else if (!dwarf_layout(&type, what, true, &members, &size))
		good = false;
	else if (members.text != NULL && starts(members.text, " . "))
		tool_text_add(&listing->text, "%.*s", (int)strcspn(members.text + 3, " "),
			      members.text + 3);
	else
		tool_text_add(&listing->text, "%lu", size);
	tool_text_free(&members);
	return good;
}

static bool function_add(struct listing *listing, Dwarf_Die *function, const char *what)
{
	const char *between = "(";
	Dwarf_Die parameter;
	bool good = type_add(listing, function, what);

	if (dwarf_child(function, &parameter) == 0)
		do {
			tool_text_add(&listing->text, "%s", between);
			between = ", ";
			if (dwarf_tag(&parameter) == DW_TAG_unspecified_parameters)
				tool_text_add(&listing->text, "...");
			else
				good &= type_add(listing, &parameter, what);
		} while (dwarf_siblingof(&parameter, &parameter) == 0);
	tool_text_add(&listing->text, between[0] == '(' ? "(void)\n" : ")\n");
	return good;
}

/* abi_published_NAME, a pointer to what NAME is. */
static bool function_list(struct listing *listing, Dwarf_Die *die)
{
	const char *prefix = "abi_published_", *name = dwarf_diename(die);
	Dwarf_Attribute attribute;
	Dwarf_Die pointer, type;
	bool good;

	if (dwarf_tag(die) != DW_TAG_variable || !starts(name, prefix) ||
	    dwarf_formref_die(dwarf_attr(die, DW_AT_type, &attribute), &pointer) == NULL ||
	    dwarf_formref_die(dwarf_attr(&pointer, DW_AT_type, &attribute), &type) == NULL)
		return true;
	name += strlen(prefix);
	tool_text_add(&listing->text, "function %s ", name);
	if (dwarf_tag(&type) == DW_TAG_subroutine_type)
		return function_add(listing, &type, name);
	good = type_add(listing, &pointer, name);
	tool_text_add(&listing->text, "\n");
	return good;
}

/* ---- structs -------------------------------------------------------------------------- */

static bool struct_list(struct listing *listing, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);
	bool is_union = dwarf_tag(die) == DW_TAG_union_type, good = true;
	struct tool_text members = {0};
	uint64_t size;
	char *room;

	if ((!is_union && dwarf_tag(die) != DW_TAG_structure_type) || !starts(name, "ths_") ||
	    dwarf_hasattr(die, DW_AT_declaration))
		return true;
	room = room_of(die);
	if (room != NULL && room[0] == '\0') {
		good = dwarf_layout(die, name, true, &members, &size);
		listing->structs = tool_grow(listing->structs, (listing->count + 1) *
								       sizeof(char *));
		listing->structs[listing->count++] =
			tool_print("%s %s %lu\n%s", is_union ? "union" : "struct", name,
				   size, members.text == NULL ? "" : members.text);
	}
	tool_text_free(&members);
	free(room);
	return good;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* By name: in which order compilers describe them is theirs. */
static bool structs_list(struct listing *listing)
{
	bool good = each(listing, struct_list);

	qsort(listing->structs, listing->count, sizeof(char *), by_name);
	for (size_t i = 0; i < listing->count; i++) {
		tool_text_add(&listing->text, "%s", listing->structs[i]);
		free(listing->structs[i]);
	}
	free(listing->structs);
	return good;
}

/* ---- interfaces ----------------------------------------------------------------------- */

static bool op_list(struct listing *listing, const char *iface, unsigned number,
		    const char *op, Dwarf_Sword flags)
{
	unsigned version = version_of(listing, iface);
	struct tool_text members = {0};
	Dwarf_Die type;
	uint64_t size;
	bool good = dwarf_arguments(&listing->dwarf, iface, number, op, &type) &&
		    dwarf_layout(&type, op, true, &members, &size);

	if (good)
		tool_text_add(&listing->text, "op %s/%u:%s %lu number %u flags %ld\n%s", iface,
			      version, op, size, number, flags,
			      members.text == NULL ? "" : members.text);
	else
		tool_warn("operation %s of %s is not in the debug information", op, iface);
	tool_text_free(&members);
	return good;
}

/* enum abi_interface_NAME: the version, then each operation's flags. */
static bool interface_list(struct listing *listing, Dwarf_Die *die)
{
	const char *iface;
	char *prefix;
	Dwarf_Die enumerator;
	unsigned number = 0;
	bool good = true;

	if (!is_interface(die) || dwarf_child(die, &enumerator) != 0)
		return true;
	iface = dwarf_diename(die) + strlen("abi_interface_");
	prefix = tool_print("abi_%s_op_", iface);
	while (dwarf_siblingof(&enumerator, &enumerator) == 0)
		good &= op_list(listing, iface, number++,
				dwarf_diename(&enumerator) + strlen(prefix),
				value_of(die, &enumerator));
	free(prefix);
	return good;
}

/* ---- modules -------------------------------------------------------------------------- */

/* The tables and blobs of a module, but for those that another has said alike. */
static bool module_list(struct listing *listing, const char *path)
{
	struct ths_schema_cursor cursor;
	struct ths_schema_record record;
	struct ths_reason reason;
	struct ths_tmod tmod;
	struct tool_file file;

	if (!tool_read(path, &file))
		return false;
	if (ths_tmod_open(&tmod, file.data, file.size, &reason) != THS_OK) {
		tool_warn("%s: %s", path, reason.text);
		free(file.data);
		return false;
	}
	ths_schema_rewind(&cursor, &tmod.schema);
	while (ths_schema_next(&cursor, &record) == THS_OK) {
		char *text;

		if (record.kind != THS_SCHEMA_TABLE && record.kind != THS_SCHEMA_BLOB)
			continue;
		text = tool_print("%s %.*s %u\n%.*s",
				  record.kind == THS_SCHEMA_TABLE ? "table" : "blob",
				  (int)record.name_length, record.name, record.layout.size,
				  (int)record.layout.length, record.layout.text);
		if (strstr(listing->text.text, text) == NULL)
			tool_text_add(&listing->text, "%s", text);
		free(text);
	}
	free(file.data);
	return true;
}

/* ---- the whole ------------------------------------------------------------------------ */

static enum tool_status list(const char *probe, char **modules)
{
	struct listing listing = {0};
	bool good;

	if (!dwarf_open(&listing.dwarf, probe))
		return TOOL_UNREADABLE;
	good = each(&listing, enum_list) && each(&listing, function_list) &&
	       structs_list(&listing) && each(&listing, interface_list);
	dwarf_close(&listing.dwarf);
	for (; good && *modules != NULL; modules++)
		good = module_list(&listing, *modules);
	if (good && fputs(listing.text.text, stdout) == EOF)
		good = false;
	tool_text_free(&listing.text);
	return good && fflush(stdout) == 0 ? TOOL_OK : TOOL_REFUSED;
}

int main(int argc, char **argv)
{
	tool_name = "signatures";
	if (argc > 3 && strcmp(argv[1], "list") == 0)
		return list(argv[2], argv + 3);
	if (argc == 4 && strcmp(argv[1], "compare") == 0)
		return step_compare(argv[2], argv[3]);
	tool_warn("list PROBE.o MODULE.tmod..., or compare OLD NEW");
	return TOOL_USAGE;
}

/*
 * dwarf - see dwarf.h; the form of a member's line is that of theseus-schema(5).
 *
 * A type is walked from the outside in. Structs and unions vanish: their members get
 * paths. Typedefs and qualifiers vanish. Arrays of arrays become one with several
 * dimensions, which is what both compilers mean by either. What is left are scalars.
 */
#include "dwarf.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#define NESTED_MAX 32u /* structs within structs; more only a damaged file has */

/* ---- finding ---------------------------------------------------------------------- */

static bool is_descriptor(Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	return dwarf_tag(die) == DW_TAG_variable && name != NULL &&
	       strncmp(name, "ths_module_", strlen("ths_module_")) == 0;
}

static bool unit_find(struct dwarf *dwarf, Dwfl_Module *module)
{
	Dwarf_Die *unit = NULL, die;
	Dwarf_Addr bias;

	while ((unit = dwfl_module_nextcu(module, unit, &bias)) != NULL) {
		if (dwarf_child(unit, &die) != 0)
			continue;
		do {
			if (!is_descriptor(&die))
				continue;
			dwarf->unit = *unit;
			return true;
		} while (dwarf_siblingof(&die, &die) == 0);
	}
	return false;
}

/* Debug information that is not in the file is not looked for elsewhere. */
static int find_nothing(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
			const char *file, const char *link, GElf_Word crc, char **path)
{
	(void)module, (void)data, (void)name, (void)base;
	(void)file, (void)link, (void)crc, (void)path;
	return -1;
}

bool dwarf_open(struct dwarf *dwarf, const char *path)
{
	static const Dwfl_Callbacks callbacks = {
		.section_address = dwfl_offline_section_address,
		.find_debuginfo = find_nothing};
	Dwfl_Module *module;

	dwarf->dwfl = dwfl_begin(&callbacks);
	module = dwarf->dwfl == NULL
			 ? NULL
			 : dwfl_report_offline(dwarf->dwfl, "", path, -1);
	if (module == NULL) {
		tool_warn("%s: %s", path, dwfl_errmsg(-1));
	} else {
		dwfl_report_end(dwarf->dwfl, NULL, NULL);
		if (unit_find(dwarf, module))
			return true;
		tool_warn("%s: no debug information of a module: compile with -g", path);
	}
	dwarf_close(dwarf);
	return false;
}

void dwarf_close(struct dwarf *dwarf)
{
	if (dwarf->dwfl != NULL)
		dwfl_end(dwarf->dwfl);
	dwarf->dwfl = NULL;
}

/* A definition at the top of the unit, by its name. */
static bool find(const struct dwarf *dwarf, const char *name, bool (*is_wanted)(int tag),
		 Dwarf_Die *found)
{
	Dwarf_Die unit = dwarf->unit;

	if (dwarf_child(&unit, found) != 0)
		return false;
	do {
		const char *is = dwarf_diename(found);

		if (is != NULL && strcmp(is, name) == 0 && is_wanted(dwarf_tag(found)) &&
		    !dwarf_hasattr(found, DW_AT_declaration))
			return true;
	} while (dwarf_siblingof(found, found) == 0);
	return false;
}

static bool is_struct(int tag)
{
	return tag == DW_TAG_structure_type;
}

static bool is_union(int tag)
{
	return tag == DW_TAG_union_type;
}

static bool is_plain(int tag)
{
	return tag == DW_TAG_typedef || tag == DW_TAG_base_type;
}

bool dwarf_type(const struct dwarf *dwarf, const char *name, Dwarf_Die *type)
{
	if (strncmp(name, "struct ", 7) == 0)
		return find(dwarf, name + 7, is_struct, type);
	if (strncmp(name, "union ", 6) == 0)
		return find(dwarf, name + 6, is_union, type);
	return find(dwarf, name, is_plain, type);
}

/* The type that @die refers to, without typedefs and qualifiers. */
static bool type_of(Dwarf_Die *die, Dwarf_Die *type)
{
	Dwarf_Attribute attribute;

	return dwarf_formref_die(dwarf_attr(die, DW_AT_type, &attribute), type) != NULL &&
	       dwarf_peel_type(type, type) == 0;
}

/* Child @number of @die that has @tag. */
static bool child_at(Dwarf_Die *die, int tag, unsigned number, Dwarf_Die *child)
{
	if (dwarf_child(die, child) != 0)
		return false;
	do {
		if (dwarf_tag(child) == tag && number-- == 0)
			return true;
	} while (dwarf_siblingof(child, child) == 0);
	return false;
}

/* In struct IFACE_ops: enum ths_err (*op)(struct ths_call *, TYPE *). */
bool dwarf_arguments(const struct dwarf *dwarf, const char *iface, unsigned number,
		     const char *op, Dwarf_Die *type)
{
	char *name = tool_print("%s_ops", iface);
	Dwarf_Die ops, member, function, argument;
	bool found = find(dwarf, name, is_struct, &ops) &&
		     child_at(&ops, DW_TAG_member, number, &member) &&
		     strcmp(dwarf_diename(&member), op) == 0 &&
		     type_of(&member, &function) && /* a pointer to it, so far */
		     type_of(&function, &function) &&
		     child_at(&function, DW_TAG_formal_parameter, 1, &argument) &&
		     type_of(&argument, type) && type_of(type, type);

	free(name);
	return found;
}

/* ---- walking ---------------------------------------------------------------------- */

struct walk {
	const char *what; /* for messages */
	bool pointers;
	struct tool_text *members;
	unsigned depth;
};

static bool refuse(const struct walk *walk, const char *path, const char *why)
{
	tool_warn("%s: member %s %s", walk->what, path, why);
	return false;
}

static Dwarf_Word word_of(Dwarf_Die *die, unsigned attribute, Dwarf_Word otherwise)
{
	Dwarf_Attribute found;
	Dwarf_Word value;

	return dwarf_formudata(dwarf_attr(die, attribute, &found), &value) == 0
		       ? value
		       : otherwise;
}

/* What a base type is called, without its size; NULL: no layout has such. */
static const char *base_kind(Dwarf_Die *base)
{
	const char *name = dwarf_diename(base);

	switch (word_of(base, DW_AT_encoding, 0)) {
	case DW_ATE_boolean:
		return "bool";
	case DW_ATE_signed_char:
		return name != NULL && strcmp(name, "char") == 0 ? "char" : "i";
	case DW_ATE_signed:
		return "i";
	case DW_ATE_unsigned_char:
	case DW_ATE_unsigned:
	case DW_ATE_UTF:
		return "u";
	case DW_ATE_float:
		return "f";
	default:
		return NULL;
	}
}

/* The kind of a scalar: "u32"; memory of its own. NULL: refused. */
static char *scalar_kind(const struct walk *walk, Dwarf_Die *type, const char *path)
{
	Dwarf_Die base = *type;
	const char *kind;

	switch (dwarf_tag(type)) {
	case DW_TAG_pointer_type:
		if (walk->pointers)
			return tool_print("ptr");
		refuse(walk, path, "is a pointer");
		return NULL;
	case DW_TAG_enumeration_type: /* what it is stored as */
		if (!type_of(type, &base)) {
			refuse(walk, path, "is an enum of no known type");
			return NULL;
		}
		break;
	case DW_TAG_base_type:
		break;
	default:
		refuse(walk, path, "is of a kind that has no place in a layout");
		return NULL;
	}
	kind = base_kind(&base);
	if (kind == NULL)
		refuse(walk, path, "is of a kind that has no place in a layout");
	else if (kind[1] != '\0')
		return tool_print("%s", kind);
	return kind == NULL ? NULL
			    : tool_print("%s%u", kind, 8u * (unsigned)dwarf_bytesize(type));
}

static bool is_aggregate(Dwarf_Die *type)
{
	return is_struct(dwarf_tag(type)) || is_union(dwarf_tag(type));
}

static bool walk_members(struct walk *walk, Dwarf_Die *type, const char *path,
			 uint64_t offset);

/* Takes the dimensions off @type, which is its elements then: "[4][2]". */
static bool dimensions_take(const struct walk *walk, Dwarf_Die *type, const char *path,
			    struct tool_text *dimensions)
{
	Dwarf_Die range;

	while (dwarf_tag(type) == DW_TAG_array_type) {
		if (dwarf_hasattr(type, DW_AT_GNU_vector))
			return refuse(walk, path, "is a vector");
		for (unsigned i = 0; child_at(type, DW_TAG_subrange_type, i, &range);
		     i++) {
			Dwarf_Word count =
				word_of(&range, DW_AT_upper_bound, (Dwarf_Word)-1) + 1;

			count = word_of(&range, DW_AT_count, count);
			if (count == 0)
				return refuse(walk, path, "is an array of no known length");
			tool_text_add(dimensions, "[%lu]", (unsigned long)count);
		}
		if (!type_of(type, type))
			return refuse(walk, path, "is an array of nothing");
	}
	return true;
}

static bool walk_array(struct walk *walk, Dwarf_Die *array, const char *path,
		       uint64_t offset)
{
	struct tool_text dimensions = {0};
	Dwarf_Die element = *array;
	bool good = dimensions_take(walk, &element, path, &dimensions);
	char *kind = NULL, *within = tool_print("%s[]", path);

	if (good && is_aggregate(&element))
		kind = tool_print("%d", dwarf_bytesize(&element));
	else if (good)
		kind = scalar_kind(walk, &element, path);
	if (kind != NULL)
		tool_text_add(walk->members, " %s %s%s %lu\n", path, kind, dimensions.text,
			      offset);
	if (kind != NULL && is_aggregate(&element))
		good = walk_members(walk, &element, within, offset);
	good = good && kind != NULL;
	free(kind);
	free(within);
	tool_text_free(&dimensions);
	return good;
}

/* @type, free of typedefs, at @offset. */
static bool walk_type(struct walk *walk, Dwarf_Die *type, const char *path,
		      uint64_t offset)
{
	char *kind;

	if (is_aggregate(type))
		return walk_members(walk, type, path, offset);
	if (dwarf_tag(type) == DW_TAG_array_type)
		return walk_array(walk, type, path, offset);
	kind = scalar_kind(walk, type, path);
	if (kind != NULL)
		tool_text_add(walk->members, " %s %s %lu\n", path, kind, offset);
	free(kind);
	return kind != NULL;
}

static bool walk_member(struct walk *walk, Dwarf_Die *member, const char *path,
			uint64_t offset)
{
	const char *name = dwarf_diename(member);
	Dwarf_Die type;
	char *full;
	bool good;

	/* What has no name is no part of the path: C does not see it either. */
	full = name == NULL ? tool_print("%s", path)
			    : tool_print("%s%s%s", path, path[0] == '\0' ? "" : ".", name);
	offset += word_of(member, DW_AT_data_member_location, 0);
	if (dwarf_hasattr(member, DW_AT_bit_size))
		good = refuse(walk, full, "is a bit-field");
	else if (!type_of(member, &type))
		good = refuse(walk, full, "has no type");
	else
		good = walk_type(walk, &type, full, offset);
	free(full);
	return good;
}

static bool walk_members(struct walk *walk, Dwarf_Die *type, const char *path,
			 uint64_t offset)
{
	Dwarf_Die member;
	bool good = true;

	if (dwarf_hasattr(type, DW_AT_declaration))
		return refuse(walk, path, "is of a type that is not complete");
	if (walk->depth == NESTED_MAX)
		return refuse(walk, path, "is nested too deeply");
	walk->depth++;
	for (unsigned i = 0; good && child_at(type, DW_TAG_member, i, &member); i++)
		good = walk_member(walk, &member, path, offset);
	walk->depth--;
	return good;
}

bool dwarf_layout(Dwarf_Die *type, const char *what, bool pointers,
		  struct tool_text *members, uint64_t *size)
{
	struct walk walk = {.what = what, .pointers = pointers, .members = members};
	Dwarf_Die plain;

	if (dwarf_peel_type(type, &plain) != 0 ||
	    dwarf_aggregate_size(&plain, size) != 0) {
		tool_warn("%s: its type has no size", what);
		return false;
	}
	return walk_type(&walk, &plain, is_aggregate(&plain) ? "" : ".", 0);
}

/*
 * lines - see lines.h.
 *
 * The unit is found by asking each for its ranges: clang writes no .debug_aranges.
 */
#include "lines.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

#include "check/tool.h"

static int find_nothing(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
			const char *file, const char *link, GElf_Word crc, char **path)
{
	(void)module, (void)data, (void)name, (void)base;
	(void)file, (void)link, (void)crc, (void)path;
	return -1; /* L1 */
}

/* libdwfl has given each section of a relocatable file an address. */
static uint64_t text_of(Dwfl_Module *module)
{
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(module, &bias);
	GElf_Ehdr header;
	size_t names;

	if (elf == NULL || gelf_getehdr(elf, &header) == NULL || header.e_type != ET_REL ||
	    elf_getshdrstrndx(elf, &names) != 0)
		return 0;
	for (Elf_Scn *scn = elf_nextscn(elf, NULL); scn; scn = elf_nextscn(elf, scn)) {
		GElf_Shdr section;
		const char *name;

		if (gelf_getshdr(scn, &section) == NULL)
			continue;
		name = elf_strptr(elf, names, section.sh_name);
		if (name != NULL && strcmp(name, ".text") == 0)
			return section.sh_addr + bias;
	}
	return 0;
}

bool lines_open(struct lines *lines, const char *path)
{
	static const Dwfl_Callbacks callbacks = {
		.section_address = dwfl_offline_section_address,
		.find_debuginfo = find_nothing};

	lines->dwfl = dwfl_begin(&callbacks);
	lines->module = lines->dwfl == NULL
				? NULL
				: dwfl_report_offline(lines->dwfl, "", path, -1);
	if (lines->module == NULL) {
		tool_warn("%s: %s", path, dwfl_errmsg(-1));
		lines_close(lines);
		return false;
	}
	dwfl_report_end(lines->dwfl, NULL, NULL);
	lines->text = text_of(lines->module);
	return true;
}

void lines_close(struct lines *lines)
{
	if (lines->dwfl != NULL)
		dwfl_end(lines->dwfl);
	lines->dwfl = NULL;
	lines->module = NULL;
}

/* "./a.c" is "a.c". */
static const char *plain(const char *path)
{
	while (path != NULL && strncmp(path, "./", 2) == 0)
		path += 2;
	return path;
}

static bool unit_find(const struct lines *lines, Dwarf_Addr address, Dwarf_Die *unit,
		      Dwarf_Addr *bias)
{
	Dwarf_Die *at = NULL;

	while ((at = dwfl_module_nextcu(lines->module, at, bias)) != NULL) {
		if (dwarf_haspc(at, address - *bias) <= 0)
			continue;
		*unit = *at;
		return true;
	}
	return false;
}

static bool is_function(Dwarf_Die *die)
{
	return dwarf_tag(die) == DW_TAG_inlined_subroutine ||
	       dwarf_tag(die) == DW_TAG_subprogram;
}

/* Where @inlined was called from, into @frame. */
static void call_read(Dwarf_Die *unit, Dwarf_Die *inlined, struct lines_frame *frame)
{
	Dwarf_Attribute attribute;
	Dwarf_Files *files;
	Dwarf_Word value;
	size_t count;

	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &value) == 0 &&
	    dwarf_getsrcfiles(unit, &files, &count) == 0 && value < count)
		frame->file = plain(dwarf_filesrc(files, value, NULL, NULL));
	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &value) == 0)
		frame->line = (int)value;
}

/* L2: the scopes around @address, as they lie in the code. */
static void frames_name(Dwarf_Die *unit, Dwarf_Addr address, struct lines_found *found)
{
	Dwarf_Die *scopes = NULL, inner;
	int count = dwarf_getscopes(unit, address, &scopes);

	if (count <= 0)
		return;
	inner = scopes[0]; /* the others are those of where it was defined */
	free(scopes);
	scopes = NULL;
	count = dwarf_getscopes_die(&inner, &scopes);
	for (int i = 0; i < count && found->frames < LINES_FRAMES_MAX; i++) {
		struct lines_frame *frame = &found->frame[found->frames - 1];

		if (!is_function(&scopes[i]))
			continue;
		frame->function = dwarf_diename(&scopes[i]);
		if (dwarf_tag(&scopes[i]) == DW_TAG_subprogram)
			break;
		call_read(unit, &scopes[i], &found->frame[found->frames++]);
	}
	free(scopes);
}

/* Data has symbols, too; and a number may look like its address. */
static bool is_code(const struct lines *lines, GElf_Word section)
{
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(lines->module, &bias);
	GElf_Shdr header;

	return elf != NULL && gelf_getshdr(elf_getscn(elf, section), &header) != NULL &&
	       (header.sh_flags & SHF_EXECINSTR) != 0;
}

bool lines_find(const struct lines *lines, uint64_t at, unsigned back,
		struct lines_found *found)
{
	Dwarf_Addr address = lines->text + at - back, bias;
	GElf_Word section = SHN_UNDEF;
	Dwarf_Line *line;
	GElf_Off offset;
	GElf_Sym symbol;
	Dwarf_Die unit;
	int number;

	memset(found, 0, sizeof(*found));
	found->symbol = dwfl_module_addrinfo(lines->module, address, &offset, &symbol,
					     &section, NULL, NULL);
	if (found->symbol == NULL || !is_code(lines, section))
		return false;
	found->offset = offset + back;
	if (!unit_find(lines, address, &unit, &bias))
		return true;
	found->frames = 1;
	line = dwarf_getsrc_die(&unit, address - bias);
	if (line != NULL) {
		found->frame[0].file = plain(dwarf_linesrc(line, NULL, NULL));
		if (dwarf_lineno(line, &number) == 0)
			found->frame[0].line = number;
	}
	frames_name(&unit, address - bias, found);
	return true;
}

bool lines_has(const struct lines *lines, const char *name, uint64_t at)
{
	int count = dwfl_module_getsymtab(lines->module);

	for (int i = 1; i < count; i++) {
		GElf_Addr value;
		GElf_Sym symbol;
		const char *is = dwfl_module_getsym_info(lines->module, i, &symbol, &value,
							 NULL, NULL, NULL);

		if (is != NULL && value == at && strncmp(is, name, 63) == 0)
			return true;
	}
	return false;
}

/*
 * object - see object.h.
 */
#include "object.h"

#include <stdlib.h>
#include <string.h>
#include <theseus/tmod.h>

#include "tool.h"

static const char *sections_read(struct object *object, Elf *elf)
{
	size_t names;

	if (elf_getshdrnum(elf, &object->section_count) != 0 ||
	    elf_getshdrstrndx(elf, &names) != 0)
		return elf_errmsg(-1);
	object->sections = tool_alloc(object->section_count * sizeof(*object->sections));
	for (size_t i = 1; i < object->section_count; i++) {
		struct object_section *section = &object->sections[i];
		Elf_Scn *scn = elf_getscn(elf, i);
		const void *raw = scn == NULL ? NULL : elf64_getshdr(scn);
		const Elf64_Shdr *header = &section->header;
		Elf_Data *data;

		if (raw == NULL)
			return elf_errmsg(-1);
		memcpy(&section->header, raw, sizeof(section->header)); /* not aligned */
		section->name = elf_strptr(elf, names, header->sh_name);
		if (section->name == NULL)
			return elf_errmsg(-1);
		if (header->sh_type == SHT_NOBITS || header->sh_type == SHT_NULL ||
		    header->sh_size == 0)
			continue;
		data = elf_rawdata(scn, NULL);
		if (data == NULL || data->d_buf == NULL ||
		    data->d_size != header->sh_size)
			return "truncated: a section lies beyond the end of the file";
		section->data = data->d_buf;
	}
	return NULL;
}

static const char *symbols_read(struct object *object, Elf *elf)
{
	for (size_t i = 1; i < object->section_count; i++) {
		const struct object_section *table = &object->sections[i];

		if (table->header.sh_type != SHT_SYMTAB || table->data == NULL)
			continue;
		if (object->symbols != NULL)
			return "two symbol tables";
		object->symbol_count = table->header.sh_size / sizeof(Elf64_Sym);
		object->symbols =
			tool_alloc(object->symbol_count * sizeof(*object->symbols));
		for (size_t k = 0; k < object->symbol_count; k++) {
			struct object_symbol *symbol = &object->symbols[k];

			memcpy(&symbol->elf, table->data + k * sizeof(Elf64_Sym),
			       sizeof(Elf64_Sym));
			symbol->name = elf_strptr(elf, table->header.sh_link,
						  symbol->elf.st_name);
			if (symbol->name == NULL)
				return "a symbol's name lies outside the string table";
			if (ELF64_ST_TYPE(symbol->elf.st_info) == STT_SECTION &&
			    symbol->elf.st_shndx < object->section_count &&
			    symbol->elf.st_shndx != 0)
				symbol->name =
					object->sections[symbol->elf.st_shndx].name;
		}
	}
	return NULL;
}

const char *object_open(struct object *object, Elf *elf)
{
	const void *header;
	const char *wrong;

	memset(object, 0, sizeof(*object));
	if (elf == NULL || elf_kind(elf) != ELF_K_ELF)
		return "not an ELF file";
	header = elf64_getehdr(elf);
	if (header == NULL)
		return "not an ELF64 file";
	memcpy(&object->header, header, sizeof(object->header)); /* likewise */
	if (object->header.e_machine != EM_X86_64)
		return "not for x86_64";
	wrong = sections_read(object, elf);
	/* libelf says of headers beyond the end of the file that there are none. */
	if (wrong == NULL && object->section_count < object->header.e_shnum)
		wrong = "truncated: the section headers lie beyond the end of the file";
	if (wrong == NULL)
		wrong = symbols_read(object, elf);
	if (wrong != NULL)
		object_close(object);
	return wrong;
}

void object_close(struct object *object)
{
	free(object->sections);
	free(object->symbols);
	memset(object, 0, sizeof(*object));
}

bool object_is_code(const struct object_section *section)
{
	return (section->header.sh_flags & SHF_ALLOC) != 0 &&
	       (section->header.sh_flags & SHF_EXECINSTR) != 0 && section->data != NULL;
}

bool object_is_writable(const struct object_section *section)
{
	return (section->header.sh_flags & SHF_ALLOC) != 0 &&
	       (section->header.sh_flags & SHF_WRITE) != 0 &&
	       section->header.sh_size != 0;
}

const struct object_symbol *object_symbol_at(const struct object *object, size_t index,
					     uint64_t offset)
{
	const struct object_symbol *best = NULL;

	for (size_t i = 1; i < object->symbol_count; i++) {
		const struct object_symbol *symbol = &object->symbols[i];
		unsigned type = ELF64_ST_TYPE(symbol->elf.st_info);

		if (symbol->elf.st_shndx != index || symbol->elf.st_value > offset ||
		    type == STT_SECTION || type == STT_FILE || symbol->name[0] == '\0')
			continue;
		/* Labels of assembly have no size; they hold what follows them. */
		if (symbol->elf.st_size != 0 &&
		    offset - symbol->elf.st_value >= symbol->elf.st_size)
			continue;
		if (best == NULL || symbol->elf.st_value >= best->elf.st_value)
			best = symbol;
	}
	return best;
}

char *object_place(const struct object *object, size_t index, uint64_t offset)
{
	const struct object_symbol *symbol = object_symbol_at(object, index, offset);
	const char *section = object->sections[index].name;

	if (symbol == NULL)
		return tool_print("%s+0x%lx", section, offset);
	return tool_print("%s+0x%lx (%s+0x%lx)", section, offset, symbol->name,
			  offset - symbol->elf.st_value);
}

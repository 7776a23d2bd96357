/*
 * kernel - what the image must know of the kernel: its functions, for backtraces, and
 * its programs, so that one that the manifest starts but nobody wrote is refused here
 * and not by a machine that does nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "check/object.h"
#include "image.h"

struct symbol {
	uint64_t address;
	const char *name;
	uint64_t size;
};

static int symbol_order(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return strcmp(x->name, y->name);
}

bool kernel_symbols(const char *path, const struct tool_file *kernel,
		    struct tool_text *lines)
{
	struct object object;
	struct symbol *symbols;
	size_t count = 0;
	const char *wrong;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_memory((char *)kernel->data, kernel->size);
	wrong = object_open(&object, elf);
	if (wrong == NULL && object.header.e_type != ET_EXEC) {
		wrong = "not a linked kernel";
		object_close(&object);
	}
	if (wrong != NULL) {
		tool_warn("%s: %s", path, wrong);
		elf_end(elf);
		return false;
	}
	symbols = tool_alloc(object.symbol_count * sizeof(*symbols));
	for (size_t i = 1; i < object.symbol_count; i++) {
		const struct object_symbol *symbol = &object.symbols[i];

		if (ELF64_ST_TYPE(symbol->elf.st_info) == STT_FUNC &&
		    symbol->elf.st_shndx != SHN_UNDEF)
			symbols[count++] = (struct symbol){
				symbol->elf.st_value, symbol->name, symbol->elf.st_size};
	}
	qsort(symbols, count, sizeof(*symbols), symbol_order);
	for (size_t i = 0; i < count; i++)
		tool_text_add(lines, "%016lx %s\n", symbols[i].address, symbols[i].name);
	if (count != 0) /* where the last one ends */
		tool_text_add(lines, "%016lx (end)\n",
			      symbols[count - 1].address + symbols[count - 1].size);
	free(symbols);
	object_close(&object);
	elf_end(elf);
	return true;
}

/* Multiboot2 Specification, "The layout of Multiboot2 header": within the first 32768
 * bytes, at a multiple of 8; magic, architecture, length and checksum add up to 0. */
bool kernel_is_multiboot2(const struct tool_file *kernel)
{
	for (size_t at = 0; at + 16 <= kernel->size && at + 16 <= 32768; at += 8) {
		uint32_t word[4];

		memcpy(word, kernel->data + at, sizeof(word));
		if (word[0] == 0xe85250d6u && word[0] + word[1] + word[2] + word[3] == 0)
			return true;
	}
	return false;
}

/* @size bytes at a linked address; NULL: not in the file. */
static const uint8_t *bytes_at(const struct object *object, uint64_t address,
			       uint64_t size)
{
	for (size_t i = 1; i < object->section_count; i++) {
		const struct object_section *section = &object->sections[i];
		uint64_t offset = address - section->header.sh_addr;

		if ((section->header.sh_flags & SHF_ALLOC) != 0 &&
		    section->data != NULL && address >= section->header.sh_addr &&
		    offset < section->header.sh_size &&
		    size <= section->header.sh_size - offset)
			return section->data + offset;
	}
	return NULL;
}

static const char *string_at(const struct object *object, uint64_t address)
{
	for (uint64_t length = 1;; length++) {
		const uint8_t *string = bytes_at(object, address, length);

		if (string == NULL || string[length - 1] == '\0')
			return (const char *)string;
	}
}

/* The value of a symbol; 0: not there. */
static uint64_t symbol_value(const struct object *object, const char *name)
{
	for (size_t i = 1; i < object->symbol_count; i++)
		if (strcmp(object->symbols[i].name, name) == 0)
			return object->symbols[i].elf.st_value;
	return 0;
}

bool kernel_has_program(const struct tool_file *kernel, const char *name)
{
	Elf *elf = elf_memory((char *)kernel->data, kernel->size);
	struct object object;
	bool found = false;

	if (object_open(&object, elf) == NULL) {
		uint64_t end = symbol_value(&object, "__stop_ths_programs");

		/* struct ths_program of nano_core.h: two pointers, the first to its name.
		 */
		for (uint64_t at = symbol_value(&object, "__start_ths_programs");
		     at != 0 && at < end && !found; at += 16) {
			const uint8_t *entry = bytes_at(&object, at, 16);
			const char *program = NULL;
			uint64_t address;

			if (entry != NULL) {
				memcpy(&address, entry, sizeof(address));
				program = string_at(&object, address);
			}
			found = program != NULL && strcmp(program, name) == 0;
		}
		object_close(&object);
	}
	elf_end(elf);
	return found;
}

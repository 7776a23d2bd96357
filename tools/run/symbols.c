/*
 * symbols - names for addresses in the kernel, from the symbol table of its file.
 *
 * Looked up one by one, by going over the whole table: a run asks a few dozen times, once,
 * before it ends. Functions only; one in assembly needs its .type and .size.
 */
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <unistd.h>

#include "run.h"

struct run_symbols {
	int fd;
	Elf *elf;
	Elf_Data *table;
	size_t count;
	size_t strings; /* section of their names */
};

static bool find_table(struct run_symbols *symbols)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(symbols->elf, section))) {
		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_SYMTAB)
			continue;
		symbols->table = elf_getdata(section, NULL);
		symbols->strings = header.sh_link;
		symbols->count = header.sh_entsize && symbols->table
					 ? header.sh_size / header.sh_entsize
					 : 0;
		return symbols->count > 0;
	}
	return false;
}

struct run_symbols *symbols_open(const char *path)
{
	struct run_symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols || elf_version(EV_CURRENT) == EV_NONE) {
		free(symbols);
		return NULL;
	}
	symbols->fd = open(path, O_RDONLY | O_CLOEXEC);
	symbols->elf = elf_begin(symbols->fd, ELF_C_READ, NULL);
	if (symbols->elf && find_table(symbols))
		return symbols;
	symbols_close(symbols);
	return NULL;
}

void symbols_close(struct run_symbols *symbols)
{
	if (!symbols)
		return;
	elf_end(symbols->elf);
	if (symbols->fd >= 0)
		close(symbols->fd);
	free(symbols);
}

static bool find(const struct run_symbols *symbols, uint64_t pc, GElf_Sym *symbol)
{
	for (size_t i = 0; symbols && i < symbols->count; i++)
		if (gelf_getsym(symbols->table, (int)i, symbol) &&
		    GELF_ST_TYPE(symbol->st_info) == STT_FUNC &&
		    pc - symbol->st_value < symbol->st_size)
			return true;
	return false;
}

bool symbols_name(const struct run_symbols *symbols, uint64_t pc, unsigned behind,
		  char *text, size_t size)
{
	const char *name;
	GElf_Sym symbol;

	if (!find(symbols, pc - behind, &symbol))
		return false;
	name = elf_strptr(symbols->elf, symbols->strings, symbol.st_name);
	if (name)
		snprintf(text, size, "%s+0x%llx", name,
			 (unsigned long long)(pc - symbol.st_value));
	return name;
}

/* The opcodes of a near call: e8 with 4 bytes to come, or ff /2 with 0 to 5. */
bool symbols_is_behind_call(const struct run_symbols *symbols, uint64_t pc)
{
	const unsigned char *end;
	GElf_Sym symbol;
	GElf_Shdr header;
	Elf_Scn *section;
	Elf_Data *data;

	if (!find(symbols, pc - 1, &symbol))
		return false;
	section = elf_getscn(symbols->elf, symbol.st_shndx);
	if (!section || !gelf_getshdr(section, &header) ||
	    !(data = elf_getdata(section, NULL)) || pc - header.sh_addr < 7 ||
	    pc - header.sh_addr > data->d_size)
		return false;
	end = (const unsigned char *)data->d_buf + (pc - header.sh_addr);
	if (end[-5] == 0xe8)
		return true;
	for (int len = 2; len <= 7; len++)
		if (len != 5 && end[-len] == 0xff && (end[1 - len] >> 3 & 7) == 2)
			return true;
	return false;
}

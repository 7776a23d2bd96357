/*
 * tmod_impl - how the two halves of tmod, the reader and the linker, look at an image.
 *
 * An image lies wherever the archive put it, so nothing in it is aligned: entries are
 * copied out, never pointed at. The functions here do not check; each says which check
 * of ths_tmod_open() makes it safe (E6).
 */
#pragma once

#include <elf.h>
#include <stdbool.h>
#include <theseus/string.h>
#include <theseus/tmod.h>

#define TMOD_NO_PLACE UINT64_MAX

/* Whether @length bytes at @offset lie in @whole; the sum is never formed, so it cannot
 * wrap. */
THS_INLINE bool tmod_within(uint64_t offset, uint64_t length, uint64_t whole)
{
	return length <= whole && offset <= whole - length;
}

/* Fills in @reason, which may be NULL, and hands @err back. */
enum ths_err ths_tmod_refuse(struct ths_reason *reason, enum ths_err err, const char *fmt,
			     ...) THS_PRINTF(3, 4);
/* "R_X86_64_PC32"; "?" where the number has no name. */
const char *ths_tmod_reloc_name(uint32_t kind);
/* E2, once all of the image is placed. */
enum ths_err ths_tmod_relocations_check(const struct ths_tmod *tmod,
					struct ths_reason *reason);

/* So many instructions, roughly, were spent on loading since the last call. In a kernel
 * others may run now, in a tool there are none. */
void ths_loader_work(uint32_t instructions) THS_WEAK;
THS_INLINE void tmod_work(uint64_t instructions)
{
	if (&ths_loader_work)
		ths_loader_work((uint32_t)instructions);
}

/* Safe for i < tmod->sections once the header was checked. */
THS_INLINE Elf64_Shdr tmod_section(const struct ths_tmod *tmod, uint32_t i)
{
	Elf64_Off table;
	Elf64_Shdr section;

	memcpy(&table, tmod->image + offsetof(Elf64_Ehdr, e_shoff), sizeof(table));
	memcpy(&section, tmod->image + table + (uint64_t)i * sizeof(section),
	       sizeof(section));
	return section;
}

/* Safe for i < size / 24 of a symbol table whose bounds were checked. */
THS_INLINE Elf64_Sym tmod_symbol(const struct ths_tmod *tmod, const Elf64_Shdr *table,
				 uint64_t i)
{
	Elf64_Sym symbol;

	memcpy(&symbol, tmod->image + table->sh_offset + i * sizeof(symbol),
	       sizeof(symbol));
	return symbol;
}

/* Likewise of a relocation section. */
THS_INLINE Elf64_Rela tmod_rela(const struct ths_tmod *tmod, const Elf64_Shdr *table,
				uint64_t i)
{
	Elf64_Rela rela;

	memcpy(&rela, tmod->image + table->sh_offset + i * sizeof(rela), sizeof(rela));
	return rela;
}

/* A string of a table whose bounds and last byte were checked; "?" outside of it. */
THS_INLINE const char *tmod_string(const struct ths_tmod *tmod, const Elf64_Shdr *table,
				   uint64_t offset)
{
	return offset < table->sh_size
		       ? (const char *)(tmod->image + table->sh_offset + offset)
		       : "?";
}

/* The name of section @i; the section name table was checked first of all. */
THS_INLINE const char *tmod_section_name(const struct ths_tmod *tmod, uint32_t i)
{
	Elf64_Half names;
	Elf64_Shdr table;

	memcpy(&names, tmod->image + offsetof(Elf64_Ehdr, e_shstrndx), sizeof(names));
	table = tmod_section(tmod, names);
	return tmod_string(tmod, &table, tmod_section(tmod, i).sh_name);
}

/* The bytes that a relocation of @kind changes; 0: a kind that E2 refuses. */
THS_INLINE unsigned tmod_reloc_width(uint32_t kind)
{
	switch (kind) {
	case R_X86_64_64:
		return 8;
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
	case R_X86_64_32:
	case R_X86_64_32S:
		return 4;
	default:
		return 0;
	}
}

/* What to call a symbol: its name, or its section's where it has none. */
THS_INLINE const char *tmod_symbol_name(const struct ths_tmod *tmod,
					const Elf64_Sym *symbol)
{
	Elf64_Shdr names = tmod_section(tmod, tmod->strtab);

	if (ELF64_ST_TYPE(symbol->st_info) == STT_SECTION &&
	    symbol->st_shndx < tmod->sections)
		return tmod_section_name(tmod, symbol->st_shndx);
	return tmod_string(tmod, &names, symbol->st_name);
}

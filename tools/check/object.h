/*
 * object - an ELF64 file as the checks look at it, read by libelf.
 *
 * The kernel has a reader of its own (nano_core/tmod.c). This is a second one on purpose:
 * theseus-check asks both, so a mistake in one of them shows.
 *
 * Invariants
 *   O1  Names are never NULL; what has none is called after its section.
 *   O2  @data of a section is NULL or points at @size bytes.
 */
#pragma once

#include <elf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object_section {
	const char *name;
	Elf64_Shdr header;
	const uint8_t *data; /* NULL: none in the file */
};

struct object_symbol {
	const char *name;
	Elf64_Sym elf;
};

struct object {
	Elf64_Ehdr header;
	struct object_section *sections; /* [0] is ELF's own, empty */
	size_t section_count;
	struct object_symbol *symbols; /* [0] likewise */
	size_t symbol_count;
};

/* NULL, or what is wrong with it. @elf must outlive the object. */
const char *object_open(struct object *object, Elf *elf);
void object_close(struct object *object);

bool object_is_code(const struct object_section *section);
/* Allocated, writable, larger than 0: what E1 forbids. */
bool object_is_writable(const struct object_section *section);
/* The function or object that holds @offset of section @index; NULL: none. */
const struct object_symbol *object_symbol_at(const struct object *object, size_t index,
					     uint64_t offset);
/* ".text+0x1a (rr_pick+0x6)", or without the part in brackets; memory of its own. */
char *object_place(const struct object *object, size_t index, uint64_t offset);

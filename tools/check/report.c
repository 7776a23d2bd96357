/*
 * report - see report.h.
 *
 * Writable state is what is allocated, writable and larger than zero: .data, .bss and
 * their kin, thread-local storage, COMMON symbols. A Linux kernel module carries sections
 * that are writable only until its loader has patched them; they are counted, as the
 * object alone cannot tell.
 */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "object.h"

struct entry {
	const char *section, *symbol;
	uint64_t bytes;
};

struct entries {
	struct entry *list;
	size_t count;
};

static void entry_add(struct entries *entries, const char *section, const char *symbol,
		      uint64_t bytes)
{
	entries->list =
		tool_grow(entries->list, (entries->count + 1) * sizeof(*entries->list));
	entries->list[entries->count++] = (struct entry){section, symbol, bytes};
}

/* The symbols of section @index, and what no symbol claims. */
static void section_entries(const struct object *object, size_t index,
			    struct entries *entries)
{
	const struct object_section *section = &object->sections[index];
	uint64_t size = section->header.sh_size, named = 0;

	for (size_t i = 1; i < object->symbol_count; i++) {
		const struct object_symbol *symbol = &object->symbols[i];
		unsigned type = ELF64_ST_TYPE(symbol->elf.st_info);

		if (symbol->elf.st_shndx != index || symbol->elf.st_size == 0 ||
		    type == STT_SECTION || type == STT_FILE)
			continue;
		entry_add(entries, section->name, symbol->name, symbol->elf.st_size);
		named += symbol->elf.st_size;
	}
	if (named < size) /* padding, strings, statics of assembly */
		entry_add(entries, section->name, "(unnamed)", size - named);
}

static uint64_t object_entries(const struct object *object, struct entries *entries)
{
	uint64_t total = 0;

	for (size_t i = 1; i < object->section_count; i++) {
		if (!object_is_writable(&object->sections[i]))
			continue;
		total += object->sections[i].header.sh_size;
		section_entries(object, i, entries);
	}
	for (size_t i = 1; i < object->symbol_count; i++) {
		const struct object_symbol *symbol = &object->symbols[i];

		if (symbol->elf.st_shndx != SHN_COMMON)
			continue;
		total += symbol->elf.st_size;
		entry_add(entries, "COMMON", symbol->name, symbol->elf.st_size);
	}
	return total;
}

static void print_text(const char *name, const struct entries *entries, uint64_t total)
{
	printf("%s: %lu writable bytes\n", name, total);
	for (size_t i = 0; i < entries->count; i++)
		printf("  %8lu  %-16s  %s\n", entries->list[i].bytes,
		       entries->list[i].section, entries->list[i].symbol);
}

static void print_json(const char *name, const struct entries *entries, uint64_t total)
{
	struct tool_text text = {0};

	tool_text_add(&text, "{\"object\": ");
	tool_text_json(&text, name);
	tool_text_add(&text, ", \"writable\": %lu, \"state\": [", total);
	for (size_t i = 0; i < entries->count; i++) {
		tool_text_add(&text, "%s{\"section\": ", i == 0 ? "" : ", ");
		tool_text_json(&text, entries->list[i].section);
		tool_text_add(&text, ", \"symbol\": ");
		tool_text_json(&text, entries->list[i].symbol);
		tool_text_add(&text, ", \"bytes\": %lu}", entries->list[i].bytes);
	}
	tool_text_add(&text, "]}");
	puts(text.text);
	tool_text_free(&text);
}

static bool report_object(const char *name, Elf *elf, bool json, uint64_t *total)
{
	struct entries entries = {0};
	struct object object;
	const char *wrong = object_open(&object, elf);
	uint64_t bytes;

	if (wrong != NULL) {
		tool_warn("%s: %s", name, wrong);
		return false;
	}
	bytes = object_entries(&object, &entries);
	(json ? print_json : print_text)(name, &entries, bytes);
	*total += bytes;
	free(entries.list);
	object_close(&object);
	return true;
}

static bool report_archive(const char *path, const struct tool_file *file, Elf *archive,
			   bool json, uint64_t *total)
{
	Elf_Cmd command = ELF_C_READ_MMAP; /* what elf_memory() opens with */
	uint64_t end = 0;
	bool good = true;
	Elf *member;

	while ((member = elf_begin(-1, command, archive)) != NULL) {
		Elf_Arhdr *header = elf_getarhdr(member);
		bool index = header == NULL || header->ar_name == NULL ||
			     header->ar_name[0] == '/'; /* symbol and name tables */

		if (!index) {
			char *name = tool_print("%s(%s)", path, header->ar_name);

			good = report_object(name, member, json, total) && good;
			free(name);
		}
		if (header != NULL)
			end = (uint64_t)elf_getbase(member) + (uint64_t)header->ar_size;
		command = elf_next(member);
		elf_end(member);
	}
	/* libelf takes a member that is cut short for one that is as long as the rest. */
	if (end != file->size && end + end % 2 != file->size) {
		tool_warn("%s: damaged archive", path);
		return false;
	}
	if (!json)
		printf("%s: %lu writable bytes in all\n", path, *total);
	return good;
}

bool report_file(const char *path, const struct tool_file *file, bool json,
		 uint64_t *total)
{
	Elf *elf;
	bool good;

	*total = 0;
	elf_version(EV_CURRENT);
	elf = elf_memory((char *)file->data, file->size);
	if (elf != NULL && elf_kind(elf) == ELF_K_AR)
		good = report_archive(path, file, elf, json, total);
	else
		good = report_object(path, elf, json, total);
	elf_end(elf);
	return good;
}

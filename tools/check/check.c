/*
 * check - see check.h. Rule by rule, all of what is wrong and not the first of it only.
 *
 * The rules are judged by libelf's view of the file. At the end the loader's own reader
 * is asked: what it refuses and we did not is a finding too, named "loader", so that a
 * module which passes here is one that will be loaded.
 */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <theseus/tmod.h>

#include "descriptor.h"
#include "insn.h"
#include "layouts.h"
#include "nano_core/tmod_impl.h"
#include "object.h"
#include "published.h"

static void spill_check(const struct object *object, struct check_result *result)
{
	for (size_t i = 1; i < object->section_count; i++) {
		const struct object_section *section = &object->sections[i];
		struct tool_text who = {0};

		if (!object_is_writable(section))
			continue;
		result->sizes.writable += section->header.sh_size;
		for (size_t k = 1; k < object->symbol_count; k++) {
			const struct object_symbol *symbol = &object->symbols[k];

			if (symbol->elf.st_shndx == i && symbol->elf.st_size != 0)
				tool_text_add(&who, "%s%s", who.size == 0 ? " (" : ", ",
					      symbol->name);
		}
		findings_add(&result->findings, "I1", "%s: %lu writable bytes%s%s",
			     section->name, section->header.sh_size,
			     who.size == 0 ? "" : who.text, who.size == 0 ? "" : ")");
		tool_text_free(&who);
	}
	for (size_t k = 1; k < object->symbol_count; k++) {
		const struct object_symbol *symbol = &object->symbols[k];

		if (symbol->elf.st_shndx != SHN_COMMON)
			continue;
		result->sizes.writable += symbol->elf.st_size;
		findings_add(&result->findings, "I1", "COMMON: %lu writable bytes (%s)",
			     symbol->elf.st_size, symbol->name);
	}
}

static void section_check(const struct object *object, struct findings *findings)
{
	for (size_t i = 1; i < object->section_count; i++) {
		const struct object_section *section = &object->sections[i];

		switch (section->header.sh_type) {
		case SHT_NULL:
		case SHT_PROGBITS:
		case SHT_NOBITS:
		case SHT_NOTE:
		case SHT_SYMTAB:
		case SHT_STRTAB:
		case SHT_RELA:
			break;
		default:
			findings_add(findings, "E1", "%s: section type 0x%x is refused",
				     section->name, section->header.sh_type);
		}
		if ((section->header.sh_flags & SHF_TLS) != 0)
			findings_add(findings, "E1", "%s: thread-local storage",
				     section->name);
	}
}

static void relocation_check(const struct object *object, struct check_result *result)
{
	bool debug = false;

	for (size_t i = 1; i < object->section_count; i++) {
		const struct object_section *table = &object->sections[i];
		size_t target = table->header.sh_info;

		if (table->header.sh_type != SHT_RELA || table->data == NULL)
			continue;
		if (strncmp(table->name, ".rela.debug", strlen(".rela.debug")) == 0) {
			if (!debug)
				findings_add(
					&result->findings, "E2",
					"debug information: take it out with objcopy "
					"--strip-debug");
			debug = true;
			continue;
		}
		if (target >= object->section_count ||
		    (object->sections[target].header.sh_flags & SHF_ALLOC) == 0) {
			findings_add(&result->findings, "E2",
				     "%s: relocates a section that is not loaded",
				     table->name);
			continue;
		}
		for (size_t k = 0; k < table->header.sh_size / sizeof(Elf64_Rela); k++) {
			Elf64_Rela rela;
			char *place;

			memcpy(&rela, table->data + k * sizeof(rela), sizeof(rela));
			result->sizes.relocations++;
			if (tmod_reloc_width(ELF64_R_TYPE(rela.r_info)) != 0)
				continue;
			place = object_place(object, target, rela.r_offset);
			findings_add(&result->findings, "E2",
				     "relocation %s (%u) at %s is refused",
				     ths_tmod_reloc_name(ELF64_R_TYPE(rela.r_info)),
				     (unsigned)ELF64_R_TYPE(rela.r_info), place);
			free(place);
		}
	}
}

/* Where symbol @index is used first; memory of its own, NULL: nowhere. */
static char *first_use(const struct object *object, size_t index)
{
	for (size_t i = 1; i < object->section_count; i++) {
		const struct object_section *table = &object->sections[i];

		if (table->header.sh_type != SHT_RELA || table->data == NULL ||
		    table->header.sh_info >= object->section_count)
			continue;
		for (size_t k = 0; k < table->header.sh_size / sizeof(Elf64_Rela); k++) {
			Elf64_Rela rela;

			memcpy(&rela, table->data + k * sizeof(rela), sizeof(rela));
			if (ELF64_R_SYM(rela.r_info) == index)
				return object_place(object, table->header.sh_info,
						    rela.r_offset);
		}
	}
	return NULL;
}

/* Who the module says it is; memory of its own, NULL: it does not. */
static char *own_name(const struct object *object)
{
	const size_t magic = strlen(THS_SCHEMA_MAGIC);

	for (size_t i = 1; i < object->section_count; i++) {
		const struct object_section *section = &object->sections[i];
		const char *text = (const char *)section->data;

		if (strcmp(section->name, ".ths.schema") == 0 && text != NULL &&
		    section->header.sh_size > magic && memchr(text, '\n', section->header.sh_size))
			return tool_print("%.*s", (int)strcspn(text + magic, "\n"),
					  text + magic);
	}
	return NULL;
}

static void import_check(const struct object *object, const char *who,
			 struct check_result *result)
{
	for (size_t i = 1; i < object->symbol_count; i++) {
		const struct object_symbol *symbol = &object->symbols[i];
		char *place;

		if (symbol->elf.st_shndx != SHN_UNDEF)
			continue;
		result->sizes.imports++;
		if (published_has(symbol->name) || (who && privileged_has(who, symbol->name)))
			continue;
		place = first_use(object, i);
		findings_add(&result->findings, "I8", "symbol %s (%s%s) is not published",
			     symbol->name, place == NULL ? "not used" : "used at ",
			     place == NULL ? "" : place);
		free(place);
	}
}

/* I9: one descriptor, hence one interface. */
static void elementary_check(const struct object *object, struct findings *findings)
{
	const char *first = NULL;
	unsigned count = 0;

	for (size_t i = 1; i < object->symbol_count; i++) {
		const struct object_symbol *symbol = &object->symbols[i];

		if (symbol->elf.st_shndx == SHN_UNDEF ||
		    strncmp(symbol->name, "ths_module_", strlen("ths_module_")) != 0 ||
		    ELF64_ST_BIND(symbol->elf.st_info) == STB_LOCAL)
			continue;
		if (count++ == 0)
			first = symbol->name;
		else
			findings_add(findings, "I9", "two descriptors: %s and %s", first,
				     symbol->name);
	}
	if (count == 0)
		findings_add(findings, "I9",
			     "no descriptor: no global symbol ths_module_*");
}

static void digest_note(const struct object *object, struct check_result *result)
{
	for (size_t i = 1; i < object->section_count; i++) {
		const struct object_section *section = &object->sections[i];

		if (strcmp(section->name, ".ths.digest") != 0 || section->data == NULL ||
		    section->header.sh_size != 32)
			continue;
		for (size_t k = 0; k < 32; k++)
			snprintf(result->digest + 2 * k, 3, "%02x", section->data[k]);
	}
}

char *check_wanted(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
	size_t length = strlen(name);

	if (length <= 5 || strcmp(name + length - 5, ".tmod") != 0)
		return NULL;
	return tool_print("%.*s", (int)(length - 5), name);
}

/* I9: as small as can be; what is larger says why, and what says why is larger. */
static void smallness_check(const struct placed *placed, unsigned ops,
			    struct check_result *result)
{
	const char *reason = placed_string(placed, placed->module->exception);
	struct tool_text large = {0};

	if (ops > THS_ELEMENTARY_OPS)
		tool_text_add(&large, "%u operations, more than %u", ops,
			      THS_ELEMENTARY_OPS);
	if (placed->tmod.text_size > THS_ELEMENTARY_TEXT)
		tool_text_add(&large, "%s%zu bytes of text, more than %u",
			      large.size == 0 ? "" : ", ", (size_t)placed->tmod.text_size,
			      THS_ELEMENTARY_TEXT);
	if (placed->module->exception != NULL && (reason == NULL || *reason == '\0'))
		findings_add(&result->findings, "I9", "THS_EXCEPTION without a reason");
	else if (large.size != 0 && reason == NULL)
		findings_add(&result->findings, "I9", "%s, and no THS_EXCEPTION says why",
			     large.text);
	else if (large.size == 0 && reason != NULL)
		findings_add(&result->findings, "I9",
			     "THS_EXCEPTION of a module that is elementary: %s", reason);
	else if (large.size != 0)
		result->exception = tool_print("%s: %s", large.text, reason);
	tool_text_free(&large);
}

static void placed_check(const struct object *object, const struct tool_file *file,
			 const char *wanted, struct check_result *result)
{
	struct ths_reason reason = {""};
	size_t before = result->findings.count;
	struct placed placed;
	const struct ths_iface *iface;
	const char *id;

	if (!placed_open(&placed, file, PLACED_AS_LOADED, &reason)) {
		/* Mostly the words of a finding above; else the loader knows more. */
		if (result->findings.count == 0)
			findings_add(&result->findings, "loader", "%s", reason.text);
		return;
	}
	result->sizes.text = placed.tmod.text_size;
	result->sizes.rodata = placed.tmod.rodata_size - placed.tmod.spill_size;
	descriptor_check(&placed, wanted, &result->findings);
	if (result->findings.count == before)
		layouts_check(object, &placed, &result->findings);
	if (placed.module->abi == THS_ABI &&
	    placed.module->size == sizeof(struct ths_module)) {
		id = placed_string(&placed, placed.module->id);
		iface = placed_data(&placed, placed.module->provides.iface,
				    sizeof(*iface), 8);
		if (id != NULL)
			result->id = tool_print("%s", id);
		if (iface != NULL && placed_string(&placed, iface->name) != NULL)
			result->interface =
				tool_print("%s/%u", placed_string(&placed, iface->name),
					   iface->version);
		smallness_check(&placed, iface == NULL ? 0 : iface->ops, result);
	}
	placed_close(&placed);
}

/* The verdict of the loader's reader on the file as it is. */
static void loader_check(const struct tool_file *file, struct findings *findings)
{
	struct ths_reason reason = {""};
	struct ths_tmod tmod;
	enum ths_err err = ths_tmod_open(&tmod, file->data, file->size, &reason);

	if (err == THS_E_DIGEST)
		findings_add(findings, "digest", "%s", reason.text);
	else if (err != THS_OK && findings->count == 0)
		findings_add(findings, "loader", "%s", reason.text);
}

bool check_file(const struct tool_file *file, const char *wanted,
		struct check_result *result)
{
	struct object object;
	const char *wrong;
	char *who;
	Elf *elf;
	bool done = true;

	memset(result, 0, sizeof(*result));
	result->sizes.file = file->size;
	elf_version(EV_CURRENT);
	elf = elf_memory((char *)file->data, file->size);
	wrong = object_open(&object, elf);
	if (wrong == NULL) {
		spill_check(&object, result);
		section_check(&object, &result->findings);
		relocation_check(&object, result);
		who = own_name(&object);
		done = insn_check(&object, who && privileged_has(who, "ths_core"),
				  &result->findings, &result->sizes.instructions);
		import_check(&object, who, result);
		free(who);
		elementary_check(&object, &result->findings);
		digest_note(&object, result);
		placed_check(&object, file, wanted, result);
		object_close(&object);
	}
	loader_check(file, &result->findings);
	if (wrong != NULL && result->findings.count == 0)
		findings_add(&result->findings, "loader", "%s", wrong);
	elf_end(elf);
	if (result->id == NULL)
		result->id = tool_print("%s", "");
	if (result->interface == NULL)
		result->interface = tool_print("%s", "");
	if (result->exception == NULL)
		result->exception = tool_print("%s", "");
	return done;
}

void check_free(struct check_result *result)
{
	findings_free(&result->findings);
	free(result->id);
	free(result->interface);
	free(result->exception);
	memset(result, 0, sizeof(*result));
}

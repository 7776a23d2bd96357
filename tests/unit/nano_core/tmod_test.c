/*
 * Unit tests of <theseus/tmod.h>: E1-E6, on module files that the build made.
 *
 * What is damaged is sealed anew where a check other than the digest is meant, and lies
 * in memory of exactly its size, so that the address sanitizer sees each byte too many.
 */
#include "suite.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <theseus/module.h>
#include <theseus/tmod.h>

#define LOW_TEXT   0x10000000u /* where every kind of relocation fits */
#define LOW_RODATA 0x18000000u
#define TOP_TEXT   0xffffffff90000000u /* where the kernel has its modules */
#define TOP_RODATA 0xffffffff98000000u
#define IMPORT     0x14000000u

struct image {
	uint8_t *data;
	size_t size;
};

static struct ths_reason reason;
static struct ths_tmod tmod;

static struct image image_read(const char *name)
{
	const char *build = getenv("top_builddir");
	struct image image = {malloc(1u << 20), 0};
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/fixtures/%s.tmod", build == NULL ? "." : build,
		 name);
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "%s cannot be read", path);
	image.size = fread(image.data, 1, 1u << 20, file);
	fclose(file);
	image.data = realloc(image.data, image.size);
	ck_assert_ptr_nonnull(image.data);
	return image;
}

static struct image image_copy(const struct image *from, size_t size)
{
	struct image image = {malloc(size == 0 ? 1 : size), size};

	memcpy(image.data, from->data, size < from->size ? size : from->size);
	return image;
}

static Elf64_Ehdr *header_of(struct image *image)
{
	return (Elf64_Ehdr *)(void *)image->data;
}

static Elf64_Shdr *section_of(struct image *image, size_t i)
{
	return (Elf64_Shdr *)(void *)(image->data + header_of(image)->e_shoff) + i;
}

static const char *name_of(struct image *image, size_t i)
{
	Elf64_Shdr *names = section_of(image, header_of(image)->e_shstrndx);

	return (const char *)image->data + names->sh_offset +
	       section_of(image, i)->sh_name;
}

static size_t section_named(struct image *image, const char *name)
{
	for (size_t i = 1; i < header_of(image)->e_shnum; i++)
		if (strcmp(name_of(image, i), name) == 0)
			return i;
	ck_abort_msg("no section %s", name);
	return 0;
}

/* Seals what was changed, so that the digest is not what refuses it, and opens it. */
static enum ths_err reopen(struct image *image)
{
	enum ths_err err;

	memset(&reason, 0, sizeof(reason));
	err = ths_tmod_seal(image->data, image->size, &reason);
	return err != THS_OK ? err
			     : ths_tmod_open(&tmod, image->data, image->size, &reason);
}

static uint64_t resolve_hash(void *ctx, const char *name)
{
	uint64_t sum = 0;

	(void)ctx;
	while (*name != '\0')
		sum = sum * 31 + (uint8_t)*name++;
	return IMPORT + sum % 0x10000;
}

static uint64_t resolve_none(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return 0;
}

static enum ths_err link_at(const struct ths_tmod *open, uint64_t text_at,
			    uint64_t rodata_at, ths_resolve_fn *resolve, uint8_t **text,
			    uint8_t **rodata)
{
	*text = malloc(open->text_size);
	*rodata = malloc(open->rodata_size);
	return ths_tmod_link(open, *text, text_at, *rodata, rodata_at, resolve, NULL,
			     &reason);
}

/* ---- E2, E3: what is accepted is linked right ------------------------------------ */

static uint64_t value_of(struct image *image, size_t index, const char **name)
{
	size_t table = section_named(image, ".symtab");
	Elf64_Sym *symbol =
		(Elf64_Sym *)(void *)(image->data + section_of(image, table)->sh_offset) +
		index;
	Elf64_Shdr *home;

	*name = (const char *)image->data +
		section_of(image, section_of(image, table)->sh_link)->sh_offset +
		symbol->st_name;
	if (symbol->st_shndx == SHN_UNDEF)
		return resolve_hash(NULL, *name);
	home = section_of(image, symbol->st_shndx);
	return ((home->sh_flags & SHF_EXECINSTR) != 0 ? LOW_TEXT : LOW_RODATA) +
	       tmod.place[symbol->st_shndx] + symbol->st_value;
}

/* By the formulas of the psABI, written down a second time. */
START_TEST(every_kind_of_relocation_gets_its_value)
{
	struct image image = image_read("fixture.kinds");
	unsigned seen[64] = {0};
	uint8_t *text, *rodata;

	ck_assert_int_eq(ths_tmod_open(&tmod, image.data, image.size, &reason), THS_OK);
	ck_assert_int_eq(
		link_at(&tmod, LOW_TEXT, LOW_RODATA, resolve_hash, &text, &rodata),
		THS_OK);
	for (size_t i = 1; i < header_of(&image)->e_shnum; i++) {
		Elf64_Shdr *table = section_of(&image, i);

		if (table->sh_type != SHT_RELA)
			continue;
		for (size_t k = 0; k < table->sh_size / sizeof(Elf64_Rela); k++) {
			Elf64_Rela *rela =
				(Elf64_Rela *)(void *)(image.data + table->sh_offset) + k;
			unsigned kind = ELF64_R_TYPE(rela->r_info);
			bool code = (section_of(&image, table->sh_info)->sh_flags &
				     SHF_EXECINSTR) != 0;
			uint64_t at = tmod.place[table->sh_info] + rela->r_offset;
			const char *name;
			uint64_t want =
				value_of(&image, ELF64_R_SYM(rela->r_info), &name) +
				(uint64_t)rela->r_addend;
			uint64_t got = 0;

			if (kind == R_X86_64_PC32 || kind == R_X86_64_PLT32)
				want -= (code ? LOW_TEXT : LOW_RODATA) + at;
			memcpy(&got, (code ? text : rodata) + at,
			       kind == R_X86_64_64 ? 8 : 4);
			if (kind != R_X86_64_64)
				want &= 0xffffffffu;
			ck_assert_msg(got == want, "%s: kind %u: 0x%lx, not 0x%lx", name,
				      kind, got, want);
			seen[kind % 64]++;
		}
	}
	ck_assert_uint_ne(seen[R_X86_64_64], 0);
	ck_assert_uint_ne(seen[R_X86_64_32], 0);
	ck_assert_uint_ne(seen[R_X86_64_32S], 0);
	ck_assert_uint_ne(seen[R_X86_64_PC32], 0);
	ck_assert_uint_ne(seen[R_X86_64_PLT32], 0);
	free(text);
	free(rodata);
	free(image.data);
}
END_TEST

START_TEST(the_descriptor_is_found_and_linked)
{
	struct image image = image_read("fixture.plain");
	const struct ths_module *module;
	uint8_t *text, *rodata;
	uint64_t id;

	ck_assert_int_eq(ths_tmod_open(&tmod, image.data, image.size, &reason), THS_OK);
	ck_assert_int_eq(
		link_at(&tmod, LOW_TEXT, LOW_RODATA, resolve_hash, &text, &rodata),
		THS_OK);
	module = (const void *)(rodata + tmod.descriptor);
	ck_assert_uint_eq(module->abi, THS_ABI);
	ck_assert_uint_eq(module->size, sizeof(*module));
	id = (uint64_t)(uintptr_t)module->id - LOW_RODATA;
	ck_assert_uint_lt(id, tmod.rodata_size);
	ck_assert_str_eq((const char *)rodata + id, "fixture.plain");
	ck_assert_uint_eq(tmod.spill_size, 0);
	free(text);
	free(rodata);
	free(image.data);
}
END_TEST

START_TEST(a_value_that_does_not_fit_is_refused)
{
	struct image image = image_read("fixture.kinds");
	uint8_t *text, *rodata;

	ck_assert_int_eq(ths_tmod_open(&tmod, image.data, image.size, &reason), THS_OK);
	ck_assert_int_eq(
		link_at(&tmod, TOP_TEXT, TOP_RODATA, resolve_hash, &text, &rodata),
		THS_E_RELOC);
	ck_assert_msg(strncmp(reason.text, "relocation R_X86_64_", 20) == 0 &&
			      strstr(reason.text, "does not fit") != NULL,
		      "%s", reason.text);
	free(text);
	free(rodata);
	free(image.data);
}
END_TEST

START_TEST(a_symbol_nobody_publishes_is_refused_by_name_and_place)
{
	struct image image = image_read("fixture.plain");
	uint8_t *text, *rodata;
	char name[64];
	unsigned offset;

	ck_assert_int_eq(ths_tmod_open(&tmod, image.data, image.size, &reason), THS_OK);
	ck_assert_int_eq(
		link_at(&tmod, LOW_TEXT, LOW_RODATA, resolve_none, &text, &rodata),
		THS_E_SYMBOL);
	ck_assert_msg(sscanf(reason.text,
			     "symbol %63s (used at .text+0x%x) is not published", name,
			     &offset) == 2,
		      "%s", reason.text);
	ck_assert_msg(strncmp(name, "ths_", 4) == 0, "%s", name);
	free(text);
	free(rodata);
	free(image.data);
}
END_TEST

static enum ths_err visit(void *ctx, const char *name)
{
	unsigned *count = ctx;

	*count += strcmp(name, "ths_port_in") == 0 ? 100 : 1;
	return *count > 1000 ? THS_E_FULL : THS_OK;
}

START_TEST(imports_are_told_and_the_visitor_may_stop)
{
	struct image image = image_read("fixture.plain");
	unsigned count = 0;

	ck_assert_int_eq(ths_tmod_open(&tmod, image.data, image.size, &reason), THS_OK);
	ck_assert_int_eq(ths_tmod_imports(&tmod, visit, &count), THS_OK);
	ck_assert_uint_eq(count, 104); /* ths_port_in, and four others */
	count = 1000;
	ck_assert_int_eq(ths_tmod_imports(&tmod, visit, &count), THS_E_FULL);
	free(image.data);
}
END_TEST

START_TEST(an_address_in_text_has_a_name)
{
	struct image image = image_read("fixture.plain");
	unsigned found = 0;
	uint64_t within;

	ck_assert_int_eq(ths_tmod_open(&tmod, image.data, image.size, &reason), THS_OK);
	for (uint64_t at = 0; at < tmod.text_size; at++) {
		const char *name = ths_tmod_symbol(&tmod, at, &within);

		ck_assert(name == NULL || within <= at);
		if (name != NULL && within == 0)
			found += strcmp(name, "plain_write") == 0 ||
				 strcmp(name, "plain_read") == 0 ||
				 strcmp(name, "plain_interrupt") == 0;
	}
	ck_assert_uint_eq(found, 3);
	ck_assert_ptr_null(ths_tmod_symbol(&tmod, tmod.text_size, &within));
	free(image.data);
}
END_TEST

/* ---- E5, E6: damage --------------------------------------------------------------- */

START_TEST(every_truncation_is_refused)
{
	struct image image = image_read("fixture.plain");

	for (size_t size = 0; size < image.size; size++) {
		struct image cut = image_copy(&image, size);

		reason.text[0] = '\0';
		ck_assert_msg(ths_tmod_open(&tmod, cut.data, cut.size, &reason) < THS_OK,
			      "accepted when cut to %zu bytes", size);
		ck_assert_msg(reason.text[0] != '\0', "no reason at %zu bytes", size);
		free(cut.data);
	}
	free(image.data);
}
END_TEST

START_TEST(every_changed_byte_is_refused)
{
	static const uint8_t change[] = {0x01, 0x80, 0xff};
	struct image image = image_read("fixture.plain");

	for (size_t at = 0; at < image.size; at++)
		for (size_t k = 0; k < THS_ARRAY_SIZE(change); k++) {
			image.data[at] ^= change[k];
			ck_assert_msg(ths_tmod_open(&tmod, image.data, image.size,
						    &reason) < THS_OK,
				      "accepted with byte 0x%zx changed by 0x%x", at,
				      change[k]);
			image.data[at] ^= change[k];
		}
	ck_assert_int_eq(ths_tmod_open(&tmod, image.data, image.size, &reason), THS_OK);
	free(image.data);
}
END_TEST

START_TEST(an_appended_byte_is_refused)
{
	struct image image = image_read("fixture.plain");
	struct image longer = image_copy(&image, image.size + 1);

	longer.data[image.size] = 0;
	ck_assert_int_eq(ths_tmod_open(&tmod, longer.data, longer.size, &reason),
			 THS_E_DIGEST);
	free(longer.data);
	free(image.data);
}
END_TEST

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* With the digest made right again, the other checks stand alone: whatever they let
 * through must be linkable without a byte read or written outside (ASan looks on). */
START_TEST(sealed_damage_is_refused_or_links_within_bounds)
{
	struct image image = image_read("fixture.plain");
	uint64_t state = 0x9e3779b97f4a7c15u;
	unsigned accepted = 0, refused = 0;

	for (unsigned round = 0; round < 20000; round++) {
		struct image bad = image_copy(&image, image.size);
		unsigned changes = 1 + (unsigned)(random_next(&state) % 4);
		uint8_t *text, *rodata;

		while (changes-- != 0) {
			/* Half of them where structure is dense: header, section headers.
			 */
			size_t at = random_next(&state) % bad.size;

			if (random_next(&state) % 2 == 0)
				at = header_of(&image)->e_shoff +
				     at % (header_of(&image)->e_shnum *
					   sizeof(Elf64_Shdr));
			bad.data[at] = (uint8_t)random_next(&state);
		}
		if (reopen(&bad) != THS_OK) {
			ck_assert_uint_ne(reason.text[0], 0);
			refused++;
		} else {
			accepted++;
			if (tmod.text_size + tmod.rodata_size < 1u << 24) {
				(void)!link_at(&tmod, TOP_TEXT, TOP_RODATA, resolve_hash,
					       &text, &rodata);
				free(text);
				free(rodata);
			}
		}
		free(bad.data);
	}
	ck_assert_uint_gt(accepted, 100);
	ck_assert_uint_gt(refused, 100);
	free(image.data);
}
END_TEST

/* ---- each refusal, with its words ---------------------------------------------------
 */

#define REFUSED(image_, err_, ...)                                                       \
	do {                                                                             \
		char want_[THS_TMOD_REASON_MAX];                                         \
		snprintf(want_, sizeof(want_), __VA_ARGS__);                             \
		ck_assert_int_eq(reopen(image_), (err_));                                \
		ck_assert_str_eq(reason.text, want_);                                    \
	} while (0)

START_TEST(what_is_no_elf_object_is_refused)
{
	struct image image = image_read("fixture.plain");
	struct image bad = image_copy(&image, image.size);

	header_of(&bad)->e_ident[1] = 'F';
	REFUSED(&bad, THS_E_FORMAT, "not a little-endian ELF64 file");
	memcpy(bad.data, image.data, image.size);
	header_of(&bad)->e_type = ET_EXEC;
	REFUSED(&bad, THS_E_FORMAT,
		"not a relocatable file for x86_64 (type 2, machine 62)");
	memcpy(bad.data, image.data, image.size);
	header_of(&bad)->e_machine = EM_AARCH64;
	REFUSED(&bad, THS_E_FORMAT,
		"not a relocatable file for x86_64 (type 1, machine 183)");
	free(bad.data);
	free(image.data);
}
END_TEST

START_TEST(too_many_sections_are_refused)
{
	struct image image = image_read("fixture.plain");

	header_of(&image)->e_shnum = 65535;
	REFUSED(&image, THS_E_SIZE, "65535 sections, at most 64 are taken");
	header_of(&image)->e_shnum = 64;
	ck_assert_int_eq(reopen(&image), THS_E_FORMAT);
	ck_assert_msg(strncmp(reason.text, "truncated: 64 section headers at 0x", 35) ==
			      0,
		      "%s", reason.text);
	free(image.data);
}
END_TEST

START_TEST(sections_that_overlap_or_leave_the_file_are_refused)
{
	struct image image = image_read("fixture.plain");
	struct image bad = image_copy(&image, image.size);
	size_t text = section_named(&image, ".text"),
	       rodata = section_named(&image, ".rodata");

	section_of(&bad, rodata)->sh_offset = section_of(&bad, text)->sh_offset + 16;
	ck_assert_int_eq(reopen(&bad), THS_E_FORMAT);
	ck_assert_msg(strncmp(reason.text, ".rodata overlaps .text at 0x", 28) == 0, "%s",
		      reason.text);
	memcpy(bad.data, image.data, image.size);
	section_of(&bad, text)->sh_offset = 8;
	REFUSED(&bad, THS_E_FORMAT, ".text overlaps the ELF header");
	memcpy(bad.data, image.data, image.size);
	section_of(&bad, text)->sh_size = UINT64_MAX;
	ck_assert_int_eq(reopen(&bad), THS_E_FORMAT);
	ck_assert_ptr_nonnull(strstr(reason.text, "wrap around"));
	memcpy(bad.data, image.data, image.size);
	section_of(&bad, text)->sh_size = bad.size;
	REFUSED(&bad, THS_E_FORMAT,
		"truncated: section header %zu ends at 0x%lx, file at 0x%zx", text,
		section_of(&image, text)->sh_offset + bad.size, bad.size);
	free(bad.data);
	free(image.data);
}
END_TEST

START_TEST(foreign_kinds_of_section_are_refused_by_name)
{
	static const uint32_t types[] = {SHT_GROUP,   SHT_INIT_ARRAY, SHT_FINI_ARRAY,
					 SHT_DYNAMIC, SHT_REL,        SHT_SYMTAB_SHNDX};
	struct image image = image_read("fixture.plain");
	size_t rodata = section_named(&image, ".rodata");

	for (size_t i = 0; i < THS_ARRAY_SIZE(types); i++) {
		struct image bad = image_copy(&image, image.size);

		section_of(&bad, rodata)->sh_type = types[i];
		REFUSED(&bad, THS_E_FORMAT, ".rodata: section type 0x%x is refused",
			types[i]);
		free(bad.data);
	}
	section_of(&image, rodata)->sh_flags |= SHF_TLS;
	REFUSED(&image, THS_E_FORMAT, ".rodata: section flags 0x402 are refused");
	free(image.data);
}
END_TEST

START_TEST(a_relocation_of_another_kind_is_refused)
{
	static const struct {
		unsigned kind;
		const char *name;
	} kinds[] = {
		{R_X86_64_NONE, "R_X86_64_NONE"},
		{R_X86_64_GOTPCREL, "R_X86_64_GOTPCREL"},
		{R_X86_64_TPOFF32, "R_X86_64_TPOFF32"},
		{R_X86_64_PC64, "R_X86_64_PC64"},
		{R_X86_64_GOTPCRELX, "R_X86_64_GOTPCRELX"},
		{R_X86_64_16, "R_X86_64_16"},
		{R_X86_64_RELATIVE, "R_X86_64_RELATIVE"},
		{R_X86_64_PC8, "R_X86_64_PC8"},
	};
	struct image image = image_read("fixture.plain");
	Elf64_Rela *rela =
		(Elf64_Rela *)(void *)(image.data +
				       section_of(&image,
						  section_named(&image, ".rela.text"))
					       ->sh_offset);
	uint64_t symbol = ELF64_R_SYM(rela->r_info);

	for (size_t i = 0; i < THS_ARRAY_SIZE(kinds); i++) {
		rela->r_info = ELF64_R_INFO(symbol, (uint64_t)kinds[i].kind);
		REFUSED(&image, THS_E_RELOC, "relocation %s at .text+0x%lx is refused",
			kinds[i].name, rela->r_offset);
	}
	rela->r_info = ELF64_R_INFO(symbol, 200ul);
	REFUSED(&image, THS_E_RELOC, "relocation of kind 200 at .text+0x%lx is refused",
		rela->r_offset);
	rela->r_info = ELF64_R_INFO(100000ul, (uint64_t)R_X86_64_PLT32);
	REFUSED(&image, THS_E_RELOC,
		"relocation R_X86_64_PLT32 at .text+0x%lx names no symbol",
		rela->r_offset);
	rela->r_info = ELF64_R_INFO(symbol, (uint64_t)R_X86_64_PLT32);
	rela->r_offset = UINT64_MAX - 1;
	REFUSED(&image, THS_E_RELOC,
		"relocation R_X86_64_PLT32 at .text+0x%lx lies outside its section",
		rela->r_offset);
	free(image.data);
}
END_TEST

START_TEST(a_module_has_one_descriptor)
{
	struct image image = image_read("fixture.plain");
	Elf64_Shdr *symtab = section_of(&image, section_named(&image, ".symtab"));
	Elf64_Sym *symbols = (Elf64_Sym *)(void *)(image.data + symtab->sh_offset);
	char *strings =
		(char *)image.data + section_of(&image, symtab->sh_link)->sh_offset;
	Elf64_Sym *descriptor = NULL, *other = NULL;
	Elf64_Sym kept;

	for (size_t i = 1; i < symtab->sh_size / sizeof(*symbols); i++) {
		if (strcmp(strings + symbols[i].st_name, "ths_module_fixture_plain") == 0)
			descriptor = &symbols[i];
		else if (strcmp(strings + symbols[i].st_name, "serial_iface") == 0)
			other = &symbols[i];
	}
	ck_assert_ptr_nonnull(descriptor);
	ck_assert_ptr_nonnull(other);
	kept = *other;
	other->st_name = descriptor->st_name;
	other->st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT);
	REFUSED(&image, THS_E_FORMAT,
		"two descriptors: ths_module_fixture_plain and ths_module_fixture_plain");
	*other = kept;
	kept = *descriptor;
	descriptor->st_size -= 8;
	ck_assert_int_eq(reopen(&image), THS_E_FORMAT);
	ck_assert_msg(
		strncmp(reason.text, "ths_module_fixture_plain: says it has ", 38) == 0,
		"%s", reason.text);
	*descriptor = kept;
	descriptor->st_value = UINT64_MAX;
	ck_assert_int_eq(reopen(&image), THS_E_FORMAT);
	ck_assert_ptr_nonnull(strstr(reason.text, "beyond .rodata"));
	*descriptor = kept;
	descriptor->st_info = ELF64_ST_INFO(STB_LOCAL, STT_OBJECT);
	REFUSED(&image, THS_E_FORMAT, "no descriptor: no global symbol ths_module_*");
	free(image.data);
}
END_TEST

START_TEST(common_and_thread_local_symbols_are_refused)
{
	struct image image = image_read("fixture.plain");
	Elf64_Shdr *symtab = section_of(&image, section_named(&image, ".symtab"));
	Elf64_Sym *last =
		(Elf64_Sym *)(void *)(image.data + symtab->sh_offset + symtab->sh_size) -
		1;
	const char *name = (const char *)image.data +
			   section_of(&image, symtab->sh_link)->sh_offset + last->st_name;

	last->st_shndx = SHN_COMMON;
	last->st_size = 48;
	REFUSED(&image, THS_E_SPILL, "COMMON: 48 writable bytes (%s)", name);
	last->st_shndx = SHN_ABS;
	REFUSED(&image, THS_E_FORMAT, "symbol %s: section 65521 is refused", name);
	last->st_shndx = SHN_UNDEF;
	last->st_info = ELF64_ST_INFO(STB_GLOBAL, STT_TLS);
	REFUSED(&image, THS_E_FORMAT, "symbol %s: type 6 is refused", name);
	free(image.data);
}
END_TEST

START_TEST(a_digest_must_be_there_once)
{
	struct image image = image_read("fixture.plain");
	size_t digest = section_named(&image, ".ths.digest");
	Elf64_Shdr *names = section_of(&image, header_of(&image)->e_shstrndx);
	char *name = (char *)image.data + names->sh_offset +
		     section_of(&image, digest)->sh_name;

	image.data[section_of(&image, digest)->sh_offset + 31] ^= 1;
	ck_assert_int_eq(ths_tmod_open(&tmod, image.data, image.size, &reason),
			 THS_E_DIGEST);
	ck_assert_str_eq(reason.text,
			 "the digest in .ths.digest is not that of the file");
	name[5] = 'D';
	REFUSED(&image, THS_E_FORMAT, "no section .ths.digest");
	name[5] = 'd';
	section_of(&image, digest)->sh_size = 31;
	REFUSED(&image, THS_E_FORMAT,
		"symbol ths_digest_fixture_plain: 0x20 bytes at 0x0, "
		"beyond .ths.digest");
	free(image.data);
}
END_TEST

/* ---- E1 ------------------------------------------------------------------------------
 */

START_TEST(writable_bytes_are_refused_by_owner_and_number)
{
	struct image image = image_read("fixture.spill");
	char want[THS_TMOD_REASON_MAX];

	ck_assert_int_eq(ths_tmod_open(&tmod, image.data, image.size, &reason),
			 THS_E_SPILL);
	snprintf(want, sizeof(want), "%s: 24 writable bytes (state_counter)",
		 ".data.state_counter");
	ck_assert_str_eq(reason.text, want);
	free(image.data);
}
END_TEST

START_TEST(the_control_places_its_state_in_pages_of_its_own)
{
	struct image image = image_read("fixture.spill");
	uint8_t *text, *rodata;
	uint64_t word[3];

	ck_assert_int_eq(ths_tmod_open_spilling(&tmod, image.data, image.size, &reason),
			 THS_OK);
	ck_assert_uint_eq(tmod.spill % 4096, 0);
	ck_assert_uint_eq(tmod.spill_size, 32);
	ck_assert_uint_eq(tmod.spill + tmod.spill_size, tmod.rodata_size);
	ck_assert_int_eq(
		link_at(&tmod, TOP_TEXT, TOP_RODATA, resolve_hash, &text, &rodata),
		THS_OK);
	memcpy(word, rodata + tmod.spill, sizeof(word));
	ck_assert_uint_eq(word[0], 1);
	ck_assert_uint_eq(word[2], 3);
	memcpy(word, rodata + tmod.spill + 24, 8);
	ck_assert_uint_eq(word[0], 0);
	free(text);
	free(rodata);
	free(image.data);
}
END_TEST

Suite *ths_test_suite(void)
{
	const TTest *const accepted[] = {
		every_kind_of_relocation_gets_its_value,
		the_descriptor_is_found_and_linked,
		a_value_that_does_not_fit_is_refused,
		a_symbol_nobody_publishes_is_refused_by_name_and_place,
		imports_are_told_and_the_visitor_may_stop,
		an_address_in_text_has_a_name};
	const TTest *const damaged[] = {every_truncation_is_refused,
					every_changed_byte_is_refused,
					an_appended_byte_is_refused,
					sealed_damage_is_refused_or_links_within_bounds};
	const TTest *const refused[] = {
		what_is_no_elf_object_is_refused,
		too_many_sections_are_refused,
		sections_that_overlap_or_leave_the_file_are_refused,
		foreign_kinds_of_section_are_refused_by_name,
		a_relocation_of_another_kind_is_refused,
		a_module_has_one_descriptor,
		common_and_thread_local_symbols_are_refused,
		a_digest_must_be_there_once};
	const TTest *const spill[] = {writable_bytes_are_refused_by_owner_and_number,
				      the_control_places_its_state_in_pages_of_its_own};
	const struct {
		const char *name;
		const TTest *const *tests;
		size_t count;
	} cases[] = {
		{"E2-E4 linking", accepted, THS_ARRAY_SIZE(accepted)},
		{"E5-E6 damage", damaged, THS_ARRAY_SIZE(damaged)},
		{"E2-E4 refusals", refused, THS_ARRAY_SIZE(refused)},
		{"E1 spill", spill, THS_ARRAY_SIZE(spill)},
	};
	Suite *suite = suite_create("tmod");

	for (size_t i = 0; i < THS_ARRAY_SIZE(cases); i++) {
		TCase *tcase = tcase_create(cases[i].name);

		tcase_set_timeout(tcase, 120);
		for (size_t k = 0; k < cases[i].count; k++)
			tcase_add_test(tcase, cases[i].tests[k]);
		suite_add_tcase(suite, tcase);
	}
	return suite;
}

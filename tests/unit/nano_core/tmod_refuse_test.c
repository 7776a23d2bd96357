/*
 * Unit tests of <theseus/tmod.h>: each refusal of E2-E7, with its words.
 */
#include "tmod_image.h"

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

START_TEST(layouts_are_a_text_and_stand_there_once)
{
	static const char refusal[] = ".ths.schema is not a text of layouts";
	struct image image = image_read("fixture.plain");
	struct image bad = image_copy(&image, image.size);
	size_t schema = section_named(&image, ".ths.schema"),
	       other = section_named(&image, ".rodata");
	size_t at = section_of(&image, schema)->sh_offset,
	       size = section_of(&image, schema)->sh_size;

	for (size_t i = 0; i < size; i++)
		for (unsigned k = 0; k < 3; k++) {
			bad.data[at + i] = (uint8_t) "\0\t\x80"[k];
			if (reopen(&bad) != THS_E_FORMAT ||
			    strcmp(reason.text, refusal) != 0)
				ck_abort_msg("accepted with byte %zu another", i);
			bad.data[at + i] = image.data[at + i];
		}
	bad.data[at + size - 1] = ' ';
	REFUSED(&bad, THS_E_FORMAT, "%s", refusal);
	memcpy(bad.data, image.data, image.size);
	section_of(&bad, schema)->sh_size = 17; /* "theseus-schema 1 " */
	REFUSED(&bad, THS_E_FORMAT, "%s", refusal);
	section_of(&bad, schema)->sh_size = 0;
	REFUSED(&bad, THS_E_FORMAT, "%s", refusal);
	memcpy(bad.data, image.data, image.size);
	section_of(&bad, schema)->sh_type = SHT_NOTE;
	REFUSED(&bad, THS_E_FORMAT, "%s", refusal);
	memcpy(bad.data, image.data, image.size);
	section_of(&bad, schema)->sh_flags = SHF_ALLOC;
	REFUSED(&bad, THS_E_FORMAT, "%s", refusal);
	memcpy(bad.data, image.data, image.size);
	section_of(&bad, other)->sh_name = section_of(&bad, schema)->sh_name;
	ck_assert_int_eq(reopen(&bad), THS_E_FORMAT);
	memcpy(bad.data, image.data, image.size);
	ck_assert_int_eq(reopen(&bad), THS_OK);
	ck_assert_ptr_eq(tmod.schema.text, bad.data + at);
	ck_assert_uint_eq(tmod.schema.size, size);
	section_of(&bad, schema)->sh_name++; /* "ths.schema": then there is none */
	ck_assert_int_eq(reopen(&bad), THS_OK);
	ck_assert_ptr_null(tmod.schema.text);
	free(bad.data);
	free(image.data);
}
END_TEST

/* ---- one number another, each ----------------------------------------------------------- */

static size_t at_section; /* what @where names, if a section */

static Elf64_Shdr *here(struct image *image)
{
	return section_of(image, at_section);
}

static Elf64_Sym *descriptor_of(struct image *image)
{
	Elf64_Shdr *symtab = section_of(image, section_named(image, ".symtab"));
	const char *strings =
		(const char *)image->data + section_of(image, symtab->sh_link)->sh_offset;
	Elf64_Sym *symbol = (Elf64_Sym *)(void *)(image->data + symtab->sh_offset);

	while (strncmp(strings + symbol->st_name, "ths_module_", 11) != 0)
		symbol++;
	return symbol;
}

static void one_section(struct image *image)
{
	header_of(image)->e_shnum = 1;
}
static void no_names(struct image *image)
{
	header_of(image)->e_shstrndx = 0;
}
static void names_beyond(struct image *image)
{
	header_of(image)->e_shstrndx = header_of(image)->e_shnum;
}
static void headers_in_header(struct image *image)
{
	header_of(image)->e_shoff = 8;
}
static void names_of_nothing(struct image *image)
{
	section_of(image, header_of(image)->e_shstrndx)->sh_size = 0;
}
static void names_without_end(struct image *image)
{
	section_of(image, header_of(image)->e_shstrndx)->sh_size--;
}
static void second_table(struct image *image)
{
	here(image)->sh_type = SHT_SYMTAB;
}
static void more_than_a_page(struct image *image)
{
	here(image)->sh_addralign = 8192;
}
static void no_power_of_two(struct image *image)
{
	here(image)->sh_addralign = 24;
}
static void link_nowhere(struct image *image)
{
	here(image)->sh_link = 0;
}
static void link_beyond(struct image *image)
{
	here(image)->sh_link = header_of(image)->e_shnum;
}
static void without_contents(struct image *image)
{
	here(image)->sh_type = SHT_NOBITS;
}
static void as_a_digest(struct image *image)
{
	here(image)->sh_name =
		section_of(image, section_named(image, ".ths.digest"))->sh_name;
}
static void as_a_note(struct image *image)
{
	here(image)->sh_type = SHT_NOTE;
}
static void longer(struct image *image)
{
	here(image)->sh_size += 8;
}
static void descriptor_elsewhere(struct image *image)
{
	Elf64_Sym *descriptor = descriptor_of(image);

	descriptor->st_shndx = (uint16_t)at_section;
	descriptor->st_value = descriptor->st_size = 0;
}
static void executable(struct image *image)
{
	here(image)->sh_flags |= SHF_EXECINSTR;
}
static void descriptor_of_a_word(struct image *image)
{
	descriptor_of(image)->st_size = 4;
}
static void descriptor_at_an_odd_place(struct image *image)
{
	Elf64_Sym *descriptor = descriptor_of(image);
	uint32_t size = (uint32_t)descriptor->st_size;

	descriptor->st_value += 4;
	memcpy(image->data + section_of(image, descriptor->st_shndx)->sh_offset +
		       descriptor->st_value + 4,
	       &size, sizeof(size));
}

#define NO_OBJECT "ths_module_fixture_plain is not an object in read-only data"
static const struct {
	void (*change)(struct image *image);
	const char *section;
	enum ths_err err;
	const char *words; /* how the reason begins */
} changes[] = {
	{one_section, NULL, THS_E_FORMAT, "malformed ELF header: 1 sections, names in"},
	{no_names, NULL, THS_E_FORMAT, "malformed ELF header: "},
	{names_beyond, NULL, THS_E_FORMAT, "malformed ELF header: "},
	{headers_in_header, NULL, THS_E_FORMAT, "truncated: "},
	{names_of_nothing, NULL, THS_E_FORMAT, "section header "},
	{names_without_end, NULL, THS_E_FORMAT, "section header "},
	{second_table, ".rela.text", THS_E_FORMAT, ".symtab: a second symbol table"},
	{more_than_a_page, ".text", THS_E_FORMAT, ".text: alignment 0x2000, more than a page"},
	{no_power_of_two, ".text", THS_E_FORMAT, ".text: alignment 0x18"},
	{link_nowhere, ".symtab", THS_E_FORMAT, "symbol table: names in section 0"},
	{link_beyond, ".symtab", THS_E_FORMAT, "symbol table: names in section "},
	{without_contents, ".rodata", THS_E_FORMAT, ".rodata: "},
	{as_a_digest, ".ths.schema", THS_E_FORMAT, "two sections .ths.digest"},
	{as_a_note, ".ths.digest", THS_E_FORMAT, ".ths.digest"},
	{longer, ".ths.digest", THS_E_FORMAT, ""},
	{descriptor_elsewhere, ".ths.schema", THS_E_FORMAT, NO_OBJECT},
	{executable, ".rodata", THS_E_FORMAT, NO_OBJECT},
	{descriptor_of_a_word, NULL, THS_E_FORMAT, NO_OBJECT},
	{descriptor_at_an_odd_place, NULL, THS_E_FORMAT, "ths_module_fixture_plain: says it "},
};

START_TEST(a_number_that_makes_no_sense_is_refused)
{
	struct image image = image_read("fixture.plain");

	at_section = changes[_i].section ? section_named(&image, changes[_i].section) : 0;
	changes[_i].change(&image);
	ck_assert_int_eq(reopen(&image), changes[_i].err);
	ck_assert_msg(strncmp(reason.text, changes[_i].words, strlen(changes[_i].words)) == 0,
		      "%s", reason.text);
	ck_assert_int_lt(ths_tmod_open(&tmod, image.data, image.size, NULL), THS_OK);
	free(image.data);
}
END_TEST

/* ---- of what spills ---------------------------------------------------------------------- */

static void large(struct image *image)
{
	here(image)->sh_size = 2u << 20;
}
static void empty(struct image *image)
{
	Elf64_Shdr *symtab = section_of(image, section_named(image, ".symtab"));
	Elf64_Sym *symbol = (Elf64_Sym *)(void *)(image->data + symtab->sh_offset);

	here(image)->sh_size = 0;
	for (size_t i = 0; i < symtab->sh_size / sizeof(*symbol); i++)
		if (symbol[i].st_shndx == at_section)
			symbol[i].st_size = 0;
}

static const struct {
	void (*change)(struct image *image);
	const char *section;
	enum ths_err err;
	uint64_t spill_size;
	const char *words;
} spills[] = {
	{executable, ".data.state_counter", THS_E_SPILL, 0,
	 ".data.state_counter: 24 writable bytes (state_counter)"},
	{large, ".bss.state_last", THS_E_FORMAT, 0, ".bss.state_last: 2097152 bytes without"},
	{empty, ".bss.state_last", THS_OK, 24, ""},
	{empty, ".data.state_counter", THS_OK, 8, ""},
};

START_TEST(even_the_control_is_code_or_data)
{
	struct image image = image_read("fixture.spill");

	at_section = section_named(&image, spills[_i].section);
	spills[_i].change(&image);
	ck_assert_int_eq(ths_tmod_seal(image.data, image.size, &reason), THS_OK);
	reason.text[0] = '\0';
	ck_assert_int_eq(ths_tmod_open_spilling(&tmod, image.data, image.size, &reason),
			 spills[_i].err);
	ck_assert_msg(strncmp(reason.text, spills[_i].words, strlen(spills[_i].words)) == 0,
		      "%s", reason.text);
	if (spills[_i].err == THS_OK)
		ck_assert_uint_eq(tmod.spill_size, spills[_i].spill_size);
	free(image.data);
}
END_TEST

Suite *ths_test_suite(void)
{
	const TTest *const refused[] = {
		what_is_no_elf_object_is_refused,
		too_many_sections_are_refused,
		sections_that_overlap_or_leave_the_file_are_refused,
		foreign_kinds_of_section_are_refused_by_name,
		a_relocation_of_another_kind_is_refused,
		a_module_has_one_descriptor,
		common_and_thread_local_symbols_are_refused,
		a_digest_must_be_there_once,
		layouts_are_a_text_and_stand_there_once};
	Suite *suite = suite_create("tmod_refuse");
	TCase *tcase = ths_suite_case(suite, "E2-E7 refusals");

	for (size_t i = 0; i < THS_ARRAY_SIZE(refused); i++)
		tcase_add_test(tcase, refused[i]);
	tcase_add_loop_test(tcase, a_number_that_makes_no_sense_is_refused, 0,
			    (int)THS_ARRAY_SIZE(changes));
	tcase_add_loop_test(tcase, even_the_control_is_code_or_data, 0,
			    (int)THS_ARRAY_SIZE(spills));
	return suite;
}

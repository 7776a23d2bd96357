/*
 * Unit tests of <theseus/tmod.h>: what is accepted is linked right (E2-E4), and no damage
 * gets through (E5, E6). What is refused, and in which words: tmod_refuse_test.c.
 */
#include "tmod_image.h"

#define LOW_TEXT   0x10000000u /* where every kind of relocation fits */
#define LOW_RODATA 0x18000000u
#define TOP_TEXT   0xffffffff90000000u /* where the kernel has its modules */
#define TOP_RODATA 0xffffffff98000000u
#define IMPORT     0x14000000u

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
	ck_assert_msg(strncmp(name, "ths_", 4) == 0 || /* or with --enable-hardening: */
			      strcmp(name, "__stack_chk_guard") == 0,
		      "%s", name);
	free(text);
	free(rodata);
	free(image.data);
}
END_TEST

static enum ths_err visit(void *ctx, const char *name)
{
	unsigned *count = ctx;

	if (strncmp(name, "__stack_chk_", 12) == 0)
		return THS_OK; /* with --enable-hardening, also */
	*count += strcmp(name, "ths_port_in") == 0 ? 100 : 1;
	return *count > 1000 ? THS_E_FULL : THS_OK;
}

START_TEST(imports_are_told_and_the_visitor_may_stop)
{
	struct image image = image_read("fixture.plain");
	unsigned count = 0;

	ck_assert_int_eq(ths_tmod_open(&tmod, image.data, image.size, &reason), THS_OK);
	ck_assert_int_eq(ths_tmod_imports(&tmod, visit, &count), THS_OK);
	ck_assert_uint_eq(count / 100, 1); /* ths_port_in once, and others */
	ck_assert_uint_ne(count % 100, 0);
	count = 1000;
	ck_assert_int_eq(ths_tmod_imports(&tmod, visit, &count), THS_E_FULL);
	free(image.data);
}
END_TEST

/* Symbol @name becomes a function, in section @home; the name of a file, with none. */
static void make_function(struct image *image, const char *name, const char *home)
{
	Elf64_Shdr *symtab = section_of(image, section_named(image, ".symtab"));
	const char *strings =
		(const char *)image->data + section_of(image, symtab->sh_link)->sh_offset;
	Elf64_Sym *symbol = (Elf64_Sym *)(void *)(image->data + symtab->sh_offset);

	while (strcmp(strings + symbol->st_name, name) != 0)
		symbol++;
	symbol->st_info = ELF64_ST_INFO(STB_GLOBAL, home ? STT_FUNC : STT_FILE);
	if (home)
		symbol->st_shndx = (uint16_t)section_named(image, home);
}

START_TEST(what_is_no_function_of_ours_has_no_name)
{
	struct image image = image_read("fixture.plain");
	unsigned count = 0;
	uint64_t within;

	ck_assert_int_eq(ths_tmod_open(&tmod, image.data, image.size, &reason), THS_OK);
	make_function(&image, "ths_port_in", ".rodata");
	make_function(&image, "ths_port_out", ".ths.schema");
	make_function(&image, "ths_log", NULL);
	for (uint64_t at = 0; at < tmod.text_size; at++) {
		const char *name = ths_tmod_symbol(&tmod, at, &within);

		ck_assert(name == NULL || strncmp(name, "ths_", 4) != 0);
	}
	ck_assert_int_eq(ths_tmod_imports(&tmod, visit, &count), THS_OK);
	ck_assert_uint_eq(count, 2); /* rows are read and written */
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

/* ---- E1 ------------------------------------------------------------------------------ */

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
		an_address_in_text_has_a_name,
		what_is_no_function_of_ours_has_no_name};
	const TTest *const damaged[] = {every_truncation_is_refused,
					every_changed_byte_is_refused,
					an_appended_byte_is_refused,
					sealed_damage_is_refused_or_links_within_bounds};
	const TTest *const spill[] = {writable_bytes_are_refused_by_owner_and_number,
				      the_control_places_its_state_in_pages_of_its_own};
	const struct {
		const char *name;
		const TTest *const *tests;
		size_t count;
	} cases[] = {
		{"E2-E4 linking", accepted, THS_ARRAY_SIZE(accepted)},
		{"E5-E6 damage", damaged, THS_ARRAY_SIZE(damaged)},
		{"E1 spill", spill, THS_ARRAY_SIZE(spill)},
	};
	Suite *suite = suite_create("tmod");

	for (size_t i = 0; i < THS_ARRAY_SIZE(cases); i++) {
		TCase *tcase = ths_suite_case(suite, cases[i].name);

		for (size_t k = 0; k < cases[i].count; k++)
			tcase_add_test(tcase, cases[i].tests[k]);
	}
	return suite;
}

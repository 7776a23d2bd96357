/*
 * boot_info - what loaders and firmware leave behind, good, cut short and made up.
 *
 * Each test builds tables in a piece of memory of exactly the size the parsers are told,
 * so that AddressSanitizer sees a read beyond it.
 */
#include <suite.h>
#include <stdlib.h>
#include <string.h>

#include "boot_info.h"

#define MEMORY    4096u
#define AT        64u /* where the tables lie */
#define FIRST_MIB 0x100000ull

static uint8_t *memory;
static struct ths_x86_window window;
static struct ths_x86_found found;
static size_t end;

static void setup(void)
{
	memory = calloc(1, MEMORY);
	ck_assert_ptr_nonnull(memory);
	window = (struct ths_x86_window){memory, MEMORY};
	memset(&found, 0, sizeof(found));
	end = AT;
}

static void teardown(void)
{
	free(memory);
}

static void put(const void *bytes, size_t len)
{
	ck_assert_uint_le(end + len, MEMORY);
	memcpy(memory + end, bytes, len);
	end += len;
}

static void put32(uint32_t value)
{
	put(&value, sizeof(value));
}

static void put64(uint64_t value)
{
	put(&value, sizeof(value));
}

static void at32(size_t at, uint32_t value)
{
	memcpy(memory + at, &value, sizeof(value));
}

static void says(const char *what, const char *expected)
{
	if (!expected)
		ck_assert_msg(!what, "said: %s", what);
	else
		ck_assert_str_eq(what ? what : "nothing", expected);
}

/* ---- multiboot2 ---------------------------------------------------------------------- */

static void tag_text(uint32_t type, const char *text)
{
	put32(type);
	put32((uint32_t)(8 + strlen(text) + 1));
	put(text, strlen(text) + 1);
	end = (end + 7) & ~(size_t)7;
}

static void tag_map_entry(uint64_t base, uint64_t size, uint32_t type)
{
	put64(base);
	put64(size);
	put32(type);
	put32(0);
}

/* | head | cmdline | loader | module | map of 2 | end | */
static size_t map_tag;

static void good_multiboot2(void)
{
	put32(0);
	put32(0);
	tag_text(1, "quiet");
	tag_text(2, "GRUB 2.06");
	put32(3);
	put32(17);
	put32(0x300000);
	put32(0x301234);
	put("", 1);
	end = (end + 7) & ~(size_t)7;
	map_tag = end;
	put32(6);
	put32(16 + 2 * 24);
	put32(24);
	put32(0);
	tag_map_entry(0, 0x9fc00, 1);
	tag_map_entry(FIRST_MIB, 0x7f00000, 1);
	put32(14);
	put32(8 + 20);
	end += 24;
	put32(0);
	put32(8);
	at32(AT, (uint32_t)(end - AT));
}

static const char *multiboot2(void)
{
	return ths_x86_multiboot2_parse(&window, AT, &found);
}

START_TEST(multiboot2_is_read)
{
	good_multiboot2();
	says(multiboot2(), NULL);
	ck_assert_str_eq(found.cmdline, "quiet");
	ck_assert_str_eq(found.loader, "GRUB 2.06");
	ck_assert_uint_eq(found.archive, 0x300000);
	ck_assert_uint_eq(found.archive_size, 0x1234);
	ck_assert_uint_eq(found.entries, 2);
	ck_assert_uint_eq(found.map[1].base, FIRST_MIB);
	ck_assert_uint_ne(found.rsdp, 0);
}
END_TEST

START_TEST(multiboot2_cut_short_is_refused)
{
	good_multiboot2();
	const size_t total = end - AT;

	for (uint32_t size = 0; size < total; size++) {
		/* claimed shorter than it is: the end tag is missing */
		at32(AT, size);
		memset(&found, 0, sizeof(found));
		ck_assert_ptr_nonnull(multiboot2());
		/* claimed as long as it is, but memory ends sooner */
		at32(AT, (uint32_t)total);
		window.size = AT + size;
		ck_assert_ptr_nonnull(multiboot2());
		window.size = MEMORY;
	}
}
END_TEST

START_TEST(multiboot2_at_an_odd_place_is_refused)
{
	good_multiboot2();
	says(ths_x86_multiboot2_parse(&window, AT + 4, &found),
	     "the boot information is at an impossible address");
	says(ths_x86_multiboot2_parse(&window, 0, &found),
	     "the boot information is at an impossible address");
	says(ths_x86_multiboot2_parse(&window, UINT64_MAX - 7, &found),
	     "the boot information is at an impossible address");
}
END_TEST

START_TEST(multiboot2_lies_are_named)
{
	good_multiboot2();
	at32(AT, UINT32_MAX);
	says(multiboot2(), "the boot information has an impossible size");
	at32(AT, (uint32_t)(end - AT));
	at32(AT + 12, 7);
	says(multiboot2(), "a tag reaches beyond the boot information");
	at32(AT + 12, UINT32_MAX);
	says(multiboot2(), "a tag reaches beyond the boot information");
	at32(AT + 12, 13);
	says(multiboot2(), "the command line is too long or does not end");
	at32(AT + 12, 14);
	at32(map_tag + 8, 0);
	says(multiboot2(), "the memory map has entries of an impossible size");
	at32(map_tag + 8, 28);
	says(multiboot2(), "the memory map has entries of an impossible size");
	at32(map_tag + 8, 24);
	at32(map_tag + 16, 0x1000);
	at32(map_tag + 20, UINT32_MAX);
	at32(map_tag + 28, 1);
	says(multiboot2(), "an entry of the memory map wraps around");
	at32(map_tag, 99);
	says(multiboot2(), "there is no memory map");
}
END_TEST

START_TEST(multiboot2_module_backwards_is_refused)
{
	put32(8 + 24 + 8);
	put32(0);
	put32(3);
	put32(17);
	put32(0x301000);
	put32(0x300000);
	put32(0);
	put32(0);
	put32(0);
	put32(8);
	says(multiboot2(), "a module ends before it begins");
}
END_TEST

/* ---- PVH ----------------------------------------------------------------------------- */

static void good_pvh(void)
{
	const uint64_t modules = AT + 64, text = modules + 32, map = text + 8;

	put32(0x336ec578);
	put32(1);
	put32(0);
	put32(1);
	put64(modules);
	put64(text);
	put64(0);
	put64(map);
	put32(1);
	put32(0);
	end = modules;
	put64(0x400000);
	put64(0x5000);
	put64(0);
	put64(0);
	put("a b", 4);
	end = map;
	tag_map_entry(FIRST_MIB, 0x7f00000, 1);
}

static const char *pvh(void)
{
	return ths_x86_pvh_parse(&window, AT, &found);
}

START_TEST(pvh_is_read)
{
	good_pvh();
	says(pvh(), NULL);
	ck_assert_str_eq(found.cmdline, "a b");
	ck_assert_str_eq(found.loader, "PVH");
	ck_assert_uint_eq(found.archive, 0x400000);
	ck_assert_uint_eq(found.archive_size, 0x5000);
	ck_assert_uint_eq(found.entries, 1);
}
END_TEST

START_TEST(pvh_cut_short_is_refused)
{
	good_pvh();
	for (window.size = 0; window.size < end; window.size++) {
		memset(&found, 0, sizeof(found));
		ck_assert_ptr_nonnull(pvh());
	}
}
END_TEST

START_TEST(pvh_lies_are_named)
{
	good_pvh();
	at32(AT, 1);
	says(pvh(), "the start information has no magic number");
	at32(AT, 0x336ec578);
	at32(AT + 4, 0);
	says(pvh(), "the start information is of version 0, without a memory map");
	at32(AT + 4, 1);
	at32(AT + 16, MEMORY - 31);
	says(pvh(), "the list of modules is out of reach");
	at32(AT + 16, AT + 64);
	at32(AT + 48, UINT32_MAX);
	says(pvh(), "the memory map is out of reach");
	at32(AT + 48, 0);
	says(pvh(), "there is no memory map");
	at32(AT + 24, MEMORY - 1);
	memory[MEMORY - 1] = 'x';
	says(pvh(), "the command line is out of reach, too long or does not end");
}
END_TEST

/* ---- anything at all ----------------------------------------------------------------- */

static uint64_t state;

static uint64_t random_u64(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

/* Good tables with a few changed bytes: no crash, and what is accepted is sound. */
START_TEST(changed_bytes_do_no_harm)
{
	state = 88172645463325252u + (uint64_t)_i;
	for (unsigned round = 0; round < 200; round++) {
		const bool grub = random_u64() % 2;

		end = AT;
		memset(&found, 0, sizeof(found));
		if (grub)
			good_multiboot2();
		else
			good_pvh();
		for (unsigned n = 0; n < 1 + random_u64() % 4; n++)
			memory[AT + random_u64() % (end - AT)] = (uint8_t)random_u64();
		if ((grub ? multiboot2() : pvh()) == NULL) {
			ck_assert_uint_gt(found.entries, 0);
			ck_assert_uint_le(found.entries, X86_MAP_MAX);
			ck_assert_uint_lt(strlen(found.cmdline), X86_CMDLINE_MAX);
		}
	}
}
END_TEST

/* ---- the memory map ------------------------------------------------------------------ */

static struct ths_x86_memory built;

static const char *build(const struct ths_boot_range *used, unsigned count)
{
	memset(&built, 0, sizeof(built));
	return ths_x86_memory_build(&found, used, count, &built);
}

static void map(uint64_t base, uint64_t size, bool ram)
{
	says(ths_x86_map_add(&found, base, size, ram), NULL);
}

static void is(const struct ths_boot_range *range, uint64_t base, uint64_t range_end)
{
	ck_assert_uint_eq(range->base, base);
	ck_assert_uint_eq(range->base + range->size, range_end);
}

START_TEST(map_is_sorted_merged_and_rounded)
{
	map(0x800000, 0x100001, true);
	map(0x200800, 0x1000, true); /* no whole page of its own */
	map(0x300000, 0x100000, true);
	map(0x400000, 0x100000, true);
	map(0x350000, 0x10, false);
	says(build(NULL, 0), NULL);
	ck_assert_uint_eq(built.free_count, 3);
	is(&built.free[0], 0x300000, 0x350000);
	is(&built.free[1], 0x351000, 0x500000);
	is(&built.free[2], 0x800000, 0x900000);
}
END_TEST

START_TEST(what_is_used_is_not_free)
{
	const struct ths_boot_range used[] = {
		{0x200000, 0x31000}, {0x7001, 0}, {0x500800, 0x10}};

	map(0, 0xa0000, true);
	map(FIRST_MIB, 0x700000, true);
	says(build(used, THS_ARRAY_SIZE(used)), NULL);
	ck_assert_uint_eq(built.ram_count, 2);
	ck_assert_uint_eq(built.free_count, 3);
	is(&built.free[0], FIRST_MIB, 0x200000);
	is(&built.free[1], 0x231000, 0x500000);
	is(&built.free[2], 0x501000, 0x800000);
}
END_TEST

START_TEST(what_is_used_must_be_memory)
{
	const struct ths_boot_range used = {0x700000, 0x200000};
	const struct ths_boot_range huge = {0x700000, UINT64_MAX - 4};

	map(FIRST_MIB, 0x700000, true);
	says(build(&used, 1), "the kernel or the module archive lies outside of memory");
	says(build(&huge, 1), "the kernel or the module archive lies outside of memory");
}
END_TEST

START_TEST(no_free_memory_is_refused)
{
	map(0, FIRST_MIB, true);
	says(build(NULL, 0), "there is no free memory");
	found.entries = 0;
	map(FIRST_MIB, 0x1000, true);
	map(0, UINT64_MAX, false);
	says(build(NULL, 0), "there is no free memory");
}
END_TEST

/* Against a map of single pages: what is free there is free here, less what was dropped.
 */
START_TEST(any_map_agrees_with_single_pages)
{
	enum { PAGES = 512, BASE = 0x100 };
	static bool ram[PAGES];
	uint64_t told = 0, wanted = 0;

	state = 1234567u + (uint64_t)_i;
	memset(ram, 0, sizeof(ram));
	for (unsigned i = 0; i < 40; i++) {
		const uint64_t page = random_u64() % PAGES;
		const uint64_t pages = 1 + random_u64() % (PAGES - page);
		const bool is_ram = i < 30;

		if (pages > 20)
			continue;
		map((BASE + page) * 4096, pages * 4096, is_ram);
	}
	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < found.entries; i++)
			if (found.map[i].ram == (pass == 0))
				for (uint64_t at = 0; at < found.map[i].size; at += 4096)
					ram[(found.map[i].base + at) / 4096 - BASE] =
						pass == 0;
	for (unsigned i = 0; i < PAGES; i++)
		wanted += ram[i];
	if (wanted == 0)
		return;
	says(build(NULL, 0), NULL);
	for (unsigned i = 0; i < built.free_count; i++) {
		const struct ths_boot_range *range = &built.free[i];

		ck_assert(i == 0 ||
			  built.free[i - 1].base + built.free[i - 1].size < range->base);
		for (uint64_t at = 0; at < range->size; at += 4096, told++)
			ck_assert(ram[(range->base + at) / 4096 - BASE]);
	}
	ck_assert_uint_eq(told, wanted);
}
END_TEST

START_TEST(a_map_of_crumbs_keeps_the_largest)
{
	for (uint64_t i = 0; i < X86_MAP_MAX; i++)
		map(FIRST_MIB + i * 0x10000,
		    0x1000 + (i == 7) * 0x1000 + (i % 2) * 0x1000, true);
	says(ths_x86_map_add(&found, 0, 1, true), "the memory map has too many entries");
	says(build(NULL, 0), NULL);
	ck_assert_uint_le(built.free_count, X86_RAM_MAX);
	bool kept = false;

	for (unsigned i = 0; i < built.free_count; i++)
		kept = kept || built.free[i].base == FIRST_MIB + 7 * 0x10000;
	ck_assert(kept);
}
END_TEST

/* ---- ACPI ---------------------------------------------------------------------------- */

static void checksum(size_t at, size_t len, size_t where)
{
	uint8_t sum = 0;

	memory[at + where] = 0;
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + memory[at + i]);
	memory[at + where] = (uint8_t)-sum;
}

enum { RSDP = 0x100, RSDT = 0x140, FADT = 0x180, DSDT = 0x280, AML = DSDT + 60 };

static void good_acpi(void)
{
	static const uint8_t s5[] = {'_',  'S',  '5',  '_',  0x12, 0x0a,
				     0x04, 0x0a, 0x05, 0x00, 0,    0};

	memcpy(memory + RSDP, "RSD PTR ", 8);
	at32(RSDP + 16, RSDT);
	checksum(RSDP, 20, 8);
	memcpy(memory + RSDT, "RSDT", 4);
	at32(RSDT + 4, 40);
	at32(RSDT + 36, FADT);
	checksum(RSDT, 40, 9);
	memcpy(memory + FADT, "FACP", 4);
	at32(FADT + 4, 132);
	at32(FADT + 40, DSDT);
	at32(FADT + 64, 0x604);
	at32(FADT + 112, 1 << 10);
	memory[FADT + 116] = 1;
	at32(FADT + 120, 0xcf9);
	memory[FADT + 128] = 0x0f;
	checksum(FADT, 132, 9);
	memcpy(memory + DSDT, "DSDT", 4);
	at32(DSDT + 4, 100);
	memcpy(memory + AML, s5, sizeof(s5));
	checksum(DSDT, 100, 9);
}

static struct ths_x86_acpi acpi(void)
{
	struct ths_x86_acpi out;

	ths_x86_acpi_parse(&window, RSDP, &out);
	return out;
}

START_TEST(acpi_is_read)
{
	good_acpi();
	ck_assert_uint_eq(acpi().pm1a, 0x604);
	ck_assert(acpi().off_known);
	ck_assert_uint_eq(acpi().off_a, 5 << 10);
	ck_assert_uint_eq(acpi().off_b, 0);
	ck_assert_uint_eq(acpi().reset_port, 0xcf9);
	ck_assert_uint_eq(acpi().reset_value, 0x0f);
}
END_TEST

START_TEST(acpi_with_a_wrong_sum_is_not_there)
{
	good_acpi();
	memory[DSDT + 50]++;
	ck_assert_uint_eq(acpi().pm1a, 0x604);
	ck_assert(!acpi().off_known);
	memory[FADT + 60]++;
	ck_assert_uint_eq(acpi().pm1a, 0);
}
END_TEST

START_TEST(acpi_cut_short_does_no_harm)
{
	good_acpi();
	for (window.size = 0; window.size < MEMORY; window.size++)
		ck_assert_uint_eq(acpi().off_known, window.size >= DSDT + 100);
}
END_TEST

START_TEST(acpi_of_any_bytes_does_no_harm)
{
	state = 987654321u + (uint64_t)_i;
	for (unsigned round = 0; round < 100; round++) {
		good_acpi();
		for (unsigned n = 0; n < 3; n++)
			memory[RSDP + random_u64() % 0x200] = (uint8_t)random_u64();
		at32(FADT + 4, (uint32_t)random_u64() % 400);
		checksum(RSDP, 20, 8);
		checksum(RSDT, 40, 9);
		checksum(FADT, 132, 9);
		checksum(DSDT, 100, 9);
		const struct ths_x86_acpi out = acpi();

		ck_assert(out.pm1a != 0 || !out.off_known || out.off_a <= 7 << 10);
	}
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("boot_info");
	TCase *tcase = tcase_create("multiboot2");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, multiboot2_is_read);
	tcase_add_test(tcase, multiboot2_cut_short_is_refused);
	tcase_add_test(tcase, multiboot2_at_an_odd_place_is_refused);
	tcase_add_test(tcase, multiboot2_lies_are_named);
	tcase_add_test(tcase, multiboot2_module_backwards_is_refused);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("PVH");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, pvh_is_read);
	tcase_add_test(tcase, pvh_cut_short_is_refused);
	tcase_add_test(tcase, pvh_lies_are_named);
	tcase_add_loop_test(tcase, changed_bytes_do_no_harm, 0, 50);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("Y1, Y2: the memory map");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, map_is_sorted_merged_and_rounded);
	tcase_add_test(tcase, what_is_used_is_not_free);
	tcase_add_test(tcase, what_is_used_must_be_memory);
	tcase_add_test(tcase, no_free_memory_is_refused);
	tcase_add_loop_test(tcase, any_map_agrees_with_single_pages, 0, 100);
	tcase_add_test(tcase, a_map_of_crumbs_keeps_the_largest);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("ACPI");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, acpi_is_read);
	tcase_add_test(tcase, acpi_with_a_wrong_sum_is_not_there);
	tcase_add_test(tcase, acpi_cut_short_does_no_harm);
	tcase_add_loop_test(tcase, acpi_of_any_bytes_does_no_harm, 0, 50);
	suite_add_tcase(suite, tcase);
	return suite;
}

/*
 * What ths_boot() is handed. The script gives the command line and, as the archive, a
 * file that begins with a known word.
 */
#include "harness.h"

#define CMDLINE "one two=2"
#define ARCHIVE "theseus archive" /* or, from theseus-image: */
#define CPIO    "070701"

static bool same(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

static bool ranges_are_sound(const struct ths_boot_info *info)
{
	ths_paddr_t floor = 0x100000;

	for (uint32_t i = 0; i < info->ranges; i++) {
		const struct ths_boot_range *range = &info->free[i];

		if (range->base < floor || range->base % THS_PAGE_SIZE ||
		    range->size % THS_PAGE_SIZE || range->size == 0)
			return false;
		floor = range->base + range->size;
	}
	return info->ranges > 0;
}

static bool is_free(const struct ths_boot_info *info, ths_paddr_t paddr)
{
	for (uint32_t i = 0; i < info->ranges; i++)
		if (paddr - info->free[i].base < info->free[i].size)
			return true;
	return false;
}

static bool free_memory_is_memory(const struct ths_boot_info *info)
{
	for (uint32_t i = 0; i < info->ranges; i++) {
		const struct ths_boot_range *range = &info->free[i];
		volatile uint64_t *first = ths_arch_direct(range->base);
		volatile uint64_t *last =
			ths_arch_direct(range->base + range->size - sizeof(*last));

		*first = 0x1122334455667788;
		*last = 0x99aabbccddeeff00;
		if (*first != 0x1122334455667788 || *last != 0x99aabbccddeeff00)
			return false;
	}
	return true;
}

static bool tables_are_taken(const struct ths_boot_info *info)
{
	uint64_t cr3;

	__asm__("movq %%cr3, %0" : "=r"(cr3));
	return !is_free(info, cr3 & X86_ADDR);
}

void test_boot(const struct ths_boot_info *info)
{
	const ths_paddr_t image = ths_arch_paddr(ths_x86_image_start);
	const ths_paddr_t image_end = ths_arch_paddr(ths_x86_image_end);

	check(same(info->cmdline, CMDLINE, sizeof(CMDLINE) - 1),
	      "the command line arrives");
	timed = !same(info->cmdline, CMDLINE " untimed", sizeof(CMDLINE " untimed"));
	check(info->loader[0] != '\0', "the loader has a name");
	check(info->cpus == 1, "one processor runs");
	check(ranges_are_sound(info),
	      "free ranges ascend, apart, page-aligned, above 1 MiB");
	check(!is_free(info, image) && !is_free(info, image_end - 1),
	      "the image is not free");
	check(tables_are_taken(info), "page tables are not free");
	check(info->archive_size > sizeof(ARCHIVE) &&
		      (same(info->archive, ARCHIVE, sizeof(ARCHIVE) - 1) ||
		       same(info->archive, CPIO, sizeof(CPIO) - 1)),
	      "the module archive arrives");
	check(!is_free(info, ths_arch_paddr(info->archive)), "the archive is not free");
	check(free_memory_is_memory(info), "free ranges can be written at both ends");
	check(ths_arch_entropy() != ths_arch_entropy(), "two draws of entropy differ");
}

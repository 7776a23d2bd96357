/*
 * boot_multiboot2 - the boot information of GRUB (Multiboot2 Specification 2.0, 3.6).
 *
 *   info: | total size | 0 | tag | tag | ... | end tag |    all 8-byte aligned
 *   tag:  | type | size | payload |                         size without padding
 *
 * Taken: command line, loader name, the first module, the memory map, a copy of ACPI's
 * root pointer (the newer, where both are there). Anything else is passed over. Also
 * under UEFI the map is the loader's plain one, as UEFI itself has been left by then.
 */
#include "boot_info.h"

enum {
	TAG_END = 0,
	TAG_CMDLINE = 1,
	TAG_LOADER = 2,
	TAG_MODULE = 3,
	TAG_MAP = 6,
	TAG_ACPI_OLD = 14,
	TAG_ACPI_NEW = 15,
	INFO_MAX = 16u << 20,
};

struct tag {
	uint32_t type, size;
};

struct map_entry {
	uint64_t base, size;
	uint32_t type, reserved;
};

static uint32_t word_at(const uint8_t *bytes, unsigned index)
{
	return ((const uint32_t *)(const void *)bytes)[index];
}

static const char *take_module(const uint8_t *tag, uint32_t size,
			       struct ths_x86_found *found)
{
	uint32_t start, end;

	if (size < 17)
		return "a module tag is too short";
	start = word_at(tag, 2);
	end = word_at(tag, 3);
	if (end < start)
		return "a module ends before it begins";
	if (found->archive_size == 0) {
		found->archive = start;
		found->archive_size = end - start;
	}
	return NULL;
}

static const char *take_map(const uint8_t *tag, uint32_t size,
			    struct ths_x86_found *found)
{
	uint32_t step;

	if (size < 16)
		return "the memory map tag is too short";
	step = word_at(tag, 2);
	if (step < sizeof(struct map_entry) || step % 8)
		return "the memory map has entries of an impossible size";
	for (uint32_t at = 16; step <= size - at; at += step) {
		const struct map_entry *entry = (const void *)(tag + at);
		const char *wrong = ths_x86_map_add(found, entry->base, entry->size,
						    entry->type == 1);

		if (wrong)
			return wrong;
	}
	return NULL;
}

static const char *take_tag(const uint8_t *tag, uint32_t type, uint32_t size,
			    uint64_t paddr, struct ths_x86_found *found)
{
	const char *text = (const char *)tag + sizeof(struct tag);
	uint32_t len = size - (uint32_t)sizeof(struct tag);

	switch (type) {
	case TAG_CMDLINE:
		if (!ths_x86_text_copy(found->cmdline, sizeof(found->cmdline), text, len))
			return "the command line is too long or does not end";
		return NULL;
	case TAG_LOADER:
		if (!ths_x86_text_copy(found->loader, sizeof(found->loader), text, len))
			return "the loader's name is too long or does not end";
		return NULL;
	case TAG_MODULE:
		return take_module(tag, size, found);
	case TAG_MAP:
		return take_map(tag, size, found);
	case TAG_ACPI_OLD:
		if (found->rsdp == 0)
			found->rsdp = paddr + sizeof(struct tag);
		return NULL;
	case TAG_ACPI_NEW:
		found->rsdp = paddr + sizeof(struct tag);
		return NULL;
	default:
		return NULL;
	}
}

const char *ths_x86_multiboot2_parse(const struct ths_x86_window *window, uint64_t info,
				     struct ths_x86_found *found)
{
	const uint8_t *head = ths_x86_window_at(window, info, 8);
	uint32_t total, size;

	if (!head || info == 0 || info % 8)
		return "the boot information is at an impossible address";
	total = word_at(head, 0);
	if (total < 16 || total > INFO_MAX || !ths_x86_window_at(window, info, total))
		return "the boot information has an impossible size";
	for (uint32_t at = 8; total - at >= sizeof(struct tag); at += (size + 7) & ~7u) {
		const uint8_t *tag = head + at;
		const char *wrong;

		size = word_at(tag, 1);
		if (size < sizeof(struct tag) || size > total - at)
			return "a tag reaches beyond the boot information";
		if (word_at(tag, 0) == TAG_END)
			return found->entries ? NULL : "there is no memory map";
		wrong = take_tag(tag, word_at(tag, 0), size, info + at, found);
		if (wrong)
			return wrong;
		if (total - at - size < 8)
			break;
	}
	return "the boot information has no end";
}

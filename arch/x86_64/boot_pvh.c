/*
 * boot_pvh - the boot information of QEMU's -kernel and of Xen.
 *
 * One structure, hvm_start_info (Xen's public headers, arch-x86/hvm/start_info.h), that
 * points at the command line, a list of modules (QEMU: -initrd) and, from version 1 on, a
 * memory map in E820's types. Version 0 has none and is refused. Nothing is aligned: QEMU's
 * microvm puts the list of modules at a multiple of 4.
 */
#include "boot_info.h"
#include "layout.h"

struct start_info {
	uint32_t magic, version, flags, modules;
	uint64_t module_list, cmdline, rsdp;
	uint64_t map; /* from here on: version 1 */
	uint32_t map_entries, reserved;
} THS_PACKED;

struct module {
	uint64_t base, size, cmdline, reserved;
} THS_PACKED;

struct map_entry {
	uint64_t base, size;
	uint32_t type, reserved;
} THS_PACKED;

static const char *take_cmdline(const struct ths_x86_window *window, uint64_t paddr,
				struct ths_x86_found *found)
{
	const char *text = ths_x86_window_at(window, paddr, 1);

	if (paddr == 0)
		return NULL;
	if (!text || !ths_x86_text_copy(found->cmdline, sizeof(found->cmdline), text,
					window->size - paddr))
		return "the command line is out of reach, too long or does not end";
	return NULL;
}

static const char *take_map(const struct ths_x86_window *window,
			    const struct start_info *info, struct ths_x86_found *found)
{
	const struct map_entry *map = ths_x86_window_at(
		window, info->map, (uint64_t)info->map_entries * sizeof(*map));

	if (info->map_entries == 0 || info->map == 0)
		return "there is no memory map";
	if (!map)
		return "the memory map is out of reach";
	for (uint32_t i = 0; i < info->map_entries; i++) {
		const char *wrong = ths_x86_map_add(found, map[i].base, map[i].size,
						    map[i].type == 1);

		if (wrong)
			return wrong;
	}
	return found->entries ? NULL : "there is no memory map";
}

const char *ths_x86_pvh_parse(const struct ths_x86_window *window, uint64_t paddr,
			      struct ths_x86_found *found)
{
	const struct start_info *info = ths_x86_window_at(window, paddr, sizeof(*info));
	const struct module *module;
	const char *wrong;

	if (!info || paddr == 0)
		return "the start information is at an impossible address";
	if (info->magic != X86_PVH_MAGIC)
		return "the start information has no magic number";
	if (info->version < 1)
		return "the start information is of version 0, without a memory map";
	if (info->modules) {
		module = ths_x86_window_at(window, info->module_list, sizeof(*module));
		if (!module)
			return "the list of modules is out of reach";
		found->archive = module->base;
		found->archive_size = module->size;
	}
	found->rsdp = info->rsdp;
	wrong = take_cmdline(window, info->cmdline, found);
	if (wrong)
		return wrong;
	if (!ths_x86_text_copy(found->loader, sizeof(found->loader), "PVH", 4))
		return "the loader's name is too long";
	return take_map(window, info, found);
}

/*
 * boot_text - what the two parsers of boot information share.
 */
#include "boot_info.h"

bool ths_x86_text_copy(char *into, size_t size, const char *from, uint64_t limit)
{
	for (size_t i = 0; i < size && i < limit; i++) {
		into[i] = from[i];
		if (!from[i])
			return true;
	}
	into[0] = '\0';
	return false;
}

const char *ths_x86_map_add(struct ths_x86_found *found, uint64_t base, uint64_t size,
			    bool ram)
{
	if (size == 0)
		return NULL;
	if (base + size - 1 < base)
		return "an entry of the memory map wraps around";
	if (found->entries == X86_MAP_MAX)
		return "the memory map has too many entries";
	found->map[found->entries++] = (struct ths_x86_map_entry){base, size, ram};
	return NULL;
}

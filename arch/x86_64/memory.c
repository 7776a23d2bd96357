/*
 * memory - the firmware's map, made fit for use.
 *
 * Firmware hands out entries in any order, of any alignment, overlapping, and where they
 * overlap the one that is not RAM is right. Out come page-aligned ascending ranges: all
 * RAM (the direct map), and the part of it nobody uses (what nano_core may hand out).
 *
 * Invariants
 *   Y1  No range in .free touches a used range, an entry that is not RAM, or the first
 *       MiB.
 *   Y2  Ranges are rounded inwards, what is taken away is rounded outwards. A map that
 *       needs more ranges than there is room for loses its smallest ones.
 */
#include "boot_info.h"

#define LOW_END 0x100000u
#define TOP     (1ull << 46) /* what the direct map can show */

struct ranges {
	struct ths_boot_range *at;
	unsigned count;
};

static void drop(struct ranges *list, unsigned index)
{
	list->count--;
	for (; index < list->count; index++)
		list->at[index] = list->at[index + 1];
}

static void make_room(struct ranges *list)
{
	unsigned smallest = 0;

	if (list->count < X86_RAM_MAX)
		return;
	for (unsigned i = 1; i < list->count; i++)
		if (list->at[i].size < list->at[smallest].size)
			smallest = i;
	drop(list, smallest);
}

/* Adds [base, end), sorted, merged with what it touches. */
static void join(struct ranges *list, uint64_t base, uint64_t end)
{
	unsigned place = 0;

	for (unsigned i = 0; i < list->count;) {
		struct ths_boot_range *range = &list->at[i];

		if (range->base <= end && base <= range->base + range->size) {
			if (range->base < base)
				base = range->base;
			if (range->base + range->size > end)
				end = range->base + range->size;
			drop(list, i);
		} else {
			i++;
		}
	}
	make_room(list);
	while (place < list->count && list->at[place].base < base)
		place++;
	for (unsigned i = list->count; i > place; i--)
		list->at[i] = list->at[i - 1];
	list->at[place] = (struct ths_boot_range){base, end - base};
	list->count++;
}

/* Takes [base, end) away. */
static void cut(struct ranges *list, uint64_t base, uint64_t end)
{
	for (unsigned i = 0; i < list->count;) {
		struct ths_boot_range *range = &list->at[i];
		uint64_t range_end = range->base + range->size;

		if (range_end <= base || end <= range->base) {
			i++;
		} else if (base <= range->base && range_end <= end) {
			drop(list, i);
		} else if (base <= range->base) {
			*range = (struct ths_boot_range){end, range_end - end};
			i++;
		} else {
			range->size = base - range->base;
			i++;
			if (end < range_end) {
				join(list, end, range_end);
				i = 0; /* the list may have moved under us */
			}
		}
	}
}

static void cut_outwards(struct ranges *list, uint64_t base, uint64_t size)
{
	uint64_t end = base + (size - 1);

	if (size == 0)
		return;
	if (end >= TOP)
		end = TOP - 1;
	if (base < TOP)
		cut(list, base & ~(uint64_t)(THS_PAGE_SIZE - 1),
		    (end | (THS_PAGE_SIZE - 1)) + 1);
}

static void join_inwards(struct ranges *list, uint64_t base, uint64_t size)
{
	uint64_t end = base + (size - 1);

	if (base >= TOP - THS_PAGE_SIZE)
		return;
	end = end >= TOP ? TOP : end + 1;
	base = (base + THS_PAGE_SIZE - 1) & ~(uint64_t)(THS_PAGE_SIZE - 1);
	end &= ~(uint64_t)(THS_PAGE_SIZE - 1);
	if (base < end)
		join(list, base, end);
}

static bool holds(const struct ranges *list, const struct ths_boot_range *range)
{
	for (unsigned i = 0; i < list->count; i++)
		if (list->at[i].base <= range->base && range->size <= list->at[i].size &&
		    range->base - list->at[i].base <= list->at[i].size - range->size)
			return true;
	return false;
}

const char *ths_x86_memory_build(const struct ths_x86_found *found,
				 const struct ths_boot_range *used, unsigned used_count,
				 struct ths_x86_memory *memory)
{
	struct ranges ram = {memory->ram, 0};
	struct ranges avail = {memory->free, 0};

	for (unsigned i = 0; i < found->entries; i++)
		if (found->map[i].ram)
			join_inwards(&ram, found->map[i].base, found->map[i].size);
	for (unsigned i = 0; i < found->entries; i++)
		if (!found->map[i].ram)
			cut_outwards(&ram, found->map[i].base, found->map[i].size);
	for (unsigned i = 0; i < used_count; i++)
		if (used[i].size && !holds(&ram, &used[i]))
			return "the kernel or the module archive lies outside of memory";

	for (unsigned i = 0; i < ram.count; i++)
		avail.at[i] = ram.at[i];
	avail.count = ram.count;
	cut_outwards(&avail, 0, LOW_END);
	for (unsigned i = 0; i < used_count; i++)
		cut_outwards(&avail, used[i].base, used[i].size);
	memory->ram_count = ram.count;
	memory->free_count = avail.count;
	return avail.count ? NULL : "there is no free memory";
}

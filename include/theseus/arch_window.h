/*
 * arch_window - the mapping part of <theseus/arch.h> where stacks are all that is mapped:
 * one page table of the processor's, 512 entries, 2 MiB of addresses.
 *
 * Whoever ports libtheseus has page tables of his own; somewhere in them he hangs in one
 * more, empty, and says here which and where it is. Include it in one source file, after
 *   #define THS_ARCH_WINDOW        the address of the window, a multiple of 2 MiB
 *   #define THS_ARCH_WINDOW_TABLE  the name of the table, page-aligned, all zero
 * It defines ths_arch_map, _protect, _unmap, _lookup and _stack_area. Stacks get guard
 * pages, since what is not mapped there is mapped nowhere.
 *
 * For one CPU (no other's translations are flushed), and without modules from files:
 * these lie within 2 GiB of nano_core, in a place with room for more than stacks.
 */
#pragma once

#include <theseus/arch.h>

#ifdef THS_ARCH_WINDOW
#define THS_ARCH_WINDOW_PAGES 512u
#define THS_ARCH_WINDOW_NX    (1ull << 63)
#define THS_ARCH_WINDOW_FRAME 0x000ffffffffff000u

extern uint64_t THS_ARCH_WINDOW_TABLE[THS_ARCH_WINDOW_PAGES];

struct ths_arch_area ths_arch_stack_area(void)
{
	return (struct ths_arch_area){THS_ARCH_WINDOW,
				      THS_ARCH_WINDOW_PAGES * THS_PAGE_SIZE};
}

/* The first of @pages entries, or NULL where they are not all in the window. */
static uint64_t *ths_arch_window_at(ths_vaddr_t vaddr, size_t pages)
{
	uint64_t first = (vaddr - THS_ARCH_WINDOW) / THS_PAGE_SIZE;

	if (vaddr < THS_ARCH_WINDOW || vaddr % THS_PAGE_SIZE ||
	    pages > THS_ARCH_WINDOW_PAGES || first > THS_ARCH_WINDOW_PAGES - pages)
		return NULL;
	return &THS_ARCH_WINDOW_TABLE[first];
}

static void ths_arch_window_set(uint64_t *entry, uint64_t frame, enum ths_prot prot)
{
	uint64_t page = (uint64_t)(entry - THS_ARCH_WINDOW_TABLE) * THS_PAGE_SIZE;
	uint64_t rights = prot == THS_PROT_RX   ? 1
			  : prot == THS_PROT_RW ? THS_ARCH_WINDOW_NX | 3
						: THS_ARCH_WINDOW_NX | 1;

	*entry = prot == THS_PROT_NONE ? 0 : frame | rights;
	__asm__ volatile("invlpg (%0)" : : "r"(THS_ARCH_WINDOW + page) : "memory");
}

enum ths_err ths_arch_map(ths_vaddr_t vaddr, ths_paddr_t paddr, size_t pages,
			  enum ths_prot prot)
{
	uint64_t *entry = ths_arch_window_at(vaddr, pages);

	if (!entry || paddr % THS_PAGE_SIZE)
		return THS_E_INVAL;
	for (size_t i = 0; i < pages; i++)
		if (entry[i])
			return THS_E_EXIST;
	for (size_t i = 0; i < pages; i++)
		ths_arch_window_set(&entry[i], paddr + i * THS_PAGE_SIZE, prot);
	return THS_OK;
}

enum ths_err ths_arch_protect(ths_vaddr_t vaddr, size_t pages, enum ths_prot prot)
{
	uint64_t *entry = ths_arch_window_at(vaddr, pages);

	for (size_t i = 0; entry && i < pages; i++)
		ths_arch_window_set(&entry[i], entry[i] & THS_ARCH_WINDOW_FRAME, prot);
	return entry ? THS_OK : THS_E_INVAL;
}

void ths_arch_unmap(ths_vaddr_t vaddr, size_t pages)
{
	uint64_t *entry = ths_arch_window_at(vaddr, pages);

	for (size_t i = 0; entry && i < pages; i++)
		ths_arch_window_set(&entry[i], 0, THS_PROT_NONE);
}

bool ths_arch_lookup(ths_vaddr_t vaddr, ths_paddr_t *paddr, enum ths_prot *prot)
{
	uint64_t *at = ths_arch_window_at(vaddr - vaddr % THS_PAGE_SIZE, 1);
	uint64_t entry = at ? *at : 0;

	*paddr = (entry & THS_ARCH_WINDOW_FRAME) + vaddr % THS_PAGE_SIZE;
	*prot = !(entry & THS_ARCH_WINDOW_NX) ? THS_PROT_RX
		: entry & 2                   ? THS_PROT_RW
					      : THS_PROT_R;
	return entry & 1;
}
#endif

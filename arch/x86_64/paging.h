/*
 * paging - what building the map (paging.c) and changing it (map.c) share.
 */
#pragma once

#include "x86.h"

#define X86_BIG_PAGE 0x200000ul

/* The levels of a walk, by the size of what one entry maps. */
enum ths_x86_level { X86_LEVEL_PAGE, X86_LEVEL_2M, X86_LEVEL_1G, X86_LEVEL_512G };

/* The entry for @vaddr in the table of @level; NULL when a table above is missing. */
uint64_t *ths_x86_entry(uint64_t vaddr, enum ths_x86_level level);
/* The same, down to @level PAGE or the leaf of 2 MiB that maps @vaddr. */
uint64_t *ths_x86_leaf(uint64_t vaddr, bool *big);

THS_INLINE uint64_t *ths_x86_table(uint64_t entry)
{
	return ths_arch_direct(entry & X86_ADDR);
}

THS_INLINE unsigned ths_x86_index(uint64_t vaddr, enum ths_x86_level level)
{
	return (unsigned)(vaddr >> (12 + 9 * (unsigned)level)) & 511;
}

THS_INLINE void ths_x86_flush(uint64_t vaddr)
{
	__asm__ volatile("invlpg (%0)" : : "r"(vaddr) : "memory");
}

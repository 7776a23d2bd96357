/*
 * paging - the final page tables, built once at boot.
 *
 * What is mapped stands in layout.h. Invariants:
 *   M1  No page is writable and executable.
 *   M2  What is executable or sealed has no writable alias: in the direct map the image's
 *       text, rodata and sealed tables are read-only; map.c does the same for modules.
 *   M3  The tables above the last level exist from the start for every area that changes,
 *       so that map.c only ever adds and drops page tables of the last level.
 *   M4  Pages nobody may touch (below the stacks of boot and traps) are mapped nowhere.
 *
 * Tables are taken from the top of the highest free memory the entry code mapped, and are
 * never given back. Sizes: the direct map costs 4 KiB a GiB.
 */
#include "boot_info.h"
#include "paging.h"

#define RO (X86_P | X86_NX)
#define RW (X86_P | X86_W | X86_NX)
#define RX X86_P

static uint64_t root; /* physical address of the top table */

void *ths_arch_direct(ths_paddr_t paddr)
{
	return (void *)(X86_DIRECT_BASE + paddr);
}

/* The image's own data counts as reachable, so that static tables may be handed out. */
ths_paddr_t ths_arch_paddr(const void *direct)
{
	const uint64_t vaddr = (uint64_t)direct;

	return vaddr >= X86_KERNEL_BASE ? vaddr - X86_KERNEL_BASE
					: vaddr - X86_DIRECT_BASE;
}

/* One zeroed page off the end of the highest range within reach; 0 when there is none. */
static uint64_t take_page(struct ths_x86_memory *memory)
{
	for (unsigned i = memory->free_count; i-- > 0;) {
		struct ths_boot_range *range = &memory->free[i];
		uint64_t *page;

		if (range->size < THS_PAGE_SIZE ||
		    range->base + range->size > X86_BOOT_MAPPED)
			continue;
		range->size -= THS_PAGE_SIZE;
		page = ths_arch_direct(range->base + range->size);
		for (unsigned word = 0; word < 512; word++)
			page[word] = 0;
		return range->base + range->size;
	}
	return 0;
}

uint64_t *ths_x86_entry(uint64_t vaddr, enum ths_x86_level level)
{
	uint64_t *table = ths_arch_direct(root);

	for (enum ths_x86_level at = X86_LEVEL_512G; at > level; at--) {
		const uint64_t entry = table[ths_x86_index(vaddr, at)];

		if (!(entry & X86_P) || entry & X86_PS)
			return NULL;
		table = ths_x86_table(entry);
	}
	return &table[ths_x86_index(vaddr, level)];
}

uint64_t *ths_x86_leaf(uint64_t vaddr, bool *big)
{
	uint64_t *entry = ths_x86_entry(vaddr, X86_LEVEL_2M);

	*big = entry && *entry & X86_PS;
	return *big ? entry : ths_x86_entry(vaddr, X86_LEVEL_PAGE);
}

/* The entry for @vaddr at @level, with the tables above it made; NULL: no memory. */
static uint64_t *make_entry(struct ths_x86_memory *memory, uint64_t vaddr,
			    enum ths_x86_level level)
{
	for (enum ths_x86_level at = X86_LEVEL_512G; at > level; at--) {
		uint64_t *entry = ths_x86_entry(vaddr, at);

		if (!(*entry & X86_P)) {
			const uint64_t page = take_page(memory);

			if (page == 0)
				return NULL;
			*entry = page | X86_P | X86_W;
		}
	}
	return ths_x86_entry(vaddr, level);
}

static bool map_pages(struct ths_x86_memory *memory, uint64_t vaddr, uint64_t paddr,
		      uint64_t size, uint64_t bits)
{
	for (uint64_t at = 0; at < size; at += THS_PAGE_SIZE) {
		uint64_t *entry = make_entry(memory, vaddr + at, X86_LEVEL_PAGE);

		if (!entry)
			return false;
		*entry = (paddr + at) | bits;
	}
	return true;
}

static bool map_image(struct ths_x86_memory *memory, const char *start, const char *end,
		      uint64_t bits)
{
	return map_pages(memory, (uint64_t)start, (uint64_t)start - X86_KERNEL_BASE,
			 (uint64_t)(end - start), bits);
}

/* All of [base, end), in big pages where whole ones fit and the image does not lie. */
static bool map_ram(struct ths_x86_memory *memory, uint64_t base, uint64_t end)
{
	const uint64_t image = (uint64_t)ths_x86_image_start - X86_KERNEL_BASE;
	const uint64_t image_end = (uint64_t)ths_x86_image_end - X86_KERNEL_BASE;

	while (base < end) {
		const bool big = base % X86_BIG_PAGE == 0 && end - base >= X86_BIG_PAGE &&
				 (base + X86_BIG_PAGE <= image || image_end <= base);
		const uint64_t vaddr = X86_DIRECT_BASE + base;
		uint64_t *entry =
			make_entry(memory, vaddr, big ? X86_LEVEL_2M : X86_LEVEL_PAGE);

		if (!entry)
			return false;
		*entry = base | RW | (big ? X86_PS : 0);
		base += big ? X86_BIG_PAGE : THS_PAGE_SIZE;
	}
	return true;
}

/* Takes the right to write away from the direct map's view of a part of the image. */
static void seal_alias(const char *start, const char *end)
{
	for (; start < end; start += THS_PAGE_SIZE)
		*ths_x86_entry((uint64_t)ths_arch_direct(ths_arch_paddr(start)),
			       X86_LEVEL_PAGE) &= ~X86_W;
}

static void map_image_guards(void)
{
	const void *guard;

	*ths_x86_entry((uint64_t)ths_x86_boot_stack_guard, X86_LEVEL_PAGE) = X86_GUARD;
	for (unsigned i = 0; (guard = ths_x86_ist_guard(i)); i++)
		*ths_x86_entry((uint64_t)guard, X86_LEVEL_PAGE) = X86_GUARD;
}

/* Of the CPUs but the first; below each lies a page that is not mapped (M4). */
static bool map_other_stacks(struct ths_x86_memory *memory, unsigned cpus)
{
	uint64_t base, size;

	for (unsigned cpu = 1; cpu < cpus; cpu++) {
		for (unsigned i = 0; ths_x86_other_stack(cpu, i, &base, &size); i++) {
			for (uint64_t at = 0; at < size; at += THS_PAGE_SIZE) {
				const uint64_t page = take_page(memory);

				if (page == 0 || !map_pages(memory, base + at, page,
							    THS_PAGE_SIZE, RW))
					return false;
			}
		}
	}
	return true;
}

static bool map_all(struct ths_x86_memory *memory, unsigned cpus)
{
	bool good = map_image(memory, ths_x86_image_start, ths_x86_text_start, RO) &&
		    map_image(memory, ths_x86_text_start, ths_x86_text_end, RX) &&
		    map_image(memory, ths_x86_sealed_start, ths_x86_sealed_end, RO) &&
		    map_image(memory, ths_x86_sealed_end, ths_x86_image_end, RW) &&
		    make_entry(memory, X86_STACK_BASE, X86_LEVEL_2M) &&
		    make_entry(memory, X86_MODULE_BASE, X86_LEVEL_2M);

	for (unsigned i = 0; i < memory->ram_count; i++)
		good = good && map_ram(memory, memory->ram[i].base,
				       memory->ram[i].base + memory->ram[i].size);
	if (ths_x86_lapic_present())
		good = good && map_pages(memory, X86_DEVICE_BASE, ths_x86_lapic_paddr(),
					 THS_PAGE_SIZE, RW | X86_PCD | X86_PWT);
	return good && map_other_stacks(memory, cpus);
}

uint64_t ths_x86_paging_root(void)
{
	return root;
}

const char *ths_x86_paging_init(struct ths_x86_memory *memory, unsigned cpus)
{
	root = take_page(memory);
	if (root == 0 || !map_all(memory, cpus))
		return "there is not enough memory for page tables";
	map_image_guards();
	seal_alias(ths_x86_image_start, ths_x86_text_end);
	seal_alias(ths_x86_sealed_start, ths_x86_sealed_end);
	__asm__ volatile("movq %0, %%cr3" : : "r"(root) : "memory");
	return NULL;
}

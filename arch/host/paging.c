/*
 * paging - mappings in the two areas, their rights, and the page tables they cost.
 *
 * Page tables are real pages from ths_page_alloc(), one for each 2 MiB of an area that
 * has something mapped: they may run out (THS_E_NOMEM) and they must be given back,
 * which tests that count frames would miss otherwise. An entry is address | prot | used.
 *
 * Invariants
 *   M2  A map that fails has changed nothing.
 *   M3  Upcalls are made with no lock held.
 */
#include "host_impl.h"

#include <string.h>
#include <sys/mman.h>

#define TABLE_SPAN (512u * THS_PAGE_SIZE) /* what one page table covers */
#define TABLES_MAX (HOST_AREA_SIZE / TABLE_SPAN)

#define ENTRY_USED 0x100u
#define ENTRY_PROT 7u

struct table {
	uint64_t *entries; /* in the direct map; NULL: nothing mapped here */
	unsigned used;
	unsigned holds; /* by maps on their way: not to be collected */
};

struct area {
	struct table tables[TABLES_MAX];
};

static struct area areas[2]; /* for modules, for stacks */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- page tables ------------------------------------------------------------------ */

/* The area that holds all of these pages; NULL: none, or not page-aligned. */
static struct area *area_of(ths_vaddr_t vaddr, size_t pages)
{
	const struct host_arena *arena = ths_host_arena();

	for (size_t i = 0; i < THS_ARRAY_SIZE(areas); i++) {
		const struct ths_arch_area *range =
			i == 0 ? &arena->modules : &arena->stacks;
		uint64_t offset = vaddr - range->base;

		if (vaddr % THS_PAGE_SIZE == 0 && offset < range->size &&
		    pages <= (range->size - offset) / THS_PAGE_SIZE)
			return &areas[i];
	}
	return NULL;
}

static ths_vaddr_t base_of(const struct area *area)
{
	const struct host_arena *arena = ths_host_arena();

	return area == &areas[0] ? arena->modules.base : arena->stacks.base;
}

static struct table *table_of(struct area *area, ths_vaddr_t vaddr)
{
	return &area->tables[(vaddr - base_of(area)) / TABLE_SPAN];
}

/* NULL: no page table there. */
static uint64_t *entry_of(struct area *area, ths_vaddr_t vaddr)
{
	struct table *table = table_of(area, vaddr);
	size_t index = (vaddr - base_of(area)) % TABLE_SPAN / THS_PAGE_SIZE;

	return table->entries == NULL ? NULL : &table->entries[index];
}

static bool is_mapped(struct area *area, ths_vaddr_t vaddr)
{
	const uint64_t *entry = entry_of(area, vaddr);

	return entry != NULL && *entry != 0;
}

/* An entry whose table is known to be there: held, or in use. */
static uint64_t *entry_held(struct area *area, ths_vaddr_t vaddr)
{
	uint64_t *entry = entry_of(area, vaddr);

	if (entry == NULL)
		ths_host_die("a page table in use is gone");
	return entry;
}

static ths_vaddr_t next_table(ths_vaddr_t vaddr, ths_vaddr_t base)
{
	return base + ((vaddr - base) / TABLE_SPAN + 1) * TABLE_SPAN;
}

static void tables_collect_locked(struct area *area, ths_vaddr_t vaddr, ths_vaddr_t end,
				  uint64_t **freed, size_t *count)
{
	for (; vaddr < end; vaddr = next_table(vaddr, base_of(area))) {
		struct table *table = table_of(area, vaddr);

		if (table->entries == NULL || table->used != 0 || table->holds != 0)
			continue;
		freed[(*count)++] = table->entries;
		table->entries = NULL;
	}
}

/* Gives back the tables of [vaddr, end) that nothing is mapped by. */
static void tables_collect(struct area *area, ths_vaddr_t vaddr, ths_vaddr_t end)
{
	uint64_t *freed[TABLES_MAX];
	size_t count = 0;

	pthread_mutex_lock(&lock);
	tables_collect_locked(area, vaddr, end, freed, &count);
	pthread_mutex_unlock(&lock);
	while (count > 0)
		ths_page_free(ths_arch_paddr(freed[--count]));
}

static void tables_release(struct area *area, ths_vaddr_t vaddr, ths_vaddr_t end)
{
	pthread_mutex_lock(&lock);
	for (ths_vaddr_t at = vaddr; at < end; at = next_table(at, base_of(area)))
		table_of(area, at)->holds--;
	pthread_mutex_unlock(&lock);
	tables_collect(area, vaddr, end);
}

/* Holds the table, with @page for it if it is not there; says whether it now is, and
 * whether the page was used. */
static bool table_try(struct table *table, ths_paddr_t page, bool *used)
{
	bool there;

	pthread_mutex_lock(&lock);
	*used = table->entries == NULL && page != 0;
	if (*used)
		table->entries = ths_arch_direct(page);
	there = table->entries != NULL;
	if (there)
		table->holds++;
	pthread_mutex_unlock(&lock);
	return there;
}

static bool table_hold(struct table *table)
{
	ths_paddr_t page;
	bool used;

	if (table_try(table, 0, &used))
		return true;
	if (!ths_page_alloc(&page))
		return false;
	table_try(table, page, &used);
	if (!used)
		ths_page_free(page);
	return true;
}

/* Holds the tables of [vaddr, end), making those that are missing; all or none. */
static bool tables_hold(struct area *area, ths_vaddr_t vaddr, ths_vaddr_t end)
{
	for (ths_vaddr_t at = vaddr; at < end; at = next_table(at, base_of(area)))
		if (!table_hold(table_of(area, at))) {
			tables_release(area, vaddr, at);
			return false;
		}
	return true;
}

/* ---- protection ---------------------------------------------------------------------- */

static bool prot_is_valid(enum ths_prot prot)
{
	return prot == THS_PROT_R || prot == THS_PROT_RW || prot == THS_PROT_RX;
}

static int prot_native(enum ths_prot prot)
{
	return PROT_READ | (prot == THS_PROT_RW ? PROT_WRITE : 0) |
	       (prot == THS_PROT_RX ? PROT_EXEC : 0);
}

/* ---- the contract -------------------------------------------------------------------- */

static enum ths_err map_check(struct area *area, ths_vaddr_t vaddr, ths_paddr_t paddr,
			      size_t pages, enum ths_prot prot)
{
	for (size_t i = 0; i < pages; i++)
		if (is_mapped(area, vaddr + i * THS_PAGE_SIZE))
			return THS_E_EXIST;
	for (size_t i = 0; i < pages; i++)
		if (!ths_host_frame_allows(paddr + i * THS_PAGE_SIZE, prot,
					   THS_PROT_NONE))
			return THS_E_INVAL;
	return THS_OK;
}

static enum ths_err map_locked(struct area *area, ths_vaddr_t vaddr, ths_paddr_t paddr,
			       size_t pages, enum ths_prot prot)
{
	THS_TRY(map_check(area, vaddr, paddr, pages, prot));
	if (mmap((void *)vaddr, pages * THS_PAGE_SIZE, prot_native(prot),
		 MAP_SHARED | MAP_FIXED, ths_host_arena()->fd,
		 (off_t)(paddr - THS_HOST_PADDR)) == MAP_FAILED)
		return THS_E_NOMEM;
	for (size_t i = 0; i < pages; i++) {
		ths_vaddr_t at = vaddr + i * THS_PAGE_SIZE;
		ths_paddr_t frame = paddr + i * THS_PAGE_SIZE;

		*entry_held(area, at) = frame | prot | ENTRY_USED;
		table_of(area, at)->used++;
		ths_host_frame_count(frame, prot, 1);
	}
	return THS_OK;
}

enum ths_err ths_arch_map(ths_vaddr_t vaddr, ths_paddr_t paddr, size_t pages,
			  enum ths_prot prot)
{
	struct area *area = area_of(vaddr, pages);
	ths_vaddr_t end = vaddr + pages * THS_PAGE_SIZE;
	enum ths_err err;

	if (area == NULL || paddr % THS_PAGE_SIZE != 0 ||
	    !ths_host_is_frame(paddr, pages) || !prot_is_valid(prot))
		return THS_E_INVAL;
	if (pages == 0)
		return THS_OK;
	if (!tables_hold(area, vaddr, end))
		return THS_E_NOMEM;
	pthread_mutex_lock(&lock);
	err = map_locked(area, vaddr, paddr, pages, prot);
	pthread_mutex_unlock(&lock);
	tables_release(area, vaddr, end);
	return err;
}

static enum ths_err protect_check(struct area *area, ths_vaddr_t vaddr, size_t pages,
				  enum ths_prot prot)
{
	for (size_t i = 0; i < pages; i++) {
		const uint64_t *entry = entry_of(area, vaddr + i * THS_PAGE_SIZE);

		if (entry == NULL || *entry == 0 ||
		    !ths_host_frame_allows(*entry & -(uint64_t)THS_PAGE_SIZE, prot,
					   (enum ths_prot)(*entry & ENTRY_PROT)))
			return THS_E_INVAL;
	}
	return THS_OK;
}

static enum ths_err protect_locked(struct area *area, ths_vaddr_t vaddr, size_t pages,
				   enum ths_prot prot)
{
	THS_TRY(protect_check(area, vaddr, pages, prot));
	if (mprotect((void *)vaddr, pages * THS_PAGE_SIZE, prot_native(prot)) != 0)
		return THS_E_NOMEM;
	for (size_t i = 0; i < pages; i++) {
		uint64_t *entry = entry_held(area, vaddr + i * THS_PAGE_SIZE);
		ths_paddr_t frame = *entry & -(uint64_t)THS_PAGE_SIZE;

		ths_host_frame_count(frame, (enum ths_prot)(*entry & ENTRY_PROT), -1);
		ths_host_frame_count(frame, prot, 1);
		*entry = frame | prot | ENTRY_USED;
	}
	return THS_OK;
}

enum ths_err ths_arch_protect(ths_vaddr_t vaddr, size_t pages, enum ths_prot prot)
{
	struct area *area = area_of(vaddr, pages);
	enum ths_err err;

	if (area == NULL || !prot_is_valid(prot))
		return THS_E_INVAL;
	if (pages == 0)
		return THS_OK;
	pthread_mutex_lock(&lock);
	err = protect_locked(area, vaddr, pages, prot);
	pthread_mutex_unlock(&lock);
	return err;
}

static void unmap_page(struct area *area, ths_vaddr_t vaddr)
{
	uint64_t *entry = entry_of(area, vaddr);

	if (entry == NULL || *entry == 0)
		return;
	if (mmap((void *)vaddr, THS_PAGE_SIZE, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		ths_host_die("a page could not be unmapped");
	ths_host_frame_count(*entry & -(uint64_t)THS_PAGE_SIZE,
			     (enum ths_prot)(*entry & ENTRY_PROT), -1);
	*entry = 0;
	table_of(area, vaddr)->used--;
}

void ths_arch_unmap(ths_vaddr_t vaddr, size_t pages)
{
	struct area *area = area_of(vaddr, pages);

	if (area == NULL || pages == 0)
		return;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < pages; i++)
		unmap_page(area, vaddr + i * THS_PAGE_SIZE);
	pthread_mutex_unlock(&lock);
	tables_collect(area, vaddr, vaddr + pages * THS_PAGE_SIZE);
	if (area == &areas[1])
		ths_host_contexts_unmapped(vaddr, pages * THS_PAGE_SIZE);
}

/* Without the lock: the trap handler asks, and a page it asks for does not change. */
bool ths_arch_lookup(ths_vaddr_t vaddr, ths_paddr_t *paddr, enum ths_prot *prot)
{
	ths_vaddr_t page = vaddr & -(ths_vaddr_t)THS_PAGE_SIZE;
	struct area *area = area_of(page, 1);
	const uint64_t *entry = area == NULL ? NULL : entry_of(area, page);

	if (entry == NULL || *entry == 0)
		return false;
	if (paddr != NULL)
		*paddr = (*entry & -(uint64_t)THS_PAGE_SIZE) + vaddr % THS_PAGE_SIZE;
	if (prot != NULL)
		*prot = (enum ths_prot)(*entry & ENTRY_PROT);
	return true;
}

bool ths_host_is_stack_guard(ths_vaddr_t vaddr)
{
	return ths_host_is_made() &&
	       area_of(vaddr & -(ths_vaddr_t)THS_PAGE_SIZE, 1) == &areas[1] &&
	       !ths_arch_lookup(vaddr, NULL, NULL);
}

void ths_host_paging_reset(void)
{
	memset(areas, 0, sizeof(areas));
}

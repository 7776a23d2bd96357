/*
 * grow - large tables have slots for as many rows as have come so far.
 *
 * The slots of a table lie side by side, for a row is to be found by one addition. Of a
 * large table only the addresses are set apart, a *window* for its slots and one for its
 * titles; a page is mapped there when a row is about to come that has its slot in it. That
 * happens at depth 0: the interaction that wanted the row ends and is run again.
 *
 *	window   | slots of 512 rows | … | mapped nowhere                         |
 *	         0                       grown                              rows declared
 *
 * A table of no more rows than GROWS_FROM has all its slots from the start, for page tables
 * would cost more than they save; so has one whose slots fit no window, or where the
 * machine has no room for windows (<theseus/arch_window.h>). And so has one that is declared
 * THS_PREALLOCATED, as those of mem.frames are: they would want a page for a row in the
 * midst of giving the last one away.
 *
 * Invariants
 *   G1  Slots, and titles, of rows below `grown` are mapped; it never shrinks.
 *   G2  Who grows a table holds no lock, and does so while nobody else does.
 */
#include <theseus/point.h>
#include "nano_core/nano_core_impl.h"

#define GROWS_FROM    2048u /* rows */
#define SLOTS_IN_PAGE (THS_PAGE_SIZE / (uint32_t)sizeof(struct ths_slot))
#define STACKS_SIZE   ((CONTEXTS_MAX + 2ull * THS_CPU_MAX) * 2 * TASK_STACK)

enum { SLOTS, TITLES, KINDS };

/* Bytes of one; 0: the stacks leave no room for them. */
static uint64_t window_size(void)
{
	uint64_t area = ths_arch_stack_area().size;

	return area > STACKS_SIZE ? (area - STACKS_SIZE) / (TABLES_MAX * KINDS) &
					    ~(uint64_t)(THS_PAGE_SIZE - 1)
				  : 0;
}

static ths_vaddr_t window(const struct ths_table *table, unsigned kind)
{
	return ths_arch_stack_area().base + STACKS_SIZE +
	       (table->id * KINDS + kind) * window_size();
}

/* A table in the making. False: it gets all its slots from the start. */
bool ths_grow_begin(struct ths_table *table)
{
	if ((table->flags & (THS_FIXED | THS_PREALLOCATED)) || table->rows <= GROWS_FROM ||
	    table->rows * sizeof(struct ths_slot) > window_size())
		return false;
	table->slots = (struct ths_slot *)window(table, SLOTS);
	if (table->flags & THS_JOINT)
		table->title = (struct ths_slot *)window(table, TITLES);
	table->grows = true;
	return true;
}

/* Page tables come from the reserve: who would ask for them at mem.frames might come back
 * here, on behalf of its tables. */
static enum ths_err map_page(struct ths_cpu *cpu, ths_vaddr_t vaddr, void *page)
{
	bool refilling = cpu->refilling;
	enum ths_err err;

	cpu->refilling = true;
	err = ths_arch_map(vaddr, ths_arch_paddr(page), 1, THS_PROT_RW);
	cpu->refilling = refilling;
	return err;
}

static void unmap_page(ths_vaddr_t vaddr)
{
	ths_paddr_t paddr;
	enum ths_prot prot;

	if (!ths_arch_lookup(vaddr, &paddr, &prot))
		return;
	ths_arch_unmap(vaddr, 1);
	ths_pages_give(ths_arch_direct(paddr), 0);
}

/* @page[] becomes the next of the table's; what is not needed is left there. */
static enum ths_err add_pages(struct ths_cpu *cpu, struct ths_table *table,
			      void *page[KINDS])
{
	uint32_t grown = atomic_load(&table->grown);
	uint64_t offset = grown * (uint64_t)sizeof(struct ths_slot);
	enum ths_err err = map_page(cpu, (uintptr_t)table->slots + offset, page[SLOTS]);

	if (err)
		return err;
	if (table->title) {
		err = map_page(cpu, (uintptr_t)table->title + offset, page[TITLES]);
		if (err) {
			ths_arch_unmap((uintptr_t)table->slots + offset, 1);
			return err;
		}
	}
	page[SLOTS] = page[TITLES] = NULL;
	atomic_store_explicit(&table->grown, grown + SLOTS_IN_PAGE, memory_order_release);
	return THS_OK;
}

/* The pages are taken before it is our turn, for mem.frames may need tables to grow. */
static enum ths_err grow_by_a_page(struct ths_cpu *cpu, struct ths_table *table,
				   uint32_t rows)
{
	void *page[KINDS] = {ths_pages_take(0), table->title ? ths_pages_take(0) : NULL};
	enum ths_err err = THS_E_NOMEM;

	if (page[SLOTS] && (page[TITLES] || !table->title)) {
		ths_spin_lock(&ths_core.growing);
		err = THS_OK;
		if (atomic_load(&table->grown) < rows) /* nobody else was first */
			err = add_pages(cpu, table, page);
		ths_spin_unlock(&ths_core.growing);
	}
	for (unsigned kind = 0; kind < KINDS; kind++)
		if (page[kind])
			ths_pages_give(page[kind], 0);
	return err ? THS_E_NOMEM : THS_OK;
}

/* Depth 0: until there are slots for @rows rows. */
enum ths_err ths_grow(struct ths_table *table, uint32_t rows)
{
	struct ths_cpu *cpu = ths_cpu();
	enum ths_err err = THS_OK;

	ths_section_enter(cpu);
	while (err == THS_OK && table->grows && atomic_load(&table->grown) < rows)
		err = grow_by_a_page(cpu, table, rows);
	ths_section_leave(cpu);
	return err;
}

/* Nobody reads it any more. */
void ths_grow_end(struct ths_table *table)
{
	for (uint32_t at = 0; at < atomic_load(&table->grown); at += SLOTS_IN_PAGE) {
		unmap_page((uintptr_t)&table->slots[at]);
		if (table->title)
			unmap_page((uintptr_t)&table->title[at]);
	}
}

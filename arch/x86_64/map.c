/*
 * map - mapping, protecting and unmapping while the machine runs.
 *
 * Frames come from the direct map, where they are writable. A frame that is mapped
 * read-only or executable must not stay writable there (M2 of paging.c), so its page in
 * the direct map loses W for as long: a big page is split for that, one page table taken
 * from ths_page_alloc(), and put together again when the last of its pages is writable
 * once more, so that loading and unloading a module leaves nothing behind.
 *
 * Invariants
 *   V1  A frame mapped R or RX is mapped once, and its alias is read-only. Mapping it
 *       again is refused, since the first unmapping could not know when to give W back.
 *   V2  Rights are taken away before others are given: alias first on the way to R or RX,
 *       page first on the way back.
 *   V3  A call that fails has changed nothing.
 *   V4  An entry that is not zero is in use; THS_PROT_NONE keeps the frame in an entry that
 *       is not present.
 *   V5  Tables come and go under the lock, and nothing else is done under it: their pages
 *       are got before, and given back when all CPUs have forgotten them (struct stock).
 *       A table in which an entry is in use stays.
 *   V6  Whatever was taken away, or a frame given back, no CPU uses any more when the call
 *       returns; and none has less rights noted than there are.
 *
 * Changes are allowed in the module area, the stack area and, except for mapping, in the
 * kernel image (a part that was linked in can be retired). Who asks for a range has it for
 * itself; the tables are everybody's.
 */
#include <stdatomic.h>

#include "paging.h"

enum may { MAY_NOTHING, MAY_CHANGE, MAY_MAP };

static bool within(uint64_t vaddr, uint64_t size, uint64_t base, uint64_t room)
{
	return vaddr >= base && size <= room && vaddr - base <= room - size;
}

static enum may allowed(uint64_t vaddr, size_t pages)
{
	const uint64_t size = (uint64_t)pages * THS_PAGE_SIZE;

	if (vaddr % THS_PAGE_SIZE || pages == 0 || pages > X86_STACK_SIZE / THS_PAGE_SIZE)
		return MAY_NOTHING;
	if (within(vaddr, size, X86_MODULE_BASE, X86_MODULE_SIZE) ||
	    within(vaddr, size, X86_STACK_BASE, X86_STACK_SIZE))
		return MAY_MAP;
	if (within(vaddr, size, (uint64_t)ths_x86_image_start,
		   (uint64_t)(ths_x86_image_end - ths_x86_image_start)))
		return MAY_CHANGE;
	return MAY_NOTHING;
}

static bool valid(enum ths_prot prot)
{
	return prot == THS_PROT_NONE || prot == THS_PROT_R || prot == THS_PROT_RW ||
	       prot == THS_PROT_RX;
}

static uint64_t bits_of(enum ths_prot prot)
{
	switch (prot) {
	case THS_PROT_R:
		return X86_P | X86_NX;
	case THS_PROT_RW:
		return X86_P | X86_W | X86_NX;
	case THS_PROT_RX:
		return X86_P;
	case THS_PROT_NONE:
		break;
	}
	return X86_GUARD;
}

static enum ths_prot prot_of(uint64_t entry)
{
	if (!(entry & X86_P))
		return THS_PROT_NONE;
	if (!(entry & X86_NX))
		return THS_PROT_RX;
	return entry & X86_W ? THS_PROT_RW : THS_PROT_R;
}

/* Whether a frame under this protection keeps a writable alias. */
static bool shares_alias(enum ths_prot prot)
{
	return prot == THS_PROT_RW || prot == THS_PROT_NONE;
}

/* ---- the lock, and pages for tables ---------------------------------------------------- */

static _Atomic(bool) taken;

/* With interrupts off, or who comes by one would wait for ever; so others' flushes are
 * served here. */
static bool lock(void)
{
	const bool on = ths_arch_irq_save();

	while (atomic_exchange_explicit(&taken, true, memory_order_acquire)) {
		ths_x86_flush_serve();
		ths_arch_relax();
	}
	return on;
}

static void unlock(bool on)
{
	atomic_store_explicit(&taken, false, memory_order_release);
	if (on)
		__asm__ volatile("sti" : : : "memory");
}

/* What a step under the lock may need, and what it leaves. */
struct stock {
	ths_paddr_t spare, dropped; /* 0: none; a step drops one at most */
	bool wanted;                /* there was no spare, and the step has done nothing */
};

/* Under the lock. 0: none. */
static ths_paddr_t stock_take(struct stock *stock)
{
	const ths_paddr_t page = stock->spare;

	stock->spare = 0;
	stock->wanted = page == 0;
	return page;
}

/* Not under it. False: there is no memory. */
static bool stock_fill(struct stock *stock)
{
	stock->wanted = false;
	return ths_page_alloc(&stock->spare);
}

static void stock_empty(struct stock *stock)
{
	if (stock->spare)
		ths_page_free(stock->spare);
	if (stock->dropped) {
		ths_x86_flush_others();
		ths_page_free(stock->dropped);
	}
	*stock = (struct stock){0};
}

/* ---- the direct map's view --------------------------------------------------------- */

static bool split(uint64_t vaddr, uint64_t *big, struct stock *stock)
{
	const uint64_t base = *big & X86_ADDR;
	const ths_paddr_t page = stock_take(stock);
	uint64_t *table;

	if (page == 0)
		return false;
	table = ths_arch_direct(page);
	for (unsigned i = 0; i < 512; i++)
		table[i] = (base + i * THS_PAGE_SIZE) | X86_P | X86_W | X86_NX;
	*big = page | X86_P | X86_W | X86_DYNAMIC;
	ths_x86_flush(vaddr);
	return true;
}

/* Puts a split page together again, if all of it is writable. */
static void unsplit(uint64_t vaddr, struct stock *stock)
{
	const uint64_t wanted = X86_P | X86_W | X86_NX;
	uint64_t *big = ths_x86_entry(vaddr, X86_LEVEL_2M);
	const uint64_t old = *big;
	const uint64_t *table;

	if (old & X86_PS || !(old & X86_DYNAMIC))
		return;
	table = ths_x86_table(old);
	for (unsigned i = 0; i < 512; i++)
		if ((table[i] & wanted) != wanted)
			return;
	*big = (table[0] & X86_ADDR) | wanted | X86_PS;
	ths_x86_flush(vaddr);
	stock->dropped = old & X86_ADDR;
}

/* The direct map's entry for a frame; NULL when it shows none (a device's memory). */
static uint64_t *alias_of(ths_paddr_t paddr, bool *big)
{
	uint64_t *entry;

	if (paddr >= X86_DIRECT_SIZE)
		return NULL;
	entry = ths_x86_leaf((uint64_t)ths_arch_direct(paddr), big);
	return entry && *entry & X86_P ? entry : NULL;
}

static bool alias_writable(ths_paddr_t paddr)
{
	bool big;
	const uint64_t *entry = alias_of(paddr, &big);

	return !entry || *entry & X86_W;
}

static bool alias_seal_locked(ths_paddr_t paddr, struct stock *stock)
{
	const uint64_t vaddr = (uint64_t)ths_arch_direct(paddr);
	bool big;
	uint64_t *entry = alias_of(paddr, &big);

	if (!entry)
		return true;
	if (big) {
		if (!split(vaddr, entry, stock))
			return false;
		entry = ths_x86_entry(vaddr, X86_LEVEL_PAGE);
	}
	*entry &= ~X86_W;
	ths_x86_flush(vaddr);
	return true;
}

/* The others are to be told. */
static enum ths_err alias_seal(ths_paddr_t paddr)
{
	struct stock stock = {0};
	bool done;

	do {
		const bool on = lock();

		done = alias_seal_locked(paddr, &stock);
		unlock(on);
	} while (!done && stock_fill(&stock));
	stock_empty(&stock);
	return done ? THS_OK : THS_E_NOMEM;
}

/* Likewise: a CPU that has noted it as read-only would fault. */
static void alias_open(ths_paddr_t paddr)
{
	const uint64_t vaddr = (uint64_t)ths_arch_direct(paddr);
	struct stock stock = {0};
	const bool on = lock();
	bool big;
	uint64_t *entry = alias_of(paddr, &big);

	if (entry && !big) {
		*entry |= X86_W;
		ths_x86_flush(vaddr);
		unsplit(vaddr, &stock);
	}
	unlock(on);
	stock_empty(&stock);
}

/* ---- single pages -------------------------------------------------------------------- */

static uint64_t *page_entry(uint64_t vaddr, struct stock *stock)
{
	uint64_t *entry = ths_x86_entry(vaddr, X86_LEVEL_PAGE);
	ths_paddr_t page;

	if (entry)
		return entry;
	page = stock_take(stock);
	if (page == 0)
		return NULL;
	*ths_x86_entry(vaddr, X86_LEVEL_2M) = page | X86_P | X86_W | X86_DYNAMIC;
	return ths_x86_entry(vaddr, X86_LEVEL_PAGE);
}

/* Gives the page table for @vaddr back, if nothing is left in it. */
static void drop_table(uint64_t vaddr)
{
	struct stock stock = {0};
	const bool on = lock();
	uint64_t *table_entry = ths_x86_entry(vaddr, X86_LEVEL_2M);
	const uint64_t old = *table_entry;
	const uint64_t *table = ths_x86_table(old);
	unsigned used = 0;

	while (old & X86_DYNAMIC && used < 512 && table[used] == 0)
		used++;
	if (used == 512) {
		*table_entry = 0;
		ths_x86_flush(vaddr);
		stock.dropped = old & X86_ADDR;
	}
	unlock(on);
	stock_empty(&stock);
}

static enum ths_err map_locked(uint64_t vaddr, uint64_t leaf, struct stock *stock)
{
	uint64_t *entry = page_entry(vaddr, stock);

	if (!entry)
		return THS_E_NOMEM;
	if (*entry)
		return THS_E_EXIST;
	*entry = leaf;
	return THS_OK;
}

/* First as a page that is not present, where the alias has to lose its right before. */
static enum ths_err map_one(uint64_t vaddr, ths_paddr_t paddr, enum ths_prot prot)
{
	const bool shares = shares_alias(prot);
	struct stock stock = {0};
	enum ths_err err;

	do {
		const bool on = lock();

		err = map_locked(vaddr, paddr | bits_of(shares ? prot : THS_PROT_NONE),
				 &stock);
		if (err == THS_OK && !alias_writable(paddr)) {
			*ths_x86_entry(vaddr, X86_LEVEL_PAGE) = 0;
			err = THS_E_INVAL;
		}
		unlock(on);
	} while (stock.wanted && stock_fill(&stock));
	stock_empty(&stock);
	if (err || shares)
		return err;
	err = alias_seal(paddr);
	if (err == THS_OK)
		ths_x86_flush_others();
	*ths_x86_entry(vaddr, X86_LEVEL_PAGE) = err ? 0 : paddr | bits_of(prot);
	return err;
}

/* What it was is left in the entry, for unmap_one(). */
static void hide_one(uint64_t vaddr)
{
	const bool on = lock();
	uint64_t *entry = ths_x86_entry(vaddr, X86_LEVEL_PAGE);

	if (entry && *entry & X86_P) {
		*entry &= ~X86_P;
		ths_x86_flush(vaddr);
	}
	unlock(on);
}

/* All CPUs have forgotten it. */
static void unmap_one(uint64_t vaddr)
{
	const bool on = lock();
	uint64_t *entry = ths_x86_entry(vaddr, X86_LEVEL_PAGE);
	const uint64_t old = entry ? *entry : 0;

	if (old)
		*entry = 0;
	unlock(on);
	if (old && !(old & X86_GUARD) && !shares_alias(prot_of(old | X86_P)))
		alias_open(old & X86_ADDR);
}

/* Unmaps, and drops each table when its last page of ours has gone. */
static void unmap_range(uint64_t vaddr, size_t pages)
{
	const uint64_t end = vaddr + (uint64_t)pages * THS_PAGE_SIZE;

	if (pages == 0)
		return;
	for (uint64_t at = vaddr; at < end; at += THS_PAGE_SIZE)
		hide_one(at);
	ths_x86_flush_others();
	for (; vaddr < end; vaddr += THS_PAGE_SIZE) {
		unmap_one(vaddr);
		if (vaddr + THS_PAGE_SIZE == end ||
		    (vaddr + THS_PAGE_SIZE) % X86_BIG_PAGE == 0)
			drop_table(vaddr);
	}
	ths_x86_flush_others(); /* of what aliases may again */
}

/* ---- the contract -------------------------------------------------------------------- */

enum ths_err ths_arch_map(ths_vaddr_t vaddr, ths_paddr_t paddr, size_t pages,
			  enum ths_prot prot)
{
	if (allowed(vaddr, pages) != MAY_MAP || paddr % THS_PAGE_SIZE ||
	    paddr >= X86_DIRECT_SIZE || !valid(prot))
		return THS_E_INVAL;
	for (size_t i = 0; i < pages; i++) {
		const uint64_t offset = (uint64_t)i * THS_PAGE_SIZE;
		const enum ths_err err = map_one(vaddr + offset, paddr + offset, prot);

		if (err != THS_OK) {
			unmap_range(vaddr, i);
			drop_table(vaddr + offset);
			return err;
		}
	}
	return THS_OK;
}

/* Seals the aliases of the pages that will need it; undone when memory runs out. */
static enum ths_err seal_range(uint64_t vaddr, size_t pages)
{
	for (size_t i = 0; i < pages; i++) {
		const uint64_t at = vaddr + (uint64_t)i * THS_PAGE_SIZE;
		const uint64_t entry = *ths_x86_entry(at, X86_LEVEL_PAGE);

		if (shares_alias(prot_of(entry)) &&
		    alias_seal(entry & X86_ADDR) != THS_OK) {
			while (i--) {
				const uint64_t *undo =
					ths_x86_entry(vaddr + (uint64_t)i * THS_PAGE_SIZE,
						      X86_LEVEL_PAGE);

				if (shares_alias(prot_of(*undo)))
					alias_open(*undo & X86_ADDR);
			}
			return THS_E_NOMEM;
		}
	}
	return THS_OK;
}

static bool all_mapped(uint64_t vaddr, size_t pages)
{
	for (size_t i = 0; i < pages; i++) {
		const uint64_t *entry = ths_x86_entry(vaddr + (uint64_t)i * THS_PAGE_SIZE,
						      X86_LEVEL_PAGE);

		if (!entry || (*entry & X86_ADDR) == 0)
			return false;
	}
	return true;
}

/* Notes where open_aliases() has something to do. */
static void protect_one(uint64_t vaddr, enum ths_prot prot)
{
	uint64_t *entry = ths_x86_entry(vaddr, X86_LEVEL_PAGE);
	const bool sealed = shares_alias(prot) && !shares_alias(prot_of(*entry));

	*entry = (*entry & X86_ADDR) | bits_of(prot) | (sealed ? X86_SEALED : 0);
	ths_x86_flush(vaddr);
}

static void open_aliases(uint64_t vaddr, size_t pages)
{
	for (size_t i = 0; i < pages; i++) {
		uint64_t *entry = ths_x86_entry(vaddr + (uint64_t)i * THS_PAGE_SIZE,
						X86_LEVEL_PAGE);

		if (*entry & X86_SEALED)
			alias_open(*entry & X86_ADDR);
		*entry &= ~X86_SEALED;
	}
}

enum ths_err ths_arch_protect(ths_vaddr_t vaddr, size_t pages, enum ths_prot prot)
{
	if (allowed(vaddr, pages) == MAY_NOTHING || !all_mapped(vaddr, pages) ||
	    !valid(prot))
		return THS_E_INVAL;
	if (!shares_alias(prot)) {
		THS_TRY(seal_range(vaddr, pages));
		ths_x86_flush_others();
	}
	for (size_t i = 0; i < pages; i++)
		protect_one(vaddr + (uint64_t)i * THS_PAGE_SIZE, prot);
	ths_x86_flush_others();
	if (shares_alias(prot)) {
		open_aliases(vaddr, pages);
		ths_x86_flush_others();
	}
	return THS_OK;
}

void ths_arch_unmap(ths_vaddr_t vaddr, size_t pages)
{
	if (allowed(vaddr, pages) != MAY_NOTHING)
		unmap_range(vaddr, pages);
}

bool ths_arch_lookup(ths_vaddr_t vaddr, ths_paddr_t *paddr, enum ths_prot *prot)
{
	bool big;
	const uint64_t *entry = ths_x86_leaf(vaddr, &big);

	if (!entry || (*entry & (X86_P | X86_ADDR)) == 0)
		return false;
	*paddr = (*entry & X86_ADDR & ~(big ? X86_BIG_PAGE - 1 : 0)) |
		 (vaddr & (big ? X86_BIG_PAGE - 1 : THS_PAGE_SIZE - 1));
	*prot = prot_of(*entry);
	return true;
}

struct ths_arch_area ths_arch_module_area(void)
{
	return (struct ths_arch_area){X86_MODULE_BASE, X86_MODULE_SIZE};
}

struct ths_arch_area ths_arch_stack_area(void)
{
	return (struct ths_arch_area){X86_STACK_BASE, X86_STACK_SIZE};
}

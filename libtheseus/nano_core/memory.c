/*
 * memory - pages for nano_core and state_db: a reserve from boot, then mem.frames.
 *
 * At boot a part of the machine's memory is kept back as the *reserve*; all else is
 * donated to mem.frames once that is bound. From then on pages are asked of it through
 * the gate like by any client - at depth 0. Inside an interaction, and while mem.frames
 * itself is being served (cpu->refilling), only what lies in the reserve is given: that is
 * what keeps a refill from calling itself (P13).
 *
 * When there is none, and the caller is at depth 0, what nobody needs is given up before it
 * is told so: in a first round what lies free in pools, then soft rows too (soft.c), twice
 * as many in each round as in the one before. A row that goes leaves its version to a pool,
 * and a block of a pool whose versions are all free is a block of pages again.
 *
 * Invariants
 *   Y1  A block given back goes where it came from: the reserve's to the reserve.
 *   Y2  The reserve's lists are filled up to their marks after each refill.
 *   Y3  The last RELIEF_PAGES of the reserve are for making soft rows go: to remove a row
 *       takes a version, too.
 *
 * Cost: O(1) from the lists; otherwise what mem.frames costs. Of relief: at most RELIEF_ROUNDS
 * times sorting the CPU's free versions, and removing RELIEF_ROWS rows (bounds above).
 */
#include <theseus/point.h>
#include <theseus/string.h>
#include "nano_core/nano_core_impl.h"

#define ORDERS       11u
#define KEEP_PAGES   48u /* order 0 and ... */
#define KEEP_SPANS   4u  /* ... order 2 blocks, for a refill and for growth in flight */
#define RELIEF_PAGES 4u
#define RELIEF_ROUNDS 5u
#define RELIEF_ROWS  64u /* in the second round */
#define RESERVE_MIN  (1u << 20)
#define RESERVE_MAX  (4u << 20)

struct block {
	struct block *next;
};

static struct {
	_Atomic(uint32_t) lock;
	_Atomic(uint32_t) relief; /* lock: one CPU at a time gives up soft rows */
	uint8_t *next, *end;   /* of the boot reserve, not handed out so far */
	uint8_t *base;
	struct block *list[ORDERS];
	uint32_t count[ORDERS];
	struct ths_boot_range range[THS_BOOT_RANGES_MAX];
	uint32_t ranges;
	bool donated;
	_Atomic(uint64_t) out; /* pages taken and not given back */
	_Atomic(uint64_t) tables; /* pages that arch has for its page tables */
} memory;

/* The largest range gives the reserve, from its end. */
enum ths_err ths_memory_init(const struct ths_boot_info *info)
{
	uint32_t largest = 0;
	uint64_t size;

	memset(&memory, 0, sizeof(memory));
	if (info->ranges == 0 || info->ranges > THS_BOOT_RANGES_MAX)
		return THS_E_NOMEM;
	for (uint32_t i = 0; i < info->ranges; i++) {
		memory.range[i] = info->free[i];
		if (info->free[i].size > info->free[largest].size)
			largest = i;
	}
	memory.ranges = info->ranges;
	size = memory.range[largest].size / 8 & ~(uint64_t)(THS_PAGE_SIZE - 1);
	if (size > RESERVE_MAX)
		size = RESERVE_MAX;
	if (size < RESERVE_MIN)
		return THS_E_NOMEM;
	memory.range[largest].size -= size;
	memory.base = ths_arch_direct(memory.range[largest].base +
				      memory.range[largest].size);
	memory.next = memory.base;
	memory.end = memory.base + size;
	return THS_OK;
}

static bool is_reserve(const void *pages)
{
	const uint8_t *at = pages;

	return at >= memory.base && at < memory.end;
}

/* Single pages, and what has not been cut. */
static uint64_t pages_for_relief(void)
{
	return memory.count[0] + (uint64_t)(memory.end - memory.next) / THS_PAGE_SIZE;
}

/* Under the lock: from the list of that order, or cut from what is left. */
static void *take_reserved(const struct ths_cpu *cpu, unsigned order)
{
	size_t size = (size_t)THS_PAGE_SIZE << order;
	struct block *block = memory.list[order];

	if ((order == 0 || !block) && !cpu->relieving &&
	    pages_for_relief() < RELIEF_PAGES + (1u << order))
		return NULL; /* Y3 */
	if (block) {
		memory.list[order] = block->next;
		memory.count[order]--;
		ths_poison_check(block + 1, size - sizeof(*block), "a page");
		return block;
	}
	if ((size_t)(memory.end - memory.next) < size)
		return NULL;
	memory.next += size;
	return memory.next - size;
}

static void give_reserved(void *pages, unsigned order)
{
	struct block *block = pages;
	struct ths_cpu *cpu = ths_cpu();

	ths_poison(block + 1, ((size_t)THS_PAGE_SIZE << order) - sizeof(*block));
	cpu->section++;
	ths_spin_lock(&memory.lock);
	block->next = memory.list[order];
	memory.list[order] = block;
	memory.count[order]++;
	ths_spin_unlock(&memory.lock);
	cpu->section--;
}

static bool may_ask_frames(const struct ths_cpu *cpu)
{
	return memory.donated && !cpu->refilling && !ths_cpu_is_inside(cpu);
}

static void *take_from_frames(struct ths_cpu *cpu, unsigned order)
{
	struct frames_alloc args = {.order = order};
	enum ths_err err;

	cpu->section++; /* outside of it another task would find us refilling */
	cpu->refilling = true;
	err = frames_alloc(&ths_core.frames, &args);
	cpu->refilling = false;
	cpu->section--;
	return err ? NULL : ths_arch_direct(args.paddr);
}

static void *take(struct ths_cpu *cpu, unsigned order)
{
	void *pages = NULL;

	if (may_ask_frames(cpu))
		pages = take_from_frames(cpu, order);
	if (!pages) {
		cpu->section++; /* an interrupt's work must not meet the lock taken */
		ths_spin_lock(&memory.lock);
		pages = take_reserved(cpu, order);
		ths_spin_unlock(&memory.lock);
		cpu->section--;
	}
	return pages;
}

/* Brings a list up to its mark with blocks of mem.frames (Y2, Y3). */
static void keep(struct ths_cpu *cpu, unsigned order, uint32_t mark)
{
	while (memory.donated && memory.count[order] < mark) {
		void *pages = take_from_frames(cpu, order);

		if (!pages)
			return;
		give_reserved(pages, order);
	}
}

/* At depth 0, and nobody waits for us to let go of something. */
static bool may_give_up(const struct ths_cpu *cpu)
{
	return cpu->started && !ths_cpu_is_inside(cpu) && !cpu->refilling &&
	       !cpu->relieving && !cpu->token && cpu->locks == 0 && cpu->faulted_count == 0;
}

/* Whether there was something to be given up. Only here is Y3's part of the reserve used. */
static bool give_up(struct ths_cpu *cpu, unsigned round)
{
	bool some = true;

	cpu->relieving = true;
	if (round > 0)
		some = ths_soft_drop(RELIEF_ROWS << (round - 1)) > 0;
	if (some)
		ths_pool_shrink(cpu);
	keep(cpu, 0, RELIEF_PAGES);
	cpu->relieving = false;
	return some;
}

static void *take_by_relief(struct ths_cpu *cpu, unsigned order)
{
	void *pages = NULL;

	if (!may_give_up(cpu))
		return NULL;
	cpu->section++;
	ths_spin_lock(&memory.relief);
	for (unsigned round = 0; !pages && round < RELIEF_ROUNDS && give_up(cpu, round);
	     round++)
		pages = take(cpu, order);
	ths_spin_unlock(&memory.relief);
	cpu->section--;
	return pages;
}

void *ths_pages_take(unsigned order)
{
	struct ths_cpu *cpu = ths_cpu();
	void *pages;

	if (order >= ORDERS || THS_FAIL("alloc/pages"))
		return NULL;
	pages = take(cpu, order);
	if (!pages)
		pages = take_by_relief(cpu, order);
	if (pages) {
		memset(pages, 0, (size_t)THS_PAGE_SIZE << order);
		atomic_fetch_add(&memory.out, 1u << order);
	}
	return pages;
}

uint64_t ths_pages_out(void)
{
	return atomic_load(&memory.out);
}

void ths_pages_give(void *pages, unsigned order)
{
	struct ths_cpu *cpu = ths_cpu();
	struct frames_free args = {.paddr = ths_arch_paddr(pages)};
	enum ths_err err = THS_E_BUSY;

	atomic_fetch_sub(&memory.out, 1u << order);
	if (!is_reserve(pages) && may_ask_frames(cpu)) {
		ths_poison(pages, (size_t)THS_PAGE_SIZE << order);
		cpu->section++;
		cpu->refilling = true;
		err = frames_free(&ths_core.frames, &args);
		cpu->refilling = false;
		cpu->section--;
	}
	if (err)
		give_reserved(pages, order);
}

/* A page that was nobody's to give so far. */
void ths_pages_adopt(void *page)
{
	give_reserved(page, 0);
}

uint64_t ths_memory_reserve(void)
{
	uint64_t pages = (uint64_t)(memory.end - memory.next) / THS_PAGE_SIZE;

	for (unsigned order = 0; order < ORDERS; order++)
		pages += (uint64_t)memory.count[order] << order;
	return pages > RELIEF_PAGES ? pages - RELIEF_PAGES : 0;
}

bool ths_page_alloc(ths_paddr_t *paddr)
{
	void *page = ths_pages_take(0);

	if (page) {
		*paddr = ths_arch_paddr(page);
		atomic_fetch_add(&memory.tables, 1);
	}
	return page != NULL;
}

uint64_t ths_memory_tables(void)
{
	return atomic_load(&memory.tables);
}

void ths_page_free(ths_paddr_t paddr)
{
	atomic_fetch_sub(&memory.tables, 1);
	ths_pages_give(ths_arch_direct(paddr), 0);
}

/* Depth 0, after OUTCOME_REFILL: makes what was empty useful again. */
enum ths_err ths_refill(struct ths_cpu *cpu)
{
	uint32_t pool = cpu->refill_pool;
	enum ths_err err = THS_OK;

	if (pool < POOLS)
		err = ths_pool_refill(cpu, pool);
	else if (cpu->refill_table)
		err = ths_grow(cpu->refill_table, atomic_load(&cpu->refill_table->grown) + 1);
	cpu->refill_table = NULL;
	if (!cpu->refilling && memory.donated) {
		keep(cpu, 0, KEEP_PAGES);
		keep(cpu, 2, KEEP_SPANS);
	}
	return err;
}

/* mem.frames is bound: all but the reserve becomes its own. */
enum ths_err ths_memory_donate(void)
{
	for (uint32_t i = 0; i < memory.ranges; i++) {
		struct frames_donate args = {.base = memory.range[i].base,
					     .frames = memory.range[i].size / THS_PAGE_SIZE};

		while (args.frames) {
			uint64_t before = args.frames;

			THS_TRY(frames_donate(&ths_core.frames, &args));
			args.base += args.taken * THS_PAGE_SIZE;
			args.frames = before - args.taken;
			if (args.taken == 0)
				return THS_E_INTERNAL;
		}
	}
	memory.donated = true;
	return THS_OK;
}

/*
 * pool - where versions come from, and when they may be used again.
 *
 * Each CPU has a list of free versions for each size, so taking and giving touch nobody
 * else. A version that was published and superseded may still be read by an interaction
 * that began before; it waits in the CPU's *limbo* until every other CPU was seen at
 * depth 0, or has moved on, since. No reader does anything for this: being at depth 0 is
 * all (P13).
 *
 * Invariants
 *   L1  ths_pool_take() never blocks and never calls anyone: an empty pool ends the
 *       interaction with OUTCOME_REFILL, and the gate refills at depth 0.
 *   L2  A version in limbo is not given back before the mark that covers it has passed.
 *   L3  At depth 0 the limbo has room for one more interaction.
 *   L4  A block that is given back has all its versions in one CPU's list, which keeps a
 *       whole block besides.
 *
 * Cost: take and give are O(1); reclaim is O(entries), paid once per LIMBO_EAGER of them.
 * Nobody counts which versions of a block are free: when memory is short the list is sorted.
 */
#include "state_db/names.h" /* first */
#include "nano_core/nano_core_impl.h"
#include "state_db/txn_quick.h"

#define LIMBO_EAGER 64u

/* @size: 4096 at most. */
unsigned ths_pool_of(uint32_t size)
{
	unsigned pool = 0;

	while (ths_pool_bytes(pool) < size)
		pool++;
	return pool;
}

struct ths_version *ths_pool_take(struct ths_cpu *cpu, unsigned pool)
{
	if (THS_UNLIKELY(!cpu->pool[pool])) {
		cpu->refill_pool = pool;
		ths_txn_unwind(cpu, OUTCOME_REFILL);
	}
	return pool_pop(cpu, pool);
}

void ths_pool_give(struct ths_cpu *cpu, struct ths_version *version)
{
	pool_push(cpu, version);
}

static size_t version_size(unsigned pool)
{
	return sizeof(struct ths_version) + ths_pool_bytes(pool);
}

static unsigned block_order(size_t each)
{
	return each > 1024 ? 2 : 0;
}

/* Cuts a block of pages into versions of one size. If there is none, rows may have gone to
 * make one (nano_core/memory.c), and their versions have come here: that will do, too. */
enum ths_err ths_pool_refill(struct ths_cpu *cpu, unsigned pool)
{
	size_t each = version_size(pool);
	unsigned order = block_order(each);
	uint64_t vanished = atomic_load(&ths_core.soft_vanished);
	uint8_t *block = ths_pages_take(order);

	if (!block)
		return cpu->pool[pool] && atomic_load(&ths_core.soft_vanished) != vanished
			       ? THS_OK
			       : THS_E_NOMEM;
	cpu->pool_pages[pool] += 1u << order;
	for (size_t at = 0; at + each <= ((size_t)THS_PAGE_SIZE << order); at += each) {
		struct ths_version *version = (struct ths_version *)(void *)(block + at);

		version->pool = (uint8_t)pool;
		ths_pool_give(cpu, version);
	}
	return THS_OK;
}

void ths_pool_retire(struct ths_cpu *cpu, struct ths_version *version)
{
	cpu->limbo[cpu->limbo_count++] = version;
}

static bool reclaim_once(struct ths_cpu *cpu)
{
	if (cpu->limbo_marked == 0) {
		ths_quiet_mark(&cpu->limbo_mark);
		cpu->limbo_marked = cpu->limbo_count;
	}
	if (!ths_quiet_passed(&cpu->limbo_mark, cpu->number))
		return false;
	for (unsigned i = 0; i < cpu->limbo_marked; i++)
		ths_pool_give(cpu, cpu->limbo[i]);
	cpu->limbo_count -= cpu->limbo_marked;
	for (unsigned i = 0; i < cpu->limbo_count; i++)
		cpu->limbo[i] = cpu->limbo[cpu->limbo_marked + i];
	cpu->limbo_marked = 0;
	return true;
}

/* Depth 0. Waits for other CPUs only when L3 asks for it: at most their longest
 * operation. */
void ths_pool_reclaim(struct ths_cpu *cpu)
{
	if (cpu->limbo_count < LIMBO_EAGER)
		return;
	while (!reclaim_once(cpu) && cpu->limbo_count > LIMBO_MAX - 2 * WRITES_MAX)
		ths_arch_relax();
}

/* ---- giving pages back ---------------------------------------------------------------- */

static struct ths_version *merge(struct ths_version *a, struct ths_version *b)
{
	struct ths_version *first = NULL, **end = &first;

	while (a && b) {
		struct ths_version **lower = a < b ? &a : &b;

		*end = *lower;
		end = &(*lower)->older;
		*lower = *end;
	}
	*end = a ? a : b;
	return first;
}

/* By address, from the lowest on. Bin i holds a sorted run of 2^i. */
static struct ths_version *sort(struct ths_version *list)
{
	struct ths_version *bin[32] = {NULL}, *sorted = NULL;

	while (list) {
		struct ths_version *run = list;
		unsigned i = 0;

		list = list->older;
		run->older = NULL;
		for (; bin[i]; bin[i++] = NULL)
			run = merge(bin[i], run);
		bin[i] = run;
	}
	for (unsigned i = 0; i < THS_ARRAY_SIZE(bin); i++)
		sorted = merge(bin[i], sorted);
	return sorted;
}

static bool begins_block(const struct ths_version *version)
{
	return (uintptr_t)version % THS_PAGE_SIZE == 0; /* in no block another one does */
}

/* The last of those that lie side by side in one block from @first on. */
static struct ths_version *run_end(struct ths_version *first, size_t each, size_t *count)
{
	struct ths_version *last = first;

	for (*count = 1; (uintptr_t)last->older == (uintptr_t)last + each &&
			 !begins_block(last->older);
	     (*count)++)
		last = last->older;
	return last;
}

/* Out of the sorted list: whole blocks but the first, linked like versions. */
static struct ths_version *take_whole(struct ths_version **list, size_t each)
{
	size_t whole = ((size_t)THS_PAGE_SIZE << block_order(each)) / each, count;
	struct ths_version *blocks = NULL, *first;
	bool kept = false;

	while ((first = *list)) {
		struct ths_version *last = run_end(first, each, &count);

		if (begins_block(first) && count == whole && kept) {
			*list = last->older;
			first->older = blocks;
			blocks = first;
			continue;
		}
		kept = kept || (begins_block(first) && count == whole);
		list = &last->older;
	}
	return blocks;
}

static void shrink(struct ths_cpu *cpu, unsigned pool)
{
	size_t each = version_size(pool);
	struct ths_version *blocks, *block;

	cpu->pool[pool] = sort(cpu->pool[pool]);
	blocks = take_whole(&cpu->pool[pool], each);
	while ((block = blocks)) { /* mem.frames takes versions to be given a block */
		blocks = block->older;
		cpu->pool_pages[pool] -= 1u << block_order(each);
		ths_pages_give(block, block_order(each));
	}
}

/* Depth 0, in a section; no lock is held. Waits for other CPUs, at most their longest
 * operation, for what is in limbo may be most of a block. */
void ths_pool_shrink(struct ths_cpu *cpu)
{
	while (cpu->limbo_count && !reclaim_once(cpu))
		ths_arch_relax();
	for (unsigned pool = 0; pool < POOLS; pool++)
		shrink(cpu, pool);
}

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
 *
 * Cost: take and give are O(1); reclaim is O(entries), paid once per LIMBO_EAGER of them.
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

/* Cuts a block of pages into versions of one size. */
enum ths_err ths_pool_refill(struct ths_cpu *cpu, unsigned pool)
{
	size_t each = sizeof(struct ths_version) + ths_pool_bytes(pool);
	unsigned order = each > 1024 ? 2 : 0;
	uint8_t *block = ths_pages_take(order);

	if (!block)
		return THS_E_NOMEM;
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

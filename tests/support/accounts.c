/*
 * accounts - see accounts.h.
 *
 * A page is part of a pool, of a stack, of a CPU's workspace, of a table, of
 * a module, of the archive's index or of a test. A version is in
 * a pool, in limbo, or in one slot.
 */
#include "accounts.h"

#include <stdio.h>
#include <stdlib.h>
#include "nano_core/swap_impl.h"

static char lost[128];
static uint64_t kept; /* by the test */

void accounts_keep(uint64_t pages)
{
	kept += pages;
}

/* ---- pages --------------------------------------------------------------------------- */

static uint64_t pages_for(size_t bytes)
{
	return 1u << ths_order_of(bytes);
}

/* Of slots or titles. */
static uint64_t pages_of_slots(const struct ths_table *table)
{
	if (table->grows)
		return table->grown * sizeof(struct ths_slot) / THS_PAGE_SIZE;
	return pages_for(table->rows * sizeof(struct ths_slot));
}

static uint64_t pages_of_tables(void)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < ths_core.tables; i++) {
		const struct ths_table *table = &ths_core.table[i];

		if (!table->schema[0])
			continue;
		if (table->rows > SMALL_SLOTS)
			pages += pages_of_slots(table);
		if (table->bucket)
			pages += pages_for((table->bucket_mask + 1) *
					   sizeof(struct ths_slot));
		if (table->title)
			pages += pages_of_slots(table);
	}
	return pages;
}

static uint64_t pages_of_cpus(void)
{
	uint64_t pages = ths_memory_tables();

	for (unsigned i = 0; i < ths_core.cpus; i++) {
		pages += (WORKSPACE_STACK + WORKSPACE_ARENA) / THS_PAGE_SIZE;
		for (unsigned pool = 0; pool < POOLS; pool++)
			pages += ths_core.cpu[i]->pool_pages[pool];
	}
	return pages;
}

static bool are_pages_whole(void)
{
	uint64_t pages = pages_of_cpus() + pages_of_tables() + ths_core.instance_pages +
			 ths_archive_pages() + kept;

	for (unsigned i = 0; i < CONTEXTS_MAX; i++)
		if (ths_core.context[i].stack)
			pages += TASK_STACK / THS_PAGE_SIZE;
	for (unsigned i = 0; i < ths_core.instances; i++)
		pages += ths_core.instance[i].pages;
	for (unsigned i = 0; i < STATES_MAX; i++)
		if (ths_core.state[i].at && ths_core.state[i].ours)
			pages += pages_for(ths_core.state[i].layout.size);
	(void)snprintf(lost, sizeof(lost), "%llu pages are taken, %llu accounted for",
		       (unsigned long long)ths_pages_out(), (unsigned long long)pages);
	return ths_pages_out() == pages;
}

/* ---- versions ------------------------------------------------------------------------ */

static void count_version(uint64_t *count, const struct ths_version *version)
{
	if (version && version != (const struct ths_version *)ths_core.nobody)
		count[version->pool]++;
}

static void count_slots(uint64_t *count, const struct ths_slot *slot, uint32_t slots,
			const struct ths_version *but)
{
	for (uint32_t i = 0; i < slots; i++)
		if (slot_version(slot[i].word) != but)
			count_version(count, slot_version(slot[i].word));
}

static void count_cpu(uint64_t *count, const struct ths_cpu *cpu)
{
	for (unsigned pool = 0; pool < POOLS; pool++)
		for (const struct ths_version *v = cpu->pool[pool]; v; v = v->older)
			count[pool]++;
	for (unsigned i = 0; i < cpu->limbo_count; i++)
		count_version(count, cpu->limbo[i]);
}

static void count_table(uint64_t *count, const struct ths_table *table)
{
	if (!table->schema[0])
		return;
	count_version(count, table->zero);
	count_slots(count, table->slots, table->fresh, table->zero);
	if (table->bucket)
		count_slots(count, table->bucket, table->bucket_mask + 1, NULL);
	if (table->title)
		count_slots(count, table->title, table->fresh, NULL);
}

/* As many as were cut from the pool's pages. */
static uint64_t versions_cut(unsigned pool)
{
	size_t each = sizeof(struct ths_version) + ths_pool_bytes(pool);
	uint64_t block = each > 1024 ? 4 : 1, pages = 0;

	for (unsigned i = 0; i < ths_core.cpus; i++)
		pages += ths_core.cpu[i]->pool_pages[pool];
	return pages / block * (block * THS_PAGE_SIZE / each);
}

static bool are_versions_whole(void)
{
	uint64_t count[POOLS] = {0};

	for (unsigned i = 0; i < ths_core.cpus; i++)
		count_cpu(count, ths_core.cpu[i]);
	for (uint32_t i = 0; i < ths_core.tables; i++)
		count_table(count, &ths_core.table[i]);
	for (unsigned i = 0; i < BINDINGS_MAX; i++)
		count_slots(count, &ths_core.binding[i].slot, 1, NULL);
	for (unsigned pool = 0; pool < POOLS; pool++) {
		(void)snprintf(lost, sizeof(lost),
			       "pool %u: %llu versions were cut, %llu are accounted for",
			       pool, (unsigned long long)versions_cut(pool),
			       (unsigned long long)count[pool]);
		if (count[pool] != versions_cut(pool))
			return false;
	}
	return true;
}

const char *accounts_lost(void)
{
	return are_pages_whole() && are_versions_whole() ? NULL : lost;
}

/* Not when a CPU is in an interaction or a section, or there are others; nor when the
 * start is not done, or the machine was reset. */
static bool may_count(void)
{
	const struct ths_cpu *cpu = ths_core.cpu[0];

	return !ths_core.cpu[1] && cpu && ths_cpu() == cpu && cpu->started &&
	       cpu->section == 0 && !ths_cpu_is_inside(cpu);
}

static void see(void)
{
	if (!may_count() || !accounts_lost())
		return;
	fprintf(stderr, "unit test: lost: %s\n", lost);
	_Exit(EXIT_FAILURE);
}

void accounts_seen_at_exit(void)
{
	static bool is_known;

	if (!is_known)
		atexit(see);
	is_known = true;
}

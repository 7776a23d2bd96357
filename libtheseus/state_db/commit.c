/*
 * commit - all that a transaction wrote becomes visible at once, or nothing of it.
 *
 * Lock the write set in address order, count appearances, take the commit version, validate
 * the read set, the outermost binding included, install (P4). Rows of per-CPU tables are
 * written by their CPU alone: they need neither lock nor clock (P7). A set that adopts rows
 * writes others' too, with all commits held off; so per-CPU rows are installed first: who
 * sees a binding of the set sees what came with it. Where there is one CPU nobody else
 * commits, and none of it is needed: ths_txn_commit_alone().
 *
 * Invariants
 *   X2  Commit takes no memory and calls nobody (T4).
 *
 * Cost: O(reads + writes log writes).
 */
#include "state_db/names.h" /* first */
#include <theseus/point.h>
#include "nano_core/nano_core_impl.h"
#include "state_db/txn_quick.h"

static bool is_per_cpu(const struct txn_write *write)
{
	return write->table && (write->table->flags & THS_PER_CPU);
}

/* +1: a row comes to be; -1: a row ceases to be. */
static int appears(const struct txn_write *write)
{
	return write->table ? ths_version_is_live(write->copy) -
				      ths_version_is_live(write->old)
			    : 0;
}

static void sort_writes(struct ths_txn *txn)
{
	for (unsigned i = 1; i < txn->writes; i++) {
		struct txn_write write = txn->write[i];
		unsigned j = i;

		for (; j > 0 && txn->write[j - 1].slot > write.slot; j--)
			txn->write[j] = txn->write[j - 1];
		txn->write[j] = write;
	}
}

static bool lock_write(const struct txn_write *write)
{
	uintptr_t word = atomic_load_explicit(&write->slot->word, memory_order_relaxed);

	do {
		if ((word & ~(uintptr_t)SLOT_WAITERS) != (uintptr_t)write->old)
			return false;
	} while (!atomic_compare_exchange_weak(&write->slot->word, &word,
					       word | SLOT_LOCKED));
	return true;
}

/* Of a per-CPU row: only a restore may have come between (replace.c), or a sweep (sweep.c). */
static bool is_unchanged(const struct txn_write *write)
{
	return slot_version(atomic_load_explicit(&write->slot->word,
						 memory_order_acquire)) == write->old;
}

static void unlock_writes(struct ths_txn *txn, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!is_per_cpu(&txn->write[i]))
			atomic_fetch_and(&txn->write[i].slot->word,
					 ~(uintptr_t)SLOT_LOCKED);
}

/* Locks all shared rows, counts rows that come and go. *@shared: there were such. */
static bool lock_writes(struct ths_txn *txn, bool *shared)
{
	*shared = false;
	for (unsigned i = 0; i < txn->writes; i++) {
		struct txn_write *write = &txn->write[i];

		if (is_per_cpu(write) ? !is_unchanged(write) : !lock_write(write)) {
			unlock_writes(txn, i);
			return false;
		}
		if (is_per_cpu(write))
			continue;
		*shared = true;
		if (appears(write))
			atomic_fetch_add(&write->table->population.word, 4);
	}
	return true;
}

static bool is_written(const struct ths_txn *txn, const struct ths_slot *slot)
{
	for (unsigned i = 0; i < txn->writes; i++)
		if (txn->write[i].slot == slot)
			return true;
	return false;
}

static bool read_holds(const struct ths_txn *txn, const struct txn_read *read)
{
	uintptr_t word = atomic_load_explicit(&read->slot->word, memory_order_acquire);

	if ((word & ~(uintptr_t)SLOT_WAITERS) == read->seen)
		return true;
	/* Locked: by this very commit? */
	return (word & ~(uintptr_t)SLOT_FLAGS) == read->seen && is_written(txn, read->slot);
}

/* Appearances this commit itself made in a table it enumerated are no conflict. */
static bool population_holds(const struct ths_txn *txn, const struct txn_read *read)
{
	uintptr_t word = atomic_load_explicit(&read->slot->word, memory_order_acquire);
	uintptr_t own = 0;

	for (unsigned i = 0; i < txn->writes; i++)
		if (appears(&txn->write[i]) &&
		    &txn->write[i].table->population == read->slot)
			own += 4;
	return own && (word & ~(uintptr_t)SLOT_FLAGS) == read->seen + own;
}

bool ths_txn_validate(struct ths_txn *txn)
{
	if (ths_core.cpus == 1) /* nobody else commits */
		return true;
	for (const struct txn_read *read = txn->read; read < txn->read_next; read++)
		if (!read_holds(txn, read) && !population_holds(txn, read))
			return false;
	return true;
}

/* The outermost call's binding still leads to the code that ran; without one, nobody has
 * taken the instance's place. */
static bool binding_holds(const struct ths_cpu *cpu)
{
	const struct ths_call *call = &cpu->calls[0];
	uintptr_t word;

	if (!call->binding)
		return atomic_load(&call->instance->heir) == NULL;
	word = atomic_load_explicit(&call->binding->slot.word, memory_order_acquire);
	return (word & ~(uintptr_t)SLOT_WAITERS) == (uintptr_t)call->provider;
}

static bool validate(struct ths_cpu *cpu)
{
	return (cpu->txn.flags & TXN_DEVICE) ||
	       (binding_holds(cpu) && ths_txn_validate(&cpu->txn));
}

/* The conflict token, shared: waits while another CPU holds it exclusively (P5). */
static void token_share(struct ths_cpu *cpu)
{
	for (;;) {
		atomic_store(&cpu->committing, 1);
		if (THS_LIKELY(atomic_load(&ths_core.token) == 0))
			return;
		atomic_store(&cpu->committing, 0);
		while (atomic_load(&ths_core.token) != 0)
			ths_arch_relax();
	}
}

/* Not so: what all rows of a fixed table, and all bindings, are until first written. */
static bool comes_from_pool(const struct txn_write *write)
{
	return write->old && write->old != (struct ths_version *)ths_core.nobody &&
	       (!write->table || write->old != write->table->zero);
}

/* Whether anybody waits for rows to come or go; to be asked after the count has moved:
 * who marks it later finds it moved (Z1). */
static bool population_wakes(const struct ths_table *table)
{
	return atomic_load(&table->population.word) & SLOT_WAITERS;
}

static void install(struct ths_cpu *cpu, struct txn_write *write, uint64_t version)
{
	uintptr_t before;

	write->copy->commit = is_per_cpu(write) ? 0 : version;
	write->copy->older = write->old;
	before = atomic_exchange(&write->slot->word, (uintptr_t)write->copy);
	write->waiters = (before & SLOT_WAITERS) != 0;
	write->appears = false;
	cpu->txn.wakes |= write->waiters;
	if (comes_from_pool(write))
		ths_pool_retire(cpu, write->old);
	if (!write->table)
		return;
	atomic_fetch_add_explicit(&write->table->commits, 1, memory_order_relaxed);
	if (appears(write)) {
		write->appears = population_wakes(write->table);
		cpu->txn.wakes |= write->appears;
		atomic_fetch_add_explicit(&write->table->live, (uint32_t)appears(write),
					  memory_order_relaxed);
	}
}

/* While a table is in a step. With the token, which whoever begins or ends one has alone. */
static void note_schemas(const struct ths_txn *txn)
{
	if (THS_UNLIKELY(txn->special) && atomic_load(&ths_core.steps))
		ths_convert_commit(txn);
}

/* The slot of a row that went is free to be taken. */
static void give_row(struct ths_txn *txn, struct txn_write *write)
{
	if (!ths_table_give_row(write->table, write->row, write->copy))
		return;
	write->appears = true;
	txn->wakes = true;
}

static void install_all(struct ths_cpu *cpu, uint64_t version, bool per_cpu)
{
	for (unsigned i = 0; i < cpu->txn.writes; i++)
		if (is_per_cpu(&cpu->txn.write[i]) == per_cpu)
			install(cpu, &cpu->txn.write[i], version);
}

static bool commit_locked(struct ths_cpu *cpu)
{
	struct ths_txn *txn = &cpu->txn;
	uint64_t version = 0;
	bool shared;

	if (!lock_writes(txn, &shared))
		return false;
	if (shared)
		version = atomic_fetch_add(&ths_core.clock, 1) + 1;
	if (!validate(cpu)) {
		unlock_writes(txn, txn->writes);
		return false;
	}
	note_schemas(txn);
	install_all(cpu, version, true);
	install_all(cpu, version, false);
	for (unsigned i = 0; i < txn->writes; i++)
		if (txn->write[i].table && !ths_version_is_live(txn->write[i].copy))
			give_row(txn, &txn->write[i]);
	return true;
}

static bool keys_hold(const struct ths_txn *txn)
{
	if (!(txn->special & SPECIAL_KEYED))
		return true;
	for (unsigned i = 0; i < txn->writes; i++) {
		const struct txn_write *write = &txn->write[i];

		if (!write->table || !(write->table->flags & THS_KEYED) ||
		    !ths_version_is_live(write->copy))
			continue;
		if (version_key(write->copy) != key_of_write(write))
			return false;
	}
	return true;
}

bool ths_txn_special_holds(struct ths_cpu *cpu)
{
	ths_convert_end(cpu);
	return keys_hold(&cpu->txn);
}

/* A bucket, a title or a binding: there may have been none; and the one of nobody stays. */
static void settle_hidden(struct ths_cpu *cpu, const struct txn_write *write)
{
	if (write->old && write->old != (struct ths_version *)ths_core.nobody)
		pool_push(cpu, write->old);
}

/* A row came or went, or both. */
static void settle_appearance(struct ths_txn *txn, struct txn_write *write)
{
	struct ths_table *table = write->table;
	bool came = !(write->copy->flags & VERSION_DEAD);

	if (came != !(write->old->flags & VERSION_DEAD)) {
		atomic_fetch_add(&table->population.word, 4);
		atomic_fetch_add_explicit(&table->live, came ? 1 : UINT32_MAX,
					  memory_order_relaxed);
		write->appears = population_wakes(table);
		txn->wakes |= write->appears;
	}
	if (!came)
		give_row(txn, write);
}

/*
 * On the only CPU nobody else commits, and an interaction is not preempted (G1): what was
 * read still holds, nothing needs a lock, and nobody reads a superseded version any more.
 */
void ths_txn_commit_alone(struct ths_cpu *cpu)
{
	struct ths_txn *txn = &cpu->txn;
	uint64_t version =
		atomic_load_explicit(&ths_core.clock, memory_order_relaxed) + 1;
	struct txn_write *write = txn->write, *end = write + txn->writes;

	note_schemas(txn);
	atomic_store_explicit(&ths_core.clock, version, memory_order_relaxed);
#ifdef STATE_DB_BROKEN /* a build for tests: where no way leads back */
	if (version % 64 == 0)
		*(volatile uint64_t *)(uintptr_t)(version % 4096) = version;
#endif
	for (; write < end; write++) {
		struct ths_version *old = write->old, *copy = write->copy;
		struct ths_table *table = write->table;
		uintptr_t word =
			atomic_load_explicit(&write->slot->word, memory_order_relaxed);

		copy->commit = version;
		atomic_store_explicit(&write->slot->word, (uintptr_t)copy,
				      memory_order_release);
		write->waiters = (word & SLOT_WAITERS) != 0;
		write->appears = false;
		txn->wakes |= write->waiters;
		if (!table) {
			settle_hidden(cpu, write);
			continue;
		}
		atomic_store_explicit(
			&table->commits,
			atomic_load_explicit(&table->commits, memory_order_relaxed) + 1,
			memory_order_relaxed);
		if (THS_UNLIKELY((old->flags | copy->flags) & VERSION_DEAD))
			settle_appearance(txn, write);
		if (THS_LIKELY(old != table->zero))
			pool_push(cpu, old);
	}
}

bool ths_txn_commit(struct ths_cpu *cpu)
{
	struct ths_txn *txn = &cpu->txn;
	bool committed;

	THS_POINT("state_db/commit");
	if (ths_core.cpus == 1) {
		if (txn->writes)
			ths_txn_commit_alone(cpu);
		return true;
	}
	if (txn->writes == 0)
		return validate(cpu);
	if (txn->writes > 1)
		sort_writes(txn);
	if (cpu->token || (txn->flags & TXN_DEVICE)) /* holds it, one way or the other */
		return commit_locked(cpu);
	token_share(cpu);
	committed = commit_locked(cpu);
	atomic_store_explicit(&cpu->committing, 0, memory_order_release);
	return committed;
}

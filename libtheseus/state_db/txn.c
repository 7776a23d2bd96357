/*
 * txn - one transaction per CPU: reads of one moment, private writes, an atomic end.
 *
 * After TL2 (Dice, Shalev, Shavit: Transactional Locking II, DISC 2006), with immutable
 * versions instead of words in place: a read needs no copy and no second look, and to
 * validate is to compare an address. Nesting is closed: a level's writes to rows that an
 * outer level wrote already go to an overlay, which is merged or dropped when the level
 * ends, so that the outer level's pointers stay good.
 *
 * Commit (P4): lock the write set in address order, count appearances, take the commit
 * version, validate the read set, the outermost binding included, install. Rows of
 * per-CPU tables are written by their CPU alone: they need neither lock nor clock (P7).
 *
 * Invariants
 *   X1  Every read was of the moment txn->clock, or the interaction was unwound (W1).
 *   X2  Commit takes no memory and calls nobody (T4).
 *   X3  After conflict, drop or commit the record is as ths_txn_begin() wants it.
 *
 * Cost: read and write O(writes so far) only where the filter hits; commit O(reads +
 * writes log writes).
 */
#include "state_db/names.h" /* first */
#include <theseus/point.h>
#include "nano_core/nano_core_impl.h"
#include "state_db/txn_quick.h"

static THS_NOINLINE struct txn_write *search_writes(struct ths_txn *txn,
						    const struct ths_slot *slot)
{
	for (unsigned i = txn->writes; i-- > 0;)
		if (txn->write[i].slot == slot)
			return &txn->write[i];
	return NULL;
}

/* What we wrote to @slot last; NULL: nothing. */
THS_INLINE struct txn_write *find_write(struct ths_txn *txn, const struct ths_slot *slot)
{
	return THS_UNLIKELY(txn->filter & filter_bit(slot)) ? search_writes(txn, slot) : NULL;
}

void ths_txn_init(struct ths_txn *txn)
{
	txn->read_first = txn->read;
	txn->read_end = &txn->read[READS_MAX];
	ths_txn_clear(txn);
}

void ths_txn_begin(struct ths_cpu *cpu, unsigned flags)
{
	struct ths_txn *txn = &cpu->txn;

	txn->flags = (uint16_t)flags;
	txn->clock = atomic_load_explicit(&ths_core.clock, memory_order_acquire);
}

void ths_txn_clear(struct ths_txn *txn)
{
	txn->dirty = 0;
	txn->clock = UINT64_MAX;
	txn->filter = 0;
	txn->savepoint = 0;
	txn->read_next = txn->read;
	txn->read_limit = &txn->read[READS_MAX];
	txn->writes_limit = WRITES_MAX;
}

/* Reads of the same row need one entry: make room by keeping the first of each. */
static void compact_reads(struct ths_txn *txn)
{
	struct txn_read *kept = txn->read;

	for (struct txn_read *read = txn->read; read < txn->read_next; read++) {
		struct txn_read *same = txn->read;

		while (same < kept && same->slot != read->slot)
			same++;
		if (same == kept)
			*kept++ = *read;
	}
	txn->read_next = kept;
}

static THS_NOINLINE enum ths_err make_room_slowly(struct ths_cpu *cpu, bool full)
{
	struct ths_txn *txn = &cpu->txn;

	if (cpu->overdue == atomic_load_explicit(&cpu->activity, memory_order_relaxed)) {
		ths_fault_note(cpu, THS_E_DEADLINE, 0, 0); /* spent in nano_core (P3) */
		ths_arch_unwind(&cpu->calls[0].frame, (uint64_t)(int64_t)THS_E_DEADLINE);
	}
	if (txn->read_next == txn->read_end)
		compact_reads(txn);
	return txn->read_next < txn->read_end && !full ? THS_OK : THS_E_FULL;
}

/* For one more read; the interaction ends where its time is over. */
THS_INLINE enum ths_err make_room(struct ths_cpu *cpu)
{
	bool full = THS_FAIL("room/read");

	if (THS_LIKELY(!full && cpu->txn.read_next < cpu->txn.read_end &&
		       cpu->overdue != atomic_load_explicit(&cpu->activity,
							    memory_order_relaxed)))
		return THS_OK;
	return make_room_slowly(cpu, full);
}

/* Likewise for one more write. */
static THS_NOINLINE enum ths_err make_room_to_write(struct ths_cpu *cpu)
{
	return cpu->txn.writes < WRITES_MAX ? make_room(cpu) : THS_E_FULL;
}

/* The version of the transaction's moment, for those that are not run again (P6). */
static uintptr_t snapshot_word(const struct ths_txn *txn, const struct ths_slot *slot)
{
	uintptr_t word;
	struct ths_version *version;

	while ((word = atomic_load_explicit(&slot->word, memory_order_acquire)) &
	       SLOT_LOCKED)
		ths_arch_relax();
	version = slot_version(word);
	while (version && version->commit > txn->clock && version->older)
		version = version->older;
	return (uintptr_t)version;
}

enum ths_err ths_txn_read(struct ths_cpu *cpu, struct ths_slot *slot,
			  const struct ths_version **out)
{
	struct ths_txn *txn = &cpu->txn;
	struct ths_version *version;
	struct txn_write *own;
	uintptr_t word;

	own = find_write(txn, slot);
	if (own) {
		*out = own->copy;
		return THS_OK;
	}
	THS_TRY(make_room(cpu));
	if (THS_UNLIKELY(txn->flags & TXN_DEVICE)) {
		*out = slot_version(snapshot_word(txn, slot));
		return THS_OK;
	}
	word = atomic_load_explicit(&slot->word, memory_order_acquire);
	version = slot_version(word);
	if (THS_UNLIKELY((word & SLOT_LOCKED) ||
			 (version && version->commit > txn->clock)))
		ths_txn_unwind(cpu, OUTCOME_CONFLICT);
	txn_note_read(txn, slot, (uintptr_t)version);
	*out = version;
	return THS_OK;
}

/* The row was written already: by this level, whose copy is written again, or by an outer
 * one, whose copy is overlaid. */
static THS_NOINLINE enum ths_err write_again(struct ths_cpu *cpu, struct txn_write *own,
					     enum write_kind kind, unsigned pool,
					     struct ths_version **out)
{
	struct ths_txn *txn = &cpu->txn;
	struct ths_version *copy = own->copy;

	*out = copy;
	if (kind != WRITE_HIDDEN && !ths_version_is_live(copy))
		return THS_E_NOENT; /* we freed it ourselves */
	if (own < &txn->write[txn->savepoint]) {
		if (txn->writes == WRITES_MAX)
			return THS_E_FULL;
		*out = make_copy(cpu, own->table, kind, pool, copy);
		note_write(txn, own->table, own->slot, own->old, *out,
			   (uint16_t)(own - txn->write + 1));
		txn->overlays++;
	} else if (kind == WRITE_FREE) {
		copy->generation++;
		copy->flags = VERSION_DEAD;
	}
	txn->special |= special_of(own->table, kind);
	return THS_OK;
}

enum ths_err ths_txn_write(struct ths_cpu *cpu, struct ths_table *table,
			   struct ths_slot *slot, enum write_kind kind, unsigned pool,
			   struct ths_version **out)
{
	struct ths_txn *txn = &cpu->txn;
	struct txn_write *own = find_write(txn, slot);
	struct ths_version *old;
	uintptr_t word;

	if (own)
		return write_again(cpu, own, kind, pool, out);
	if (THS_UNLIKELY(txn->writes >= txn->writes_limit))
		THS_TRY(make_room_to_write(cpu));
	if (kind == WRITE_CHANGE && THS_FAIL("alloc/version")) {
		cpu->refill_pool = pool;
		ths_txn_unwind(cpu, OUTCOME_REFILL);
	}
	word = atomic_load_explicit(&slot->word, memory_order_acquire);
	old = slot_version(word);
	if (THS_UNLIKELY((word & SLOT_LOCKED) || (old && old->commit > txn->clock)))
		ths_txn_unwind(cpu, OUTCOME_CONFLICT);
	if (kind <= WRITE_FREE && THS_UNLIKELY(!ths_version_is_live(old)))
		return THS_E_NOENT;
	*out = make_copy(cpu, table, kind, pool, old);
	note_write(txn, table, slot, old, *out, 0);
	txn->special |= special_of(table, kind);
	return THS_OK;
}

/* A live row out of @tombstone, the interaction's alone. There is a version for it in @pool,
 * and room to note it. */
struct ths_version *ths_txn_write_new(struct ths_cpu *cpu, struct ths_table *table,
				      struct ths_slot *slot, unsigned pool,
				      struct ths_version *tombstone)
{
	struct ths_txn *txn = &cpu->txn;
	struct ths_version *copy = make_copy(cpu, table, WRITE_NEW, pool, tombstone);

	note_write(txn, table, slot, tombstone, copy, 0);
	txn->special |= special_of(table, WRITE_NEW);
	return copy;
}

/* A row of nano_core's own; zeroes where there was none. */
enum ths_err ths_txn_write_hidden(struct ths_cpu *cpu, struct ths_slot *slot, unsigned pool,
				  struct ths_version **out)
{
	struct ths_version *copy;

	if (!is_room_to_write())
		return THS_E_FULL;
	copy = quick_copy(cpu, NULL, slot, ths_pool_bytes(pool), pool);
	if (THS_UNLIKELY(!copy))
		return ths_txn_write(cpu, NULL, slot, WRITE_HIDDEN, pool, out);
	cpu->txn.special |= SPECIAL;
	*out = copy;
	return THS_OK;
}

/* A counter moves by 4 and keeps the flag bits, so it reads and waits like a slot. Our
 * own appearances are not counted before commit. */
enum ths_err ths_txn_count(struct ths_cpu *cpu, struct ths_slot *slot)
{
	struct ths_txn *txn = &cpu->txn;
	uintptr_t word;

	THS_TRY(make_room(cpu));
	word = atomic_load_explicit(&slot->word, memory_order_acquire);
	if (txn->flags & TXN_DEVICE)
		return THS_OK;
	for (const struct txn_read *read = txn->read; read < txn->read_next; read++)
		if (read->slot == slot)
			return THS_OK;
	txn_note_read(txn, slot, word & ~(uintptr_t)SLOT_FLAGS);
	return THS_OK;
}

enum ths_err ths_txn_peek(struct ths_cpu *cpu, struct ths_slot *slot,
			  const struct ths_version **out)
{
	struct txn_read *before = cpu->txn.read_next;
	enum ths_err err = ths_txn_read(cpu, slot, out);

	if (cpu->txn.read_next > before)
		cpu->txn.read_next = before;
	return err;
}

/* ---- savepoints ------------------------------------------------------------------ */

void ths_txn_mark(const struct ths_txn *txn, struct txn_mark *mark)
{
	mark->writes = txn->writes;
	mark->effects = txn->effects;
	mark->savepoint = txn->savepoint;
}

static void drop_write(struct ths_cpu *cpu, struct txn_write *write)
{
	ths_pool_give(cpu, write->copy);
	cpu->txn.overlays -= write->under != 0;
	if (write->table && !write->under && !ths_version_is_live(write->old))
		ths_table_give_row(write->table, write->row, write->old); /* to be new */
}

/*
 * A level has failed and its writes are about to go. What it read in order to write stays
 * read, for its parent's answer depends on the error (P6). With no room for that the
 * interaction ends.
 */
void ths_txn_keep_reads(struct ths_cpu *cpu, const struct txn_mark *mark)
{
	struct ths_txn *txn = &cpu->txn;

	if (txn->flags & TXN_DEVICE)
		return;
	for (unsigned i = mark->writes; i < txn->writes; i++) {
		const struct txn_write *write = &txn->write[i];

		if (write->under || (write->table && !ths_version_is_live(write->old)))
			continue; /* the outer level's; nobody else has a row to be new */
		if (make_room(cpu))
			ths_arch_unwind(&cpu->calls[0].frame,
					(uint64_t)(int64_t)THS_E_FULL);
		txn_note_read(txn, write->slot, (uintptr_t)write->old);
	}
}

/* A level failed: its writes go; its reads stay. */
void ths_txn_rollback(struct ths_cpu *cpu, const struct txn_mark *mark)
{
	struct ths_txn *txn = &cpu->txn;

	while (txn->writes > mark->writes)
		drop_write(cpu, &txn->write[--txn->writes]);
	if (txn->effects > mark->effects)
		ths_effects_drop(cpu, mark->effects);
	txn->savepoint = mark->savepoint;
}

/*
 * A nested level succeeded: what it wrote is its parent's. An overlay becomes part of what
 * it overlaid, if that is the parent's; what an outer level wrote stays overlaid, for the
 * parent may fail yet.
 */
void ths_txn_merge(struct ths_cpu *cpu, const struct txn_mark *mark)
{
	struct ths_txn *txn = &cpu->txn;
	unsigned kept = mark->writes;

	txn->savepoint = mark->savepoint;
	if (THS_LIKELY(txn->overlays == 0))
		return;
	for (unsigned i = mark->writes; i < txn->writes; i++) {
		struct txn_write *write = &txn->write[i];
		struct txn_write *under;

		if (!write->under || write->under - 1u < mark->savepoint) {
			txn->write[kept] = *write;
			kept++;
			continue;
		}
		under = &txn->write[write->under - 1];
		if (!(write->copy->flags & VERSION_DEAD))
			copy_data(under->copy, write->copy,
				  data_bytes(write->table, smaller_pool(under->copy->pool,
									write->copy->pool)));
		under->copy->generation = write->copy->generation;
		under->copy->flags = write->copy->flags;
		ths_pool_give(cpu, write->copy);
		txn->overlays--;
	}
	txn->writes = (uint16_t)kept;
}

/* ---- the end ----------------------------------------------------------------------- */

void ths_txn_abandon(struct ths_cpu *cpu)
{
	ths_txn_rollback(cpu, &(struct txn_mark){0, 0, 0});
	if (THS_UNLIKELY(cpu->txn.converted))
		ths_convert_end(cpu);
}

void ths_txn_drop(struct ths_cpu *cpu)
{
	ths_txn_abandon(cpu);
	ths_txn_clear(&cpu->txn);
}

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

static bool read_holds(struct ths_txn *txn, const struct txn_read *read)
{
	uintptr_t word = atomic_load_explicit(&read->slot->word, memory_order_acquire);

	if ((word & ~(uintptr_t)SLOT_WAITERS) == read->seen)
		return true;
	/* Ours: locked by this very commit, or a count that only we moved. */
	if ((word & ~(uintptr_t)SLOT_FLAGS) == read->seen && (word & SLOT_LOCKED))
		return find_write(txn, read->slot) != NULL;
	return false;
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
	for (unsigned i = 0; i < txn->writes; i++)
		install(cpu, &txn->write[i], version);
	for (unsigned i = 0; i < txn->writes; i++) /* the slots are free to be taken */
		if (txn->write[i].table && !ths_version_is_live(txn->write[i].copy))
			ths_table_give_row(txn->write[i].table, txn->write[i].row,
					   txn->write[i].copy);
	return true;
}

static uint64_t key_in(const struct ths_version *version)
{
	return *(const uint64_t *)(const void *)version->data;
}

/* A key is a row's name: what it was made for, and the same while the row lives. */
static bool keys_hold(const struct ths_txn *txn)
{
	if (!(txn->special & SPECIAL_KEYED))
		return true;
	for (unsigned i = 0; i < txn->writes; i++) {
		const struct txn_write *write = &txn->write[i];

		if (!write->table || !(write->table->flags & THS_KEYED) ||
		    !ths_version_is_live(write->copy))
			continue;
		if (key_in(write->copy) !=
		    (ths_version_is_live(write->old) ? key_in(write->old) : write->key))
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
		ths_table_give_row(table, write->row, write->copy);
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

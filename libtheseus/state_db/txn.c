/*
 * txn - one transaction per CPU: reads of one moment, private writes, an atomic end.
 *
 * After TL2 (Dice, Shalev, Shavit: Transactional Locking II, DISC 2006), with immutable
 * versions instead of words in place: a read needs no copy and no second look, and to
 * validate is to compare an address. Nesting is closed: a level's writes to rows that an
 * outer level wrote already go to an overlay, which is merged or dropped when the level
 * ends, so that the outer level's pointers stay good.
 *
 * Invariants
 *   X1  Every read was of the moment txn->clock, or the interaction was unwound (W1).
 *   X3  After conflict, drop or commit the record is as ths_txn_begin() wants it.
 *
 * How it ends well is in commit.c, with X2.
 *
 * Cost: O(writes so far) only where the filter hits.
 */
#include "state_db/names.h" /* first */
#include <theseus/point.h>
#include <theseus/string.h>
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

uint64_t ths_txn_key(struct ths_txn *txn, const struct ths_slot *slot,
		     const struct ths_version *present)
{
	const struct txn_write *own = find_write(txn, slot);

	if (!own)
		return version_key(present);
	while (own->under)
		own = &txn->write[own->under - 1];
	return key_of_write(own);
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
static enum ths_err make_room(struct ths_cpu *cpu)
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
	while (version && version->commit > txn->clock)
		version = version->older; /* of a hidden row there may have been none */
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

static size_t bytes_of(const struct ths_table *table, unsigned pool)
{
	return table ? data_bytes(table, pool) : ths_pool_bytes(pool);
}

/* The next version of a row: what it was before, or in the overlaid copy, and in the schema of
 * that; zeroes where nothing was, as only of a hidden one; nothing where nothing will be. */
static struct ths_version *make_copy(struct ths_cpu *cpu, const struct ths_table *table,
				     enum write_kind kind, unsigned pool,
				     const struct ths_version *from)
{
	struct ths_version *copy = ths_pool_take(cpu, pool);

	copy->generation = from ? from->generation : 1;
	copy->flags = 0;
	copy->schema = from ? from->schema : 0;
	if (kind == WRITE_FREE) {
		copy->generation++;
		copy->flags = VERSION_DEAD;
	} else if (from) {
		copy_data(copy, from, bytes_of(table, smaller_pool(from->pool, pool)));
	} else {
		memset(copy->data, 0, ths_pool_bytes(pool));
	}
	return copy;
}

static uint8_t special_of(const struct ths_table *table, enum write_kind kind)
{
	return kind == WRITE_CHANGE ? keyed_special(table) : SPECIAL;
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
	struct ths_version *copy = ths_pool_take(cpu, pool);

	copy->generation = tombstone->generation;
	copy->flags = 0;
	copy->schema = table->schema_version;
	memset(copy->data, 0, data_bytes(table, pool));
	note_write(&cpu->txn, table, slot, tombstone, copy, 0);
	cpu->txn.special |= SPECIAL | keyed_special(table);
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
		ths_table_give_back(cpu, write->table, write->row, write->old);
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
				  bytes_of(write->table, smaller_pool(under->copy->pool,
								      write->copy->pool)));
		under->copy->generation = write->copy->generation;
		under->copy->flags = write->copy->flags;
		ths_pool_give(cpu, write->copy);
		txn->overlays--;
		THS_POINT("state_db/merging");
	}
	txn->writes = (uint16_t)kept;
}

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

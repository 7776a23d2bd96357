/*
 * convert - a row in another schema than the one it stands in.
 *
 * While a table changes its schema (nano_core/migrate.c) its versions are of two kinds, and
 * so may be those who use it. Each version says which it is. A reader of the other kind
 * gets a copy, made for it and given back when the interaction ends; a writer gets its
 * private copy converted, so what it commits is of its own kind; the sweeper writes rows
 * for no other reason. So a row is converted by commit or not at all, and all that holds
 * of writing - conflicts, snapshots, sleep, reclamation - holds of converting.
 *
 * The function is the bearer's. It runs as a nested operation of that module (P18): its
 * fault ends at our frame and is charged to it. What it runs on is ours: versions taken
 * before. It may not write (it is pure); what it writes is dropped and an error.
 *
 * Invariants
 *   F1  A reader's copy is made from an immutable version, once an interaction; or from a
 *       write of its own interaction, then anew at each read, for it may have changed.
 *   F2  A copy in the making is on txn->converted, whatever becomes of the function: a
 *       deadline leaves no version behind.
 *   F3  An overlay that is merged is of the schema of what it overlays.
 *
 * Cost: a read O(copies of the interaction so far) + the function.
 */
#include "state_db/names.h" /* first */
#include <theseus/point.h>
#include <theseus/string.h>
#include "nano_core/nano_core_impl.h"
#include "state_db/txn_quick.h"

struct conversion {
	ths_migrate_fn *fn;
	const void *from;
	void *to;
};

static uint64_t run_fn(void *arg)
{
	struct conversion *conversion = arg;
	enum ths_err err;

	ths_arch_core_leave();
	err = conversion->fn(conversion->from, conversion->to);
	ths_arch_core_enter();
	return (uint64_t)(int64_t)err;
}

/* As a nested operation of @bearer's, that may write nothing. */
static enum ths_err run_as(struct ths_cpu *cpu, struct ths_instance *bearer,
			   struct conversion *conversion)
{
	struct ths_call *parent = cpu->call, *call = parent + 1;
	struct ths_instance *reader = cpu->serving;
	struct txn_mark mark = {cpu->txn.writes, cpu->txn.effects, cpu->txn.savepoint};
	int64_t outcome;

	if (parent->depth >= DEPTH_MAX)
		return THS_E_DEPTH; /* a migration function that reads rows */
	call->depth = DEPTH_MAX;
	call->instance = bearer;
	call->op = NULL;
	call->op_number = OPS_MAX;
	call->blob_held = call->blob_shared = call->device_held = false;
	cpu->txn.savepoint = cpu->txn.writes;
	cpu->call = call;
	cpu->serving = bearer;
	outcome = (int64_t)ths_arch_run(&call->frame, NULL, run_fn, conversion);
	cpu->call = parent;
	cpu->serving = reader;
	cpu->txn.savepoint = mark.savepoint;
	if (THS_UNLIKELY(cpu->txn.writes != mark.writes ||
			 cpu->txn.effects != mark.effects)) {
		ths_txn_rollback(cpu, &mark);
		outcome = THS_E_INTERNAL;
	}
	return outcome > 0 || outcome < THS_ERR_LAST ? THS_E_INTERNAL
						     : (enum ths_err)outcome;
}

/* @to, of the schema it is marked with, is made of @from. */
static enum ths_err fill(struct ths_cpu *cpu, struct ths_table *table,
			 const struct ths_version *from, struct ths_version *to)
{
	const struct ths_side *side = table->step.side, *other = side + 1;
	struct ths_instance *bearer = atomic_load(&table->step.bearer);
	struct conversion conversion = {.from = from->data, .to = to->data};

	if (side->version != to->schema)
		side = other--;
	if (!bearer || side->version != to->schema || other->version != from->schema ||
	    !side->fn)
		return THS_E_SCHEMA;
	conversion.fn = side->fn;
	memset(to->data, 0, (side->row_size + 7u) & ~7u);
	THS_TRY(run_as(cpu, bearer, &conversion));
	return (table->flags & THS_KEYED) && version_key(from) != version_key(to) ? THS_E_SCHEMA
									 : THS_OK;
}

static struct ths_version *push_copy(struct ths_cpu *cpu, struct ths_table *table,
				     const struct ths_version *from, uint16_t schema)
{
	struct ths_version *copy = ths_pool_take(cpu, table->pool);

	copy->commit = (uintptr_t)from;
	copy->older = cpu->txn.converted;
	copy->generation = from->generation;
	copy->flags = from->flags;
	copy->schema = schema;
	cpu->txn.converted = copy;
	cpu->txn.special |= SPECIAL; /* its end is ths_txn_special_holds(), or abandon() */
	cpu->txn.flags |= TXN_CONVERTED;
	return copy;
}

static struct ths_version *pop_copy(struct ths_cpu *cpu)
{
	struct ths_version *copy = cpu->txn.converted;

	cpu->txn.converted = copy->older;
	return copy;
}

static struct txn_write *write_of(struct ths_txn *txn, const struct ths_version *copy)
{
	for (unsigned i = txn->writes; i-- > 0;)
		if (txn->write[i].copy == copy)
			return &txn->write[i];
	return NULL;
}

/* Of @from, in the only schema that is not its own. */
static struct ths_version *find_copy(const struct ths_txn *txn, const struct ths_version *from)
{
	struct ths_version *copy = txn->converted;

	while (copy && copy->commit != (uintptr_t)from)
		copy = copy->older;
	return copy;
}

enum ths_err ths_convert_read(struct ths_cpu *cpu, struct ths_table *table,
			      const struct ths_version *from, uint16_t schema,
			      const struct ths_version **out)
{
	struct ths_version *copy = find_copy(&cpu->txn, from);
	enum ths_err err = THS_OK;

	if (!copy || write_of(&cpu->txn, from)) { /* F1 */
		copy = copy ? copy : push_copy(cpu, table, from, schema);
		err = fill(cpu, table, from, copy);
	}
	if (err)
		copy->commit = 0; /* it is nobody's copy */
	*out = copy;
	return err;
}

enum ths_err ths_convert_write(struct ths_cpu *cpu, struct ths_table *table,
			       uint16_t schema, struct ths_version **version)
{
	struct txn_write *write = write_of(&cpu->txn, *version);
	struct ths_version *copy = push_copy(cpu, table, *version, schema);
	enum ths_err err = fill(cpu, table, *version, copy);

	(void)pop_copy(cpu);
	if (err == THS_OK) {
		write->copy = copy;
		*version = copy;
		copy = (struct ths_version *)copy->commit;
	}
	ths_pool_give(cpu, copy);
	return err;
}

enum ths_err ths_convert_overlays(struct ths_cpu *cpu, const struct txn_mark *mark)
{
	struct ths_txn *txn = &cpu->txn;

	if (THS_LIKELY(!(txn->flags & TXN_CONVERTED)))
		return THS_OK;
	for (unsigned i = mark->writes; i < txn->writes; i++) {
		struct txn_write *write = &txn->write[i];
		struct ths_version *overlay = write->copy;
		uint16_t schema;

		if (!write->under || !ths_version_is_live(overlay))
			continue;
		schema = txn->write[write->under - 1].copy->schema;
		if (schema != overlay->schema)
			THS_TRY(ths_convert_write(cpu, write->table, schema, &overlay));
	}
	return THS_OK;
}

/* Whether it is to become of the table's schema and size class. */
static bool is_due(const struct ths_table *table, const struct ths_version *version)
{
	return ths_version_is_live(version) &&
	       (version->schema != table->schema_version || version->pool != table->pool);
}

/* The row's next version, with nothing in it so far. The interaction is the sweeper's: it
 * comes by each row once, so it has not been written before. */
static struct ths_version *write_blank(struct ths_cpu *cpu, struct ths_table *table,
				       struct ths_slot *slot, struct ths_version *old)
{
	struct ths_version *copy;

	if (THS_FAIL("alloc/version")) {
		cpu->refill_pool = table->pool;
		ths_txn_unwind(cpu, OUTCOME_REFILL);
	}
	copy = ths_pool_take(cpu, table->pool);
	copy->generation = old->generation;
	copy->flags = old->flags;
	copy->schema = table->schema_version;
	note_write(&cpu->txn, table, slot, old, copy, 0);
	cpu->txn.special |= SPECIAL;
	return copy;
}

enum ths_err ths_convert_row(struct ths_cpu *cpu, struct ths_table *table, uint32_t row)
{
	struct ths_slot *slot = table_slot(table, row);
	struct txn_mark mark = {cpu->txn.writes, cpu->txn.effects, cpu->txn.savepoint};
	struct ths_version *old, *copy;
	uintptr_t word;
	enum ths_err err;

	if (cpu->txn.writes == 0)
		THS_TRY(ths_txn_count(cpu, &table->step.turns)); /* vouches for what follows */
	word = atomic_load_explicit(&slot->word, memory_order_acquire);
	old = slot_version(word);
	if (!is_due(table, old))
		return THS_OK;
	if (THS_UNLIKELY((word & SLOT_LOCKED) || old->commit > cpu->txn.clock))
		ths_txn_unwind(cpu, OUTCOME_CONFLICT);
	copy = write_blank(cpu, table, slot, old);
	if (copy->schema == old->schema) {
		copy_data(copy, old, data_bytes(table, smaller_pool(copy->pool, old->pool)));
		return THS_OK;
	}
	err = fill(cpu, table, old, copy);
	if (err)
		ths_txn_rollback(cpu, &mark);
	return err;
}

void ths_convert_end(struct ths_cpu *cpu)
{
	while (cpu->txn.converted)
		ths_pool_give(cpu, pop_copy(cpu));
}

/* Where there is no way back, a row in the new schema bars it. */
void ths_convert_commit(const struct ths_txn *txn)
{
	for (unsigned i = 0; i < txn->writes; i++) {
		const struct txn_write *write = &txn->write[i];
		struct ths_step *step = write->table ? &write->table->step : NULL;

		if (step && atomic_load(&step->bearer) &&
		    write->copy->schema == step->side[1].version)
			atomic_store(&step->entered, true);
	}
}

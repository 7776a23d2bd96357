/*
 * db - the way to state_db.
 *
 * State_db can be replaced while it is in use, so nobody calls it by name. Each entry of
 * state_db/entries.def has a function of its name here, which calls the copy that the CPU's
 * record leads to. A CPU changes to another copy at its own depth 0, by itself; so a
 * transaction ends in the copy it began with.
 *
 * What does not change with state_db, since others than state_db know it, is here too: the
 * common look-up by key, quiescence, and the way out of a transaction.
 *
 * Invariant
 *   Y1  Nobody but state_db's own files calls its functions, or keeps their addresses,
 *       otherwise than through cpu->db.
 */
#include <theseus/string.h>
#include "nano_core/swap_impl.h"
#include "state_db/index_quick.h"

#define DB_ENTRY(type, name, params, args)                                               \
	type ths_##name params                                                           \
	{                                                                                \
		return ths_cpu()->db->name args;                                         \
	}
#include "state_db/entries.def"

/* The copy that is linked in, and its state: that lies here, so that it stays if the copy
 * goes. */
extern const struct ths_module ths_state_db_first_module;
struct db_state ths_state_state_db;

/* A CPU that comes to be served by whom the others are. */
void ths_db_attach(struct ths_cpu *cpu)
{
	if (!atomic_load(&ths_core.db))
		atomic_store(&ths_core.db, ths_state_db_first_module.state.entries);
	atomic_store(&cpu->db, atomic_load(&ths_core.db));
}

/* Where its code lies, if in pages of its own that can be given back. */
extern const uint8_t ths_state_db_start[] THS_WEAK, ths_state_db_text[] THS_WEAK,
	ths_state_db_text_end[] THS_WEAK, ths_state_db_end[] THS_WEAK;
extern const char ths_state_db_schema[] THS_WEAK, ths_state_db_schema_end[] THS_WEAK;

static void tell_where(struct ths_instance *instance)
{
	struct ths_schema *schema = &instance->tmod.schema;

	instance->rodata = (uintptr_t)ths_state_db_start;
	instance->rodata_size = (uintptr_t)(ths_state_db_text - ths_state_db_start);
	instance->text = (uintptr_t)ths_state_db_text;
	instance->text_size = (uintptr_t)(ths_state_db_text_end - ths_state_db_text);
	instance->pages = (uint32_t)((ths_state_db_end - ths_state_db_start) / THS_PAGE_SIZE);
	if (ths_schema_open(schema, ths_state_db_schema,
			    (size_t)(ths_state_db_schema_end - ths_state_db_schema)) == THS_OK)
		(void)!ths_schema_find(schema, THS_SCHEMA_STATE, instance->block->schema,
				       &instance->block->layout);
}

/* Boot: the linked-in copy becomes an instance like any other. */
enum ths_err ths_db_start(void)
{
	struct ths_instance *instance;

	THS_TRY(ths_share_init());
	THS_TRY(ths_instance_make(&ths_state_db_first_module, NULL, NULL, &instance, NULL));
	instance->fresh = false;
	if (ths_state_db_start)
		tell_where(instance);
	return ths_bind(instance->slot, "");
}

enum ths_err ths_row_find_(struct ths_call *call, unsigned table_number, uint64_t key,
			   uint32_t *row, const void **out)
{
	struct ths_cpu *cpu = ths_cpu();
	const void *data = NULL;

	(void)call;
	ths_arch_core_enter();
	if (THS_LIKELY(table_number < THS_TABLES_MAX))
		data = quick_find(cpu, cpu->serving->table[table_number], key, row);
	ths_arch_core_leave();
	if (THS_UNLIKELY(!data))
		return ths_row_find_slowly(table_number, key, row, out);
	*out = data;
	return THS_OK;
}

void ths_txn_unwind(struct ths_cpu *cpu, enum txn_outcome outcome)
{
	ths_arch_unwind(&cpu->calls[0].frame, (uint64_t)outcome);
}

/* ---- quiescence ---------------------------------------------------------------------- */

void ths_quiet_mark(struct quiet_mark *mark)
{
	for (unsigned i = 0; i < ths_core.cpus; i++)
		mark->activity[i] = atomic_load(&ths_core.cpu[i]->activity);
}

bool ths_quiet_passed(const struct quiet_mark *mark, unsigned self)
{
	for (unsigned i = 0; i < ths_core.cpus; i++) {
		if (i == self || mark->activity[i] % 2 == 0)
			continue;
		if (atomic_load(&ths_core.cpu[i]->activity) == mark->activity[i])
			return false;
	}
	return true;
}

/* To look at rows at depth 0: until the end no version is used again that is seen here, as
 * in an interaction. Interrupts are off, so that none finds this CPU busy and waits. */
bool ths_quiet_hold(struct ths_cpu *cpu)
{
	bool interrupts = ths_arch_irq_save();

	if (ths_cpu_is_inside(cpu))
		return interrupts;
	atomic_exchange(&cpu->activity, cpu->activity + 1);
	cpu->looking = true;
	return interrupts;
}

void ths_quiet_release(struct ths_cpu *cpu, bool interrupts)
{
	if (cpu->looking) {
		cpu->looking = false;
		atomic_store_explicit(&cpu->activity, cpu->activity + 1,
				      memory_order_release);
	}
	ths_arch_irq_restore(interrupts);
}

/* ---- images -------------------------------------------------------------------------- */

/* They call the caller's function, which may sleep: in their turn nobody swaps state_db. An
 * image is of one schema a table. */
enum ths_err ths_save(ths_save_sink *sink, void *ctx, const uint8_t key[THS_SAVE_KEY])
{
	enum ths_err err;

	if (ths_cpu_is_inside(ths_cpu()))
		return THS_E_PERM;
	THS_TRY(ths_loader_enter());
	err = ths_sweep_all(THS_PERSIST);
	if (err == THS_OK)
		err = ths_save_image(sink, ctx, key);
	ths_loader_leave();
	return err;
}

enum ths_err ths_restore(ths_save_source *source, void *ctx, const uint8_t key[THS_SAVE_KEY],
			 struct ths_reason *reason)
{
	struct ths_reason unread;
	enum ths_err err;

	reason = reason ? reason : &unread;
	reason->text[0] = 0;
	if (ths_cpu_is_inside(ths_cpu())) {
		(void)!ths_str_copy(reason->text, sizeof(reason->text),
				    "an interaction cannot restore");
		return THS_E_PERM;
	}
	THS_TRY(ths_loader_enter());
	err = ths_sweep_all(THS_PERSIST);
	if (err)
		(void)!ths_str_copy(reason->text, sizeof(reason->text),
				    "rows are on their way to another schema");
	else
		err = ths_restore_image(source, ctx, key, reason);
	ths_loader_leave();
	return err;
}

enum ths_err ths_save_to_memory(void *ctx, const void *data, size_t size)
{
	struct ths_save_memory *memory = ctx;

	if (size > memory->size - memory->at)
		return THS_E_FULL;
	memcpy(memory->data + memory->at, data, size);
	memory->at += size;
	return THS_OK;
}

enum ths_err ths_save_from_memory(void *ctx, void *data, size_t size)
{
	struct ths_save_memory *memory = ctx;

	if (size > memory->size - memory->at)
		return THS_E_FORMAT;
	memcpy(data, memory->data + memory->at, size);
	memory->at += size;
	return THS_OK;
}

/*
 * module_iface - `module/1`: any module's name, version, state and statistics, from its
 * descriptor. nano_core is the one provider; no module has code for this.
 *
 * What it tells lies in nano_core's arrays, not in rows: a snapshot of each entry, good
 * for looking at.
 */
#include <theseus/iface/module.h>
#include <theseus/string.h>
#include "nano_core/swap_impl.h"

static void copy_name(char *to, const char *from)
{
	(void)!ths_str_copy(to, THS_NAME_MAX, from);
}

static void tell_instance(const struct ths_instance *instance, struct module_info *arg)
{
	const struct ths_module *module = instance->module;

	arg->slot = instance->slot;
	arg->generation = instance->generation;
	copy_name(arg->id, module->id);
	copy_name(arg->name, instance->name);
	copy_name(arg->provides, module->provides.iface->name);
	arg->version = module->provides.iface->version;
	arg->major = module->major;
	arg->minor = module->minor;
	arg->state = (uint16_t)(ths_is_on_probation(instance) ? THS_INSTANCE_PROBATION
							      : instance->state);
	arg->text = instance->text;
	arg->text_size = instance->text_size;
	arg->faults = atomic_load(&((struct ths_instance *)(uintptr_t)instance)->faults);
	arg->calls = ths_instance_calls(instance);
}

static enum ths_err module_info_op(struct ths_call *call, struct module_info *arg)
{
	(void)call;
	for (uint32_t i = arg->slot + 1; i < ths_instances(); i++) {
		if (ths_core.instance[i].state == THS_INSTANCE_FREE)
			continue;
		tell_instance(&ths_core.instance[i], arg);
		return THS_OK;
	}
	return THS_E_NOENT;
}

static enum ths_err module_binding_op(struct ths_call *call, struct module_binding *arg)
{
	uint32_t slot = arg->slot == THS_ROW_NONE ? 1 : arg->slot + 1; /* 0: nobody's */
	const struct ths_binding *binding;
	const struct ths_instance *instance;

	(void)call;
	if (slot >= BINDINGS_MAX || ths_core.binding[slot].generation == 0)
		return THS_E_NOENT;
	binding = &ths_core.binding[slot];
	instance = ths_binding_instance(binding);
	arg->slot = slot;
	arg->instance = instance ? instance->slot : THS_ROW_NONE;
	copy_name(arg->iface, binding->iface);
	copy_name(arg->name, binding->name);
	arg->version = binding->version;
	arg->published = binding->published;
	return THS_OK;
}

static enum ths_err module_table_op(struct ths_call *call, struct module_table *arg)
{
	(void)call;
	for (uint32_t i = arg->slot + 1; i < atomic_load(&ths_core.tables); i++) {
		struct ths_table *table = &ths_core.table[i];

		if (!table->schema[0])
			continue;
		arg->slot = i;
		arg->flags = table->flags;
		copy_name(arg->schema, table->schema);
		arg->row_size = table->row_size;
		arg->rows = atomic_load(&table->live);
		arg->commits = atomic_load(&table->commits);
		return THS_OK;
	}
	return THS_E_NOENT;
}

static enum ths_err module_selftest_op(struct ths_call *call, struct module_name *arg)
{
	struct ths_cpu *cpu = ths_cpu();
	struct ths_instance *instance;
	uint32_t slot;
	enum ths_err err;

	arg->name[THS_NAME_MAX - 1] = 0;
	THS_TRY(ths_module_find(arg->name, &slot));
	instance = &ths_core.instance[slot];
	if (!instance->module->selftest)
		return THS_E_NOSYS;
	cpu->call->instance = cpu->serving = instance; /* it runs in the tested module's name */
	err = instance->module->selftest(call);
	cpu->call->instance = cpu->serving = &ths_core.instance[0];
	if (err && ths_is_on_probation(instance) && ths_txn_validate(&cpu->txn))
		ths_probation_condemn(instance);
	return err;
}

static enum ths_err module_rollback_op(struct ths_call *call, struct module_name *arg)
{
	struct ths_reason unread;
	uint32_t slot;

	(void)call;
	arg->name[THS_NAME_MAX - 1] = 0;
	THS_TRY(ths_swap_find(arg->name, &slot, &unread));
	return ths_is_on_probation(&ths_core.instance[slot])
		       ? ths_effect_rollback(ths_cpu(), slot)
		       : THS_E_NOENT;
}

static enum ths_err module_fault_op(struct ths_call *call, struct module_fault *arg)
{
	const struct module_fault *newest, *entry;
	uint64_t next = arg->number + 1;

	THS_TRY(ths_row_read(call, NANO_CORE_FAULTS, 0, &newest));
	if (next > newest->number)
		return arg->wait ? THS_E_AGAIN : THS_E_NOENT;
	if (newest->number - next >= MODULE_FAULTS)
		next = newest->number - MODULE_FAULTS + 1;
	THS_TRY(ths_row_read(call, NANO_CORE_FAULTS, 1 + next % MODULE_FAULTS, &entry));
	*arg = *entry;
	return THS_OK;
}

/* ---- state: whose, and where ------------------------------------------------------------ */

static const struct ths_instance *instance_at(uint32_t slot)
{
	return slot < ths_instances() && ths_core.instance[slot].state != THS_INSTANCE_FREE
		       ? &ths_core.instance[slot]
		       : NULL;
}

/* What the page tables say, whatever the file said. */
static uint64_t writable_pages(const struct ths_instance *instance)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < instance->pages; i++) {
		ths_paddr_t paddr;
		enum ths_prot prot;

		if (ths_arch_lookup(instance->text + (uint64_t)i * THS_PAGE_SIZE, &paddr,
				    &prot) &&
		    prot == THS_PROT_RW)
			count++;
	}
	return count;
}

static enum ths_err module_memory_op(struct ths_call *call, struct module_memory *arg)
{
	const struct ths_instance *instance = instance_at(arg->slot);

	(void)call;
	if (!instance)
		return THS_E_NOENT;
	arg->linked = instance->pages == 0;
	arg->text = instance->text_size;
	arg->rodata = instance->rodata_size - instance->tmod.spill_size;
	arg->writable = instance->tmod.spill_size;
	arg->writable_pages = writable_pages(instance);
	arg->block = instance->block ? instance->block->layout.size : 0;
	return THS_OK;
}

static enum ths_err module_works_on_op(struct ths_call *call, struct module_works_on *arg)
{
	const struct ths_instance *instance = instance_at(arg->slot);

	(void)call;
	for (uint32_t i = arg->number + 1; instance && i < THS_TABLES_MAX; i++) {
		if (!instance->module->tables[i].schema)
			continue;
		arg->number = i;
		arg->table = (uint32_t)(instance->table[i] - ths_core.table);
		copy_name(arg->schema, instance->module->tables[i].schema);
		return THS_OK;
	}
	return THS_E_NOENT;
}

static enum ths_err module_use_op(struct ths_call *call, struct module_use *arg)
{
	const struct ths_instance *instance = instance_at(arg->slot);

	(void)call;
	for (uint32_t i = arg->number + 1; instance && i < THS_USES_MAX; i++) {
		const struct ths_use *use = &instance->module->uses[i];

		if (!use->iface)
			continue;
		arg->number = i;
		arg->version = use->iface->version;
		arg->optional = use->optional;
		copy_name(arg->iface, use->iface->name);
		copy_name(arg->name, use->instance ? use->instance : "");
		return THS_OK;
	}
	return THS_E_NOENT;
}

static enum ths_err module_share_op(struct ths_call *call, struct module_share *arg)
{
	(void)call;
	return ths_share_next(arg) ? THS_OK : THS_E_NOENT;
}

static enum ths_err module_client_op(struct ths_call *call, struct module_client *arg)
{
	(void)call;
	return ths_quota_next(arg) ? THS_OK : THS_E_NOENT;
}

static enum ths_err module_pool_op(struct ths_call *call, struct module_pool *arg)
{
	const struct ths_cpu *cpu = ths_cpu();
	uint32_t pool = arg->pool + 1;

	(void)call;
	if (pool >= POOLS)
		return THS_E_NOENT;
	*arg = (struct module_pool){.pool = pool,
				    .bytes = ths_pool_bytes(pool),
				    .pages = cpu->pool_pages[pool],
				    .reserve = ths_memory_reserve(),
				    .tables = ths_memory_tables()};
	for (const struct ths_version *at = cpu->pool[pool]; at; at = at->older)
		arg->spare++;
	for (uint32_t i = 0; i < cpu->limbo_count; i++)
		arg->limbo += cpu->limbo[i]->pool == pool;
	return THS_OK;
}

THS_MODULE(nano_core, "nano_core", 1, 0,
	   THS_PROVIDES(module, .info = module_info_op, .binding = module_binding_op,
			.table = module_table_op, .selftest = module_selftest_op,
			.memory = module_memory_op, .works_on = module_works_on_op,
			.share = module_share_op, .pool = module_pool_op,
			.rollback = module_rollback_op, .fault = module_fault_op,
			.client = module_client_op, .use = module_use_op),
	   THS_TABLE(NANO_CORE_FAULTS, "nano_core.fault/1", struct module_fault,
		     .rows = 1 + MODULE_FAULTS, .flags = THS_FIXED));

const struct ths_module *ths_nano_core_module(void)
{
	return &ths_module_nano_core;
}

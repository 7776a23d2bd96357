/*
 * instance - a module at work: its operations laid out for the gate, its tables open, its
 * references kept; and bindings, which say whom an interface leads to.
 *
 * A binding is never freed; its provider is a row, changed by commit like any other (P17).
 * So a call reads whom it calls, and is run again if that changed before it was done.
 *
 * Invariants
 *   C1  An instance that could not be made leaves nothing: no table, no slot.
 *   C2  A required use is bound, in its version and with its operations as they are, when
 *       the instance is made. (Later it may die: then calls say THS_E_UNAVAIL.)
 *   C3  Who is bound was started first, if any of its tables is new.
 *
 * Context: depth 0, one loader at a time, unless said otherwise.
 */
#include <theseus/fmt.h>
#include <theseus/point.h>
#include <theseus/string.h>
#include "base/blob_impl.h"
#include "nano_core/swap_impl.h"
#include "nano_core/tmod_impl.h"

/* ---- references -------------------------------------------------------------------- */

bool ths_iface_agrees(const struct ths_iface *user, const struct ths_iface *provider)
{
	unsigned ops = user->ops < provider->ops ? user->ops : provider->ops;

	for (unsigned i = 0; i < ops; i++)
		if (user->info[i].args_size != provider->info[i].args_size ||
		    user->info[i].flags != provider->info[i].flags ||
		    !ths_streq(user->info[i].name, provider->info[i].name))
			return false;
	return true;
}

bool ths_iface_extends(const struct ths_iface *iface, const struct ths_iface *as)
{
	return ths_streq(iface->name, as->name) && iface->version == as->version &&
	       iface->ops >= as->ops && ths_iface_agrees(as, iface);
}

/* In the version asked for, or in another if there is no such. */
enum ths_err ths_binding_find(const struct ths_iface *iface, const char *name,
			      struct ths_binding **out)
{
	struct ths_binding *found = NULL;

	for (unsigned i = 1; i < BINDINGS_MAX; i++) {
		struct ths_binding *binding = &ths_core.binding[i];

		if (binding->generation == 0)
			break;
		if (binding->behind || !ths_streq(binding->iface, iface->name) ||
		    !ths_streq(binding->name, name))
			continue;
		if (!found || binding->version == iface->version)
			found = binding;
		if (binding->version == iface->version)
			break;
	}
	if (!found)
		return THS_E_UNAVAIL;
	*out = found;
	return THS_OK;
}

/* Inside an interaction: finds the binding the reference means. */
enum ths_err ths_ref_resolve(struct ths_ref *ref)
{
	struct ths_binding *binding;
	const struct ths_instance *instance;

	if (!ref->iface)
		return THS_E_STALE; /* a bare binding number that is no longer true */
	THS_TRY(ths_binding_find(ref->iface, ref->instance, &binding));
	instance = ths_binding_server(binding);
	if (!instance)
		return THS_E_UNAVAIL;
	if (binding->version != ref->iface->version ||
	    !ths_iface_agrees(ref->iface, instance->module->provides.iface))
		return THS_E_VERSION;
	__atomic_store_n(&ref->binding, ths_binding_at(binding), __ATOMIC_RELAXED);
	__atomic_store_n(&ref->generation, binding->generation, __ATOMIC_RELAXED);
	return THS_OK;
}

/* ---- making an instance --------------------------------------------------------------- */

static enum ths_err refuse(struct ths_reason *reason, enum ths_err err, const char *id,
			   const char *what, const char *name)
{
	if (reason)
		(void)ths_format(reason->text, sizeof(reason->text), "%s: %s %s", id, what,
				 name);
	return err;
}

static enum ths_err check_descriptor(const struct ths_module *module,
				     struct ths_reason *reason)
{
	const char *id = module->id ? module->id : "?";

	THS_TRY(ths_abi_check(module->abi, module->size, id, reason));
	if (!module->id || ths_strlen(module->id) >= THS_NAME_MAX)
		return refuse(reason, THS_E_FORMAT, "?", "has no proper", "id");
	for (unsigned i = 0; module->provides.iface && i < module->provides.iface->ops; i++)
		if (module->provides.iface->info[i].args_size > THS_ARGS_MAX ||
		    module->provides.iface->info[i].args_size % 8)
			return refuse(reason, THS_E_SIZE, id, "has oversized arguments in",
				      module->provides.iface->info[i].name);
	if (!module->provides.iface || !module->provides.ops ||
	    module->provides.iface->ops > OPS_MAX)
		return refuse(reason, THS_E_FORMAT, id, "provides", "no proper interface");
	return THS_OK;
}

/* Its way through gate.S, where there is one. */
void ths_op_choose_path(struct instance_op *op)
{
	const struct gate_paths *paths = &ths_gate_paths;

	if (!paths)
		return;
	if (!op->fn || (op->flags & (THS_OP_DEVICE | OP_PASS)) ||
	    ((op->flags & THS_OP_BLOB) && ths_core.cpus > 1)) {
		op->enter = paths->enter_portable;
	} else if (op->flags & THS_OP_BLOB) {
		op->enter = paths->enter_blob;
		op->leave = paths->leave_blob;
	} else if (ths_core.cpus > 1) {
		op->enter = paths->enter_shared;
		op->leave = paths->leave_shared;
	} else {
		op->enter = paths->in[op->args_size / 8];
		op->leave = paths->out[op->out_size / 8];
	}
}

static void lay_out_ops(struct ths_instance *instance)
{
	const struct ths_module *module = instance->module;
	const struct ths_iface *iface = module->provides.iface;
	ths_op_fn *const *fn = module->provides.ops;

	instance->ops = iface->ops;
	for (unsigned i = 0; i < iface->ops; i++) {
		struct instance_op *op = &instance->op[i];

		op->fn = fn[i];
		op->number = (uint8_t)i;
		op->args_size = iface->info[i].args_size;
		op->flags = (uint8_t)iface->info[i].flags;
		op->out_size = op->flags & THS_OP_IN ? 0 : op->args_size;
		op->budget = (uint16_t)module->budget_ticks;
		ths_op_choose_path(op);
	}
	for (unsigned i = 0; i < THS_IRQS_MAX; i++)
		instance->has_lines |= module->irqs[i].used;
}

uint64_t ths_instance_calls(const struct ths_instance *instance)
{
	uint64_t calls = 0;

	for (unsigned i = 0; i < ths_core.cpus; i++)
		calls += __atomic_load_n(&instance->calls[i], __ATOMIC_RELAXED);
	return calls;
}

static void lay_out_blobs(struct ths_instance *instance)
{
	for (unsigned i = 0; i < THS_BLOBS_MAX; i++) {
		const struct ths_blob_decl *decl = &instance->module->blobs[i];
		struct instance_blob *blob = &instance->blob[i];

		blob->quick = UINT64_MAX; /* as no blob is */
		if (!decl->type)
			continue;
		blob->type = ths_blob_type(decl->type, &blob->schema);
		blob->size = decl->size;
		if (!&ths_gate_paths || decl->size % 8 || decl->size > THS_ARGS_MAX)
			continue;
		blob->quick = blob->type;
		blob->in = ths_gate_paths.blob_in[decl->size / 8];
		blob->out = ths_gate_paths.blob_out[decl->size / 8];
	}
}

static enum ths_err resolve_uses(struct ths_instance *instance, struct ths_reason *reason)
{
	const struct ths_module *module = instance->module;

	for (unsigned i = 0; i < THS_USES_MAX; i++) {
		const struct ths_use *use = &module->uses[i];
		enum ths_err err;

		if (!use->iface)
			continue;
		instance->use[i] = (struct ths_ref){use->iface, use->instance, 0, 1, 0};
		err = ths_ref_resolve(&instance->use[i]);
		if (ths_core.evolving)
			continue; /* evolve.c asks when all are there */
		if (err == THS_E_VERSION)
			return ths_use_refuse(module->id, use, reason);
		if (err && !use->optional)
			return refuse(reason, THS_E_USES, module->id,
				      "uses an interface that is not bound:",
				      use->iface->name);
	}
	return THS_OK;
}

/* @table is there, and declared otherwise: how. */
static enum ths_err refuse_table(const struct ths_module *module,
				 const struct ths_table_decl *decl,
				 const struct ths_table *table, struct ths_reason *reason)
{
	uint16_t version = ths_schema_number(decl->schema);
	uint32_t size = ths_table_size_in(table, version);

	if (table->rows != ths_declared_rows(decl))
		return ths_tmod_refuse(reason, THS_E_SCHEMA,
				       "%s: %s: %u rows here, %u in the table", module->id,
				       decl->schema, ths_declared_rows(decl), table->rows);
	if (table->flags != ths_declared_flags(decl))
		return ths_tmod_refuse(reason, THS_E_SCHEMA,
				       "%s: %s: flags 0x%x here, 0x%x in the table", module->id,
				       decl->schema, ths_declared_flags(decl), table->flags);
	if (size && size != decl->row_size)
		return ths_tmod_refuse(reason, THS_E_SCHEMA,
				       "%s: %s: rows of %u bytes here, %u in the table",
				       module->id, decl->schema, decl->row_size, size);
	return ths_tmod_refuse(reason, THS_E_SCHEMA,
			       "%s: %s: the table is %s, and no migration leads there",
			       module->id, decl->schema, table->schema);
}

static enum ths_err open_table(struct ths_instance *instance, unsigned number,
			       struct ths_reason *reason)
{
	const struct ths_module *module = instance->module;
	const struct ths_table_decl *decl = &module->tables[number];
	const char *owner = decl->flags & THS_PER_INSTANCE ? instance->name : "";
	struct ths_table *table = NULL;
	bool made = false;
	enum ths_err err = ths_table_open(decl, owner, &table, &made);

	THS_POINT("instance/table-opened");
	instance->schema[number] = ths_schema_number(decl->schema);
	if (err == THS_E_VERSION) {
		instance->table[number] = table;
		if (ths_migrate_is_possible(instance, table, decl))
			return THS_OK;
		err = THS_E_SCHEMA;
	}
	if (err == THS_E_SCHEMA)
		return refuse_table(module, decl, table, reason);
	if (err)
		return refuse(reason, err, module->id, "cannot open table", decl->schema);
	if (!table->layout.text)
		table->layout = instance->layout[number];
	instance->table[number] = table;
	instance->fresh |= made;
	instance->made |= (uint8_t)(made << number);
	return THS_OK;
}

static enum ths_err open_tables(struct ths_instance *instance, struct ths_reason *reason)
{
	bool any = false;

	for (unsigned i = 0; i < THS_TABLES_MAX; i++) {
		instance->table[i] = &ths_core.no_table;
		if (!instance->module->tables[i].schema)
			continue;
		any = true;
		THS_TRY(open_table(instance, i, reason));
	}
	instance->fresh |= !any;
	return THS_OK;
}

/* Tables let go, slot free. Its memory is the loader's affair. */
void ths_instance_drop(struct ths_instance *instance)
{
	uint32_t generation = instance->generation;
	uint32_t slot = instance->slot;

	ths_instance_close(instance);
	ths_meta_detach(instance);
	memset(instance, 0, sizeof(*instance));
	instance->generation = generation + 1;
	instance->slot = slot;
}

/* Of a module whose descriptor was checked, or is ours. @tmod: the file it is from; NULL:
 * it is linked in, and its layouts are not known. */
enum ths_err ths_instance_make(const struct ths_module *module, const struct ths_tmod *tmod,
			       const char *name, struct ths_instance **out,
			       struct ths_reason *reason)
{
	struct ths_instance *instance = ths_slot_find_free();
	enum ths_err err;

	name = name ? name : module->id;
	if (ths_strlen(name) >= THS_NAME_MAX)
		return refuse(reason, THS_E_INVAL, module->id, "name too long:", name);
	if (!instance)
		return refuse(reason, THS_E_FULL, module->id, "no room for", "an instance");
	instance->module = module;
	(void)!ths_str_copy(instance->name, sizeof(instance->name), name);
	if (tmod)
		instance->tmod = *tmod;
	lay_out_ops(instance);
	lay_out_blobs(instance);
	err = ths_layouts_check(instance, reason);
	ths_loader_work(1600);
	if (err == THS_OK)
		err = resolve_uses(instance, reason);
	if (err == THS_OK)
		err = open_tables(instance, reason);
	if (err == THS_OK && module->state.schema && !tmod)
		err = ths_meta_attach_linked(instance);
	ths_loader_work(1600);
	if (err) {
		ths_instance_drop(instance);
		return err;
	}
	THS_POINT("instance/before-loaded");
	instance->state = THS_INSTANCE_LOADED; /* others have run since; now they see it */
	*out = instance;
	return THS_OK;
}

/* Nobody else may have the name, and the policy is asked. */
enum ths_err ths_instance_new(const struct ths_module *module, const struct ths_tmod *tmod,
			      const char *name, struct ths_instance **out,
			      struct ths_reason *reason)
{
	uint32_t taken;

	THS_TRY(check_descriptor(module, reason));
	name = name ? name : module->id;
	if (ths_module_find(name, &taken) == THS_OK)
		return refuse(reason, THS_E_EXIST, module->id, "an instance is named", name);
	THS_TRY(ths_policy_admit(module, tmod, name, reason));
	return ths_instance_make(module, tmod, name, out, reason);
}

enum ths_err ths_module_add(const struct ths_module *module, const char *name,
			    uint32_t *slot, struct ths_reason *reason)
{
	struct ths_instance *instance;
	enum ths_err err;

	THS_TRY(ths_loader_enter());
	err = ths_instance_new(module, NULL, name, &instance, reason);
	ths_loader_leave();
	if (err == THS_OK)
		*slot = instance->slot;
	return err;
}

/* ---- calls that are nobody's ------------------------------------------------------------ */

static enum ths_err run_start(struct ths_call *call, void *args)
{
	(void)args;
	return call->instance->module->start(call);
}

static enum ths_err run_reread(struct ths_call *call, void *args)
{
	const uint64_t *number = args;

	return call->instance->module->tables[*number].reread(call);
}

static enum ths_err run_recover(struct ths_call *call, void *args)
{
	(void)args;
	return call->instance->module->recover(call, &call->instance->faulted);
}

static enum ths_err run_adopt(struct ths_call *call, void *args)
{
	(void)args;
	return call->instance->module->state.adopt(call);
}

static enum ths_err run_selftest(struct ths_call *call, void *args)
{
	(void)args;
	return call->instance->module->selftest(call);
}

static enum ths_err invoke_fn(struct ths_instance *instance, ths_op_fn *fn, uint16_t flags)
{
	struct instance_op op = {.fn = fn, .flags = (uint8_t)flags,
				 .budget = instance->module->budget_ticks};
	struct ths_invoke invoke = {.instance = instance, .given = &op};

	return ths_invoke(&invoke);
}

static uint16_t device_flag(const struct ths_instance *instance)
{
	for (unsigned i = 0; i < THS_PORTS_MAX; i++)
		if (instance->module->ports[i].count)
			return THS_OP_DEVICE;
	return 0;
}

enum ths_err ths_invoke_start(struct ths_instance *instance)
{
	return instance->module->start
		       ? invoke_fn(instance, run_start, device_flag(instance))
		       : THS_OK;
}

/* Each hardware table is made to say again what the device does. The first error; the
 * others are tried all the same. */
enum ths_err ths_invoke_reread(struct ths_instance *instance)
{
	struct instance_op op = {.fn = run_reread, .flags = THS_OP_DEVICE,
				 .args_size = sizeof(uint64_t),
				 .budget = instance->module->budget_ticks};
	enum ths_err first = THS_OK;

	for (uint64_t i = 0; i < THS_TABLES_MAX; i++) {
		struct ths_invoke invoke = {.instance = instance, .given = &op, .args = &i};
		enum ths_err err = THS_OK;

		if (instance->module->tables[i].reread)
			err = ths_invoke(&invoke);
		if (!first)
			first = err;
	}
	return first;
}

enum ths_err ths_invoke_recover(struct ths_instance *instance)
{
	return invoke_fn(instance, run_recover, THS_OP_DEVICE);
}

enum ths_err ths_invoke_adopt(struct ths_instance *instance)
{
	return instance->module->state.adopt ? invoke_fn(instance, run_adopt, 0) : THS_OK;
}

enum ths_err ths_invoke_selftest(struct ths_instance *instance)
{
	return instance->module->selftest ? invoke_fn(instance, run_selftest, 0) : THS_OK;
}

/* An operation without arguments, of this very instance if it is still the one. */
enum ths_err ths_invoke_op(struct ths_instance *instance, uint32_t op)
{
	struct ths_no_args args = {0};
	struct ths_invoke invoke = {.instance = instance, .given = &instance->op[op],
				    .op_number = op, .args = &args};

	if (atomic_load(&instance->heir))
		return THS_E_STALE; /* the kick is passed on at the next tick */
	if (instance->state != THS_INSTANCE_BOUND || op >= instance->ops)
		return THS_OK;
	return ths_invoke(&invoke);
}

/* ---- publishing ------------------------------------------------------------------------- */

struct change {
	enum ths_err (*fn)(struct ths_cpu *, void *);
	void *arg;
};

static enum ths_err run_change(struct ths_call *call, void *args)
{
	const struct change *change = args;
	struct ths_cpu *cpu = ths_cpu();
	enum ths_err err;

	(void)call;
	ths_arch_core_enter();
	cpu->txn.flags |= TXN_PUBLISH;
	err = change->fn(cpu, change->arg);
	ths_arch_core_leave();
	return err;
}

enum ths_err ths_publish(enum ths_err (*fn)(struct ths_cpu *, void *), void *arg)
{
	static struct instance_op op = {.fn = run_change,
					.args_size = sizeof(struct change)};
	struct change change = {fn, arg};
	struct ths_invoke invoke = {.instance = &ths_core.instance[0], .given = &op,
				    .args = &change};

	return ths_invoke(&invoke);
}

enum ths_err ths_provider_write(struct ths_cpu *cpu, struct ths_binding *binding,
				struct ths_instance *instance)
{
	struct ths_version *version;
	struct provider *provider;

	THS_TRY(ths_txn_write_hidden(cpu, &binding->slot, ths_pool_of(sizeof(*provider)),
				     &version));
	version->flags = instance ? 0 : VERSION_DEAD;
	provider = (struct provider *)(void *)version->data;
	provider->ops = instance ? instance->ops : 0;
	provider->instance = instance;
	if (instance)
		ths_serves_note(instance, binding);
	return THS_OK;
}

struct set_provider {
	struct ths_binding *binding;
	struct ths_instance *instance;
};

static enum ths_err set_provider(struct ths_cpu *cpu, void *arg)
{
	const struct set_provider *set = arg;

	return ths_provider_write(cpu, set->binding, set->instance);
}

struct ths_binding *ths_binding_make(const char *iface, uint32_t version,
				     const char *name, bool behind)
{
	for (unsigned i = THS_FAIL("alloc/binding") ? BINDINGS_MAX : 1; i < BINDINGS_MAX;
	     i++) {
		struct ths_binding *binding = &ths_core.binding[i];

		if (binding->generation)
			continue;
		if (ths_str_copy(binding->iface, sizeof(binding->iface), iface) ||
		    ths_str_copy(binding->name, sizeof(binding->name), name))
			return NULL;
		binding->version = version;
		binding->behind = behind;
		atomic_store(&binding->slot.word, (uintptr_t)ths_core.nobody);
		binding->generation = 2;
		return binding;
	}
	return NULL;
}

struct ths_binding *ths_binding_for(const struct ths_iface *iface, const char *name)
{
	struct ths_binding *binding;

	if (ths_binding_find(iface, name, &binding) == THS_OK &&
	    binding->version == iface->version)
		return binding;
	return ths_binding_make(iface->name, iface->version, name, false);
}

static bool is_bound_somewhere(const struct ths_instance *instance)
{
	for (unsigned i = 0; i < BINDINGS_MAX; i++)
		if (ths_core.binding[i].generation &&
		    ths_binding_instance(&ths_core.binding[i]) == instance)
			return true;
	return false;
}

/* Lines first, for after the publication nothing may fail; interrupts' work waits, or it
 * would meet a line that leads to nobody. */
static enum ths_err publish_with_lines(struct set_provider *set, struct ths_binding *binding)
{
	struct ths_cpu *cpu = ths_cpu();
	uint32_t attached;
	enum ths_err err;

	ths_section_enter(cpu);
	err = ths_lines_attach(set->instance, binding, &attached);
	THS_POINT("bind/lines-attached");
	if (err == THS_OK)
		err = ths_publish(set_provider, set);
	if (err)
		ths_lines_detach(set->instance, binding, attached);
	ths_section_leave(cpu);
	return err;
}

/* A controller that cannot attach all lines is none. */
static enum ths_err attach_or_unbind(struct set_provider *set)
{
	struct ths_instance *instance = set->instance;
	enum ths_err err = ths_lines_attach_all();

	if (err == THS_OK)
		return THS_OK;
	THS_POINT("bind/not-all-lines");
	set->instance = NULL;
	if (ths_publish(set_provider, set) != THS_OK) {
		ths_logf("%s stays bound without all lines: %s", instance->name,
			 ths_err_text(err));
		return THS_OK;
	}
	if (!is_bound_somewhere(instance))
		instance->state = THS_INSTANCE_LOADED;
	return err;
}

static enum ths_err bind_locked(struct ths_instance *instance, const char *name)
{
	struct set_provider set = {.instance = instance};
	struct ths_instance *front;
	struct ths_binding *binding;
	const struct ths_iface *iface;

	if (instance->state != THS_INSTANCE_LOADED &&
	    instance->state != THS_INSTANCE_BOUND)
		return THS_E_NOENT;
	if (!ths_meta_may_be_bound(instance))
		return THS_E_PERM;
	iface = instance->module->provides.iface;
	binding = ths_binding_for(iface, name ? name : "");
	if (!binding)
		return THS_E_FULL;
	set.binding = ths_binding_end(binding);
	if (ths_binding_instance(set.binding))
		return THS_E_EXIST;
	front = ths_binding_instance(binding); /* an interposer */
	if (front && !ths_interpose_fits(front, instance))
		return THS_E_VERSION;
	if (ths_migrate_needed(instance))
		return THS_E_SCHEMA; /* a change of schema is a swap's */
	if (instance->fresh)
		THS_TRY(ths_invoke_start(instance));
	instance->fresh = false;
	THS_POINT("bind/before-publish");
	THS_TRY(publish_with_lines(&set, binding));
	THS_POINT("bind/after-publish");
	binding->published++;
	instance->state = THS_INSTANCE_BOUND;
	return ths_streq(iface->name, "irq") ? attach_or_unbind(&set) : THS_OK;
}

enum ths_err ths_bind(uint32_t slot, const char *name)
{
	enum ths_err err;

	if (slot >= ths_instances())
		return THS_E_NOENT;
	THS_TRY(ths_loader_enter());
	err = bind_locked(&ths_core.instance[slot], name);
	ths_loader_leave();
	return err;
}

static enum ths_err unbind_locked(const struct ths_iface *iface, const char *name)
{
	struct set_provider set = {0};
	struct ths_instance *before;

	if (ths_binding_find(iface, name ? name : "", &set.binding))
		return THS_E_NOENT;
	set.binding = ths_binding_end(set.binding);
	before = ths_binding_instance(set.binding);
	if (!before)
		return THS_E_NOENT;
	if (ths_meta_must_stay(before))
		return THS_E_PERM;
	THS_POINT("unbind/before-publish");
	THS_TRY(ths_publish(set_provider, &set));
	THS_POINT("unbind/after-publish");
	if (!is_bound_somewhere(before)) {
		ths_probation_end(before);
		before->state = THS_INSTANCE_LOADED;
		ths_migrate_unbound();
	}
	return THS_OK;
}

enum ths_err ths_unbind(const struct ths_iface *iface, const char *name)
{
	enum ths_err err;

	THS_TRY(ths_loader_enter());
	err = unbind_locked(iface, name);
	ths_loader_leave();
	return err;
}

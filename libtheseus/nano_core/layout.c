/*
 * layout - does a module mean the same by a row, a blob, an argument as those it meets?
 *
 * A module file says how its types lie in memory (<theseus/schema.h>). When an instance is
 * made, that is held against the descriptor first: what is not described could not be
 * compared. Then each table that is there already, and each interface and blob type that
 * another instance names, must lie in the same way. All of that happens here, once per
 * module loaded; to bind, to swap and to call cost nothing more.
 *
 * Invariants
 *   Y1  Any two instances that name an interface or a blob type in the same version agree
 *       in its layout, the bound and the unbound alike. So whoever takes another's place
 *       serves its clients and its users.
 *   Y2  A table's layout is that of its rows; who opens it in that schema agrees. It stays
 *       with the table when the module that brought it is gone (loader.c: Q3).
 *   Y3  What is linked into the image brings no layouts; of it, what descriptors say is
 *       compared: the operations' names and order, the bytes of their arguments, how they
 *       are called. (No text says how; so that is compared of all.)
 *
 * Context: depth 0, one loader at a time. Cost: O(bytes of the text), and of those of
 * instances that name the same interface.
 */
#include <theseus/fmt.h>
#include <theseus/string.h>
#include "nano_core/swap_impl.h"
#include "nano_core/tmod_impl.h"

/* Before anything else of a descriptor is read. */
enum ths_err ths_abi_check(uint32_t abi, uint32_t size, const char *id,
			   struct ths_reason *reason)
{
	if (abi != THS_ABI)
		return ths_tmod_refuse(reason, THS_E_ABI, "%s: is built for abi %u, this is %u",
				       id, abi, THS_ABI);
	if (size != sizeof(struct ths_module))
		return ths_tmod_refuse(reason, THS_E_ABI,
				       "%s: its descriptor has %u bytes, that of abi %u has %lu",
				       id, size, THS_ABI, sizeof(struct ths_module));
	return THS_OK;
}

struct check {
	const struct ths_instance *instance;
	struct ths_schema_cursor cursor;
	struct ths_reason *reason;
};

static enum ths_err undescribed(const struct check *check, const char *name)
{
	return ths_tmod_refuse(check->reason, THS_E_SCHEMA,
			       "%s: .ths.schema does not describe %s",
			       check->instance->module->id, name);
}

/* The next record must be this one. */
static enum ths_err expect(struct check *check, enum ths_schema_kind kind, const char *name,
			   uint32_t size, struct ths_layout *layout)
{
	struct ths_schema_record record;

	ths_loader_work(800);
	if (ths_schema_next(&check->cursor, &record) != THS_OK ||
	    !ths_schema_is(&record, kind, name) || record.layout.size != size)
		return undescribed(check, name);
	*layout = record.layout;
	return THS_OK;
}

/* ---- interfaces ------------------------------------------------------------------- */

static void iface_name(const struct ths_iface *iface, char name[THS_NAME_MAX + 8])
{
	(void)ths_format(name, THS_NAME_MAX + 8, "%s/%u", iface->name, iface->version);
}

static bool same_iface(const struct ths_iface *a, const struct ths_iface *b)
{
	return a && a->version == b->version && ths_streq(a->name, b->name);
}

/* @iface as @module names it; NULL: it does not. */
static const struct ths_iface *named(const struct ths_module *module,
				     const struct ths_iface *iface)
{
	for (unsigned i = 0; i < THS_USES_MAX; i++)
		if (same_iface(module->uses[i].iface, iface))
			return module->uses[i].iface;
	return same_iface(module->provides.iface, iface) ? module->provides.iface : NULL;
}

/* How two differ in what ths_iface_agrees() compares. False: they do not. */
static bool iface_differs(char *into, size_t size, const struct ths_iface *here,
			  const struct ths_iface *there, const char *where)
{
	unsigned i = 0, ops = here->ops < there->ops ? here->ops : there->ops;
	const struct ths_op_info *a = here->info, *b = there->info;

	while (i < ops && a[i].args_size == b[i].args_size && a[i].flags == b[i].flags &&
	       ths_streq(a[i].name, b[i].name))
		i++;
	if (i == ops)
		return false;
	if (!ths_streq(a[i].name, b[i].name))
		(void)ths_format(into, size, "operation %u is %s here, %s in %s", i, a[i].name,
				 b[i].name, where);
	else if (a[i].args_size != b[i].args_size)
		(void)ths_format(into, size, "operation %s: %u bytes here, %u in %s",
				 a[i].name, a[i].args_size, b[i].args_size, where);
	else
		(void)ths_format(into, size, "operation %s: flags %u here, %u in %s",
				 a[i].name, a[i].flags, b[i].flags, where);
	return true;
}

/* Says how what is bound is not what @use is of. */
enum ths_err ths_use_refuse(const char *id, const struct ths_use *use,
			    struct ths_reason *reason)
{
	char name[THS_NAME_MAX + 8], said[THS_TMOD_REASON_MAX];
	const struct ths_instance *server;
	struct ths_binding *binding;

	iface_name(use->iface, name);
	THS_TRY(ths_binding_find(use->iface, use->instance, &binding));
	server = ths_binding_server(binding);
	if (!server || binding->version != use->iface->version ||
	    !iface_differs(said, sizeof(said), use->iface, server->module->provides.iface,
			   server->name))
		return ths_tmod_refuse(reason, THS_E_VERSION, "%s: uses %s, and %s/%u is bound",
				       id, name, binding->iface, binding->version);
	return ths_tmod_refuse(reason, THS_E_VERSION, "%s: %s: %s", id, name, said);
}

/* Y1, of an interface whose operations as we have them are @ops. */
static enum ths_err agree_on_iface(const struct check *check, const struct ths_iface *iface,
				   const char *name, const struct ths_layout *ops)
{
	char said[THS_TMOD_REASON_MAX];

	for (unsigned i = 0; i < ths_instances(); i++) {
		const struct ths_instance *other = &ths_core.instance[i];
		const struct ths_iface *theirs;
		struct ths_layout layout;

		ths_loader_work(90);
		if (other == check->instance || !other->module)
			continue;
		theirs = named(other->module, iface);
		if (!theirs)
			continue;
		if (ths_schema_find(&other->tmod.schema, THS_SCHEMA_USES, name, &layout) ==
			    THS_OK &&
		    !ths_layout_same_ops(ops, &layout))
			ths_layout_differ_ops(said, sizeof(said), ops, &layout, other->name);
		else if (!iface_differs(said, sizeof(said), iface, theirs, other->name))
			continue;
		return ths_tmod_refuse(check->reason, THS_E_VERSION, "%s: %s: %s",
				       check->instance->module->id, name, said);
	}
	return THS_OK;
}

static bool at_operation(const struct check *check)
{
	struct ths_schema_cursor ahead = check->cursor;
	struct ths_schema_record record;

	return ths_schema_next(&ahead, &record) == THS_OK && record.kind == THS_SCHEMA_OP;
}

static enum ths_err check_iface(struct check *check, enum ths_schema_kind kind,
				const struct ths_iface *iface)
{
	char name[THS_NAME_MAX + 8];
	struct ths_layout ops, unused;
	const char *first;

	iface_name(iface, name);
	THS_TRY(expect(check, kind, name, 0, &ops));
	if (!at_operation(check)) /* it stands further up, and was compared there */
		return ths_schema_find(&check->instance->tmod.schema, kind, name, &ops) ==
					       THS_OK &&
				       ops.size == iface->ops
			       ? THS_OK
			       : undescribed(check, name);
	first = ops.text;
	for (unsigned i = 0; i < iface->ops; i++)
		THS_TRY(expect(check, THS_SCHEMA_OP, iface->info[i].name,
			       iface->info[i].args_size, &unused));
	ops.length = (uint32_t)(check->cursor.schema.text + check->cursor.at - first);
	ops.size = iface->ops;
	return agree_on_iface(check, iface, name, &ops);
}

/* ---- tables ----------------------------------------------------------------------- */

/* Y2. A table that stands in another schema has rows of another layout by right. */
static enum ths_err check_table(struct check *check, const struct ths_table_decl *decl,
				struct ths_layout *layout)
{
	const char *owner =
		decl->flags & THS_PER_INSTANCE ? check->instance->name : "";
	char said[THS_TMOD_REASON_MAX];
	const struct ths_table *table;

	THS_TRY(expect(check, THS_SCHEMA_TABLE, decl->schema, decl->row_size, layout));
	table = ths_table_find(decl->schema, owner);
	if (!table || !ths_streq(table->schema, decl->schema) ||
	    ths_layout_same(layout, &table->layout))
		return THS_OK;
	ths_layout_differ(said, sizeof(said), layout, &table->layout, "the table");
	return ths_tmod_refuse(check->reason, THS_E_SCHEMA, "%s: %s: %s",
			       check->instance->module->id, decl->schema, said);
}

/* ---- blobs ------------------------------------------------------------------------ */

static bool names_blob(const struct ths_module *module, const char *type)
{
	for (unsigned i = 0; i < THS_BLOBS_MAX; i++)
		if (module->blobs[i].type && ths_streq(module->blobs[i].type, type))
			return true;
	return false;
}

static enum ths_err check_blob(struct check *check, const struct ths_blob_decl *decl)
{
	char said[THS_TMOD_REASON_MAX];
	struct ths_layout ours, theirs;

	THS_TRY(expect(check, THS_SCHEMA_BLOB, decl->type, decl->size, &ours));
	for (unsigned i = 0; i < ths_instances(); i++) {
		const struct ths_instance *other = &ths_core.instance[i];

		if (other == check->instance || !other->tmod.schema.text ||
		    !names_blob(other->module, decl->type) ||
		    ths_schema_find(&other->tmod.schema, THS_SCHEMA_BLOB, decl->type,
				    &theirs) ||
		    ths_layout_same(&ours, &theirs))
			continue;
		ths_layout_differ(said, sizeof(said), &ours, &theirs, other->name);
		return ths_tmod_refuse(check->reason, THS_E_SCHEMA, "%s: %s: %s",
				       check->instance->module->id, decl->type, said);
	}
	return THS_OK;
}

/* ---- the whole -------------------------------------------------------------------- */

/* Before uses are resolved and tables opened, which know sizes only: this names members.
 * Leaves the layouts of the module's tables in the instance. */
enum ths_err ths_layouts_check(struct ths_instance *instance, struct ths_reason *reason)
{
	const struct ths_module *module = instance->module;
	struct check check = {.instance = instance, .reason = reason};
	struct ths_schema_record record;
	struct ths_layout unused; /* meta.c has seen to it */

	if (!instance->tmod.schema.text)
		return THS_OK;
	ths_schema_rewind(&check.cursor, &instance->tmod.schema);
	THS_TRY(check_iface(&check, THS_SCHEMA_PROVIDES, module->provides.iface));
	for (unsigned i = 0; i < THS_USES_MAX; i++)
		if (module->uses[i].iface)
			THS_TRY(check_iface(&check, THS_SCHEMA_USES, module->uses[i].iface));
	for (unsigned i = 0; i < THS_TABLES_MAX; i++)
		if (module->tables[i].schema)
			THS_TRY(check_table(&check, &module->tables[i],
					    &instance->layout[i]));
	for (unsigned i = 0; i < THS_BLOBS_MAX; i++)
		if (module->blobs[i].type)
			THS_TRY(check_blob(&check, &module->blobs[i]));
	if (module->state.schema)
		THS_TRY(expect(&check, THS_SCHEMA_STATE, module->state.schema,
			       module->state.size, &unused));
	return ths_schema_next(&check.cursor, &record) == THS_E_NOENT
		       ? THS_OK
		       : undescribed(&check, "this module only");
}

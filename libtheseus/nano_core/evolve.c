/*
 * evolve - several modules change at once, wholly or not at all. See evolve.h.
 *
 *	read    the file
 *	load    who comes; uses are not asked for yet, for they may come in the same set
 *	plan    which binding leads where afterwards
 *	verify  the plan: versions, schemas, everybody's uses
 *	publish the set: who comes starts, and all bindings change in one commit (set.c)
 *
 * Until the commit nothing that serves has been touched; so to give up is to forget who
 * came. A binding that takes another version is another binding: references resolved to
 * the old one find it dead, and the gate need not compare versions at each call.
 *
 * In a chain of interposers each may be replaced, and interposers may leave; a server in one
 * stays what the chain is laid out for.
 *
 * Context: the loader's turn. Cost: a load for each module; publish O(bindings).
 */
#include <stdarg.h>
#include <theseus/evolve.h>
#include <theseus/fmt.h>
#include <theseus/point.h>
#include <theseus/string.h>
#include "nano_core/swap_impl.h"

static struct {
	struct ths_evolve_item item[THS_EVOLVE_ITEMS];
	unsigned items;
	bool named[THS_EVOLVE_ITEMS]; /* a version or schema that does change */
} file;
static struct ths_set set; /* that comes of it */

THS_PRINTF(3, 4)
static enum ths_err refuse(enum ths_err err, const struct ths_evolve_item *item,
			   const char *fmt, ...)
{
	char text[THS_TMOD_REASON_MAX];
	va_list args;

	va_start(args, fmt);
	(void)ths_vformat(text, sizeof(text), fmt, args);
	va_end(args);
	if (item)
		(void)ths_format(set.reason->text, sizeof(set.reason->text), "line %u: %s",
				 item->line, text);
	else
		(void)!ths_str_copy(set.reason->text, sizeof(set.reason->text), text);
	return err;
}

/* ---- load ------------------------------------------------------------------------------- */

static bool is_leaving(const struct ths_instance *instance)
{
	for (unsigned i = 0; i < set.outs; i++)
		if (set.out[i] == instance)
			return true;
	return false;
}

static enum ths_err refuse_chain(const struct ths_evolve_item *item, const char *what,
				 const struct ths_binding *front)
{
	char names[THS_TMOD_REASON_MAX / 2];

	ths_chain_tell(front, names, sizeof(names));
	return refuse(THS_E_BUSY, item, "%s: %s/%u is served by a chain, %s", what,
		      front->iface, front->version, names);
}

static enum ths_err let_go(const struct ths_evolve_item *item, struct ths_instance **out)
{
	struct ths_binding *front;
	struct ths_reason why;
	uint32_t slot;

	if (ths_swap_find(item->word[0], &slot, &why))
		return refuse(THS_E_NOENT, item, "%s", why.text);
	*out = &ths_core.instance[slot];
	if (slot == 0 || (item->kind == THS_EVOLVE_REMOVE && ths_meta_must_stay(*out)))
		return refuse(THS_E_PERM, item, "%s cannot leave", (*out)->name);
	if (is_leaving(*out))
		return refuse(THS_E_EXIST, item, "%s leaves already", (*out)->name);
	front = ths_chain_of(*out);
	if (front && item->kind == THS_EVOLVE_REMOVE && !ths_is_interposing(*out))
		return refuse_chain(item, "interposers would stand before nobody", front);
	set.out[set.outs++] = *out;
	return THS_OK;
}

/* An instance so named that waits, or one from the archive. */
static enum ths_err bring(const struct ths_evolve_item *item, const char *id, const char *as,
			  struct ths_instance *old)
{
	struct newcomer *in = &set.in[set.ins];
	char name[THS_NAME_MAX];
	struct ths_reason why;
	uint32_t slot;
	enum ths_err err;

	*in = (struct newcomer){.item = item, .old = old};
	if (ths_module_find(id, &slot) == THS_OK && !ths_set_brings(&set, &ths_core.instance[slot]) &&
	    ths_core.instance[slot].state == THS_INSTANCE_LOADED) {
		in->instance = &ths_core.instance[slot];
	} else {
		ths_swap_name(as[0] ? as : id, name);
		if (as[0] && !ths_streq(name, as))
			return refuse(THS_E_EXIST, item, "an instance is named %s", as);
		err = ths_loader_load(id, name, &in->instance, &why);
		if (err)
			return refuse(err, item, "%s", why.text);
		in->loaded = true;
	}
	set.ins++;
	THS_POINT("evolve/loaded");
	return THS_OK;
}

static enum ths_err load_item(const struct ths_evolve_item *item)
{
	struct ths_instance *old = NULL;

	if (item->kind == THS_EVOLVE_MODULE)
		return bring(item, item->word[0], item->word[1], NULL);
	if (item->kind != THS_EVOLVE_REPLACE && item->kind != THS_EVOLVE_REMOVE)
		return THS_OK;
	THS_TRY(let_go(item, &old));
	return item->kind == THS_EVOLVE_REMOVE
		       ? THS_OK
		       : bring(item, item->word[1], item->word[2], old);
}

static enum ths_err load_all(void)
{
	enum ths_err err = THS_OK;

	ths_core.evolving = true; /* uses are verified when all are there */
	for (unsigned i = 0; i < file.items && err == THS_OK; i++)
		err = load_item(&file.item[i]);
	ths_core.evolving = false;
	return err;
}

/* ---- plan ------------------------------------------------------------------------------- */

static struct set_change *change_of(const struct ths_binding *binding)
{
	return ths_set_change(&set, binding);
}

/* Whom the binding leads to afterwards, and who serves then. */
static struct ths_instance *leads_to(const struct ths_binding *binding)
{
	const struct set_change *change = change_of(binding);

	return change ? change->instance : ths_binding_instance(binding);
}

static struct ths_instance *afterwards(const struct ths_binding *binding)
{
	struct ths_instance *instance = leads_to(binding);

	while (instance && ths_is_interposing(instance))
		instance = leads_to(ths_ref_binding(&instance->next));
	return instance;
}

static enum ths_err lead(const struct ths_evolve_item *item, struct ths_binding *binding,
			 struct ths_instance *instance)
{
	struct set_change *change = binding ? change_of(binding) : NULL;

	if (change && change->instance && instance)
		return refuse(THS_E_EXIST, item, "%s/%u is bound twice", binding->iface,
			      binding->version);
	if (!binding || (!change && set.changes == SET_CHANGES_MAX))
		return refuse(THS_E_FULL, item, "no room for a binding");
	if (!change)
		change = &set.change[set.changes++];
	*change = (struct set_change){.binding = binding, .instance = instance};
	return THS_OK;
}

/* The directive that names this change; it is marked as needed. NULL: there is none. */
static const struct ths_evolve_item *naming(enum ths_evolve_kind kind, const char *from,
					    const char *to)
{
	for (unsigned i = 0; i < file.items; i++) {
		const struct ths_evolve_item *item = &file.item[i];

		if (item->kind != kind || !ths_streq(item->word[0], from) ||
		    !ths_streq(item->word[1], to))
			continue;
		file.named[i] = true;
		return item;
	}
	return NULL;
}

static enum ths_err plan_version(const struct newcomer *in)
{
	const struct ths_iface *old = in->old->module->provides.iface;
	const struct ths_iface *new = in->instance->module->provides.iface;
	char from[THS_NAME_MAX + 8], to[THS_NAME_MAX + 8];

	(void)ths_format(from, sizeof(from), "%s/%u", old->name, old->version);
	(void)ths_format(to, sizeof(to), "%s/%u", new->name, new->version);
	if (ths_streq(old->name, new->name) && old->version == new->version)
		return ths_iface_extends(new, old)
			       ? THS_OK
			       : refuse(THS_E_VERSION, in->item,
					"%s has not all operations of %s",
					in->instance->name, from);
	if (!ths_streq(old->name, new->name) || !naming(THS_EVOLVE_VERSION, from, to))
		return refuse(THS_E_VERSION, in->item, "%s provides %s, not %s",
			      in->instance->name, to, from);
	return THS_OK;
}

/* What is laid out for the chain @in->old is part of has to fit @in, too. */
static enum ths_err plan_chain(const struct newcomer *in)
{
	const struct ths_iface *iface = in->instance->module->provides.iface;
	struct ths_binding *front = ths_chain_of(in->old);

	if (!front)
		return THS_OK;
	if (ths_is_interposing(in->old))
		ths_interpose_inherit(in->old, in->instance);
	else if (iface->version != front->version ||
		 !ths_interpose_fits(ths_binding_instance(front), in->instance))
		return refuse_chain(in->item, "other operations do not pass interposers",
				    front);
	return THS_OK;
}

/* @in takes all that @in->old was bound to; in another version, other bindings. */
static enum ths_err plan_replace(const struct newcomer *in)
{
	const struct ths_iface *iface = in->instance->module->provides.iface;

	THS_TRY(plan_version(in));
	if (!ths_meta_agrees(in->old, in->instance))
		return refuse(THS_E_SCHEMA, in->item, "%s does not hold the state of %s",
			      in->instance->name, in->old->name);
	THS_TRY(plan_chain(in));
	for (unsigned i = 1; i < BINDINGS_MAX && ths_core.binding[i].generation; i++) {
		struct ths_binding *binding = &ths_core.binding[i], *next;

		if (ths_binding_instance(binding) != in->old)
			continue;
		if (binding->version == iface->version || ths_is_interposing(in->old)) {
			THS_TRY(lead(in->item, binding, in->instance));
			continue;
		}
		THS_TRY(lead(in->item, binding, NULL));
		next = ths_binding_for(iface, binding->name);
		THS_TRY(lead(in->item, next, in->instance));
		change_of(next)->was_at = binding;
	}
	return THS_OK;
}

/* An interposer leaves: who stood behind it, and stays, takes its place. */
static enum ths_err plan_leave(const struct ths_instance *out, struct ths_binding *place)
{
	struct ths_binding *behind = ths_ref_binding(&out->next), *at = behind;
	struct ths_instance *next = leads_to(at);
	const struct set_change *change;

	while (next && ths_is_interposing(next) && is_leaving(next)) {
		at = ths_ref_binding(&next->next);
		next = leads_to(at);
	}
	change = change_of(at);
	if (!change_of(place)) {
		THS_TRY(lead(NULL, place, next));
		set.change[set.changes - 1].was_at =
			change && change->was_at ? change->was_at : at;
	}
	return lead(NULL, behind, NULL);
}

static enum ths_err plan_remove(const struct ths_instance *out)
{
	if (ths_is_interposing(out) && !ths_set_successor(&set, out))
		return plan_leave(out, ths_interpose_place(out));
	for (unsigned i = 1; i < BINDINGS_MAX && ths_core.binding[i].generation; i++)
		if (ths_binding_instance(&ths_core.binding[i]) == out &&
		    !change_of(&ths_core.binding[i]))
			THS_TRY(lead(NULL, &ths_core.binding[i], NULL));
	return THS_OK;
}

static struct ths_instance *find_server(const char *name)
{
	uint32_t slot;

	for (unsigned i = 0; i < set.ins; i++)
		if (ths_streq(set.in[i].instance->name, name) ||
		    ths_streq(set.in[i].instance->module->id, name))
			return set.in[i].instance;
	if (ths_module_find(name, &slot) != THS_OK || is_leaving(&ths_core.instance[slot]) ||
	    ths_core.instance[slot].state != THS_INSTANCE_BOUND)
		return NULL;
	return &ths_core.instance[slot];
}

static enum ths_err plan_bind(const struct ths_evolve_item *item)
{
	struct ths_instance *server = find_server(item->word[2]);
	char iface[THS_NAME_MAX + 8];
	struct ths_binding *binding;

	if (!server)
		return refuse(THS_E_NOENT, item, "nobody named %s comes or stays",
			      item->word[2]);
	if (!ths_meta_may_be_bound(server))
		return refuse(THS_E_PERM, item, "there is one state_db, and it is replaced");
	(void)ths_format(iface, sizeof(iface), "%s/%u", server->module->provides.iface->name,
			 server->module->provides.iface->version);
	if (!ths_streq(iface, item->word[0]))
		return refuse(THS_E_VERSION, item, "%s provides %s", server->name, iface);
	binding = ths_binding_for(server->module->provides.iface, item->word[1]);
	if (binding && leads_to(binding) != afterwards(binding) &&
	    afterwards(binding) != server)
		return refuse_chain(item, "nobody can be bound behind interposers", binding);
	if (binding && afterwards(binding) && afterwards(binding) != server)
		return refuse(THS_E_EXIST, item, "%s serves %s", afterwards(binding)->name,
			      iface);
	return binding && afterwards(binding) == server ? THS_OK
							: lead(item, binding, server);
}

static enum ths_err plan(void)
{
	for (unsigned i = 0; i < set.ins; i++)
		if (set.in[i].old)
			THS_TRY(plan_replace(&set.in[i]));
	for (unsigned i = 0; i < set.outs; i++)
		THS_TRY(plan_remove(set.out[i]));
	for (unsigned i = 0; i < file.items; i++)
		if (file.item[i].kind == THS_EVOLVE_BIND)
			THS_TRY(plan_bind(&file.item[i]));
	return set.changes ? THS_OK : refuse(THS_E_NOENT, NULL, "nothing changes");
}

/* ---- verify ----------------------------------------------------------------------------- */

static bool will_be_there(const struct ths_iface *iface, const char *name)
{
	for (unsigned i = 1; i < BINDINGS_MAX && ths_core.binding[i].generation; i++) {
		const struct ths_binding *binding = &ths_core.binding[i];
		const struct ths_instance *server = afterwards(binding);

		if (server && !binding->behind && binding->version == iface->version &&
		    ths_streq(binding->iface, iface->name) && ths_streq(binding->name, name))
			return ths_iface_agrees(iface, server->module->provides.iface);
	}
	return false;
}

static enum ths_err verify_use(const char *user, const struct ths_iface *iface,
			       const char *name)
{
	return will_be_there(iface, name)
		       ? THS_OK
		       : refuse(THS_E_USES, NULL, "%s uses %s/%u, which nobody would provide",
				user, iface->name, iface->version);
}

static enum ths_err verify_uses_of(const struct ths_instance *instance)
{
	for (unsigned i = 0; i < THS_USES_MAX; i++) {
		const struct ths_use *use = &instance->module->uses[i];

		if (use->iface && !use->optional)
			THS_TRY(verify_use(instance->name, use->iface, use->instance));
	}
	return THS_OK;
}

/* nano_core lives without, but not worse than before. */
static enum ths_err verify_ours(void)
{
	const struct ths_ref *const ours[] = {&ths_core.sched, &ths_core.frames,
					      &ths_core.irq, &ths_core.tasks};

	for (unsigned i = 0; i < THS_ARRAY_SIZE(ours); i++) {
		struct ths_binding *binding;

		if (ths_binding_find(ours[i]->iface, "", &binding) == THS_OK &&
		    ths_binding_server(binding))
			THS_TRY(verify_use("nano_core", ours[i]->iface, ""));
	}
	return THS_OK;
}

static enum ths_err verify_tables_of(const struct newcomer *in)
{
	const struct ths_instance *instance = in->instance;

	for (unsigned i = 0; i < THS_TABLES_MAX; i++) {
		const char *schema = instance->module->tables[i].schema;

		if (schema && !ths_streq(instance->table[i]->schema, schema) &&
		    !naming(THS_EVOLVE_MIGRATE, instance->table[i]->schema, schema))
			return refuse(THS_E_SCHEMA, in->item, "%s would migrate %s to %s",
				      instance->name, instance->table[i]->schema, schema);
	}
	return THS_OK;
}

static enum ths_err verify(void)
{
	for (unsigned i = 0; i < set.ins; i++) {
		THS_TRY(verify_uses_of(set.in[i].instance));
		THS_TRY(verify_tables_of(&set.in[i]));
	}
	for (unsigned i = 1; i < ths_instances(); i++)
		if (ths_core.instance[i].state == THS_INSTANCE_BOUND &&
		    !is_leaving(&ths_core.instance[i]))
			THS_TRY(verify_uses_of(&ths_core.instance[i]));
	THS_TRY(verify_ours());
	for (unsigned i = 0; i < file.items; i++) {
		const struct ths_evolve_item *item = &file.item[i];

		if (item->kind == THS_EVOLVE_VERSION && !file.named[i])
			return refuse(THS_E_VERSION, item, "%s does not change so",
				      item->word[0]);
		if (item->kind == THS_EVOLVE_MIGRATE && !file.named[i])
			return refuse(THS_E_SCHEMA, item, "%s does not change so",
				      item->word[0]);
	}
	return THS_OK;
}

static enum ths_err evolve(const char *text, size_t size)
{
	enum ths_err err = ths_evolve_read(text, size, file.item, &file.items, set.reason);

	if (err == THS_OK)
		err = load_all();
	if (err == THS_OK)
		err = plan();
	if (err == THS_OK)
		err = verify();
	THS_POINT("evolve/verified");
	if (err == THS_OK)
		return ths_set_publish(&set);
	ths_set_forget(&set);
	return err;
}

enum ths_err ths_evolve(const char *text, size_t size, struct ths_reason *reason)
{
	struct ths_reason unread;
	enum ths_err err;

	THS_TRY(ths_loader_enter());
	memset(&file, 0, sizeof(file));
	memset(&set, 0, sizeof(set));
	set.reason = reason ? reason : &unread;
	set.reason->text[0] = 0;
	err = evolve(text, size);
	if (err && !set.reason->text[0])
		(void)refuse(err, NULL, "%s", ths_err_text(err));
	ths_loader_leave();
	return err;
}

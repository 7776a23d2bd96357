/*
 * interpose - a module put before another's binding while it is called, and taken away.
 *
 * To interpose is one commit over two bindings: who served is moved to a binding *behind*,
 * which nobody can find by name, and the interposer takes its place:
 *
 *	sched "" -> sched.rr         becomes      sched "" -> trace
 *	                                          sched ">1" -> sched.rr   (trace's `next`)
 *
 * So clients keep their references, and a swap of the server changes the binding behind
 * like any other. An interposer's operations are laid out as the server's are, each one
 * leading to its single operation; device operations are marked OP_PASS, and the gate goes
 * by (P19). Interposers stack: what stands behind may be one, too.
 *
 * Invariants
 *   Z1  The end of a chain is the binding of whoever really serves: who binds, unbinds,
 *       asks what operations there are, or attaches interrupt lines means that one.
 *   Z2  An instance stands before one binding at most; it has `next` iff it does.
 *   Z3  A binding behind is used again once nobody stands there: there are never more than
 *       interposers at once.
 *   Z4  One whose faults have led through the cascade leaves its chain (P19).
 *
 * Context: depth 0, with the loader's turn.
 */
#include <theseus/fmt.h>
#include <theseus/iface/interpose.h>
#include <theseus/point.h>
#include <theseus/string.h>
#include "nano_core/swap_impl.h"

#define CHAIN_MAX                                                                        \
	(DEPTH_MAX / 2) /* interposers before one server: calls must still nest */

/* ---- chains ---------------------------------------------------------------------------- */

struct ths_binding *ths_binding_end(struct ths_binding *binding)
{
	const struct ths_instance *instance;

	while ((instance = ths_binding_instance(binding)) && ths_is_interposing(instance))
		binding = ths_ref_binding(&instance->next);
	return binding;
}

struct ths_instance *ths_binding_server(const struct ths_binding *binding)
{
	struct ths_instance *instance = ths_binding_instance(binding);

	while (instance && ths_is_interposing(instance))
		instance = ths_binding_instance(ths_ref_binding(&instance->next));
	return instance;
}

const struct ths_iface *ths_instance_iface(const struct ths_instance *instance)
{
	if (ths_is_interposing(instance))
		instance = ths_binding_server(ths_ref_binding(&instance->next));
	return instance ? instance->module->provides.iface : NULL;
}

static unsigned interposers_at(const struct ths_binding *binding)
{
	const struct ths_instance *instance = ths_binding_instance(binding);
	unsigned count = 0;

	for (; instance && ths_is_interposing(instance); count++)
		instance = ths_binding_instance(ths_ref_binding(&instance->next));
	return count;
}

struct ths_binding *ths_chain_of(const struct ths_instance *instance)
{
	for (unsigned i = 1; i < BINDINGS_MAX && ths_core.binding[i].generation; i++) {
		struct ths_binding *front = &ths_core.binding[i], *at = front;
		const struct ths_instance *here;

		while ((here = ths_binding_instance(at)) && here != instance &&
		       ths_is_interposing(here))
			at = ths_ref_binding(&here->next);
		if (here == instance && !front->behind &&
		    (at != front || ths_is_interposing(instance)))
			return front;
	}
	return NULL;
}

/* In the order in which a call meets them. */
void ths_chain_tell(const struct ths_binding *front, char *names, size_t size)
{
	const struct ths_instance *at = ths_binding_instance(front);

	names[0] = 0;
	for (; at && ths_is_interposing(at);
	     at = ths_binding_instance(ths_ref_binding(&at->next)))
		(void)ths_format(names + ths_strlen(names), size - ths_strlen(names), "%s > ",
				 at->name);
	(void)ths_format(names + ths_strlen(names), size - ths_strlen(names), "%s",
			 at ? at->name : "nobody");
}

/* ---- operations ------------------------------------------------------------------------ */

/* Operations @from.. of @server, each of them leading to @any or by. */
static void lay_out(struct ths_instance *interposer, ths_op_fn *any,
		    const struct ths_instance *server, uint32_t from)
{
	for (uint32_t i = from; i < server->ops; i++) {
		struct instance_op *op = &interposer->op[i];
		bool device = server->op[i].flags & (THS_OP_DEVICE | OP_PASS);

		*op = server->op[i];
		if (device)
			op->flags = OP_PASS;
		op->fn = server->op[i].fn ? any : NULL;
		ths_op_choose_path(op);
	}
	interposer->ops = server->ops;
}

static uint64_t ops_published(const struct ths_binding *binding)
{
	const struct ths_version *version = slot_version(
		atomic_load_explicit(&binding->slot.word, memory_order_acquire));

	return ((const struct provider *)(const void *)version->data)->ops;
}

static ths_op_fn *any_of(const struct ths_instance *instance)
{
	return (ths_op_fn *)(void *)((const struct interpose_ops *)
					     instance->module->provides.ops)
		->any;
}

void ths_interpose_inherit(const struct ths_instance *old, struct ths_instance *new)
{
	if (!ths_is_interposing(old))
		return;
	lay_out(new, any_of(new), old, 0);
	new->next = old->next;
}

/* @new is to serve at the end of @binding's chain, in @old's place. Makes room where nobody
 * looks yet; true: the interposer is to be published with more operations. */
bool ths_interpose_extends(const struct ths_instance *old, const struct ths_instance *new,
			   const struct ths_binding *binding)
{
	struct ths_instance *front = ths_binding_instance(binding);

	if (ops_published(binding) >= new->ops || ths_binding_server(binding) != old)
		return false;
	if (front->ops < new->ops)
		lay_out(front, any_of(front), new, front->ops);
	return true;
}

/* Whether @server may be bound where the operations are laid out as @front's. */
bool ths_interpose_fits(const struct ths_instance *front,
			const struct ths_instance *server)
{
	if (!ths_is_interposing(front))
		return true;
	for (uint32_t i = 0; i < front->ops && i < server->ops; i++)
		if (front->op[i].args_size != server->op[i].args_size ||
		    !(front->op[i].flags & OP_PASS) !=
			    !(server->op[i].flags & THS_OP_DEVICE))
			return false;
	return front->ops == server->ops;
}

/* ---- putting before, and taking away --------------------------------------------------- */

struct chain {
	struct ths_binding *front, *behind;
	struct ths_instance *interposer;
};

/* The provider as the publication reads it. */
static enum ths_err provider_of(struct ths_cpu *cpu, struct ths_binding *binding,
				struct ths_instance **instance)
{
	const struct ths_version *version;

	THS_TRY(ths_txn_read(cpu, &binding->slot, &version));
	*instance =
		ths_version_is_live(version)
			? ((const struct provider *)(const void *)version->data)->instance
			: NULL;
	return THS_OK;
}

static enum ths_err put_before(struct ths_cpu *cpu, void *arg)
{
	const struct chain *chain = arg;
	struct ths_instance *server;

	THS_TRY(provider_of(cpu, chain->front, &server));
	THS_TRY(ths_provider_write(cpu, chain->behind, server));
	return ths_provider_write(cpu, chain->front, chain->interposer);
}

static enum ths_err take_away(struct ths_cpu *cpu, void *arg)
{
	const struct chain *chain = arg;
	struct ths_instance *server;

	THS_TRY(provider_of(cpu, chain->behind, &server));
	THS_TRY(ths_provider_write(cpu, chain->front, server));
	return ths_provider_write(cpu, chain->behind, NULL);
}

/* One where nobody stands (Z3), or a new one. */
static struct ths_binding *binding_behind(const struct ths_binding *front)
{
	char name[THS_NAME_MAX];
	unsigned number = 1;

	for (unsigned i = 1; i < BINDINGS_MAX && ths_core.binding[i].generation; i++) {
		struct ths_binding *binding = &ths_core.binding[i];

		if (!binding->behind || !ths_streq(binding->iface, front->iface))
			continue;
		number++;
		if (binding->version == front->version && !ths_binding_instance(binding))
			return binding;
	}
	(void)ths_format(name, sizeof(name), ">%u", number);
	return ths_binding_make(front->iface, front->version, name, true);
}

/* In whichever version somebody serves. */
static struct ths_binding *find_served(const char *iface, const char *name)
{
	for (unsigned i = 1; i < BINDINGS_MAX && ths_core.binding[i].generation; i++) {
		struct ths_binding *binding = &ths_core.binding[i];

		if (!binding->behind && ths_streq(binding->iface, iface) &&
		    ths_streq(binding->name, name) && ths_binding_server(binding))
			return binding;
	}
	return NULL;
}

static enum ths_err prepare(const char *iface, const char *name, struct chain *chain)
{
	struct ths_instance *interposer = chain->interposer;

	if (interposer->state != THS_INSTANCE_LOADED)
		return THS_E_NOENT;
	if (!ths_streq(interposer->module->provides.iface->name, interpose_iface.name))
		return THS_E_VERSION;
	chain->front = find_served(iface, name ? name : "");
	if (!chain->front)
		return THS_E_UNAVAIL;
	if (interposers_at(chain->front) == CHAIN_MAX)
		return THS_E_FULL;
	if (ths_migrate_needed(interposer))
		return THS_E_SCHEMA;
	chain->behind = binding_behind(chain->front);
	return chain->behind ? THS_OK : THS_E_FULL;
}

static enum ths_err interpose_locked(struct chain *chain, const char *iface,
				     const char *name)
{
	struct ths_instance *interposer = chain->interposer;
	enum ths_err err;

	THS_TRY(prepare(iface, name, chain));
	if (interposer->fresh)
		THS_TRY(ths_invoke_start(interposer));
	interposer->fresh = false;
	lay_out(interposer, any_of(interposer), ths_binding_instance(chain->front), 0);
	interposer->next = (struct ths_ref){.instance = "",
					    .binding = ths_binding_at(chain->behind),
					    .generation = chain->behind->generation};
	atomic_store(&ths_core.interposed, true);
	THS_POINT("interpose/before-publish");
	err = ths_publish(put_before, chain);
	if (err) {
		interposer->next = (struct ths_ref){.generation = 0};
		return err;
	}
	THS_POINT("interpose/after-publish");
	interposer->state = THS_INSTANCE_BOUND;
	/* What is held against a provider goes with it, and what it is due. */
	chain->behind->account = chain->front->account;
	chain->front->account = (struct account){.vital = false};
	chain->front->published++;
	return THS_OK;
}

enum ths_err ths_interpose(uint32_t slot, const char *iface, const char *name)
{
	struct chain chain = {.interposer = &ths_core.instance[slot % INSTANCES_MAX]};
	enum ths_err err;

	if (slot >= ths_instances())
		return THS_E_NOENT;
	THS_TRY(ths_loader_enter());
	err = interpose_locked(&chain, iface, name);
	ths_loader_leave();
	return err;
}

struct ths_binding *ths_interpose_place(const struct ths_instance *interposer)
{
	for (unsigned i = 1; i < BINDINGS_MAX && ths_core.binding[i].generation; i++)
		if (ths_binding_instance(&ths_core.binding[i]) == interposer)
			return &ths_core.binding[i];
	return NULL;
}

/* With the loader's turn. */
enum ths_err ths_interpose_leave(struct ths_instance *interposer)
{
	struct chain chain = {.interposer = interposer};

	if (interposer->state != THS_INSTANCE_BOUND || !ths_is_interposing(interposer))
		return THS_E_NOENT;
	chain.behind = ths_ref_binding(&interposer->next);
	chain.front = ths_interpose_place(interposer);
	if (!chain.front)
		return THS_E_INTERNAL;
	THS_POINT("interpose/before-end");
	THS_TRY(ths_publish(take_away, &chain));
	THS_POINT("interpose/after-end");
	chain.front->account = chain.behind->account;
	ths_quiesce(); /* who met it before may still be asking for its `next` */
	ths_probation_end(interposer);
	interposer->next = (struct ths_ref){.generation = 0};
	interposer->state = THS_INSTANCE_LOADED;
	ths_migrate_unbound();
	return THS_OK;
}

enum ths_err ths_interpose_end(uint32_t slot)
{
	enum ths_err err;

	if (slot >= ths_instances())
		return THS_E_NOENT;
	THS_TRY(ths_loader_enter());
	err = ths_interpose_leave(&ths_core.instance[slot]);
	ths_loader_leave();
	return err;
}

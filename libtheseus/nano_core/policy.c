/*
 * policy - what is asked of loader/1, and what holds without an answer: iface/loader.h.
 *
 * The policy is a module like any other, called through the gate like any other. What it
 * faults in is its own operation, whose caller is this file; nobody mends that, for the turn
 * to mend is taken, by us (X3 of cascade.c). If it is on probation it is taken back when the
 * turn is free.
 *
 * Context: depth 0, the loader's turn. Cost: nobody bound, a look over the bindings.
 */
#include <theseus/fmt.h>
#include <theseus/iface/loader.h>
#include <theseus/string.h>
#include "nano_core/swap_impl.h"

/* ---- asking ------------------------------------------------------------------------------ */

static struct ths_instance *bound(void)
{
	struct ths_binding *binding;

	return ths_binding_find(&loader_iface, "", &binding) == THS_OK
		       ? ths_binding_server(binding)
		       : NULL;
}

/* L3: a fault more, or none any more, of @policy's. */
static void account(const struct ths_instance *policy, bool faulted)
{
	uint32_t before = ths_core.policy.whose == ths_instance_life(policy)
				  ? ths_core.policy.in_a_row
				  : 0;

	ths_core.policy.whose = ths_instance_life(policy);
	ths_core.policy.in_a_row = faulted ? before + 1 : 0;
	if (before + 1 == LOADER_FAULTS && faulted)
		ths_logf("%s faulted %u times in a row, and is asked no more", policy->name,
			 LOADER_FAULTS);
}

static bool is_given_up(const struct ths_instance *policy)
{
	return ths_core.policy.whose == ths_instance_life(policy) &&
	       ths_core.policy.in_a_row >= LOADER_FAULTS;
}

/* Its answer; THS_E_UNAVAIL: nobody gives one. @args are as they were after an error. */
static enum ths_err ask(enum loader_op op, void *args)
{
	struct ths_instance *policy = bound();
	enum ths_err err;

	if (!policy || is_given_up(policy))
		return THS_E_UNAVAIL;
	err = ths_gate(&ths_core.loader, op, args, NULL);
	account(policy, ths_err_is_fault(err));
	if (ths_err_is_fault(err) && ths_is_on_probation(policy))
		ths_probation_condemn(policy);
	return err;
}

static uint16_t traits_of(const struct ths_module *module)
{
	unsigned traits = module->state.schema ? LOADER_STATE : 0;

	for (unsigned i = 0; i < THS_PORTS_MAX; i++)
		traits |= module->ports[i].count ? LOADER_PORTS : 0;
	for (unsigned i = 0; i < THS_IRQS_MAX; i++)
		traits |= module->irqs[i].used ? LOADER_LINES : 0;
	for (unsigned i = 0; i < THS_TABLES_MAX; i++)
		traits |= module->tables[i].flags & THS_HARDWARE ? LOADER_HARDWARE : 0;
	return (uint16_t)traits;
}

static struct loader_module description(const struct ths_module *module,
					const struct ths_tmod *tmod, const char *name)
{
	struct loader_module as = {.version = (uint16_t)module->provides.iface->version,
				   .major = module->major,
				   .minor = module->minor,
				   .traits = traits_of(module),
				   .text = tmod ? tmod->text_size : 0,
				   .rodata = tmod ? tmod->rodata_size : 0};

	(void)!ths_str_copy(as.id, sizeof(as.id), module->id);
	(void)!ths_str_copy(as.name, sizeof(as.name), name);
	(void)!ths_str_copy(as.provides, sizeof(as.provides), module->provides.iface->name);
	if (module->digest)
		memcpy(as.digest, module->digest, sizeof(as.digest));
	return as;
}

static struct loader_module description_of(const struct ths_instance *instance)
{
	return description(instance->module, &instance->tmod, instance->name);
}

/* ---- what is asked ------------------------------------------------------------------------- */

enum ths_err ths_policy_admit(const struct ths_module *module, const struct ths_tmod *tmod,
			      const char *name, struct ths_reason *reason)
{
	struct loader_module args = description(module, tmod, name);

	if (ask(loader_op_admit, &args) != THS_E_PERM)
		return THS_OK;
	if (reason)
		(void)ths_format(reason->text, sizeof(reason->text),
				 "%s: the loader's policy, %s, does not admit it",
				 module->id, bound()->name);
	return THS_E_PERM;
}

static bool could_take_over(const struct ths_instance *other,
			    const struct ths_instance *instance)
{
	return other->state == THS_INSTANCE_LOADED &&
	       ths_iface_extends(other->module->provides.iface,
				 instance->module->provides.iface) &&
	       !ths_migrate_needed(other);
}

static enum ths_err rank_of(struct ths_instance *instance, uint64_t *rank)
{
	struct loader_rank args = {.module = description_of(instance),
				   .calls = ths_instance_calls(instance),
				   .faults = atomic_load(&instance->faults)};
	enum ths_err err = ask(loader_op_rank, &args);

	*rank = args.rank;
	return err;
}

struct ths_instance *ths_policy_second(const struct ths_instance *instance)
{
	struct ths_instance *first = NULL, *best = NULL;
	uint64_t rank, lowest = UINT64_MAX;
	bool asks = instance != bound(); /* L1 */

	for (unsigned i = 1; i < ths_instances(); i++) {
		struct ths_instance *other = &ths_core.instance[i];

		if (!could_take_over(other, instance))
			continue;
		first = first ? first : other;
		if (!asks)
			break;
		asks = rank_of(other, &rank) == THS_OK;
		if (asks && (!best || rank < lowest)) {
			best = other;
			lowest = rank;
		}
	}
	return asks && best ? best : first;
}

struct ths_probation ths_policy_probation(const struct ths_instance *successor)
{
	struct loader_probation args = {.module = description_of(successor),
					.calls = ths_core.probation.calls,
					.ticks = ths_core.probation.ticks};

	if ((ths_core.probation.calls || ths_core.probation.ticks) &&
	    ask(loader_op_probation, &args) == THS_OK && args.calls <= UINT32_MAX &&
	    args.ticks <= UINT32_MAX)
		return (struct ths_probation){args.calls, args.ticks};
	return ths_core.probation;
}

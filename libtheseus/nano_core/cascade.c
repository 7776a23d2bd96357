/*
 * cascade - what is done about a fault before its caller sees it (P19).
 *
 * The abort is the gate's: whatever the operation did is gone. Here, at depth 0 between two
 * tries of the outermost interaction, one step is taken against the fault of a bound
 * module; then the interaction is run again, and may fault again and lead to the next step.
 *
 *	on probation           back to who served before          reverted
 *	first in a row         vital: the resident second          next
 *	                       else: loaded anew from its file     anew
 *	BREAK in a row         an interposer leaves its chain      left
 *	                       another provider that is loaded     next
 *	                       its soft tables are emptied         soft
 *	                       nobody: THS_E_UNAVAIL               unbound
 *
 * In C most faults come of the request and come again, whoever serves. So a fault in a
 * module that serves others is mended once, and if it comes again is its caller's error,
 * and the module stays: one client cannot take a service from the rest. Only who faults
 * BREAK times in a row, with nothing served between, serves nobody, and goes the whole way.
 *
 * Invariants
 *   X1  A parent sees a callee's fault only when no step is left for it.
 *   X2  It ends. Each step but `anew` and a vital `next` is taken once between two faults
 *       that had something served between them; of those a binding has BUDGET in WINDOW.
 *   X3  A fault met while one is mended is not mended.
 *   X4  A device operation leads to a step, but is not run again.
 *   X5  A step is taken against who faulted, never against a successor in its slot.
 *
 * Left out on purpose: closing the breaker by itself. What is unbound stays loaded, for
 * whoever binds or swaps it.
 *
 * Context: depth 0, unless said otherwise. Cost: a step is a swap, at worst a load.
 */
#include <theseus/iface/module.h>
#include <theseus/point.h>
#include <theseus/string.h>
#include "nano_core/swap_impl.h"

#define BREAK  8u     /* faults in a row, after which a provider serves nobody */
#define BUDGET 3u     /* of the steps a first fault leads to ... */
#define WINDOW 10000u /* ... in so many ticks */

static const char *const module_fault_steps[] = {
#define STEP_TEXT(name, text) [name] = (text),
	MODULE_FAULT_STEPS(STEP_TEXT)};

/* ---- the log --------------------------------------------------------------------------- */

enum { HEAD, FIRST }; /* the head's number is that of the newest; then they go round */

static enum ths_err log_row(struct ths_cpu *cpu, uint32_t row, const struct module_fault *entry)
{
	struct ths_version *version;

	THS_TRY(ths_table_write(cpu, ths_core.instance[0].table[NANO_CORE_FAULTS], row,
				&version));
	memcpy(version->data, entry, sizeof(*entry));
	return THS_OK;
}

static enum ths_err append(struct ths_cpu *cpu, void *arg)
{
	struct module_fault entry = *(struct module_fault *)arg;
	const struct ths_version *head;

	THS_TRY(ths_table_read(cpu, ths_core.instance[0].table[NANO_CORE_FAULTS], HEAD, &head));
	entry.number = ((const struct module_fault *)(const void *)head->data)->number + 1;
	THS_TRY(log_row(cpu, FIRST + entry.number % MODULE_FAULTS, &entry));
	return log_row(cpu, HEAD, &entry);
}

static enum ths_err write_log(const struct fault *fault, enum module_fault_step step,
			      const char *name, const char *by)
{
	struct module_fault entry = {.tick = ths_ticks(),
				     .pc = fault->pc,
				     .address = fault->addr,
				     .err = fault->err,
				     .op = (uint16_t)fault->op,
				     .depth = (uint16_t)fault->depth,
				     .step = step};

	memcpy(entry.name, name, sizeof(entry.name));
	memcpy(entry.by, by, sizeof(entry.by));
	THS_POINT("cascade/before-log");
	return ths_publish(append, &entry);
}

/* Should memory be short, the entry is written at a later tick, if no other fault has come
 * on this CPU by then. */
void ths_fault_log(struct fault *fault)
{
	static const char nobody[THS_NAME_MAX];
	struct fault *last = &ths_cpu()->fault;

	if (!fault->unlogged)
		return;
	fault->unlogged = false;
	if (write_log(fault, MODULE_FAULT, fault->name, nobody) == THS_OK || last->unlogged)
		return;
	*last = *fault;
	last->unlogged = true;
}

/* ---- accounts ---------------------------------------------------------------------------- */

static struct ths_binding *binding_of(const struct ths_instance *instance)
{
	for (unsigned i = 1; i < BINDINGS_MAX && ths_core.binding[i].generation; i++)
		if (ths_binding_instance(&ths_core.binding[i]) == instance)
			return &ths_core.binding[i];
	return NULL;
}

/* Calls that did not fault, and were not part of an interaction that did. */
static uint64_t served(struct ths_instance *instance)
{
	return ths_instance_calls(instance) - atomic_load(&instance->in_vain);
}

static void count_from_here(struct account *account, struct ths_instance *instance)
{
	account->served = served(instance);
	account->whose = ths_instance_life(instance);
}

static void charge(struct account *account, struct ths_instance *instance)
{
	/* Who took over has served nobody before. */
	uint64_t before = account->whose == ths_instance_life(instance) ? account->served : 0;

	if (served(instance) > before) {
		account->in_a_row = 0;
		account->level = 0;
	}
	if (account->in_a_row < UINT8_MAX)
		account->in_a_row++;
	count_from_here(account, instance);
	if (ths_ticks() - account->since >= WINDOW) {
		account->since = ths_ticks();
		account->spent = 0;
	}
}

/* ---- the steps ---------------------------------------------------------------------------- */

static enum ths_err take_next(struct ths_instance *instance, struct ths_instance **by)
{
	struct ths_instance *next;

	if (ths_is_interposing(instance)) /* another interposer is no second */
		return THS_E_NOENT;
	next = ths_policy_second(instance);
	if (!next)
		return THS_E_NOENT;
	THS_POINT("cascade/before-next");
	if (next->fresh)
		THS_TRY(ths_invoke_start(next));
	next->fresh = false;
	THS_TRY(ths_swap_publish(instance, next, NULL));
	ths_probation_end(instance); /* it could not be taken back */
	ths_swap_count(next);
	ths_swap_unserve(instance, next); /* it is the second now */
	*by = next;
	return THS_OK;
}

static enum ths_err take_anew(struct ths_instance *instance, struct ths_instance **by)
{
	struct ths_instance *again;
	enum ths_err err;

	THS_TRY(ths_loader_again(instance, &again));
	again->fresh = false;
	again->faults = instance->faults;
	err = ths_swap_publish(instance, again, NULL);
	if (err) {
		ths_loader_unload(again);
		return err;
	}
	ths_swap_count(again);
	ths_probation_end(instance);
	ths_probation_retire(instance);
	*by = again;
	return THS_OK;
}

static enum ths_err take_reverted(struct ths_instance *instance, struct ths_instance **by)
{
	*by = ths_probation_before(instance);
	return ths_probation_revert(instance);
}

static enum ths_err take_soft(struct ths_instance *instance, struct ths_instance **by)
{
	enum ths_err err = THS_E_NOENT;

	*by = instance;
	for (unsigned i = 0; i < THS_TABLES_MAX; i++)
		if (instance->table[i] && instance->table[i]->flags & THS_SOFT)
			THS_TRY(err = ths_table_empty(instance->table[i]));
	return err;
}

static enum ths_err take_unbound(struct ths_instance *instance, struct ths_instance **by)
{
	*by = &ths_core.instance[0];
	THS_TRY(ths_swap_unbind(instance));
	ths_probation_end(instance);
	return THS_OK;
}

static enum ths_err take_left(struct ths_instance *instance, struct ths_instance **by)
{
	if (!ths_is_interposing(instance))
		return THS_E_NOENT;
	*by = ths_binding_server(ths_ref_binding(&instance->next));
	*by = *by ? *by : &ths_core.instance[0];
	return ths_interpose_leave(instance);
}

static enum ths_err (*const takes[])(struct ths_instance *, struct ths_instance **) = {
	[MODULE_FAULT_REVERTED] = take_reverted, [MODULE_FAULT_ANEW] = take_anew,
	[MODULE_FAULT_NEXT] = take_next,         [MODULE_FAULT_SOFT] = take_soft,
	[MODULE_FAULT_LEFT] = take_left,         [MODULE_FAULT_UNBOUND] = take_unbound,
};

static enum ths_err take(enum module_fault_step step, struct fault *fault)
{
	struct ths_instance *by;
	char name[THS_NAME_MAX], by_name[THS_NAME_MAX];

	memcpy(name, fault->instance->name, sizeof(name));
	THS_POINT("cascade/before-step");
	THS_TRY(takes[step](fault->instance, &by));
	THS_POINT("cascade/after-step");
	memcpy(by_name, by->name, sizeof(by_name));
	ths_fault_log(fault);
	(void)!write_log(fault, step, name, by_name); /* should it be missing, this is not: */
	ths_logf("cascade: %s: %s, %s serves", name, module_fault_steps[step],
		 step == MODULE_FAULT_UNBOUND ? "nobody" : by_name);
	return THS_OK;
}

/* The steps that are left to who serves nobody, one after the other. */
static bool go_down(struct account *account, struct fault *fault)
{
	static const enum module_fault_step way[] = {MODULE_FAULT_LEFT, MODULE_FAULT_NEXT,
						     MODULE_FAULT_SOFT,
						     MODULE_FAULT_UNBOUND};

	while (account->level < THS_ARRAY_SIZE(way))
		if (take(way[account->level++], fault) == THS_OK)
			return true;
	return false;
}

static bool mend_once(struct account *account, struct fault *fault)
{
	if (account->spent >= BUDGET)
		return false;
	account->spent++;
	if (account->vital && take(MODULE_FAULT_NEXT, fault) == THS_OK)
		return true;
	return take(MODULE_FAULT_ANEW, fault) == THS_OK;
}

static bool step(struct fault *fault)
{
	struct ths_instance *instance = fault->instance;
	struct ths_binding *binding;
	struct account *account;
	bool taken = false;

	if (ths_is_on_probation(instance) && take(MODULE_FAULT_REVERTED, fault) == THS_OK)
		return true;
	/* Its state has no other way, and nobody goes back alone who came with others. */
	if (instance->set || (instance->before && instance->block)) {
		ths_probation_condemn(instance);
		return false;
	}
	binding = binding_of(instance);
	if (!binding)
		return false;
	account = &binding->account;
	charge(account, instance);
	if (account->in_a_row >= BREAK)
		taken = go_down(account, fault);
	else if (account->in_a_row == 1)
		taken = mend_once(account, fault);
	instance = ths_binding_instance(binding);
	/* Who serves now begins to count here; but for who has counted before, behind an
	 * interposer that left. */
	if (taken && instance && account->whose != ths_instance_life(instance))
		count_from_here(account, instance);
	return taken;
}

/* Whether who faulted serves still: while the turn was waited for it may have gone, and
 * somebody else have come into its slot. */
static bool serves_still(const struct fault *fault)
{
	return ths_instance_life(fault->instance) == fault->life &&
	       fault->instance->state == THS_INSTANCE_BOUND;
}

static bool may_step(const struct fault *fault)
{
	if (ths_loader_enter() == THS_OK)
		return true;
	if (serves_still(fault) && ths_is_on_probation(fault->instance))
		ths_probation_condemn(fault->instance); /* when it can be */
	return false;
}

static bool mend(struct ths_cpu *cpu, struct fault *fault)
{
	bool taken = false, turn = may_step(fault);

	THS_POINT("cascade/begun");
	cpu->mender = cpu->current + 1;
	if (turn) /* if it does not serve any more, somebody has seen to it */
		taken = !serves_still(fault) || step(fault);
	ths_fault_log(fault); /* after the step: it may have been state_db's fault */
	cpu->mender = 0; /* of two at once one has the turn, and the other no step to take */
	if (turn)
		ths_loader_leave();
	return taken;
}

bool ths_cascade(struct ths_cpu *cpu, struct fault *fault)
{
	bool taken;

	ths_arch_core_leave(); /* modules are called from depth 0, as by whoever loads */
	taken = mend(cpu, fault);
	ths_arch_core_enter();
	return taken;
}

/* ---- vital ------------------------------------------------------------------------------- */

enum ths_err ths_vital(const char *iface)
{
	enum ths_err err = THS_E_UNAVAIL;

	THS_TRY(ths_loader_enter()); /* the policy is asked */
	for (unsigned i = 1; i < BINDINGS_MAX && ths_core.binding[i].generation; i++) {
		struct ths_binding *binding = &ths_core.binding[i];
		struct ths_instance *instance = ths_binding_instance(binding);

		if (!ths_streq(binding->iface, iface) || !instance)
			continue;
		binding->account.vital = true;
		err = ths_policy_second(instance) ? THS_OK : THS_E_NOENT;
	}
	ths_loader_leave();
	return err;
}

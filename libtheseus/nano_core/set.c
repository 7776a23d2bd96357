/*
 * set - several instances come and go in one commit, and in one go back.
 *
 *	state   goes from one who leaves to his successor; others meet where it is laid
 *		out otherwise (meta.c)
 *	start   commits of others held off: who comes starts
 *	publish all bindings in one commit, in which who comes adopts rows of those who
 *		leave; tables begin to change with it
 *	test    who comes, before it is published where there is no probation
 *	keep    who left, until all who came have served their probation; else retire
 *		them, when every CPU has passed depth 0
 *
 * The way back is a set, too: who left comes, who came leaves, each binding leads where it
 * led, and tables are turned round. It is made when it is needed, and published like any.
 *
 * Invariants
 *   E1  One set at most is on probation; those of its who came and serve point at it. They
 *       are bound, and who left is KEPT.
 *   E2  It goes back wholly or not at all: every binding leads then where it led before.
 *       So it goes back only while every binding leads where the set led it; if somebody
 *       has changed one meanwhile, its probation is over.
 *   E3  A set has probation only if all of it can go back: rows that change their schema
 *       have a way back, nobody adopts rows, and nobody holds state (metamodule.h).
 *
 * Context: the loader's turn. Cost: publish O(bindings), there and back.
 */
#include <theseus/fmt.h>
#include <theseus/point.h>
#include <theseus/string.h>
#include "nano_core/swap_impl.h"

static struct ths_set kept; /* on probation; ins 0: none is */
static struct ths_set back; /* a set's way back, while it goes it */

void ths_set_init(void)
{
	memset(&kept, 0, sizeof(kept));
}

static enum ths_err refuse(const struct ths_set *set, const struct newcomer *in,
			   const char *what, enum ths_err err)
{
	(void)ths_format(set->reason->text, sizeof(set->reason->text), "line %u: %s %s: %s",
			 in->item->line, in->instance->name, what, ths_err_text(err));
	return err;
}

struct ths_instance *ths_set_successor(const struct ths_set *set,
				       const struct ths_instance *instance)
{
	for (unsigned i = 0; i < set->ins; i++)
		if (set->in[i].old == instance)
			return set->in[i].instance;
	return NULL;
}

bool ths_set_brings(const struct ths_set *set, const struct ths_instance *instance)
{
	for (unsigned i = 0; i < set->ins; i++)
		if (set->in[i].instance == instance)
			return true;
	return false;
}

struct set_change *ths_set_change(struct ths_set *set, const struct ths_binding *binding)
{
	for (unsigned i = 0; i < set->changes; i++)
		if (set->change[i].binding == binding)
			return &set->change[i];
	return NULL;
}

/* ---- start, publish -------------------------------------------------------------------- */

/* The module's own code, in its own name and with its own rights. */
static enum ths_err adopt(struct ths_cpu *cpu, struct ths_instance *instance)
{
	struct ths_instance *self = cpu->call->instance;
	enum ths_err err;

	cpu->call->instance = cpu->serving = instance;
	cpu->txn.flags = (uint16_t)((cpu->txn.flags & ~TXN_PUBLISH) | TXN_ADOPT);
	ths_arch_core_leave();
	err = instance->module->adopt(cpu->call);
	THS_POINT("evolve/adopted");
	ths_arch_core_enter();
	cpu->txn.flags = (uint16_t)((cpu->txn.flags & ~TXN_ADOPT) | TXN_PUBLISH);
	cpu->call->instance = cpu->serving = self;
	return err > 0 || err < THS_ERR_LAST ? THS_E_INTERNAL : err;
}

static enum ths_err adopt_all(struct ths_cpu *cpu, struct ths_set *set)
{
	for (unsigned i = 0; i < set->ins; i++) {
		if (set->goes_back || !set->in[i].instance->module->adopt)
			continue;
		set->adopting = &set->in[i];
		THS_TRY(adopt(cpu, set->in[i].instance));
	}
	set->adopting = NULL;
	return THS_OK;
}

static enum ths_err change_all(struct ths_cpu *cpu, void *arg)
{
	struct ths_set *set = arg;

	THS_TRY(adopt_all(cpu, set));
	for (unsigned i = 0; i < set->changes; i++)
		THS_TRY(ths_provider_write(cpu, set->change[i].binding,
					   set->change[i].instance));
	return THS_OK;
}

static enum ths_err start(const struct ths_set *set, struct newcomer *in)
{
	enum ths_err err = THS_OK;

	if (in->instance->fresh && !in->started) {
		in->started = true;
		err = ths_invoke_start(in->instance);
	}
	if (err == THS_OK && !set->has_probation && !ths_migrate_needed(in->instance))
		err = ths_invoke_selftest(in->instance);
	if (err)
		return refuse(set, in, "does not start", err);
	THS_POINT("evolve/started");
	return THS_OK;
}

static enum ths_err start_all(struct ths_set *set)
{
	for (unsigned i = 0; i < set->ins && !set->goes_back; i++)
		THS_TRY(start(set, &set->in[i]));
	return THS_OK;
}

/* The token, then hardware locks, as ths_swap_hold() says. */
static void hold(struct ths_cpu *cpu, const struct ths_set *set)
{
	ths_section_enter(cpu);
	ths_token_take(cpu);
	for (unsigned i = 0; i < set->outs; i++)
		ths_spin_lock(&set->out[i]->busy);
}

static void let_all_go(struct ths_cpu *cpu, const struct ths_set *set)
{
	for (unsigned i = set->outs; i-- > 0;)
		ths_spin_unlock(&set->out[i]->busy);
	ths_token_give(cpu);
	ths_section_leave(cpu);
}

/* Whoever did not get a successor of its own: what was asked of it is dropped. */
static void hand_over(const struct ths_set *set)
{
	for (unsigned i = 0; i < set->ins; i++)
		atomic_store(&set->in[i].instance->heir, NULL);
	for (unsigned i = 0; i < set->outs; i++) {
		struct ths_instance *heir = ths_set_successor(set, set->out[i]);

		ths_swap_hand_over(set->out[i], heir ? heir : &ths_core.instance[0]);
	}
}

static void take_over(const struct ths_set *set)
{
	THS_POINT("evolve/published");
	for (unsigned i = 0; i < set->outs; i++)
		set->out[i]->state = set->has_probation ? THS_INSTANCE_KEPT
							: THS_INSTANCE_RETIRED;
	hand_over(set);
	for (unsigned i = 0; i < set->ins; i++)
		set->in[i].instance->fresh = false;
	for (unsigned i = 0; i < set->changes; i++) {
		const struct set_change *change = &set->change[i];

		if (change->instance)
			change->instance->state = THS_INSTANCE_BOUND;
		if (change->was_at)
			change->binding->account = change->was_at->account;
		change->binding->published++;
	}
}

static enum ths_err publish_bindings(void *arg)
{
	struct ths_set *set = arg;
	enum ths_err err;

	THS_POINT("evolve/before-commit");
	err = ths_publish(change_all, set);
	if (err && set->adopting)
		return refuse(set, set->adopting, "does not adopt rows", err);
	THS_TRY(err);
	take_over(set);
	return THS_OK;
}

static enum ths_err publish_once(struct ths_set *set)
{
	struct ths_instance *in[THS_EVOLVE_ITEMS];
	struct ths_cpu *cpu = ths_cpu();
	enum ths_err err;

	for (unsigned i = 0; i < set->ins; i++)
		in[i] = set->in[i].instance;
	THS_TRY(ths_migrate_check(in, set->ins, set->reason));
	hold(cpu, set);
	err = start_all(set);
	THS_POINT("evolve/before-publish");
	if (err == THS_OK)
		err = ths_migrate_publish(in, set->ins, publish_bindings, set);
	let_all_go(cpu, set);
	THS_POINT("evolve/after-publish");
	return err;
}

static enum ths_err publish_all(void *arg)
{
	struct ths_set *set = arg;
	enum ths_err err;

	do
		err = publish_once(set);
	while (err == THS_E_STALE && !set->reason->text[0]); /* no module said so */
	return err;
}

/* The states of those who left become those of their successors. */
static enum ths_err publish_with_states(struct ths_set *set)
{
	struct ths_meta_change change[THS_EVOLVE_ITEMS];
	unsigned count = 0;
	enum ths_err err;

	for (unsigned i = 0; i < set->ins; i++)
		if (set->in[i].old && set->in[i].old->block)
			change[count++] = (struct ths_meta_change){
				set->in[i].old, set->in[i].instance, THS_OK};
	err = count ? ths_meta_publish(change, count, set->reason, publish_all, set)
		    : publish_all(set);
	for (unsigned i = 0, k = 0; k < count; i++) {
		if (set->in[i].instance != change[k].new)
			continue;
		if (change[k++].err)
			return refuse(set, &set->in[i], "does not adopt its state", err);
	}
	return err;
}

static void mark_leaving(const struct ths_set *set, bool leaving)
{
	for (unsigned i = 0; i < set->outs; i++)
		set->out[i]->leaving = leaving;
}

static void attach(const struct ths_set *set)
{
	for (unsigned i = 0; i < set->changes; i++) {
		const struct set_change *change = &set->change[i];

		if (change->instance && ths_set_brings(set, change->instance) &&
		    !change->binding->behind) /* lines are the front's */
			ths_irqs_attach(change->instance, change->binding);
	}
}

static enum ths_err publish(struct ths_set *set)
{
	enum ths_err err;

	for (unsigned i = 0; i < set->changes; i++)
		set->change[i].was = ths_binding_instance(set->change[i].binding);
	mark_leaving(set, true);
	err = publish_with_states(set);
	mark_leaving(set, false);
	if (err == THS_OK)
		attach(set);
	return err;
}

/* Nobody is served by those who came. */
void ths_set_forget(const struct ths_set *set)
{
	ths_quiesce();
	for (unsigned i = 0; i < set->ins; i++) {
		const struct newcomer *in = &set->in[i];
		struct ths_instance *instance = in->instance;
		struct ths_instance *heir = atomic_load(&instance->heir);

		if (heir) /* kicks that came late */
			ths_swap_hand_over(instance, heir);
		atomic_store(&instance->heir, NULL);
		instance->next = (struct ths_ref){.generation = 0};
		instance->state = THS_INSTANCE_LOADED;
		instance->fresh |= in->started;
		if (in->started)
			ths_instance_wipe(instance);
	}
	for (unsigned i = 0; i < set->ins; i++)
		if (set->in[i].loaded)
			ths_swap_drop(set->in[i].instance);
}

/* ---- going back -------------------------------------------------------------------------- */

static void invert(const struct ths_set *set)
{
	static struct ths_reason unread;

	unread.text[0] = 0;
	back = (struct ths_set){.goes_back = true, .reason = &unread};
	for (unsigned i = 0; i < set->ins; i++)
		if (set->in[i].instance->set)
			back.out[back.outs++] = set->in[i].instance;
	for (unsigned i = 0; i < set->outs; i++)
		back.in[back.ins++] = (struct newcomer){
			.instance = set->out[i], .old = ths_set_successor(set, set->out[i])};
	for (unsigned i = 0; i < set->changes; i++)
		back.change[back.changes++] = (struct set_change){
			.binding = set->change[i].binding, .instance = set->change[i].was};
	for (unsigned i = 0; i < set->changes; i++) {
		struct set_change *change = ths_set_change(&back, set->change[i].was_at);

		if (change) /* what is held against a server goes with it */
			change->was_at = set->change[i].binding;
	}
}

/* E2 */
static bool stands(const struct ths_set *set)
{
	for (unsigned i = 0; i < set->changes; i++)
		if (ths_binding_instance(set->change[i].binding) != set->change[i].instance)
			return false;
	return true;
}

static void release(const struct ths_set *set)
{
	for (unsigned i = 0; i < set->ins; i++) {
		set->in[i].instance->set = NULL;
		atomic_store(&set->in[i].instance->condemned, false);
	}
}

/* Everything but what becomes of those who came. */
static enum ths_err go_back(const struct ths_set *set)
{
	if (!stands(set))
		return THS_E_NOENT;
	invert(set);
	for (unsigned i = 0; i < back.ins; i++)
		if (back.in[i].old)
			ths_interpose_inherit(back.in[i].old, back.in[i].instance);
	THS_POINT("set/before-revert");
	THS_TRY(publish(&back));
	release(set);
	return THS_OK;
}

enum ths_err ths_set_revert(void)
{
	enum ths_err err = go_back(&kept);

	if (err == THS_E_NOENT || err == THS_E_SCHEMA)
		ths_set_end(); /* it will not be able to later */
	THS_TRY(err);
	kept.ins = 0;
	for (unsigned i = 0; i < back.outs; i++)
		ths_probation_retire(back.out[i]);
	return THS_OK;
}

/* ---- probation --------------------------------------------------------------------------- */

static bool can_go_back(const struct ths_set *set)
{
	for (unsigned i = 0; i < set->outs; i++)
		if (set->out[i]->block)
			return false;
	for (unsigned i = 0; i < set->ins; i++) {
		struct ths_instance *instance = set->in[i].instance;

		if (instance->block || instance->module->adopt ||
		    !ths_migrate_has_back(instance))
			return false;
	}
	return true;
}

static bool ask_probation(struct ths_set *set)
{
	bool any = false;

	for (unsigned i = 0; i < set->ins; i++) {
		struct newcomer *in = &set->in[i];

		in->probation = ths_policy_probation(in->instance);
		any = any || in->probation.calls || in->probation.ticks;
	}
	return any && can_go_back(set);
}

bool ths_set_has_served(bool (*has_served)(const struct ths_instance *))
{
	for (unsigned i = 0; i < kept.ins; i++)
		if (kept.in[i].instance->set && !has_served(kept.in[i].instance))
			return false;
	return true;
}

void ths_set_end(void)
{
	struct ths_set *set = &kept;

	THS_POINT("set/before-end");
	release(set);
	for (unsigned i = 0; i < set->outs && set->ins; i++)
		ths_probation_retire(set->out[i]);
	set->ins = 0;
}

/* Who is not bound to anything serves nobody, and may come and go as before. */
static void enroll(struct ths_set *set)
{
	for (unsigned i = 0; i < set->ins; i++)
		if (set->in[i].instance->state == THS_INSTANCE_BOUND)
			set->in[i].instance->set = set;
	for (unsigned i = 0; i < set->outs; i++)
		ths_quiet_mark(&set->out[i]->quiet);
}

static const struct newcomer *test_all(struct ths_set *set, enum ths_err *err)
{
	for (unsigned i = 0; i < set->ins; i++) {
		THS_POINT("set/before-selftest");
		*err = ths_invoke_selftest(set->in[i].instance);
		if (*err)
			return &set->in[i];
	}
	return NULL;
}

/* Those who left are kept; what was on probation before, and who left from that, is not. */
static void keep(const struct ths_set *set)
{
	for (unsigned i = 0; i < set->outs; i++)
		ths_probation_end(set->out[i]);
	ths_set_end();
	kept = *set;
	for (unsigned i = 0; i < kept.ins; i++) {
		struct newcomer *in = &kept.in[i];

		if (!in->instance->set)
			continue;
		in->instance->set = &kept;
		ths_probation_count(in->instance, in->probation);
	}
}

/* An error is that of a self-test: all is as before. */
static enum ths_err begin(struct ths_set *set)
{
	const struct newcomer *failed;
	enum ths_err err = THS_OK;

	enroll(set);
	failed = test_all(set, &err);
	if (failed && go_back(set) == THS_OK) {
		(void)refuse(set, failed, "fails its self-test", err);
		ths_set_forget(set);
		return err;
	}
	keep(set);
	if (failed) /* then the sweep tries until it can */
		for (unsigned i = 0; i < kept.ins; i++)
			if (kept.in[i].instance->set)
				ths_probation_condemn(kept.in[i].instance);
	return THS_OK;
}

static void retire(const struct ths_set *set)
{
	ths_quiesce();
	for (unsigned i = 0; i < set->outs; i++) {
		ths_probation_end(set->out[i]);
		ths_swap_drop(set->out[i]);
	}
}

enum ths_err ths_set_publish(struct ths_set *set)
{
	enum ths_err err;

	set->has_probation = ask_probation(set);
	err = publish(set);
	if (err) {
		ths_set_forget(set);
		return err;
	}
	if (set->has_probation)
		return begin(set);
	retire(set);
	return THS_OK;
}

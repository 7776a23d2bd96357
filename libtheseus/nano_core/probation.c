/*
 * probation - a swap can be taken back until the new one has served for a while.
 *
 * Whom a swap replaced is kept: linked, its tables open. To go back is to publish once
 * more, the other way round; an interaction in flight on the one that failed is run again
 * on the one before, as with any swap. When the new one has served its calls or its ticks
 * nobody is kept any longer. A failure is noted where it happens, inside an interaction;
 * it is acted on at depth 0, by the interaction's next try or by the sweep, which runs at
 * ticks while anybody is watched.
 *
 * Invariants
 *   U1  An instance with a `before` is bound; the one before is KEPT, is nobody else's
 *       `before`, and keeps its name.
 *   U2  A superseded instance's text goes when its successor's probation is over, every
 *       CPU has passed depth 0 since it was superseded, and no row needs its functions.
 *   U3  Nothing here waits: what cannot be done now is done by a later sweep.
 *
 * Context: depth 0, with the loader's turn, unless said otherwise.
 */
#include <theseus/fmt.h>
#include <theseus/point.h>
#include <theseus/string.h>
#include "nano_core/swap_impl.h"

void ths_probation_set(struct ths_probation probation)
{
	ths_core.probation = probation;
}

/* Context: any. */
static void watch(void)
{
	THS_POINT("probation/before-watch");
	atomic_store(&ths_core.watched, true);
}

/* It goes now, or with the sweep that finds that nobody is in it or needs it (U2). */
static void retire(struct ths_instance *instance)
{
	THS_POINT("probation/before-retire");
	instance->state = THS_INSTANCE_RETIRED;
	if (ths_quiet_passed(&instance->quiet, ths_cpu()->number) &&
	    !ths_migrate_bears(instance))
		ths_loader_retire(instance);
	else
		watch();
}

void ths_probation_retire(struct ths_instance *instance)
{
	ths_quiet_mark(&instance->quiet);
	retire(instance);
}

void ths_probation_end(struct ths_instance *instance)
{
	struct ths_instance *before = instance->before;

	if (instance->set)
		ths_set_end();
	THS_POINT("probation/before-end");
	instance->before = NULL;
	atomic_store(&instance->condemned, false);
	if (before)
		retire(before);
}

/* Everything but what becomes of @instance. */
static enum ths_err go_back(struct ths_instance *instance)
{
	struct ths_instance *before = instance->before;

	if (!ths_migration_can_revert(instance, before))
		return THS_E_SCHEMA; /* somebody else's swap migrated a table it needs */
	THS_POINT("probation/before-revert");
	THS_TRY(ths_swap_publish(instance, before, NULL));
	instance->before = NULL;
	atomic_store(&instance->condemned, false);
	ths_swap_count(before);
	return THS_OK;
}

enum ths_err ths_probation_revert(struct ths_instance *instance)
{
	enum ths_err err;

	if (instance->set)
		return ths_set_revert();
	err = go_back(instance);
	if (err == THS_E_SCHEMA)
		ths_probation_end(instance); /* it will not be able to later */
	THS_TRY(err);
	ths_probation_retire(instance);
	return THS_OK;
}

struct ths_instance *ths_probation_before(const struct ths_instance *instance)
{
	for (unsigned i = 0; instance->set && i < instance->set->ins; i++)
		if (instance->set->in[i].instance == instance && instance->set->in[i].old)
			return instance->set->in[i].old;
	return instance->set ? &ths_core.instance[0] : instance->before;
}

void ths_probation_count(struct ths_instance *instance, struct ths_probation probation)
{
	instance->until_calls = probation.calls
					? ths_instance_calls(instance) + probation.calls
					: UINT64_MAX;
	instance->until_tick = probation.ticks || !probation.calls
				       ? ths_ticks() + probation.ticks
				       : UINT64_MAX;
	watch();
}

/*
 * @new serves and @old may be kept. An error is that of the self-test: @old serves again
 * and @new is loaded, as before the swap.
 */
enum ths_err ths_probation_begin(struct ths_instance *old, struct ths_instance *new,
				 struct ths_probation probation)
{
	enum ths_err err;

	old->state = THS_INSTANCE_KEPT;
	ths_quiet_mark(&old->quiet);
	new->before = old;
	THS_POINT("swap/before-selftest");
	err = ths_invoke_selftest(new);
	ths_probation_count(new, probation);
	if (err == THS_OK)
		return THS_OK;
	if (go_back(new) != THS_OK) { /* then the sweep tries until it can */
		ths_probation_condemn(new);
		return THS_OK;
	}
	ths_swap_unserve(new, old);
	return err;
}

/* Context: any; inside an interaction, too. */
void ths_probation_condemn(struct ths_instance *instance)
{
	atomic_store(&instance->condemned, true);
	watch();
	ths_pending(ths_cpu(), PENDING_SWEEP);
}

static bool has_served_its_own(const struct ths_instance *instance)
{
	return ths_instance_calls(instance) >= instance->until_calls ||
	       ths_ticks() >= instance->until_tick;
}

static bool has_served(const struct ths_instance *instance)
{
	return instance->set ? ths_set_has_served(has_served_its_own)
			     : has_served_its_own(instance);
}

static void look_after(struct ths_instance *instance)
{
	if (ths_is_on_probation(instance) && atomic_load(&instance->condemned)) {
		char name[THS_NAME_MAX], before[THS_NAME_MAX];
		enum ths_err err;

		memcpy(name, instance->name, sizeof(name)); /* they may go at once */
		memcpy(before, ths_probation_before(instance)->name, sizeof(before));
		err = ths_probation_revert(instance);
		if (err == THS_OK)
			ths_logf("%s failed in its probation; %s serves again", name, before);
		else if (!ths_is_on_probation(instance)) /* else it is tried again */
			ths_logf("%s failed in its probation, and stays: %s", name,
				 ths_err_text(err));
	} else if (ths_is_on_probation(instance) && has_served(instance)) {
		ths_probation_end(instance);
	}
	if (instance->state == THS_INSTANCE_RETIRED)
		retire(instance);
}

/* Ends what has served, reverts what failed, unmaps what nobody can be in any more. */
void ths_probation_sweep(void)
{
	bool any = false;

	if (!atomic_load(&ths_core.watched) || ths_loader_enter() != THS_OK)
		return;
	THS_POINT("probation/before-sweep");
	atomic_store(&ths_core.watched, false);
	for (unsigned i = 1; i < ths_instances(); i++) {
		struct ths_instance *instance = &ths_core.instance[i];

		look_after(instance);
		any |= ths_is_on_probation(instance) || instance->state == THS_INSTANCE_RETIRED;
	}
	if (any)
		watch();
	ths_loader_leave();
}

static enum ths_err rollback_locked(const char *name, struct ths_reason *reason)
{
	struct ths_instance *instance;
	uint32_t slot;
	enum ths_err err;

	THS_TRY(ths_swap_find(name, &slot, reason));
	instance = &ths_core.instance[slot];
	err = ths_is_on_probation(instance) ? ths_probation_revert(instance) : THS_E_NOENT;
	if (err)
		(void)ths_format(reason->text, sizeof(reason->text), "%s %s", instance->name,
				 err == THS_E_NOENT ? "is not on probation: nothing is kept "
						      "to go back to"
						    : "cannot be taken back: its tables were "
						      "migrated since");
	return err;
}

enum ths_err ths_rollback(const char *name, struct ths_reason *reason)
{
	struct ths_reason unread;
	enum ths_err err;

	reason = reason ? reason : &unread;
	reason->text[0] = 0;
	THS_TRY(ths_loader_enter());
	err = rollback_locked(name, reason);
	ths_loader_leave();
	ths_probation_sweep();
	return err;
}

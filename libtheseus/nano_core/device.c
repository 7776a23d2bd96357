/*
 * device - who drives a device, and who puts it right when that went wrong.
 *
 * A device operation is never run twice: it holds its driver's hardware lock, and what it
 * does to the device is written to the driver's journal. If it ends half-way - by a fault,
 * a deadline, for want of something - the lock stays until the driver's `recover` has made
 * its rows say what the journal says was done (P11). A `recover` that runs out of something
 * itself is run again at ticks; the lock is free meanwhile, and operations are refused.
 *
 * Invariants
 *   D1  Token, then hardware lock (P5); a nested device operation takes the lock only.
 *   D2  Between an operation that left a device half-way and a `recover` that has ended, or
 *       was given up, nobody drives that device, whoever is bound to it.
 *   D3  An operation that D2 refuses says THS_E_NOMEM: kicks and interrupts wait for a tick
 *       then, as they do for memory.
 */
#include <theseus/point.h>
#include "nano_core/swap_impl.h"

#define RECOVER_TRIES 200u /* of one device; one a tick */

/* ---- hardware locks --------------------------------------------------------------------- */

/* The token, shared, until the outermost device operation ends. */
static void device_token(struct ths_cpu *cpu)
{
	for (;;) {
		atomic_store(&cpu->committing, 1);
		if (atomic_load(&ths_core.token) == 0)
			break;
		atomic_store(&cpu->committing, 0);
		ths_arch_relax();
	}
}

/* While it waited, a swap may have come: the lock is of what was bound before. */
static bool is_still_bound(const struct ths_call *call)
{
	uintptr_t word;

	if (!call->binding)
		return !atomic_load(&call->instance->heir);
	word = atomic_load_explicit(&call->binding->slot.word, memory_order_acquire);
	return (word & ~(uintptr_t)SLOT_WAITERS) == (uintptr_t)call->provider;
}

/*
 * A device operation holds the token, shared unless we are its owner, then its hardware
 * lock (P5); one nested in it takes the lock only, for it must not give way to an owner
 * half-way. `recover` runs under the lock the faulted operation left behind, without the
 * token. Each of these orders is tried in tests/model/token.pml.
 */
enum ths_err ths_device_enter(struct ths_cpu *cpu, struct ths_call *call)
{
	struct ths_instance *instance = call->instance;
	uint32_t due;

	if (cpu->recovering)
		return is_still_bound(call) ? THS_OK : THS_E_STALE;
	if (call == &cpu->calls[0] && !cpu->token)
		device_token(cpu);
	ths_spin_lock(&instance->busy);
	call->device_held = true;
	due = atomic_load(&instance->unrecovered);
	if (!due) { /* else the journal is what `recover` will look at */
		instance->journal.op = call->op_number;
		instance->journal.entries = 0;
	}
	if (!is_still_bound(call))
		return THS_E_STALE;
	return due ? THS_E_NOMEM : THS_OK;
}

/* Whether a device operation that ended so has left its device half-way: by a fault, or
 * for want of something. What it did there is done; the rows that would say so are not. */
static bool is_halfway(const struct ths_instance *instance, enum ths_err err)
{
	if (atomic_load(&instance->unrecovered))
		return false; /* it was not run */
	return ths_err_is_fault(err) ||
	       (ths_err_is_shortage(err) && instance->journal.entries > 0);
}

/* If it ended half-way the lock stays until `recover` has run (P11): ths_recover_devices(). */
void ths_device_leave(struct ths_cpu *cpu, struct ths_call *call, enum ths_err err)
{
	struct ths_instance *instance = call->instance;

	if (call == &cpu->calls[0])
		atomic_store(&cpu->committing, 0);
	if (cpu->recovering)
		return;
	if (is_halfway(instance, err) && instance->module->recover) {
		cpu->section++; /* no interrupt's work may wait for its lock */
		cpu->faulted[cpu->faulted_count++] = instance;
	} else {
		ths_spin_unlock(&instance->busy);
	}
}

/* A device operation that is to be run again has perhaps done half of what it does to its
 * device; as after a fault, `recover` comes first (P11). */
enum ths_err ths_device_cut_short(const struct ths_call *call)
{
	return call->device_held && call->instance->journal.entries ? THS_E_INTERNAL
								    : THS_OK;
}

/* ---- recovery --------------------------------------------------------------------------- */

/* Under the device's lock. What a try did to the device before it ran out of something is
 * in the journal of the next one. */
static void recover(struct ths_cpu *cpu, struct ths_instance *instance)
{
	enum ths_err err;

	cpu->recovering = true;
	instance->faulted = instance->journal;
	THS_POINT("recover/before");
	err = ths_invoke_recover(instance);
	if (err == THS_OK)
		err = ths_invoke_reread(instance);
	cpu->recovering = false;
	THS_POINT("recover/after");
	if (ths_err_is_shortage(err) && atomic_fetch_sub(&instance->unrecovered, 1) > 1) {
		atomic_store(&ths_core.unrecovered, true);
		return;
	}
	atomic_store(&instance->unrecovered, 0);
	if (err)
		ths_logf("recover of %s: %s", instance->name, ths_err_text(err));
}

/* Runs `recover` of every driver whose operation faulted, innermost first, and releases
 * the locks they were left with. Their sections end when there are none to recover any more:
 * a tick before that would find them, and do it again. */
void ths_recover_devices(struct ths_cpu *cpu)
{
	uint32_t count = cpu->faulted_count;

	for (unsigned i = 0; i < count; i++) {
		struct ths_instance *instance = cpu->faulted[i];

		atomic_store(&instance->unrecovered, RECOVER_TRIES);
		recover(cpu, instance);
		ths_spin_unlock(&instance->busy);
	}
	cpu->faulted_count = 0;
	cpu->section -= count;
}

/* In the loader's turn: who drives the device, and has its journal, stays the same. */
void ths_recover_again(void)
{
	struct ths_cpu *cpu = ths_cpu();

	if (ths_loader_enter() != THS_OK)
		return; /* the next tick, then */
	THS_POINT("recover/again");
	atomic_store(&ths_core.unrecovered, false);
	for (unsigned i = 1; i < ths_instances(); i++) {
		struct ths_instance *instance = &ths_core.instance[i];

		if (!atomic_load(&instance->unrecovered))
			continue;
		ths_spin_lock(&instance->busy);
		if (atomic_load(&instance->unrecovered))
			recover(cpu, instance);
		ths_spin_unlock(&instance->busy);
	}
	ths_loader_leave();
}

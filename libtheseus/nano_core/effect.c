/*
 * effect - the world beyond rows, changed after commit and only then.
 *
 * Invariants
 *   E1  Whatever performing an effect takes was reserved when it was appended: performing
 *       cannot fail.
 *   E2  Effects are performed in the order they were appended; those of a level that was
 *       rolled back are dropped, with what was reserved for them.
 */
#include <theseus/point.h>
#include "nano_core/swap_impl.h"

/* Before anything is reserved for it (E1). */
static enum ths_err has_room(const struct ths_cpu *cpu)
{
	if (!ths_cpu_is_inside(cpu))
		return THS_E_PERM;
	return cpu->txn.effects < EFFECTS_MAX && !THS_FAIL("alloc/effect") ? THS_OK
									   : THS_E_FULL;
}

static void append(struct ths_cpu *cpu, struct txn_effect effect)
{
	cpu->txn.effect[cpu->txn.effects++] = effect;
	cpu->txn.flags |= TXN_EFFECTS;
}

static uint32_t starts(const struct ths_txn *txn)
{
	uint32_t count = 0;

	for (unsigned i = 0; i < txn->effects; i++)
		count += txn->effect[i].kind == EFFECT_TASK_START;
	return count;
}

static enum ths_err start_task(struct ths_cpu *cpu, void (*entry)(void *), void *arg,
			       struct ths_task_id *task)
{
	enum ths_err err;
	uint32_t slot;

	if (!entry)
		return THS_E_INVAL;
	THS_TRY(has_room(cpu));
	slot = ths_context_reserve();
	if (slot == THS_ROW_NONE) { /* made at depth 0, or there is none to be had */
		cpu->spare_needed = starts(&cpu->txn) + 1;
		ths_txn_unwind(cpu, OUTCOME_STACK);
	}
	ths_core.context[slot].entry = entry;
	ths_core.context[slot].arg = arg;
	task->slot = slot;
	task->generation = ths_core.context[slot].generation;
	append(cpu, (struct txn_effect){.kind = EFFECT_TASK_START, .arg = slot});
	err = ths_quota_inherit(cpu, slot);
	if (err)
		ths_effects_drop(cpu, cpu->txn.effects - 1u);
	return err;
}

enum ths_err ths_task_start(struct ths_call *call, void (*entry)(void *), void *arg,
			    struct ths_task_id *task)
{
	struct ths_cpu *cpu = ths_cpu();
	enum ths_err err;

	(void)call;
	ths_arch_core_enter();
	ths_stack_check(cpu);
	err = start_task(cpu, entry, arg, task);
	ths_arch_core_leave();
	return err;
}

static bool may_be_killed(struct ths_task_id task)
{
	const struct ths_context *context = &ths_core.context[task.slot % CONTEXTS_MAX];
	uint32_t state = atomic_load(&context->state);

	return task.slot < CONTEXTS_MAX && context->generation == task.generation &&
	       state != CONTEXT_FREE && state != CONTEXT_DYING;
}

enum ths_err ths_task_kill(struct ths_call *call, struct ths_task_id task)
{
	struct ths_cpu *cpu = ths_cpu();
	enum ths_err err = THS_E_STALE;

	(void)call;
	ths_arch_core_enter();
	if (may_be_killed(task))
		err = has_room(cpu);
	if (err == THS_OK)
		append(cpu, (struct txn_effect){.kind = EFFECT_TASK_KILL,
						.arg = task.slot,
						.data = task.generation});
	ths_arch_core_leave();
	return err;
}

enum ths_err ths_kick(struct ths_call *call, unsigned op)
{
	struct ths_cpu *cpu = ths_cpu();
	enum ths_err err = THS_E_INVAL;

	(void)call;
	ths_arch_core_enter();
	if (ths_cpu_is_inside(cpu) && op < cpu->serving->ops &&
	    cpu->serving->op[op].fn &&
	    cpu->serving->op[op].args_size == sizeof(struct ths_no_args))
		err = has_room(cpu);
	if (err == THS_OK)
		append(cpu, (struct txn_effect){.kind = EFFECT_KICK,
						.arg = op,
						.data = cpu->serving->slot});
	ths_arch_core_leave();
	return err;
}

enum ths_err ths_effect_rollback(struct ths_cpu *cpu, uint32_t slot)
{
	THS_TRY(has_room(cpu));
	append(cpu, (struct txn_effect){.kind = EFFECT_ROLLBACK, .data = slot});
	return THS_OK;
}

static void perform(struct ths_cpu *cpu, const struct txn_effect *effect)
{
	switch ((enum effect_kind)effect->kind) {
	case EFFECT_TASK_START:
		ths_context_start(cpu, effect->arg);
		break;
	case EFFECT_TASK_KILL:
		ths_context_kill(cpu, effect->arg, (uint32_t)effect->data);
		break;
	case EFFECT_KICK:
		ths_kick_now(cpu, &ths_core.instance[effect->data], 1u << effect->arg);
		break;
	case EFFECT_ROLLBACK:
		ths_probation_condemn(&ths_core.instance[effect->data]);
		break;
	}
}

void ths_effects_perform(struct ths_cpu *cpu)
{
	THS_POINT("effect/before-perform");
	for (unsigned i = 0; i < cpu->txn.effects; i++)
		perform(cpu, &cpu->txn.effect[i]);
}

void ths_effects_drop(struct ths_cpu *cpu, unsigned from)
{
	struct ths_txn *txn = &cpu->txn;

	while (txn->effects > from) {
		const struct txn_effect *effect = &txn->effect[--txn->effects];

		if (effect->kind == EFFECT_TASK_START)
			ths_context_unreserve(effect->arg);
	}
}

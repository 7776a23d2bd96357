/*
 * work - what waits for depth 0: wake-ups, device interrupts, kicks, the tick.
 *
 * Interrupt entry only sets a bit (P2). At depth 0 - when an interaction has ended, when
 * an interrupt returns to a program, when nobody runs - this takes the bits and does what
 * they say, each handler as an interaction of its own. The device's EOI comes after its
 * handlers, so that a storming line throttles itself.
 *
 * Invariants
 *   I1  A bit is cleared before what it stands for is looked at: what comes meanwhile
 *       sets it again.
 *   I2  Work does not nest: while it runs, bits wait for its next round.
 *   I3  A kick is forgotten only when its operation returned THS_OK; otherwise it is run
 *       again at the next tick (P10).
 *   I4  An interrupt that met a shortage - of whatever its line, its handlers or its EOI
 *       need - is served again at the next tick, and ended only then: a line that comes by
 *       edges would never come again.
 */
#include <theseus/string.h>
#include "nano_core/swap_impl.h"

void ths_pending(struct ths_cpu *cpu, uint32_t what)
{
	atomic_fetch_or(&cpu->pending, what);
}

bool ths_cpu_is_idle(void)
{
	const struct ths_cpu *cpu = ths_cpu();

	return cpu->started && !ths_cpu_is_inside(cpu) && cpu->section == 0 && !cpu->working;
}

void ths_irq(unsigned vector)
{
	struct ths_cpu *cpu = ths_cpu();

	if (vector >= VECTORS)
		return;
	atomic_fetch_or(&cpu->irqs[vector / 64], 1ull << (vector % 64));
	ths_pending(cpu, PENDING_IRQ);
}

/* ---- device interrupts ------------------------------------------------------------- */

static enum ths_err call_handler(const struct irq_handler *handler)
{
	struct ths_ref ref = {.binding = handler->binding,
			      .generation = handler->generation,
			      .flags = THS_REF_NOWAIT};
	struct ths_no_args args = {0};
	enum ths_err err;

	err = ths_gate_portable(&ref, handler->op, &args, NULL);
	if (err)
		ths_logf("interrupt handler %s op %u: %s",
			 ths_ref_binding(&ref)->iface, handler->op,
			 ths_err_text(err));
	return err;
}

/* False: it is not done, for want of something. A handler that is called once more than
 * its device asked for finds nothing to do. */
static bool call_handlers(const struct irq_map *map)
{
	bool done = true;

	for (uint32_t i = 0; i < map->handlers && i < IRQ_HANDLERS_MAX; i++)
		if (map->handler[i].used && ths_err_is_shortage(call_handler(&map->handler[i])))
			done = false;
	return done;
}

/* Likewise. */
static bool serve_vector(unsigned vector)
{
	struct irq_map map = {.vector = vector};
	struct irq_line line = {0};
	enum ths_err err = irq_map(&ths_core.irq, &map);

	if (err) {
		ths_logf("interrupt vector %u: %s", vector, ths_err_text(err));
		return !ths_err_is_shortage(err);
	}
	if (!call_handlers(&map))
		return false;
	line.line = map.line;
	err = irq_eoi(&ths_core.irq, &line);
	if (err && err != THS_E_NOENT)
		ths_logf("end of interrupt, line %u: %s", map.line, ths_err_text(err));
	return !ths_err_is_shortage(err);
}

/* What is not done is marked again, without PENDING_IRQ: the next tick brings it up. */
static void serve_irqs(struct ths_cpu *cpu)
{
	for (unsigned i = 0; i < VECTORS / 64; i++) {
		uint64_t bits = atomic_exchange(&cpu->irqs[i], 0);

		for (; bits; bits &= bits - 1)
			if (!serve_vector(i * 64 + (unsigned)__builtin_ctzll(bits)))
				atomic_fetch_or(&cpu->irqs[i], bits & -bits);
	}
}

/* ---- kicks ---------------------------------------------------------------------------- */

/* nano_core itself is the heir of those who have none: what was asked of them is dropped. */
void ths_kick_now(struct ths_cpu *cpu, struct ths_instance *instance, uint32_t ops)
{
	if (instance->slot == 0)
		return;
	atomic_fetch_or(&instance->kicked, ops);
	atomic_fetch_or(&ths_core.kicked[instance->slot / 64],
			1ull << (instance->slot % 64));
	ths_pending(cpu, PENDING_KICK);
}

/* @ops of @old as @new has them: another version has them elsewhere, or not at all. */
static uint32_t same_ops(const struct ths_instance *old, const struct ths_instance *new,
			 uint32_t ops)
{
	const struct ths_iface *was = old->module->provides.iface,
			       *is = new->module->provides.iface;
	uint32_t found = 0;

	if (was->version == is->version && ths_streq(was->name, is->name))
		return ops;
	for (; ops; ops &= ops - 1)
		for (uint32_t i = 0; i < is->ops; i++)
			if (is->info[i].args_size == sizeof(struct ths_no_args) &&
			    ths_streq(is->info[i].name, was->info[__builtin_ctz(ops)].name))
				found |= 1u << i;
	return found;
}

void ths_kick_pass_on(struct ths_instance *old, struct ths_instance *new, uint32_t ops)
{
	if (ops)
		ops = same_ops(old, new, ops);
	if (ops)
		ths_kick_now(ths_cpu(), new, ops);
}

static void run_kicks_of(struct ths_instance *instance)
{
	uint32_t ops = atomic_exchange(&instance->kicked, 0);
	struct ths_instance *heir = atomic_load(&instance->heir);
	uint32_t again = 0;

	if (ops && heir) {
		ths_kick_pass_on(instance, heir, ops);
		return;
	}
	for (uint32_t left = ops; left; left &= left - 1) {
		uint32_t op = (uint32_t)__builtin_ctz(left);

		if (ths_invoke_op(instance, op) != THS_OK)
			again |= 1u << op;
	}
	if (again) { /* without PENDING_KICK: the next tick brings it up (I3) */
		atomic_fetch_or(&instance->kicked, again);
		atomic_fetch_or(&ths_core.kicked[instance->slot / 64],
				1ull << (instance->slot % 64));
	}
}

static void run_kicks(void)
{
	for (unsigned i = 0; 64 * i < ths_instances(); i++) {
		uint64_t bits = atomic_exchange(&ths_core.kicked[i], 0);

		for (; bits; bits &= bits - 1) {
			unsigned slot = i * 64 + (unsigned)__builtin_ctzll(bits);

			run_kicks_of(&ths_core.instance[slot]);
		}
	}
}

/* ---- the tick ------------------------------------------------------------------------- */

static void serve_tick(struct ths_cpu *cpu)
{
	struct sched_tick args = {.cpu = cpu->number,
				  .current = cpu->current < CONTEXTS_MAX ? cpu->current
									  : THS_ROW_NONE,
				  .ticks = ++cpu->current_ticks};
	enum ths_err err;

	for (unsigned i = 0; 64 * i < ths_instances(); i++)
		if (atomic_load(&ths_core.kicked[i]))
			ths_pending(cpu, PENDING_KICK);
	for (unsigned i = 0; i < VECTORS / 64; i++)
		if (atomic_load(&cpu->irqs[i]))
			ths_pending(cpu, PENDING_IRQ);
	if (cpu->fault.unlogged)
		ths_pending(cpu, PENDING_FAULT);
	if (cpu->reap_again)
		ths_pending(cpu, PENDING_REAP);
	cpu->reap_again = false;
	if (atomic_load_explicit(&ths_core.watched, memory_order_relaxed))
		ths_pending(cpu, PENDING_SWEEP);
	if (ths_sweep_is_due(cpu->ticks))
		ths_pending(cpu, PENDING_SWEEP);
	if (atomic_load_explicit(&ths_core.unrecovered, memory_order_relaxed))
		ths_pending(cpu, PENDING_RECOVER);
	ths_soft_touched(cpu);
	if (!ths_core.up)
		return;
	ths_context_admit_posted(cpu);
	err = sched_tick(&ths_core.sched, &args);
	if (err || args.resched) /* without a scheduler everybody gets a tick */
		ths_pending(cpu, PENDING_RESCHED);
}

/* Too long in one operation: ends the interaction, now or on the way out of nano_core. */
static void spend(struct ths_cpu *cpu, uint64_t pc)
{
	const struct ths_call *call = &cpu->calls[0];
	uint32_t budget = call->op && call->op->budget ? call->op->budget : BUDGET_TICKS;
	struct ths_instance *meta;

	if (cpu->used_by != atomic_load(&cpu->activity)) {
		cpu->used_by = atomic_load(&cpu->activity);
		cpu->used = 0;
	}
	if (++cpu->used <= budget)
		return;
	if (ths_is_module_code(pc)) {
		ths_fault_note(cpu, THS_E_DEADLINE, pc, 0);
		ths_arch_unwind(&cpu->calls[0].frame, (uint64_t)(int64_t)THS_E_DEADLINE);
	}
	cpu->overdue = atomic_load(&cpu->activity);
	cpu->txn.read_limit = cpu->txn.read; /* the next access takes notice */
	cpu->txn.writes_limit = 0;
	if (cpu->used <= 2 * budget)
		return;
	meta = ths_meta_on_probation(pc); /* it has not taken notice for as long again */
	if (meta)
		ths_meta_fault(cpu, meta, THS_E_DEADLINE, pc, 0);
}

void ths_tick(uint64_t pc)
{
	struct ths_cpu *cpu = ths_cpu();

	if (!cpu->started)
		return;
	cpu->ticks++;
	ths_pending(cpu, PENDING_TICK);
	if (ths_cpu_is_inside(cpu))
		spend(cpu, pc);
}

/* ---- all of it ------------------------------------------------------------------------ */

static bool serve_pending(struct ths_cpu *cpu)
{
	bool resched = false;
	uint32_t what;

	while ((what = atomic_exchange(&cpu->pending, 0))) {
		if (what & PENDING_MEET)
			ths_meet(cpu);
		resched = resched || (what & PENDING_RESCHED);
		if (what & PENDING_RECOVER)
			ths_recover_again();
		if (what & PENDING_IRQ)
			serve_irqs(cpu);
		if (what & PENDING_KICK)
			run_kicks();
		if (what & PENDING_TICK)
			serve_tick(cpu);
		if ((what & PENDING_WAKE) && cpu->current == CONTEXTS_MAX)
			resched = true; /* the pick admits them */
		if (what & PENDING_RECLAIM)
			ths_pool_reclaim(cpu);
		if (what & PENDING_REAP)
			ths_context_reap(cpu);
		if (what & PENDING_FAULT)
			ths_fault_log(&cpu->fault);
		if (what & PENDING_SWEEP) {
			ths_probation_sweep();
			ths_sweep_again();
		}
		if (what & PENDING_SOFT)
			ths_soft_vanish();
	}
	return resched;
}

/* Begins and ends with interrupts off: one that came between the test and `working` would
 * work on top of us, and the next on top of that (tests/model/depth.pml). */
void ths_work(void)
{
	struct ths_cpu *cpu = ths_cpu();
	bool on = ths_arch_irq_save();

	while (ths_cpu_is_idle() && atomic_load(&cpu->pending)) {
		bool resched;

		ths_arch_core_enter();
		cpu->working = true;
		ths_arch_irq_restore(true);
		resched = serve_pending(cpu);
		(void)ths_arch_irq_save();
		cpu->working = false;
		if (resched && ths_core.up)
			ths_context_reschedule(cpu);
		ths_arch_core_leave();
		cpu = ths_cpu();
	}
	ths_arch_irq_restore(on);
}

void ths_section_enter(struct ths_cpu *cpu)
{
	cpu->section++;
}

void ths_section_leave(struct ths_cpu *cpu)
{
	cpu->section--;
	if (THS_UNLIKELY(atomic_load(&cpu->pending)) && ths_cpu_is_idle())
		ths_work();
}

/* From gate.S: nothing was touched, but something waits. */
enum ths_err ths_gate_pending(void)
{
	if (ths_cpu_is_idle())
		ths_work();
	return THS_OK;
}

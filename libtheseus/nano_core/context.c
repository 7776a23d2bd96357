/*
 * context - what a task is to nano_core: a stack, saved registers, a state.
 *
 * Who runs next is the scheduler's to say (iface/sched.h); this switches. Should the
 * scheduler be dead, runnable contexts are picked in slot order, so that whoever can
 * replace it gets to run (P19).
 *
 * Invariants
 *   K1  A context that is SLEEPING is woken by exactly the wake that names its sleep
 *       number; state, posted and queued change under ths_core.lock only.
 *   K2  A context is switched to only when RUNNABLE and not on a CPU.
 *   K3  Every switch happens at depth 0 inside one section of nano_core's own (section
 *       == 1), which whoever is switched to leaves.
 *   K4  A slot is reused after its shares are reaped, with a new generation; its stack
 *       stays with it.
 *   K5  No kill is lost. Who may not be killed now is doomed, and is when its shield is
 *       lowered: at the end of the loader's turn, or by the start of who is not born yet.
 *   K6  A task stays with the CPU it was started on, also where a policy keeps one queue for
 *       all: who is named to another CPU is posted to its own. nano_core's records of a CPU
 *       are found once and held, so that who runs may not change CPUs under them.
 *
 * Cost: O(1), however many tasks there are; the fallback pick alone is O(contexts used).
 */
#include <theseus/iface/tasks.h>
#include <theseus/point.h>
#include "nano_core/nano_core_impl.h"

static struct ths_context *context_of(uint32_t slot)
{
	return &ths_core.context[slot];
}

struct ths_task_id ths_task_self(void)
{
	uint32_t slot = ths_cpu()->current;

	return (struct ths_task_id){slot, slot < CONTEXTS_MAX
						  ? context_of(slot)->generation
						  : 0};
}

void ths_context_init(struct ths_cpu *cpu)
{
	cpu->current = CONTEXTS_MAX;
	for (uint32_t i = 0; i < CONTEXTS_MAX; i++)
		ths_core.context[i].generation = 1;
}

/* ---- slots and stacks ---------------------------------------------------------------- */

/* Under ths_core.lock. */
static void push(uint32_t *list, uint32_t slot)
{
	context_of(slot)->next = *list;
	*list = slot + 1;
}

/* Likewise. THS_ROW_NONE: the list is empty. */
static uint32_t pop(uint32_t *list)
{
	uint32_t slot = *list - 1;

	if (slot != THS_ROW_NONE)
		*list = context_of(slot)->next;
	return slot;
}

/* Likewise: one without a stack. */
static uint32_t pop_bare(void)
{
	uint32_t slot = pop(&ths_core.bare);

	return slot == THS_ROW_NONE && ths_core.contexts_used < CONTEXTS_MAX
		       ? ths_core.contexts_used++
		       : slot;
}

/* Maps a stack for slot @slot: a guard page lies below. */
static enum ths_err make_stack(struct ths_context *context, uint32_t slot)
{
	struct ths_arch_area area = ths_arch_stack_area();
	uint64_t each = 2 * TASK_STACK;
	ths_vaddr_t base = area.base + (slot + 2 * THS_CPU_MAX) * each + TASK_STACK;
	void *pages;

	if (base + TASK_STACK > area.base + area.size || THS_FAIL("alloc/stack"))
		return THS_E_NOMEM;
	pages = ths_pages_take(2);
	if (!pages)
		return THS_E_NOMEM;
	if (ths_arch_map(base, ths_arch_paddr(pages), TASK_STACK / THS_PAGE_SIZE,
			 THS_PROT_RW)) {
		ths_pages_give(pages, 2);
		return THS_E_NOMEM;
	}
	context->stack = base;
	return THS_OK;
}

/* Under ths_core.lock. */
static bool are_spare(uint32_t needed)
{
	for (uint32_t at = ths_core.spare; at && needed; at = context_of(at - 1)->next)
		needed--;
	return needed == 0;
}

/* One slot more gets a stack, if less than @needed have one; else *@enough. */
static enum ths_err make_spare(uint32_t needed, bool *enough)
{
	uint32_t slot = THS_ROW_NONE;
	enum ths_err err;

	ths_spin_lock(&ths_core.lock);
	*enough = are_spare(needed);
	if (!*enough)
		slot = pop_bare();
	ths_spin_unlock(&ths_core.lock);
	if (slot == THS_ROW_NONE)
		return *enough ? THS_OK : THS_E_FULL;
	err = make_stack(context_of(slot), slot);
	ths_spin_lock(&ths_core.lock);
	push(err ? &ths_core.bare : &ths_core.spare, slot);
	ths_spin_unlock(&ths_core.lock);
	return err;
}

/* Depth 0: makes sure that @needed slots with a stack are spare. */
enum ths_err ths_context_spare(uint32_t needed)
{
	enum ths_err err = THS_FAIL("alloc/context") ? THS_E_FULL : THS_OK;
	bool enough = false;

	while (err == THS_OK && !enough)
		err = make_spare(needed, &enough);
	return err;
}

/* Inside an interaction: a slot with a stack is ours; THS_ROW_NONE: there is none. Once that
 * has committed others know the task, and may kill it before it is started (K5). */
uint32_t ths_context_reserve(void)
{
	struct ths_cpu *cpu = ths_cpu();
	uint32_t slot;

	cpu->locks++;
	ths_spin_lock(&ths_core.lock);
	slot = pop(&ths_core.spare);
	if (slot != THS_ROW_NONE) {
		context_of(slot)->shielded = true;
		atomic_store(&context_of(slot)->state, CONTEXT_RESERVED);
	}
	ths_spin_unlock(&ths_core.lock);
	cpu->locks--;
	return slot;
}

void ths_context_unreserve(uint32_t slot)
{
	struct ths_cpu *cpu = ths_cpu();

	cpu->locks++;
	ths_spin_lock(&ths_core.lock);
	context_of(slot)->shielded = context_of(slot)->doomed = false;
	atomic_store(&context_of(slot)->state, CONTEXT_FREE);
	push(&ths_core.spare, slot);
	ths_spin_unlock(&ths_core.lock);
	cpu->locks--;
}

/* ---- the life of a task ---------------------------------------------------------------- */

/* A program returned: it ends as if it had called tasks.exit itself. */
static void end_self(struct ths_cpu *cpu)
{
	struct tasks_exit args = {0};
	enum ths_err err = tasks_exit(&ths_core.tasks, &args);

	if (err)
		ths_context_kill(cpu, cpu->current,
				 context_of(cpu->current)->generation);
	for (;;)
		ths_context_block(cpu);
}

static void first_steps(void *arg)
{
	struct ths_context *context = arg;
	struct ths_cpu *cpu = ths_cpu();

	ths_section_leave(cpu); /* K3 */
	context->entry(context->arg);
	end_self(ths_cpu());
}

/* Under ths_core.lock: the scheduler is to be told at the CPU's next depth 0. */
static void post(struct ths_cpu *cpu, uint32_t slot)
{
	struct ths_context *context = context_of(slot);
	struct ths_cpu *target = ths_core.cpu[context->cpu];

	if (context->posted || context->queued || context->on_cpu)
		return;
	context->posted = true;
	context->wake_next = atomic_load(&target->wake_head);
	atomic_store(&target->wake_head, slot + 1);
	if (target == cpu && cpu->current < CONTEXTS_MAX)
		return; /* the next pick, or tick, takes it along */
	ths_pending(target, PENDING_WAKE);
	if (target != cpu)
		ths_arch_kick_cpu(target->number);
}

/* Under ths_core.lock. It is reaped by the CPU it is of, which leaves it first should it run:
 * hand_over() says then that it can be reaped. */
static void kill(struct ths_cpu *cpu, uint32_t slot)
{
	struct ths_context *context = context_of(slot);
	struct ths_cpu *target = ths_core.cpu[context->cpu];
	uint32_t due = slot == cpu->current ? PENDING_RESCHED : PENDING_REAP;

	context->sleep_number++;
	atomic_store(&context->state, CONTEXT_DYING);
	push(&target->dying, slot);
	ths_pending(target, target == cpu ? due : PENDING_REAP | PENDING_RESCHED);
	if (target != cpu)
		ths_arch_kick_cpu(target->number);
}

/* Under ths_core.lock. */
static void lower_shield(struct ths_cpu *cpu, uint32_t slot)
{
	struct ths_context *context = context_of(slot);

	context->shielded = false;
	if (context->doomed)
		kill(cpu, slot);
	context->doomed = false;
}

/* Under ths_core.lock. Where a new task lives, and stays: with the CPUs in turn. */
static uint8_t home(const struct ths_cpu *cpu)
{
	for (unsigned i = 0; i < ths_core.cpus; i++) {
		const struct ths_cpu *next = ths_core.cpu[ths_core.turn++ % ths_core.cpus];

		if (__atomic_load_n(&next->serves, __ATOMIC_RELAXED))
			return (uint8_t)next->number;
	}
	return (uint8_t)cpu->number;
}

/* The effect of ths_task_start(): after commit. */
void ths_context_start(struct ths_cpu *cpu, uint32_t slot)
{
	struct ths_context *context = context_of(slot);

	ths_poison((void *)(uintptr_t)context->stack, TASK_STACK);
	ths_arch_context_init(&context->arch, (void *)(uintptr_t)(context->stack + TASK_STACK),
			      first_steps, context);
	ths_spin_lock(&ths_core.lock);
	context->cpu = ths_core.cpus == 1 ? (uint8_t)cpu->number : home(cpu);
	atomic_store(&context->state, CONTEXT_RUNNABLE);
	lower_shield(cpu, slot);
	if (atomic_load(&context->state) == CONTEXT_RUNNABLE)
		post(cpu, slot);
	ths_spin_unlock(&ths_core.lock);
}

/* Under ths_core.lock. */
void ths_context_wake(struct ths_cpu *cpu, uint32_t slot, uint32_t sleep_number)
{
	struct ths_context *context = context_of(slot);

	if (context->sleep_number != sleep_number ||
	    atomic_load(&context->state) != CONTEXT_SLEEPING)
		return; /* Z2 */
	context->sleep_number++;
	atomic_store(&context->state, CONTEXT_RUNNABLE);
	post(cpu, slot);
}

void ths_context_kill(struct ths_cpu *cpu, uint32_t slot, uint32_t generation)
{
	struct ths_context *context = context_of(slot);

	cpu->section++;
	ths_spin_lock(&ths_core.lock);
	if (context->generation == generation &&
	    atomic_load(&context->state) != CONTEXT_FREE &&
	    atomic_load(&context->state) != CONTEXT_DYING) {
		context->doomed = context->shielded;
		if (!context->shielded)
			kill(cpu, slot);
	}
	ths_spin_unlock(&ths_core.lock);
	cpu->section--;
}

/* In a section: from here on the current task ends only when the shield is down, and what
 * it began is never half done. False: it has been killed already. */
bool ths_context_shield(const struct ths_cpu *cpu)
{
	struct ths_context *context;
	bool alive;

	if (cpu->current == CONTEXTS_MAX)
		return true;
	context = context_of(cpu->current);
	ths_spin_lock(&ths_core.lock);
	alive = atomic_load(&context->state) != CONTEXT_DYING;
	context->shielded = alive;
	ths_spin_unlock(&ths_core.lock);
	return alive;
}

void ths_context_unshield(struct ths_cpu *cpu)
{
	if (cpu->current == CONTEXTS_MAX)
		return;
	cpu->section++;
	ths_spin_lock(&ths_core.lock);
	lower_shield(cpu, cpu->current);
	ths_spin_unlock(&ths_core.lock);
	ths_section_leave(cpu); /* if it was killed, this does not come back */
}

struct reap {
	uint32_t client;
	bool asked, quietly;
};

static enum ths_err reap_share(struct ths_cpu *cpu, void *arg)
{
	struct reap *reap = arg;

	reap->asked = false;
	return ths_share_reap_one(cpu, reap->client, reap->quietly ? NULL : &reap->asked);
}

/* A module that fails when it is told of a row is not told again. */
static enum ths_err reap_one(uint32_t slot)
{
	struct reap reap = {.client = slot};
	enum ths_err err = ths_publish(reap_share, &reap);

	reap.quietly = true;
	return err && reap.asked ? ths_publish(reap_share, &reap) : err;
}

/* What others wait for at most; the rest comes with the next tick. */
#define REAP_SLICE 64u

static bool is_dead(const struct ths_context *context)
{
	return atomic_load(&context->state) == CONTEXT_DYING && !context->on_cpu &&
	       !context->queued && !context->posted;
}

/* False: its shares could not be freed, and the slot has to wait (K4). */
static bool forget(uint32_t slot)
{
	struct ths_context *context = context_of(slot);
	bool owns = ths_share_has_any(slot);
	enum ths_err err = THS_OK;

	for (unsigned i = 0; i < REAP_SLICE && err == THS_OK && owns; i++) {
		err = reap_one(slot);
		owns = ths_share_has_any(slot);
	}
	if (err && err != THS_E_NOENT)
		ths_logf("reaping task %u: %s", slot, ths_err_text(err));
	if (owns) { /* K4: the slot has to wait */
		ths_cpu()->reap_again = true;
		return false;
	}
	ths_spin_lock(&ths_core.lock);
	context->generation++;
	atomic_store(&context->state, CONTEXT_FREE);
	push(&ths_core.spare, slot);
	ths_spin_unlock(&ths_core.lock);
	return true;
}

static bool reap(struct ths_cpu *cpu, uint32_t slot)
{
	struct ths_context *context = context_of(slot);

	if (context->queued) {
		struct sched_remove args = {.task = slot, .cpu = cpu->number};

		(void)!sched_remove(&ths_core.sched, &args);
		context->queued = false;
	}
	return is_dead(context) && forget(slot);
}

/* Rows were removed that had further owners: their shares go. */
static void reap_orphans(struct ths_cpu *cpu)
{
	enum ths_err err = THS_OK;

	for (unsigned i = 0; i < REAP_SLICE && err == THS_OK; i++)
		err = ths_publish(ths_share_reap_orphan, NULL);
	cpu->reap_again |= err != THS_E_NOENT;
}

/* Depth 0: frees what dead tasks left. Who is on the CPU still is kept for later. */
void ths_context_reap(struct ths_cpu *cpu)
{
	uint32_t list, slot;

	if (ths_share_has_orphans())
		reap_orphans(cpu);
	ths_spin_lock(&ths_core.lock);
	list = cpu->dying;
	cpu->dying = 0;
	ths_spin_unlock(&ths_core.lock);
	while (list) {
		slot = list - 1;
		list = context_of(slot)->next;
		if (reap(cpu, slot))
			continue;
		ths_spin_lock(&ths_core.lock);
		push(&cpu->dying, slot);
		ths_spin_unlock(&ths_core.lock);
	}
}

/* ---- switching -------------------------------------------------------------------------- */

/* Under ths_core.lock: the next of those who became runnable, off the list; CONTEXTS_MAX:
 * none. */
static uint32_t pop_posted(struct ths_cpu *cpu)
{
	uint32_t head = atomic_load(&cpu->wake_head);
	struct ths_context *context;

	if (head == 0)
		return CONTEXTS_MAX;
	context = context_of(head - 1);
	atomic_store(&cpu->wake_head, context->wake_next);
	context->posted = false;
	if (atomic_load(&context->state) == CONTEXT_DYING)
		ths_pending(cpu, PENDING_REAP);
	return head - 1;
}

static uint32_t take_posted(struct ths_cpu *cpu)
{
	uint32_t slot;

	if (atomic_load_explicit(&cpu->wake_head, memory_order_acquire) == 0)
		return CONTEXTS_MAX;
	ths_spin_lock(&ths_core.lock);
	slot = pop_posted(cpu);
	ths_spin_unlock(&ths_core.lock);
	return slot;
}

static void admit(struct ths_cpu *cpu, uint32_t slot)
{
	struct ths_context *context = context_of(slot);
	struct sched_admit args = {.task = slot, .cpu = cpu->number};
	enum ths_err err;

	if (atomic_load(&context->state) != CONTEXT_RUNNABLE)
		return;
	context->queued = true; /* as in pick() */
	err = sched_admit(&ths_core.sched, &args);
	if (err == THS_OK || err == THS_E_EXIST)
		return;
	context->queued = false;
	cpu->orphans = true;
}

void ths_context_admit_posted(struct ths_cpu *cpu)
{
	uint32_t slot;

	while ((slot = take_posted(cpu)) != CONTEXTS_MAX)
		admit(cpu, slot);
}

static bool may_run(const struct ths_context *context, const struct ths_cpu *cpu)
{
	return atomic_load(&context->state) == CONTEXT_RUNNABLE && !context->on_cpu &&
	       context->cpu == cpu->number;
}

/* Under ths_core.lock. The fallback: any runnable context, from the one after the current on
 * (P19); but who is to be admitted waits for that. */
static uint32_t pick_in_slot_order(const struct ths_cpu *cpu)
{
	uint32_t used = ths_core.contexts_used;
	uint32_t start = cpu->current < CONTEXTS_MAX ? cpu->current + 1 : 0;

	for (uint32_t i = 0; i < used; i++) {
		uint32_t slot = (start + i) % used;

		if (may_run(context_of(slot), cpu) && !context_of(slot)->posted)
			return slot;
	}
	return CONTEXTS_MAX;
}

/* Of those who became runnable one may be admitted by the pick itself: the last. 1 + its
 * slot, 0: none; the others, from @slot on, are admitted here. */
static uint32_t admit_but_one(struct ths_cpu *cpu, uint32_t slot)
{
	while (THS_UNLIKELY(atomic_load(&cpu->wake_head))) {
		if (slot != CONTEXTS_MAX)
			admit(cpu, slot);
		slot = take_posted(cpu);
	}
	return slot != CONTEXTS_MAX &&
			       atomic_load(&context_of(slot)->state) == CONTEXT_RUNNABLE
		       ? slot + 1
		       : 0;
}

/* The scheduler had nobody, or failed. Whether it has the task in a queue is not known now:
 * its next waking asks. */
static uint32_t pick_orphan(struct ths_cpu *cpu)
{
	uint32_t slot;

	ths_spin_lock(&ths_core.lock);
	slot = pick_in_slot_order(cpu);
	if (slot != CONTEXTS_MAX)
		context_of(slot)->queued = false;
	ths_spin_unlock(&ths_core.lock);
	cpu->orphans = slot != CONTEXTS_MAX; /* there may be more of them */
	return slot;
}

/* Who was named, and is in no queue any more, runs; or it is another CPU's, which is told to
 * admit it (K6); or it has slept or died since, and is forgotten. */
static bool is_ours(struct ths_cpu *cpu, uint32_t slot)
{
	struct ths_context *context = context_of(slot);

	if (may_run(context, cpu)) {
		context->queued = false;
		return true;
	}
	ths_spin_lock(&ths_core.lock);
	context->queued = false;
	if (atomic_load(&context->state) == CONTEXT_RUNNABLE && context->cpu != cpu->number)
		post(cpu, slot);
	ths_spin_unlock(&ths_core.lock);
	return false;
}

/* Asks the scheduler until it names somebody who can run, or nobody. Whom it was to admit
 * and did not, or could not, is admitted by a call of its own. Both who was running and who
 * is posted are said to be queued before they are: once they are another CPU may be named
 * them. */
static uint32_t pick(struct ths_cpu *cpu, bool runnable, uint32_t posted)
{
	struct sched_pick args = {.cpu = cpu->number,
				  .prev = cpu->current < CONTEXTS_MAX ? cpu->current
								       : THS_ROW_NONE,
				  .prev_runnable = runnable,
				  .admit = posted};
	enum ths_err err;

	for (;;) {
		if (posted)
			context_of(posted - 1)->queued = true;
		err = sched_pick(&ths_core.sched, &args);
		if (posted && args.admit) {
			admit(cpu, posted - 1);
			args.admit = posted = 0;
			if (err == THS_E_NOENT) /* now there is somebody */
				continue;
		}
		posted = 0;
		if (err || args.next >= CONTEXTS_MAX)
			break;
		if (is_ours(cpu, args.next))
			return args.next;
		args.prev = THS_ROW_NONE; /* it is in the queue by now */
		args.prev_runnable = 0;
	}
	if (err && args.prev_runnable)
		context_of(args.prev)->queued = false;
	if (err == THS_E_NOENT && !runnable && !cpu->orphans)
		return CONTEXTS_MAX;
	return pick_orphan(cpu);
}

static struct ths_arch_context *arch_of(struct ths_cpu *cpu, uint32_t slot)
{
	return slot < CONTEXTS_MAX ? &context_of(slot)->arch : &cpu->boot;
}

static void switch_to(struct ths_cpu *cpu, uint32_t next)
{
	uint32_t prev = cpu->current;
	bool on;

	if (next < CONTEXTS_MAX)
		context_of(next)->on_cpu = true;
	if (next == prev)
		return;
	on = ths_arch_irq_save();
	cpu->current = next;
	cpu->current_ticks = 0;
	ths_arch_switch(arch_of(cpu, prev), arch_of(cpu, next));
	ths_arch_irq_restore(on);
}

/* Leaves the CPU to whom the scheduler names; returns when we are named again. Section 1
 * (K3). */
static void hand_over(struct ths_cpu *cpu)
{
	bool runnable = false;
	uint32_t posted, next;

	ths_spin_lock(&ths_core.lock);
	if (cpu->current < CONTEXTS_MAX) {
		struct ths_context *context = context_of(cpu->current);
		uint32_t state = atomic_load(&context->state);

		context->on_cpu = false;
		runnable = state == CONTEXT_RUNNABLE;
		context->queued = runnable;
		if (state == CONTEXT_DYING)
			ths_pending(cpu, PENDING_REAP); /* off the CPU only now */
	}
	posted = pop_posted(cpu);
	ths_spin_unlock(&ths_core.lock);
	next = pick(cpu, runnable, admit_but_one(cpu, posted));
	if (next == CONTEXTS_MAX && atomic_load(&cpu->wake_head))
		ths_pending(cpu, PENDING_WAKE); /* came too late for this pick */
	switch_to(cpu, next);
}

/* Depth 0, nobody's section, interrupts off: picks anew, with interrupts on. */
void ths_context_reschedule(struct ths_cpu *cpu)
{
	cpu->section++;
	ths_arch_irq_restore(true);
	hand_over(cpu);
	(void)ths_arch_irq_save();
	cpu->section--;
}

void ths_yield(void)
{
	struct ths_cpu *cpu = ths_cpu();

	if (ths_cpu_is_inside(cpu))
		return;
	cpu->section++;
	if (ths_core.up)
		hand_over(cpu);
	ths_section_leave(ths_cpu());
}

/* The current task sleeps, is dying, or was woken meanwhile. Depth 0. */
void ths_context_block(struct ths_cpu *cpu)
{
	struct ths_context *context = context_of(cpu->current);

	cpu->section++;
	while (atomic_load(&context->state) != CONTEXT_RUNNABLE)
		hand_over(cpu);
	ths_section_leave(cpu);
}

/* The boot stack's end of life: runs when nobody else can. */
void ths_context_idle(struct ths_cpu *cpu)
{
	cpu->section = 0;
	for (;;) {
		ths_work();
		(void)ths_arch_irq_save();
		if (atomic_load(&cpu->pending) == 0)
			ths_arch_idle();
		else
			ths_arch_irq_restore(true);
	}
}

/*
 * sleep - THS_E_AGAIN puts a client to sleep until something it read changes.
 *
 * There is no other event mechanism (P8; the `retry` of Harris et al., Composable Memory
 * Transactions, PPoPP 2005). The sleeper is registered under each row of its read set,
 * marks those slots WAITERS, and then looks at the read set once more: a commit either
 * came before and is seen, or comes after and finds the mark.
 *
 * Invariants
 *   Z1  Marks are set before the last look, and a commit looks at the mark in the same
 *       exchange that installs: no wake-up is lost.
 *   Z2  A wake names (task, sleep number): one that comes late wakes nobody.
 *   Z3  A sleeper with more than SLEEP_MAX reads, or for whom no records are left, waits
 *       for any commit but the scheduler's own, which follow from its waking: woken too
 *       often, never too late. Each task has a record of its own for that, so that
 *       sleeping cannot fail.
 *
 * A task's first reads are registered in records of its own, the rest in shared ones. Who
 * sleeps on the same row as last time, as on the binding of its server, mostly finds its
 * record still linked, with an old number, and has only to renew that.
 *
 * Cost: sleeping O(reads); a commit that wakes nobody pays nothing but the exchange.
 */
#include <theseus/point.h>
#include "nano_core/nano_core_impl.h"

#define OWN_ANY (OWN_WAITERS - 1u) /* of a task's own records, the one for any commit */

void ths_sleep_init(void)
{
	ths_core.waiter_free = NULL;
	for (uint32_t i = WAITERS_MAX; i-- > 0;) {
		ths_core.waiter[i].next = ths_core.waiter_free;
		ths_core.waiter_free = &ths_core.waiter[i];
	}
}

bool ths_sleep_possible(const struct ths_cpu *cpu)
{
	const struct ths_ref *ref = cpu->calls[0].ref;

	return ths_core.up && !cpu->working && cpu->section == 0 &&
	       cpu->current < CONTEXTS_MAX && ref && !(ref->flags & THS_REF_NOWAIT);
}

/* ---- records and their lists, all under ths_core.lock ---------------------------------- */

static struct waiter **bucket_of(const struct ths_slot *slot)
{
	return &ths_core.waiter_hash[((uintptr_t)slot / sizeof(*slot)) % WAITERS_HASH];
}

static void link_waiter(struct waiter *waiter, struct ths_slot *slot)
{
	struct waiter **bucket = bucket_of(slot);

	waiter->slot = slot;
	waiter->link = bucket;
	waiter->next = *bucket;
	if (waiter->next)
		waiter->next->link = &waiter->next;
	*bucket = waiter;
}

static void unlink_waiter(struct waiter *waiter)
{
	*waiter->link = waiter->next;
	if (waiter->next)
		waiter->next->link = waiter->link;
	waiter->slot = NULL;
}

static void drop_waiter(struct waiter *waiter)
{
	unlink_waiter(waiter);
	if (waiter < ths_core.own_waiter[0]) { /* behind those for anybody */
		waiter->next = ths_core.waiter_free;
		ths_core.waiter_free = waiter;
	}
}

/* The task's next record, at *@own, or one for anybody; NULL: none left. */
static struct waiter *next_waiter(uint32_t task, struct waiter **own)
{
	struct waiter *waiter;

	if (THS_FAIL("alloc/waiter"))
		return NULL;
	if (*own < &ths_core.own_waiter[task][OWN_ANY])
		return (*own)++;
	waiter = ths_core.waiter_free;
	if (waiter)
		ths_core.waiter_free = waiter->next;
	return waiter;
}

/* A record of the task's own may be linked from an earlier sleep. */
static void wait_by(struct waiter *waiter, struct ths_slot *slot, uint32_t task)
{
	if (waiter->slot != slot) {
		if (waiter->slot)
			unlink_waiter(waiter);
		link_waiter(waiter, slot);
	}
	waiter->task = task;
	waiter->sleep_number = ths_core.context[task].sleep_number;
	atomic_fetch_or(&slot->word, SLOT_WAITERS);
}

/* ---- waking: under ths_core.lock -------------------------------------------------------- */

/* Wakes who waits for @slot (NULL: nobody) but the task @but (THS_ROW_NONE: all), and drops
 * what is stale in that bucket. */
static void wake_bucket(struct ths_cpu *cpu, struct waiter *waiter,
			const struct ths_slot *slot, uint32_t but)
{
	struct waiter *next;

	for (; waiter; waiter = next) {
		const struct ths_context *context = &ths_core.context[waiter->task];
		bool stale = context->sleep_number != waiter->sleep_number;
		bool due = waiter->slot == slot && waiter->task != but;

		next = waiter->next;
		if (!due && !stale)
			continue;
		drop_waiter(waiter);
		if (!stale)
			ths_context_wake(cpu, waiter->task, waiter->sleep_number);
	}
}

/* Records of tasks that were woken through another slot go here at the latest. */
static void sweep_stale(struct ths_cpu *cpu)
{
	for (uint32_t i = 0; i < WAITERS_HASH; i++)
		wake_bucket(cpu, ths_core.waiter_hash[i], NULL, THS_ROW_NONE);
}

static void wake_slot(struct ths_cpu *cpu, const struct ths_slot *slot)
{
	wake_bucket(cpu, *bucket_of(slot), slot, THS_ROW_NONE);
}

static void wake_counter(struct ths_cpu *cpu, struct ths_slot *slot)
{
	if (!(atomic_load(&slot->word) & SLOT_WAITERS))
		return;
	atomic_fetch_and(&slot->word, ~(uintptr_t)SLOT_WAITERS);
	wake_slot(cpu, slot);
}

static void wake_any(struct ths_cpu *cpu)
{
	if (cpu->calls[0].ref != &ths_core.sched)
		wake_counter(cpu, &ths_core.any_commit);
}

/* What all sleepers read may have been replaced behind their backs. */
void ths_wake_everybody(struct ths_cpu *cpu)
{
	ths_spin_lock(&ths_core.lock);
	for (uint32_t i = 0; i < WAITERS_HASH; i++)
		while (ths_core.waiter_hash[i])
			wake_bucket(cpu, ths_core.waiter_hash[i],
				    ths_core.waiter_hash[i]->slot, THS_ROW_NONE);
	ths_spin_unlock(&ths_core.lock);
}

/* The marks stay, for the current task may be one of those who made them. */
void ths_wake_others(struct ths_cpu *cpu, const struct ths_slot *slot)
{
	const struct ths_slot *any = &ths_core.any_commit;

	cpu->locks++;
	ths_spin_lock(&ths_core.lock);
	wake_bucket(cpu, *bucket_of(slot), slot, cpu->current);
	wake_bucket(cpu, *bucket_of(any), any, cpu->current);
	ths_spin_unlock(&ths_core.lock);
	cpu->locks--;
}

/* After commit: wakes whoever slept on what it wrote. */
void ths_wake_committed(struct ths_cpu *cpu)
{
	struct ths_txn *txn = &cpu->txn;

	ths_spin_lock(&ths_core.lock);
	for (struct txn_write *write = txn->write; write < &txn->write[txn->writes];
	     write++) {
		if (THS_UNLIKELY(write->waiters))
			wake_slot(cpu, write->slot);
		if (THS_UNLIKELY(write->appears)) {
			wake_counter(cpu, &write->table->population);
			wake_counter(cpu, &write->table->returns);
		}
	}
	if (txn->writes)
		wake_any(cpu);
	ths_spin_unlock(&ths_core.lock);
}

/* gate.S committed, and met a mark on one of the slots written, or on any_commit. */
void ths_gate_wake(struct ths_cpu *cpu)
{
	const struct ths_txn *txn = &cpu->txn;

	ths_spin_lock(&ths_core.lock);
	for (unsigned i = 0; i < txn->writes; i++)
		wake_slot(cpu, txn->write[i].slot);
	wake_any(cpu);
	ths_spin_unlock(&ths_core.lock);
}

/* ---- falling asleep --------------------------------------------------------------------- */

static bool register_each(const struct ths_txn *txn, uint32_t task)
{
	struct waiter *own = ths_core.own_waiter[task], *waiter;

	for (const struct txn_read *read = txn->read; read < txn->read_next; read++) {
		waiter = next_waiter(task, &own);
		if (!waiter)
			return false;
		wait_by(waiter, read->slot, task);
	}
	for (unsigned i = 0; i < txn->writes; i++) { /* a write is a read, too */
		waiter = next_waiter(task, &own);
		if (!waiter)
			return false;
		wait_by(waiter, txn->write[i].slot, task);
	}
	return true;
}

/* Records already linked when there are no more do no harm: they wake as well. */
static void register_reads(struct ths_cpu *cpu, uint32_t task)
{
	const struct ths_txn *txn = &cpu->txn;
	bool few = txn_reads(txn) + txn->writes <= SLEEP_MAX;

	if (few && register_each(txn, task))
		return;
	if (few)
		sweep_stale(cpu);
	wait_by(&ths_core.own_waiter[task][OWN_ANY], &ths_core.any_commit, task);
}

static bool writes_hold(const struct ths_txn *txn)
{
	for (unsigned i = 0; i < txn->writes; i++) {
		uintptr_t word = atomic_load(&txn->write[i].slot->word);

		if ((word & ~(uintptr_t)SLOT_WAITERS) != (uintptr_t)txn->write[i].old)
			return false;
	}
	return true;
}

/*
 * Inside the interaction that returned THS_E_AGAIN, before anything is dropped: puts the
 * current task to sleep on what was read. False: that has changed already, try again.
 * The task goes on running until ths_context_block(), which does not come back to who was
 * killed by another CPU meanwhile.
 */
bool ths_sleep_prepare(struct ths_cpu *cpu)
{
	struct ths_context *context = &ths_core.context[cpu->current];
	bool asleep;

	ths_spin_lock(&ths_core.lock);
	if (THS_UNLIKELY(atomic_load(&context->state) == CONTEXT_DYING)) {
		ths_spin_unlock(&ths_core.lock);
		return true;
	}
	context->sleep_number++;
	atomic_store(&context->state, CONTEXT_SLEEPING);
	register_reads(cpu, cpu->current);
	/* Alone, nobody can have changed it: an interaction is not preempted. */
	asleep = ths_core.cpus == 1 ||
		 (ths_txn_validate(&cpu->txn) && writes_hold(&cpu->txn));
	if (!asleep) {
		context->sleep_number++;
		atomic_store(&context->state, CONTEXT_RUNNABLE);
	}
	ths_spin_unlock(&ths_core.lock);
	return asleep;
}

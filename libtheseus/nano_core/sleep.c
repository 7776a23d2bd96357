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
 *       often, never too late. Each task has a record of its own for that (behind
 *       WAITERS_MAX), so that sleeping cannot fail.
 *
 * Cost: sleeping O(reads); a commit that wakes nobody pays nothing but the exchange.
 */
#include <theseus/point.h>
#include "nano_core/nano_core_impl.h"

void ths_sleep_init(void)
{
	for (uint32_t i = 0; i < WAITERS_MAX; i++)
		ths_core.waiter[i].next = i + 2;
	ths_core.waiter[WAITERS_MAX - 1].next = 0;
	ths_core.waiter_free = 1;
}

static uint32_t *bucket_of(const struct ths_slot *slot)
{
	return &ths_core.waiter_hash[((uintptr_t)slot / sizeof(*slot)) % WAITERS_HASH];
}

bool ths_sleep_possible(const struct ths_cpu *cpu)
{
	const struct ths_ref *ref = cpu->calls[0].ref;

	return ths_core.up && !cpu->working && cpu->section == 0 &&
	       cpu->current < CONTEXTS_MAX && ref && !(ref->flags & THS_REF_NOWAIT);
}

/* Under ths_core.lock. */
static void link_waiter(uint32_t index, struct ths_slot *slot, uint32_t task,
			uint32_t sleep_number)
{
	struct waiter *waiter = &ths_core.waiter[index - 1];
	uint32_t *bucket = bucket_of(slot);

	waiter->slot = slot;
	waiter->task = task;
	waiter->sleep_number = sleep_number;
	waiter->next = *bucket;
	*bucket = index;
	atomic_fetch_or(&slot->word, SLOT_WAITERS);
}

/* Under ths_core.lock. False: no waiter record left. */
static bool add_waiter(struct ths_slot *slot, uint32_t task, uint32_t sleep_number)
{
	uint32_t index = ths_core.waiter_free;

	if (THS_FAIL("alloc/waiter") || !index)
		return false;
	ths_core.waiter_free = ths_core.waiter[index - 1].next;
	link_waiter(index, slot, task, sleep_number);
	return true;
}

/* Under ths_core.lock: by the task's own record, which may be linked from last time. */
static void wait_for_any(uint32_t task, uint32_t sleep_number)
{
	struct waiter *own = &ths_core.waiter[WAITERS_MAX + task];

	if (own->slot) {
		own->sleep_number = sleep_number;
		atomic_fetch_or(&ths_core.any_commit.word, SLOT_WAITERS);
	} else {
		link_waiter(WAITERS_MAX + task + 1, &ths_core.any_commit, task,
			    sleep_number);
	}
}

/* Under ths_core.lock: a record that is on no list any more. */
static void free_waiter(uint32_t index)
{
	struct waiter *waiter = &ths_core.waiter[index - 1];

	if (index > WAITERS_MAX) {
		waiter->slot = NULL;
		return;
	}
	waiter->next = ths_core.waiter_free;
	ths_core.waiter_free = index;
}

/* Under ths_core.lock: wakes who in this bucket waits for @slot (NULL: nobody), and drops
 * what is stale on the way. */
static void wake_bucket(struct ths_cpu *cpu, uint32_t *link, const struct ths_slot *slot)
{
	while (*link) {
		uint32_t index = *link;
		struct waiter *waiter = &ths_core.waiter[index - 1];
		const struct ths_context *context = &ths_core.context[waiter->task];
		bool stale = context->sleep_number != waiter->sleep_number;

		if (waiter->slot != slot && !stale) {
			link = &waiter->next;
			continue;
		}
		*link = waiter->next;
		free_waiter(index);
		if (!stale)
			ths_context_wake(cpu, waiter->task, waiter->sleep_number);
	}
}

/* Records of tasks that were woken through another slot go here at the latest. */
static void sweep_stale(struct ths_cpu *cpu)
{
	for (uint32_t i = 0; i < WAITERS_HASH; i++)
		wake_bucket(cpu, &ths_core.waiter_hash[i], NULL);
}

static bool add_all_waiters(const struct ths_txn *txn, uint32_t task, uint32_t sleep_number)
{
	for (const struct txn_read *read = txn->read; read < txn->read_next; read++)
		if (!add_waiter(read->slot, task, sleep_number))
			return false;
	for (unsigned i = 0; i < txn->writes; i++) /* a write is a read, too */
		if (!add_waiter(txn->write[i].slot, task, sleep_number))
			return false;
	return true;
}

/* Records already linked when there are no more do no harm: they wake as well. */
static void register_reads(struct ths_cpu *cpu, uint32_t sleep_number)
{
	const struct ths_txn *txn = &cpu->txn;
	unsigned reads = txn_reads(txn) + txn->writes;

	if (reads <= SLEEP_MAX && add_all_waiters(txn, cpu->current, sleep_number))
		return;
	if (reads <= SLEEP_MAX)
		sweep_stale(cpu);
	wait_for_any(cpu->current, sleep_number);
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
 * The task goes on running until ths_context_block().
 */
bool ths_sleep_prepare(struct ths_cpu *cpu)
{
	struct ths_context *context = &ths_core.context[cpu->current];
	bool asleep;

	ths_spin_lock(&ths_core.lock);
	context->sleep_number++;
	atomic_store(&context->state, CONTEXT_SLEEPING);
	register_reads(cpu, context->sleep_number);
	asleep = ths_txn_validate(&cpu->txn) && writes_hold(&cpu->txn);
	if (!asleep) {
		context->sleep_number++;
		atomic_store(&context->state, CONTEXT_RUNNABLE);
	}
	ths_spin_unlock(&ths_core.lock);
	return asleep;
}

static void wake_slot(struct ths_cpu *cpu, struct ths_slot *slot)
{
	ths_spin_lock(&ths_core.lock);
	wake_bucket(cpu, bucket_of(slot), slot);
	ths_spin_unlock(&ths_core.lock);
}

static void wake_counter(struct ths_cpu *cpu, struct ths_slot *slot)
{
	if (!(atomic_load(&slot->word) & SLOT_WAITERS))
		return;
	atomic_fetch_and(&slot->word, ~(uintptr_t)SLOT_WAITERS);
	wake_slot(cpu, slot);
}

/* After commit: wakes whoever slept on what it wrote. */
void ths_wake_committed(struct ths_cpu *cpu)
{
	struct ths_txn *txn = &cpu->txn;

	for (struct txn_write *write = txn->write; write < &txn->write[txn->writes];
	     write++) {
		if (THS_UNLIKELY(write->waiters))
			wake_slot(cpu, write->slot);
		if (THS_UNLIKELY(write->appears))
			wake_counter(cpu, &write->table->population);
	}
	if (txn->writes && cpu->calls[0].ref != &ths_core.sched)
		wake_counter(cpu, &ths_core.any_commit);
}

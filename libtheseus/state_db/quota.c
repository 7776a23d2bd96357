/*
 * quota - what a client owns is counted, and limited: <theseus/quota.h>.
 *
 * What a client owns, and may own, stands in its record (share.c), which whoever changes the
 * list of what it owns writes anyway. So a count is as atomic as the list, and a refusal is
 * validated like any outcome: it was true at one moment.
 *
 * Cost: an addition and a comparison for a row owned, one read for a task started.
 */
#include "state_db/names.h" /* first */
#include <theseus/iface/module.h>
#include <theseus/nano_core.h>
#include "nano_core/nano_core_impl.h"
#include "state_db/share_impl.h"

static bool has_own_limit(const struct holder *holder, uint32_t client)
{
	return holder->generation == ths_core.context[client].generation;
}

static uint32_t limit_of(const struct holder *holder, uint32_t client)
{
	if (client == CONTEXTS_MAX) /* nobody's: nano_core's own */
		return UINT32_MAX;
	return has_own_limit(holder, client) ? holder->limit : atomic_load(&ths_core.quota);
}

/* A client that will not believe it does not fill the log. */
static void complain(uint32_t client, uint32_t limit, const struct ths_table *table)
{
	_Atomic(uint64_t) *told = &ths_core.context[client].refused;
	uint64_t now = ths_ticks() + 1, then = atomic_load(told);

	if (then && now - then < TICK_HZ)
		return;
	atomic_store(told, now);
	ths_logf("quota: task %u may own %u rows, and gets no more of %s", client, limit,
		 table->schema);
}

enum ths_err ths_quota_charge(struct ths_cpu *cpu, struct holder *holder,
			      const struct ths_table *table)
{
	uint32_t limit = limit_of(holder, ths_client(cpu));

	if (THS_UNLIKELY(holder->rows >= limit)) {
		complain(ths_client(cpu), limit, table);
		return THS_E_QUOTA;
	}
	holder->rows++;
	return THS_OK;
}

enum ths_err ths_quota_limit(struct ths_cpu *cpu, uint32_t client, uint32_t generation,
			     uint32_t limit)
{
	struct holder *holder;

	THS_TRY(ths_holder_write(cpu, client, &holder));
	holder->generation = generation;
	holder->limit = limit;
	return THS_OK;
}

/* The task that is about to start in @slot is the calling one's child (Q2). */
enum ths_err ths_quota_inherit(struct ths_cpu *cpu, uint32_t slot)
{
	const struct holder *parent;

	if (ths_client(cpu) == CONTEXTS_MAX || (cpu->txn.flags & TXN_DEVICE))
		return THS_OK; /* a driver's tasks are the machine's */
	THS_TRY(ths_holder_read(cpu, ths_client(cpu), &parent));
	if (!has_own_limit(parent, ths_client(cpu)))
		return THS_OK;
	return ths_quota_limit(cpu, slot, ths_core.context[slot].generation, parent->limit);
}

static bool is_there(uint32_t slot)
{
	return atomic_load(&ths_core.context[slot].state) != CONTEXT_FREE;
}

static bool tell(uint32_t slot, struct module_client *out)
{
	struct holder holder;

	ths_holder_look(slot, &holder);
	if (holder.rows == 0 && (slot == CONTEXTS_MAX || !is_there(slot)))
		return false;
	*out = (struct module_client){
		.client = slot, .rows = holder.rows, .limit = limit_of(&holder, slot)};
	return true;
}

bool ths_quota_next(struct module_client *out)
{
	for (uint32_t slot = out->client + 1; slot <= CONTEXTS_MAX; slot++)
		if (tell(slot, out))
			return true;
	return false;
}

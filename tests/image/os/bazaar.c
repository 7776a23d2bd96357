/*
 * bazaar - see bazaar.h. Built twice, as bazaar and bazaar.v2 (BAZAAR_VERSION 2).
 */
#include "bazaar.h"

#include <theseus/module.h>
#include <theseus/mux.h>

enum { STATE, LEASE, USED, BELL };
struct used {
	uint64_t times[BAZAAR_STALLS];
};
struct bell {
	struct ths_handler handler[BAZAAR_LISTENERS];
};
static const struct ths_mux scale = {STATE, LEASE, 1, 1};
static const struct ths_dispatcher bell = {BELL, BAZAAR_LISTENERS};

static enum ths_err attach(struct ths_call *call, struct bazaar_stall *arg)
{
	THS_TRY(ths_mux_attach(call, &scale, arg->weight, &arg->lease));
	return ths_mux_want(call, &scale, arg->lease, true);
}

static enum ths_err leave(struct ths_call *call, struct bazaar_use *arg)
{
	return ths_mux_detach(call, &scale, arg->lease);
}

static enum ths_err use(struct ths_call *call, struct bazaar_use *arg)
{
	struct ths_weak turn;
	struct used *used;

	if (arg->number >= BAZAAR_STALLS)
		return THS_E_INVAL;
	THS_TRY(ths_mux_turn(call, &scale, &turn));
	if (turn.row != arg->lease.row || turn.generation != arg->lease.generation)
		return THS_E_AGAIN;
	THS_TRY(ths_mux_charge(call, &scale, arg->lease, 1));
	THS_TRY(ths_row_write(call, USED, 0, &used));
	used->times[arg->number]++;
	arg->ticket = 0;
	for (unsigned i = 0; i < BAZAAR_STALLS; i++)
		arg->ticket += used->times[i];
	arg->version = BAZAAR_VERSION;
	return THS_OK;
}

static enum ths_err shares(struct ths_call *call, struct bazaar_shares *arg)
{
	const struct used *used;

	THS_TRY(ths_row_read(call, USED, 0, &used));
	for (unsigned i = 0; i < BAZAAR_STALLS; i++)
		arg->used[i] = used->times[i];
	return THS_OK;
}

static enum ths_err listen(struct ths_call *call, struct bazaar_listener *arg)
{
	struct ths_handler handler = {.who = arg->binding,
				      .generation = arg->generation,
				      .priority = (uint8_t)arg->priority};

	return ths_dispatcher_attach(call, &bell, 0, &handler);
}

static enum ths_err listener(struct ths_call *call, struct bazaar_listener *arg)
{
	struct ths_handler found[BAZAAR_LISTENERS];
	uint32_t count;

	THS_TRY(ths_dispatcher_find(call, &bell, 0, found, &count));
	for (uint32_t i = 0; i < count; i++) {
		if (found[i].who != arg->binding)
			continue;
		arg->missed = found[i].missed;
		arg->priority = found[i].priority;
		return THS_OK;
	}
	return THS_E_NOENT;
}

static enum ths_err ring(struct ths_call *call, struct bazaar_ring *arg)
{
	struct ths_delivery report;
	uint64_t order = 0;

	THS_TRY(ths_dispatcher_deliver(call, &bell, 0, listener_tell, &order, &report));
	arg->served = report.served;
	arg->dead = report.dead;
	arg->failed = report.failed;
	return THS_OK;
}

#define BAZAAR(token_, id_)                                                              \
	THS_MODULE(token_, id_, BAZAAR_VERSION, 0,                                       \
		   THS_PROVIDES(bazaar, .attach = attach, .leave = leave, .use = use,    \
				.shares = shares, .listen = listen,                      \
				.listener = listener, .ring = ring),                     \
		   THS_TABLE(STATE, "bazaar.state/1", struct ths_mux_state),             \
		   THS_TABLE(LEASE, "bazaar.lease/1", struct ths_mux_lease,              \
			     .rows = BAZAAR_STALLS, .flags = THS_JOINT),                 \
		   THS_TABLE(USED, "bazaar.used/1", struct used),                        \
		   THS_TABLE(BELL, "bazaar.bell/1", struct bell, .flags = THS_FIXED))
#if BAZAAR_VERSION == 2
BAZAAR(bazaar_v2, "bazaar.v2");
#else
BAZAAR(bazaar, "bazaar");
#endif

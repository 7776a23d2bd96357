/*
 * bazaar - a module made of mux and dispatcher: stalls take turns at the one scale by
 * their weights, and whoever listens hears the bell.
 */
#pragma once

#include <theseus/dispatcher.h>
#include <theseus/interface.h>
#include <theseus/row.h>

#define BAZAAR_STALLS    4u
#define BAZAAR_LISTENERS 6u

struct bazaar_stall { /* a client takes a stall */
	uint32_t weight, number;
	struct ths_weak lease; /* out */
};
struct bazaar_use { /* when it is the stall's turn; else it sleeps */
	struct ths_weak lease;
	uint32_t number, reserved;
	uint64_t try;     /* tells the client's tries apart: what breaks goes by it */
	uint64_t version; /* out: of the code that answered */
	uint64_t ticket;  /* out: 1, 2, 3, ... over all stalls */
};
struct bazaar_shares {
	uint64_t used[BAZAAR_STALLS]; /* out: all of one moment */
};
struct bazaar_listener {
	uint32_t binding, generation, priority, missed; /* missed: out (listener) */
};
struct bazaar_ring {
	uint32_t served, dead, failed, reserved; /* out */
};

#define BAZAAR_OPS(OP)                                                                   \
	OP(bazaar, attach, struct bazaar_stall, 0)                                       \
	OP(bazaar, leave, struct bazaar_use, 0)                                          \
	OP(bazaar, use, struct bazaar_use, 0)                                            \
	OP(bazaar, shares, struct bazaar_shares, 0)                                      \
	OP(bazaar, listen, struct bazaar_listener, 0)                                    \
	OP(bazaar, listener, struct bazaar_listener, 0) /* of that binding, its entry */ \
	OP(bazaar, ring, struct bazaar_ring, 0)
THS_INTERFACE(bazaar, 1, BAZAAR_OPS)

/* What a listener is called with. */
struct listener_heard {
	uint64_t order; /* in: how many heard it before, out (heard): the last */
	uint64_t times; /* out (heard) */
};
#define LISTENER_OPS(OP)                                                                 \
	OP(listener, ring, struct listener_heard, 0)                                     \
	OP(listener, heard, struct listener_heard, 0)
THS_INTERFACE(listener, 1, LISTENER_OPS)

/* For ths_dispatcher_deliver(): each is told how many heard it before, *(uint64_t *)order. */
THS_INLINE enum ths_err listener_tell(struct ths_call *call, const struct ths_handler *handler,
				      void *order)
{
	struct ths_ref ref = {&listener_iface, "", handler->who, handler->generation, 0};
	struct listener_heard heard = {.order = *(uint64_t *)order};

	(void)call;
	THS_TRY(listener_ring(&ref, &heard));
	(*(uint64_t *)order)++;
	return THS_OK;
}

#define INJECT_EVERY 5u /* inject breaks tries by this: some before, some after the work */

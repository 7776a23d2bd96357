/*
 * mux_rig - a module that is a mux and nothing else, for the suites of mux: in two
 * builds, with whatever parameters a test sets.
 */
#pragma once

#include <string.h>
#include <theseus/mux.h>
#include "pattern.h"

#define LEASES  64u
#define SOURCES 8u
#define QUEUED  4u
struct event {
	uint64_t serial, stamp;
};

enum { STATE, LEASE, PUT, DONE, EVENT };
#define MUX_MODULE(token_, id_)                                                          \
	THS_MODULE(token_, id_, 1, 0, PATTERN_SERVER,                                    \
		   THS_TABLE(STATE, "mux.state/1", struct ths_mux_state),                \
		   THS_TABLE(LEASE, "mux.lease/1", struct ths_mux_lease, .rows = LEASES, \
			     .flags = THS_JOINT),                                        \
		   THS_TABLE(PUT, "mux.put/1", struct ths_dfqueue_count,                 \
			     .rows = SOURCES, .flags = THS_FIXED),                       \
		   THS_TABLE(DONE, "mux.done/1", struct ths_dfqueue_count,               \
			     .rows = SOURCES, .flags = THS_FIXED),                       \
		   THS_TABLE(EVENT, "mux.event/1",                                       \
			     THS_DFQUEUE_ROW(struct ths_dfqueue_item,                    \
					     sizeof(struct event)),                      \
			     .rows = SOURCES * QUEUED, .flags = THS_FIXED))
MUX_MODULE(mux_one, "mux.one");
MUX_MODULE(mux_two, "mux.two");

static struct ths_mux mux; /* the parameters of the test that runs */

static inline void setup(void)
{
	pattern_start(&ths_module_mux_one, &ths_module_mux_two);
	mux = (struct ths_mux){STATE, LEASE, 1000, 1};
}

/* ---- the pattern's functions, one call each ------------------------------------------ */

struct asked {
	struct ths_weak lease;
	uint64_t value, x, y;
	struct ths_mux_part part;
};

static inline enum ths_err attach_fn(struct ths_call *call, void *ctx)
{
	struct asked *asked = ctx;

	return ths_mux_attach(call, &mux, (uint32_t)asked->value, &asked->lease);
}

static inline enum ths_err detach_fn(struct ths_call *call, void *ctx)
{
	return ths_mux_detach(call, &mux, ((struct asked *)ctx)->lease);
}

static inline enum ths_err want_fn(struct ths_call *call, void *ctx)
{
	struct asked *asked = ctx;

	return ths_mux_want(call, &mux, asked->lease, asked->value);
}

static inline enum ths_err turn_fn(struct ths_call *call, void *ctx)
{
	return ths_mux_turn(call, &mux, &((struct asked *)ctx)->lease);
}

static inline enum ths_err charge_fn(struct ths_call *call, void *ctx)
{
	struct asked *asked = ctx;

	return ths_mux_charge(call, &mux, asked->lease, asked->value);
}

/* A turn and its use in one interaction. */
static inline enum ths_err use_fn(struct ths_call *call, void *ctx)
{
	struct asked *asked = ctx;

	THS_TRY(ths_mux_turn(call, &mux, &asked->lease));
	return ths_mux_charge(call, &mux, asked->lease, asked->value);
}

static inline enum ths_err reserve_fn(struct ths_call *call, void *ctx)
{
	struct asked *asked = ctx;

	return ths_mux_reserve(call, &mux, asked->lease, &asked->part);
}

static inline enum ths_err claim_fn(struct ths_call *call, void *ctx)
{
	struct asked *asked = ctx;

	return ths_mux_claim(call, &mux, asked->lease, &asked->part);
}

static inline enum ths_err place_fn(struct ths_call *call, void *ctx)
{
	struct asked *asked = ctx;
	struct ths_mux_part part = asked->part;

	THS_TRY(ths_mux_place(call, &mux, asked->lease, &part));
	asked->x = part.x;
	asked->y = part.y;
	return THS_OK;
}

static inline enum ths_err owner_fn(struct ths_call *call, void *ctx)
{
	struct asked *asked = ctx;

	return ths_mux_owner(call, &mux, asked->x, asked->y, &asked->lease);
}

static inline struct ths_weak attach(uint64_t weight)
{
	struct asked asked = {.value = weight};

	ck_assert_int_eq(pattern_call(attach_fn, &asked), THS_OK);
	return asked.lease;
}

static inline enum ths_err with(script_fn *fn, struct ths_weak lease, uint64_t value)
{
	struct asked asked = {.lease = lease, .value = value};

	return pattern_call(fn, &asked);
}

/* Who has a lease, and in time what it used. */
static struct client {
	struct ths_weak lease;
	uint64_t weight;
	int64_t used;
	bool wants;
} client[LEASES];
static unsigned clients;

static inline unsigned client_of(struct ths_weak lease)
{
	for (unsigned i = 0; i < clients; i++)
		if (client[i].lease.row == lease.row &&
		    client[i].lease.generation == lease.generation)
			return i;
	ck_abort_msg("a lease of nobody");
}

/*
 * mux - many clients share one resource, and the mux remembers none of them.
 *
 * What a mux must know of a client is a *lease*: a row of the module that is the mux, in
 * a THS_JOINT table, so that it goes when its client does, with no code here for that.
 * The client names its lease by a weak reference, which it keeps in its blob or hands in;
 * a copy of an older blob names the same row, so a client that replays one gains nothing.
 *
 * Three ways of sharing, over the same leases:
 *	merging   all clients' input goes into one stream: a dfqueue (dfqueue.h)
 *	in time   one client at a time, in proportion to weights:  ths_mux_turn()
 *	in space  each client has a part of the resource alone:    ths_mux_reserve()
 *
 * In time, each lease has a *pass*, which grows by what it used over its weight; the turn
 * is the wanting lease's with the least pass. Who begins to want enters at the present
 * level: having been absent is no credit.
 *
 * Invariants
 *   M1  A call changes the lease it was handed, the mux's own row, and nothing else.
 *   M2  A lease that ended is THS_E_STALE for ever, whoever has its row.
 *   M3  Over any stretch in which the same clients want, what two of them used is in
 *       proportion to their weights, to within one use of each.
 *   M4  No two leases' parts overlap.
 *   M5  There is nothing but rows: any build of the module goes on.
 *
 * Cost: attach, turn and reserve read all leases; meant for tens of clients.
 *
 * Use: see the functions in their order.
 * See theseus_patterns(7); tests/unit/patterns/mux_test.c shows M1-M5.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>
#include <theseus/module.h>

#define THS_MUX_WEIGHT_MAX 1024u

/* Row types. A zeroed mux row has no clients. */
struct ths_mux_state {  /* a table of one row */
	uint64_t level; /* the pass of whoever had the last turn */
};
struct ths_mux_lease {   /* a THS_JOINT table */
	uint64_t pass;   /* uses over weight, scaled */
	uint64_t at;     /* the part of the resource it has alone: ... */
	uint64_t length; /* ... 0: none */
	uint32_t weight;
	uint32_t wants; /* 1: a turn */
};

/* Where a mux lies: numbers of tables in the module's descriptor. */
struct ths_mux {
	unsigned state, lease;
	uint64_t extent; /* of the resource, in whatever it is divided; below 2^63 */
};

/**
 * ths_mux_attach() - the calling client gets a lease
 * @weight: 1..THS_MUX_WEIGHT_MAX; its share is in proportion
 * @lease:  out
 *
 * Return: THS_OK; THS_E_INVAL @weight; THS_E_FULL no room for a lease.
 */
THS_MUST_CHECK enum ths_err ths_mux_attach(struct ths_call *call,
					   const struct ths_mux *mux, uint32_t weight,
					   struct ths_weak *lease);
/* The lease ends, with all it holds. THS_E_STALE: it has ended (M2). */
THS_MUST_CHECK enum ths_err
ths_mux_detach(struct ths_call *call, const struct ths_mux *mux, struct ths_weak lease);

/**
 * ths_mux_want() - the lease's client wants turns, or does no more
 *
 * Return: THS_OK; THS_E_STALE.
 */
THS_MUST_CHECK enum ths_err ths_mux_want(struct ths_call *call, const struct ths_mux *mux,
					 struct ths_weak lease, bool wants);

/**
 * ths_mux_turn() - whose turn it is
 * @lease: out: the wanting lease with the least pass; of equals the one in the lower row
 *
 * Return: THS_OK; THS_E_AGAIN nobody wants, and the client sleeps until somebody does.
 */
THS_MUST_CHECK enum ths_err ths_mux_turn(struct ths_call *call, const struct ths_mux *mux,
					 struct ths_weak *lease);

/**
 * ths_mux_charge() - the lease's client has used the resource for @amount
 * @amount: below 2^32, in whatever use is measured
 *
 * Return: THS_OK; THS_E_STALE; THS_E_INVAL @amount.
 */
THS_MUST_CHECK enum ths_err ths_mux_charge(struct ths_call *call,
					   const struct ths_mux *mux,
					   struct ths_weak lease, uint64_t amount);

/**
 * ths_mux_reserve() - the lease gets the lowest free part of that length, for its part
 * @at: out: where it begins
 *
 * Return: THS_OK; THS_E_INVAL @length is 0; THS_E_EXIST it has a part; THS_E_FULL there
 *         is no free part so long; THS_E_STALE.
 */
THS_MUST_CHECK enum ths_err ths_mux_reserve(struct ths_call *call,
					    const struct ths_mux *mux,
					    struct ths_weak lease, uint64_t length,
					    uint64_t *at);

/**
 * ths_mux_place() - from an offset in the lease's part to the place in the resource
 * @offset, @length: within the part
 * @place: out
 *
 * Return: THS_OK; THS_E_PERM not within its part; THS_E_STALE.
 */
THS_MUST_CHECK enum ths_err ths_mux_place(struct ths_call *call,
					  const struct ths_mux *mux,
					  struct ths_weak lease, uint64_t offset,
					  uint64_t length, uint64_t *place);

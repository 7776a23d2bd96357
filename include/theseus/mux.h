/*
 * mux - many clients share one resource, and the mux remembers none of them.
 *
 * What a mux must know of a client is a *lease*: a row of the module that is the mux, in
 * a THS_JOINT table, so that it goes when its client does, with no code here for that.
 * The client names its lease by a weak reference, which it keeps in its blob or hands in;
 * a copy of an older blob names the same row, so a client that replays one gains nothing:
 * the title is the row.
 *
 * Four ways of sharing:
 *	merging   what many put in becomes one stream, in order:   ths_mux_merge()
 *	in time   one client at a time:                            ths_mux_turn()
 *	by weight turns in proportion to weights:                  ths_mux_charge()
 *	in space  each has a part alone, a range or a rectangle:   ths_mux_claim()
 *
 * In time, each lease has a *pass*, which grows by what it used over its weight; the turn
 * is the wanting lease's with the least pass (stride scheduling: Waldspurger & Weihl, MIT
 * LCS TM-528, 1995). Who begins to want enters at the present level: having been absent is
 * no credit. Where nobody charges but equal amounts to equal weights, turns go round.
 *
 * Invariants
 *   M1  A call changes the lease it was handed, the mux's own row, and nothing else.
 *   M2  A lease that ended is THS_E_STALE for ever, whoever has its row.
 *   M3  Over any stretch in which two clients both want, if a use costs C at most and is
 *       charged to whoever has the turn:
 *           | used1 / weight1 - used2 / weight2 |  <=  C / weight1 + C / weight2
 *       to within one part in 2^19 of a unit of use. So a client waits for its turn while
 *       the others use at most C and what their weights entitle them to.
 *   M4  No two leases' parts overlap, and none reaches beyond the resource.
 *   M5  There is nothing but rows: any build of the module goes on.
 *   M6  A merged stream has each source's items in that source's order; of those that are
 *       there at the same time, the one with the least stamp comes first.
 *
 * Cost: turn, reserve and claim read all leases; meant for tens of clients. reserve looks
 * at most at leases^3 of them, in practice at a few times leases^2.
 *
 * Context of all: inside an operation. They return the errors of ths_row_read(), those
 * that write also those of ths_row_write().
 *
 * After: the multiplexer of Boos & Zhong, PLOS 2017; 21 % of the transactions of Android's
 * services that spill are of this kind (Boos et al., EuroSys 2017).
 * See ths_mux(9), theseus-patterns(7); tests/unit/patterns/mux_test.c, mux_space_test.c show M1-M6.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/dfqueue.h>
#include <theseus/err.h>
#include <theseus/module.h>

#define THS_MUX_WEIGHT_MAX 1024u

/* A rectangle of the resource; of a range only @x and @width count, @height is 1. */
struct ths_mux_part {
	uint64_t x, y;
	uint64_t width, height; /* 0: none */
};

/* Row types. A zeroed mux row has no clients. */
struct ths_mux_state {  /* a table of one row */
	uint64_t level; /* the pass of whoever had the last turn */
};
struct ths_mux_lease {            /* a THS_JOINT table */
	uint64_t pass;            /* uses over weight, scaled by 2^20 ... */
	struct ths_mux_part part; /* what it has alone */
	uint32_t rest;            /* ... and what the division left over */
	uint16_t weight;
	uint16_t wants; /* 1: a turn */
};

/* Where a mux lies: numbers of tables in the module's descriptor. */
struct ths_mux {
	unsigned state, lease;
	uint64_t width, height; /* of the resource, below 2^63; of a range @height is 1 */
};

/**
 * ths_mux_attach() - the calling client gets a lease
 * @weight: 1..THS_MUX_WEIGHT_MAX; its share is in proportion
 * @lease:  out
 *
 * Return: THS_OK; THS_E_INVAL @weight; THS_E_FULL no room for a lease;
 *         THS_E_QUOTA the client owns as many rows as it may.
 */
THS_MUST_CHECK enum ths_err ths_mux_attach(struct ths_call *call,
					   const struct ths_mux *mux, uint32_t weight,
					   struct ths_weak *lease);
/* The lease ends, with all it holds. THS_E_STALE: it has ended (M2). */
THS_MUST_CHECK enum ths_err
ths_mux_detach(struct ths_call *call, const struct ths_mux *mux, struct ths_weak lease);

/* ---- in time --------------------------------------------------------------------------- */

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
 * Until it is charged, or wants no more, the turn stays its.
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

/* ---- in space -------------------------------------------------------------------------- */

/**
 * ths_mux_reserve() - the lease gets a free part of that size for itself: the one that
 * begins at the least y, and of those at the least x
 * @part: @width and @height in, @x and @y out
 *
 * Return: THS_OK; THS_E_INVAL a size is 0; THS_E_EXIST it has a part; THS_E_FULL there is
 *         no free part of that size; THS_E_STALE.
 */
THS_MUST_CHECK enum ths_err ths_mux_reserve(struct ths_call *call,
					    const struct ths_mux *mux,
					    struct ths_weak lease,
					    struct ths_mux_part *part);

/**
 * ths_mux_claim() - the lease's part is @part from now on, and no other
 * @part: moved, grown or shrunk; of size 0 in a direction: it has none
 *
 * Return: THS_OK; THS_E_BUSY another lease has some of it; THS_E_INVAL it reaches beyond
 *         the resource; THS_E_STALE. After an error it has the part it had.
 */
THS_MUST_CHECK enum ths_err ths_mux_claim(struct ths_call *call, const struct ths_mux *mux,
					  struct ths_weak lease,
					  const struct ths_mux_part *part);

/**
 * ths_mux_place() - from places in the lease's part to those of the resource
 * @part: in: counted from where its part begins; out: from where the resource does
 *
 * Return: THS_OK; THS_E_PERM not within its part; THS_E_STALE.
 */
THS_MUST_CHECK enum ths_err ths_mux_place(struct ths_call *call, const struct ths_mux *mux,
					  struct ths_weak lease, struct ths_mux_part *part);

/**
 * ths_mux_owner() - whose part a place of the resource is in
 * @lease: out
 *
 * Return: THS_OK; THS_E_NOENT nobody's.
 */
THS_MUST_CHECK enum ths_err ths_mux_owner(struct ths_call *call, const struct ths_mux *mux,
					  uint64_t x, uint64_t y, struct ths_weak *lease);

/* ---- merging --------------------------------------------------------------------------- */

/* Sources are the queues 0..@sources - 1 of a family; each has one producer, or several
 * that agree on the order (keyboard, mouse, an inbox per CPU). */
struct ths_mux_merge {
	const struct ths_dfqueue *queue;
	uint32_t sources;
	uint32_t stamp; /* offset, in an item's bytes, of the uint64_t to merge by */
};

/**
 * ths_mux_merge() - of the oldest items of all sources the one with the least stamp; of
 * equals that of the lower source
 * @which, @ticket: out: to say that it is done by ths_dfqueue_complete()
 * @bytes:          out: room for the queue's @bytes
 *
 * It stays where it is. What comes later with a lesser stamp comes later (M6).
 *
 * Return: THS_OK; THS_E_AGAIN all are empty, and the client sleeps until one is not;
 *         THS_E_INVAL an item has no stamp; THS_E_INTERNAL as ths_dfqueue_peek().
 */
THS_MUST_CHECK enum ths_err ths_mux_merge(struct ths_call *call,
					  const struct ths_mux_merge *merge,
					  uint32_t *which, void *bytes, uint32_t *len,
					  uint64_t *ticket);

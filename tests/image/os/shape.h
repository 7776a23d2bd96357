/*
 * shape - the interfaces of the small modules that evolve: see shape.c for which shape of
 * evolution each is there for. Their builds tell themselves apart by a version in replies.
 */
#pragma once

#include <theseus/interface.h>
#include <theseus/row.h>

/*
 * desk - gives numbered tickets, at several desks, and keeps its books in two ways that
 * must agree: how many went to the left and to the right add up to how many there were.
 */
#define DESKS 4u
struct desk_ticket {
	uint64_t desk;
	uint64_t value;   /* out: 1, 2, 3, ... */
	uint64_t version; /* out: of the build that gave it */
};
struct desk_side { /* of desk/2 */
	uint64_t desk;
	uint64_t value, version, right; /* out; right: 1: it went to the right */
};
struct desk_seen { /* THS_E_AGAIN while no more than @value were given */
	uint64_t desk;
	uint64_t value; /* out: how many were */
};

#define DESK_1_OPS(OP)                                                                   \
	OP(desk, take, struct desk_ticket, 0)                                            \
	OP(desk, follow, struct desk_seen, 0)
#define DESK_MORE_OPS(OP) DESK_1_OPS(OP) OP(desk, count, struct desk_seen, 0)
/* One operation is gone, one has other arguments, and they changed places. */
#define DESK_2_OPS(OP)                                                                   \
	OP(desk, follow, struct desk_seen, 0)                                            \
	OP(desk, take, struct desk_side, 0)

#if defined DESK_NEXT
THS_INTERFACE(desk, 2, DESK_2_OPS)
#elif defined DESK_MORE
THS_INTERFACE(desk, 1, DESK_MORE_OPS)
#else
THS_INTERFACE(desk, 1, DESK_1_OPS)
#endif

/* What clients call, whatever is behind it. */
#define CLERK_OPS(OP)                                                                    \
	OP(clerk, take, struct desk_ticket, 0)                                           \
	OP(clerk, follow, struct desk_seen, 0)
THS_INTERFACE(clerk, 1, CLERK_OPS)

/* desk's two books as modules of their own. */
#define TALLY_OPS(OP)                                                                    \
	OP(tally, add, struct desk_ticket, 0)                                            \
	OP(tally, follow, struct desk_seen, 0)
THS_INTERFACE(tally, 1, TALLY_OPS)
#define SIDES_OPS(OP) OP(sides, add, struct desk_side, 0) /* value: in */
THS_INTERFACE(sides, 1, SIDES_OPS)

/* "shape.desk/1"; others are in the modules that have them. */
struct desk_row {
	uint64_t next;
	uint32_t left, right;
};
struct tally_row { /* "shape.tally/1" */
	uint64_t next;
};
struct sides_row { /* "shape.sides/1" */
	uint32_t left, right;
};

/* slots - an allocator of few places. */
#define SLOTS 3u
struct slots_place {
	uint64_t place;   /* take: out; THS_E_AGAIN while none is free. give: in */
	uint64_t version; /* out */
};
#define SLOTS_OPS(OP)                                                                    \
	OP(slots, take, struct slots_place, 0)                                           \
	OP(slots, give, struct slots_place, 0)
THS_INTERFACE(slots, 1, SLOTS_OPS)

/* post - events are queued, and delivered by a dispatcher to all who listen. */
#define POST_PENDING 8u
struct post_event {
	uint64_t number;  /* out: 1, 2, 3, ... as they were raised */
	uint64_t version; /* out */
	uint64_t served;  /* out (deliver): by so many */
};
struct post_listener {
	uint32_t binding, generation;
};
#define POST_OPS(OP)                                                                     \
	OP(post, raise, struct post_event, 0)     /* THS_E_AGAIN: the queue is full */   \
	OP(post, deliver, struct post_event, 0)   /* the oldest; THS_E_AGAIN: none */    \
	OP(post, pending, struct post_event, 0)   /* number: how many are queued */      \
	OP(post, listen, struct post_listener, 0)
THS_INTERFACE(post, 1, POST_OPS)

/* channel - messages from one task to another: one at a time, met by who receives it; or
 * buffered. What is called is the same. */
#define CHANNEL_ROOM 6u
struct channel_message {
	uint64_t value;
	uint64_t version; /* out */
};
#define CHANNEL_OPS(OP)                                                                  \
	OP(channel, offer, struct ths_no_args, 0)       /* who receives is ready */      \
	OP(channel, receive, struct channel_message, 0) /* THS_E_AGAIN: nothing there */ \
	OP(channel, send, struct channel_message, 0)    /* THS_E_AGAIN: not yet */
THS_INTERFACE(channel, 1, CHANNEL_OPS)

/* ward - counts visits; @faults says which of the builds is to fault when it serves. */
struct ward_visit {
	uint64_t faults;  /* visit: in; 0: none */
	uint64_t value;   /* out: 1, 2, 3, ... follow: THS_E_AGAIN while there were no more */
	uint64_t version; /* out (visit): who served */
};
#define WARD_OPS(OP)                                                                     \
	OP(ward, visit, struct ward_visit, 0)                                            \
	OP(ward, follow, struct ward_visit, 0)
THS_INTERFACE(ward, 1, WARD_OPS)

struct ward_row { /* "shape.ward/1" */
	uint64_t visits;
};

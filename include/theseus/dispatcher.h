/*
 * dispatcher - one source of events, and by key the handlers each event has.
 *
 * Interrupts by line, events by kind, system calls by number: the table from key to
 * handlers is rows of the module that dispatches. The dispatcher itself is these functions
 * and holds nothing, so the module may be swapped between any two events.
 *
 * A handler is named weakly: by who it is (a binding, a row, whatever the module can
 * call), with a generation. Whether it still lives is found out by calling it; a dead one
 * is skipped, and reported, and does not keep the others from being called. What it has
 * missed so far stands in its entry of the row (@missed), where anybody who may read the
 * table finds it: ths_dispatcher_find().
 *
 * Invariants
 *   D1  Handlers of a key are called in the order of their priorities, the higher first;
 *       of equal ones in the order in which they were attached.
 *   D2  An operation of a @who is attached to a key at most once. If that died and another
 *       has its name, in a later generation, the new one takes the place of the old; an
 *       earlier generation never does.
 *   D3  A dead handler, or one that fails, changes nothing for the others.
 *   D4  Between deliveries there is nothing but rows: any build of the module goes on.
 *
 * Use: a THS_FIXED table whose row number is the key and whose rows are arrays of struct
 * ths_handler, of 1..THS_HANDLERS_MAX; a const struct ths_dispatcher that names it;
 * ths_dispatcher_attach() and _detach() in the operations of those names; _deliver() where
 * the handlers are called from the module itself, or _find() where someone else calls
 * them, as nano_core does for interrupts.
 *
 * Context of all: inside an operation. They return the errors of ths_row_read(), those
 * that write also those of ths_row_write(); THS_E_INVAL: @handlers is out of range.
 *
 * After: the dispatcher of Boos & Zhong, PLOS 2017 ("Pattern reuse").
 * See ths_dispatcher(9), theseus-patterns(7); tests/unit/patterns/dispatcher_test.c shows D1-D4.
 */
#pragma once

#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>
#include <theseus/module.h>

#define THS_HANDLERS_MAX 32u /* of one key, whatever the dispatcher */

struct ths_handler { /* a zeroed one is nobody */
	uint32_t who;        /* whom to call: with @what, the handler's name */
	uint32_t generation; /* of whatever @who names */
	uint32_t what;       /* which of its operations */
	uint16_t missed;     /* deliveries since it was last alive; at most UINT16_MAX */
	uint8_t priority;    /* the higher, the earlier */
	uint8_t used;        /* 1 */
};

/* Where a dispatcher lies. */
struct ths_dispatcher {
	unsigned table;    /* its number in the module's descriptor */
	uint32_t handlers; /* entries of a row: 1..THS_HANDLERS_MAX */
};

/**
 * ths_dispatcher_attach() - @handler serves @key from now on, last of its priority
 * @key:     number of the row
 * @handler: all but @missed and @used count
 *
 * Return: THS_OK, also when it took a dead one's place (D2); THS_E_EXIST it is attached;
 *         THS_E_STALE a later generation of it is; THS_E_FULL as many as fit are;
 *         THS_E_NOENT no such key.
 */
THS_MUST_CHECK enum ths_err
ths_dispatcher_attach(struct ths_call *call, const struct ths_dispatcher *dispatcher,
		      uint32_t key, const struct ths_handler *handler);

/**
 * ths_dispatcher_detach() - @handler serves @key no more; the others keep their order
 *
 * Return: THS_OK; THS_E_NOENT it did not, in that generation, or no such key.
 */
THS_MUST_CHECK enum ths_err
ths_dispatcher_detach(struct ths_call *call, const struct ths_dispatcher *dispatcher,
		      uint32_t key, const struct ths_handler *handler);

/**
 * ths_dispatcher_find() - who serves @key, in order, and what they have missed
 * @found: out: room for the dispatcher's @handlers
 * @count: out: how many
 *
 * Return: THS_OK, also with none; THS_E_NOENT no such key.
 */
THS_MUST_CHECK enum ths_err
ths_dispatcher_find(struct ths_call *call, const struct ths_dispatcher *dispatcher,
		    uint32_t key, struct ths_handler *found, uint32_t *count);

/*
 * How the module calls a handler: usually by making a reference of @handler and calling
 * it through the gate. THS_E_STALE and THS_E_UNAVAIL say that it is dead; another error
 * says that it failed.
 */
typedef enum ths_err ths_dispatch_fn(struct ths_call *call,
				     const struct ths_handler *handler, void *event);

/* What became of an event. */
struct ths_delivery {
	uint32_t served; /* handlers that returned THS_OK */
	uint32_t failed; /* that returned an error; what they did is undone */
	uint32_t dead;   /* that are gone; the first of them is @lost */
	struct ths_handler lost;
};

/**
 * ths_dispatcher_deliver() - call all handlers of @key with @event
 * @call_one: calls one of them; those attached at the beginning are called, whatever it
 *            attaches or detaches
 * @report:   out: what became of it; a dead one is for the caller to detach, or not
 *
 * An operation that may not write the table (a device operation, perhaps) still delivers
 * and reports; @missed is not counted then.
 *
 * Return: THS_OK, whatever the handlers returned; THS_E_AGAIN one of them could not
 *         proceed: the operation returns that, so that nothing was delivered, and the event
 *         is due again; THS_E_NOENT no such key.
 */
THS_MUST_CHECK enum ths_err
ths_dispatcher_deliver(struct ths_call *call, const struct ths_dispatcher *dispatcher,
		       uint32_t key, ths_dispatch_fn *call_one, void *event,
		       struct ths_delivery *report);

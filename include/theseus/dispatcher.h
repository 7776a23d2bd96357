/*
 * dispatcher - one source of events, and by key the handlers each event has.
 *
 * Interrupts by line, events by kind, system calls by number: the table from key to
 * handlers is rows of the module that dispatches, a THS_FIXED table of struct
 * ths_dispatch whose row number is the key. The dispatcher itself is these functions and
 * holds nothing, so the module may be swapped between any two events.
 *
 * A handler is named weakly: by who it is (an instance's slot, a row, whatever the module
 * can call), with a generation. Whether it still lives is found out by calling it; a dead
 * one is skipped, and reported, and does not keep the others from being called.
 *
 * Invariants
 *   D1  Handlers of a key are called in the order in which they were attached.
 *   D2  An operation of a @who is attached to a key at most once; if that died and
 * another has its name, in a new generation, the new one takes the place of the old. D3
 * A dead handler changes nothing for the others. D4  Between deliveries there is nothing
 * but rows: any build of the module goes on.
 *
 * Use: ths_dispatcher_attach() and _detach() in the operations of those names;
 * ths_dispatcher_deliver() where the handlers are called from the module itself, or
 * ths_dispatcher_find() where someone else calls them, as nano_core does for interrupts.
 * See theseus_patterns(7); tests/unit/patterns/dispatcher_test.c shows D1-D4.
 */
#pragma once

#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>
#include <theseus/module.h>

#define THS_HANDLERS_MAX 4u /* of one key */

struct ths_handler {
	uint32_t who;        /* whom to call: with @what, the handler's name */
	uint32_t generation; /* of whatever @who names */
	uint32_t what;       /* which of its operations */
	uint32_t used;       /* 1 */
};

/* The row type. A zeroed row has no handlers. */
struct ths_dispatch {
	struct ths_handler handler[THS_HANDLERS_MAX]; /* the used ones come first (D1) */
};

/**
 * ths_dispatcher_attach() - @handler serves @key from now on, last of all
 * @table: number of the table in the module's descriptor
 * @key:   number of the row
 *
 * Return: THS_OK, also when it took a dead one's place (D2); THS_E_EXIST it is attached;
 *         THS_E_FULL THS_HANDLERS_MAX are; THS_E_NOENT no such key; the errors of
 *         ths_row_write().
 */
THS_MUST_CHECK enum ths_err ths_dispatcher_attach(struct ths_call *call, unsigned table,
						  uint32_t key,
						  const struct ths_handler *handler);

/**
 * ths_dispatcher_detach() - @handler serves @key no more; the others keep their order
 *
 * Return: THS_OK; THS_E_NOENT it did not, in that generation, or no such key; the errors
 *         of ths_row_write().
 */
THS_MUST_CHECK enum ths_err ths_dispatcher_detach(struct ths_call *call, unsigned table,
						  uint32_t key,
						  const struct ths_handler *handler);

/**
 * ths_dispatcher_find() - who serves @key, in order
 * @found: out: room for THS_HANDLERS_MAX
 * @count: out: how many
 *
 * Return: THS_OK, also with none; THS_E_NOENT no such key; the errors of ths_row_read().
 */
THS_MUST_CHECK enum ths_err ths_dispatcher_find(struct ths_call *call, unsigned table,
						uint32_t key, struct ths_handler *found,
						uint32_t *count);

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
 * @call_one: calls one of them
 * @report:   out: what became of it; a dead one is for the caller to detach, or not
 *
 * Return: THS_OK, whatever the handlers returned; THS_E_AGAIN one of them could not
 *         proceed: nothing was delivered, the event is due again; THS_E_NOENT no such
 * key.
 */
THS_MUST_CHECK enum ths_err ths_dispatcher_deliver(struct ths_call *call, unsigned table,
						   uint32_t key,
						   ths_dispatch_fn *call_one, void *event,
						   struct ths_delivery *report);

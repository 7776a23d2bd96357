/*
 * indirection - a layer that knows several providers of an interface, and is none itself.
 *
 * Schedulers, screens, keyboards: clients call one name, and behind it stand providers in
 * an order that may change while they are called. Which providers a *point* has, and in
 * which order, is one row of the module that is the layer. Providers are named by the
 * instance name of their binding, so they may be swapped, may die and come back; nothing
 * here holds more of them than the name and a hint where it led to last.
 *
 * Invariants
 *   I1  A call goes to the first provider, in the order of priority, that is bound and
 *       does not break; of equal priority, to the one added first.
 *   I2  What a provider answers, error or not, is the answer. Only that nobody is bound
 *       under its name (THS_E_UNAVAIL), or that it faulted, passes the call on to the next;
 *       of what a faulting one did nothing is left.
 *   I3  A change of the order is one row write: each call meets the old order or the new.
 *   I4  The hint is soft: a wrong one costs a lookup and changes no answer.
 *   I5  A provider may pass on what it is called with by ths_indirection_next(), to whoever
 *       comes behind it; the others do not notice. (To stand before a binding that is no
 *       layer: iface/interpose.h.)
 *
 * Use: a THS_FIXED table whose row number is the point and whose rows are arrays of struct
 * ths_provider, of 1..THS_PROVIDERS_MAX; a const struct ths_indirection that names it;
 * ths_indirection_add() and _prefer() in the layer's managing operations, then
 * ths_indirection_forward() as the whole of each operation that it passes on.
 *
 * Context of all: inside an operation; call, forward and next not in a device operation.
 * They return the errors of ths_row_read(), those that write also those of
 * ths_row_write(); THS_E_INVAL: @providers is out of range.
 *
 * After: the indirection layer of Boos & Zhong, PLOS 2017; 39 % of the transactions of
 * Android's services that spill are of this kind (Boos et al., EuroSys 2017).
 * See ths_indirection(9), theseus-patterns(7); tests/unit/patterns/indirection_test.c shows
 * I1-I5.
 */
#pragma once

#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>
#include <theseus/module.h>

#define THS_PROVIDERS_MAX 64u /* behind one point, whatever the layer */

struct ths_provider { /* a zeroed one is nobody */
	char instance[THS_NAME_MAX]; /* of the binding */
	uint32_t priority;           /* the higher, the earlier */
	uint16_t faults;             /* calls it broke and another answered; at most UINT16_MAX */
	uint16_t used;               /* 1 */
	uint32_t binding;            /* the hint (I4) ... */
	uint32_t generation;         /* ... 0: none */
};

/* Where a layer lies. */
struct ths_indirection {
	unsigned table;     /* its number in the module's descriptor */
	uint32_t providers; /* entries of a row: 1..THS_PROVIDERS_MAX */
};

/**
 * ths_indirection_add() - one more provider, last of those of its priority
 * @point:    number of the row
 * @instance: the name its binding has; need not be bound
 *
 * Return: THS_OK; THS_E_EXIST it is there; THS_E_FULL as many as fit are; THS_E_SIZE the
 *         name is too long; THS_E_NOENT no such point.
 */
THS_MUST_CHECK enum ths_err ths_indirection_add(struct ths_call *call,
						const struct ths_indirection *layer,
						uint32_t point, const char *instance,
						uint32_t priority);

/**
 * ths_indirection_remove() - @instance is no provider any more
 * ths_indirection_prefer() - @instance is the first from now on, whatever the priorities
 *
 * Return: THS_OK; THS_E_NOENT it is none, or no such point.
 */
THS_MUST_CHECK enum ths_err ths_indirection_remove(struct ths_call *call,
						   const struct ths_indirection *layer,
						   uint32_t point, const char *instance);
THS_MUST_CHECK enum ths_err ths_indirection_prefer(struct ths_call *call,
						   const struct ths_indirection *layer,
						   uint32_t point, const char *instance);

/**
 * ths_indirection_find() - the provider that is number @at in the order, from 0
 * @provider: out: a copy; how often it broke is there
 *
 * Return: THS_OK; THS_E_NOENT there are fewer, or no such point.
 */
THS_MUST_CHECK enum ths_err ths_indirection_find(struct ths_call *call,
						 const struct ths_indirection *layer,
						 uint32_t point, uint32_t at,
						 struct ths_provider *provider);

/**
 * ths_indirection_call() - call operation @op of the point's provider
 * @iface: the providers' interface; @op, @args, @blob as for ths_gate()
 *
 * Return: what the provider returned (I2); where every bound one broke, what the last
 *         returned; THS_E_UNAVAIL none of them is bound.
 */
THS_MUST_CHECK enum ths_err ths_indirection_call(struct ths_call *call,
						 const struct ths_indirection *layer,
						 uint32_t point,
						 const struct ths_iface *iface, uint32_t op,
						 void *args, struct ths_blob *blob);

/**
 * ths_indirection_forward() - pass the present call on, unchanged, to the provider
 * ths_indirection_next() - the same, to whoever stands behind @self
 *
 * Return: as ths_indirection_call(). next: THS_E_NOENT @self is no provider.
 */
THS_MUST_CHECK enum ths_err ths_indirection_forward(struct ths_call *call,
						    const struct ths_indirection *layer,
						    uint32_t point,
						    const struct ths_iface *iface);
THS_MUST_CHECK enum ths_err ths_indirection_next(struct ths_call *call,
						 const struct ths_indirection *layer,
						 uint32_t point,
						 const struct ths_iface *iface,
						 const char *self);

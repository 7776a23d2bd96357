/*
 * indirection - a layer that knows several providers of an interface, and is none itself.
 *
 * Schedulers, screens, keyboards: clients call one name, and behind it stand providers in
 * an order that may change while they are called. Which providers a *point* has, and in
 * which order, is one row of the module that is the layer: a THS_FIXED table of struct
 * ths_indirection, whose row number is the point. Providers are named by the instance
 * name of their binding, so they may be swapped, may die and come back; nothing here
 * holds more of them than the name and a hint where it led to last.
 *
 * Invariants
 *   I1  A call goes to the first provider, in the order of priority, that is bound; of
 *       equal priority, to the one added first.
 *   I2  What a provider answers, error or not, is the answer. Only that nobody is bound
 *       under its name (THS_E_UNAVAIL) passes the call on to the next.
 *   I3  A change of the order is one row write: each call meets the old order or the new.
 *   I4  The hint is soft: a wrong one costs a lookup and changes no answer.
 *   I5  An interposer is a provider that passes on what it is called with by
 *       ths_indirection_next(), to whoever comes behind it; the others do not notice.
 *
 * Use: ths_indirection_add() and _prefer() in the layer's managing operations, then
 * ths_indirection_forward() as the whole of each operation that it passes on.
 * See theseus_patterns(7); tests/unit/patterns/indirection_test.c shows I1-I5.
 */
#pragma once

#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>
#include <theseus/module.h>

#define THS_PROVIDERS_MAX 6u /* behind one point */

struct ths_provider {
	char instance[THS_NAME_MAX]; /* of the binding; "" in an unused entry's place */
	uint32_t priority;           /* the higher, the earlier */
	uint32_t used;               /* 1 */
	uint32_t binding;            /* the hint (I4) ... */
	uint32_t generation;         /* ... 0: none */
};

/* The row type: used entries first, in the order of I1. A zeroed row has none. */
struct ths_indirection {
	struct ths_provider provider[THS_PROVIDERS_MAX];
};

/**
 * ths_indirection_add() - one more provider, last of those of its priority
 * @table:    number of the table in the module's descriptor
 * @point:    number of the row
 * @instance: the name its binding has; need not be bound
 *
 * Return: THS_OK; THS_E_EXIST it is there; THS_E_FULL THS_PROVIDERS_MAX are;
 *         THS_E_SIZE the name is too long; THS_E_NOENT no such point; the errors of
 *         ths_row_write().
 */
THS_MUST_CHECK enum ths_err ths_indirection_add(struct ths_call *call, unsigned table,
						uint32_t point, const char *instance,
						uint32_t priority);

/**
 * ths_indirection_remove() - @instance is no provider any more
 * ths_indirection_prefer() - @instance is the first from now on, whatever the priorities
 *
 * Return: THS_OK; THS_E_NOENT it is none, or no such point; the errors of
 *         ths_row_write().
 */
THS_MUST_CHECK enum ths_err ths_indirection_remove(struct ths_call *call, unsigned table,
						   uint32_t point, const char *instance);
THS_MUST_CHECK enum ths_err ths_indirection_prefer(struct ths_call *call, unsigned table,
						   uint32_t point, const char *instance);

/**
 * ths_indirection_call() - call operation @op of the point's provider
 * @iface: the providers' interface; @op, @args, @blob as for ths_gate()
 *
 * Return: what the provider returned (I2); THS_E_UNAVAIL none of them is bound.
 */
THS_MUST_CHECK enum ths_err ths_indirection_call(struct ths_call *call, unsigned table,
						 uint32_t point,
						 const struct ths_iface *iface,
						 uint32_t op, void *args,
						 struct ths_blob *blob);

/**
 * ths_indirection_forward() - pass the present call on, unchanged, to the provider
 * ths_indirection_next() - the same, to whoever stands behind @self
 *
 * Return: as ths_indirection_call(). next: THS_E_NOENT @self is no provider.
 */
THS_MUST_CHECK enum ths_err ths_indirection_forward(struct ths_call *call, unsigned table,
						    uint32_t point,
						    const struct ths_iface *iface);
THS_MUST_CHECK enum ths_err ths_indirection_next(struct ths_call *call, unsigned table,
						 uint32_t point,
						 const struct ths_iface *iface,
						 const char *self);

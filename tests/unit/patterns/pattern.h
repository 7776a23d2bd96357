/*
 * pattern - what the suites of patterns share: dice, a server of two builds that is
 * swapped at any moment, and calls that fail when all is done but the end.
 *
 * The server's operation is whatever function the test hands in (script.h), so a suite
 * tries a pattern's functions with any parameters, beside a model that knows the answer.
 */
#pragma once

#include <stdlib.h>
#include <suite.h>
#include <theseus/host.h>
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "nano_core/nano_core_impl.h"

/* THS_PROVIDES() of a suite's own modules. */
#define PATTERN_SERVER THS_PROVIDES(script, .run = script_run_op, .drive = script_run_op)

static struct ths_ref pattern_ref;
static const struct ths_module *pattern_build[2];
static uint64_t pattern_dice;
static unsigned pattern_swaps; /* that pattern_call() may still make */

/* xorshift64*: the same everywhere, and from THS_SEED. */
static inline uint64_t dice(uint64_t sides)
{
	pattern_dice ^= pattern_dice >> 12;
	pattern_dice ^= pattern_dice << 25;
	pattern_dice ^= pattern_dice >> 27;
	return (pattern_dice * 0x2545f4914f6cdd1dull >> 11) % sides;
}

static inline void pattern_start(const struct ths_module *first,
				 const struct ths_module *second)
{
	harness_start();
	ths_core.quiet_faults = true;
	pattern_build[0] = first;
	pattern_build[1] = second;
	harness_bind(first, "");
	pattern_ref = (struct ths_ref){&script_iface, "", 0, 1, THS_REF_NOWAIT};
	pattern_dice = ths_test_seed() | 1;
	pattern_swaps = UINT32_MAX;
	ths_probation_set((struct ths_probation){0, 0}); /* who is swapped in stays */
}

/* Who serves now: after a fault another instance may, loaded anew. */
static inline uint32_t pattern_slot(const struct ths_iface *iface, const char *name)
{
	const struct ths_instance *instance;
	struct ths_binding *binding;

	ck_assert_int_eq(ths_binding_find(iface, name, &binding), THS_OK);
	instance = ths_binding_instance(binding);
	ck_assert_ptr_nonnull(instance);
	return instance->slot;
}

static inline void pattern_swap(void)
{
	static unsigned number;

	(void)harness_swap(pattern_slot(&script_iface, ""), pattern_build[++number % 2]);
}

/* What goes wrong with a call after @fn has done its work. */
enum wrong { WRONG_ERROR, WRONG_FAULT, WRONG_VALUE, WRONGS };
struct spoilt {
	script_fn *fn;
	void *ctx;
	enum wrong how;
	enum ths_err err; /* of @fn */
};

THS_NO_SANITIZE static enum ths_err spoil(struct ths_call *call, void *arg)
{
	struct spoilt *spoilt = arg;
	volatile uintptr_t nowhere = 0;

	spoilt->err = spoilt->fn(call, spoilt->ctx);
	if (spoilt->err)
		return spoilt->err;
	if (spoilt->how == WRONG_FAULT)
		return (enum ths_err) * (volatile int *)nowhere;
	return spoilt->how == WRONG_VALUE ? (enum ths_err)77 : THS_E_IO;
}

/* The call, first spoilt a few times at random, with a swap now and then: none of which
 * may be noticed. Not too often in a row: eight faults and nothing served between unbind a
 * module. What @fn writes to @ctx is as of the last try. */
static inline enum ths_err pattern_call(script_fn *fn, void *ctx)
{
	static const enum ths_err want[] = {THS_E_IO, THS_E_FAULT, THS_E_INTERNAL};

	for (unsigned i = 0; i < 3 && dice(6) == 0; i++) {
		struct spoilt spoilt = {fn, ctx, (enum wrong)dice(WRONGS), THS_OK};
		enum ths_err err = script_by(&pattern_ref, spoil, &spoilt);

		ck_assert_int_eq(err, spoilt.err ? spoilt.err : want[spoilt.how]);
	}
	if (dice(40) == 0 && pattern_swaps) {
		pattern_swaps--;
		pattern_swap();
	}
	return script_by(&pattern_ref, fn, ctx);
}

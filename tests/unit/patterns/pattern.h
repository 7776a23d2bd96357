/*
 * pattern - what the suites of patterns share: dice, a server of two builds that is
 * swapped at any moment, and calls that fail when all is done but the end.
 *
 * The server's operation is whatever function the test hands in (script.h), so a suite
 * tries a pattern's functions with any parameters, beside a model that knows the answer.
 */
#pragma once

#include <stdlib.h>
#include <string.h>
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

/* ---- whatever runs out ------------------------------------------------------------------ */

struct slowed {
	script_fn *fn;
	void *ctx;
};

/* Nothing is quick: each read and each write asks for what it needs. */
static enum ths_err slowly(struct ths_call *call, void *arg)
{
	struct slowed *slowed = arg;

	ths_cpu()->txn.writes_limit = 0;
	return slowed->fn(call, slowed->ctx);
}

static inline uint64_t pattern_commits(void)
{
	uint64_t commits = 0;

	for (uint32_t i = 0; i < ths_core.tables; i++)
		commits += ths_core.table[i].commits;
	return commits;
}

/* What a call may be short of, one by one. */
#define PATTERN_SHORTAGES 2
static const char *const pattern_shortages[PATTERN_SHORTAGES] = {"room", "alloc/write"};

/* All that live rows hold, as a number (FNV-1a). */
static inline uint64_t pattern_contents(void)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (uint32_t i = 0; i < ths_core.tables; i++) {
		const struct ths_table *table = &ths_core.table[i];

		for (uint32_t row = 0; row < table->fresh; row++) {
			const struct ths_version *version = slot_version(table->slots[row].word);

			for (uint32_t at = 0; ths_version_is_live(version) && at < table->row_size;
			     at++)
				hash = (hash ^ (row + version->data[at])) * 0x100000001b3u;
		}
	}
	return hash;
}

/* Whose error the operation keeps to itself, so that what was written is committed. */
static enum ths_err swallow(struct ths_call *call, void *arg)
{
	struct spoilt *spoilt = arg;

	spoilt->err = spoilt->fn(call, spoilt->ctx);
	return THS_OK;
}

static inline enum ths_err pattern_swallowed(script_fn *fn, void *ctx)
{
	struct spoilt spoilt = {.fn = fn, .ctx = ctx};
	struct slowed slowed = {swallow, &spoilt};
	enum ths_err err = script_by(&pattern_ref, slowly, &slowed);

	return err ? err : spoilt.err; /* it may end there and then */
}

/* The call with the first thing of @class that it needs missing, the second, and so on: an
 * error each time and nothing done, also where the module goes on; until it gets through,
 * with the outcome returned. @ctx, of @size bytes, is the same for each try. */
static inline enum ths_err pattern_short(const char *class, script_fn *fn, void *ctx, size_t size)
{
	struct slowed slowed = {fn, ctx};
	uint8_t before[1024];

	ck_assert_uint_le(size, sizeof before);
	memcpy(before, ctx, size);
	for (uint64_t n = 1;; n++) {
		uint64_t commits = pattern_commits(), contents = pattern_contents();
		enum ths_err err;
		bool failed;

		memcpy(ctx, before, size);
		ths_host_fail_nth(class, n, false);
		err = script_by(&pattern_ref, slowly, &slowed);
		failed = ths_host_fail_failed() > 0;
		ths_host_fail_nth("", 0, false);
		if (!failed || err != THS_E_FULL)
			return err;
		ck_assert_uint_eq(pattern_commits(), commits);
		memcpy(ctx, before, size);
		ths_host_fail_nth(class, n, false);
		err = pattern_swallowed(fn, ctx);
		ths_host_fail_nth("", 0, false);
		ck_assert_int_eq(err, THS_E_FULL);
		ck_assert_uint_eq(pattern_contents(), contents);
	}
}

/*
 * growth - what a call, a look-up, a weak reference, a commit and a publication cost among
 * more and more rows, and more and more modules: the same, or the bench fails.
 *
 * A figure comes out as "@growth AMONG NAME COUNT VALUE"; tests/bench/bench compares.
 */
#include "measure.h"

#include <theseus/fmt.h>

static struct ths_ref bench_here = THS_REF(bench);

/* @mask: 2^n - 1; keys up to it are looked up. */
static void tell_all(const char *among, uint32_t count, uint64_t mask)
{
	struct bench_row keys = {.row = mask};
	const struct {
		const char *name;
		uint64_t value;
	} all[] = {
		{"null_interaction", null_call()},
		{"keyed_lookup", each(bench_lookup, keys, 100, "lookup")},
		{"weak_upgrade", each(bench_grip, (struct bench_row){0}, 1000, "weak")},
		{"keyed_write_commit", row_call(bench_change)},
		{"swap_publish", least_swap(NULL).publish},
	};

	for (unsigned i = 0; i < THS_ARRAY_SIZE(all); i++)
		ths_logf("@growth %s %s %u %lu", among, all[i].name, count,
			 (unsigned long)all[i].value);
}

void growth_of_rows(void)
{
	uint64_t rows = 0, mask = 7;

	for (uint32_t count = 10; count <= BENCH_KEYS; count *= 10) {
		for (; rows < count; rows += 10) {
			struct bench_row args = {.first = rows, .repeat = 10};

			must(bench_fill(&bench_here, &args), "fill");
		}
		while (2 * mask + 1 < count)
			mask = 2 * mask + 1;
		tell_all("rows", count, mask);
	}
}

/* Each under a binding of its own name. */
static void add_module(unsigned number)
{
	struct ths_reason reason = {{0}};
	char name[THS_NAME_MAX];
	uint32_t slot = 0;

	(void)ths_format(name, sizeof(name), "one.%u", number);
	must(ths_module_load("bench.one", name, &slot, &reason), "load");
	must(ths_bind(slot, name), "bind");
}

void growth_of_modules(void)
{
	unsigned modules = 0;

	for (uint32_t count = 10; count <= 1000; count *= 10) {
		for (; modules < count; modules++)
			add_module(modules);
		tell_all("modules", count, UINT16_MAX);
	}
}

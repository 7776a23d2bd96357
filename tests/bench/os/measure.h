/*
 * measure - what the parts of the measuring program share.
 */
#pragma once

#include "bench.h"

#include <theseus/nano_core.h>

#define N 1000u

extern struct ths_ref bench;

static inline uint64_t now(void)
{
	return ths_arch_counter();
}

void must(enum ths_err err, const char *what);
void tell(const char *name, uint64_t instructions);

/* What one repeat inside an interaction costs, beyond the turn of the loop it is in. */
uint64_t each(enum ths_err (*call)(struct ths_ref *, struct bench_row *),
	      struct bench_row args, uint64_t n, const char *what);
/* What a call costs beyond that of an empty operation, or beyond nothing; rows 0 to 99. */
uint64_t null_call(void);
uint64_t row_call(enum ths_err (*call)(struct ths_ref *, struct bench_row *));
/* The publication of one scheduler in the other's place, and parts of that swap. */
struct ths_swap_times least_swap(uint64_t *total);

void measure_migration(void); /* migrate.c */

/* growth.c: among 10 to 100,000 rows, then among 10 to 1,000 modules. */
void growth_of_rows(void);
void growth_of_modules(void);

/*
 * measure - what the parts of the measuring program share.
 */
#pragma once

#include <stdint.h>
#include <theseus/arch.h>
#include <theseus/err.h>

static inline uint64_t now(void)
{
	return ths_arch_counter();
}

void must(enum ths_err err, const char *what);
void tell(const char *name, uint64_t instructions);

void measure_migration(void); /* migrate.c */

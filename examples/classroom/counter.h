/*
 * counter - one number, to be added to. Two modules serve it: counter_rows.c and
 * counter_spills.c, which differ in where they keep that number, and in nothing else.
 */
#pragma once

#include <stdint.h>
#include <theseus/interface.h>

struct counter_add {
	uint64_t amount;
	uint64_t total; /* out: after it */
};

#define COUNTER_OPS(OP)                                                                  \
	OP(counter, add, struct counter_add, 0)                                          \
	OP(counter, stumble, struct counter_add, 0) /* adds, and then reads address 0 */
THS_INTERFACE(counter, 1, COUNTER_OPS)

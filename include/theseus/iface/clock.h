/*
 * clock - time since boot, monotonic across swaps; sleeping until a moment.
 */
#pragma once

#include <stdint.h>
#include <theseus/interface.h>

struct clock_now {
	uint64_t ns; /* out: since boot */
};
struct clock_wait { /* THS_E_AGAIN until the clock has reached @ns */
	uint64_t ns;
};

#define CLOCK_OPS(OP)                                                                    \
	OP(clock, now, struct clock_now, 0)                                              \
	OP(clock, wait, struct clock_wait, 0)                                            \
	OP(clock, interrupt, struct ths_no_args, THS_OP_DEVICE) /* the device's line */
THS_INTERFACE(clock, 1, CLOCK_OPS)

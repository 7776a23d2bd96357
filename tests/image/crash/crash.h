/* crash - the interface of a module that faults. */
#pragma once

#include <theseus/module.h>

struct crash_go {
	uint64_t deep; /* 0: in the operation; else in a function that was inlined */
};

#define CRASH_OPS(OP) OP(crash, go, struct crash_go, 0)
THS_INTERFACE(crash, 1, CRASH_OPS)

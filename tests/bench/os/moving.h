/*
 * moving - rows that change their schema: so many of them, written one by one.
 */
#pragma once

#include <theseus/interface.h>

struct moving_rows { /* @count of them, from @first on; for `make` just so many more */
	uint32_t first, count;
};

#define MOVING_OPS(OP)                                                                   \
	OP(moving, make, struct moving_rows, THS_OP_IN)                                  \
	OP(moving, write, struct moving_rows, THS_OP_IN)
THS_INTERFACE(moving, 1, MOVING_OPS)

/*
 * keeper - a small metamodule, to show that what moves state_db moves any: it adds up what
 * it is told, and remembers the last few, in a struct of its own.
 */
#pragma once

#include <stdint.h>
#include <theseus/interface.h>

#define KEEPER_UNLUCKY 13u /* a total that version 2 does not adopt */

struct keeper_add { /* a device operation, so that it never runs twice: metamodule.h */
	uint64_t amount;
	uint64_t total;   /* out: of all that was added so far */
	uint64_t last[3]; /* out: of those before it, the latest first */
	uint32_t version; /* out: of the code that answered */
	uint32_t adds;    /* out: times it was called so far, by any version */
};

#define KEEPER_OPS(OP) OP(keeper, add, struct keeper_add, THS_OP_DEVICE)
THS_INTERFACE(keeper, 1, KEEPER_OPS)

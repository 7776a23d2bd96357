/*
 * state_db - what there is to ask of the database itself, as of any module. Rows are not
 * reached this way but by row.h, which is no interaction of its own.
 */
#pragma once

#include <stdint.h>
#include <theseus/interface.h>

struct state_db_count {
	uint32_t tables; /* out: that exist */
	uint32_t state;  /* out: bytes that state_db keeps about them, beside their rows */
	uint64_t commits; /* out: so far */
	uint64_t version; /* out: of the code that answered, as it is numbered in its build */
};

#define STATE_DB_OPS(OP) OP(state_db, count, struct state_db_count, 0)
THS_INTERFACE(state_db, 1, STATE_DB_OPS)

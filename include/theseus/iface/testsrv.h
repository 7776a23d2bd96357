/*
 * testsrv - the server the tests swap, break and check: counters, sessions, a joint
 * table, a mailbox, and every way an operation can go wrong.
 */
#pragma once

#include <stdint.h>
#include <theseus/interface.h>
#include <theseus/row.h>

struct testsrv_null { /* nothing; what the gate costs */
	uint64_t word[4];
};
struct testsrv_count { /* a session: its count lies in the client's blob */
	uint64_t value;   /* out: 1, 2, 3, … for this blob */
	uint64_t version; /* out: of the code that answered */
};
struct testsrv_add { /* a shared counter, a row */
	uint32_t row;
	uint32_t reserved;
	uint64_t amount;
	uint64_t value;   /* out: after adding */
	uint64_t version; /* out */
};
struct testsrv_joint { /* joint rows, by key: join makes or shares, leave unshares */
	uint64_t key;
	struct ths_weak weak; /* out (join) */
	uint64_t value;       /* out: owners that ever joined */
};
struct testsrv_post { /* a one-place mailbox; AGAIN while full (post), empty (fetch) */
	uint32_t box;
	uint32_t byte;
	uint64_t version; /* out */
};
enum testsrv_fault_kind {
	TESTSRV_NULL,         /* read address 0 */
	TESTSRV_UNMAPPED,     /* write an unmapped kernel address */
	TESTSRV_NONCANONICAL, /* read a non-canonical address */
	TESTSRV_WRITE_TEXT,   /* write the module's own text */
	TESTSRV_WRITE_RODATA, /* write the module's own rodata */
	TESTSRV_EXEC_DATA,    /* jump to data */
	TESTSRV_DIVIDE,       /* divide by zero */
	TESTSRV_UD2,          /* an invalid instruction */
	TESTSRV_OVERRUN,      /* recurse without end */
	TESTSRV_LOOP,         /* loop without end */
	TESTSRV_BAD_VALUE,    /* return a value outside enum ths_err */
	TESTSRV_MIDWAY,       /* fault between two of several row writes */
	TESTSRV_NESTED,       /* fault in a nested call; the parent reports what it saw */
	TESTSRV_ERROR,        /* return THS_E_IO after writing rows */
	TESTSRV_KINDS
};
struct testsrv_fault {
	uint32_t kind; /* enum testsrv_fault_kind */
	uint32_t row;  /* counters row and row+1 are written before */
	uint64_t seen; /* out (TESTSRV_NESTED): what the parent saw, as int64_t */
};
struct testsrv_read { /* @rows counters from @row on are read; their sum */
	uint32_t row, rows;
	uint64_t sum; /* out */
};
struct testsrv_lookup { /* fill: makes rows for the keys from @key on, the value of each
	being its key's complement; @value in: how many are wanted; out: how many were made,
	a slice. lookup: @value out: the key's. THS_E_NOENT: no such key */
	uint64_t key;
	uint64_t value;
};
struct testsrv_weak { /* @rounds upgrades of a weak reference, from join */
	struct ths_weak weak;
	uint64_t rounds;
	uint64_t value; /* out: the row's */
};

#define TESTSRV_OPS(OP)                                                                  \
	OP(testsrv, null, struct testsrv_null, 0)                                        \
	OP(testsrv, count, struct testsrv_count, THS_OP_BLOB)                            \
	OP(testsrv, add, struct testsrv_add, 0)                                          \
	OP(testsrv, join, struct testsrv_joint, 0)                                       \
	OP(testsrv, leave, struct testsrv_joint, 0)                                      \
	OP(testsrv, post, struct testsrv_post, 0)                                        \
	OP(testsrv, fetch, struct testsrv_post, 0)                                       \
	OP(testsrv, fault, struct testsrv_fault, 0)                                      \
	OP(testsrv, read, struct testsrv_read, 0)                                        \
	OP(testsrv, fill, struct testsrv_lookup, 0)                                      \
	OP(testsrv, lookup, struct testsrv_lookup, 0)                                    \
	OP(testsrv, weak, struct testsrv_weak, 0)
THS_INTERFACE(testsrv, 1, TESTSRV_OPS)

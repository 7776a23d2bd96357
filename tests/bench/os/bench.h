/*
 * bench - the interface whose operations do one measured thing each, many times.
 */
#pragma once

#include <theseus/interface.h>
#include <theseus/row.h>

#define BENCH_KEYS 100000u

struct bench_words { /* 32 bytes, read only: what a call costs */
	uint64_t word[4];
};
struct bench_row {
	uint64_t row;    /* lookup: keys are below it; 2^n - 1 */
	uint64_t repeat; /* how often */
	uint64_t sum;    /* out: so that nothing is optimised away */
	uint64_t first;  /* fill: first key. lookup: the key */
};

#define BENCH_OPS(OP)                                                                    \
	OP(bench, null, struct bench_words, THS_OP_IN)                                   \
	OP(bench, echo, struct bench_words, 0)                                           \
	OP(bench, nothing, struct bench_row, 0)                                          \
	OP(bench, read, struct bench_row, 0)                                             \
	OP(bench, reads, struct bench_row, 0)                                            \
	OP(bench, spin, struct bench_row, 0)                                             \
	OP(bench, write, struct bench_row, 0)                                            \
	OP(bench, weak, struct bench_row, 0)                                             \
	OP(bench, blob, struct bench_words, THS_OP_IN | THS_OP_BLOB)                     \
	OP(bench, fill, struct bench_row, 0)                                             \
	OP(bench, lookup, struct bench_row, 0)                                           \
	OP(bench, change, struct bench_row, 0)                                           \
	OP(bench, grip, struct bench_row, 0)
THS_INTERFACE(bench, 1, BENCH_OPS)

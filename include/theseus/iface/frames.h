/*
 * frames - physical memory, in blocks of 2^order frames of 4 KiB.
 *
 * An allocation *is* an owned row; what is free is an index. nano_core donates the
 * machine's memory at boot and then asks for blocks like any client.
 *
 * Invariants
 *   M1  No frame is in two blocks at once, allocated or free.
 *   M2  A block is naturally aligned.
 */
#pragma once

#include <stdint.h>
#include <theseus/interface.h>

#define FRAMES_ORDER_MAX 10u /* 4 MiB */

struct frames_donate { /* a range nobody uses becomes ours, a slice a call: go on at
	base + taken * 4096 until all is. THS_E_EXIST: some of it is ours already. */
	uint64_t base;   /* page-aligned */
	uint64_t frames; /* at least 1 */
	uint64_t taken;  /* out: frames of it taken by this call, at least 1 */
};
struct frames_alloc {
	uint32_t order;  /* 0..FRAMES_ORDER_MAX */
	uint32_t tag;    /* who, for `mem`: free to choose */
	uint64_t paddr;  /* out. THS_E_NOMEM: no free block of that order */
};
struct frames_free {
	uint64_t paddr;  /* as allocated; THS_E_NOENT: not an allocated block */
	uint64_t reserved;
};
struct frames_stat {
	uint64_t total, free; /* out: frames */
	uint64_t blocks;      /* out: allocated blocks */
	uint64_t largest;     /* out: the largest order with a free block */
};

#define FRAMES_OPS(OP)                                                                   \
	OP(frames, donate, struct frames_donate, 0)                                      \
	OP(frames, alloc, struct frames_alloc, 0)                                        \
	OP(frames, free, struct frames_free, 0)                                          \
	OP(frames, stat, struct frames_stat, 0)
THS_INTERFACE(frames, 1, FRAMES_OPS)

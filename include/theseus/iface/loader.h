/*
 * loader - what nano_core's loader and cascade ask before they act.
 *
 * How a module is loaded, replaced, unbound is mechanism, and nano_core's. Who may be
 * loaded, who of several takes over from one that has faulted, and for how long a successor
 * is watched are policy: nano_core asks who is bound here, and goes by a rule of its own
 * where nobody is: everybody may; who was loaded first; what ths_probation_set() said.
 *
 * Invariants
 *   L1  A policy cannot stop recovery. It is asked in which order others could take over,
 *       not whether they may, and not about itself; it is not asked at all when a module is
 *       loaded anew from its file, or one on probation is replaced by who was there before.
 *   L2  An answer that is none counts as nano_core's own: a fault, a budget spent, any error
 *       but those named below. (So one that faults keeps nobody out: what must not be loaded
 *       does not belong into the archive.)
 *   L3  Who gave LOADER_FAULTS of those that are faults, one after the other, is asked no
 *       more: until it is another that is bound.
 *
 * Operations are called at depth 0, by whoever loads or swaps or has met a fault, while
 * nobody else may load, bind or swap. They do not sleep: THS_E_AGAIN is no answer (L2).
 *
 * loader.first is nano_core's own rule as a module; loader.listed has a list.
 */
#pragma once

#include <stdint.h>
#include <theseus/interface.h>

#define LOADER_FAULTS 8u

enum loader_trait {
	LOADER_PORTS = 1,    /* it declares I/O ports */
	LOADER_LINES = 2,    /* ... interrupt lines */
	LOADER_HARDWARE = 4, /* ... tables that mirror a device */
	LOADER_STATE = 8,    /* it is a metamodule */
};
#define LOADER_DRIVER (LOADER_PORTS | LOADER_LINES | LOADER_HARDWARE)

struct loader_module { /* as descriptor and file have it */
	char id[THS_NAME_MAX];       /* "sched.rr" */
	char name[THS_NAME_MAX];     /* of the instance */
	char provides[THS_NAME_MAX]; /* "sched" ... */
	uint16_t version;            /* ... in this version */
	uint16_t major, minor;       /* of the module */
	uint16_t traits;             /* enum loader_trait */
	uint8_t digest[32];          /* of its file; zero: it is linked into the kernel */
	uint64_t text, rodata;       /* bytes; 0 likewise */
};
struct loader_rank {
	struct loader_module module; /* it is loaded, and could take over */
	uint64_t calls, faults;      /* of the instance, so far */
	uint64_t rank;               /* out: the lowest is taken; of equals who is first here */
};
struct loader_probation {
	struct loader_module module; /* it is about to take another's place */
	uint64_t calls, ticks;       /* in: what is usual; out: less than 2^32 each */
};
struct loader_allow {            /* for policies that have a list: loader.listed */
	char id[THS_NAME_MAX];
	uint8_t digest[32];          /* of the one build that is meant; zero: any */
	uint64_t allowed;            /* 1: it is listed; 0: it is not any more */
};

#define LOADER_OPS(OP)                                                                   \
	/* May it be loaded? THS_E_PERM: no. Its file has been verified by then. */      \
	OP(loader, admit, struct loader_module, THS_OP_IN)                               \
	OP(loader, rank, struct loader_rank, 0)                                          \
	OP(loader, probation, struct loader_probation, 0)                                \
	/* THS_E_NOSYS: the policy has no list; THS_E_NOENT: it was not listed;          \
	 * THS_E_EXIST, THS_E_FULL: there is no room for it. */                          \
	OP(loader, allow, struct loader_allow, THS_OP_IN)
THS_INTERFACE(loader, 1, LOADER_OPS)

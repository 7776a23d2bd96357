/*
 * faulty - a driver, and a module, that does wrong on demand.
 */
#pragma once

#include <theseus/interface.h>

enum faulty_how {
	FAULTY_POINTER_OUT,  /* an out pointer of a row call */
	FAULTY_POINTER_REF,  /* a reference */
	FAULTY_POINTER_ARGS, /* arguments of a nested call */
	FAULTY_POINTERS,
	FAULTY_DEVICE = 100, /* the kicked operation faults ... */
	FAULTY_NOT,          /* ... or not */
};
struct faulty_args {
	uint32_t how;
	uint32_t reserved;
};
struct faulty_state {
	uint64_t recovered; /* times */
	uint64_t journal;   /* entries the last recover was shown */
	uint64_t done;      /* kicked operations that committed */
};

#define FAULTY_OPS(OP)                                                                   \
	OP(faulty, pointer, struct faulty_args, 0)                                       \
	OP(faulty, kick, struct faulty_args, 0)                                          \
	OP(faulty, state, struct faulty_state, 0)                                        \
	OP(faulty, device, struct ths_no_args, THS_OP_DEVICE)
THS_INTERFACE(faulty, 1, FAULTY_OPS)

/*
 * module - uniform management of every module, provided by nano_core itself and driven
 * by descriptors: no module has code for this.
 */
#pragma once

#include <stdint.h>
#include <theseus/interface.h>

struct module_info { /* enumerates instances; start with slot = THS_ROW_NONE */
	uint32_t slot;        /* in: the previous; out: this one. THS_E_NOENT: no more */
	uint32_t generation;
	char id[THS_NAME_MAX];       /* out: "sched.rr" */
	char name[THS_NAME_MAX];     /* out: of the instance */
	char provides[THS_NAME_MAX]; /* out: "sched" */
	uint16_t version;            /* of the interface */
	uint16_t major, minor;       /* of the module */
	uint16_t state;              /* enum ths_instance_state: nano_core.h */
	uint64_t text, text_size;    /* out: where it is loaded */
	uint64_t calls, faults;      /* out: since it was bound */
};
struct module_binding { /* enumerates bindings; start with slot = THS_ROW_NONE */
	uint32_t slot;
	uint32_t instance;           /* out: slot of its provider; THS_ROW_NONE: dead */
	char iface[THS_NAME_MAX];
	char name[THS_NAME_MAX];     /* "" for the default */
	uint32_t version;
	uint32_t published;          /* out: how often it was published */
};
struct module_table { /* enumerates tables; start with slot = THS_ROW_NONE */
	uint32_t slot;
	uint32_t flags;              /* enum ths_table_flags */
	char schema[THS_NAME_MAX];
	uint32_t row_size, rows;     /* out: bytes; live rows */
	uint64_t commits;
};
struct module_swap { /* @from is replaced by the file @to in everything it is bound to */
	char from[THS_NAME_MAX];     /* name of an instance, or an interface bound */
	char to[THS_NAME_MAX];       /* id of a module in the archive */
	uint64_t load, verify, publish, retire; /* out: counter ticks of each stage */
};
struct module_name {
	char name[THS_NAME_MAX];     /* of an instance */
};

#define MODULE_OPS(OP)                                                                   \
	OP(module, info, struct module_info, 0)                                          \
	OP(module, binding, struct module_binding, 0)                                    \
	OP(module, table, struct module_table, 0)                                        \
	OP(module, selftest, struct module_name, 0)
THS_INTERFACE(module, 1, MODULE_OPS)

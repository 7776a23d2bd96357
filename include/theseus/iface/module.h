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
struct module_memory { /* what an instance has for itself in memory */
	uint32_t slot;           /* in: of the instance. THS_E_NOENT: there is none */
	uint32_t linked;         /* out: 1: part of the image, all below is 0 */
	uint64_t text, rodata;   /* out: bytes */
	uint64_t writable;       /* out: bytes of its sections that it may write: its state */
	uint64_t writable_pages; /* out: its pages that are mapped writable at this moment */
	uint64_t block;          /* out: bytes of the state a metamodule is linked to, which
		lies outside of it and is moved to who takes its place; else 0 */
};
struct module_works_on { /* enumerates the tables an instance declares */
	uint32_t slot;           /* in: of the instance. THS_E_NOENT: there is none, no more */
	uint32_t number;         /* in: the previous, first THS_ROW_NONE; out: this one */
	uint32_t table;          /* out: its slot, as in module_table */
	uint32_t reserved;
	char schema[THS_NAME_MAX]; /* out: as the module declares it */
};
struct module_use { /* enumerates the interfaces an instance uses */
	uint32_t slot;           /* in: of the instance. THS_E_NOENT: there is none, no more */
	uint32_t number;         /* in: the previous, first THS_ROW_NONE; out: this one */
	uint32_t version;        /* out: of the interface */
	uint32_t optional;       /* out: 1: the module loads though nothing is bound */
	char iface[THS_NAME_MAX];
	char name[THS_NAME_MAX]; /* of the binding; "" for the default */
};
struct module_share { /* enumerates who owns which row of a joint table */
	uint32_t share;          /* in: the previous, first THS_ROW_NONE; out: this one.
		THS_E_NOENT: no more */
	uint32_t client;         /* out: slot of the task */
	uint32_t table, row;     /* out: the table's slot, as in module_table */
	uint32_t generation;     /* out: of the row */
	uint32_t reserved;
};
struct module_client { /* enumerates the tasks there are, and who else owns joint rows */
	uint32_t client;         /* in: the previous, first THS_ROW_NONE; out: this one's slot.
		THS_E_NOENT: no more */
	uint32_t rows;           /* out: that it owns ... */
	uint32_t limit;          /* ... of so many that it may: quota.h */
	uint32_t reserved;
};
struct module_pool { /* enumerates the calling CPU's stock of row versions, by size */
	uint32_t pool;           /* in: the previous, first THS_ROW_NONE; out: this one.
		THS_E_NOENT: no more */
	uint32_t bytes;          /* out: of the largest row that fits */
	uint32_t spare;          /* out: versions ready to be written */
	uint32_t limbo;          /* out: superseded ones that somebody may still read */
	uint64_t pages;          /* out: that were cut into versions of this size, ever */
	uint64_t reserve;        /* out: pages nano_core keeps uncut ... */
	uint64_t tables;         /* ... and for page tables; the same for each size */
};

/*
 * The fault log: what went wrong in modules, and what was done about it, in the order it
 * happened. It is a table, "nano_core.fault/1", which any module may declare and read: row
 * 0 is a copy of the newest entry, entry n stands in row 1 + n % MODULE_FAULTS.
 */
#define MODULE_FAULTS 64u /* entries that are kept */
#define MODULE_FAULT_STEPS(X)                                                            \
	X(MODULE_FAULT, "fault")                       /* an operation went wrong */      \
	X(MODULE_FAULT_REVERTED, "reverted")           /* @by served before, and does */  \
	X(MODULE_FAULT_ANEW, "loaded anew")            /* @by is the same module */       \
	X(MODULE_FAULT_NEXT, "next provider")          /* @by was loaded already */       \
	X(MODULE_FAULT_SOFT, "soft tables emptied")                                       \
	X(MODULE_FAULT_LEFT, "left its chain")         /* an interposer */                \
	X(MODULE_FAULT_UNBOUND, "unbound")             /* nobody serves any more */
enum module_fault_step {
#define MODULE_FAULT_ENUM(name, text) name,
	MODULE_FAULT_STEPS(MODULE_FAULT_ENUM)
#undef MODULE_FAULT_ENUM
	MODULE_FAULT_LAST
};
struct module_fault { /* enumerates the fault log; start with number = 0 */
	uint64_t number;       /* in: the previous; out: this one, from 1; gaps: forgotten */
	uint64_t tick;         /* out: when */
	char name[THS_NAME_MAX]; /* out: of the instance that faulted */
	char by[THS_NAME_MAX]; /* out: of a step: who serves now; else "" */
	uint64_t pc, address;  /* out: where it was and what it touched; 0: not known */
	int32_t err;           /* out: enum ths_err */
	uint16_t op, depth;    /* out: the operation, and how deeply nested it was called */
	uint32_t step;         /* out: enum module_fault_step */
	uint32_t wait;         /* in: 1: where there is no more, THS_E_AGAIN, so that the client
		sleeps until there is. 0: THS_E_NOENT */
};

#define MODULE_OPS(OP)                                                                   \
	OP(module, info, struct module_info, 0)                                          \
	OP(module, binding, struct module_binding, 0)                                    \
	OP(module, table, struct module_table, 0)                                        \
	OP(module, selftest, struct module_name, 0)                                      \
	OP(module, memory, struct module_memory, 0)                                      \
	OP(module, works_on, struct module_works_on, 0)                                  \
	OP(module, share, struct module_share, 0)                                        \
	OP(module, pool, struct module_pool, 0)                                          \
	/* Who served before the instance or interface so named, which is on probation, \
	 * serves again once this has committed. THS_E_NOENT: nobody is kept for it. */  \
	OP(module, rollback, struct module_name, 0)                                      \
	OP(module, fault, struct module_fault, 0)                                        \
	OP(module, client, struct module_client, 0)                                      \
	OP(module, use, struct module_use, 0)
THS_INTERFACE(module, 1, MODULE_OPS)

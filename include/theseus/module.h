/*
 * module - what a module is made of: its operations, and one const descriptor that names
 * everything it touches.
 *
 *	enum { QUEUE };            // our tables, numbered as the descriptor has them
 *	enum { CLOCK };            // our uses
 *	…
 *	THS_MODULE(sched_rr, "sched.rr", 1, 0,
 *		   THS_PROVIDES(sched, .admit = rr_admit, .pick = rr_pick),
 *		   THS_USES(CLOCK, clock),
 *		   THS_TABLE(QUEUE, "sched.queue/1", struct sched_queue,
 *			     .flags = THS_PER_CPU));
 *
 * The loader links by the descriptor, theseus-graph draws it, theseus-check proves it.
 *
 * Invariants
 *   D1  A module's object has no writable allocated section of size > 0 (I1).
 *   D2  What a module reaches is numbered here: tables, uses, ports, interrupt lines.
 *       A number outside the descriptor is THS_E_INVAL at run time.
 *   D3  The descriptor's layout is ABI; THS_ABI steps when it changes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>
#include <theseus/gate.h>
#include <theseus/interface.h>

#define THS_ABI 3u /* of descriptor, gate and nano_core's published symbols */

#define THS_USES_MAX   8u
#define THS_BLOBS_MAX  4u
#define THS_PORTS_MAX  4u
#define THS_IRQS_MAX   4u
#define THS_MIGRATE_MAX 4u

/* A module is elementary (I9): it serves one interface of at most so many operations, in
 * at most so many bytes of text. One that cannot be says why, by THS_EXCEPTION(). */
#define THS_ELEMENTARY_OPS  16u
#define THS_ELEMENTARY_TEXT 16384u

enum ths_table_flags {
	THS_SYSTEM = 0,      /* rows are the machine's; they stay until removed */
	THS_JOINT = 1,       /* rows belong to clients; the last to leave frees them */
	THS_HARDWARE = 2,    /* rows mirror a device; written by device operations only */
	THS_REQUEST = 4,     /* with THS_HARDWARE: written by clients, read by the device */
	THS_SOFT = 8,        /* a cache: rows may vanish at any time */
	THS_PER_CPU = 16,    /* one row per CPU, written by that CPU alone, without locks */
	THS_KEYED = 32,      /* the row's first 8 bytes are a key, unique in the table */
	THS_PERSIST = 64,    /* saved and restored with the image: save.h; not with
				THS_JOINT, THS_HARDWARE or THS_SOFT */
	THS_PER_INSTANCE = 128, /* each instance of the module has a table of its own,
				which goes with it */
	THS_FIXED = 256,     /* all rows are there from the start, zeroed; none is ever made
				or freed. So are per-CPU tables and tables of one row. */
	THS_PREALLOCATED = 512, /* memory to find all rows is taken from the start; else
				large tables take it as rows come: for allocators, whom
				others' growth asks */
};

struct ths_provides {
	const struct ths_iface *iface;
	const void *ops; /* struct IFACE_ops: iface->ops function pointers, NULL: none */
};

struct ths_use {
	const struct ths_iface *iface;
	const char *instance;
	bool optional; /* the module loads though nothing is bound */
};

struct ths_table_decl {
	const char *schema; /* "table/version" */
	uint32_t row_size;  /* bytes, 1..4096 */
	uint32_t rows;      /* at most so many; 0: 1, or THS_CPU_MAX with THS_PER_CPU */
	uint32_t flags;     /* enum ths_table_flags */
	const char *row;    /* the C type of a row, by name: its layout is looked up in
		the debug information, and goes into .ths.schema: theseus-schema(5) */
	/* THS_HARDWARE, or NULL: makes the rows say what the device does now. A device
	 * operation, run after a restore, and after `recover`. */
	enum ths_err (*reread)(struct ths_call *call);
	/* THS_JOINT, or NULL: called with each row that goes because its last owner died,
	 * before it goes and in the same commit. It may write rows of this module. If it
	 * fails or faults nothing of it is kept, and the row goes all the same. */
	enum ths_err (*released)(struct ths_call *call, uint32_t row, const void *data);
};

struct ths_blob_decl {
	const char *type; /* "session/1" */
	uint32_t size;    /* bytes of the body */
	const char *body; /* its C type, likewise */
};

struct ths_port_decl { /* a range of I/O ports the module may touch */
	uint16_t first;
	uint16_t count;
};

struct ths_irq_decl {  /* an interrupt line, and the device operation that serves it */
	uint16_t line;
	uint16_t op;   /* of the interface provided; takes struct ths_no_args */
	bool used;
};

/*
 * A change of schema, row by row, once the module that brings it is published over a table
 * that stands at @from. A row is converted when somebody of the other schema reads it, or
 * writes it; nano_core's sweeper converts the rest. A migration function is pure: it sees
 * one row and makes one, @new_row, which is zeroed; it calls nobody. Keys do not change.
 *
 * An error, or a fault, is the reader's: THS_E_SCHEMA a key was changed, or there is no way
 * into the reader's schema; else what @fn returned. The row is as before, and stays.
 *
 * With @back rows can return: the version before may be published again at any time, and
 * others may go on reading the table in the schema they know.
 */
typedef enum ths_err ths_migrate_fn(const void *old_row, void *new_row);
struct ths_migrate_decl {
	const char *from, *to; /* "table/version"; @to is a schema of ours. NULL: none */
	ths_migrate_fn *fn;
	ths_migrate_fn *back; /* from @to to @from; NULL: there is no way back */
};

/*
 * A *metamodule* does hold state, which is nano_core's to keep and to move: one struct of
 * plain data, outside of the module and found by a name that no other module can link to
 * (metamodule.h). Transactions know nothing of it.
 */
struct ths_state_decl {
	const char *schema; /* "name/version"; NULL: not a metamodule */
	uint32_t size;      /* bytes of the struct */
	const char *type;   /* its C type, by name: its layout goes into .ths.schema */
	void *at;           /* where it is: filled in when the module is linked */
	const void *entries; /* what nano_core calls it for beside its operations, or NULL */
	/* NULL, or called when the state has come from a predecessor of another layout,
	 * before anybody is served: for what has to be made of the old, or is new. */
	enum ths_err (*adopt)(struct ths_call *call);
};

struct ths_journal; /* what the faulted device operation did: handle.h */

struct ths_module {
	uint32_t abi;  /* THS_ABI */
	uint32_t size; /* of this struct */
	const char *id;
	const char *exception; /* why it is not elementary; NULL: it is */
	uint16_t major, minor;
	uint32_t budget_ticks; /* an operation's budget; 0: the default */
	const uint8_t *digest; /* 32 bytes in .ths.digest, filled in by theseus-check */
	struct ths_provides provides;
	struct ths_use uses[THS_USES_MAX];
	struct ths_table_decl tables[THS_TABLES_MAX];
	struct ths_blob_decl blobs[THS_BLOBS_MAX];
	struct ths_port_decl ports[THS_PORTS_MAX];
	struct ths_irq_decl irqs[THS_IRQS_MAX];
	struct ths_migrate_decl migrations[THS_MIGRATE_MAX];
	/* Run once when an instance is bound and its tables are new: sets up rows and
	 * device. A device operation if the module declares ports. May be NULL. */
	enum ths_err (*start)(struct ths_call *call);
	/* Run when an instance comes with an evolution, in the very commit that publishes
	 * it: moves rows from tables of those who leave, which it declares as well, into its
	 * own. It writes what one interaction may, and the rows of all CPUs of a per-CPU
	 * table. May be NULL. */
	enum ths_err (*adopt)(struct ths_call *call);
	/* Run after a fault in a device operation, before the next one (P11). If it returns
	 * THS_E_NOMEM or THS_E_FULL it is run again at the next tick, some 200 times, with
	 * its own accesses in the journal as well; operations of the device return
	 * THS_E_NOMEM until then. A successor inherits that. */
	enum ths_err (*recover)(struct ths_call *call, const struct ths_journal *journal);
	/* `module/1` self-test: THS_OK when the module can serve. May be NULL. */
	enum ths_err (*selftest)(struct ths_call *call);
	struct ths_state_decl state;
};

#define THS_PROVIDES(iface_, ...)                                                        \
	.provides = {&iface_##_iface, &(const struct iface_##_ops){__VA_ARGS__}}
#define THS_USES(slot_, iface_)          .uses[slot_] = {&iface_##_iface, "", false}
#define THS_USES_OPTIONAL(slot_, iface_) .uses[slot_] = {&iface_##_iface, "", true}
#define THS_USES_INSTANCE(slot_, iface_, instance_)                                      \
	.uses[slot_] = {&iface_##_iface, (instance_), false}
/* @type_ is a struct, a union or a typedef, named; a macro for one will do. */
#define THS_TABLE(slot_, schema_, type_, ...)                                            \
	.tables[slot_] = {.schema = (schema_), .row_size = sizeof(type_),                \
			  .row = THS_SPELL(type_), __VA_ARGS__}
#define THS_BLOB(slot_, type_name_, type_)                                               \
	.blobs[slot_] = {(type_name_), sizeof(type_), THS_SPELL(type_)}
#define THS_PORTS(slot_, first_, count_)    .ports[slot_] = {(first_), (count_)}
#define THS_IRQ(slot_, line_, iface_, op_)                                               \
	.irqs[slot_] = {(line_), iface_##_op_##op_, true}
/* THS_MIGRATE(slot, "table/1", "table/2", fn) or (slot, "table/1", "table/2", fn, back) */
#define THS_MIGRATE(slot_, from_, to_, ...)                                              \
	.migrations[slot_] = {.from = (from_), .to = (to_), .fn = __VA_ARGS__}

/* The reason, a sentence, of a module that is larger than elementary ones are. theseus-check
 * lists it, and refuses it of a module that needs none. */
#define THS_EXCEPTION(reason_) .exception = (reason_)

#define THS_MODULE(token_, id_, major_, minor_, ...)                                     \
	THS_USED THS_SECTION(".ths.digest")                                              \
	static const uint8_t ths_digest_##token_[32] = {0};                              \
	extern const struct ths_module ths_module_##token_;                              \
	const struct ths_module ths_module_##token_ = {.abi = THS_ABI,                   \
						       .size = sizeof(struct ths_module), \
						       .id = (id_),                      \
						       .major = (major_),                \
						       .minor = (minor_),                \
						       .digest = ths_digest_##token_,    \
						       __VA_ARGS__}

/* ---- inside an operation ------------------------------------------------------- */

/* The reference of use @slot, kept by nano_core for this instance. NULL: no such use. */
struct ths_ref *ths_use(struct ths_call *call, unsigned slot);
/* This CPU's number, 0.. */
unsigned ths_call_cpu(const struct ths_call *call);
/* The task on whose behalf the interaction runs; where an interrupt, a kick or a tick has it
 * run there is none, and the generation is 0. */
struct ths_task_id {
	uint32_t slot;
	uint32_t generation;
};
struct ths_task_id ths_call_task(const struct ths_call *call);
/* The workspace copy of the client's blob body, for operations with THS_OP_BLOB:
 * @slot names its type among our blobs. *@fresh says the body is new (zeroed). */
THS_MUST_CHECK enum ths_err ths_blob_body(struct ths_call *call, unsigned slot, void **body,
					  bool *fresh);
/* One line to the log, with our name before it; never rolled back, cannot be read by
 * modules. */
void ths_log(struct ths_call *call, const char *fmt, ...) THS_PRINTF(2, 3);

#include <theseus/row.h>
#include <theseus/effect.h>
#include <theseus/handle.h>

/*
 * records_impl - what nano_core keeps: a record of each CPU, instances, bindings, contexts.
 *
 * But for the CPUs', which lie where arch puts them, and the instances, all is fixed arrays in
 * one object, ths_core: what cannot be swapped is to be small, and to be found.
 *
 * Invariants
 *   N1  cpu->activity is even at depth 0 and odd inside an interaction. Only its own CPU
 *       writes it; the change to odd is a full barrier (reclamation leans on it).
 *   N2  cpu->txn is empty, and cpu->call is &cpu->calls[0], at depth 0.
 *   N3  What a row version of a binding (struct provider) names stays until every CPU has
 *       passed depth 0 after the version was superseded.
 *   N4  cpu->pending is tested after activity became even, never before (P1).
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <theseus/arch.h>
#ifdef THS_HOST
#include <theseus/host.h>
#endif
#include <theseus/blob.h>
#include <theseus/iface/frames.h>
#include <theseus/iface/irq.h>
#include <theseus/iface/sched.h>
#include <theseus/module.h>
#include <theseus/nano_core.h>
#include <theseus/tmod.h>
#include "state_db/state_db_impl.h"

#define INSTANCES_MAX 2048u
#define BINDINGS_MAX  2048u
#define OPS_MAX       32u
#define STATES_MAX    16u
#define DEPTH_MAX     8u
#define CONTEXTS_MAX  SCHED_TASKS_MAX
#define WAITERS_MAX   4096u
#define WAITERS_HASH  1024u
#define OWN_WAITERS   4u  /* of each task's own; the last is for any commit */
#define SLEEP_MAX     64u /* reads a sleeper registers one by one; more: all commits */
#define VECTORS       256u
#define TICK_HZ       1000u
#define BUDGET_TICKS  10u

#define WORKSPACE_STACK (32u * 1024) /* of the operations of one CPU */
#define WORKSPACE_ARENA (16u * 1024) /* nested arguments and blob copies */
#define BLOB_ROOM       512u         /* for a blob that gate.S copies, with its header */
#define TASK_STACK      (16u * 1024)
#define STACK_SLACK     2048u /* what nano_core itself may need of it */

/* ---- instances and bindings ------------------------------------------------------ */

/* One operation as the gate meets it; made by the loader from ops and op_info. */
struct instance_op { /* 32 bytes: gate.S knows */
	const void *enter, *leave; /* where in gate.S arguments go in, and out */
	ths_op_fn *fn;
	uint16_t args_size; /* bytes copied in ... */
	uint16_t out_size;  /* ... and out: the same, or 0 with THS_OP_IN */
	uint8_t flags;      /* enum ths_op_flags, OP_PASS */
	uint8_t number;
	uint16_t budget;    /* ticks; 0: the default */
};

/* What gate.S has for instance_op.enter and .leave; by 8 bytes of arguments the first. */
struct gate_paths {
	const void *in[THS_ARGS_MAX / 8 + 1], *out[THS_ARGS_MAX / 8 + 1];
	const void *enter_portable;             /* gate.c does it */
	const void *enter_shared, *leave_shared; /* several CPUs */
	const void *unwound;
	const void *enter_blob, *leave_blob; /* one CPU, with a blob */
	const void *blob_in[THS_ARGS_MAX / 8 + 1], *blob_out[THS_ARGS_MAX / 8 + 1];
};
extern const struct gate_paths ths_gate_paths THS_WEAK;

/* What a blob of one of a module's types is known by. */
struct instance_blob { /* 64 bytes: gate.S knows */
	uint64_t quick; /* its type, if gate.S can copy it */
	uint32_t schema, size;
	const void *in, *out; /* where in gate.S its body goes in, and out */
	uint64_t type;        /* 0: the module has none of that number */
	uint64_t unused[3];
};

#define OP_PASS 0x80u /* a device operation behind an interposer: it is not stopped */

/* The state of a metamodule: meta.c. */
struct ths_state_block {
	char schema[THS_NAME_MAX];
	void *at;
	struct ths_layout layout; /* as the first who was linked to it has it */
	uint32_t used;            /* instances that are linked to it */
	bool ours;                /* in room taken for it; else it is part of the image */
};

struct ths_instance {
	struct instance_op op[OPS_MAX];
	uint64_t calls[THS_CPU_MAX];                /* gate.S knows this, too, and ... */
	struct ths_table *table[THS_TABLES_MAX];    /* ... this; &ths_core.no_table: none */
	struct instance_blob blob[THS_BLOBS_MAX];   /* ... and this */
	uint16_t schema[THS_TABLES_MAX]; /* in which it knows them; 0: no such table */
	uint32_t slot;
	uint32_t generation;
	uint32_t state; /* enum ths_instance_state */
	uint32_t ops;
	const struct ths_module *module; /* in its rodata */
	char name[THS_NAME_MAX];
	struct ths_ref use[THS_USES_MAX];
	struct ths_ref next;      /* an interposer: who is behind it. generation 0: it is none */
	uint64_t text, text_size, rodata, rodata_size;
	uint32_t pages;           /* of both, from text on; 0: linked into the image */
	struct ths_tmod tmod;     /* for symbols, layouts; its image lies in the archive */
	struct ths_layout layout[THS_TABLES_MAX]; /* of the rows as the module has them */
	_Atomic(uint64_t) faults;
	_Atomic(uint64_t) in_vain; /* of its calls: those of interactions that faulted here */
	_Atomic(uint32_t) busy;   /* hardware lock: a device operation runs */
	_Atomic(uint32_t) kicked; /* bit per operation */
	bool fresh;               /* a table of its was made for it ... */
	uint8_t made;             /* ... namely these */
	bool leaving;             /* somebody is about to take its place: migrate.c */
	bool has_lines;           /* of interrupts */
	struct ths_journal journal; /* of the running device operation */
	struct ths_journal faulted; /* of the one that faulted, for `recover` */
	_Atomic(uint32_t) unrecovered; /* tries of `recover` that are left, after one that
		ran out of something; nobody drives the device before. 0: none is due */
	struct ths_instance *_Atomic heir; /* who took its place; NULL: it is not retired */
	struct ths_instance *before; /* on probation: whose place it took, kept (probation.c) */
	struct ths_set *set; /* on probation: with whom it came, and goes (set.c) */
	uint64_t until_calls, until_tick; /* which end the probation, whichever comes first */
	_Atomic(bool) condemned;     /* it failed meanwhile: to be reverted at depth 0 */
	struct quiet_mark quiet;     /* superseded: when */
	uint64_t serves[BINDINGS_MAX / 64]; /* bindings it was ever published for: slots.c */
	struct ths_state_block *block; /* a metamodule's; NULL: it is none */
};

/* The row of a binding. Immutable, like any version's data. */
struct provider { /* gate.S knows */
	uint64_t ops;
	struct ths_instance *instance;
};

struct ths_binding { /* 128 bytes: gate.S knows */
	struct ths_slot slot;      /* its versions' data: struct provider */
	uint32_t generation;       /* of the binding; even: free */
	uint32_t version;          /* of the interface */
	char iface[THS_NAME_MAX];
	char name[THS_NAME_MAX];   /* of the binding; "": default */
	uint32_t published;
	bool behind;               /* has who stands behind an interposer; found by nobody */
	/* The cascade's account: cascade.c. */
	struct account {
		uint8_t in_a_row; /* faults, with nothing served between */
		uint8_t level;    /* of the steps against those */
		uint8_t spent;    /* steps against first faults, in this window */
		bool vital;       /* a second provider is kept loaded */
		uint64_t since;   /* the tick the window began at */
		uint64_t served;  /* calls of the provider, at the last fault, ... */
		uint64_t whose;   /* ... and which instance that was */
	} account;
	uint64_t pad;
};

/* ---- an interaction --------------------------------------------------------------- */

/* What a module's operation sees as its `call`: one per nesting level. */
struct ths_call {
	struct ths_frame frame;         /* gate.S knows from here ... */
	struct instance_op *op;
	struct ths_ref *ref;            /* the caller's */
	void *args;                     /* the caller's */
	struct ths_instance *instance;  /* who serves */
	const struct ths_version *provider; /* ... to here; the binding's version */
	struct ths_binding *binding;    /* NULL: called by instance, not by binding. gate.S
		leaves it to complete_call() */
	void *copy;                     /* ours */
	struct ths_blob *blob;          /* the caller's, or NULL */
	void *blob_copy;                /* its body in the arena, once asked for */
	uint32_t blob_slot;             /* of which instance's blobs: blob_copy.c */
	uint32_t depth;                 /* 0: outermost */
	struct txn_mark mark;
	uint32_t arena;                 /* arena in use when the level was entered */
	uint32_t op_number;
	bool blob_held, device_held;    /* to be let go when the level ends */
	bool blob_shared;               /* the call was passed on; the caller holds it */
};

/* What went wrong last on a CPU, as its fault says; good while `activity` is the CPU's. */
struct fault {
	struct ths_instance *instance;
	uint64_t life; /* the instance's: by the time it is seen to, another may have the slot */
	uint64_t activity;
	uint64_t pc, addr;
	enum ths_err err;
	uint32_t op, depth; /* depth of the call; 0: outermost */
	bool device;        /* a device operation: never run twice */
	bool unlogged;
	char name[THS_NAME_MAX]; /* of the instance, which may go */
};

/* Something to be called at depth 0 that is not a program's call: a handler, a kick,
 * start, recover, self-test. */
struct ths_invoke {
	struct ths_instance *instance;
	struct instance_op *given;
	uint32_t op_number;
	void *args;
};

enum cpu_pending { PENDING_IRQ = 1, PENDING_TICK = 2, PENDING_WAKE = 4, PENDING_KICK = 8,
		   PENDING_RESCHED = 16, PENDING_REAP = 32, PENDING_RECLAIM = 64,
		   PENDING_SWEEP = 128, PENDING_FAULT = 256, PENDING_SOFT = 512,
		   PENDING_MEET = 1024, PENDING_RECOVER = 2048 };

struct ths_cpu {
	struct ths_cpu *self;          /* offset 0: arch.h */
	_Atomic(uint64_t) activity;    /* N1 */
	_Atomic(uint32_t) pending;     /* enum cpu_pending */
	uint32_t section;              /* > 0: in a section of nano_core's own, or working */
	struct ths_call *call;         /* the innermost; N2: calls[0] at depth 0 */
	void *stack_top;               /* of the workspace */
	uint32_t number;
	uint32_t used;                 /* ticks of the interaction that is `used_by` */
	struct ths_instance *serving;  /* whose operation runs, at the innermost level */
	uint64_t gate_frame[7];        /* gate.S's caller's registers, as on a stack */
	uint64_t gate_rsp;
	/* The outermost call's blob, if gate.S has taken it: 1, then 2 or, if gate.S copied the
	 * body, the address at which it copies it back. 0: it has not. */
	uint64_t blob_state;
	void *blob_room; /* for that body */
	struct ths_call calls[DEPTH_MAX + 1]; /* the last: for a migration function */
	struct ths_txn txn;            /* gate.S knows down to here */
	const struct ths_db_ops *_Atomic db; /* the state_db that serves this CPU: db.c */
	_Atomic(uint32_t) met;         /* the meeting it stays in, or was in: meta.c */
	uint64_t used_by;              /* cpu->activity at the last tick */
	uint64_t overdue;              /* the activity whose budget is spent */
	uint8_t *arena;
	uint32_t arena_used;
	uint32_t locks;                /* spin locks held inside an operation */
	bool working, refilling, started;
	bool serves;                   /* new tasks may be its */
	bool relieving;                /* gives up what it can: memory.c */
	bool token;                    /* holds the conflict token exclusively ... */
	bool exclusive;                /* ... for this interaction */
	bool orphans;                  /* a runnable context the scheduler does not know */
	bool looking;                  /* at rows, at depth 0: db.c */
	bool recovering;               /* a `recover` runs under a lock left by a fault */
	uint32_t faulted_count;        /* device operations to recover from */
	struct ths_instance *faulted[DEPTH_MAX];
	uint32_t refill_pool;          /* what was empty; POOLS: none */
	struct ths_table *refill_table; /* which then had no slot for a row, or NULL */
	uint32_t current;              /* the context that runs; CONTEXTS_MAX: idle */
	uint32_t current_ticks;
	uint32_t spare_needed;         /* contexts that were wanted at once, and not there */
	_Atomic(uint64_t) ticks;
	uint64_t longest;              /* counter ticks of the longest interaction seen */
	_Atomic(uint64_t) irqs[VECTORS / 64];
	struct ths_version *pool[POOLS];
	uint32_t dying;                /* 1 + slot: its contexts that were killed, linked */
	bool reap_again;               /* a dead task's shares could not be freed: next tick */
	uint64_t pool_pages[POOLS];    /* cut into versions so far; less what was given back: the sum is over all CPUs */
	uint32_t limbo_count;
	struct ths_version *limbo[LIMBO_MAX];
	struct quiet_mark limbo_mark;
	uint32_t limbo_marked;         /* entries the mark covers */
	_Atomic(uint32_t) committing;  /* holds the conflict token shared */
	_Atomic(uint32_t) wake_head;   /* contexts to admit: 1 + slot, linked */
	struct fault fault;
	bool resigned;                 /* faults of this try are their callers' to see */
	uint32_t mender;               /* 1 + the context that sees to a fault: its own are not
		seen to, those of others, who may run meanwhile, are */
	bool unframed;                 /* an interaction begins or ends, in C: calls[0].frame is
		not there to go back to */
	struct ths_arch_context boot;  /* the boot stack: where the idle loop runs */
};

/* ---- contexts --------------------------------------------------------------------- */

enum context_state {
	CONTEXT_FREE,
	CONTEXT_RESERVED, /* by an interaction that has not started it yet; shielded so long */
	CONTEXT_RUNNABLE,
	CONTEXT_SLEEPING,
	CONTEXT_DYING
};

struct ths_context {
	struct ths_arch_context arch;
	_Atomic(uint32_t) state; /* enum context_state */
	_Atomic(uint32_t) generation;
	uint32_t sleep_number;
	uint32_t wake_next; /* 1 + slot, in a CPU's list */
	uint32_t next;      /* 1 + slot, in the list of the spare, the bare or the dying */
	uint8_t cpu;
	bool on_cpu;        /* runs, or has not left its stack yet */
	bool queued;        /* the scheduler was told */
	bool posted;        /* on a CPU's list, to be admitted */
	_Atomic(uint64_t) refused; /* when the log last said that its quota was reached */
	bool shielded, doomed; /* it may not be killed now; it was, and ends after that */
	uint64_t stack;     /* its base; 0: none so far. Kept when the task ends */
	void (*entry)(void *);
	void *arg;
};

struct waiter { /* under ths_core.lock */
	struct ths_slot *slot; /* what is waited for; NULL: in no bucket's list */
	struct waiter *next;   /* in a bucket's list, or the free one */
	struct waiter **link;  /* what leads to us */
	uint32_t task, sleep_number;
};

/* ---- everything ------------------------------------------------------------------- */

struct ths_core {
	_Atomic(uint64_t) clock; /* the global version clock */
	struct ths_binding binding[BINDINGS_MAX];
	uint32_t cpus;
	struct ths_slot any_commit; /* sleepers with too many reads wait here */
	_Atomic(uint32_t) token; /* 1 + CPU that holds the conflict token exclusively */
	/* The version of a binding that has no provider: dead, without operations. */
	uint64_t nobody[(sizeof(struct ths_version) + sizeof(struct provider)) / 8];
	uint64_t blob_key[2]; /* of this boot, for tags */
	char cmdline[256];
	bool up;                 /* past boot: sleeping and switching are possible */
	struct ths_cpu *cpu[THS_CPU_MAX];
	struct ths_context context[CONTEXTS_MAX];
	uint32_t contexts_used;  /* slots above were never in use */
	uint32_t spare, bare;    /* 1 + slot: those that are free, with a stack and without */
	uint32_t turn;           /* where the next task goes, if it can. Under the lock */
	_Atomic(uint32_t) lock;  /* of contexts, waiters */
	struct waiter waiter[WAITERS_MAX]; /* for anybody */
	struct waiter own_waiter[CONTEXTS_MAX][OWN_WAITERS];
	struct waiter *waiter_hash[WAITERS_HASH];
	struct waiter *waiter_free;
	_Atomic(uint64_t) kicked[INSTANCES_MAX / 64]; /* instances with kicks to run */
	_Atomic(uint32_t) steps; /* tables that change their schema */
	_Atomic(bool) sweeping;  /* there is a sweeper */
	_Atomic(bool) starved;   /* a sweep met a shortage */
	bool quiet_faults;       /* tests: faults are counted, not logged */
	struct ths_probation probation;
	_Atomic(uint32_t) growing;    /* lock: of the mapping of slots */
	_Atomic(uint32_t) generation; /* that rows of new tables begin with */
	_Atomic(uint64_t) soft_dice, soft_vanished; /* soft rows vanish, by these dice; 0: not */
	uint32_t soft_table, soft_row; /* where the next goes if memory is short; and ... */
	uint64_t soft_said;      /* ... when the log last said so, and 1. In relief */
	_Atomic(uint32_t) quota; /* rows a client may own, by default */
	bool evolving;           /* modules are loaded whose uses may come with them */
	const struct ths_db_ops *_Atomic db; /* which CPUs are to be served by */
	_Atomic(uint32_t) meeting; /* CPUs are gathered at depth 0; 0: they are not */
	uint32_t meetings;       /* so far. In the loader's turn */
	struct ths_state_block state[STATES_MAX];
	_Atomic(bool) unrecovered; /* a device waits for a `recover` that met a shortage */
	_Atomic(bool) watched;   /* instances are on probation, or wait to be unmapped */
	struct ths_ref sched, frames, irq, tasks, loader;
	struct { /* L3 of iface/loader.h */
		uint64_t whose;    /* which instance */
		uint32_t in_a_row; /* faults of it */
	} policy;
	/* Large records, and found by their address: last, so that their size is no matter
	 * to how the compiler reaches those above, which are indexed on common paths. */
	struct ths_instance *instance; /* by slot: slots.c */
	_Atomic(uint32_t) instances;   /* slots above were never in use, and have no memory */
	uint32_t instances_max;        /* slots there may be */
	uint32_t instance_pages;       /* mapped for them */
	_Atomic(bool) interposed;      /* there has been an interposer */
	struct ths_table table[TABLES_MAX];
	struct ths_table no_table; /* without rows: where undeclared numbers lead */
	_Atomic(uint32_t) tables;
};

extern struct ths_core ths_core;

THS_INLINE uint32_t ths_instances(void)
{
	return atomic_load_explicit(&ths_core.instances, memory_order_acquire);
}

/* Ticks since the start, by the first CPU's count. */
THS_INLINE uint64_t ths_ticks(void)
{
	return atomic_load_explicit(&ths_core.cpu[0]->ticks, memory_order_relaxed);
}

THS_INLINE bool ths_somebody_waits_for_any(void)
{
	return atomic_load_explicit(&ths_core.any_commit.word, memory_order_seq_cst) &
	       SLOT_WAITERS;
}

/* Whether the call was given a blob that we or, where it was passed on, its caller holds. */
THS_INLINE bool ths_has_blob(const struct ths_cpu *cpu, const struct ths_call *call)
{
	return call->blob_held || call->blob_shared || cpu->blob_state != 0;
}

/* Binding 0 is nobody's: where unresolved references lead. A module's references are all
 * CPUs': one that is half renewed leads to one of its two bindings, each of which is of one
 * name for ever. */
THS_INLINE struct ths_binding *ths_ref_binding(const struct ths_ref *ref)
{
	uint32_t at = __atomic_load_n(&ref->binding, __ATOMIC_RELAXED);

	return &ths_core.binding[at / sizeof(struct ths_binding) % BINDINGS_MAX];
}

THS_INLINE bool ths_ref_is_current(const struct ths_ref *ref)
{
	return ths_ref_binding(ref)->generation ==
	       __atomic_load_n(&ref->generation, __ATOMIC_RELAXED);
}

/* The binding's provider at this moment; NULL: none. Inside an interaction, or with the
 * loader's certainty that nobody swaps it. */
THS_INLINE struct ths_instance *ths_binding_instance(const struct ths_binding *binding)
{
	const struct ths_version *version = slot_version(
		atomic_load_explicit(&binding->slot.word, memory_order_acquire));

	if (!version || !ths_version_is_live(version))
		return NULL;
	return ((const struct provider *)(const void *)version->data)->instance;
}

/* The recovery frame of a call in gate.S: cpu->gate_frame, at rest too. */
THS_INLINE void ths_gate_frame(struct ths_cpu *cpu)
{
#ifndef THS_HOST
	cpu->calls[0].frame.rsp = (uintptr_t)cpu->gate_frame;
#else
	(void)cpu;
#endif
}

/* Whose affair it is what runs; CONTEXTS_MAX: nobody's, as all is that interrupts, kicks and
 * ticks bring, whichever task they came to. */
THS_INLINE uint32_t ths_client(const struct ths_cpu *cpu)
{
	return cpu->working ? CONTEXTS_MAX : cpu->current;
}

/* Whether who runs is seeing to a fault. */
THS_INLINE bool ths_cpu_is_mending(const struct ths_cpu *cpu)
{
	return cpu->mender == cpu->current + 1;
}

/* Whether this CPU is inside an interaction: cpu->call means something. */
THS_INLINE bool ths_cpu_is_inside(const struct ths_cpu *cpu)
{
	return atomic_load_explicit(&((struct ths_cpu *)(uintptr_t)cpu)->activity,
				    memory_order_relaxed) % 2;
}

/*
 * script - a module whose operations are whatever the test says.
 *
 * An operation is handed a function of the test and calls it inside the interaction, so
 * a test of rows, transactions, sleeping can be written in one place, in the order in
 * which things happen. Like any operation's, what such a function does to memory of the
 * test's is not undone, and it may be run more than once.
 *
 * Three builds of it share their tables: script, script_next, which has more in a cell's
 * row, and script_same, which has the same rows as the first. Each can take over from the
 * others.
 */
#pragma once

#include <theseus/interface.h>
#include <theseus/module.h>

typedef enum ths_err script_fn(struct ths_call *call, void *ctx);

struct script_args {
	uint64_t fn, ctx;
};
#define SCRIPT_OPS(OP)                                                                   \
	OP(script, run, struct script_args, 0)                                           \
	OP(script, drive, struct script_args, THS_OP_DEVICE)                             \
	OP(script, version, struct script_args, 0) /* @fn: of who answers */             \
	OP(script, kicked, struct ths_no_args, 0)  /* runs script_on_kick */
THS_INTERFACE(script, 1, SCRIPT_OPS)

/* Tables. */
enum { CELL, ITEM, LOOSE, OWNED, HARD, ASKED, LOCAL, WIDE };
enum { SOFT, SOFT_FIXED }; /* of script_soft */
enum { SCRIPT_SELF };
#define CELLS  64u
#define ITEMS  48u
#define LOOSES 8u
#define OWNEDS 8192u
#define HARDS  4u
#define WIDES  1200u
#define SOFTS  20u

struct cell { /* "script.cell/1", fixed */
	uint64_t value, again;
};
struct cell_next { /* "script.cell/2" */
	uint64_t value, again, more[6];
};
struct item { /* keyed */
	uint64_t key, value;
};
struct loose {
	uint64_t value;
};

/* THS_MODULE() declares them where they are defined. */
#ifndef SCRIPT_IS_DEFINED_HERE
extern const struct ths_module ths_module_script, ths_module_script_next,
	ths_module_script_same, ths_module_script_soft;
#endif
extern script_fn *script_on_kick; /* by default nothing: THS_OK */
extern void *script_kick_ctx;
/* What the next migrations of a cell do when the value is 13; THS_OK: nothing special. */
extern script_fn *script_on_migrate;
/* Of script_same: what its `version`, and its self-test, do beside answering. */
extern script_fn *script_on_version;
extern script_fn *script_on_selftest;

/* The operations themselves, for modules with tables of their own: what is in the brackets
 * of their THS_PROVIDES(). */
enum ths_err script_run_op(struct ths_call *call, struct script_args *arg);
enum ths_err script_first_op(struct ths_call *call, struct script_args *arg);
enum ths_err script_kicked_op(struct ths_call *call, struct ths_no_args *arg);
#define SCRIPT_SERVES(version_)                                                          \
	.run = script_run_op, .drive = script_run_op, .version = (version_),             \
	.kicked = script_kicked_op
/* Called by @ref, as an operation or as a device operation. */
enum ths_err script_by(struct ths_ref *ref, script_fn *fn, void *ctx);
enum ths_err script_drive_by(struct ths_ref *ref, script_fn *fn, void *ctx);
/* As if @client ran, a task's slot. */
enum ths_err script_as(struct ths_ref *ref, uint32_t client, script_fn *fn, void *ctx);
/* Nested in an interaction of the script's. */
enum ths_err script_nested(struct ths_call *call, script_fn *fn, void *ctx);

/* A machine of @cpus CPUs, the script bound, and @ref to it. */
void script_start(struct ths_ref *ref, unsigned cpus);

/* Cells, by their number: from outside ... */
uint64_t script_value(struct ths_ref *ref, uint32_t row);
/* ... and inside an interaction. read: *(uint64_t *)ctx is the row, then its value. */
enum ths_err script_read(struct ths_call *call, void *ctx);
enum ths_err script_put(struct ths_call *call, uint32_t row, uint64_t value);
uint64_t script_get(struct ths_call *call, uint32_t row);
/* Of the first @rows cells. */
enum ths_err script_sum(struct ths_call *call, uint32_t rows, uint64_t *sum);

/* Loose rows: *(uint32_t *)ctx is the row that was made, or goes. The one made holds 1000
 * and its number, and script_weaks[script_weak_count] becomes a weak reference to it. */
#define SCRIPT_WEAKS 400u
extern struct ths_weak script_weaks[SCRIPT_WEAKS];
extern unsigned script_weak_count;
enum ths_err script_new_loose(struct ths_call *call, void *ctx);
enum ths_err script_free_loose(struct ths_call *call, void *ctx);

/* Items: *(uint64_t *)ctx is the key. */
enum ths_err script_new_item(struct ths_call *call, void *ctx);
enum ths_err script_find_item(struct ths_call *call, void *ctx);

/* X3: this CPU's record holds nothing of an interaction that has ended. */
void script_assert_clean(void);

/* ---- another CPU, which does what it is told and, but for meetings, nothing else ---- */

/* After rig_cpus(2): CPU 1 waits for ... */
void other_start(void);
/* ... this, and returns when that has ended. From anywhere, also from within an interaction. */
typedef enum ths_err other_fn(void *ctx);
enum ths_err other_does(other_fn *fn, void *ctx);
/* The same in two steps, where it may have to wait for what the caller holds. */
void other_begins(other_fn *fn, void *ctx);
enum ths_err other_ends(void);
/* The same with @fn on the default binding, as an interaction of CPU 1. */
enum ths_err other_script(script_fn *fn, void *ctx);
void other_stop(void);

/*
 * gate - the one way to call anything.
 *
 * A call names an interface and an operation, brings its arguments (and perhaps a blob)
 * and is served by whatever module is bound to the interface now. Programs, modules and
 * nano_core call alike. The outermost call and all calls nested in it are one
 * *interaction*: it ends in THS_OK and all it did is visible, or in an error and nothing
 * of it is (I2). Nobody but the gate ever sees a conflict, a stale binding or an empty
 * pool; it runs the interaction again.
 *
 * Invariants
 *   G1  An interaction is never preempted, never migrates, and no module code runs
 *       inside another interaction on the same CPU.
 *   G2  The module sees copies of arguments and blob, on the CPU's workspace; the
 *       caller's are changed after commit only, and only when the result is THS_OK.
 *   G3  A reference is weak: it may die at any time, and is resolved anew by the call.
 *
 * Use: declare a `struct ths_ref` with THS_REF() and call the typed inline caller that
 * THS_INTERFACE (interface.h) made for the operation.
 */
#pragma once

#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>

#define THS_NAME_MAX 32u  /* names of modules, interfaces, tables, NUL included */
#define THS_ARGS_MAX 256u /* bytes of arguments a call carries; a multiple of 8 */
#define THS_TABLES_MAX 8u /* tables a module declares */

struct ths_call; /* an interaction in progress, as a module's operation meets it */
struct ths_blob; /* a client's progress with a server: blob.h */

/* What an operation looks like from the gate. @args is the workspace copy. */
typedef enum ths_err ths_op_fn(struct ths_call *call, void *args);

/* How an operation wants to be called. */
enum ths_op_flags {
	THS_OP_BLOB = 1,   /* takes the client's blob: ths_blob_body() */
	THS_OP_DEVICE = 2, /* drives a device: never run twice (P9-P12) */
	THS_OP_IN = 4,     /* only reads its arguments: nothing is copied back */
};

/* What user and provider of an interface must agree on, per operation. */
struct ths_op_info {
	const char *name;
	uint16_t args_size; /* bytes, a multiple of 8 */
	uint16_t flags;     /* enum ths_op_flags */
};

/* An interface, as its header declares it: one const object per translation unit. */
struct ths_iface {
	const char *name;
	uint16_t version;
	uint16_t ops;
	const struct ths_op_info *info;
};

enum ths_ref_flags {
	THS_REF_NOWAIT = 1, /* THS_E_AGAIN comes back instead of sleeping */
	THS_REF_TAGGED = 2, /* who calls by it is of another trust domain: a blob that is not
		empty must bear the tag of this boot's key, and bears a new one afterwards */
};

/*
 * A weak reference to whatever provides an interface. Lies with the client; may be
 * copied freely. @binding 0 is nobody's: resolve at first use.
 */
struct ths_ref {
	const struct ths_iface *iface;
	const char *instance; /* "" for the default binding */
	uint32_t binding;     /* where the binding lies among all, a cache */
	uint32_t generation;  /* of that binding when it was resolved */
	uint32_t flags;       /* enum ths_ref_flags */
};

#define THS_REF(iface_)        THS_REF_TO(iface_, "")
#define THS_REF_TO(iface_, to) {&iface_##_iface, (to), 0, 1, 0}

/**
 * ths_gate() - call operation @op of whatever @ref leads to
 * @ref:  the caller's reference; its cache is refreshed
 * @op:   the operation's number in the interface
 * @args: the interface's argument struct for @op; copied in, and out on THS_OK
 * @blob: the caller's blob where the operation takes one; else NULL
 *
 * Called from a program it is an interaction of its own, sleeps on THS_E_AGAIN (unless
 * THS_REF_NOWAIT) and returns when it is committed or has failed. Called from within an
 * operation it is nested: part of its caller's interaction.
 *
 * Context: a program at depth 0, or a module inside an operation; never an interrupt.
 * Return:  what the operation returned, or
 *          THS_E_UNAVAIL  nothing is bound to the interface;
 *          THS_E_VERSION  it is bound in another version or with other arguments;
 *          THS_E_NOSYS    the provider has no such operation;
 *          THS_E_DEPTH    nested too deeply;
 *          THS_E_FAULT, THS_E_STACK, THS_E_ARITH, THS_E_OPCODE  the module faulted,
 *                         again, after what can be done about it: see nano_core(7);
 *          THS_E_DEADLINE the interaction went beyond its budget;
 *          THS_E_INTERNAL the operation returned a value outside enum ths_err;
 *          THS_E_BLOB, THS_E_BUSY  the blob was refused;
 *          THS_E_NOMEM    the pools could not be refilled.
 *          After any error, rows, arguments and blob are as before.
 */
THS_MUST_CHECK enum ths_err ths_gate(struct ths_ref *ref, uint32_t op, void *args,
				     struct ths_blob *blob);

/**
 * ths_forward() - pass the present call on, unchanged
 * @ref: to whom; NULL, in an interposer: to whoever stands behind it
 *
 * The operation is the one this operation was called as; arguments are those in its own
 * copy, and the results come back there; the blob, if there is one, is the client's, and
 * what is made of its body counts when this operation too returns THS_OK. An interposer
 * (iface/interpose.h) needs nothing else to stand before any interface.
 *
 * Context: inside an operation.
 * Return:  as ths_gate(); also THS_E_INVAL where there is nothing to pass on (start,
 *          recover, self-test), or NULL was said by somebody who stands before nobody.
 */
THS_MUST_CHECK enum ths_err ths_forward(struct ths_call *call, struct ths_ref *ref);

/**
 * ths_call_op() - which operation of which interface we were called as
 * @iface: out: the interface, for an interposer that of whoever stands behind it; good
 *         until the interaction ends
 *
 * Context: inside an operation. Return: the operation's number; UINT32_MAX when it is none
 * (start, recover, self-test), or when nobody stands behind an interposer: *@iface is as
 * it was then.
 */
uint32_t ths_call_op(const struct ths_call *call, const struct ths_iface **iface);

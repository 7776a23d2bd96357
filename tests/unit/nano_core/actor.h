/*
 * actor - a module with an operation of each kind, which do what the test says; another
 * such, bound as "tool"; and a client's blob.
 */
#pragma once

#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <string.h>
#include <theseus/blob.h>
#include "base/blob_impl.h"
#include "nano_core/swap_impl.h"

/* ---- modules that do what they are told -------------------------------------------------- */

#define ACT_OPS(OP)                                                                      \
	OP(act, run, struct script_args, 0)                                              \
	OP(act, held, struct script_args, THS_OP_BLOB)                                   \
	OP(act, drive, struct script_args, THS_OP_DEVICE)                                \
	OP(act, none, struct ths_no_args, 0) /* is not there */
THS_INTERFACE(act, 1, ACT_OPS)

enum { NOTE, LONG, ODD, NO_BLOB };
enum { SELF, TOOL, NO_USE };
enum { WIRE, NO_WIRE };
#define WIRE_PORT 0x3e0u
struct note {
	uint64_t text[8];
};
struct long_note { /* does not fit in a workspace */
	uint64_t text[WORKSPACE_ARENA / 8];
};

static script_fn *on_start;

static enum ths_err start(struct ths_call *call)
{
	return on_start ? on_start(call, NULL) : THS_OK;
}

struct odd_note { /* of no whole words */
	uint8_t text[12];
};

#define ACT_MODULE(token_, id_, self_, blob_, type_)                                     \
	THS_MODULE(token_, id_, 1, 0,                                                    \
		   THS_PROVIDES(act, .run = script_run_op, .held = script_run_op,        \
				.drive = script_run_op),                                 \
		   .uses[SELF] = {&act_iface, self_, true},                              \
		   .uses[TOOL] = {&act_iface, "tool", true},                             \
		   THS_PORTS(WIRE, WIRE_PORT, 4),                                        \
		   THS_BLOB(NOTE, blob_, type_), THS_BLOB(LONG, "long/1", struct long_note), \
		   THS_BLOB(ODD, "odd/1", struct odd_note), .start = start)
ACT_MODULE(actor, "actor", "", "note/1", struct note);
ACT_MODULE(tool, "tool", "tool", "note/1", struct note);

static struct ths_ref act;

static void setup(void)
{
	harness_start();
	on_start = NULL;
	rig_bind(&ths_module_actor, "");
	rig_bind(&ths_module_tool, "tool");
	act = (struct ths_ref)THS_REF(act);
}

THS_UNUSED static enum ths_err run(struct ths_ref *ref, script_fn *fn, void *ctx)
{
	struct script_args args = {(uint64_t)(uintptr_t)fn, (uint64_t)(uintptr_t)ctx};

	return act_run(ref, &args);
}

THS_UNUSED static enum ths_err drive(struct ths_ref *ref, script_fn *fn, void *ctx)
{
	struct script_args args = {(uint64_t)(uintptr_t)fn, (uint64_t)(uintptr_t)ctx};

	return act_drive(ref, &args);
}

THS_UNUSED static enum ths_err held(struct ths_ref *ref, script_fn *fn, void *ctx,
				    struct ths_blob *with)
{
	struct script_args args = {(uint64_t)(uintptr_t)fn, (uint64_t)(uintptr_t)ctx};

	return act_held_with(ref, &args, with);
}

static enum ths_err nothing(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	return THS_OK;
}

/* The first word of the note, counted up; and then *@ctx, a script_fn. */
static enum ths_err count(struct ths_call *call, void *ctx)
{
	script_fn *then = *(script_fn **)ctx;
	struct note *note;
	bool fresh;

	THS_TRY(ths_blob_body(call, NOTE, (void **)&note, &fresh));
	ck_assert_int_eq(fresh, note->text[0] == 0);
	note->text[0]++;
	return then(call, NULL);
}

static script_fn *then_nothing = nothing;

static THS_BLOB_STORAGE(memory, sizeof(struct note));
static struct ths_blob *blob;

static void setup_blob(void)
{
	setup();
	blob = ths_blob_init(memory, sizeof(struct note));
}

static uint64_t counted(void)
{
	return *(uint64_t *)(void *)(memory + THS_BLOB_HEADER);
}

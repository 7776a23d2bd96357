/*
 * blob_copy - a client's blob, for the length of one interaction.
 *
 * The gate takes the blob when an operation that wants one is entered; the module gets a
 * copy of the body in the workspace; commit puts the copy back. So an interaction that
 * fails, or is run again, leaves the blob as it was (B3 of blob.h).
 */
#include <theseus/string.h>
#include "base/blob_impl.h"
#include "nano_core/nano_core_impl.h"

enum ths_err ths_gate_blob_enter(struct ths_call *call)
{
	if (!call->blob)
		return THS_E_INVAL;
	THS_TRY(ths_blob_take(call->blob));
	call->blob_held = true;
	return THS_OK;
}

void ths_gate_blob_leave(struct ths_call *call, bool commit)
{
	const struct ths_module *module = call->instance->module;
	uint32_t schema;
	uint64_t type;

	if (commit && call->blob_copy) {
		const struct ths_blob_decl *decl = &module->blobs[call->blob_slot];

		type = ths_blob_type(decl->type, &schema);
		ths_blob_store(call->blob, type, schema, call->blob_copy, decl->size);
	}
	ths_blob_drop(call->blob);
	call->blob_held = false;
}

static enum ths_err copy_body(struct ths_cpu *cpu, struct ths_call *call, unsigned slot,
			      bool *fresh)
{
	const struct ths_blob_decl *decl = &call->instance->module->blobs[slot];
	const struct ths_blob *blob = call->blob;
	uint32_t schema;
	uint64_t type = ths_blob_type(decl->type, &schema);

	THS_TRY(ths_blob_check(blob, THS_BLOB_HEADER + (size_t)blob->capacity, type, schema,
			       decl->size));
	call->blob_copy = ths_arena_take(cpu, decl->size);
	if (!call->blob_copy)
		return THS_E_FULL;
	call->blob_slot = slot;
	*fresh = ths_blob_is_empty(blob);
	if (*fresh)
		memset(call->blob_copy, 0, decl->size);
	else
		memcpy(call->blob_copy, blob->body, decl->size);
	return THS_OK;
}

enum ths_err ths_blob_body(struct ths_call *token, unsigned slot, void **body, bool *fresh)
{
	struct ths_cpu *cpu = ths_cpu();
	struct ths_call *call = cpu->call;
	enum ths_err err = THS_E_INVAL;
	bool unused;

	(void)token;
	ths_arch_core_enter();
	if (ths_cpu_is_inside(cpu) && call->blob_held && slot < THS_BLOBS_MAX &&
	    call->instance->module->blobs[slot].type && !call->blob_copy)
		err = copy_body(cpu, call, slot, fresh ? fresh : &unused);
	if (err == THS_OK)
		*body = call->blob_copy;
	ths_arch_core_leave();
	return err;
}

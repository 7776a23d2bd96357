/*
 * blob_copy - a client's blob, for the length of one interaction.
 *
 * The gate takes the blob when an operation that wants one is entered; the module gets a
 * copy of the body in the workspace; commit puts the copy back. So an interaction that
 * fails, or is run again, leaves the blob as it was (B3 of blob.h).
 *
 * Where the caller's reference is THS_REF_TAGGED the blob's memory may change under our
 * hands. Then header and body are copied first, and all that is believed is the copy: it
 * is checked, its tag is verified, the next tag is made of it, and it is put back whole.
 *
 * A call that is passed on (ths_forward()) brings the blob its caller holds: it shares the
 * hold, begins with what the caller has made of the body so far, and when it succeeds its
 * copy becomes the caller's. So the client's memory is written by the level that took the
 * blob, and by no other.
 */
#include <theseus/siphash.h>
#include <theseus/string.h>
#include "base/blob_impl.h"
#include "nano_core/nano_core_impl.h"

#define COVERED (THS_BLOB_HEADER - offsetof(struct ths_blob, type)) /* of the header */
#define BLOB_GIVEN 2 /* of cpu->blob_state: the body was given out, and not by gate.S */

enum ths_err ths_gate_blob_enter(struct ths_call *call)
{
	if (!call->blob)
		return THS_E_INVAL;
	if (call->blob_shared)
		return THS_OK;
	THS_TRY(ths_blob_take(call->blob));
	call->blob_held = true;
	return THS_OK;
}

/* What a level's copy is known by; a number beyond ours is of an instance further in. */
static const struct instance_blob *info_of(const struct ths_call *call)
{
	uint32_t instance = call->blob_slot / THS_BLOBS_MAX;

	return &(instance ? &ths_core.instance[instance - 1] : call->instance)
			->blob[call->blob_slot % THS_BLOBS_MAX];
}

/* By the reference of who holds the blob, wherever the call was passed on to. */
static bool is_tagged(const struct ths_call *call)
{
	while (call->blob_shared)
		call--;
	return call->ref->flags & THS_REF_TAGGED;
}

static uint64_t compute_tag(const struct ths_blob *copy, const struct instance_blob *info)
{
	return ths_siphash24((const uint8_t *)ths_core.blob_key, &copy->type,
			     COVERED + info->size);
}

static struct ths_blob *copy_of(const struct ths_call *call)
{
	return (struct ths_blob *)(void *)((uint8_t *)call->blob_copy - THS_BLOB_HEADER);
}

static void store_tagged(const struct ths_call *call, const struct instance_blob *info)
{
	struct ths_blob *blob = call->blob, *copy = copy_of(call);

	copy->type = info->type;
	copy->schema = info->schema;
	copy->size = info->size;
	copy->generation++;
	copy->tag = compute_tag(copy, info);
	memcpy(&blob->type, &copy->type, COVERED + info->size);
	blob->tag = copy->tag;
}

void ths_gate_blob_leave(struct ths_call *call, bool commit)
{
	const struct instance_blob *info = info_of(call);

	if (commit && call->blob_copy && is_tagged(call))
		store_tagged(call, info);
	else if (commit && call->blob_copy)
		ths_blob_store(call->blob, info->type, info->schema, call->blob_copy,
			       info->size);
	ths_blob_drop(call->blob);
	call->blob_held = false;
}

/* Only its being held is gate.S's: the rest is as if we had taken it. */
void ths_gate_blob_commit(struct ths_cpu *cpu)
{
	ths_gate_blob_leave(&cpu->calls[0], true);
	cpu->blob_state = 0;
	cpu->arena_used = 0;
}

/* A call that was passed on has succeeded: its copy is its caller's now. It lies where the
 * call's arena began, which the caller's does not give up before it has ended, or where
 * the caller has one. */
void ths_gate_blob_pass_up(struct ths_cpu *cpu, struct ths_call *call)
{
	struct ths_call *parent = call - 1;
	uint32_t size = info_of(call)->size;

	if (parent->blob_copy) {
		memcpy(parent->blob_copy, call->blob_copy, size);
		return;
	}
	size += THS_BLOB_HEADER;
	memmove(cpu->arena + call->arena, copy_of(call), size);
	parent->blob_copy = cpu->arena + call->arena + THS_BLOB_HEADER;
	parent->blob_slot = call->blob_slot < THS_BLOBS_MAX
				    ? (call->instance->slot + 1) * THS_BLOBS_MAX + call->blob_slot
				    : call->blob_slot;
	call->arena += (size + 15u) & ~15u;
}

/* Of those who passed the call on, the nearest that has made something of the body; NULL:
 * it is as the client has it. */
static const struct ths_call *who_has_body(const struct ths_call *call)
{
	while (call->blob_shared)
		if ((--call)->blob_copy)
			return call;
	return NULL;
}

static enum ths_err copy_from(const struct ths_call *before, struct ths_blob *copy,
			      const struct instance_blob *info)
{
	const struct instance_blob *was = info_of(before);

	if (was->type != info->type || was->schema != info->schema || was->size != info->size)
		return THS_E_BLOB;
	memcpy(copy, copy_of(before), THS_BLOB_HEADER + info->size);
	return THS_OK;
}

static enum ths_err check(const struct ths_blob *blob, const struct instance_blob *info)
{
	return ths_blob_check(blob, THS_BLOB_HEADER + (size_t)blob->capacity, info->type,
			      info->schema, info->size);
}

/* There is memory for as many bytes, which is all that is believed of the original. */
static enum ths_err copy_tagged(const struct ths_blob *blob, struct ths_blob *copy,
				const struct instance_blob *info)
{
	copy->tag = blob->tag;
	memcpy(&copy->type, &blob->type, COVERED + info->size);
	THS_TRY(check(copy, info));
	if (ths_blob_is_empty(copy))
		return THS_OK;
	return copy->tag == compute_tag(copy, info) ? THS_OK : THS_E_BLOB;
}

static enum ths_err copy_body(struct ths_cpu *cpu, struct ths_call *call, unsigned slot,
			      bool *fresh)
{
	const struct instance_blob *info = &call->instance->blob[slot];
	const struct ths_call *before = who_has_body(call);
	const struct ths_blob *blob = call->blob;
	struct ths_blob *copy;

	if (info->size > blob->capacity)
		return THS_E_BLOB;
	copy = ths_arena_take(cpu, THS_BLOB_HEADER + info->size);
	if (!copy)
		return THS_E_FULL;
	if (before) {
		THS_TRY(copy_from(before, copy, info));
	} else if (is_tagged(call)) {
		THS_TRY(copy_tagged(blob, copy, info));
		blob = copy;
	} else {
		THS_TRY(check(blob, info));
		memcpy(copy->body, blob->body, info->size);
	}
	*fresh = !before && ths_blob_is_empty(blob);
	if (*fresh)
		memset(copy->body, 0, info->size);
	call->blob_slot = slot;
	call->blob_copy = copy->body;
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
	if (ths_cpu_is_inside(cpu) && ths_has_blob(cpu, call) && slot < THS_BLOBS_MAX &&
	    call->instance->blob[slot].type && !call->blob_copy)
		err = copy_body(cpu, call, slot, fresh ? fresh : &unused);
	if (err == THS_OK)
		*body = call->blob_copy;
	if (err == THS_OK && cpu->blob_state)
		cpu->blob_state = BLOB_GIVEN;
	ths_arch_core_leave();
	return err;
}

/*
 * ths_blob_body() where gate.S has taken the blob, by a reference that is not trusted, and
 * nobody has asked for the body so far; for blobs of the common kind, which
 * ths_blob_body_alone() copies where they are trusted. All else goes the long way.
 */
enum ths_err ths_blob_body_tagged(struct ths_call *token, unsigned slot, void **body,
				  bool *fresh)
{
	struct ths_cpu *cpu = ths_cpu();
	struct ths_call *call = &cpu->calls[0];
	const struct instance_blob *info = &call->instance->blob[slot % THS_BLOBS_MAX];
	struct ths_blob *blob = call->blob, *copy = cpu->blob_room;

	if (slot >= THS_BLOBS_MAX || blob->type != info->quick || blob->capacity < info->size)
		return ths_blob_body(token, slot, body, fresh);
	ths_arch_core_enter();
	copy->tag = blob->tag;
	memcpy(&copy->type, &blob->type, COVERED + info->size);
	ths_arch_core_leave();
	if (copy->type != info->type || copy->schema != info->schema ||
	    copy->size != info->size || copy->capacity < info->size ||
	    copy->tag != compute_tag(copy, info))
		return THS_E_BLOB;
	call->blob_slot = slot;
	call->blob_copy = *body = copy->body;
	cpu->blob_state = BLOB_GIVEN;
	if (fresh)
		*fresh = false;
	return THS_OK;
}

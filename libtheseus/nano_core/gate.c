/*
 * gate - how an interaction begins, nests and ends.
 *
 * The outermost call runs on the CPU's workspace inside a recovery frame. Whatever comes
 * of it - a value, a fault, a deadline, a conflict met half-way - arrives at one place,
 * ths_gate_conclude(), which believes it only if the read set, the binding included, still
 * holds; otherwise the interaction is run again and nobody is charged. What nests in it
 * runs on the same stack between a savepoint and a merge or rollback.
 *
 * arch/x86_64/gate.S is the same for the common case (no blob, no device, resolved
 * reference) in a few dozen instructions; it comes here for all else.
 *
 * Invariants
 *   G4  Between begin() and leave() cpu->activity is odd; leave() makes it even and only
 *       then looks for pending work (P1).
 *   G5  A request is held by its caller's frame, not by cpu->calls[0]: between two tries
 *       other interactions (a refill) may use that.
 *   G6  The conflict token, if taken, is given back before anything else is called.
 *
 * Cost: begin and leave are O(size of arguments); commit as in commit.c.
 */
#include <theseus/point.h>
#include <theseus/string.h>
#include "nano_core/gate_layout.h"
#include "nano_core/nano_core_impl.h"

#define TRIES_MAX   8u   /* conflicts before the token is taken (P5) */
#define REFILLS_MAX 256u /* ends what would take blocks from one pool for another for ever */

/* What conclude() says beside enum ths_err: the request is to be made again. */
enum { GATE_CONFLICT = 1, GATE_REFILL = 2, GATE_STACK = 3, GATE_SLEEP = 4, GATE_FAULT = 5 };

struct request {
	struct ths_ref *ref;             /* NULL: @invoke */
	const struct ths_invoke *invoke;
	void *args;
	struct ths_blob *blob;
	uint32_t op;
	uint32_t tries, refills;
	bool by_gate_s; /* which asks anew by itself */
	bool resigned;  /* nothing is left to be done about faults: callers see them */
	struct fault fault; /* with GATE_FAULT: what was believed */
	bool forwarded; /* the caller's own call, passed on */
};

/* ---- the workspace ------------------------------------------------------------------- */

static void copy_args(void *to, const void *from, size_t size)
{
	uint64_t *dst = to;
	const uint64_t *src = from;

	for (; size; size -= 8)
		*dst++ = *src++;
}

static uint64_t run_op(void *arg)
{
	struct ths_call *call = arg;
	enum ths_err err;

	ths_arch_core_leave();
	err = call->op->fn(call, call->copy);
	ths_arch_core_enter();
	/* Above 0 are unwinding's outcomes: a module that returned one would be run for ever. */
	return (uint64_t)(int64_t)(err > 0 ? OUTCOME_FOREIGN : err);
}

/* Room for nested arguments and blob bodies; NULL: full. */
void *ths_arena_take(struct ths_cpu *cpu, size_t size)
{
	void *room = cpu->arena + cpu->arena_used;

	size = (size + 15u) & ~(size_t)15u;
	if (size > WORKSPACE_ARENA - cpu->arena_used || THS_FAIL("alloc/arena"))
		return NULL;
	cpu->arena_used += (uint32_t)size;
	ths_poison(room, size);
	return room;
}

/* ---- begin and leave ----------------------------------------------------------------- */

static void leave(struct ths_cpu *cpu)
{
	ths_txn_clear(&cpu->txn);
	cpu->call = &cpu->calls[0];
	cpu->calls[0].blob_held = false;
	cpu->calls[0].device_held = false;
	cpu->blob_state = 0;
	cpu->resigned = false;
	cpu->unframed = false;
	cpu->arena_used = 0;
	atomic_store_explicit(&cpu->activity, cpu->activity + 1, memory_order_release);
	if (cpu->limbo_count >= LIMBO_MAX / 4) {
		cpu->section++; /* an interrupt's work takes from the same lists */
		ths_pool_reclaim(cpu);
		cpu->section--;
	}
}

static enum ths_err find_op(struct ths_call *call, const struct provider *provider,
			    uint32_t op)
{
	if (op >= provider->ops || !provider->instance->op[op].fn)
		return THS_E_NOSYS;
	call->op = &provider->instance->op[op];
	call->instance = provider->instance;
	return THS_OK;
}

static enum ths_err find_provider(struct ths_cpu *cpu, struct ths_call *call,
				  struct ths_ref *ref, uint32_t op);

/* Device operations are not interposed (P19): on to whoever stands behind, if the chain
 * is still the one that led there. */
static enum ths_err pass_by(struct ths_cpu *cpu, struct ths_call *call, uint32_t op)
{
	const struct ths_binding *front = call->binding;
	const struct ths_version *was = call->provider;
	struct ths_ref next = call->instance->next;
	enum ths_err err = find_provider(cpu, call, &next, op);

	if (slot_version(atomic_load_explicit(&front->slot.word, memory_order_acquire)) !=
	    was)
		ths_txn_unwind(cpu, OUTCOME_CONFLICT);
	return err;
}

static enum ths_err find_provider(struct ths_cpu *cpu, struct ths_call *call,
				  struct ths_ref *ref, uint32_t op)
{
	const struct ths_version *version;

	if (!ths_ref_is_current(ref))
		THS_TRY(ths_ref_resolve(ref));
	call->binding = ths_ref_binding(ref);
	THS_TRY(ths_txn_read(cpu, &call->binding->slot, &version));
	if (!ths_version_is_live(version))
		return THS_E_UNAVAIL;
	call->provider = version;
	THS_TRY(find_op(call, (const struct provider *)(const void *)version->data, op));
	return THS_UNLIKELY(call->op->flags & OP_PASS) ? pass_by(cpu, call, op) : THS_OK;
}

static enum ths_err find_target(struct ths_cpu *cpu, struct ths_call *call,
				const struct request *request)
{
	if (request->ref)
		return find_provider(cpu, call, request->ref, request->op);
	call->binding = NULL;
	call->provider = NULL;
	call->instance = request->invoke->instance;
	call->op = request->invoke->given;
	/* From here on quiescence waits for us: its text stays. */
	return atomic_load(&call->instance->heir) ? THS_E_STALE : THS_OK;
}

static uint64_t begin_and_run(struct ths_cpu *cpu, struct ths_call *call,
			      const struct request *request)
{
	enum ths_err err = find_target(cpu, call, request);

	if (err)
		return (uint64_t)(int64_t)err;
	if (call->op->flags & THS_OP_DEVICE) {
		cpu->txn.flags |= TXN_DEVICE;
		cpu->txn.read_next = cpu->txn.read; /* the lock vouches for the binding */
		cpu->txn.read_limit = cpu->txn.read; /* nothing is quick here */
		cpu->txn.writes_limit = 0;
		err = ths_device_enter(cpu, call);
		if (err)
			return err == THS_E_STALE ? OUTCOME_CONFLICT : (uint64_t)(int64_t)err;
	}
	if (call->op->flags & THS_OP_BLOB) {
		err = ths_gate_blob_enter(call);
		if (err)
			return (uint64_t)(int64_t)err;
	}
	copy_args(call->copy, request->args, call->op->args_size);
	ths_instance_count(call->instance, cpu->number);
	cpu->serving = call->instance;
	return ths_arch_run(&call->frame, cpu->stack_top, run_op, call);
}

static uint64_t find_and_run(void *arg)
{
	struct request *request = arg;
	struct ths_cpu *cpu = ths_cpu();

	cpu->unframed = false;
	return begin_and_run(cpu, &cpu->calls[0], request);
}

/* One try of the outermost call. Lookups may meet a conflict as well, so they too run
 * inside a frame. */
static int64_t attempt(struct ths_cpu *cpu, struct request *request)
{
	struct ths_call *call = &cpu->calls[0];
	bool exclusive = request->tries >= TRIES_MAX && !cpu->token;
	int64_t outcome;

	/* First of all, and in one instruction: from here on no interrupt's work runs on this
	 * CPU. Before, the record is its own, and it must not meet the token taken. */
	atomic_fetch_add(&cpu->activity, 1);
	cpu->unframed = true;
	if (exclusive)
		ths_token_take(cpu);
	call->ref = request->ref;
	call->args = request->args;
	call->blob = request->blob;
	call->op_number = request->op;
	call->copy = cpu->stack_top;
	call->blob_copy = NULL;
	call->op = NULL;
	call->binding = NULL;
	cpu->call = call;
	ths_txn_begin(cpu, 0);
	cpu->exclusive = exclusive;
	cpu->resigned = request->resigned;
	outcome = (int64_t)ths_arch_run(&call->frame, NULL, find_and_run, request);
	ths_gate_frame(cpu);
	return outcome;
}

/* ---- the end of an interaction --------------------------------------------------------- */

static enum ths_err believed_value(struct ths_cpu *cpu, const struct ths_call *call,
				   int64_t outcome)
{
	if (outcome >= THS_ERR_LAST)
		return (enum ths_err)outcome;
	ths_fault_record(cpu, call->instance, call, THS_E_INTERNAL, 0, 0);
	return THS_E_INTERNAL;
}

/* Drops everything. A faulted device operation leaves its journal to `recover`. */
static void abandon(struct ths_cpu *cpu)
{
	struct ths_call *call = &cpu->calls[0];

	ths_txn_abandon(cpu);
	if (call->blob_held)
		ths_gate_blob_leave(call, false);
}

static void conclude_device(struct ths_cpu *cpu, enum ths_err err)
{
	struct ths_call *call = &cpu->calls[0];

	if (call->device_held)
		ths_device_leave(cpu, call, err);
}

/* A conflict, an empty pool or a deadline unwinds from the innermost level straight to
 * the outermost: what the levels between hold is let go here. */
static void leave_levels(struct ths_cpu *cpu)
{
	for (struct ths_call *call = cpu->call; call > &cpu->calls[0]; call--) {
		if (call->blob_held)
			ths_gate_blob_leave(call, false);
		if (call->device_held)
			ths_device_leave(cpu, call, ths_device_cut_short(call));
	}
	cpu->call = &cpu->calls[0];
	cpu->serving = cpu->calls[0].instance;
}

static enum ths_err commit(struct ths_cpu *cpu, struct ths_call *call, bool *conflict)
{
	if (THS_UNLIKELY(cpu->txn.special && !ths_txn_special_holds(cpu)))
		return THS_E_INTERNAL;
	if (!ths_txn_commit(cpu)) {
		*conflict = true;
		return THS_OK;
	}
	copy_args(call->args, call->copy, call->op->out_size);
	if (call->blob_held)
		ths_gate_blob_leave(call, true);
	if (cpu->txn.wakes || ths_somebody_waits_for_any())
		ths_wake_committed(cpu);
	ths_effects_perform(cpu);
	return THS_OK;
}

static int give_up(struct ths_cpu *cpu, int code)
{
	if (cpu->exclusive)
		ths_token_give(cpu);
	cpu->exclusive = false;
	if (code == GATE_CONFLICT && cpu->fault.activity == cpu->activity)
		cpu->fault.unlogged = false; /* charged to nobody */
	leave(cpu);
	return code;
}

static int conclude_error(struct ths_cpu *cpu, enum ths_err err)
{
	bool device = cpu->txn.flags & TXN_DEVICE;
	bool asleep = false;

	if (!device && !ths_txn_validate(&cpu->txn))
		return GATE_CONFLICT;
	if (ths_err_is_fault(err) && ths_fault_may_be_mended(cpu))
		return GATE_FAULT;
	if (err == THS_E_AGAIN && !device && ths_sleep_possible(cpu)) {
		if (txn_reads(&cpu->txn) + cpu->txn.writes <= 1)
			return THS_E_INTERNAL; /* nothing to wait for (P8) */
		asleep = ths_sleep_prepare(cpu);
		return asleep ? GATE_SLEEP : GATE_CONFLICT;
	}
	return err;
}

/* From the outcome of an attempt to a result, or a GATE_ code. The CPU is at depth 0
 * afterwards, where the record is anybody's; pending work has not been looked at. */
static int conclude(struct ths_cpu *cpu, struct request *request, int64_t outcome)
{
	struct ths_call *call = &cpu->calls[0];
	bool conflict = false;
	enum ths_err err;
	int code;

	cpu->unframed = true;
	leave_levels(cpu);
	if (outcome == OUTCOME_FAULT)
		outcome = cpu->fault.err; /* of a level further in */
	if (outcome > 0) {
		abandon(cpu);
		conclude_device(cpu, ths_device_cut_short(call));
		return give_up(cpu, (int)outcome);
	}
	err = believed_value(cpu, call, outcome);
	if (err == THS_OK) {
		err = commit(cpu, call, &conflict);
		if (err == THS_OK && !conflict) {
			conclude_device(cpu, THS_OK);
			return give_up(cpu, THS_OK);
		}
	}
	code = conflict ? GATE_CONFLICT : conclude_error(cpu, err);
	if (code == GATE_FAULT) { /* others may have one before it is seen to */
		request->fault = cpu->fault;
		cpu->fault.unlogged = false;
	}
	abandon(cpu);
	conclude_device(cpu, err);
	return give_up(cpu, code);
}

/* ---- requests -------------------------------------------------------------------------- */

/* A fault, and something may be done about it: if it was, the request is made again. A
 * device operation is not, nor is what was not called through a binding, if the fault was
 * its module's. If nothing was,
 * the outermost operation's fault is the caller's; one further in is its parent's to see,
 * so the request is made once more. */
static bool mend(struct ths_cpu *cpu, struct request *request, int *code)
{
	struct fault *fault = &request->fault;
	bool mended = ths_cascade(cpu, fault);

	*code = fault->err;
	if (fault->device)
		return false;
	if (!request->ref) /* the instance it is of may be gone, unless it was state_db's fault */
		return mended && fault->instance != request->invoke->instance;
	request->resigned = !mended;
	return mended || fault->depth > 0;
}

/* Does at depth 0 what the code asks for. True: make the request again. */
static bool again(struct ths_cpu *cpu, struct request *request, int *code)
{
	switch (*code) {
	case GATE_CONFLICT:
		request->tries++;
		return true;
	case GATE_REFILL:
		cpu->section++; /* an interrupt's work takes from the same lists */
		*code = ++request->refills > REFILLS_MAX ? THS_E_NOMEM : ths_refill(cpu);
		cpu->section--;
		return *code == THS_OK;
	case GATE_STACK:
		cpu->section++;
		*code = ths_context_spare(cpu->spare_needed);
		cpu->section--;
		return *code == THS_OK;
	case GATE_SLEEP:
		request->tries = request->refills = 0;
		ths_context_block(cpu);
		return true;
	case GATE_FAULT:
		return mend(cpu, request, code);
	default:
		return false;
	}
}

static enum ths_err serve(struct ths_cpu *cpu, struct request *request, int code)
{
	for (;;) {
		if (THS_UNLIKELY(cpu->faulted_count && !cpu->recovering))
			ths_recover_devices(cpu);
		if (!again(cpu, request, &code))
			break;
		if (request->by_gate_s && code == GATE_SLEEP)
			return (enum ths_err)GATE_AGAIN;
		code = conclude(cpu, request, attempt(cpu, request));
	}
	if (THS_UNLIKELY(atomic_load(&cpu->pending)) && ths_cpu_is_idle())
		ths_work();
	return (enum ths_err)code;
}

static enum ths_err outermost(struct ths_cpu *cpu, struct request *request)
{
	return serve(cpu, request, conclude(cpu, request, attempt(cpu, request)));
}

/* ---- the way from and to gate.S -------------------------------------------------------- */

/* gate.S keeps the outermost binding out of the read set: put that right before anything
 * else looks. */
static void complete_call(struct ths_cpu *cpu)
{
	struct ths_call *call = &cpu->calls[0];

	call->binding = ths_ref_binding(call->ref);
	call->blob_held |= cpu->blob_state != 0;
	if (txn_reads(&cpu->txn) < READS_MAX)
		txn_note_read(&cpu->txn, &call->binding->slot, (uintptr_t)call->provider);
}

/* The common way to fall asleep: the outermost operation itself said THS_E_AGAIN. It holds
 * rows and perhaps a blob, no device. False: not that common, or no sleep. */
static bool slept(struct ths_cpu *cpu)
{
	if (cpu->call != &cpu->calls[0] || txn_reads(&cpu->txn) + cpu->txn.writes <= 1 ||
	    !ths_sleep_possible(cpu) || !ths_sleep_prepare(cpu))
		return false;
	abandon(cpu);
	leave(cpu);
	ths_context_block(cpu);
	return true;
}

static THS_NOINLINE enum ths_err conclude_any(struct ths_cpu *cpu, int64_t outcome)
{
	struct ths_call *call = &cpu->calls[0];
	struct request request = {
		.ref = call->ref, .args = call->args, .by_gate_s = true};

	request.blob = call->op->flags & THS_OP_BLOB ? call->blob : NULL;
	request.op = call->op_number = call->op->number;
	return serve(cpu, &request, conclude(cpu, &request, outcome));
}

/* With an outcome gate.S does not handle: the first try is over. Who slept is told
 * GATE_AGAIN: gate.S asks anew, the quick way and on the same piece of stack. */
enum ths_err ths_gate_conclude(struct ths_cpu *cpu, int64_t outcome)
{
	cpu->unframed = true;
	complete_call(cpu);
	if (outcome == THS_E_AGAIN && slept(cpu))
		return (enum ths_err)GATE_AGAIN;
	return conclude_any(cpu, outcome);
}

/* An operation that touched rows returned THS_OK: 0, or OUTCOME_CONFLICT, or an error.
 * gate.S copies the arguments out and leaves. */
int64_t ths_gate_commit(struct ths_cpu *cpu)
{
	struct ths_txn *txn = &cpu->txn;
	struct ths_call *call = &cpu->calls[0];

	cpu->unframed = true;
	if (THS_UNLIKELY(txn->special && !ths_txn_special_holds(cpu)))
		return THS_E_INTERNAL;
	if (THS_LIKELY(ths_core.cpus == 1)) {
		ths_txn_commit_alone(cpu);
	} else {
		call->binding = ths_ref_binding(call->ref);
		if (!ths_txn_commit(cpu))
			return OUTCOME_CONFLICT;
	}
	if (THS_UNLIKELY(txn->wakes || ths_somebody_waits_for_any()))
		ths_wake_committed(cpu);
	if (THS_UNLIKELY(txn->effects))
		ths_effects_perform(cpu);
	ths_txn_clear(txn);
	if (cpu->blob_state)
		ths_gate_blob_commit(cpu);
	cpu->arena_used = 0;
	if (THS_UNLIKELY(cpu->limbo_count >= LIMBO_MAX / 4))
		ths_pending(cpu, PENDING_RECLAIM);
	cpu->unframed = false;
	return 0;
}

/* ---- nesting --------------------------------------------------------------------------- */

static enum ths_err prepare_nested(struct ths_cpu *cpu, struct ths_call *call,
				   const struct request *request)
{
	enum ths_err err;

	THS_TRY(find_provider(cpu, call, request->ref, request->op));
	if (call->op->flags & THS_OP_DEVICE) {
		if (!(cpu->txn.flags & TXN_DEVICE))
			return THS_E_PERM; /* P9 */
		if (atomic_load(&call->instance->busy))
			return THS_E_BUSY;
		err = ths_device_enter(cpu, call);
		if (err == THS_E_STALE) {
			ths_device_leave(cpu, call, THS_OK);
			ths_txn_unwind(cpu, OUTCOME_CONFLICT);
		}
		THS_TRY(err);
	}
	call->copy = ths_arena_take(cpu, call->op->args_size);
	if (!call->copy)
		return THS_E_FULL;
	copy_args(call->copy, request->args, call->op->args_size);
	return call->op->flags & THS_OP_BLOB ? ths_gate_blob_enter(call) : THS_OK;
}

static enum ths_err finish_nested(struct ths_cpu *cpu, struct ths_call *call,
				  enum ths_err err)
{
	if (err == THS_OK && (err = ths_convert_overlays(cpu, &call->mark)) == THS_OK) {
		ths_txn_merge(cpu, &call->mark);
		copy_args(call->args, call->copy, call->op->out_size);
	} else {
		ths_txn_keep_reads(cpu, &call->mark);
		ths_txn_rollback(cpu, &call->mark);
	}
	if (call->blob_held)
		ths_gate_blob_leave(call, err == THS_OK);
	else if (call->blob_shared && call->blob_copy && err == THS_OK)
		ths_gate_blob_pass_up(cpu, call);
	if (call->device_held)
		ths_device_leave(cpu, call, err);
	return err;
}

static enum ths_err nested(struct ths_cpu *cpu, const struct request *request)
{
	struct ths_call *parent = cpu->call;
	struct ths_call *call = parent + 1;
	struct ths_instance *outer = cpu->serving;
	uint64_t outer_blob = cpu->blob_state;
	enum ths_err err;

	if (parent->depth + 1 >= DEPTH_MAX)
		return THS_E_DEPTH;
	call->depth = parent->depth + 1;
	call->ref = request->ref;
	call->args = request->args;
	call->blob = request->blob;
	call->op_number = request->op;
	call->op = NULL;
	call->blob_copy = NULL;
	call->blob_held = false;
	call->blob_shared = request->forwarded && request->blob;
	call->device_held = false;
	call->arena = cpu->arena_used;
	ths_txn_mark(&cpu->txn, &call->mark);
	err = prepare_nested(cpu, call, request);
	if (err == THS_OK) {
		cpu->txn.savepoint = cpu->txn.writes;
		cpu->call = call;
		cpu->serving = call->instance;
		parent->blob_held |= outer_blob != 0; /* should we be unwound */
		cpu->blob_state = 0;
		ths_instance_count(call->instance, cpu->number);
		err = believed_value(
			cpu, call,
			(int64_t)ths_arch_run(&call->frame, NULL, run_op, call));
		if (ths_err_is_fault(err) && cpu->fault.depth == call->depth &&
		    !(cpu->txn.flags & TXN_DEVICE) && ths_fault_may_be_mended(cpu))
			ths_txn_unwind(cpu, OUTCOME_FAULT); /* its parent is not to see it */
	}
	err = finish_nested(cpu, call, err);
	cpu->call = parent;
	cpu->serving = outer;
	cpu->blob_state = outer_blob == BLOB_READY && parent->blob_copy ? 2 : outer_blob;
	parent->blob_held &= !outer_blob;
	cpu->arena_used = call->arena;
	return err;
}

enum ths_err ths_gate_portable(struct ths_ref *ref, uint32_t op, void *args,
			       struct ths_blob *blob)
{
	struct ths_cpu *cpu = ths_cpu();
	struct request request = {.ref = ref, .args = args, .blob = blob, .op = op};
	enum ths_err err;

	if (!ref)
		return THS_E_INVAL;
	ths_arch_core_enter();
	ths_stack_check(cpu);
	err = ths_cpu_is_inside(cpu) ? nested(cpu, &request) : outermost(cpu, &request);
	ths_arch_core_leave();
	return err;
}

THS_WEAK enum ths_err ths_gate(struct ths_ref *ref, uint32_t op, void *args,
			       struct ths_blob *blob)
{
	return ths_gate_portable(ref, op, args, blob);
}

/* The operation in progress once more, nested in itself, for whoever @ref leads to. */
enum ths_err ths_gate_pass_on(struct ths_cpu *cpu, struct ths_ref *ref, uint32_t op)
{
	const struct ths_call *call = cpu->call;
	struct request request = {.ref = ref, .op = op, .forwarded = true};
	enum ths_err err;

	request.args = call == &cpu->calls[0] ? cpu->stack_top : call->copy;
	request.blob = ths_has_blob(cpu, call) ? call->blob : NULL;
	ths_arch_core_enter();
	ths_stack_check(cpu);
	err = nested(cpu, &request);
	ths_arch_core_leave();
	return err;
}

/* A call of an instance, not of a binding: a handler, a kick, start, recover. Depth 0;
 * never sleeps. */
enum ths_err ths_invoke(const struct ths_invoke *invoke)
{
	struct ths_cpu *cpu = ths_cpu();
	struct request request = {
		.invoke = invoke, .args = invoke->args, .op = invoke->op_number};
	enum ths_err err;

	ths_arch_core_enter();
	err = ths_cpu_is_inside(cpu) ? THS_E_PERM : outermost(cpu, &request);
	ths_arch_core_leave();
	return err;
}

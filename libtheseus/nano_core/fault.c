/*
 * fault - an exception in a module is an error of its operation; in nano_core, the end.
 *
 * Whose fault it is the interrupted code says: module text, an address that is nobody's
 * text (a wild jump can only come from a module), or nano_core's while it serves a module
 * on the module's own stack. The operation's recovery frame is taken up again with the
 * error; nothing of the module's stack is looked at.
 *
 * Invariants
 *   A1  Unwinding starts only where the stack is the operation's and no lock is held.
 *   A2  The machine stops only in ths_panic(), and says why (I6).
 */
#include <stdarg.h>
#include <theseus/fmt.h>
#include <theseus/string.h>
#include "nano_core/swap_impl.h"

bool ths_is_module_code(uint64_t pc)
{
#ifdef THS_HOST
	return ths_host_in_module(pc);
#else
	struct ths_arch_area area = ths_arch_module_area();

	return pc >= area.base && pc - area.base < area.size && !ths_is_meta_code(pc);
#endif
}

static enum ths_err error_of(enum ths_trap_kind kind)
{
	switch (kind) {
	case THS_TRAP_STACK:
		return THS_E_STACK;
	case THS_TRAP_ARITH:
		return THS_E_ARITH;
	case THS_TRAP_OPCODE:
		return THS_E_OPCODE;
	case THS_TRAP_PAGE:
	case THS_TRAP_OTHER:
		break;
	}
	return THS_E_FAULT;
}

/* By the operation's place: the assembly gate leaves op_number alone. */
static uint32_t operation_number(const struct ths_call *call)
{
	const struct instance_op *first = call->instance->op;

	return call->op >= first && call->op < first + OPS_MAX
		       ? (uint32_t)(call->op - first)
		       : call->op_number;
}

/* Counts a fault against @instance: it serves @call, or was called for it. */
void ths_fault_record(struct ths_cpu *cpu, struct ths_instance *instance,
		      const struct ths_call *call, enum ths_err err, uint64_t pc,
		      uint64_t addr)
{
	bool serves = call->instance == instance;

	cpu->fault = (struct fault){.instance = instance,
				    .life = ths_instance_life(instance),
				    .activity = atomic_load(&cpu->activity),
				    .pc = pc,
				    .addr = addr,
				    .err = err,
				    .op = serves ? operation_number(call) : 0,
				    .depth = serves ? (uint32_t)(call - cpu->calls) : 0,
				    .device = cpu->txn.flags & TXN_DEVICE,
				    .unlogged = true};
	memcpy(cpu->fault.name, instance->name, sizeof(cpu->fault.name));
	atomic_fetch_add(&instance->faults, 1);
	for (const struct ths_call *at = cpu->calls; at <= call; at++)
		if (at->instance == instance)
			atomic_fetch_add(&instance->in_vain, 1);
	ths_pending(cpu, PENDING_FAULT);
}

bool ths_fault_may_be_mended(const struct ths_cpu *cpu)
{
	const struct fault *fault = &cpu->fault;

	return fault->activity == cpu->activity && !cpu->resigned && !cpu->recovering &&
	       !ths_cpu_is_mending(cpu) && fault->instance->slot != 0 &&
	       fault->instance->state == THS_INSTANCE_BOUND;
}

/* A fault of @instance: recorded, and logged. */
void ths_fault_note_of(struct ths_cpu *cpu, struct ths_instance *instance, enum ths_err err,
		       uint64_t pc, uint64_t addr)
{
	char place[160];

	ths_fault_record(cpu, instance, cpu->call, err, pc, addr);
	if (ths_core.quiet_faults)
		return;
	(void)ths_place_format(place, sizeof(place), pc, 0);
	ths_logf("fault: %s, operation %u: %s, address 0x%llx, at %s", instance->name,
		 cpu->fault.op, ths_err_text(err), (unsigned long long)addr, place);
}

/* Of the module that runs. */
void ths_fault_note(struct ths_cpu *cpu, enum ths_err err, uint64_t pc, uint64_t addr)
{
	if (cpu->call->instance)
		ths_fault_note_of(cpu, cpu->call->instance, err, pc, addr);
}

static bool is_wild_jump(const struct ths_trap *trap)
{
	const char *function, *module;
	uint64_t offset;

	return trap->kind == THS_TRAP_PAGE && trap->addr == trap->pc &&
	       !ths_symbolize(trap->pc, &function, &offset, &module);
}

/* nano_core runs on the stack of operations only for an operation: a fault there came of
 * a pointer the module gave, unless a lock is held. */
static bool is_on_behalf(const struct ths_cpu *cpu, const struct ths_trap *trap)
{
	uint64_t top = (uint64_t)(uintptr_t)cpu->stack_top;

	return cpu->locks == 0 && trap->sp < top && top - trap->sp <= WORKSPACE_STACK;
}

static bool is_modules_fault(const struct ths_cpu *cpu, const struct ths_trap *trap)
{
	if (!cpu || !ths_cpu_is_inside(cpu))
		return false;
	return ths_is_module_code(trap->pc) || trap->kind == THS_TRAP_STACK ||
	       is_on_behalf(cpu, trap) || is_wild_jump(trap);
}

void ths_trap(const struct ths_trap *trap)
{
	struct ths_cpu *cpu = ths_cpu();
	enum ths_err err = error_of(trap->kind);
	struct ths_instance *meta = ths_meta_on_probation(trap->pc);

	if (cpu && meta) {
		ths_meta_fault(cpu, meta, err, trap->pc, trap->addr);
		ths_logf("panic: %s faulted %s", meta->name, ths_meta_why_not(cpu));
	} else if (is_modules_fault(cpu, trap)) {
		ths_fault_note(cpu, err, trap->pc, trap->addr);
		ths_arch_unwind(&cpu->call->frame, (uint64_t)(int64_t)err);
	}
	ths_logf("panic: exception %u, error 0x%llx, address 0x%llx, pc 0x%llx", trap->vector,
		 (unsigned long long)trap->error, (unsigned long long)trap->addr,
		 (unsigned long long)trap->pc);
	ths_arch_backtrace(trap);
	ths_arch_stop(THS_STOP_TEST, 0x33);
}

/* nano_core's own end: lists in nano_core(7) where this is called. */
void ths_panic(const char *fmt, ...)
{
	char text[160];
	va_list args;

	va_start(args, fmt);
	(void)ths_vformat(text, sizeof(text), fmt, args);
	va_end(args);
	ths_logf("panic: %s", text);
	ths_arch_stop(THS_STOP_TEST, 0x33);
}

void ths_stop(enum ths_stop how, uint32_t code)
{
	ths_arch_stop(how, code);
}

/* The stack of operations grows down from cpu->stack_top, task stacks elsewhere. */
void ths_stack_check(struct ths_cpu *cpu)
{
#ifndef THS_HOST
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uintptr_t top = (uintptr_t)cpu->stack_top;

	if (ths_cpu_is_inside(cpu) && here < top && top - here < WORKSPACE_STACK &&
	    top - here > WORKSPACE_STACK - STACK_SLACK) {
		ths_fault_note(cpu, THS_E_STACK, cpu->call->op ? (uint64_t)(uintptr_t)
							 cpu->call->op->fn : 0, here);
		ths_arch_unwind(&cpu->call->frame, (uint64_t)(int64_t)THS_E_STACK);
	}
#else
	(void)cpu;
#endif
}

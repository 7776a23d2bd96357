/*
 * traps - what an exception means, and what an interrupt leads to.
 *
 * An exception is, in this order: caught by the exception table; nano_core's to judge
 * (ths_trap()); or the end, when it struck before there was a nano_core or inside the
 * handling of another. A second exception on the fault stack has overwritten the frame of
 * the first, so there is nothing to go back to: it is printed, and the machine stops.
 *
 * Kinds: a page fault at an absent page of the stack area is an overrun (stacks there
 * have nothing but holes around them); #GP and #SS with error code 0 are non-canonical
 * addresses, as a module has no other way to cause them (theseus-check keeps privileged
 * instructions out), and the processor does not say which address it was.
 */
#include "x86.h"

extern const struct {
	uint64_t at, go_on;
} ths_x86_extable_start[], ths_x86_extable_end[];

static bool caught(struct ths_x86_regs *regs)
{
	if (regs->vector != X86_VEC_PAGE && regs->vector != X86_VEC_GENERAL &&
	    regs->vector != X86_VEC_STACK)
		return false;
	for (unsigned i = 0; &ths_x86_extable_start[i] < ths_x86_extable_end; i++) {
		if (ths_x86_extable_start[i].at == regs->rip) {
			regs->rip = ths_x86_extable_start[i].go_on;
			return true;
		}
	}
	return false;
}

static enum ths_trap_kind kind_of(const struct ths_x86_regs *regs, uint64_t addr)
{
	switch (regs->vector) {
	case X86_VEC_PAGE:
		if (!(regs->error & 1) && addr - X86_STACK_BASE < X86_STACK_SIZE)
			return THS_TRAP_STACK;
		return THS_TRAP_PAGE;
	case X86_VEC_GENERAL:
	case X86_VEC_STACK:
		return regs->error == 0 ? THS_TRAP_PAGE : THS_TRAP_OTHER;
	case X86_VEC_DIVIDE:
	case X86_VEC_OVERFLOW:
		return THS_TRAP_ARITH;
	case X86_VEC_OPCODE:
		return THS_TRAP_OPCODE;
	default:
		return THS_TRAP_OTHER;
	}
}

static bool nested(const struct ths_x86_regs *regs)
{
	return regs->vector != X86_VEC_DOUBLE && regs->vector != X86_VEC_NMI &&
	       regs->vector != X86_VEC_MACHINE && regs->vector != X86_VEC_DEBUG &&
	       ths_x86_on_ist(X86_IST_FAULT, regs->rsp);
}

void ths_x86_exception(struct ths_x86_regs *regs)
{
	struct ths_trap trap = {
		.vector = (uint32_t)regs->vector,
		.error = regs->error,
		.pc = regs->rip,
		.sp = regs->rsp,
		.fp = regs->rbp,
		.regs = regs,
	};

	if (regs->vector == X86_VEC_NMI && ths_x86_is_stopping())
		ths_x86_halt();
	if (caught(regs))
		return;
	if (regs->vector == X86_VEC_PAGE)
		__asm__ volatile("movq %%cr2, %0" : "=r"(trap.addr));
	trap.kind = kind_of(regs, trap.addr);
	if (ths_x86_cpu_ready && !nested(regs)) {
		ths_trap(&trap);
		return;
	}
	ths_x86_print(ths_x86_cpu_ready ? "panic: a fault while handling a fault\n"
					: "panic: a fault before nano_core was up\n");
	ths_arch_backtrace(&trap);
	ths_arch_stop(THS_STOP_TEST, 0x33);
}

/* Whether nano_core has taken this CPU: before, it waits for that (smp.c). */
static bool has_record(void)
{
	return ths_x86_cpu_number() == 0 || ths_x86_rdmsr(X86_MSR_GS_BASE) != 0;
}

/* True: the interrupted code was at depth 0, go on to ths_work(). */
bool ths_x86_interrupt(struct ths_x86_regs *regs)
{
	const unsigned vector = (unsigned)regs->vector;

	switch (vector) {
	case X86_VEC_SPURIOUS:
		return false;
	case X86_VEC_TICK:
		ths_x86_lapic_eoi();
		ths_tick(regs->rip);
		break;
	case X86_VEC_KICK:
		ths_x86_lapic_eoi();
		break;
	case X86_VEC_FLUSH:
		ths_x86_flush_serve();
		ths_x86_lapic_eoi();
		return false;
	default:
		if (ths_x86_pic_tick_ack(vector))
			ths_tick(regs->rip);
		else
			ths_irq(vector);
		break;
	}
	return has_record() && ths_cpu_is_idle();
}

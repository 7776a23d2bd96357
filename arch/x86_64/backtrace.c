/*
 * backtrace - the registers of a trap, and the calls that led to it.
 *
 * Follows frame pointers, which lie on a stack that may be the very thing that broke:
 * each is looked up in the page tables before it is read, must be aligned, and their
 * number is bounded. Code built without frame pointers (modules) is skipped over to
 * whoever called it with one. The pc of a caller is the one after its call; one byte less
 * names the line.
 */
#include "x86.h"

#define FRAMES_MAX 24u

static void field(const char *name, uint64_t value)
{
	ths_x86_print(name);
	ths_x86_print_hex(value, 16);
}

static void registers(const struct ths_trap *trap, const struct ths_x86_regs *regs)
{
	field("  rip ", regs->rip);
	field("  rsp ", regs->rsp);
	field("  rfl ", regs->rflags);
	field("\n  rax ", regs->rax);
	field("  rbx ", regs->rbx);
	field("  rcx ", regs->rcx);
	field("\n  rdx ", regs->rdx);
	field("  rsi ", regs->rsi);
	field("  rdi ", regs->rdi);
	field("\n  rbp ", regs->rbp);
	field("  r8  ", regs->r8);
	field("  r9  ", regs->r9);
	field("\n  r10 ", regs->r10);
	field("  r11 ", regs->r11);
	field("  r12 ", regs->r12);
	field("\n  r13 ", regs->r13);
	field("  r14 ", regs->r14);
	field("  r15 ", regs->r15);
	ths_x86_print("\n  vector ");
	ths_x86_print_dec(trap->vector);
	ths_x86_print("  error 0x");
	ths_x86_print_hex(trap->error, 4);
	field("  addr ", trap->addr);
	ths_x86_print("\n");
}

static void line(unsigned number, uint64_t pc, uint64_t lookup)
{
	const char *function, *module;
	uint64_t offset;

	ths_x86_print("  #");
	ths_x86_print_dec(number);
	field(" 0x", pc);
	if (ths_x86_cpu_ready && ths_symbolize(lookup, &function, &offset, &module)) {
		offset += pc - lookup;
		ths_x86_print(" ");
		ths_x86_print(function);
		ths_x86_print("+0x");
		ths_x86_print_hex(offset, offset > 0xffff ? 8 : 4);
		if (module) {
			ths_x86_print(" [");
			ths_x86_print(module);
			ths_x86_print("]");
		}
	}
	ths_x86_print("\n");
}

/* Whether the two words of a stack frame can be read at @fp. */
static bool readable(uint64_t fp)
{
	ths_paddr_t paddr;
	enum ths_prot prot;

	return fp % 8 == 0 && ths_arch_lookup(fp, &paddr, &prot) &&
	       prot != THS_PROT_NONE && ths_arch_lookup(fp + 8, &paddr, &prot) &&
	       prot != THS_PROT_NONE;
}

void ths_arch_backtrace(const struct ths_trap *trap)
{
	uint64_t fp = trap->fp;

	if (trap->regs)
		registers(trap, trap->regs);
	line(0, trap->pc, trap->pc);
	for (unsigned i = 1; i < FRAMES_MAX && readable(fp); i++) {
		const uint64_t *frame = (const uint64_t *)fp;

		if (frame[1] == 0)
			break;
		line(i, frame[1], frame[1] - 1);
		fp = frame[0];
	}
}

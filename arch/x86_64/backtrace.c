/*
 * backtrace - the registers of a trap, and the calls that led to it.
 *
 * Two ways of finding callers, as modules and the library's leaf functions are built
 * without frame pointers. Between the stack pointer and the innermost frame, words that
 * look like return addresses (into code, behind a call instruction) are listed with a
 * `?`: most are, some are left over from calls that have returned. From the innermost
 * frame on the frame pointers are followed. Both read a stack that may be the very thing
 * that broke, so each page is looked up before it is read, and the number of lines is
 * bounded. A frame that does not return into text
 * ends the list. The pc of a caller is the one after its call; one byte less is inside
 * the right function.
 */
#include "x86.h"

#define LINES_MAX 24u
#define SCAN_MAX  4096u /* bytes of stack, when no frame is near */
#define NEAR      4096u

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

/* @back: 1 for a return address, 0 for the trap's own. */
static void line(unsigned number, const char *mark, uint64_t pc, unsigned back)
{
	char place[160];

	ths_x86_print("  #");
	ths_x86_print_dec(number);
	ths_x86_print(mark);
	if (ths_x86_cpu_ready) {
		(void)ths_place_format(place, sizeof(place), pc, back);
		ths_x86_print(place);
	} else {
		field("0x", pc);
	}
	ths_x86_print("\n");
}

/* Whether @len bytes, not more than a page, can be read at @at. */
static bool readable(uint64_t at, uint64_t len)
{
	ths_paddr_t paddr;
	enum ths_prot prot;

	return ths_arch_lookup(at, &paddr, &prot) && prot != THS_PROT_NONE &&
	       ths_arch_lookup(at + len - 1, &paddr, &prot) && prot != THS_PROT_NONE;
}

static bool is_text(uint64_t pc)
{
	ths_paddr_t paddr;
	enum ths_prot prot;

	return ths_arch_lookup(pc - 1, &paddr, &prot) && prot == THS_PROT_RX;
}

/* The opcodes of a near call: e8 with 4 bytes to come, or ff /2 with 0 to 5. */
static bool follows_a_call(uint64_t pc)
{
	const uint8_t *end = (const uint8_t *)pc;

	if (!readable(pc - 7, 7))
		return false;
	if (end[-5] == 0xe8)
		return true;
	for (unsigned len = 2; len <= 7; len++)
		if (len != 5 && *(end - len) == 0xff && (*(end - len + 1) >> 3 & 7) == 2)
			return true;
	return false;
}

static bool is_return_address(uint64_t pc)
{
	const char *function, *module;
	uint64_t offset;
	const bool in_image =
		pc > (uint64_t)ths_x86_text_start && pc <= (uint64_t)ths_x86_text_end;

	return (in_image || ths_symbolize(pc - 1, &function, &offset, &module)) &&
	       follows_a_call(pc);
}

static unsigned scan(uint64_t from, uint64_t to, unsigned number)
{
	for (uint64_t at = from; at < to && readable(at, 8); at += 8) {
		const uint64_t word = *(const uint64_t *)at;

		if (number < LINES_MAX && is_return_address(word))
			line(number++, " ? ", word, 1);
	}
	return number;
}

void ths_arch_backtrace(const struct ths_trap *trap)
{
	const uint64_t sp = (trap->sp + 7) & ~7ul;
	uint64_t fp = trap->fp;
	unsigned number = 1;

	if (trap->regs)
		registers(trap, trap->regs);
	line(0, " ", trap->pc, 0);
	if (ths_x86_cpu_ready)
		number = scan(sp, fp - sp < NEAR ? fp : sp + SCAN_MAX, number);
	for (; number < LINES_MAX && fp % 8 == 0 && readable(fp, 16); number++) {
		const uint64_t *frame = (const uint64_t *)fp;

		if (!is_text(frame[1]) || frame[0] == fp)
			break;
		line(number, " ", frame[1], 1);
		fp = frame[0];
	}
}

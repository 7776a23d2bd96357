/*
 * Every exception arrives as what it is, and can be given up or gone on from.
 */
#include "harness.h"

static uint64_t read_at(void *at)
{
	return *(volatile uint64_t *)at;
}

static uint64_t write_at(void *at)
{
	*(volatile uint8_t *)at = 0x90;
	return 0;
}

static uint64_t call_at(void *at)
{
	return ((uint64_t(*)(void *))at)(NULL);
}

static uint64_t divide(void *arg)
{
	uint64_t low = 1, high = 0;

	__asm__ volatile("divq %2" : "+a"(low), "+d"(high) : "r"((uint64_t)arg));
	return low;
}

static uint64_t undefined(void *arg)
{
	__asm__ volatile("ud2");
	return (uint64_t)arg;
}

static uint64_t sse(void *arg)
{
	__asm__ volatile("xorps %%xmm0, %%xmm0" : : "r"(arg));
	return 0;
}

static uint64_t bad_selector(void *arg)
{
	__asm__ volatile("movw %w0, %%fs" : : "r"(arg));
	return 0;
}

static uint64_t push_nowhere(void *arg)
{
	__asm__ volatile("movq %0, %%rsp; pushq %%rax" : : "r"(arg) : "memory");
	return 0;
}

static bool pages_fault_as_pages(void)
{
	return traps_as(THS_TRAP_PAGE, read_at, (void *)0x10) && seen.last.addr == 0x10 &&
	       traps_as(THS_TRAP_PAGE, read_at, (void *)0xffffffffb8000000) &&
	       seen.last.addr == 0xffffffffb8000000 && seen.last.vector == X86_VEC_PAGE;
}

/* Two instructions so short that no exception can be anywhere else. */
static bool pc_is_told(void)
{
	return traps_as(THS_TRAP_OPCODE, undefined, NULL) &&
	       seen.last.pc - (uint64_t)undefined < 32 &&
	       seen.last.sp - ((uint64_t)test_stack() - 256) < 256;
}

static bool unwound_a_thousand_times(void)
{
	for (unsigned i = 0; i < 1000; i++)
		if (!traps_as(THS_TRAP_PAGE, write_at, NULL) ||
		    !ths_x86_on_ist(X86_IST_FAULT, seen.trap_stack))
			return false;
	return true;
}

/* The #PF and #GP gates are put out of reach, so a fault cannot be delivered: #DF. */
static uint64_t double_fault(void *arg)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} THS_PACKED idt;

	__asm__ volatile("sidt %0" : "=m"(idt));
	idt.limit = (X86_VEC_DOUBLE + 1) * 16 - 1;
	__asm__ volatile("cli; lidt %0" : : "m"(idt));
	return read_at(arg);
}

static bool double_fault_arrives(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} THS_PACKED idt;
	bool good;

	__asm__ volatile("sidt %0" : "=m"(idt));
	good = traps_as(THS_TRAP_OTHER, double_fault, NULL);
	__asm__ volatile("lidt %0" : : "m"(idt));
	return good && seen.last.vector == X86_VEC_DOUBLE &&
	       ths_x86_on_ist(X86_IST_DOUBLE, seen.trap_stack);
}

/* `int n` for the vectors that push no error code; each must be told and gone on from. */
#define SOFT(n)                                                                          \
	do {                                                                             \
		const unsigned before = seen.traps;                                      \
		__asm__ volatile("int $" #n : : : "memory");                             \
		good = good && seen.traps == before + 1 && seen.last.vector == n;        \
	} while (0)

static bool every_vector_arrives(void)
{
	bool good = true;

	on_trap = RESUME;
	SOFT(0);
	SOFT(1);
	SOFT(2);
	SOFT(3);
	SOFT(4);
	good = good && seen.last.kind == THS_TRAP_ARITH;
	SOFT(5);
	SOFT(6);
	SOFT(7);
	SOFT(9);
	SOFT(15);
	SOFT(16);
	SOFT(18);
	SOFT(19);
	SOFT(20);
	SOFT(22);
	SOFT(23);
	SOFT(24);
	SOFT(25);
	SOFT(26);
	SOFT(27);
	SOFT(28);
	SOFT(31);
	on_trap = PANIC;
	return good;
}

static bool own_stacks(void)
{
	bool good;

	on_trap = RESUME;
	__asm__ volatile("int $2");
	good = ths_x86_on_ist(X86_IST_NMI, seen.trap_stack);
	__asm__ volatile("int $18");
	good = good && ths_x86_on_ist(X86_IST_MACHINE, seen.trap_stack);
	__asm__ volatile("int $1");
	good = good && ths_x86_on_ist(X86_IST_DEBUG, seen.trap_stack);
	on_trap = PANIC;
	return good;
}

static bool single_step_goes_on(void)
{
	const unsigned before = seen.traps;

	on_trap = RESUME;
	__asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; nop; pushfq; "
			 "andl $~0x100, (%%rsp); popfq"
			 :
			 :
			 : "memory", "cc");
	on_trap = PANIC;
	return seen.traps > before && seen.last.vector == X86_VEC_DEBUG;
}

/* All registers but the stack pointer hold 1..15 across a trap that goes on. */
static bool registers_survive(void)
{
	uint64_t wrong;

	on_trap = RESUME;
	HOLD_REGISTERS("int3", wrong);
	on_trap = PANIC;
	return wrong == 0;
}

static bool copies_are_caught(void)
{
	static uint8_t from[64], into[64];
	void *const nowhere = (void *)0x10, *const strange = (void *)0x8000000000000000;

	for (unsigned i = 0; i < sizeof(from); i++)
		from[i] = (uint8_t)(i + 1);
	for (size_t len = 0; len < sizeof(from); len++) {
		for (size_t i = 0; i < sizeof(into); i++)
			into[i] = 0;
		if (ths_arch_copy(into, from, len) != THS_OK || into[len] != 0)
			return false;
		for (size_t i = 0; i < len; i++)
			if (into[i] != from[i])
				return false;
	}
	return ths_arch_copy(into, nowhere, 8) == THS_E_FAULT &&
	       ths_arch_copy(nowhere, from, 3) == THS_E_FAULT &&
	       ths_arch_copy(into, strange, 17) == THS_E_FAULT &&
	       ths_arch_copy(strange, from, 1) == THS_E_FAULT &&
	       ths_arch_copy(nowhere, strange, 0) == THS_OK;
}

void test_traps(void)
{
	static uint8_t data[16] = {0xc3};
	static const uint8_t constant[16] = {1};

	ths_arch_irq_restore(true);
	check(pages_fault_as_pages(),
	      "reading what is not mapped is a page fault, address told");
	check(traps_as(THS_TRAP_PAGE, read_at, (void *)0x8000000000000000) &&
		      seen.last.vector == X86_VEC_GENERAL,
	      "a non-canonical address is a page fault too");
	check(traps_as(THS_TRAP_PAGE, call_at, (void *)0x8000000000000000),
	      "a call to a non-canonical address is a page fault");
	check(traps_as(THS_TRAP_PAGE, push_nowhere, (void *)0x8000000000000000),
	      "a push to a non-canonical address is a page fault");
	check(traps_as(THS_TRAP_PAGE, write_at, (void *)(uint64_t)write_at) &&
		      seen.last.error == 3,
	      "text cannot be written");
	check(traps_as(THS_TRAP_PAGE, write_at, (void *)(uint64_t)constant) &&
		      seen.last.error == 3,
	      "rodata cannot be written");
	check(traps_as(THS_TRAP_PAGE, call_at, data) && seen.last.error == 0x11 &&
		      seen.last.pc == (uint64_t)data,
	      "data cannot be executed");
	check(traps_as(THS_TRAP_ARITH, divide, NULL),
	      "a division by zero is an arithmetic trap");
	check(traps_as(THS_TRAP_OPCODE, undefined, NULL),
	      "ud2 is an invalid instruction");
	check(traps_as(THS_TRAP_OPCODE, sse, NULL),
	      "an SSE instruction is an invalid one");
	check(traps_as(THS_TRAP_OTHER, bad_selector, (void *)0x1238) &&
		      seen.last.error == 0x1238,
	      "a bad selector is some other trap, error code told");
	check(pc_is_told(), "where it happened, and on which stack, is told");
	check(unwound_a_thousand_times(),
	      "a thousand faults leave the fault stack as it was");
	check(double_fault_arrives(), "a double fault arrives on its own stack");
	check(every_vector_arrives(),
	      "every exception vector arrives and can be gone on from");
	check(own_stacks(), "NMI, machine check and debug have their own stacks");
	check(single_step_goes_on(), "single steps go on");
	check(registers_survive(), "a trap that goes on keeps every register");
	check(copies_are_caught(),
	      "ths_arch_copy() copies, and reports a fault on either side");
}

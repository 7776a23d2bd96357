/*
 * harness - boots, runs every test, and leaves through isa-debug-exit.
 */
#include "harness.h"

static uint64_t cpu_record[8];
static THS_ALIGNED(16) uint8_t stack[16384];
static unsigned passed, failed;

struct seen seen;
enum reaction on_trap;
volatile unsigned ticks, works, irqs[X86_VECTORS];
volatile uint64_t tick_pc;
volatile bool idle_now;
bool timed;
struct ths_frame *volatile tick_unwinds;
void (*volatile work)(void);
unsigned pages_out, pages_allow = 1000;

static struct ths_frame trap_frame;

void say(const char *text)
{
	ths_x86_print(text);
}

void check(bool holds, const char *name)
{
	if (holds)
		passed++;
	else
		failed++;
	say(holds ? "ok " : "not ok ");
	ths_x86_print_dec(passed + failed);
	say(" - ");
	say(name);
	say("\n");
}

/* ---- upcalls ------------------------------------------------------------------------- */

void ths_trap(const struct ths_trap *trap)
{
	seen.traps++;
	seen.last = *trap;
	seen.flag_set = interrupts_are_on();
	seen.trap_stack = (uint64_t)__builtin_frame_address(0);
	if (on_trap == TRACE)
		ths_arch_backtrace(trap);
	if (on_trap == FAULT)
		__asm__ volatile("ud2");
	if (on_trap == TRACE || on_trap == RESUME)
		return;
	if (on_trap == UNWIND)
		ths_arch_unwind(&trap_frame, UNWOUND);
	say("panic: a trap nobody asked for\n");
	ths_arch_backtrace(trap);
	ths_arch_stop(THS_STOP_TEST, 0x33);
}

void ths_tick(uint64_t pc)
{
	struct ths_frame *frame = tick_unwinds;

	ticks++;
	tick_pc = pc;
	tick_unwinds = NULL;
	if (frame)
		ths_arch_unwind(frame, UNWOUND);
}

void ths_irq(unsigned vector)
{
	irqs[vector]++;
}

void ths_cpu_enter(unsigned number)
{
	(void)number; /* nobody asks for other CPUs */
}

bool ths_cpu_is_idle(void)
{
	return idle_now;
}

/* gate.S comes with the linker script, and leads to these; nobody calls it here. */
void ths_gate_portable(void);
void ths_gate_conclude(void);
void ths_gate_commit(void);
void ths_gate_pending(void);
void ths_gate_wake(void);
void ths_blob_body(void);
void ths_blob_body_tagged(void);
void ths_gate_blob_commit(void);
void ths_row_read_(void);
void ths_row_write_(void);
extern char ths_core[];
char ths_core[8 + 16384 + 16];

void ths_gate_portable(void)
{
}
void ths_gate_conclude(void)
{
}
void ths_gate_commit(void)
{
}
void ths_gate_pending(void)
{
}
void ths_gate_wake(void)
{
}
void ths_blob_body(void)
{
}
void ths_blob_body_tagged(void)
{
}
void ths_gate_blob_commit(void)
{
}
void ths_row_read_(void)
{
}
void ths_row_write_(void)
{
}

void ths_work(void)
{
	works++;
	if (work)
		work();
}

/* Pages come off the free memory in order; given back, they go on a chain. */
static ths_paddr_t fresh, fresh_end, chain;

bool ths_page_alloc(ths_paddr_t *paddr)
{
	uint64_t *page;

	if (pages_allow == 0)
		return false;
	pages_allow--;
	pages_out++;
	*paddr = chain ? chain : fresh;
	page = ths_arch_direct(*paddr);
	if (chain)
		chain = page[0];
	else
		fresh += THS_PAGE_SIZE;
	for (unsigned i = 0; i < 512; i++)
		page[i] = 0;
	return true;
}

void ths_page_free(ths_paddr_t paddr)
{
	*(ths_paddr_t *)ths_arch_direct(paddr) = chain;
	chain = paddr;
	pages_out--;
}

ths_paddr_t frame_alloc(void)
{
	fresh_end -= THS_PAGE_SIZE;
	return fresh_end;
}

/* ---- helpers ------------------------------------------------------------------------- */

bool interrupts_are_on(void)
{
	uint64_t flags;

	__asm__ volatile("pushfq; popq %0" : "=r"(flags));
	return flags & X86_RFLAGS_IF;
}

void *test_stack(void)
{
	return stack + sizeof(stack);
}

bool traps_as(enum ths_trap_kind kind, uint64_t (*fn)(void *), void *arg)
{
	return traps_on(test_stack(), kind, fn, arg);
}

bool traps_on(void *stack_top, enum ths_trap_kind kind, uint64_t (*fn)(void *), void *arg)
{
	const unsigned before = seen.traps;
	uint64_t value;

	on_trap = UNWIND;
	value = ths_arch_run(&trap_frame, stack_top, fn, arg);
	on_trap = PANIC;
	return value == UNWOUND && seen.traps == before + 1 && seen.last.kind == kind &&
	       !seen.flag_set && interrupts_are_on();
}

/* Command lines that end the machine in some other way, for the script to look at. */
static void end(const char *how)
{
	switch (how[0] == 'e' && how[1] == '=' ? how[2] : 0) {
	case 'o':
		ths_arch_stop(THS_STOP_OFF, 0);
	case 'r':
		ths_arch_stop(THS_STOP_REBOOT, 0);
	case 'h':
		ths_arch_stop(THS_STOP_HALT, 0);
	case 't': /* ths_cpu() is not set: a trap before nano_core is up */
		__asm__ volatile("ud2");
		break;
	case 'n': /* a trap while one is handled */
		ths_arch_cpu_set((struct ths_cpu *)cpu_record);
		on_trap = FAULT;
		__asm__ volatile("int3");
		break;
	case 'p': /* a trap nobody asked for */
		ths_arch_cpu_set((struct ths_cpu *)cpu_record);
		__asm__ volatile("ud2");
		break;
	default:
		break;
	}
}

void ths_boot(const struct ths_boot_info *info)
{
	const struct ths_boot_range *last = &info->free[info->ranges - 1];

	cpu_record[0] = (uint64_t)cpu_record;
	end(info->cmdline);
	ths_arch_cpu_set((struct ths_cpu *)cpu_record);
	check((void *)ths_cpu() == cpu_record, "ths_cpu() is the record that was set");
	fresh = last->base;
	fresh_end = (last->base + last->size) &
		    ~0x1ffffful; /* in the direct map's big pages */
	test_boot(info);
	test_run_early();
	test_traps();
	test_run();
	test_paging();
	test_interrupts();
	say("theseus: ");
	ths_x86_print_dec(passed);
	say(" passed, ");
	ths_x86_print_dec(failed);
	say(" failed\n");
	ths_arch_stop(THS_STOP_TEST, 0x2a);
}

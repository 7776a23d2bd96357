/*
 * Recovery frames, contexts, and the backtrace through both.
 */
#include <theseus/fmt.h>

#include "harness.h"

static struct ths_frame outer_frame, inner_frame;

static uint64_t where(void *arg)
{
	(void)arg;
	return (uint64_t)__builtin_frame_address(0);
}

static uint64_t give_up_outer(void *arg)
{
	ths_arch_unwind(&outer_frame, (uint64_t)arg);
}

static uint64_t run_inside(void *arg)
{
	return ths_arch_run(&inner_frame, NULL, give_up_outer, arg);
}

static uint64_t clobber(void *arg)
{
	__asm__ volatile(
		"movq $-1, %%rbx; movq $-1, %%r12; movq $-1, %%r13; movq $-1, %%r14; "
		"movq $-1, %%r15"
		:
		:
		: "rbx", "r12", "r13", "r14", "r15");
	return give_up_outer(arg);
}

static bool runs_where_told(void)
{
	const uint64_t top = (uint64_t)test_stack();
	const uint64_t here = (uint64_t)__builtin_frame_address(0);

	return top - ths_arch_run(&outer_frame, test_stack(), where, NULL) < 64 &&
	       here - ths_arch_run(&outer_frame, NULL, where, NULL) < 512;
}

static bool saved_registers_survive(void)
{
	uint64_t wrong;

	__asm__ volatile("movq $21, %%rbx; movq $22, %%r12; movq $23, %%r13\n"
			 "movq $24, %%r14; movq $25, %%r15\n"
			 "call ths_arch_run\n"
			 "subq $9, %%rax; xorq $21, %%rbx; orq %%rbx, %%rax\n"
			 "xorq $22, %%r12; orq %%r12, %%rax; xorq $23, %%r13\n"
			 "orq %%r13, %%rax; xorq $24, %%r14; orq %%r14, %%rax\n"
			 "xorq $25, %%r15; orq %%r15, %%rax\n"
			 : "=a"(wrong)
			 : "D"(&outer_frame), "S"(test_stack()), "d"(clobber), "c"(9)
			 : "rbx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
			   "memory", "cc");
	return wrong == 0;
}

/* ---- contexts ------------------------------------------------------------------------ */

static struct ths_arch_context main_context, ping, pong;
static THS_ALIGNED(16) uint8_t ping_stack[8192], pong_stack[8192];
static unsigned turns, wrong_turns;
static bool started_on;

static void player(void *arg)
{
	const unsigned mine = (unsigned)(uint64_t)arg;

	started_on = interrupts_are_on();
	ths_arch_irq_save();
	for (;;) {
		if (turns % 2 != mine)
			wrong_turns++;
		turns++;
		if (turns == 1000)
			ths_arch_switch(mine ? &pong : &ping, &main_context);
		else
			ths_arch_switch(mine ? &pong : &ping, mine ? &ping : &pong);
	}
}

static bool contexts_take_turns(void)
{
	ths_arch_context_init(&ping, ping_stack + sizeof(ping_stack), player, (void *)0);
	ths_arch_context_init(&pong, pong_stack + sizeof(pong_stack), player, (void *)1);
	ths_arch_irq_save();
	ths_arch_switch(&main_context, &ping);
	const bool off = !interrupts_are_on();

	ths_arch_irq_restore(true);
	return turns == 1000 && wrong_turns == 0 && off && started_on;
}

/* ---- backtrace: the script looks for what this prints -------------------------------- */

/* Without a frame of its own, as modules are. */
static THS_NOINLINE uint64_t leaf(void *arg)
{
	__asm__ volatile("int3");
	return (uint64_t)arg;
}

static THS_NOINLINE uint64_t caller(void *arg)
{
	return leaf(arg) + 1;
}

bool ths_symbolize(uint64_t pc, const char **function, uint64_t *offset,
		   const char **module)
{
	static const struct {
		uint64_t (*at)(void *);
		const char *name, *module;
	} known[] = {{leaf, "leaf", "some.module"}, {caller, "caller", NULL}};

	for (unsigned i = 0; i < THS_ARRAY_SIZE(known); i++) {
		*offset = pc - (uint64_t)known[i].at;
		if (*offset < 16) {
			*function = known[i].name;
			*module = known[i].module;
			return true;
		}
	}
	return false;
}

size_t ths_place_format(char *buf, size_t size, uint64_t pc, unsigned back)
{
	const char *function, *module;
	uint64_t offset;

	if (!ths_symbolize(pc - back, &function, &offset, &module))
		return ths_format(buf, size, "0x%016lx", pc);
	return ths_format(buf, size, "0x%016lx %s+0x%lx%s%s", pc, function, offset + back,
			  module ? " in " : "", module ? module : "");
}

static uint64_t traced(void *arg)
{
	on_trap = TRACE;
	const uint64_t value = caller(arg);

	on_trap = PANIC;
	return value;
}

void test_run_early(void)
{
	check(ths_arch_run(&outer_frame, test_stack(), give_up_outer, (void *)5) == 5 &&
		      !interrupts_are_on(),
	      "giving up during boot leaves interrupts off");
}

void test_run(void)
{
	check(runs_where_told(),
	      "ths_arch_run() runs on the stack it is given, or stays");
	check(ths_arch_run(&outer_frame, test_stack(), run_inside, (void *)77) == 77,
	      "an outer frame can be given up from inside an inner one");
	check(saved_registers_survive(), "giving up restores the callee-saved registers");
	check(contexts_take_turns(),
	      "two contexts take turns, and start with interrupts on");
	say("# backtrace\n");
	check(ths_arch_run(&outer_frame, test_stack(), traced, (void *)4) == 5,
	      "a backtrace is printed");
}

/*
 * gdt - segments, the task state and a stack for every kind of trap.
 *
 * Every vector switches to a stack of the interrupt stack table: a trap must find a sound
 * stack whatever the interrupted code did to its own, and (later, with protection keys)
 * one in a key that is never denied. Interrupts never nest, so one stack serves them all;
 * exceptions have another, since a tick or a handler may fault; the four that may strike
 * inside either have their own. Below each stack lies a page that is never mapped.
 *
 * Each CPU has a task state and stacks of its own, and all share one table; so the task
 * register says which CPU it is. The first one's stacks are in the image, the others' are
 * mapped when there are others.
 *
 * Nothing here changes once loaded: accessed and busy bits are set beforehand, so the
 * tables can be made read-only (.ths.sealed).
 */
#include "paging.h"

struct small_stack {
	uint8_t guard[THS_PAGE_SIZE];
	uint8_t stack[X86_IST_SMALL];
};

struct large_stack {
	uint8_t guard[THS_PAGE_SIZE];
	uint8_t stack[X86_IST_LARGE];
};

struct trap_stacks {
	struct large_stack interrupt, fault;
	struct small_stack twice, nmi, machine, debug;
};

/* What a CPU but the first has; it idles on a stack of its own. */
struct other_stacks {
	struct trap_stacks trap;
	struct large_stack idle;
};
_Static_assert(sizeof(struct other_stacks) <= X86_OTHERS_ROOM, "the room of each");

static THS_ALIGNED(4096) struct trap_stacks first_stacks;

#define STACK(member)                                                                    \
	{                                                                                \
		offsetof(struct other_stacks, member.guard),                             \
			offsetof(struct other_stacks, member.stack),                     \
			sizeof(((struct other_stacks *)NULL)->member.stack)              \
	}

/* By enum ths_x86_ist, less 1; the last is no IST stack. */
static const struct {
	uint32_t guard, stack, size;
} place[X86_IST_COUNT] = {
	STACK(trap.interrupt), STACK(trap.fault), STACK(trap.twice), STACK(trap.nmi),
	STACK(trap.machine),   STACK(trap.debug), STACK(idle),
};

static uint64_t stacks_of(unsigned cpu)
{
	return cpu == 0 ? (uint64_t)&first_stacks
			: X86_OTHERS_BASE + (cpu - 1) * X86_OTHERS_ROOM;
}

static uint64_t stack_end(unsigned cpu, unsigned which)
{
	return stacks_of(cpu) + place[which].stack + place[which].size;
}

/* Intel SDM 3A, 8.7 */
struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_bitmap;
} THS_PACKED;

static THS_SECTION(".ths.sealed") struct tss tss[THS_CPU_MAX];
static THS_SECTION(".ths.sealed") THS_ALIGNED(16) uint64_t gdt[3 + 2 * THS_CPU_MAX] = {
	0,
	0x00af9b000000ffff, /* code: 64 bits, accessed */
	0x00cf93000000ffff, /* data: accessed */
	/* from here on task states, which take two each */
};

static void describe(unsigned cpu)
{
	const uint64_t base = (uint64_t)&tss[cpu];

	tss[cpu].io_bitmap = sizeof(struct tss);
	for (unsigned i = 0; i < X86_IST_COUNT - 1; i++)
		tss[cpu].ist[i] = stack_end(cpu, i);
	gdt[3 + 2 * cpu] = (sizeof(struct tss) - 1) | (base & 0xffffff) << 16 |
			   0x89ul << 40 | (base >> 24 & 0xff) << 56;
	gdt[4 + 2 * cpu] = base >> 32;
}

struct ths_x86_table ths_x86_gdt_table(void)
{
	return (struct ths_x86_table){sizeof(gdt) - 1, (uint64_t)gdt};
}

void ths_x86_gdt_init(void)
{
	const struct ths_x86_table table = ths_x86_gdt_table();

	for (unsigned cpu = 0; cpu < THS_CPU_MAX; cpu++)
		describe(cpu);
	__asm__ volatile("lgdt %0" : : "m"(table));
	__asm__ volatile("ltr %w0" : : "r"(X86_TSS_SEL));
}

unsigned ths_x86_cpu_number(void)
{
	uint64_t task;

	__asm__ volatile("str %0" : "=r"(task));
	return (unsigned)(task - X86_TSS_SEL) / 16;
}

bool ths_x86_on_ist(enum ths_x86_ist which, uint64_t sp)
{
	const uint64_t stacks = stacks_of(ths_x86_cpu_number());

	return sp > stacks + place[which - 1].guard &&
	       sp <= stacks + place[which - 1].stack + place[which - 1].size;
}

const void *ths_x86_ist_guard(unsigned index)
{
	return index < X86_IST_COUNT - 1
		       ? (const uint8_t *)&first_stacks + place[index].guard
		       : NULL;
}

uint64_t ths_x86_idle_stack(unsigned cpu)
{
	return stack_end(cpu, X86_IST_COUNT - 1);
}

bool ths_x86_other_stack(unsigned cpu, unsigned index, uint64_t *base, uint64_t *size)
{
	if (index >= X86_IST_COUNT)
		return false;
	*base = stacks_of(cpu) + place[index].stack;
	*size = place[index].size;
	return true;
}

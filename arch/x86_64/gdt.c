/*
 * gdt - segments, the task state and a stack for every kind of trap.
 *
 * Every vector switches to a stack of the interrupt stack table: a trap must find a sound
 * stack whatever the interrupted code did to its own, and (later, with protection keys)
 * one in a key that is never denied. Interrupts never nest, so one stack serves them all;
 * exceptions have another, since a tick or a handler may fault; the four that may strike
 * inside either have their own. Below each stack lies a page that is never mapped.
 *
 * Nothing here changes once loaded: accessed and busy bits are set beforehand, so the
 * tables can be made read-only (.ths.sealed).
 */
#include "x86.h"

struct small_stack {
	uint8_t guard[THS_PAGE_SIZE];
	uint8_t stack[X86_IST_SMALL];
};

struct large_stack {
	uint8_t guard[THS_PAGE_SIZE];
	uint8_t stack[X86_IST_LARGE];
};

static THS_ALIGNED(4096) struct {
	struct large_stack interrupt, fault;
	struct small_stack twice, nmi, machine, debug;
} stacks;

static const struct {
	const uint8_t *guard;
	uint8_t *end;
} ist[X86_IST_COUNT - 1] = {
	{stacks.interrupt.guard, stacks.interrupt.stack + X86_IST_LARGE},
	{stacks.fault.guard, stacks.fault.stack + X86_IST_LARGE},
	{stacks.twice.guard, stacks.twice.stack + X86_IST_SMALL},
	{stacks.nmi.guard, stacks.nmi.stack + X86_IST_SMALL},
	{stacks.machine.guard, stacks.machine.stack + X86_IST_SMALL},
	{stacks.debug.guard, stacks.debug.stack + X86_IST_SMALL},
};

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

static THS_SECTION(".ths.sealed") struct tss tss = {.io_bitmap = sizeof(struct tss)};
static THS_SECTION(".ths.sealed") THS_ALIGNED(16) uint64_t gdt[] = {
	0,
	0x00af9b000000ffff, /* code: 64 bits, accessed */
	0x00cf93000000ffff, /* data: accessed */
	0,                  /* the task state takes two */
	0,
};

void ths_x86_gdt_init(void)
{
	const uint64_t base = (uint64_t)&tss;
	const struct {
		uint16_t limit;
		uint64_t base;
	} THS_PACKED pointer = {sizeof(gdt) - 1, (uint64_t)gdt};

	for (unsigned i = 0; i < THS_ARRAY_SIZE(ist); i++)
		tss.ist[i] = (uint64_t)ist[i].end;
	gdt[3] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89ul << 40 |
		 (base >> 24 & 0xff) << 56;
	gdt[4] = base >> 32;
	__asm__ volatile("lgdt %0" : : "m"(pointer));
	__asm__ volatile("ltr %w0" : : "r"(X86_TSS_SEL));
}

bool ths_x86_on_ist(enum ths_x86_ist which, uint64_t sp)
{
	return sp > (uint64_t)ist[which - 1].guard && sp <= (uint64_t)ist[which - 1].end;
}

const void *ths_x86_ist_guard(unsigned index)
{
	return index < THS_ARRAY_SIZE(ist) ? ist[index].guard : NULL;
}

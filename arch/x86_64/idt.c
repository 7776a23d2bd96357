/*
 * idt - the 256 gates, the same for every CPU. All are interrupt gates: traps are entered
 * with interrupts off.
 */
#include "x86.h"

/* Intel SDM 3A, 6.14.1 */
struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_mid;
	uint32_t offset_high, reserved;
};

static THS_SECTION(".ths.sealed") THS_ALIGNED(16) struct gate idt[X86_VECTORS];

/* entry.S: one stub a vector, evenly spaced. */
extern const char ths_x86_stubs[], ths_x86_stubs_end[];

static enum ths_x86_ist ist_of(unsigned vector)
{
	switch (vector) {
	case X86_VEC_DEBUG:
		return X86_IST_DEBUG;
	case X86_VEC_NMI:
		return X86_IST_NMI;
	case X86_VEC_DOUBLE:
		return X86_IST_DOUBLE;
	case X86_VEC_MACHINE:
		return X86_IST_MACHINE;
	default:
		return vector < X86_VEC_EXCEPTIONS ? X86_IST_FAULT : X86_IST_INTERRUPT;
	}
}

void ths_x86_idt_load(void)
{
	const struct ths_x86_table table = {sizeof(idt) - 1, (uint64_t)idt};

	__asm__ volatile("lidt %0" : : "m"(table));
}

void ths_x86_idt_init(void)
{
	const uint64_t step = (uint64_t)(ths_x86_stubs_end - ths_x86_stubs) / X86_VECTORS;
	for (unsigned vector = 0; vector < X86_VECTORS; vector++) {
		const uint64_t stub = (uint64_t)ths_x86_stubs + vector * step;

		idt[vector] = (struct gate){
			.offset_low = (uint16_t)stub,
			.selector = X86_CODE_SEL,
			.ist = (uint8_t)ist_of(vector),
			.type = 0x8e,
			.offset_mid = (uint16_t)(stub >> 16),
			.offset_high = (uint32_t)(stub >> 32),
		};
	}
	ths_x86_idt_load();
}

/*
 * lapic - the local APIC of each CPU: the tick, end of interrupt, calls between CPUs.
 *
 * Driven through memory (xAPIC), mapped uncached at X86_DEVICE_BASE; where the firmware
 * left it in x2APIC mode it is switched off and on again, the only way back. The first
 * CPU's LINT0 takes the 8259s' interrupts, so that irq.pic works with nothing of ours in
 * between; the others take none.
 */
#include "x86.h"

enum {
	REG_ID = 0x20,
	REG_PRIORITY = 0x80,
	REG_EOI = 0xb0,
	REG_SPURIOUS = 0xf0,
	REG_COMMAND = 0x300,
	REG_TARGET = 0x310,
	REG_TIMER = 0x320,
	REG_THERMAL = 0x330,
	REG_PERF = 0x340,
	REG_LINT0 = 0x350,
	REG_LINT1 = 0x360,
	REG_ERROR = 0x370,
	REG_INITIAL = 0x380,
	REG_CURRENT = 0x390,
	REG_DIVIDE = 0x3e0,
};

#define ENABLE       (1u << 8)
#define MASKED       (1u << 16)
#define PERIODIC     (1u << 17)
#define DELIVER_NMI  0x400u
#define DELIVER_INIT 0x500u
#define DELIVER_SIPI 0x600u
#define DELIVER_EXT  0x700u
#define ICR_ASSERT   (1u << 14)
#define ICR_OTHERS   (3u << 18) /* all but the sender */
#define ICR_PENDING  (1u << 12)
#define DIVIDE_BY_16 3u
#define BASE_ENABLE  (1ul << 11)
#define BASE_X2APIC  (1ul << 10)
#define ICR_PATIENCE 100000u

static volatile uint32_t *reg(unsigned offset)
{
	return (volatile uint32_t *)(X86_DEVICE_BASE + offset);
}

bool ths_x86_lapic_present(void)
{
	return ths_x86_cpuid(1).edx & X86_CPUID1_EDX_APIC;
}

ths_paddr_t ths_x86_lapic_paddr(void)
{
	return ths_x86_rdmsr(X86_MSR_APIC_BASE) & X86_ADDR;
}

void ths_x86_lapic_init(bool first)
{
	uint64_t base;

	if (!ths_x86_lapic_present())
		return;
	base = ths_x86_rdmsr(X86_MSR_APIC_BASE);
	if (base & BASE_X2APIC) {
		base &= ~(BASE_X2APIC | BASE_ENABLE);
		ths_x86_wrmsr(X86_MSR_APIC_BASE, base);
	}
	ths_x86_wrmsr(X86_MSR_APIC_BASE, base | BASE_ENABLE);
	*reg(REG_SPURIOUS) = ENABLE | X86_VEC_SPURIOUS;
	*reg(REG_PRIORITY) = 0;
	*reg(REG_TIMER) = MASKED;
	*reg(REG_THERMAL) = MASKED;
	*reg(REG_PERF) = MASKED;
	*reg(REG_ERROR) = MASKED;
	*reg(REG_LINT0) = first ? DELIVER_EXT : MASKED;
	*reg(REG_LINT1) = DELIVER_NMI;
	*reg(REG_DIVIDE) = DIVIDE_BY_16;
	*reg(REG_INITIAL) = UINT32_MAX; /* counts down from here, for calibrate.c */
}

void ths_x86_lapic_eoi(void)
{
	*reg(REG_EOI) = 0;
}

uint32_t ths_x86_lapic_id(void)
{
	return *reg(REG_ID) >> 24;
}

uint32_t ths_x86_lapic_left(void)
{
	return *reg(REG_CURRENT);
}

void ths_x86_lapic_tick_start(uint32_t count)
{
	*reg(REG_TIMER) = PERIODIC | X86_VEC_TICK;
	*reg(REG_INITIAL) = count;
}

/* Interrupts off in between: who is called by one may send one. */
static void send(uint32_t apic_id, uint32_t command)
{
	const bool on = ths_arch_irq_save();

	for (unsigned i = 0; i < ICR_PATIENCE && *reg(REG_COMMAND) & ICR_PENDING; i++)
		ths_arch_relax();
	*reg(REG_TARGET) = apic_id << 24;
	*reg(REG_COMMAND) = ICR_ASSERT | command;
	if (on)
		__asm__ volatile("sti" : : : "memory");
}

void ths_x86_lapic_ipi(uint32_t apic_id, enum ths_x86_vector vector)
{
	send(apic_id, (uint32_t)vector);
}

void ths_x86_lapic_reset(uint32_t apic_id)
{
	send(apic_id, DELIVER_INIT);
}

void ths_x86_lapic_start(uint32_t apic_id, uint32_t page)
{
	send(apic_id, DELIVER_SIPI | page / THS_PAGE_SIZE);
}

void ths_x86_lapic_nmi_others(void)
{
	send(0, DELIVER_NMI | ICR_OTHERS);
}

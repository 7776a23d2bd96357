/*
 * processor - the part of <theseus/arch.h> that is the same in every kernel on x86_64.
 *
 * How a kernel boots, maps, is interrupted and prints is its own: arch/x86_64 does it in
 * one way, examples/guest in another. How a stack is changed, a port read and the time
 * stamp taken is not: that is here, and whoever writes an <theseus/arch.h> of his own
 * gets it from libtheseus.a. These functions know nothing of descriptor tables and page
 * tables.
 *
 * Names of registers and bits are the Intel SDM's (volumes 3A and 4).
 */
#pragma once

#include <theseus/arch.h>

/* Interrupts were on once: the boot is over. Before, nobody owns the interrupt
 * controllers yet, and neither an unwinding nor a new context turns interrupts on. Set by
 * who implements ths_arch_irq_restore(); a kernel without interrupts leaves it. */
extern bool ths_x86_irqs_begun;
/* ths_cpu() is set. */
extern bool ths_x86_cpu_ready;

/* ---- single instructions ------------------------------------------------------- */
THS_INLINE uint8_t ths_x86_in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

THS_INLINE void ths_x86_out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

THS_INLINE uint16_t ths_x86_in16(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

THS_INLINE void ths_x86_out16(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

THS_INLINE uint32_t ths_x86_in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

THS_INLINE void ths_x86_out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

#define X86_MSR_GS_BASE 0xc0000101u

THS_INLINE uint64_t ths_x86_rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

THS_INLINE void ths_x86_wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

struct ths_x86_cpuid {
	uint32_t eax, ebx, ecx, edx;
};

/* All zero for a leaf the processor does not have. */
struct ths_x86_cpuid ths_x86_cpuid(uint32_t leaf);

#define X86_CPUID1_ECX_RDRAND (1u << 30)

THS_INLINE uint64_t ths_x86_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

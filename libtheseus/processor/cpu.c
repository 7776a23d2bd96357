/*
 * cpu - the processor's own small services: its record, its counter, what it can do.
 */
#include "processor.h"

bool ths_x86_cpu_ready;

void ths_arch_cpu_set(struct ths_cpu *cpu)
{
	ths_x86_wrmsr(X86_MSR_GS_BASE, (uint64_t)cpu);
	ths_x86_cpu_ready = true;
}

void ths_arch_relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

uint64_t ths_arch_counter(void)
{
	return ths_x86_tsc();
}

struct ths_x86_cpuid ths_x86_cpuid(uint32_t leaf)
{
	struct ths_x86_cpuid out;

	__asm__("cpuid"
		: "=a"(out.eax), "=b"(out.ebx), "=c"(out.ecx), "=d"(out.edx)
		: "a"(leaf & 0x80000000), "c"(0));
	if (out.eax < leaf)
		return (struct ths_x86_cpuid){0};
	__asm__("cpuid"
		: "=a"(out.eax), "=b"(out.ebx), "=c"(out.ecx), "=d"(out.edx)
		: "a"(leaf), "c"(0));
	return out;
}

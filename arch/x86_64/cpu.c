/*
 * cpu - the interrupt flag, and what the processor can do against us.
 */
#include "x86.h"

bool ths_arch_irq_save(void)
{
	uint64_t flags;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
	return flags & X86_RFLAGS_IF;
}

void ths_arch_irq_restore(bool on)
{
	ths_x86_irqs_begun |= on;
	if (on)
		__asm__ volatile("sti" : : : "memory");
	else
		__asm__ volatile("cli" : : : "memory");
}

/* sti takes effect after the next instruction: no interrupt falls between the two. */
void ths_arch_idle(void)
{
	__asm__ volatile("sti; hlt" : : : "memory");
}

/*
 * What the processor can do against us: no code from user pages, no data either, no
 * descriptor table addresses for users. Write protection and no-execute are on already
 * (boot.S). Called once the lower half is empty.
 */
void ths_x86_protect_cpu(void)
{
	const struct ths_x86_cpuid leaf = ths_x86_cpuid(7);
	uint64_t cr4;

	__asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
	if (leaf.ebx & X86_CPUID7_EBX_SMEP)
		cr4 |= X86_CR4_SMEP;
	if (leaf.ebx & X86_CPUID7_EBX_SMAP)
		cr4 |= X86_CR4_SMAP;
	if (leaf.ecx & X86_CPUID7_ECX_UMIP)
		cr4 |= X86_CR4_UMIP;
	__asm__ volatile("movq %0, %%cr4" : : "r"(cr4) : "memory");
}

/*
 * entropy - numbers an outsider cannot guess, as good as the machine has.
 *
 * RDRAND where there is one, mixed with the jitter of the counter around a few accesses
 * to a slow port, and with what went before. Without RDRAND the jitter is all there is,
 * and in an emulator that counts instructions it is none: then keys are only as secret as
 * the time of boot.
 */
#include "processor.h"

#define TRIES  10u
#define ROUNDS 8u

/* The finaliser of splitmix64: each bit in changes half of the bits out. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ul;
	x = (x ^ x >> 27) * 0x94d049bb133111ebul;
	return x ^ x >> 31;
}

static uint64_t hardware(void)
{
	uint64_t value = 0;
	bool good = false;

	if (!(ths_x86_cpuid(1).ecx & X86_CPUID1_ECX_RDRAND))
		return 0;
	for (unsigned i = 0; i < TRIES && !good; i++)
		__asm__ volatile("rdrand %0" : "=r"(value), "=@ccc"(good));
	return good ? value : 0;
}

uint64_t ths_arch_entropy(void)
{
	static uint64_t pool;
	uint64_t value = pool + 0x9e3779b97f4a7c15ul;

	for (unsigned i = 0; i < ROUNDS; i++) {
		value = mix(value ^ ths_x86_tsc());
		(void)ths_x86_in8(0x61);
	}
	value = mix(value ^ hardware());
	pool = mix(value ^ ths_x86_tsc());
	return value;
}

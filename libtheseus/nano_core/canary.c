/*
 * canary - what a build with --enable-hardening compares at the end of a function, and
 * where it goes when the two differ.
 *
 * Chosen anew at every boot, with a zero byte that no overlong string can write. In a
 * module an overwritten canary is a fault like an overrun of the stack; in nano_core it
 * is the end (ths_trap() tells the two apart). Hosted, the C library has both names; modules
 * that are loaded are led to ours (published.c).
 */
#include "nano_core/nano_core_impl.h"

#ifdef THS_HOST

void ths_canary_init(void)
{
}

#else

uint64_t __stack_chk_guard[1] = {0x5be1170b00da7a00};

/* Of a size that the compiler does not guard: it returns with another canary. */
void ths_canary_init(void)
{
	__stack_chk_guard[0] = ths_arch_entropy() & ~0xfful;
}

#endif

THS_NORETURN void __stack_chk_fail(void)
{
	struct ths_trap trap = {
		.kind = THS_TRAP_STACK,
		.pc = (uint64_t)__builtin_return_address(0),
		.sp = (uint64_t)__builtin_frame_address(0),
		.fp = *(const uint64_t *)__builtin_frame_address(0),
	};

	(void)ths_arch_irq_save();
	ths_trap(&trap);
	ths_arch_stop(THS_STOP_TEST, 0x33);
}

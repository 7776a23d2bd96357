/*
 * arch_quiet - the part of <theseus/arch.h> of a machine on which nothing happens by
 * itself: one CPU, no interrupts, no exceptions, no modules from files.
 *
 * Whoever ports libtheseus begins with this and comes to a first call through the gate
 * with little more than page tables for stacks and a console. Include it in one source
 * file: it defines the functions. To have interrupts, leave it out and write them.
 *
 * What that machine lacks: deadlines (no tick), recovery from faults (a module that
 * faults stops the machine), modules that come while it runs, other CPUs. The processor's
 * own part (ports, counter, recovery frames, contexts) needs nobody to write it:
 * libtheseus.a has it. What is left to write: ths_arch_direct, _paddr where memory is
 *   ths_arch_map, _protect, _unmap, _lookup, _stack_area, or <theseus/arch_window.h>
 *   ths_arch_console_write, ths_arch_stop               the outside
 *   and a start that calls ths_boot() with a struct ths_boot_info.
 *
 * examples/guest is such a kernel.
 */
#pragma once

#include <theseus/arch.h>
#include <theseus/string.h>

bool ths_arch_irq_save(void)
{
	return false;
}

void ths_arch_irq_restore(bool on)
{
	(void)on;
}

/* Everybody waits, and nothing will ever come. */
void ths_arch_idle(void)
{
	ths_arch_stop(THS_STOP_HALT, 0);
}

void ths_arch_tick_start(uint32_t hz)
{
	(void)hz;
}

uint64_t ths_arch_counter_hz(void)
{
	return 0;
}

void ths_arch_kick_cpu(unsigned cpu)
{
	(void)cpu;
}

enum ths_err ths_arch_copy(void *dst, const void *src, size_t len)
{
	memcpy(dst, src, len);
	return THS_OK;
}

void ths_arch_backtrace(const struct ths_trap *trap)
{
	(void)trap;
}

struct ths_arch_area ths_arch_module_area(void)
{
	return (struct ths_arch_area){0, 0};
}

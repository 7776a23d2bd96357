/*
 * checks - what a build with THS_CHECKS looks after: mistakes that otherwise show as a
 * hang, once in very many runs.
 *
 * The check is of the rule that was broken, not of the moment in which it harms: who takes
 * a lock where a tick could do work is told so at once, without any tick having come.
 */
#include "nano_core/nano_core_impl.h"

#ifdef THS_CHECKS

/* A tick's work may want the same lock, and would wait for who waits for it. */
void ths_spin_check(void)
{
	if (ths_cpu() && ths_cpu_is_idle() && ths_arch_irq_save())
		ths_panic("a spin lock is taken where a tick may do work");
}

#endif

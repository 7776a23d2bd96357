/*
 * checks - what a build with THS_CHECKS looks after: mistakes that otherwise show as a
 * hang, or as a wrong value somewhere else, once in very many runs.
 *
 * The check is of the rule that was broken, not of the moment in which it harms: who takes
 * a lock where a tick could do work is told so at once, without any tick having come; who
 * writes to what he has given back, when that is taken again.
 *
 * Invariants
 *   C1  What is free holds POISON: no address, no index, no count that anybody could go on
 *       with. Looked at when it is taken are pages of the reserve and, hosted, versions;
 *       pages that mem.frames has, arenas and tasks' stacks are only filled.
 *   C2  A build without THS_CHECKS has no instruction of this.
 */
#include <theseus/list.h>
#include <theseus/string.h>
#include "nano_core/nano_core_impl.h"

#ifdef THS_CHECKS

#define POISON 0x6b /* eight of them are no canonical address */

/* A tick's work may want the same lock, and would wait for who waits for it. */
void ths_spin_check(void)
{
	if (ths_cpu() && ths_cpu_is_idle() && ths_arch_irq_save())
		ths_panic("a spin lock is taken where a tick may do work");
}

void ths_poison(void *at, size_t size)
{
	memset(at, POISON, size);
}

void ths_poison_check(const void *at, size_t size, const char *what)
{
	const uint8_t *byte = at;

	for (size_t i = 0; i < size; i++)
		if (byte[i] != POISON)
			ths_panic("%s was written to after it was given back: byte %zu of %p",
				  what, i, at);
}

void ths_list_check_(const struct ths_list *node)
{
	if (node->next->prev != node || node->prev->next != node)
		ths_panic("a list is broken at %p: its neighbours do not know it",
			  (const void *)node);
}

#endif

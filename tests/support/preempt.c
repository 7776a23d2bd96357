/*
 * preempt - see preempt.h.
 */
#include "preempt.h"

#include <check.h>
#include <theseus/host.h>
#include "nano_core/nano_core_impl.h"

#define BLOCKS_MAX UINT64_C(20000000) /* somebody spins for ever */

static uint64_t blocks, ticks;
static unsigned every, offset;

void preempt_every(unsigned each, unsigned first)
{
	every = each;
	offset = first;
	blocks = ticks = 0;
}

uint64_t preempt_blocks(void)
{
	return blocks;
}

uint64_t preempt_ticks(void)
{
	return ticks;
}

/* Who comes next must not find what is only set while something is done. */
static void look(const struct ths_cpu *cpu)
{
	if (cpu->refilling || cpu->relieving || cpu->recovering || cpu->token ||
	    cpu->unframed || cpu->locks || cpu->faulted_count)
		ck_abort_msg("a tick may come where the CPU's record is not at rest");
}

/* As on the machine: the interrupt comes with interrupts off, and so does work begin. */
static void tick(struct ths_cpu *cpu)
{
	ticks++;
	look(cpu);
	(void)ths_arch_irq_save();
	atomic_fetch_add(&cpu->ticks, 1);
	atomic_fetch_or(&cpu->pending, PENDING_TICK | PENDING_RESCHED);
	ths_work();
	ths_arch_irq_restore(true);
}

/* Looks at the record by itself: what it would call calls it. */
static bool may_preempt(struct ths_cpu *cpu)
{
	return cpu && ths_host_irq_is_on() && cpu->started && cpu->section == 0 &&
	       !cpu->working && atomic_load(&cpu->activity) % 2 == 0;
}

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
	if (every == 0 || !may_preempt(ths_cpu()))
		return;
	if (blocks > BLOCKS_MAX)
		ck_abort_msg("they do not come to an end");
	if (blocks++ % every == offset)
		tick(ths_cpu());
}

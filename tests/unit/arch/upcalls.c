/* upcalls - see upcalls.h. */
#include "upcalls.h"

#include <string.h>
#include <theseus/fmt.h>

_Thread_local struct up up;
unsigned up_pages_left = 1000;
unsigned up_pages_out;

/* Page tables come from the end of the arena, frames for tests from its start. */
#define POOL_PAGES 1000u
static bool taken[POOL_PAGES];

void up_enter(void)
{
	memset(&up, 0, sizeof(up));
	up.self = (struct ths_cpu *)&up;
	ck_assert_uint_ne(ths_host_cpu_enter(up.self), THS_HOST_NO_CPU);
}

void up_leave(void)
{
	ths_host_cpu_leave();
}

uint64_t up_module(uint64_t (*fn)(void *))
{
	struct ths_frame frame;
	uint64_t value;

	up.frame = &frame;
	up.depth++;
	value = ths_arch_run(&frame, NULL, fn, NULL);
	up.depth--;
	up.frame = NULL;
	return value;
}

void ths_trap(const struct ths_trap *trap)
{
	up.traps++;
	up.trap = *trap;
	up.irq_was_on |= ths_host_irq_is_on();
	if (up.on_trap != NULL)
		up.on_trap();
	if (up.frame != NULL && ths_host_in_module(trap->pc))
		ths_arch_unwind(up.frame, UP_TRAP + trap->kind);
}

void ths_tick(uint64_t pc)
{
	up.ticks++;
	up.tick_pc = pc;
	up.irq_was_on |= ths_host_irq_is_on();
	if (up.frame != NULL && up.budget != 0 && up.ticks >= up.budget &&
	    ths_host_in_module(pc)) {
		up.unwound_pc = pc;
		up.budget = 0; /* the next may come before the frame is put away */
		ths_arch_unwind(up.frame, UP_TICK);
	}
}

void ths_irq(unsigned vector)
{
	if (up.irqs < THS_ARRAY_SIZE(up.vectors))
		up.vectors[up.irqs] = vector;
	up.irqs++;
	up.irq_was_on |= ths_host_irq_is_on();
}

bool ths_cpu_is_idle(void)
{
	return up.depth == 0;
}

void ths_work(void)
{
	up.works++;
	up.work_was_off |= !ths_host_irq_is_on();
	if (up.on_work != NULL)
		up.on_work();
}

bool ths_page_alloc(ths_paddr_t *paddr)
{
	const struct ths_boot_range *free = ths_host_boot_info()->free;

	if (up_pages_left == 0)
		return false;
	for (unsigned i = 0; i < POOL_PAGES; i++) {
		if (taken[i])
			continue;
		taken[i] = true;
		up_pages_left--;
		up_pages_out++;
		*paddr = free->base + free->size - (i + 1) * THS_PAGE_SIZE;
		memset(ths_arch_direct(*paddr), 0, THS_PAGE_SIZE);
		return true;
	}
	return false;
}

void ths_page_free(ths_paddr_t paddr)
{
	const struct ths_boot_range *free = ths_host_boot_info()->free;

	taken[(free->base + free->size - paddr) / THS_PAGE_SIZE - 1] = false;
	up_pages_left++;
	up_pages_out--;
}

size_t ths_place_format(char *buf, size_t size, uint64_t pc, unsigned back)
{
	if (pc - back == 0x1234)
		return ths_format(buf, size, "0x%lx rr_pick+0x34", pc);
	return ths_format(buf, size, "0x%lx", pc);
}

/*
 * call - what an operation may ask about the interaction it serves.
 *
 * The `call` a module holds is a token: what counts is the CPU's own record, so a module
 * that passes another pointer gets the same answers.
 */
#include "nano_core/nano_core_impl.h"

struct ths_ref *ths_use(struct ths_call *call, unsigned slot)
{
	struct ths_cpu *cpu = ths_cpu();

	(void)call;
	if (!ths_cpu_is_inside(cpu) || slot >= THS_USES_MAX ||
	    !cpu->serving->module->uses[slot].iface)
		return NULL;
	return &cpu->serving->use[slot];
}

unsigned ths_call_cpu(const struct ths_call *call)
{
	(void)call;
	return ths_cpu()->number;
}

struct ths_task_id ths_call_task(const struct ths_call *call)
{
	(void)call;
	return ths_task_self();
}

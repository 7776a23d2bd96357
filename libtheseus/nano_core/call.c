/*
 * call - what an operation may ask about the interaction it serves.
 *
 * The `call` a module holds is a token: what counts is the CPU's own record, so a module
 * that passes another pointer gets the same answers.
 */
#include "nano_core/swap_impl.h"

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
	return ths_cpu()->working ? (struct ths_task_id){CONTEXTS_MAX, 0} : ths_task_self();
}

/* By what gate.S keeps, too: of a first level nothing else may be believed. */
static bool is_an_operation(const struct ths_call *call, uint32_t *op)
{
	uintptr_t at = (uintptr_t)call->op - (uintptr_t)call->instance->op;

	*op = (uint32_t)(at / sizeof(*call->op));
	return at < call->instance->ops * sizeof(*call->op);
}

uint32_t ths_call_op(const struct ths_call *call, const struct ths_iface **iface)
{
	const struct ths_cpu *cpu = ths_cpu();
	const struct ths_iface *of;
	uint32_t op;

	(void)call;
	if (!ths_cpu_is_inside(cpu) || !is_an_operation(cpu->call, &op))
		return THS_ROW_NONE;
	of = ths_instance_iface(cpu->call->instance);
	if (!of)
		return THS_ROW_NONE;
	*iface = of;
	return op;
}

enum ths_err ths_forward(struct ths_call *call, struct ths_ref *ref)
{
	struct ths_cpu *cpu = ths_cpu();
	uint32_t op;

	(void)call;
	if (!ths_cpu_is_inside(cpu) || !is_an_operation(cpu->call, &op))
		return THS_E_INVAL;
	ref = ref ? ref : &cpu->call->instance->next;
	return ref->generation ? ths_gate_pass_on(cpu, ref, op) : THS_E_INVAL;
}

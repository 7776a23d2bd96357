/*
 * lines - interrupt lines of modules: who declares one gets it when it is bound.
 *
 * A line's handler is a binding and an operation, so it outlives who serves; the rows are the
 * controller's (irq/1). Nothing here is remembered.
 *
 * Context: depth 0, with the loader's turn.
 */
#include <theseus/iface/irq.h>
#include "nano_core/swap_impl.h"

static struct irq_attach line_of(const struct ths_instance *instance, unsigned number,
				 const struct ths_binding *binding)
{
	const struct ths_irq_decl *decl = &instance->module->irqs[number];

	return (struct irq_attach){
		.line = decl->line,
		.handler = {ths_binding_at(binding), binding->generation, decl->op, 1}};
}

/* A line whose controller is not bound so far is attached when that is.
 * *@attached: bit by bit, those that were not before; on error, too. */
enum ths_err ths_lines_attach(struct ths_instance *instance, struct ths_binding *binding,
			      uint32_t *attached)
{
	*attached = 0;
	for (unsigned i = 0; i < THS_IRQS_MAX; i++) {
		const struct ths_irq_decl *decl = &instance->module->irqs[i];
		struct irq_attach args = line_of(instance, i, binding);
		enum ths_err err;

		if (!decl->used)
			continue;
		if (decl->op >= instance->ops ||
		    instance->op[decl->op].args_size != sizeof(struct ths_no_args))
			return THS_E_INVAL;
		err = irq_attach(&ths_core.irq, &args);
		if (err && err != THS_E_EXIST && err != THS_E_UNAVAIL)
			return err;
		*attached |= (uint32_t)(err == THS_OK) << i;
	}
	return THS_OK;
}

void ths_lines_detach(struct ths_instance *instance, struct ths_binding *binding,
		      uint32_t attached)
{
	for (unsigned i = 0; i < THS_IRQS_MAX; i++) {
		struct irq_attach args = line_of(instance, i, binding);

		if ((attached >> i & 1) && irq_detach(&ths_core.irq, &args))
			ths_logf("%s: line %u stays attached", instance->name, args.line);
	}
}

/* There is a controller: everybody's lines. */
enum ths_err ths_lines_attach_all(void)
{
	uint32_t attached;

	for (unsigned i = 0; i < BINDINGS_MAX; i++) {
		struct ths_binding *binding = &ths_core.binding[i];
		struct ths_instance *instance =
			binding->generation && !binding->behind
				? ths_binding_server(binding)
				: NULL;

		if (instance)
			THS_TRY(ths_lines_attach(instance, binding, &attached));
	}
	return THS_OK;
}

void ths_irqs_attach(struct ths_instance *instance, struct ths_binding *binding)
{
	uint32_t attached;
	enum ths_err err = ths_lines_attach(instance, binding, &attached);

	if (err)
		ths_logf("interrupt lines of %s: %s", instance->name, ths_err_text(err));
}

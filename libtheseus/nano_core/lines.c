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
		enum ths_err err = attached >> i & 1 ? irq_detach(&ths_core.irq, &args) : THS_OK;

		if (err && err != THS_E_NOENT)
			ths_logf("%s: line %u stays attached", instance->name, args.line);
	}
}

static bool has_line(const struct ths_instance *instance, const struct ths_irq_decl *line)
{
	for (unsigned i = 0; i < THS_IRQS_MAX; i++) {
		const struct ths_irq_decl *decl = &instance->module->irqs[i];

		if (decl->used && decl->line == line->line && decl->op == line->op)
			return true;
	}
	return false;
}

/* Bit by bit, those of @new's that @old has not. */
static uint32_t more_lines(const struct ths_instance *old, const struct ths_instance *new)
{
	uint32_t more = 0;

	for (unsigned i = 0; i < THS_IRQS_MAX; i++) {
		const struct ths_irq_decl *decl = &new->module->irqs[i];

		more |= (uint32_t)(decl->used && !has_line(old, decl)) << i;
	}
	return more;
}

/* Lines lead to the front of a chain. */
static struct ths_binding *front_of(const struct ths_instance *old, struct ths_binding *binding)
{
	return binding->behind ? ths_chain_of(old) : binding;
}

/* Before @new takes @old's place; interrupts' work waits. After an error they are to be
 * given back, too. */
enum ths_err ths_lines_take_over(const struct ths_instance *old, struct ths_instance *new)
{
	struct ths_binding *binding = NULL;
	uint32_t attached;

	if (!new->has_lines || !more_lines(old, new))
		return THS_OK;
	while ((binding = ths_serves_next(old, binding)))
		THS_TRY(ths_lines_attach(new, front_of(old, binding), &attached));
	return THS_OK;
}

void ths_lines_give_back(const struct ths_instance *old, struct ths_instance *new)
{
	struct ths_binding *binding = NULL;
	uint32_t more = more_lines(old, new);

	while (more && (binding = ths_serves_next(old, binding)))
		ths_lines_detach(new, front_of(old, binding), more);
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

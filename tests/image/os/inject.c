/*
 * inject - an interposer that breaks some calls of bazaar.use: before they are passed on,
 * or when all is done but the end. Which, is in the arguments; it knows no more of them.
 */
#include "bazaar.h"

#include <theseus/iface/interpose.h>
#include <theseus/module.h>

static enum ths_err inject_any(struct ths_call *call, struct interpose_any *args)
{
	const struct bazaar_use *use = (const void *)args;
	const struct ths_iface *iface;
	uint64_t how;

	if (ths_call_op(call, &iface) != bazaar_op_use)
		return ths_forward(call, NULL);
	how = use->try % (2 * INJECT_EVERY);
	if (how == 1)
		return THS_E_IO;
	THS_TRY(ths_forward(call, NULL));
	if (how == 1 + INJECT_EVERY)
		__builtin_trap();
	return THS_OK;
}

THS_MODULE(inject, "inject", 1, 0, THS_PROVIDES(interpose, .any = inject_any));

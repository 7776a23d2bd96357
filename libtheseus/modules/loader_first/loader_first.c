/*
 * loader.first - nano_core's own rule, as a module: everybody may be loaded, who was loaded
 * first takes over, the probation is the usual one.
 *
 * It adds nothing to a system without a policy but a place: to be swapped for another, or
 * stood before by an interposer that wants to see what nano_core asks.
 *
 * Left out on purpose: `allow`. It has no list.
 */
#include <theseus/iface/loader.h>
#include <theseus/module.h>

static enum ths_err first_admit(struct ths_call *call, struct loader_module *arg)
{
	(void)call;
	(void)arg;
	return THS_OK;
}

static enum ths_err first_rank(struct ths_call *call, struct loader_rank *arg)
{
	(void)call;
	arg->rank = 0;
	return THS_OK;
}

static enum ths_err first_probation(struct ths_call *call, struct loader_probation *arg)
{
	(void)call;
	(void)arg;
	return THS_OK;
}

THS_MODULE(loader_first, "loader.first", 1, 0,
	   THS_PROVIDES(loader, .admit = first_admit, .rank = first_rank,
			.probation = first_probation));

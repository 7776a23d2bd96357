/*
 * greedy - a module that names what is not its own, GREEDY: another's state, what moves
 * state, nano_core's memory. Refused by theseus-check and by the loader, by name.
 */
#include <theseus/iface/testsrv.h>
#include <theseus/module.h>

extern uint64_t GREEDY;

static enum ths_err greedy_null(struct ths_call *call, struct testsrv_null *arg)
{
	(void)call;
	arg->word[0] = GREEDY;
	return THS_OK;
}

#define GREEDY_MODULE(token_, ...) THS_MODULE(token_, __VA_ARGS__)
GREEDY_MODULE(GREEDY_TOKEN, GREEDY_ID, 1, 0, THS_PROVIDES(testsrv, .null = greedy_null));

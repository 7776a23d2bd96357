/*
 * counter.spills - the number is a variable, as in any C program. theseus-check refuses this
 * module, and so does the loader, unless it was told that a test wants to see.
 */
#include <theseus/module.h>
#include "counter.h"

static uint64_t total;

static enum ths_err spills_add(struct ths_call *call, struct counter_add *arg)
{
	(void)call;
	total += arg->amount;
	arg->total = total;
	return THS_OK;
}

static enum ths_err spills_stumble(struct ths_call *call, struct counter_add *arg)
{
	THS_TRY(spills_add(call, arg));
	arg->total = *(volatile uint64_t *)0;
	return THS_OK;
}

THS_MODULE(counter_spills, "counter.spills", 1, 0,
	   THS_PROVIDES(counter, .add = spills_add, .stumble = spills_stumble));

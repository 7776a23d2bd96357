/*
 * spiller - the control: a server that does remember, in memory of its own.
 *
 * It answers `count` and `add` as testsrv does, and right, until it is swapped: then what
 * it knew is gone. theseus-check refuses it, the loader refuses it but under a flag that
 * is for tests, and `spill` must print its 16 bytes: 8 in .data, 8 in .bss.
 */
#include <theseus/iface/testsrv.h>
#include <theseus/module.h>

static uint64_t total = 1000; /* .data */
static uint64_t calls;        /* .bss */

static enum ths_err spill_count(struct ths_call *call, struct testsrv_count *arg)
{
	(void)call;
	arg->value = ++calls;
	arg->version = 1;
	return THS_OK;
}

static enum ths_err spill_add(struct ths_call *call, struct testsrv_add *arg)
{
	(void)call;
	total += arg->amount;
	arg->value = total;
	arg->version = 1;
	return THS_OK;
}

THS_MODULE(spiller, "spiller", 1, 0,
	   THS_PROVIDES(testsrv, .count = spill_count, .add = spill_add));

/*
 * crash - calls a module that faults, and then faults itself.
 */
#include <theseus/nano_core.h>
#include "crash.h"

static struct ths_ref crash = THS_REF(crash);

static THS_NOINLINE uint64_t fall(uint64_t at)
{
	return *(volatile uint64_t *)(uintptr_t)at + 1; /* kernel fault */
}

static THS_NOINLINE uint64_t stumble(uint64_t at)
{
	return fall(at) + 1; /* kernel call */
}

static void start(void *arg)
{
	struct crash_go plain = {0}, deep = {.deep = 0x30};
	enum ths_err first = crash_go(&crash, &plain), second = crash_go(&crash, &deep);

	(void)arg;
	ths_logf("the calls ended in %s, %s", ths_err_name(first), ths_err_name(second));
	ths_logf("%lu", stumble(0x40));
	ths_stop(THS_STOP_TEST, 0x2a);
}
THS_PROGRAM("crash", start);

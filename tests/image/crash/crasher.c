/*
 * crasher - faults in lines that are marked: symbolize_test looks whether they are named.
 */
#include "crash.h"

#ifdef LATER /* another build of the same name: the lines are others */
static volatile const uint64_t *const nowhere = (const uint64_t *)0x10;

#define FALL() (*nowhere) /* not in any function's line */
#endif

static inline __attribute__((always_inline)) uint64_t deeper(uint64_t at)
{
	return *(volatile const uint64_t *)(uintptr_t)at; /* deep fault */
}

static enum ths_err go(struct ths_call *call, struct crash_go *arg)
{
	(void)call;
	if (arg->deep != 0) {
		arg->deep = deeper(arg->deep); /* deep call */
		return THS_OK;
	}
#ifdef LATER
	arg->deep = FALL(); /* later fault */
#else
	arg->deep = *(volatile uint64_t *)0x20; /* first fault */
#endif
	return THS_OK;
}

THS_MODULE(crasher, "crasher", 1, 0, THS_PROVIDES(crash, .go = go));

/*
 * stop - the end of the machine, which need not be that of the process.
 *
 * A catcher is a point of the thread to go back to: from whatever depth of interactions,
 * whatever exception and whatever task's stack ths_arch_stop() is called. What the thread
 * was (interrupts, depth, signal handlers, context) is noted when the catcher is set and
 * put back when it is reached.
 */
#include "host_impl.h"

#include <stdlib.h>

#define CODE_PASS 0x2au

struct catcher {
	sigjmp_buf regs;
	struct catcher *outer;
	struct host_context *context;
	unsigned core_depth;
	unsigned signals;
	sig_atomic_t irq_on;
	struct ths_host_stop stop;
};

static _Thread_local struct catcher *catcher;
static void (*stop_fn)(const struct ths_host_stop *stop, void *ctx);
static void *stop_ctx;

void ths_host_on_stop(void (*fn)(const struct ths_host_stop *stop, void *ctx), void *ctx)
{
	stop_fn = fn;
	stop_ctx = ctx;
}

void ths_host_stop_reset(void)
{
	ths_host_on_stop(NULL, NULL);
}

static void landed(const struct catcher *here)
{
	ths_host_context_landed(here->context);
	ths_host_core_depth = here->core_depth;
	ths_host_irq_flag = here->irq_on;
}

bool ths_host_until_stop(void (*fn)(void *arg), void *arg, struct ths_host_stop *stop)
{
	struct catcher here = {
		.outer = catcher,
		.context = ths_host_context_running(),
		.core_depth = ths_host_core_depth,
		.signals = ths_host_signals,
		.irq_on = ths_host_irq_flag,
	};

	if (sigsetjmp(here.regs, 0) == 0) {
		catcher = &here;
		fn(arg);
		catcher = here.outer;
		return false;
	}
	landed(&here);
	catcher = here.outer;
	if (stop != NULL)
		*stop = here.stop;
	return true;
}

void ths_arch_stop(enum ths_stop how, uint32_t code)
{
	struct ths_host_stop stop = {.how = how, .code = code};

	if (catcher != NULL) {
		catcher->stop = stop;
		ths_host_irq_flag = false;
		ths_host_signals_leave(catcher->signals);
		ths_host_context_jump(catcher->context, catcher->regs);
	}
	if (stop_fn != NULL)
		stop_fn(&stop, stop_ctx);
	exit(how != THS_STOP_TEST || code == CODE_PASS ? EXIT_SUCCESS : EXIT_FAILURE);
}

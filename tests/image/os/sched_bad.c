/*
 * sched_bad - schedulers that pass all checks and are no good: sched.bad faults when it
 * picks, after it has written its queue; -DUNWELL: sched.unwell says of itself that it
 * cannot serve.
 */
#include <theseus/iface/sched_fifo.h>

static enum ths_err bad_pick(struct ths_call *call, struct sched_pick *arg)
{
	THS_TRY(fifo_pick(call, arg));
	__builtin_trap();
}

static enum ths_err bad_tick(struct ths_call *call, struct sched_tick *arg)
{
	(void)call;
	arg->resched = 1;
	return THS_OK;
}

static enum ths_err bad_selftest(struct ths_call *call)
{
	(void)call;
#ifdef UNWELL
	return THS_E_IO;
#else
	return THS_OK;
#endif
}

#ifdef UNWELL
#define TOKEN sched_unwell
#define ID    "sched.unwell"
#else
#define TOKEN sched_bad
#define ID    "sched.bad"
#endif
#define MODULE(token, ...) THS_MODULE(token, ID, 1, 0, __VA_ARGS__)
MODULE(TOKEN,
       THS_PROVIDES(sched, .admit = fifo_admit, .pick = bad_pick, .tick = bad_tick,
		    .remove = fifo_remove),
       SCHED_FIFO_TABLES, .selftest = bad_selftest);

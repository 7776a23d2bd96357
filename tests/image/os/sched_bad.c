/*
 * sched_bad - schedulers that pass all checks and are no good: sched.bad faults when it
 * picks, after it has written its queue; -DUNWELL: sched.unwell says of itself that it
 * cannot serve.
 */
#include <theseus/iface/sched.h>
#include <theseus/iface/sched_queue.h>
#include <theseus/module.h>

enum { QUEUE, LINK };

static enum ths_err bad_admit(struct ths_call *call, struct sched_admit *arg)
{
	return sched_queue_admit(call, QUEUE, LINK, arg);
}

static enum ths_err bad_pick(struct ths_call *call, struct sched_pick *arg)
{
	THS_TRY(sched_queue_pick(call, QUEUE, LINK, arg));
	__builtin_trap();
}

static enum ths_err bad_tick(struct ths_call *call, struct sched_tick *arg)
{
	(void)call;
	arg->resched = 1;
	return THS_OK;
}

static enum ths_err bad_remove(struct ths_call *call, struct sched_remove *arg)
{
	return sched_queue_remove(call, QUEUE, LINK, arg);
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
       THS_PROVIDES(sched, .admit = bad_admit, .pick = bad_pick, .tick = bad_tick,
		    .remove = bad_remove),
       THS_TABLE(QUEUE, "sched.queue/1", struct sched_queue, .flags = THS_PER_CPU),
       THS_TABLE(LINK, "sched.link/1", struct sched_link, .rows = SCHED_TASKS_MAX,
		 .flags = THS_FIXED),
       .selftest = bad_selftest);

/*
 * sched.rr - every runnable task in its turn.
 *
 * The queue belongs to state_db, not to us, and the order of the queue *is* the memory of
 * whose turn it was: who was running goes to the end, who comes next is taken from the
 * front, in one interaction (sched_fifo.h, with R1-R3). So the module can be swapped between
 * any two picks, for itself or for another policy.
 *
 * Left out on purpose: priorities, sleeping tasks (they are in no queue).
 */
#include <theseus/iface/sched_fifo.h>

#define RR_QUANTUM 4u /* ticks a task may run while others wait */

static enum ths_err rr_tick(struct ths_call *call, struct sched_tick *arg)
{
	bool in_turn = arg->current != THS_ROW_NONE && arg->ticks < RR_QUANTUM;

	return fifo_tick(call, arg, in_turn);
}

SCHED_FIFO_MODULE(sched_rr, "sched.rr", rr_tick);

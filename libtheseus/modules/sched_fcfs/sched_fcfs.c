/*
 * sched.fcfs - who came first is served first, for as long as it likes.
 *
 * Nobody is preempted: a task runs until it sleeps, yields or ends. The queue is the same
 * one sched.rr keeps, in the same order (sched_fifo.h); only the tick decides otherwise. That
 * the two differ in one function is the point: a policy is what is left when state is gone.
 *
 * Invariants
 *   C1  A tick never takes the CPU from a task.
 *
 * Left out on purpose: fairness. A task that never lets go keeps the CPU, here only until
 * somebody swaps the policy.
 */
#include <theseus/iface/sched_fifo.h>

static enum ths_err fcfs_tick(struct ths_call *call, struct sched_tick *arg)
{
	return fifo_tick(call, arg, arg->current != THS_ROW_NONE);
}

SCHED_FIFO_MODULE(sched_fcfs, "sched.fcfs", fcfs_tick);

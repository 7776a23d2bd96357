/*
 * clock.pit - time from channel 0 of the 8254, 250 times a second.
 *
 * Time is one row, and an interrupt adds one to it; whoever serves that interrupt, we or
 * a successor, goes on from the row. `now` is that row times the length of a tick.
 *
 * Who waits must not read the time, or each tick would wake all who wait. Waiters read a
 * wheel instead: bucket b holds the last tick T with T % 64 == b. "Has t come?" is asked
 * of bucket t % 64 alone, and that row changes at tick t, exactly, and only every 64th
 * tick otherwise. A second wheel, of ticks / 64, is asked first, so that who waits for
 * long sleeps on a row that changes every 4,096 ticks (16 s):
 *
 *	level 1   row 64 + (t / 64) % 64   holds T / 64    until that block of 64 begins
 *	level 0   row t % 64               holds T         then until t itself
 *
 * Invariants
 *   C1  now never goes back, and after wait(ns) has succeeded now is at least ns.
 *   C2  A waiter is woken at most 2 + (ticks to wait) / 4096 times.
 *   C3  An interrupt writes two rows, every 64th one three, however many wait.
 *
 * Why 250 Hz: each tick costs three interactions, and the PIC remembers one edge of the
 * line and no more, so an interrupt that waits at depth > 0 for longer than a tick loses
 * one. Operations take well under 4 ms; one that runs into its deadline may cost time a
 * tick or two. A tick is 4773 / 1193182 s = 4,000,227.96 ns; that we say 4,000,228 is an
 * error of one in 10^8, less than any crystal's.
 *
 * Left out on purpose: reading the counter between ticks (a device operation for 4 ms).
 * Source: Intel 8254 data sheet, "Control word format", "Mode 2".
 */
#include <theseus/iface/clock.h>
#include <theseus/module.h>

#define PIT_DIVISOR   4773u
#define PIT_CHANNEL_0 0u /* offsets in the port range */
#define PIT_CONTROL   3u
#define PIT_RATE      0x34u /* channel 0, low byte then high byte, mode 2 */
#define TICK_NS       4000228u
#define SPOKES        64u

enum { TIME, WHEEL };
enum { PORTS };

struct clock_time { /* "clock.time/1" */
	uint64_t ticks;
};
struct clock_bucket { /* "clock.wheel/1" */
	uint64_t last;
};

static enum ths_err pit_now(struct ths_call *call, struct clock_now *arg)
{
	const struct clock_time *time;

	THS_TRY(ths_row_read(call, TIME, 0, &time));
	arg->ns = time->ticks * TICK_NS;
	return THS_OK;
}

static enum ths_err pit_wait(struct ths_call *call, struct clock_wait *arg)
{
	uint64_t due = arg->ns / TICK_NS + (arg->ns % TICK_NS != 0);
	const struct clock_bucket *bucket;

	THS_TRY(ths_row_read(call, WHEEL, SPOKES + due / SPOKES % SPOKES, &bucket));
	if (bucket->last < due / SPOKES)
		return THS_E_AGAIN;
	THS_TRY(ths_row_read(call, WHEEL, due % SPOKES, &bucket));
	return bucket->last < due ? THS_E_AGAIN : THS_OK;
}

static enum ths_err advance(struct ths_call *call)
{
	struct clock_bucket *bucket;
	struct clock_time *time;
	uint64_t now;

	THS_TRY(ths_row_write(call, TIME, 0, &time));
	now = ++time->ticks;
	THS_TRY(ths_row_write(call, WHEEL, now % SPOKES, &bucket));
	bucket->last = now;
	if (now % SPOKES != 0)
		return THS_OK;
	now /= SPOKES;
	THS_TRY(ths_row_write(call, WHEEL, SPOKES + now % SPOKES, &bucket));
	bucket->last = now;
	return THS_OK;
}

static enum ths_err pit_interrupt(struct ths_call *call, struct ths_no_args *arg)
{
	(void)arg;
	return advance(call);
}

/* The tick whose interrupt failed has passed all the same. */
static enum ths_err pit_recover(struct ths_call *call, const struct ths_journal *journal)
{
	return journal->op == clock_op_interrupt ? advance(call) : THS_OK;
}

static enum ths_err pit_start(struct ths_call *call)
{
	THS_TRY(ths_port_out(call, PORTS, PIT_CONTROL, 1, PIT_RATE));
	THS_TRY(ths_port_out(call, PORTS, PIT_CHANNEL_0, 1, PIT_DIVISOR & 0xff));
	return ths_port_out(call, PORTS, PIT_CHANNEL_0, 1, PIT_DIVISOR >> 8);
}

THS_MODULE(clock_pit, "clock.pit", 1, 0,
	   THS_PROVIDES(clock, .now = pit_now, .wait = pit_wait,
			.interrupt = pit_interrupt),
	   THS_TABLE(TIME, "clock.time/1", struct clock_time, .flags = THS_HARDWARE),
	   THS_TABLE(WHEEL, "clock.wheel/1", struct clock_bucket, .rows = 2 * SPOKES,
		     .flags = THS_HARDWARE | THS_FIXED),
	   THS_PORTS(PORTS, 0x40, 4), THS_IRQ(0, 0, clock, interrupt), .start = pit_start,
	   .recover = pit_recover);

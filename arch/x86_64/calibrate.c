/*
 * calibrate - how fast the counter and the LAPIC timer run, told by the PIT.
 *
 * Channel 0 counts down from 65535 (55 ms) at 1.193182 MHz; nothing waits for its end.
 * (Channel 2 would need the speaker's gate, which QEMU's microvm has not.)
 * Two samples are taken about a millisecond apart, each of all three clocks, and each the
 * tightest of a few: one in which the processor was taken away in the middle (a virtual
 * machine on a busy host) is wide in counter time and loses. So neither the length of the
 * window nor a pause inside it matters, only the two samples; and a window of 1 ms is
 * 1 M instructions under icount, where 10 would be a quarter of the budget for booting.
 *
 * A PIT that does not count leaves the rates unknown: the counter's is reported as 0, and
 * the timer is taken to run as fast as QEMU's.
 */
#include "x86.h"

#define PIT_HZ         1193182ul
#define PIT_DATA       0x40
#define PIT_COMMAND    0x43
#define WINDOW         1194u /* of the PIT's counts */
#define TIGHTEST_OF    4u
#define PATIENCE       200000u
#define TRIES          3u
#define LOADING        1000u
#define STATUS_OUT     0x80
#define STATUS_LOADING 0x40
#define TIMER_GUESS    (1000000000ul / 16)

struct sample {
	uint64_t counter, width;
	uint32_t timer, pit; /* both count down */
};

static uint64_t counter_hz, timer_hz;

static uint32_t pit_count(void)
{
	uint32_t low;

	ths_x86_out8(PIT_COMMAND, 0x00); /* latch the count */
	low = ths_x86_in8(PIT_DATA);
	return low | (uint32_t)ths_x86_in8(PIT_DATA) << 8;
}

static struct sample sample_once(bool lapic)
{
	struct sample sample = {.counter = ths_x86_tsc()};

	sample.timer = lapic ? ths_x86_lapic_left() : 0;
	sample.pit = pit_count();
	sample.width = ths_x86_tsc() - sample.counter;
	return sample;
}

static struct sample sample_tightest(bool lapic)
{
	struct sample best = sample_once(lapic);

	for (unsigned i = 1; i < TIGHTEST_OF; i++) {
		const struct sample next = sample_once(lapic);

		if (next.width < best.width)
			best = next;
	}
	return best;
}

static uint8_t pit_status(void)
{
	ths_x86_out8(PIT_COMMAND, 0xe2); /* read back channel 0's */
	return ths_x86_in8(PIT_DATA);
}

static bool expired(void)
{
	return pit_status() & STATUS_OUT;
}

static bool measure(bool lapic)
{
	struct sample from, to;
	uint32_t elapsed;

	ths_x86_out8(PIT_COMMAND, 0x30); /* one shot, masked at the 8259 */
	ths_x86_out8(PIT_DATA, 0xff);
	ths_x86_out8(PIT_DATA, 0xff);
	(void)pit_status(); /* the firmware may have latched both and read neither */
	(void)pit_count();
	for (unsigned i = 0; i < LOADING && pit_status() & STATUS_LOADING; i++)
		ths_arch_relax();
	from = sample_tightest(lapic);
	for (unsigned i = 0; from.pit - pit_count() < WINDOW; i++) {
		if (i == PATIENCE || expired())
			return false;
		ths_arch_relax();
	}
	to = sample_tightest(lapic);
	elapsed = from.pit - to.pit;
	if (expired() || to.pit >= from.pit || to.counter <= from.counter)
		return false;
	counter_hz = (to.counter - from.counter) * PIT_HZ / elapsed;
	timer_hz = (uint64_t)(from.timer - to.timer) * PIT_HZ / elapsed;
	return true;
}

void ths_x86_calibrate(void)
{
	const bool lapic = ths_x86_lapic_present();

	for (unsigned i = 0; i < TRIES; i++)
		if (measure(lapic))
			return;
	counter_hz = 0;
	timer_hz = TIMER_GUESS;
}

uint64_t ths_x86_timer_hz(void)
{
	return timer_hz;
}

uint64_t ths_arch_counter_hz(void)
{
	return counter_hz;
}

void ths_arch_tick_start(uint32_t hz)
{
	if (hz == 0)
		return;
	if (!ths_x86_lapic_present()) {
		ths_x86_pic_tick_start(hz);
		return;
	}
	const uint64_t count = (timer_hz + hz / 2) / hz;

	ths_x86_lapic_tick_start(count == 0 ? 1 : (uint32_t)count);
}

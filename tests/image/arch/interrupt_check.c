/*
 * Ticks and device interrupts: when they come, where they leave the interrupted code, and
 * what runs at depth 0. Meant for -icount, where time is the number of instructions.
 */
#include "harness.h"

#define HZ      1000u
#define PIT_HZ  1193182ul
#define PATIENT 4000000000u /* turns: seconds, though the host may be busy */

/* Without `pause`: on one CPU it helps nobody, and costs the emulator a thousand steps.
 */
static bool wait_for(const volatile unsigned *count, unsigned value)
{
	for (unsigned i = 0; i < PATIENT; i++)
		if (*count >= value)
			return true;
	return false;
}

static bool near(uint64_t value, uint64_t wanted)
{
	return value > wanted - wanted / 50 && value < wanted + wanted / 50;
}

/* ---- rates --------------------------------------------------------------------------- */

/* Channel 2, or 0 where there is no gate for it (microvm). */
static unsigned channel;

static uint32_t pit_count(void)
{
	ths_arch_port_out(0x43, 1, channel << 6);
	const uint32_t low = ths_arch_port_in((uint16_t)(0x40 + channel), 1);

	return low | ths_arch_port_in((uint16_t)(0x40 + channel), 1) << 8;
}

/* Twenty milliseconds of the PIT, in counts of the counter. */
static bool counter_rate_is_right(void)
{
	const uint32_t counts = PIT_HZ / 50;
	uint64_t from;

	channel = ths_arch_port_in(0x61, 1) == 0xff ? 0 : 2;
	ths_arch_port_out(0x61, 1, 1);
	ths_arch_port_out(0x43, 1, channel << 6 | 0x30);
	ths_arch_port_out((uint16_t)(0x40 + channel), 1, 0xff);
	ths_arch_port_out((uint16_t)(0x40 + channel), 1, 0xff);
	const uint32_t first = pit_count();

	from = ths_arch_counter();
	while (first - pit_count() < counts)
		ths_arch_relax();
	return near((ths_arch_counter() - from) * 50, ths_arch_counter_hz());
}

static bool tick_rate_is_right(void)
{
	uint64_t from;

	if (!wait_for(&ticks, ticks + 1))
		return false;
	from = ths_arch_counter();
	return wait_for(&ticks, ticks + 20) &&
	       near((ths_arch_counter() - from) * HZ / 20, ths_arch_counter_hz());
}

static bool off_means_off(void)
{
	const bool was = ths_arch_irq_save();
	const unsigned before = ticks;
	bool nested = ths_arch_irq_save(), good;

	for (uint64_t from = ths_arch_counter();
	     ths_arch_counter() - from < ths_arch_counter_hz() / 200;)
		continue;
	ths_arch_irq_restore(nested);
	good = was && !nested && ticks == before && !interrupts_are_on();
	ths_arch_irq_restore(was);
	return good && interrupts_are_on() && wait_for(&ticks, before + 1);
}

static bool idle_wakes(void)
{
	for (unsigned i = 0; i < 5; i++) {
		const unsigned before = ticks;

		ths_arch_irq_save();
		if (ticks != before)
			continue;
		ths_arch_idle();
		if (!interrupts_are_on() || ticks == before)
			return false;
	}
	return true;
}

/* ---- depth --------------------------------------------------------------------------- */

static bool no_work_at_depth(void)
{
	const unsigned before = works;

	return wait_for(&ticks, ticks + 3) && works == before;
}

static bool work_was_good;

static void look_around(void)
{
	const uint64_t here = (uint64_t)__builtin_frame_address(0);

	idle_now = false;
	work_was_good = !interrupts_are_on() && (uint64_t)test_stack() - here < 4096;
	ths_arch_irq_restore(true);
	work_was_good = work_was_good && wait_for(&ticks, ticks + 2);
	(void)ths_arch_irq_save();
	work = NULL;
}

static uint64_t wait_for_work(void *arg)
{
	const unsigned before = works;

	(void)arg;
	idle_now = true;
	return wait_for(&works, before + 1);
}

static bool work_runs_on_the_task(void)
{
	struct ths_frame frame;

	work = look_around;
	return ths_arch_run(&frame, test_stack(), wait_for_work, NULL) && work_was_good;
}

static void stop_working(void)
{
	idle_now = false;
	work = NULL;
}

/* Every register holds a number of its own while the loop waits for work to have run. */
static bool registers_survive(void)
{
	uint64_t wrong;

	works = 0;
	work = stop_working;
	idle_now = true;
	HOLD_REGISTERS("1: cmpl $0, works; je 1b", wrong);
	return wrong == 0;
}

/* ---- a task switched away from inside its own interrupt ------------------------------ */

static struct ths_arch_context task, other;
static THS_ALIGNED(16) uint8_t other_stack[8192];
static volatile unsigned visits;

static void visit(void *arg)
{
	(void)arg;
	for (;;) {
		visits += wait_for(&ticks, ticks + 1);
		ths_arch_irq_save();
		ths_arch_switch(&other, &task);
		ths_arch_irq_restore(true);
	}
}

static void hand_over(void)
{
	idle_now = false;
	ths_arch_irq_save();
	ths_arch_switch(&task, &other);
	ths_arch_irq_restore(true);
	idle_now = true;
}

static bool preempted_task_goes_on(void)
{
	ths_arch_context_init(&other, other_stack + sizeof(other_stack), visit, NULL);
	work = hand_over;
	idle_now = true;
	const bool good = wait_for(&visits, 10);

	stop_working();
	return good;
}

/* ---- deadlines ----------------------------------------------------------------------- */

static uint64_t for_ever(void *arg)
{
	while (arg != &ticks)
		__asm__ volatile("" : : : "memory");
	return 0;
}

static bool tick_gives_up_a_loop(void)
{
	static struct ths_frame frame;

	for (unsigned i = 0; i < 20; i++) {
		tick_unwinds = &frame;
		if (ths_arch_run(&frame, test_stack(), for_ever, NULL) != UNWOUND ||
		    !interrupts_are_on())
			return false;
	}
	return true;
}

/* ---- other vectors ------------------------------------------------------------------- */

/* The PIT's channel 0 is line 0 of the first 8259, which belongs to whoever asks now. */
static bool device_arrives(void)
{
	const unsigned before = irqs[X86_VEC_PIC];
	bool good = before == 0;

	ths_arch_port_out(0x43, 1, 0x34);
	ths_arch_port_out(0x40, 1, 0xa9); /* 1193: a kilohertz */
	ths_arch_port_out(0x40, 1, 0x04);
	ths_arch_port_out(0x21, 1, 0xfe);
	for (unsigned i = 1; i <= 3; i++) {
		good = good && wait_for(&irqs[X86_VEC_PIC], before + i);
		good = good && wait_for(&ticks, ticks + 3) &&
		       irqs[X86_VEC_PIC] == before + i;
		ths_arch_port_out(0x20, 1, 0x20); /* the next may come */
	}
	ths_arch_port_out(0x21, 1, 0xff);
	return good;
}

static bool kick_leads_to_work(void)
{
	const unsigned before = works;

	work = stop_working;
	idle_now = true;
	ths_x86_lapic_ipi(ths_x86_lapic_id(), X86_VEC_KICK);
	return wait_for(&works, before + 1);
}

static bool spurious_is_nothing(void)
{
	unsigned total = 0, before = works;

	idle_now = true;
	ths_arch_irq_save();
	__asm__ volatile("int $0xff" : : : "memory");
	idle_now = false;
	ths_arch_irq_restore(true);
	for (unsigned i = 0; i < X86_VECTORS; i++)
		total += irqs[i] * (i != X86_VEC_PIC);
	return total == 0 && works == before;
}

void test_interrupts(void)
{
	if (timed)
		check(counter_rate_is_right(),
		      "the counter's rate agrees with the PIT's");
	ths_arch_tick_start(HZ);
	if (timed)
		check(tick_rate_is_right(), "ticks come at the rate asked for");
	check(off_means_off(), "no tick comes while interrupts are off");
	check(idle_wakes(), "idle ends with the next tick");
	check(no_work_at_depth(), "no work is done at depth > 0");
	check(work_runs_on_the_task(),
	      "work begins with interrupts off, on the interrupted stack, and lets them in");
	check(registers_survive(), "an interrupt with work keeps every register");
	check(preempted_task_goes_on(),
	      "a task can be switched away inside its interrupt");
	check(tick_gives_up_a_loop(), "a tick can give up an endless loop");
	if (timed)
		check(tick_rate_is_right(), "ticks still come at that rate");
	if (!ths_x86_lapic_present())
		return; /* line 0 is the tick, and there is nobody to kick */
	check(device_arrives(),
	      "a line of the 8259 arrives once for each end of interrupt");
	check(kick_leads_to_work(), "a kick leads to work");
	check(spurious_is_nothing(), "a spurious interrupt is nothing");
}

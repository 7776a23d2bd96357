/*
 * pulse - a task that is to run every 20 ms, while others keep the CPU busy and the
 * scheduler it depends on is swapped under it. How late is it, and is a beat ever missed?
 *
 * Time is the clock's, whose tick is 4 ms: a beat that comes in the tick after it was due
 * is on time as far as anybody can tell.
 */
#include <stdatomic.h>
#include <theseus/iface/clock.h>
#include <theseus/iface/tasks.h>
#include <theseus/nano_core.h>

#define BEATS     200u
#define PERIOD_NS 20000000u
#define TICK_NS   4000228u
#define BUSY      3u
#define LATE      5u /* classes: 0, 1, 2, 3 ticks, and more */

static struct ths_ref clock_ref = THS_REF(clock), tasks = THS_REF(tasks);
static _Atomic(bool) over;
static _Atomic(uint32_t) beats, failed;
static uint32_t late[LATE];
static uint64_t latest;

static uint64_t now(void)
{
	struct clock_now arg = {0};

	if (clock_now(&clock_ref, &arg) != THS_OK)
		atomic_fetch_add(&failed, 1);
	return arg.ns;
}

static void pulse(void *unused)
{
	struct clock_wait due = {.ns = now()};

	(void)unused;
	for (unsigned i = 0; i < BEATS; i++) {
		uint64_t by;

		due.ns += PERIOD_NS; /* not "from now on": lateness does not add up */
		if (clock_wait(&clock_ref, &due) != THS_OK)
			atomic_fetch_add(&failed, 1);
		by = now() - due.ns;
		latest = by > latest ? by : latest;
		late[by / TICK_NS < LATE ? by / TICK_NS : LATE - 1]++;
		atomic_fetch_add(&beats, 1);
	}
}

/* Never sleeps: only the scheduler's time slices let others run. */
static void busy(void *unused)
{
	(void)unused;
	while (!atomic_load(&over))
		;
}

static bool begin(void (*entry)(void *), const char *name)
{
	struct tasks_create create = {.entry = (uint64_t)(uintptr_t)entry};

	for (unsigned i = 0; name[i]; i++)
		create.name[i] = name[i];
	return tasks_create(&tasks, &create) == THS_OK;
}

static void program(void *unused)
{
	unsigned swaps = 0, passed;
	bool begun = begin(pulse, "pulse"), swapped = true;
	struct ths_reason reason = {""};

	(void)unused;
	for (unsigned i = 0; i < BUSY; i++)
		begun &= begin(busy, "busy");
	while (begun && swapped && atomic_load(&beats) < BEATS) {
		struct clock_wait until = {.ns = now() + 3 * PERIOD_NS};

		swapped = ths_swap_file("sched", "sched.rr", NULL, &reason) == THS_OK &&
			  clock_wait(&clock_ref, &until) == THS_OK;
		swaps++;
	}
	atomic_store(&over, true);
	ths_logf("late by less than    1     2     3     4 ticks   more");
	ths_logf("beats            %5u %5u %5u %5u        %5u", late[0], late[1], late[2],
		 late[3], late[4]);
	ths_logf("# the latest by %lu us; %u swaps of the scheduler",
		 (unsigned long)latest / 1000, swaps);
	passed = begun + (swapped && swaps >= 10) + (beats == BEATS && failed == 0) +
		 (late[LATE - 1] == 0);
	ths_logf("%sok 1 - all begin", begun ? "" : "not ");
	ths_logf("%sok 2 - the scheduler is swapped under them %s",
		 swapped && swaps >= 10 ? "" : "not ", reason.text);
	ths_logf("%sok 3 - no beat is missed", beats == BEATS && failed == 0 ? "" : "not ");
	ths_logf("%sok 4 - none is four ticks late", late[LATE - 1] == 0 ? "" : "not ");
	ths_logf("theseus: %u passed, %u failed", passed, 4 - passed);
	ths_stop(THS_STOP_TEST, 0x2a);
}
THS_PROGRAM("pulse", program);

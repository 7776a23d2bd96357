/*
 * host_irq - interrupts and ticks, on this CPU, from others, and from a real timer (H3).
 */
#include "upcalls.h"
#include "host_impl.h"

#include <pthread.h>
#include <stdatomic.h>
#include <suite.h>

#if defined(__SANITIZE_THREAD__)
#define IS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IS_TSAN 1
#endif
#endif

/* ---- on this CPU --------------------------------------------------------------------- */

START_TEST(an_interrupt_at_depth_0_is_marked_then_worked_off)
{
	up_enter();
	ths_host_irq(33);
	ck_assert_uint_eq(up.irqs, 1);
	ck_assert_uint_eq(up.vectors[0], 33);
	ck_assert_uint_eq(up.works, 1);
	ck_assert(!up.irq_was_on);   /* ths_irq() finds them off ... */
	ck_assert(!up.work_was_off); /* ... and ths_work() on */
	up_leave();
}
END_TEST

START_TEST(an_interrupt_inside_an_interaction_is_only_marked)
{
	up_enter();
	up.depth = 1;
	ths_host_irq(33);
	ths_host_tick();
	ck_assert_uint_eq(up.irqs, 1);
	ck_assert_uint_eq(up.ticks, 1);
	ck_assert_uint_eq(up.works, 0);
	up_leave();
}
END_TEST

START_TEST(nothing_comes_while_interrupts_are_off)
{
	up_enter();
	ck_assert(ths_arch_irq_save());
	ck_assert(!ths_arch_irq_save());
	ths_host_irq(200);
	ths_host_irq(3);
	ths_host_irq(3);
	ths_host_tick();
	ths_host_tick();
	ths_arch_relax();
	ths_arch_irq_restore(false);
	ck_assert_uint_eq(up.irqs + up.ticks + up.works, 0);

	ths_arch_irq_restore(true);
	ck_assert_uint_eq(up.ticks, 1); /* merged */
	ck_assert_uint_eq(up.irqs, 2);  /* each vector is one bit, as in an APIC */
	ck_assert_uint_eq(up.vectors[0], 3);
	ck_assert_uint_eq(up.vectors[1], 200);
	ck_assert(!up.irq_was_on);
	up_leave();
}
END_TEST

START_TEST(every_vector_arrives)
{
	bool seen[256] = {false};

	up_enter();
	for (unsigned vector = 0; vector < 256; vector++) {
		up.irqs = 0;
		ths_host_irq(vector);
		ck_assert_uint_eq(up.irqs, 1);
		seen[up.vectors[0]] = true;
	}
	for (unsigned vector = 0; vector < 256; vector++)
		ck_assert(seen[vector]);
	up.irqs = 0;
	ths_host_irq(256); /* there is no such vector */
	ck_assert_uint_eq(up.irqs, 0);
	up_leave();
}
END_TEST

static THS_NOINLINE void tick_here(void)
{
	ths_host_tick();
	__asm__ volatile("" ::: "memory"); /* no tail call: the address is in here */
}

START_TEST(a_tick_says_where_it_was_taken)
{
	up_enter();
	tick_here();
	ck_assert_uint_gt(up.tick_pc, (uint64_t)(uintptr_t)tick_here);
	ck_assert_uint_lt(up.tick_pc, (uint64_t)(uintptr_t)tick_here + 256);
	up_leave();
}
END_TEST

static uint64_t tick_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		tick_here();
	return 0;
}

START_TEST(a_tick_beyond_the_budget_unwinds)
{
	up_enter();
	up.budget = 5;
	ck_assert_uint_eq(up_module(tick_for_ever), UP_TICK);
	ck_assert_uint_eq(up.ticks, 5);
	ck_assert(ths_host_irq_is_on());
	up_leave();
}
END_TEST

static uint64_t tick_in_core(void *arg)
{
	(void)arg;
	ths_arch_core_enter();
	for (int i = 0; i < 10; i++)
		tick_here();
	ths_arch_core_leave();
	return 3;
}

START_TEST(a_tick_in_the_core_does_not_unwind)
{
	up_enter();
	up.budget = 5;
	ck_assert_uint_eq(up_module(tick_in_core), 3);
	ck_assert_uint_eq(up.ticks, 10);
	up_leave();
}
END_TEST

/* ---- idling -------------------------------------------------------------------------- */

START_TEST(idle_takes_what_is_pending_and_turns_interrupts_on)
{
	up_enter();
	ths_arch_irq_save();
	ths_host_irq(7);
	ths_arch_idle();
	ck_assert_uint_eq(up.irqs, 1);
	ck_assert_uint_eq(up.works, 1);
	ck_assert(ths_host_irq_is_on());
	up_leave();
}
END_TEST

static void tick_when_idle(void *ctx)
{
	unsigned *times = ctx;

	ck_assert(ths_host_irq_is_on());
	++*times;
	ths_host_tick();
}

START_TEST(a_test_may_drive_time_from_idle)
{
	unsigned times = 0;

	up_enter();
	ths_host_on_idle(tick_when_idle, &times);
	for (int i = 0; i < 4; i++)
		ths_arch_idle();
	ck_assert_uint_eq(times, 4);
	ck_assert_uint_eq(up.ticks, 4);
	ths_host_reset();
	up_leave();
}
END_TEST

/* ---- from other CPUs ----------------------------------------------------------------- */

#define ROUNDS 200u

static void *post_irqs(void *arg)
{
	_Atomic unsigned *served = arg;

	for (unsigned i = 1; i <= ROUNDS; i++) {
		if (i % 2 == 0)
			ths_arch_kick_cpu(0);
		else
			ths_host_irq_on(0, i % 256);
		while (atomic_load(served) < i)
			sched_yield();
	}
	return NULL;
}

START_TEST(no_interrupt_or_kick_to_an_idle_cpu_is_lost)
{
	_Atomic unsigned served = 0;
	pthread_t poster;

	up_enter();
	ck_assert_uint_eq(ths_host_cpu_index(), 0);
	pthread_create(&poster, NULL, post_irqs, &served);
	while (atomic_load(&served) < ROUNDS) {
		unsigned before = up.works;

		ths_arch_irq_save();
		ths_arch_idle();
		atomic_fetch_add(&served, up.works - before);
	}
	pthread_join(poster, NULL);
	ck_assert_uint_eq(up.works, ROUNDS);
	ck_assert_uint_eq(up.irqs, ROUNDS / 2);
	up_leave();
}
END_TEST

static void *post_many(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < ROUNDS; i++)
		ths_host_irq_on(0, i % 256);
	return NULL;
}

START_TEST(a_spinning_cpu_takes_interrupts)
{
	pthread_t poster;

	up_enter();
	pthread_create(&poster, NULL, post_many, NULL);
	while (up.irqs < ROUNDS) /* all different vectors: none may be merged */
		ths_arch_relax();
	pthread_join(poster, NULL);
	ck_assert_uint_eq(up.irqs, ROUNDS);
	up_leave();
}
END_TEST

START_TEST(a_kick_of_nobody_does_nothing)
{
	up_enter();
	ths_arch_kick_cpu(5);
	ths_arch_kick_cpu(1000);
	ths_host_irq_on(1000, 1);
	ths_arch_relax();
	ck_assert_uint_eq(up.irqs + up.works, 0);
	up_leave();
}
END_TEST

/* ---- the real timer ------------------------------------------------------------------ */

START_TEST(the_timer_ticks_and_wakes_an_idle_cpu)
{
	uint64_t from;

	up_enter();
	from = ths_arch_counter();
	ths_arch_tick_start(200);
	while (up.ticks < 4 || up.works == 0)
		ths_arch_idle();
	/* The first may be cut short by the clock's grain; later is always possible. */
	ck_assert_uint_ge(ths_arch_counter() - from, 15 * 1000000);
	ck_assert(!up.irq_was_on);
	ck_assert(!up.work_was_off);
	ths_arch_tick_start(0);
	up_leave();
}
END_TEST

/* From here on: a slow host ticks before, too. */
static void two_ticks_from_now(void)
{
	up.budget = up.ticks + 2;
}

#ifndef IS_TSAN
static uint64_t loop_for_ever(void *arg)
{
	(void)arg;
	two_ticks_from_now();
	for (;;)
		__asm__ volatile("pause" : : : "memory");
	return 0;
}

START_TEST(the_timer_ends_an_endless_loop)
{
	up_enter();
	ths_arch_tick_start(500);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(up_module(loop_for_ever), UP_TICK);
		ck_assert_uint_ge(up.unwound_pc, (uint64_t)(uintptr_t)loop_for_ever);
		ck_assert_uint_lt(up.unwound_pc,
				  (uint64_t)(uintptr_t)loop_for_ever + 256);
	}
	up_leave();
}
END_TEST
#endif

static uint64_t relax_for_ever(void *arg)
{
	(void)arg;
	two_ticks_from_now();
	for (;;)
		ths_arch_relax();
	return 0;
}

START_TEST(the_timer_ends_a_spinning_loop)
{
	up_enter();
	ths_arch_tick_start(500);
	ck_assert_uint_eq(up_module(relax_for_ever), UP_TICK);
	up_leave();
}
END_TEST

START_TEST(a_timer_tick_waits_for_interrupts_to_go_on)
{
	up_enter();
	ths_arch_irq_save();
	ths_arch_tick_start(1000);
	while (!atomic_load(&ths_host_self->tick)) /* it has come, and waits */
		sched_yield();
	ck_assert_uint_eq(up.ticks, 0);
	ths_arch_irq_restore(true);
	ck_assert_uint_ge(up.ticks, 1);
	up_leave();
}
END_TEST

START_TEST(leaving_stops_the_timer)
{
	uint64_t from;
	unsigned ticks;

	up_enter();
	ths_arch_tick_start(1000);
	up_leave();
	ticks = up.ticks;
	from = ths_arch_counter();
	while (ths_arch_counter() - from < 5 * 1000000)
		sched_yield();
	ck_assert_uint_eq(up.ticks, ticks);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("host_irq");
	TCase *here = tcase_create("H3 interrupts on this CPU");
	TCase *idle = tcase_create("idling");
	TCase *others = tcase_create("from other CPUs");
	TCase *timer = tcase_create("the real timer");

	tcase_add_test(here, an_interrupt_at_depth_0_is_marked_then_worked_off);
	tcase_add_test(here, an_interrupt_inside_an_interaction_is_only_marked);
	tcase_add_test(here, nothing_comes_while_interrupts_are_off);
	tcase_add_test(here, every_vector_arrives);
	tcase_add_test(here, a_tick_says_where_it_was_taken);
	tcase_add_test(here, a_tick_beyond_the_budget_unwinds);
	tcase_add_test(here, a_tick_in_the_core_does_not_unwind);
	suite_add_tcase(suite, here);

	tcase_add_test(idle, idle_takes_what_is_pending_and_turns_interrupts_on);
	tcase_add_test(idle, a_test_may_drive_time_from_idle);
	suite_add_tcase(suite, idle);

	tcase_add_test(others, no_interrupt_or_kick_to_an_idle_cpu_is_lost);
	tcase_add_test(others, a_spinning_cpu_takes_interrupts);
	tcase_add_test(others, a_kick_of_nobody_does_nothing);
	suite_add_tcase(suite, others);

	tcase_add_test(timer, the_timer_ticks_and_wakes_an_idle_cpu);
#ifndef IS_TSAN
	tcase_add_test(timer, the_timer_ends_an_endless_loop);
#endif
	tcase_add_test(timer, the_timer_ends_a_spinning_loop);
	tcase_add_test(timer, a_timer_tick_waits_for_interrupts_to_go_on);
	tcase_add_test(timer, leaving_stops_the_timer);
	suite_add_tcase(suite, timer);
	return suite;
}

/*
 * host_context - tasks' contexts under the eyes of the sanitizers (H5).
 */
#include "upcalls.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <suite.h>

#define TASKS 4u

static struct ths_arch_context main_context, contexts[TASKS];
static char given_stacks[TASKS][64] THS_ALIGNED(16); /* only their addresses matter */
static unsigned current;                             /* TASKS: main */
static unsigned trace[64], traced;

static struct ths_arch_context *context_of(unsigned task)
{
	return task == TASKS ? &main_context : &contexts[task];
}

static void *stack_top_of(unsigned task)
{
	return given_stacks[task] + sizeof(given_stacks[task]);
}

static void go_to(unsigned task)
{
	unsigned from = current;
	bool on = ths_arch_irq_save();

	current = task;
	ths_arch_switch(context_of(from), context_of(task));
	ths_arch_irq_restore(on);
}

static void pass_on(void *arg)
{
	unsigned task = (unsigned)(uintptr_t)arg;
	volatile unsigned char frame[4096]; /* is still there after other tasks ran */

	for (unsigned round = 0;; round++) {
		memset((void *)(uintptr_t)frame, (int)(task + round), sizeof(frame));
		trace[traced++] = task;
		go_to(task + 1);
		for (size_t i = 0; i < sizeof(frame); i++)
			if (frame[i] != (unsigned char)(task + round))
				abort();
	}
}

static void prepare(void (*entry)(void *))
{
	up_enter();
	current = TASKS;
	traced = 0;
	for (unsigned i = 0; i < TASKS; i++)
		ths_arch_context_init(&contexts[i], stack_top_of(i), entry,
				      (void *)(uintptr_t)i);
}

static void finish(void)
{
	up_leave();
	ths_host_reset();
}

START_TEST(contexts_keep_their_stacks)
{
	prepare(pass_on);
	for (unsigned round = 0; round < 3; round++)
		go_to(0);
	ck_assert_uint_eq(traced, 3 * TASKS);
	for (unsigned i = 0; i < traced; i++)
		ck_assert_uint_eq(trace[i], i % TASKS);
	finish();
}
END_TEST

static void note_irq(void *arg)
{
	(void)arg;
	trace[traced++] = ths_host_irq_is_on();
	trace[traced++] = ths_host_core_depth;
	ths_arch_core_enter();
	ths_arch_core_enter();
	go_to(TASKS);
	trace[traced++] = ths_host_core_depth;
	go_to(TASKS);
	abort();
}

START_TEST(a_context_starts_with_interrupts_on_and_has_its_own_depth)
{
	prepare(note_irq);
	ths_arch_core_enter();
	go_to(0);
	ck_assert_uint_eq(traced, 2);
	ck_assert_uint_eq(trace[0], 1);
	ck_assert_uint_eq(trace[1], 0);
	ck_assert_uint_eq(ths_host_core_depth, 1);
	go_to(0);
	ck_assert_uint_eq(trace[2], 2);
	ths_arch_core_leave();
	finish();
}
END_TEST

static uint64_t fault(void *arg)
{
	(void)arg;
	__asm__ volatile("movb $0, 24" ::: "memory");
	return 0;
}

static uint64_t fill_stack(void *arg)
{
	(void)arg;
	__asm__ volatile("movq %%rsp, %%rax\n"
			 "1: subq $4096, %%rax\n"
			 "   movb $0, (%%rax)\n"
			 "   jmp 1b"
			 :
			 :
			 : "rax", "memory");
	return 0;
}

static void run_interactions(void *arg)
{
	unsigned task = (unsigned)(uintptr_t)arg;

	for (;;) {
		trace[traced++] = (unsigned)up_module(fault);
		trace[traced++] = (unsigned)up_module(fill_stack);
		go_to(task + 1);
	}
}

START_TEST(interactions_fault_and_unwind_on_any_context)
{
	prepare(run_interactions);
	go_to(0);
	go_to(0);
	ck_assert_uint_eq(traced, 4 * TASKS);
	for (unsigned i = 0; i < traced; i += 2) {
		ck_assert_uint_eq(trace[i], UP_TRAP + THS_TRAP_PAGE);
		ck_assert_uint_eq(trace[i + 1], UP_TRAP + THS_TRAP_STACK);
	}
	finish();
}
END_TEST

static void live_once(void *arg)
{
	volatile char frame[2048];

	memset((void *)(uintptr_t)frame, 1, sizeof(frame));
	++*(unsigned *)arg;
	go_to(TASKS); /* and never come back */
	abort();
}

START_TEST(a_dead_contexts_stack_serves_again)
{
	unsigned lives = 0;
	void *first;

	prepare(pass_on);
	first = contexts[0].host;
	for (unsigned i = 0; i < 100; i++) {
		ths_arch_context_init(&contexts[0], stack_top_of(0), live_once, &lives);
		ck_assert_ptr_eq(contexts[0].host, first);
		go_to(0);
	}
	ck_assert_uint_eq(lives, 100);
	finish();
}
END_TEST

START_TEST(unmapping_the_stack_frees_the_context)
{
	struct ths_arch_area area = ths_arch_stack_area();
	unsigned lives = 0;

	up_enter();
	current = TASKS;
	for (unsigned i = 0; i < 50; i++) {
		ths_vaddr_t base = area.base + THS_PAGE_SIZE * (2 * i + 1);

		ck_assert_int_eq(ths_arch_map(base, THS_HOST_PADDR, 1, THS_PROT_RW),
				 THS_OK);
		ths_arch_context_init(&contexts[0], (void *)(base + THS_PAGE_SIZE),
				      live_once, &lives);
		go_to(0);
		ths_arch_unmap(base, 1);
	}
	ck_assert_uint_eq(lives, 50);
	ck_assert_uint_eq(up_pages_out, 0);
	finish(); /* LeakSanitizer says whether they are gone */
}
END_TEST

static void keep_memory(void *arg)
{
	char *volatile kept = malloc(100);

	(void)arg;
	strcpy(kept, "known to this stack alone");
	go_to(TASKS);
	trace[traced++] = kept[0];
	free(kept);
	go_to(TASKS);
	abort();
}

START_TEST(what_a_waiting_context_holds_is_not_leaked)
{
	prepare(keep_memory);
	go_to(0);
	go_to(0);
	ck_assert_uint_eq(trace[0], 'k');
	finish();
}
END_TEST

START_TEST(a_switch_to_oneself_is_nothing)
{
	prepare(pass_on);
	go_to(TASKS - 1);
	ck_assert_uint_eq(traced, 1);
	go_to(TASKS);
	ck_assert_uint_eq(traced, 1);
	go_to(TASKS - 1);
	ck_assert_uint_eq(traced, 2);
	finish();
}
END_TEST

/* ---- threads ---------------------------------------------------------------------- */

#define THREADS       3u
#define THREAD_ROUNDS 200u

static _Thread_local struct ths_arch_context here, there;
static _Thread_local unsigned count;

static void count_up(void *arg)
{
	unsigned by = (unsigned)(uintptr_t)arg;

	for (;;) {
		count += by;
		ths_arch_switch(&there, &here);
	}
}

static void *switch_often(void *arg)
{
	unsigned by = (unsigned)(uintptr_t)arg;

	up_enter();
	ths_arch_context_init(&there, (char *)&up + by * 16, count_up, arg);
	for (unsigned i = 0; i < THREAD_ROUNDS; i++)
		ths_arch_switch(&here, &there);
	up_leave();
	return count == by * THREAD_ROUNDS ? &main_context : NULL;
}

START_TEST(threads_switch_side_by_side)
{
	pthread_t threads[THREADS];
	void *result;

	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, switch_often,
			       (void *)(uintptr_t)(i + 1));
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &result);
		ck_assert_ptr_nonnull(result);
	}
	ths_host_reset();
}
END_TEST

static struct ths_arch_context mover;
static _Atomic unsigned stage;
static struct ths_arch_context homes[2];
static unsigned seen_cpu[2];

static void move(void *arg)
{
	(void)arg;
	seen_cpu[0] = ths_host_cpu_index();
	ths_arch_switch(&mover, &homes[0]);
	seen_cpu[1] = ths_host_cpu_index();
	ths_arch_switch(&mover, &homes[1]);
	abort();
}

static void *take_over(void *arg)
{
	(void)arg;
	up_enter();
	while (atomic_load(&stage) == 0)
		ths_arch_relax();
	ths_arch_switch(&homes[1], &mover);
	up_leave();
	return NULL;
}

START_TEST(a_context_continues_on_another_cpu)
{
	pthread_t other;

	up_enter();
	pthread_create(&other, NULL, take_over, NULL);
	ths_arch_context_init(&mover, stack_top_of(0), move, NULL);
	ths_arch_switch(&homes[0], &mover);
	atomic_store(&stage, 1);
	pthread_join(other, NULL);
	ck_assert_uint_eq(seen_cpu[0], 0);
	ck_assert_uint_eq(seen_cpu[1], 1);
	finish();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("host_context");
	TCase *one = tcase_create("contexts on one CPU");
	TCase *many = tcase_create("contexts on several CPUs");

	tcase_add_test(one, contexts_keep_their_stacks);
	tcase_add_test(one, a_context_starts_with_interrupts_on_and_has_its_own_depth);
	tcase_add_test(one, interactions_fault_and_unwind_on_any_context);
	tcase_add_test(one, a_dead_contexts_stack_serves_again);
	tcase_add_test(one, unmapping_the_stack_frees_the_context);
	tcase_add_test(one, what_a_waiting_context_holds_is_not_leaked);
	tcase_add_test(one, a_switch_to_oneself_is_nothing);
	suite_add_tcase(suite, one);

	tcase_add_test(many, threads_switch_side_by_side);
	tcase_add_test(many, a_context_continues_on_another_cpu);
	suite_add_tcase(suite, many);
	return suite;
}

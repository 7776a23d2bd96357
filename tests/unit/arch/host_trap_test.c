/*
 * host_trap - faults become traps, frames are unwound, copies come back (H2).
 *
 * The operations here do what modules must not; each is called as a module is. What is
 * undefined in C is done in assembly, so that no compiler or sanitizer gets in between.
 */
#include "upcalls.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <suite.h>
#include <sys/mman.h>

#define NON_CANONICAL UINT64_C(0x8000000000000000)
/* An address nobody maps, no page boundary. */
#define UNMAPPED UINT64_C(0x18)

static uint64_t load(uint64_t address)
{
	uint64_t value;

	__asm__ volatile("movq (%1), %0" : "=r"(value) : "r"(address) : "memory");
	return value;
}

static void store(uint64_t address)
{
	__asm__ volatile("movb $1, (%0)" : : "r"(address) : "memory");
}

static uint64_t read_unmapped(void *arg)
{
	(void)arg;
	return load(UNMAPPED);
}

static uint64_t write_unmapped(void *arg)
{
	(void)arg;
	store(UNMAPPED);
	return 0;
}

static uint64_t read_non_canonical(void *arg)
{
	(void)arg;
	return load(NON_CANONICAL);
}

static const char constant[64] = "rodata";

static uint64_t write_constant(void *arg)
{
	(void)arg;
	store((uint64_t)(uintptr_t)constant);
	return 0;
}

static uint64_t jump_to_data(void *arg)
{
	static uint8_t data[16] = {0xc3};

	(void)arg;
	__asm__ volatile("call *%0" : : "r"(data) : "memory");
	return 0;
}

static uint64_t divide_by_zero(void *arg)
{
	uint64_t low = 1, high = 0;

	(void)arg;
	__asm__ volatile("divq %2" : "+a"(low), "+d"(high) : "r"(UINT64_C(0)));
	return low;
}

static uint64_t execute_ud2(void *arg)
{
	(void)arg;
	__asm__ volatile("ud2");
	return 0;
}

static uint64_t execute_int3(void *arg)
{
	(void)arg;
	__asm__ volatile("int3");
	return 0;
}

static uint64_t overrun_stack(void *arg)
{
	/* Down page by page, as a recursion goes, without a compiler to optimise it. */
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

static uint64_t answer(void *arg)
{
	return arg == NULL ? 42 : *(uint64_t *)arg;
}

struct fault {
	uint64_t (*fn)(void *);
	enum ths_trap_kind kind;
	uint32_t vector;
	uint64_t addr;
	bool has_addr;
};

static const struct fault faults[] = {
	{read_unmapped, THS_TRAP_PAGE, 14, UNMAPPED, true},
	{write_unmapped, THS_TRAP_PAGE, 14, UNMAPPED, true},
	{read_non_canonical, THS_TRAP_PAGE, 13, 0, true},
	{write_constant, THS_TRAP_PAGE, 14, 0, false},
	{jump_to_data, THS_TRAP_PAGE, 14, 0, false},
	{divide_by_zero, THS_TRAP_ARITH, 0, 0, true},
	{execute_ud2, THS_TRAP_OPCODE, 6, 0, true},
	{execute_int3, THS_TRAP_OTHER, 3, 0, true},
	{overrun_stack, THS_TRAP_STACK, 14, 0, false},
};

START_TEST(a_fault_in_a_module_is_a_trap_and_comes_back)
{
	const struct fault *fault = &faults[_i];

	up_enter();
	for (unsigned round = 1; round <= 3; round++) {
		ck_assert_uint_eq(up_module(fault->fn), UP_TRAP + fault->kind);
		ck_assert_uint_eq(up.traps, round);
		ck_assert_uint_eq(up.trap.kind, fault->kind);
		ck_assert_uint_eq(up.trap.vector, fault->vector);
		if (fault->has_addr)
			ck_assert_uint_eq(up.trap.addr, fault->addr);
		ck_assert_ptr_nonnull(up.trap.regs);
	}
	ck_assert_uint_eq(up_module(answer), 42);
	ck_assert(!up.irq_was_on);
	ck_assert(ths_host_irq_is_on());
	up_leave();
}
END_TEST

START_TEST(a_trap_says_where)
{
	up_enter();
	up_module(write_constant);
	ck_assert_uint_eq(up.trap.addr, (uint64_t)(uintptr_t)constant);
	ck_assert_uint_eq(up.trap.error & 3, 3); /* present, write */
	up_module(execute_ud2);
	ck_assert_uint_ge(up.trap.pc, (uint64_t)(uintptr_t)execute_ud2);
	ck_assert_uint_lt(up.trap.pc, (uint64_t)(uintptr_t)execute_ud2 + 256);
	ck_assert_uint_ne(up.trap.sp, 0);
	up_leave();
}
END_TEST

static void *faults_on_thread(void *arg)
{
	(void)arg;
	up_enter();
	for (size_t i = 0; i < THS_ARRAY_SIZE(faults); i++)
		if (up_module(faults[i].fn) != UP_TRAP + faults[i].kind)
			return NULL;
	return &up; /* left by the thread's end */
}

START_TEST(every_thread_has_its_exceptions)
{
	pthread_t threads[3];
	void *result;

	for (size_t i = 0; i < THS_ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, faults_on_thread, NULL);
	for (size_t i = 0; i < THS_ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &result);
		ck_assert_ptr_nonnull(result);
	}
	up_enter();
	ck_assert_uint_eq(ths_host_cpu_index(), 0); /* the slots are free again */
	up_leave();
}
END_TEST

/* ---- faults that are nobody's ------------------------------------------------------ */

static uint64_t core_faults(void *arg)
{
	ths_arch_core_enter();
	answer(arg);
	read_unmapped(NULL);
	ths_arch_core_leave();
	return 0;
}

START_TEST(a_fault_in_the_core_is_a_crash)
{
	up_enter();
	up_module(core_faults);
}
END_TEST

START_TEST(a_fault_outside_an_interaction_is_a_crash)
{
	up_enter();
	read_unmapped(NULL);
}
END_TEST

static void fault_again(void)
{
	read_unmapped(NULL);
}

START_TEST(a_fault_in_the_trap_is_a_crash)
{
	up_enter();
	up.on_trap = fault_again;
	up_module(read_unmapped);
}
END_TEST

START_TEST(a_fault_of_no_cpu_is_a_crash)
{
	up_enter();
	up_leave();
	read_unmapped(NULL);
}
END_TEST

START_TEST(a_signal_that_was_sent_is_no_fault)
{
	up_enter();
	raise(SIGSEGV);
}
END_TEST

/* ---- frames ------------------------------------------------------------------------ */

START_TEST(run_gives_what_the_function_gives)
{
	struct ths_frame frame;
	uint64_t value = 7;

	ck_assert_uint_eq(ths_arch_run(&frame, NULL, answer, &value), 7);
	ck_assert_uint_eq(ths_arch_run(&frame, NULL, answer, NULL), 42);
}
END_TEST

static struct ths_frame outer, inner;

static uint64_t unwind_outer(void *arg)
{
	(void)arg;
	ths_arch_core_enter();
	ths_arch_core_enter();
	ths_arch_unwind(&outer, 5);
}

static uint64_t run_inner(void *arg)
{
	return ths_arch_run(&inner, NULL, unwind_outer, arg) + 100;
}

START_TEST(an_unwinding_passes_frames_and_restores_the_depth)
{
	up_enter();
	ths_arch_core_enter();
	ck_assert_uint_eq(ths_arch_run(&outer, NULL, run_inner, NULL), 5);
	ck_assert_uint_eq(ths_host_core_depth, 1);
	ths_arch_core_leave();
	up_leave();
}
END_TEST

static uint64_t unwind_with_irq_off(void *arg)
{
	(void)arg;
	ths_arch_irq_save();
	ths_host_irq(9);
	ths_arch_unwind(&outer, 6);
}

START_TEST(interrupts_go_on_after_an_unwinding)
{
	up_enter();
	up.depth = 1;
	ck_assert_uint_eq(ths_arch_run(&outer, NULL, unwind_with_irq_off, NULL), 6);
	ck_assert(ths_host_irq_is_on());
	ck_assert_uint_eq(up.irqs, 1); /* what came meanwhile is not lost */
	up_leave();
}
END_TEST

START_TEST(the_border_tells_modules_from_the_core)
{
	up_enter();
	ck_assert(ths_host_in_module(0));
	ths_arch_core_enter();
	ck_assert(!ths_host_in_module(0));
	ths_arch_core_leave();
	ck_assert(ths_host_in_module(0));
	up_leave();
}
END_TEST

/* ---- copies ------------------------------------------------------------------------ */

START_TEST(a_copy_copies)
{
	const char from[] = "as it should be";
	char to[sizeof(from)] = "";

	ck_assert_int_eq(ths_arch_copy(to, from, sizeof(from)), THS_OK);
	ck_assert_str_eq(to, from);
	ck_assert_int_eq(ths_arch_copy(to, NULL, 0), THS_OK);
}
END_TEST

static const uint64_t bad_addresses[] = {0, UNMAPPED, NON_CANONICAL,
					 UINT64_C(0xffff800000000000),
					 UINT64_C(0xfffffffffffffff0)};

START_TEST(a_copy_that_faults_is_an_error_and_no_trap)
{
	void *bad = (void *)bad_addresses[_i];
	char buf[32] = "";

	up_enter();
	for (int round = 0; round < 3; round++) {
		ck_assert_int_eq(ths_arch_copy(buf, bad, sizeof(buf)), THS_E_FAULT);
		ck_assert_int_eq(ths_arch_copy(bad, buf, sizeof(buf)), THS_E_FAULT);
	}
	ck_assert_uint_eq(up.traps, 0);
	ck_assert_uint_eq(up_module(read_unmapped), UP_TRAP + THS_TRAP_PAGE);
	up_leave();
}
END_TEST

static void copy_badly(void)
{
	char buf[8];

	up.on_trap = NULL;
	up.budget = (unsigned)ths_arch_copy(buf, (void *)UNMAPPED, sizeof(buf));
}

START_TEST(a_copy_may_fault_inside_a_trap)
{
	up_enter();
	up.on_trap = copy_badly;
	ck_assert_uint_eq(up_module(execute_ud2), UP_TRAP + THS_TRAP_OPCODE);
	ck_assert_int_eq((int)up.budget, THS_E_FAULT);
	ck_assert_uint_eq(up.traps, 1);
	up_leave();
}
END_TEST

START_TEST(a_copy_stops_at_the_end_of_what_is_mapped)
{
	char *page = mmap(NULL, 2 * THS_PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char buf[64];

	munmap(page + THS_PAGE_SIZE, THS_PAGE_SIZE);
	ck_assert_int_eq(ths_arch_copy(buf, page + THS_PAGE_SIZE - 64, 64), THS_OK);
	ck_assert_int_eq(ths_arch_copy(buf, page + THS_PAGE_SIZE - 63, 64), THS_E_FAULT);
	munmap(page, THS_PAGE_SIZE);
}
END_TEST

/* ---- the record ---------------------------------------------------------------------- */

START_TEST(the_record_is_found_both_ways)
{
	struct ths_cpu *by_gs;

	up_enter();
	ck_assert_ptr_eq(ths_cpu(), (struct ths_cpu *)&up);
	__asm__("movq %%gs:0, %0" : "=r"(by_gs)); /* as on the machine */
	ck_assert_ptr_eq(by_gs, (struct ths_cpu *)&up);
	up_leave();
	ck_assert_ptr_null(ths_cpu());
	ck_assert_uint_eq(ths_host_cpu_index(), THS_HOST_NO_CPU);
}
END_TEST

START_TEST(set_makes_a_cpu_with_interrupts_off)
{
	struct ths_cpu *self = (struct ths_cpu *)&up;

	up.self = self;
	ths_arch_cpu_set(self);
	ck_assert_ptr_eq(ths_cpu(), self);
	ck_assert_uint_eq(ths_host_cpu_index(), 0);
	ck_assert(!ths_host_irq_is_on());
	up_leave();
}
END_TEST

START_TEST(an_index_is_taken_once)
{
	struct ths_cpu *self = (struct ths_cpu *)&up;

	ck_assert(ths_host_cpu_enter_as(self, THS_CPU_MAX - 1));
	ck_assert_uint_eq(ths_host_cpu_index(), THS_CPU_MAX - 1);
	ck_assert(!ths_host_cpu_enter_as(self, THS_CPU_MAX));
	ck_assert_uint_eq(ths_host_cpu_index(), THS_HOST_NO_CPU);
}
END_TEST

/* How a crash ends: by its signal, or by the sanitizer's exit code after its report. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CRASH_CODE 1
#elif __has_feature(thread_sanitizer)
#define CRASH_CODE 66
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define CRASH_CODE 1
#elif defined(__SANITIZE_THREAD__)
#define CRASH_CODE 66
#endif
#ifdef CRASH_CODE
#define add_crash_test(tcase, test) tcase_add_exit_test(tcase, test, CRASH_CODE)
#else
#define add_crash_test(tcase, test) tcase_add_test_raise_signal(tcase, test, SIGSEGV)
#endif

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("host_trap");
	TCase *faults_case = tcase_create("faults become traps");
	TCase *crashes = tcase_create("H2 a crash stays a crash");
	TCase *frames = tcase_create("run and unwind");
	TCase *copies = tcase_create("copies come back");
	TCase *records = tcase_create("H1 a thread is a CPU");

	tcase_add_loop_test(faults_case, a_fault_in_a_module_is_a_trap_and_comes_back, 0,
			    THS_ARRAY_SIZE(faults));
	tcase_add_test(faults_case, a_trap_says_where);
	tcase_add_test(faults_case, every_thread_has_its_exceptions);
	suite_add_tcase(suite, faults_case);

	add_crash_test(crashes, a_fault_in_the_core_is_a_crash);
	add_crash_test(crashes, a_fault_outside_an_interaction_is_a_crash);
	add_crash_test(crashes, a_fault_in_the_trap_is_a_crash);
	add_crash_test(crashes, a_fault_of_no_cpu_is_a_crash);
	add_crash_test(crashes, a_signal_that_was_sent_is_no_fault);
	suite_add_tcase(suite, crashes);

	tcase_add_test(frames, run_gives_what_the_function_gives);
	tcase_add_test(frames, an_unwinding_passes_frames_and_restores_the_depth);
	tcase_add_test(frames, interrupts_go_on_after_an_unwinding);
	tcase_add_test(frames, the_border_tells_modules_from_the_core);
	suite_add_tcase(suite, frames);

	tcase_add_test(copies, a_copy_copies);
	tcase_add_loop_test(copies, a_copy_that_faults_is_an_error_and_no_trap, 0,
			    THS_ARRAY_SIZE(bad_addresses));
	tcase_add_test(copies, a_copy_may_fault_inside_a_trap);
	tcase_add_test(copies, a_copy_stops_at_the_end_of_what_is_mapped);
	suite_add_tcase(suite, copies);

	tcase_add_test(records, the_record_is_found_both_ways);
	tcase_add_test(records, set_makes_a_cpu_with_interrupts_off);
	tcase_add_test(records, an_index_is_taken_once);
	suite_add_tcase(suite, records);
	return suite;
}

/*
 * host_machine - ports, console, backtraces, time, chance, booting and stopping.
 */
#include "upcalls.h"

#include <stdatomic.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <suite.h>

/* ---- ports --------------------------------------------------------------------------- */

struct model {
	uint16_t port;
	unsigned width;
	uint32_t written;
};

static uint32_t model_in(void *ctx, uint16_t port, unsigned width)
{
	struct model *model = ctx;

	model->port = port;
	model->width = width;
	return 0x89abcdef;
}

static void model_out(void *ctx, uint16_t port, unsigned width, uint32_t value)
{
	struct model *model = ctx;

	model->port = port;
	model->width = width;
	model->written = value;
}

START_TEST(a_port_nobody_answers_reads_as_all_ones)
{
	ck_assert_uint_eq(ths_arch_port_in(0x3f8, 1), 0xff);
	ck_assert_uint_eq(ths_arch_port_in(0x3f8, 2), 0xffff);
	ck_assert_uint_eq(ths_arch_port_in(0x3f8, 4), 0xffffffff);
	ths_arch_port_out(0x3f8, 1, 1);
}
END_TEST

START_TEST(a_model_answers_its_ports_only)
{
	struct model model = {0};

	ck_assert(ths_host_port_handler(0x3f8, 8, model_in, model_out, &model));
	ck_assert_uint_eq(ths_arch_port_in(0x3f8, 1), 0xef);
	ck_assert_uint_eq(ths_arch_port_in(0x3fe, 2), 0xcdef);
	ck_assert_uint_eq(model.port, 0x3fe);
	ck_assert_uint_eq(model.width, 2);
	ck_assert_uint_eq(ths_arch_port_in(0x3ff, 4), 0x89abcdef);
	ck_assert_uint_eq(ths_arch_port_in(0x3f7, 1), 0xff);
	ck_assert_uint_eq(ths_arch_port_in(0x400, 1), 0xff);
	ths_arch_port_out(0x3f9, 1, 0x1234);
	ck_assert_uint_eq(model.written, 0x34);
	ck_assert_uint_eq(model.port, 0x3f9);
	ths_arch_port_out(0x400, 1, 0x77);
	ck_assert_uint_eq(model.written, 0x34);
}
END_TEST

START_TEST(the_latest_model_wins)
{
	struct model model = {0};

	ck_assert(ths_host_port_handler(0x20, 2, model_in, model_out, &model));
	ck_assert(ths_host_port_handler(0x21, 1, NULL, NULL, NULL));
	ck_assert_uint_eq(ths_arch_port_in(0x20, 1), 0xef);
	ck_assert_uint_eq(ths_arch_port_in(0x21, 1), 0xff);
	ths_arch_port_out(0x21, 1, 5);
	ck_assert_uint_eq(model.written, 0);
	ths_host_reset();
	ck_assert_uint_eq(ths_arch_port_in(0x20, 1), 0xff);
}
END_TEST

START_TEST(a_bad_range_of_ports_is_refused)
{
	ck_assert(!ths_host_port_handler(0x20, 0, model_in, NULL, NULL));
	ck_assert(!ths_host_port_handler(0xffff, 2, model_in, NULL, NULL));
	ck_assert(ths_host_port_handler(0xffff, 1, NULL, NULL, NULL));
	ck_assert(ths_host_port_handler(0, 0x10000, NULL, NULL, NULL));
	for (unsigned i = 2; i < 32; i++)
		ck_assert(ths_host_port_handler(0x20, 1, NULL, NULL, NULL));
	ck_assert(!ths_host_port_handler(0x20, 1, NULL, NULL, NULL));
}
END_TEST

/* ---- console and backtraces ---------------------------------------------------------- */

START_TEST(the_console_can_be_captured)
{
	char buf[8];

	ths_host_console(buf, sizeof(buf));
	ths_arch_console_write("abc", 3);
	ck_assert_str_eq(buf, "abc");
	ths_arch_console_write("defghi", 6);
	ck_assert_str_eq(buf, "abcdefg"); /* what does not fit is dropped */
	ths_arch_console_write("j", 1);
	ck_assert_str_eq(buf, "abcdefg");
	ths_host_console(buf, sizeof(buf));
	ck_assert_str_eq(buf, "");
	ths_host_console(NULL, 0);
}
END_TEST

static void *write_lines(void *arg)
{
	for (unsigned i = 0; i < 50; i++)
		ths_arch_console_write(arg, 4);
	return NULL;
}

START_TEST(lines_of_several_cpus_stay_whole)
{
	static char buf[1024];
	static char texts[2][5] = {"aaa\n", "bbb\n"};
	pthread_t threads[2];
	unsigned lines[2] = {0, 0};

	ths_host_console(buf, sizeof(buf));
	for (unsigned i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, write_lines, texts[i]);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (const char *at = buf; *at != '\0'; at += 4)
		for (unsigned i = 0; i < 2; i++)
			lines[i] += strncmp(at, texts[i], 4) == 0;
	ck_assert_uint_eq(lines[0], 50);
	ck_assert_uint_eq(lines[1], 50);
}
END_TEST

START_TEST(a_backtrace_follows_frames_and_names_functions)
{
	uint64_t frames[] = {
		[0] = 0, [1] = 0x1234, [4] = 0, [5] = 0xbeef, [8] = 1, [9] = 0xdead};
	struct ths_trap trap = {.pc = 0x1234, .fp = (uint64_t)(uintptr_t)&frames[0]};
	char buf[512];

	frames[0] = (uint64_t)(uintptr_t)&frames[4];
	frames[4] = (uint64_t)(uintptr_t)&frames[8]; /* whose caller has a bad frame */
	ths_host_console(buf, sizeof(buf));
	ths_arch_backtrace(&trap);
	ck_assert_str_eq(buf, "  #0 0x1234 rr_pick+0x34\n"
			      "  #1 0x1234 rr_pick+0x34\n"
			      "  #2 0xbeef\n");
}
END_TEST

START_TEST(a_backtrace_survives_any_frame_pointer)
{
	const uint64_t bad[] = {0, 8, 3, UINT64_C(0x8000000000000000), UINT64_MAX - 7};
	char buf[128];

	for (size_t i = 0; i < THS_ARRAY_SIZE(bad); i++) {
		struct ths_trap trap = {.pc = 0xbeef, .fp = bad[i]};

		ths_host_console(buf, sizeof(buf));
		ths_arch_backtrace(&trap);
		ck_assert_str_eq(buf, "  #0 0xbeef\n");
	}
}
END_TEST

/* ---- time and chance ----------------------------------------------------------------- */

START_TEST(the_counter_runs)
{
	uint64_t from = ths_arch_counter();

	ck_assert_uint_eq(ths_arch_counter_hz(), 1000000000);
	for (unsigned i = 0; ths_arch_counter() == from; i++)
		ck_assert_uint_lt(i, 100000000);
	ck_assert_uint_gt(ths_arch_counter(), from);
}
END_TEST

START_TEST(the_counter_obeys_the_test)
{
	ths_host_clock_set(1000);
	ck_assert_uint_eq(ths_arch_counter(), 1000);
	ths_host_clock_advance(234);
	ck_assert_uint_eq(ths_arch_counter(), 1234);
	ths_host_clock_real();
	ck_assert_uint_gt(ths_arch_counter(), 1234);
}
END_TEST

START_TEST(a_seed_gives_its_numbers_again)
{
	uint64_t first[8];

	ths_host_seed_set(42);
	ck_assert_uint_eq(ths_host_seed(), 42);
	for (unsigned i = 0; i < 8; i++)
		first[i] = ths_arch_entropy();
	ths_host_seed_set(42);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_uint_eq(ths_arch_entropy(), first[i]);
	ths_host_seed_set(43);
	ck_assert_uint_ne(ths_arch_entropy(), first[0]);
	for (unsigned i = 1; i < 8; i++)
		ck_assert_uint_ne(first[i], first[i - 1]);
}
END_TEST

/* Vector of the published SplitMix64, seed 0: fixes the sequence across versions. */
START_TEST(the_sequence_is_splitmix64)
{
	ths_host_seed_set(0);
	ck_assert_uint_eq(ths_arch_entropy(), UINT64_C(0xe220a8397b1dcdaf));
	ck_assert_uint_eq(ths_arch_entropy(), UINT64_C(0x6e789e6aa1b965f4));
	ck_assert_uint_eq(ths_arch_entropy(), UINT64_C(0x06c45d188009454f));
}
END_TEST

START_TEST(the_environment_gives_the_seed)
{
	setenv("THS_SEED", "0x2a", 1);
	ck_assert_uint_eq(ths_host_seed(), 42);
}
END_TEST

/* ---- booting and stopping ------------------------------------------------------------ */

static struct ths_boot_info booted;
static bool booted_with_irq_off;

void ths_boot(const struct ths_boot_info *info)
{
	memset(&up, 0, sizeof(up));
	up.self = (struct ths_cpu *)&up;
	ths_arch_cpu_set(up.self);
	booted = *info;
	booted_with_irq_off = !ths_host_irq_is_on();
	ths_arch_stop(THS_STOP_TEST, 0x2a);
}

START_TEST(booting_tells_what_was_found)
{
	static const char archive[] = "070701 an archive, or so";
	struct ths_host_stop stop = {THS_STOP_HALT, 0};

	ths_host_memory(4u << 20);
	ths_host_cmdline("quiet swap=yes");
	ths_host_cpus(2);
	ck_assert(ths_host_archive(archive, sizeof(archive)));
	ck_assert(!ths_host_archive(archive, sizeof(archive)));
	ths_host_boot(&stop);
	ck_assert_int_eq(stop.how, THS_STOP_TEST);
	ck_assert_uint_eq(stop.code, 0x2a);
	ck_assert(booted_with_irq_off);
	ck_assert_str_eq(booted.cmdline, "quiet swap=yes");
	ck_assert_str_eq(booted.loader, "arch/host");
	ck_assert_uint_eq(booted.cpus, 2);
	ck_assert_uint_eq(booted.archive_size, sizeof(archive));
	ck_assert_str_eq(booted.archive, archive);
	ck_assert_uint_eq(booted.ranges, 1);
	ck_assert_uint_eq(booted.free[0].base, THS_HOST_PADDR);
	ck_assert_uint_eq(booted.free[0].size, (4u << 20) - THS_PAGE_SIZE);
	ck_assert_uint_ge(ths_arch_paddr(booted.archive),
			  booted.free[0].base + booted.free[0].size);
	up_leave();
}
END_TEST

START_TEST(an_archive_that_does_not_fit_is_refused)
{
	static char archive[2 * THS_PAGE_SIZE];

	ths_host_memory(2 * THS_PAGE_SIZE);
	ck_assert(!ths_host_archive(archive, sizeof(archive)));
	ck_assert(!ths_host_archive(archive, 0));
	ck_assert(ths_host_archive(archive, THS_PAGE_SIZE));
}
END_TEST

static void return_at_once(void *arg)
{
	(void)arg;
}

static void stop_now(void *arg)
{
	(void)arg;
	ths_arch_irq_save();
	ths_arch_core_enter();
	ths_arch_stop(THS_STOP_REBOOT, 3);
}

START_TEST(a_stop_is_caught)
{
	struct ths_host_stop stop;

	up_enter();
	ck_assert(!ths_host_until_stop(return_at_once, NULL, &stop));
	ck_assert(ths_host_until_stop(stop_now, NULL, &stop));
	ck_assert_int_eq(stop.how, THS_STOP_REBOOT);
	ck_assert_uint_eq(stop.code, 3);
	ck_assert(ths_host_irq_is_on());
	ck_assert_uint_eq(ths_host_core_depth, 0);
	ck_assert(ths_host_until_stop(stop_now, NULL, NULL));
	up_leave();
}
END_TEST

static void stop_in_trap(void)
{
	ths_arch_stop(THS_STOP_TEST, 0x33);
}

static void fault(void *arg)
{
	(void)arg;
	__asm__ volatile("ud2");
}

START_TEST(a_stop_is_caught_from_an_exception)
{
	struct ths_host_stop stop;

	up_enter();
	up.on_trap = stop_in_trap;
	for (unsigned i = 1; i <= 3; i++) {
		ck_assert(ths_host_until_stop(fault, NULL, &stop));
		ck_assert_uint_eq(stop.code, 0x33);
		ck_assert_uint_eq(up.traps, i);
	}
	up_leave();
}
END_TEST

static struct ths_arch_context here, there;

static void switch_away(void *entry)
{
	void (*fn)(void *) = (void (*)(void *))(uintptr_t)entry;

	ths_arch_context_init(&there, &there, fn, NULL);
	ths_arch_switch(&here, &there);
}

static void switch_back(void *arg)
{
	(void)arg;
	ths_arch_switch(&there, &here);
}

START_TEST(a_stop_is_caught_from_a_task)
{
	struct ths_host_stop stop;

	up_enter();
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(ths_host_until_stop(switch_away, (void *)(uintptr_t)stop_now,
					      &stop));
		ck_assert_int_eq(stop.how, THS_STOP_REBOOT);
		ck_assert(!ths_host_until_stop(switch_away,
					       (void *)(uintptr_t)switch_back, &stop));
	}
	up_leave();
	ths_host_reset();
}
END_TEST

static void catch_inside(void *arg)
{
	ths_host_until_stop(stop_now, arg, NULL);
	ths_arch_stop(THS_STOP_TEST, 9);
}

START_TEST(catchers_nest)
{
	struct ths_host_stop stop;

	up_enter();
	ck_assert(ths_host_until_stop(catch_inside, NULL, &stop));
	ck_assert_uint_eq(stop.code, 9);
	up_leave();
}
END_TEST

static const struct {
	enum ths_stop how;
	uint32_t code;
} ends[] = {
	{THS_STOP_OFF, 0},     {THS_STOP_REBOOT, 7},  {THS_STOP_HALT, 0},
	{THS_STOP_TEST, 0x2a}, {THS_STOP_TEST, 0x33}, {THS_STOP_TEST, 0},
};

START_TEST(a_stop_that_passes_ends_with_0)
{
	ths_arch_stop(ends[_i].how, ends[_i].code);
}
END_TEST

START_TEST(a_stop_that_fails_ends_with_1)
{
	ths_arch_stop(ends[_i].how, ends[_i].code);
}
END_TEST

static void leave_by_7(const struct ths_host_stop *stop, void *ctx)
{
	if (stop->how == THS_STOP_TEST && stop->code == 5 && ctx == &booted)
		_Exit(7);
}

START_TEST(a_hook_hears_of_a_stop)
{
	ths_host_on_stop(leave_by_7, &booted);
	ths_arch_stop(THS_STOP_TEST, 5);
}
END_TEST

static TCase *stop_case(void)
{
	TCase *tcase = tcase_create("booting and stopping");

	tcase_add_test(tcase, booting_tells_what_was_found);
	tcase_add_test(tcase, an_archive_that_does_not_fit_is_refused);
	tcase_add_test(tcase, a_stop_is_caught);
	tcase_add_test(tcase, a_stop_is_caught_from_an_exception);
	tcase_add_test(tcase, a_stop_is_caught_from_a_task);
	tcase_add_test(tcase, catchers_nest);
	tcase_add_loop_exit_test(tcase, a_stop_that_passes_ends_with_0, 0, 0, 4);
	tcase_add_loop_exit_test(tcase, a_stop_that_fails_ends_with_1, 1, 4, 6);
	tcase_add_exit_test(tcase, a_hook_hears_of_a_stop, 7);
	return tcase;
}

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("host_machine");
	TCase *ports = tcase_create("ports");
	TCase *console = tcase_create("console and backtraces");
	TCase *chance = tcase_create("H4 time and chance");

	tcase_add_test(ports, a_port_nobody_answers_reads_as_all_ones);
	tcase_add_test(ports, a_model_answers_its_ports_only);
	tcase_add_test(ports, the_latest_model_wins);
	tcase_add_test(ports, a_bad_range_of_ports_is_refused);
	suite_add_tcase(suite, ports);

	tcase_add_test(console, the_console_can_be_captured);
	tcase_add_test(console, lines_of_several_cpus_stay_whole);
	tcase_add_test(console, a_backtrace_follows_frames_and_names_functions);
	tcase_add_test(console, a_backtrace_survives_any_frame_pointer);
	suite_add_tcase(suite, console);

	tcase_add_test(chance, the_counter_runs);
	tcase_add_test(chance, the_counter_obeys_the_test);
	tcase_add_test(chance, a_seed_gives_its_numbers_again);
	tcase_add_test(chance, the_sequence_is_splitmix64);
	tcase_add_test(chance, the_environment_gives_the_seed);
	suite_add_tcase(suite, chance);

	suite_add_tcase(suite, stop_case());
	return suite;
}

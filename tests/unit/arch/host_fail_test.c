/*
 * host_fail - fail points count, fail, and are listed; windows call the test.
 *
 * The code under test is a small one with three sites in two classes.
 */
#include <theseus/host.h>
#include <theseus/point.h>

#include <failpoint.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <suite.h>
#include <unistd.h>

static unsigned balance; /* taken and not given back */

/* Takes @n things, all or none. */
static bool take_all(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (THS_FAIL("alloc/thing")) {
			balance -= i;
			return false;
		}
		balance++;
		THS_POINT("take/between");
	}
	return true;
}

static bool work(unsigned n)
{
	if (THS_FAIL("lock/door"))
		return false;
	if (!take_all(n))
		return false;
	if (THS_FAIL("alloc/receipt")) {
		balance -= n;
		return false;
	}
	return true;
}

START_TEST(nothing_fails_unasked)
{
	for (int i = 0; i < 100; i++)
		ck_assert(work(3));
}
END_TEST

START_TEST(the_nth_of_a_class_fails_once)
{
	ths_host_fail_nth("alloc", 3, false);
	ck_assert(take_all(2));
	ck_assert_uint_eq(ths_host_fail_failed(), 0);
	ck_assert(!work(2)); /* the third and fourth; lock/door is of another class */
	ck_assert_uint_eq(ths_host_fail_failed(), 1);
	ck_assert_uint_eq(ths_host_fail_reached(), 3);
	ck_assert(work(5));
	ck_assert_uint_eq(ths_host_fail_failed(), 1);
}
END_TEST

START_TEST(all_after_the_nth_fail_when_asked)
{
	ths_host_fail_nth("", 2, true);
	ck_assert(!work(1)); /* door, then thing */
	for (int i = 0; i < 5; i++)
		ck_assert(!work(1));
	ck_assert_uint_eq(ths_host_fail_failed(), 6);
	ths_host_fail_nth("", 0, false);
	ck_assert(work(1));
}
END_TEST

START_TEST(a_class_is_a_whole_word)
{
	ths_host_fail_nth("all", 1, true);
	ck_assert(work(1));
	ths_host_fail_nth("alloc/receip", 1, true);
	ck_assert(work(1));
	ck_assert_uint_eq(ths_host_fail_reached(), 0);
}
END_TEST

START_TEST(a_whole_name_is_one_site)
{
	ths_host_fail_nth("alloc/receipt", 1, true);
	ck_assert(!work(1));
	ck_assert(!work(2));
	ck_assert_uint_eq(ths_host_fail_reached(), 2);
}
END_TEST

START_TEST(the_environment_arms)
{
	setenv("THS_FAIL", "lock:2+", 1);
	ck_assert(work(1));
	ck_assert(!work(1));
	ck_assert(!work(1));
}
END_TEST

static const char *const bad_specs[] = {"alloc:", "alloc:x", "alloc:1-"};

START_TEST(a_malformed_environment_is_refused)
{
	setenv("THS_FAIL", bad_specs[_i], 1);
	work(1);
}
END_TEST

static void note_site(const char *site, uint64_t reached, uint64_t failed, void *ctx)
{
	uint64_t *times = ctx;

	if (strcmp(site, "alloc/thing") == 0) {
		times[0] += reached;
		times[1] += failed;
	}
	times[2]++;
}

START_TEST(sites_are_listed_once_each)
{
	uint64_t times[3] = {0};
	char same[] = "alloc/thing"; /* the name at another address */

	ths_host_fail_nth("alloc", 2, false);
	ck_assert(!work(2));
	ck_assert(!ths_host_fail(same));
	ths_host_fail_sites(note_site, times);
	ck_assert_uint_eq(times[0], 3);
	ck_assert_uint_eq(times[1], 1);
	ck_assert_uint_eq(times[2], 2); /* alloc/receipt was not reached */
}
END_TEST

static void scenario(void *ctx)
{
	unsigned *runs = ctx;
	bool is_done = work(4);

	++*runs;
	ck_assert_int_eq(is_done, ths_host_fail_failed() == 0);
	if (is_done)
		balance -= 4;
	ck_assert_uint_eq(balance, 0);
}

START_TEST(each_site_fails_in_its_turn)
{
	unsigned runs = 0;

	ck_assert_uint_eq(ths_fail_each("alloc", false, scenario, &runs), 5);
	ck_assert_uint_eq(runs, 7); /* counting, five failures, the last without one */
	ck_assert_uint_eq(ths_fail_each("", true, scenario, &runs), 6);
	ck_assert_uint_eq(ths_fail_each("no-such-class", false, scenario, &runs), 0);
}
END_TEST

static void *work_often(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000; i++)
		(void)THS_FAIL("thread/site");
	return NULL;
}

START_TEST(threads_count_together)
{
	pthread_t threads[3];

	ths_host_fail_nth("thread", 1500, false);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, work_often, NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(ths_host_fail_reached(), 3000);
	ck_assert_uint_eq(ths_host_fail_failed(), 1);
}
END_TEST

static void count_window(const char *name, void *ctx)
{
	ck_assert_str_eq(name, "take/between");
	++*(unsigned *)ctx;
}

START_TEST(a_window_calls_the_test)
{
	unsigned times = 0;

	ths_host_on_point(count_window, &times);
	ck_assert(work(3));
	ck_assert_uint_eq(times, 3);
	ths_host_on_point(NULL, NULL);
	ck_assert(work(3));
	ck_assert_uint_eq(times, 3);
}
END_TEST

static _Atomic bool is_over;
static _Atomic unsigned passes;

static void *pass_windows(void *unused)
{
	(void)unused;
	while (!is_over)
		THS_POINT("take/between");
	return NULL;
}

static void count_passes(const char *name, void *ctx)
{
	(void)name;
	(void)ctx;
	passes++;
}

START_TEST(what_to_do_may_be_cleared_while_others_pass)
{
	pthread_t other;

	ck_assert_int_eq(pthread_create(&other, NULL, pass_windows, NULL), 0);
	for (int i = 0; i < 20000 || passes == 0; i++) {
		ths_host_on_point(count_passes, NULL);
		ths_host_on_point(NULL, NULL);
	}
	is_over = true;
	ck_assert_int_eq(pthread_join(other, NULL), 0);
}
END_TEST

static char sites_file[] = "host-fail-sites.XXXXXX";

static void sites_file_make(void)
{
	int fd = mkstemp(sites_file);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void sites_file_check(void)
{
	char line[128] = "";
	FILE *file = fopen(sites_file, "r");

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
	ck_assert_str_eq(line, "alloc/thing\t4\t1\n");
	fclose(file);
	unlink(sites_file);
}

START_TEST(the_sites_reached_are_written_at_exit)
{
	setenv("THS_FAIL_SITES", sites_file, 1);
	ths_host_fail_nth("alloc", 4, false);
	ck_assert(!take_all(9));
	exit(3);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("host_fail");
	TCase *points = tcase_create("fail points");
	TCase *listing = tcase_create("the list of sites");

	tcase_add_test(points, nothing_fails_unasked);
	tcase_add_test(points, the_nth_of_a_class_fails_once);
	tcase_add_test(points, all_after_the_nth_fail_when_asked);
	tcase_add_test(points, a_class_is_a_whole_word);
	tcase_add_test(points, a_whole_name_is_one_site);
	tcase_add_test(points, the_environment_arms);
	tcase_add_loop_test_raise_signal(points, a_malformed_environment_is_refused,
					 SIGABRT, 0, THS_ARRAY_SIZE(bad_specs));
	tcase_add_test(points, sites_are_listed_once_each);
	tcase_add_test(points, each_site_fails_in_its_turn);
	tcase_add_test(points, threads_count_together);
	tcase_add_test(points, a_window_calls_the_test);
	tcase_add_test(points, what_to_do_may_be_cleared_while_others_pass);
	suite_add_tcase(suite, points);

	tcase_add_unchecked_fixture(listing, sites_file_make, sites_file_check);
	tcase_add_exit_test(listing, the_sites_reached_are_written_at_exit, 3);
	suite_add_tcase(suite, listing);
	return suite;
}

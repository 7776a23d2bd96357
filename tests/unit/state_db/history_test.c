/*
 * history_test - the judge over histories knows a true one from each kind of false one.
 *
 * Histories are made by hand: a call of one attempt, a row, what was seen. What a writer
 * leaves is written as W(thread, n): the nth attempt of that thread, from 0.
 */
#include "history.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

#define W(thread, n) (((uint64_t)((thread) + 1) << 32) | (n))
#define THREADS      4u
#define ROWS         8u

static struct history *history;
static char why[512];

static void setup(void)
{
	history = history_new(THREADS, ROWS, 64, 1024);
}

static void teardown(void)
{
	history_free(history);
}

static void begin(unsigned thread)
{
	history_call(history, thread);
	history_attempt(history, thread);
}

static void end(unsigned thread)
{
	history_done(history, thread, true);
}

static void ck_verdict(enum history_verdict due)
{
	enum history_verdict verdict = history_judge(history, why, sizeof(why));

	ck_assert_msg(verdict == due, "verdict %d, not %d: %s", verdict, due, why);
}

START_TEST(one_after_another_is_serialisable)
{
	for (unsigned i = 0; i < 40; i++) {
		uint64_t last = i ? W((i - 1) % THREADS, (i - 1) / THREADS) : 0;

		begin(i % THREADS);
		history_read(history, i % THREADS, 1, last);
		ck_assert_uint_eq(history_write(history, i % THREADS, 1, last),
				  W(i % THREADS, i / THREADS));
		end(i % THREADS);
	}
	ck_verdict(HISTORY_SERIALISABLE);
	ck_assert_uint_eq(history_committed(history), 40);
}
END_TEST

START_TEST(side_by_side_in_either_order)
{
	begin(0);
	begin(1); /* reads what 0 is about to replace: it comes first */
	history_read(history, 1, 0, 0);
	history_write(history, 0, 0, 0);
	end(0);
	history_read(history, 1, 1, 0);
	end(1);
	ck_verdict(HISTORY_SERIALISABLE);
}
END_TEST

START_TEST(a_lost_update_is_found)
{
	begin(0);
	begin(1);
	history_write(history, 0, 3, 0);
	history_write(history, 1, 3, 0);
	end(0);
	end(1);
	ck_verdict(HISTORY_LOST_UPDATE);
	ck_assert_ptr_nonnull(strstr(why, "row 3"));
}
END_TEST

START_TEST(write_skew_is_found)
{
	begin(0);
	begin(1);
	history_read(history, 0, 0, 0);
	history_read(history, 1, 1, 0);
	history_write(history, 0, 1, 0);
	history_write(history, 1, 0, 0);
	end(0);
	end(1);
	ck_verdict(HISTORY_CYCLE);
}
END_TEST

START_TEST(half_of_a_commit_is_found)
{
	begin(0);
	begin(1);
	history_write(history, 0, 0, 0);
	history_write(history, 0, 1, 0);
	end(0);
	history_read(history, 1, 0, W(0, 0)); /* new */
	history_read(history, 1, 1, 0);       /* old */
	end(1);
	ck_verdict(HISTORY_CYCLE);
}
END_TEST

START_TEST(so_it_is_in_an_attempt_that_came_to_nothing)
{
	begin(0);
	begin(1);
	history_write(history, 0, 0, 0);
	history_write(history, 0, 1, 0);
	end(0);
	history_read(history, 1, 0, W(0, 0));
	history_read(history, 1, 1, 0);
	history_attempt(history, 1); /* again, and well */
	history_read(history, 1, 0, W(0, 0));
	history_read(history, 1, 1, W(0, 0));
	end(1);
	ck_verdict(HISTORY_CYCLE);
	ck_assert_uint_eq(history_attempts(history), 3);
	ck_assert_uint_eq(history_committed(history), 2);
}
END_TEST

START_TEST(a_value_of_yesterday_is_found)
{
	begin(0);
	history_write(history, 0, 5, 0);
	end(0);
	begin(1); /* began when 0 had ended */
	history_read(history, 1, 5, 0);
	end(1);
	ck_verdict(HISTORY_CYCLE);
}
END_TEST

START_TEST(two_who_see_each_other_are_found)
{
	begin(0);
	begin(1);
	history_write(history, 0, 0, 0);
	history_write(history, 1, 1, 0);
	history_read(history, 0, 1, W(1, 0));
	history_read(history, 1, 0, W(0, 0));
	end(0);
	end(1);
	ck_verdict(HISTORY_CYCLE);
}
END_TEST

START_TEST(what_was_not_committed_is_found)
{
	begin(0);
	history_write(history, 0, 2, 0);
	history_done(history, 0, false);
	begin(1);
	history_read(history, 1, 2, W(0, 0));
	end(1);
	ck_verdict(HISTORY_DIRTY);
}
END_TEST

START_TEST(what_was_undone_is_found)
{
	size_t mark;

	begin(0);
	history_write(history, 0, 1, 0);
	mark = history_mark(history, 0);
	history_write(history, 0, 2, 0);
	history_undo(history, 0, mark);
	end(0);
	begin(1);
	history_read(history, 1, 2, W(0, 0));
	end(1);
	ck_verdict(HISTORY_NO_SUCH_WRITE);
}
END_TEST

START_TEST(what_was_undone_was_read_nevertheless)
{
	size_t mark;

	begin(0);
	begin(1);
	history_write(history, 1, 2, 0);
	history_write(history, 1, 1, 0);
	end(1);
	history_read(history, 0, 1, W(1, 0));
	mark = history_mark(history, 0);
	history_write(history, 0, 2, 0); /* of before */
	history_undo(history, 0, mark);
	end(0);
	ck_verdict(HISTORY_CYCLE);
}
END_TEST

START_TEST(a_value_out_of_thin_air_is_found)
{
	begin(0);
	history_write(history, 0, 0, 0);
	end(0);
	begin(1);
	history_read(history, 1, 1, W(0, 0)); /* it wrote row 0 */
	end(1);
	ck_verdict(HISTORY_NO_SUCH_WRITE);
}
END_TEST

/* A long true history, by dice; then one value in it is an older one. */
static void by_dice(unsigned calls, unsigned lie)
{
	uint64_t row[ROWS] = {0}, older[ROWS] = {0};
	uint64_t dice = ths_test_seed();

	for (unsigned i = 0; i < calls; i++) {
		unsigned thread = i % THREADS, at;

		dice = dice * 6364136223846793005u + 1442695040888963407u;
		at = (unsigned)(dice >> 40) % ROWS;
		begin(thread);
		if (i >= lie && older[at] != row[at]) {
			(void)history_write(history, thread, at, older[at]);
			end(thread);
			return;
		}
		history_read(history, thread, (at + 1) % ROWS, row[(at + 1) % ROWS]);
		older[at] = row[at];
		row[at] = history_write(history, thread, at, row[at]);
		end(thread);
	}
}

START_TEST(by_dice_and_true)
{
	by_dice(200, 1000);
	ck_verdict(HISTORY_SERIALISABLE);
}
END_TEST

START_TEST(by_dice_and_one_lie)
{
	by_dice(240, (unsigned)_i);
	ck_verdict(HISTORY_LOST_UPDATE);
}
END_TEST

Suite *ths_test_suite(void)
{
	const TTest *const find[] = {
		a_lost_update_is_found,
		write_skew_is_found,
		half_of_a_commit_is_found,
		so_it_is_in_an_attempt_that_came_to_nothing,
		a_value_of_yesterday_is_found,
		two_who_see_each_other_are_found,
		what_was_not_committed_is_found,
		what_was_undone_is_found,
		what_was_undone_was_read_nevertheless,
		a_value_out_of_thin_air_is_found,
	};
	Suite *suite = suite_create("history");
	TCase *truth = tcase_create("true"), *lies = tcase_create("false");

	tcase_add_checked_fixture(truth, setup, teardown);
	tcase_add_checked_fixture(lies, setup, teardown);
	tcase_add_test(truth, one_after_another_is_serialisable);
	tcase_add_test(truth, side_by_side_in_either_order);
	tcase_add_test(truth, by_dice_and_true);
	for (size_t i = 0; i < sizeof(find) / sizeof(find[0]); i++)
		tcase_add_test(lies, find[i]);
	tcase_add_loop_test(lies, by_dice_and_one_lie, 20, 60);
	suite_add_tcase(suite, truth);
	suite_add_tcase(suite, lies);
	return suite;
}

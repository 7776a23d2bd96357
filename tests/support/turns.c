/*
 * turns - loop tests whose turns share a process.
 *
 * libcheck forks for every turn, and LeakSanitizer looks for leaks at the end of every
 * process: with hundreds of turns that is minutes for what takes milliseconds. Here one
 * process takes all turns and is looked at once. A turn that fails ends the process, as
 * ever, and its number is told then.
 */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOPS_MAX 64

struct loop {
	const TTest *test;
	int from, to;
	TTest all; /* what libcheck is given instead */
};

static struct loop loops[LOOPS_MAX];
static int loop_count;
static int turn;
static bool is_over;

static void tell_turn(void)
{
	if (!is_over)
		fprintf(stderr, "unit test: that was turn %d\n", turn);
}

static void take_turns(int number)
{
	const struct loop *loop = &loops[number];

	is_over = false;
	atexit(tell_turn);
	for (turn = loop->from; turn < loop->to; turn++)
		loop->test->fn(turn);
	is_over = true;
}

void ths_tcase_add_turns(TCase *tcase, const TTest *test, int from, int to)
{
	struct loop *loop = &loops[loop_count];

	if (loop_count == LOOPS_MAX || from >= to) {
		fprintf(stderr, "unit test: no room, or no turns, for %s\n", test->name);
		exit(EXIT_FAILURE);
	}
	*loop = (struct loop){.test = test, .from = from, .to = to, .all = *test};
	loop->all.fn = take_turns;
	_tcase_add_test(tcase, &loop->all, 0, 0, loop_count, loop_count + 1);
	loop_count++;
}

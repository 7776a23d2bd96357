/*
 * window - a trouble in a window: what a test does at a THS_POINT, in another's stead.
 *
 * A way is gone once without trouble, to see which windows it leads through and how often;
 * then once for each trouble at each time it is in one. Which troubles there are, and what
 * must hold afterwards, is the test's affair: it defines the three functions declared below,
 * and includes this once.
 */
#pragma once

#include "script.h"

#include <string.h>
#include <theseus/host.h>
#include "nano_core/swap_impl.h"

/* As the build found them in the sources. */
static const char *const windows[] = {
#include "tests/unit/nano_core/windows.h"
};
#define WINDOWS THS_ARRAY_SIZE(windows)
#define TIMES   4u /* that a way is troubled in one window: the first ones, and the last */

enum trouble {
	NONE,
	COMMIT,         /* another CPU writes what the way works on */
	FAULT,          /* the one who serves, for another client */
	SWAP_AGAIN,     /* by the same task: refused, unless nobody has the turn */
	SWAP_ELSEWHERE, /* by another CPU, which waits for its turn */
	TROUBLES
};

static enum ths_err trouble_commit(void *unused);
static enum ths_err trouble_fault(void *unused); /* THS_OK: it came back as it should */
static enum ths_err trouble_swap(void *unused);

static struct {
	const char *window;
	unsigned time; /* from 1 */
	enum trouble trouble;
	unsigned met;
	bool waits;
	enum ths_err err;
} at;

/* By another task than the one that goes. */
static enum ths_err swap_elsewhere(void *unused)
{
	struct ths_cpu *cpu = ths_cpu();
	enum ths_err err;

	cpu->current = 1;
	err = trouble_swap(unused);
	cpu->current = CONTEXTS_MAX;
	return err;
}

/* While commits are held off, or all CPUs are gathered, the other one is seen to afterwards. */
static void other_acts(other_fn *fn, bool waits)
{
	at.waits = waits || atomic_load(&ths_core.token) || atomic_load(&ths_core.meeting);
	if (at.waits)
		other_begins(fn, NULL);
	else
		at.err = other_does(fn, NULL);
}

/* Whether another task could have the CPU here. */
static bool may_run_programs(void)
{
	return ths_cpu()->section == 0 && !ths_cpu_is_inside(ths_cpu());
}

static void act(void)
{
	switch (at.trouble) {
	case COMMIT:
		other_acts(trouble_commit, false);
		break;
	case FAULT:
		if (may_run_programs())
			at.err = trouble_fault(NULL);
		else
			/* What mends it may wait until we have left the interaction. */
			other_acts(trouble_fault, ths_cpu_is_inside(ths_cpu()));
		break;
	case SWAP_AGAIN:
		if (!may_run_programs())
			break;
		at.err = trouble_swap(NULL);
		at.err = at.err == THS_E_BUSY ? THS_OK : at.err;
		break;
	case SWAP_ELSEWHERE:
		other_acts(swap_elsewhere, true);
		break;
	case NONE:
	case TROUBLES:
		break;
	}
}

static void on_point(const char *name, void *unused)
{
	(void)unused;
	if (ths_cpu()->number != 0 || strcmp(name, at.window) != 0 || ++at.met != at.time)
		return;
	act();
}

/* Goes a way; returns what came of it, and at.err what came of the trouble. */
static enum ths_err go(enum ths_err (*way)(void), const char *window, unsigned time,
		       enum trouble trouble)
{
	enum ths_err err;

	at.window = window;
	at.time = time;
	at.trouble = trouble;
	at.met = 0;
	at.waits = false;
	at.err = THS_OK;
	ths_host_on_point(on_point, NULL);
	err = way();
	ths_host_on_point(NULL, NULL);
	if (at.waits)
		at.err = other_ends();
	return err;
}

/* ---- which windows a way leads through ------------------------------------------------- */

static unsigned met[WINDOWS]; /* times each, on the way last looked at */

static void count_point(const char *name, void *unused)
{
	(void)unused;
	for (unsigned i = 0; ths_cpu()->number == 0 && i < WINDOWS; i++)
		met[i] += strcmp(name, windows[i]) == 0;
}

static enum ths_err look(enum ths_err (*way)(void))
{
	enum ths_err err;

	memset(met, 0, sizeof(met));
	ths_host_on_point(count_point, NULL);
	err = way();
	ths_host_on_point(NULL, NULL);
	return err;
}

/* Of @count times in a window, the one that is troubled the @i-th; 0: there are no more. */
static unsigned time_of(unsigned count, unsigned i)
{
	if (i >= count || i >= TIMES)
		return 0;
	return i + 1 == TIMES ? count : i + 1;
}

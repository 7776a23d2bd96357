/*
 * history - see history.h.
 *
 * Nodes of the graph are the attempts, and behind them one per tick of the history's
 * clock: tick t precedes tick t+1, an attempt precedes the tick it ended at and follows
 * the tick its call began at. So rt costs two edges an attempt, not one a pair.
 */
#include "history.h"

#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOBODY UINT32_MAX

struct access {
	uint32_t row;
	bool write;
	uint64_t seen;
};

struct attempt {
	size_t first, end;     /* accesses */
	uint32_t began, ended; /* ticks */
	bool committed;
};

struct thread {
	struct attempt *attempt;
	struct access *access;
	size_t attempts, accesses;
	uint32_t began; /* of the present call */
	size_t of_call; /* attempts when it began */
};

struct history {
	unsigned threads;
	uint32_t rows;
	size_t attempts_max, accesses_max; /* a thread */
	_Atomic(uint32_t) clock;
	struct thread thread[];
};

static void *take(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	ck_assert_ptr_nonnull(memory);
	return memory;
}

struct history *history_new(unsigned threads, uint32_t rows, size_t attempts,
			    size_t accesses)
{
	struct history *history =
		take(1, sizeof(*history) + threads * sizeof(history->thread[0]));

	history->threads = threads;
	history->rows = rows;
	history->attempts_max = attempts;
	history->accesses_max = accesses;
	for (unsigned i = 0; i < threads; i++) {
		history->thread[i].attempt = take(attempts, sizeof(struct attempt));
		history->thread[i].access =
			take(history->accesses_max, sizeof(struct access));
	}
	return history;
}

void history_free(struct history *history)
{
	for (unsigned i = 0; i < history->threads; i++) {
		free(history->thread[i].attempt);
		free(history->thread[i].access);
	}
	free(history);
}

/* ---- writing down -------------------------------------------------------------------- */

/* Relaxed, so that the clock orders nothing that the library should: on one word all
 * agree about the order in any case. */
static uint32_t tick(struct history *history)
{
	return atomic_fetch_add_explicit(&history->clock, 1, memory_order_relaxed);
}

/* 0 is what rows hold at first. */
static uint64_t identity(unsigned thread, size_t attempt)
{
	return ((uint64_t)(thread + 1) << 32) | attempt;
}

void history_call(struct history *history, unsigned thread)
{
	struct thread *me = &history->thread[thread];

	me->began = tick(history);
	me->of_call = me->attempts;
}

static void end_attempt(struct history *history, struct thread *me, bool committed)
{
	struct attempt *last = &me->attempt[me->attempts - 1];

	last->end = me->accesses;
	last->ended = tick(history);
	last->committed = committed;
}

void history_attempt(struct history *history, unsigned thread)
{
	struct thread *me = &history->thread[thread];

	if (me->attempts > me->of_call)
		end_attempt(history, me, false);
	ck_assert_uint_lt(me->attempts, history->attempts_max);
	me->attempt[me->attempts++] =
		(struct attempt){.first = me->accesses, .began = me->began};
}

void history_done(struct history *history, unsigned thread, bool committed)
{
	struct thread *me = &history->thread[thread];

	if (me->attempts > me->of_call)
		end_attempt(history, me, committed);
}

static struct access *note(struct history *history, unsigned thread, uint32_t row,
			   uint64_t seen)
{
	struct thread *me = &history->thread[thread];
	struct access *access = &me->access[me->accesses++];

	ck_assert_uint_le(me->accesses, history->accesses_max);
	ck_assert_uint_lt(row, history->rows);
	*access = (struct access){.row = row, .seen = seen};
	return access;
}

void history_read(struct history *history, unsigned thread, uint32_t row, uint64_t seen)
{
	(void)note(history, thread, row, seen);
}

uint64_t history_write(struct history *history, unsigned thread, uint32_t row,
		       uint64_t seen)
{
	note(history, thread, row, seen)->write = true;
	return identity(thread, history->thread[thread].attempts - 1);
}

size_t history_mark(const struct history *history, unsigned thread)
{
	return history->thread[thread].accesses;
}

void history_undo(struct history *history, unsigned thread, size_t mark)
{
	struct thread *me = &history->thread[thread];

	for (size_t i = mark; i < me->accesses; i++)
		me->access[i].write = false;
}

/* ---- the graph ----------------------------------------------------------------------- */

/* Who replaced the value @seen of @row: open addressing. */
struct successor {
	uint64_t seen;
	uint32_t row;
	uint32_t node; /* NOBODY: free */
};

struct graph {
	const struct history *history;
	uint32_t base[64]; /* a thread's first node */
	uint32_t attempts, nodes;
	struct successor *successor;
	size_t mask;
	size_t *first; /* edges of node n: edge[first[n]..first[n + 1]) */
	uint32_t *edge;
	bool counting; /* first of two passes: only how many edges each node has */
};

static const struct attempt *attempt_of(const struct graph *g, uint32_t node,
					unsigned *thread)
{
	unsigned t = 0;

	while (t + 1 < g->history->threads && node >= g->base[t + 1])
		t++;
	*thread = t;
	return &g->history->thread[t].attempt[node - g->base[t]];
}

/* The node of a value's writer; NOBODY: there is no such attempt. */
static uint32_t writer_of(const struct graph *g, uint64_t value)
{
	uint64_t thread = (value >> 32) - 1, attempt = value & UINT32_MAX;

	if (thread >= g->history->threads ||
	    attempt >= g->history->thread[thread].attempts)
		return NOBODY;
	return g->base[thread] + (uint32_t)attempt;
}

static struct successor *successor_slot(const struct graph *g, uint32_t row,
					uint64_t seen)
{
	uint64_t hash = (seen * 0x9e3779b97f4a7c15u) ^ (row * 0xc2b2ae3d27d4eb4fu);
	size_t at = (hash ^ (hash >> 29)) & g->mask;

	while (g->successor[at].node != NOBODY &&
	       (g->successor[at].row != row || g->successor[at].seen != seen))
		at = (at + 1) & g->mask;
	return &g->successor[at];
}

static bool has_written(const struct graph *g, uint32_t node, uint32_t row)
{
	unsigned t;
	const struct attempt *attempt = attempt_of(g, node, &t);

	for (size_t i = attempt->first; i < attempt->end; i++)
		if (g->history->thread[t].access[i].row == row &&
		    g->history->thread[t].access[i].write)
			return true;
	return false;
}

typedef enum history_verdict visit_fn(struct graph *g, uint32_t node,
				      const struct access *access, char *why,
				      size_t size);

/* @visit meets every access but those to what the attempt itself had written. */
static enum history_verdict for_each_access(struct graph *g, visit_fn *visit, char *why,
					    size_t size)
{
	enum history_verdict verdict = HISTORY_SERIALISABLE;

	for (uint32_t node = 0; node < g->attempts && !verdict; node++) {
		unsigned t;
		const struct attempt *attempt = attempt_of(g, node, &t);
		const struct access *access = g->history->thread[t].access;

		for (size_t i = attempt->first; i < attempt->end && !verdict; i++)
			if (access[i].seen != identity(t, node - g->base[t]))
				verdict = visit(g, node, &access[i], why, size);
	}
	return verdict;
}

static enum history_verdict find_writer(struct graph *g, uint32_t node,
					const struct access *access, char *why,
					size_t size)
{
	uint32_t writer = writer_of(g, access->seen);
	unsigned t;

	if (access->seen == 0)
		return HISTORY_SERIALISABLE;
	if (writer == NOBODY || !has_written(g, writer, access->row)) {
		snprintf(why, size,
			 "attempt %u saw %#jx in row %u, which nobody put there", node,
			 (uintmax_t)access->seen, access->row);
		return HISTORY_NO_SUCH_WRITE;
	}
	if (attempt_of(g, writer, &t)->committed)
		return HISTORY_SERIALISABLE;
	snprintf(why, size,
		 "attempt %u saw in row %u what attempt %u, not committed, wrote", node,
		 access->row, writer);
	return HISTORY_DIRTY;
}

static enum history_verdict find_successor(struct graph *g, uint32_t node,
					   const struct access *access, char *why,
					   size_t size)
{
	struct successor *slot = successor_slot(g, access->row, access->seen);
	unsigned t;

	if (!access->write || !attempt_of(g, node, &t)->committed)
		return HISTORY_SERIALISABLE;
	if (slot->node != NOBODY && slot->node != node) {
		snprintf(why, size, "attempts %u and %u both replaced %#jx in row %u",
			 slot->node, node, (uintmax_t)access->seen, access->row);
		return HISTORY_LOST_UPDATE;
	}
	*slot = (struct successor){access->seen, access->row, node};
	return HISTORY_SERIALISABLE;
}

static void add_edge(struct graph *g, uint32_t from, uint32_t to)
{
	if (from == to)
		return;
	if (!g->counting)
		g->edge[g->first[from]] = to;
	g->first[from]++;
}

static enum history_verdict add_access(struct graph *g, uint32_t node,
				       const struct access *access, char *why,
				       size_t size)
{
	uint32_t after = successor_slot(g, access->row, access->seen)->node;

	(void)why, (void)size;
	if (access->seen)
		add_edge(g, writer_of(g, access->seen), node);
	if (after != NOBODY)
		add_edge(g, node, after);
	return HISTORY_SERIALISABLE;
}

static void add_time(struct graph *g)
{
	unsigned t;

	for (uint32_t node = 0; node < g->attempts; node++) {
		const struct attempt *attempt = attempt_of(g, node, &t);

		add_edge(g, node, g->attempts + attempt->ended);
		add_edge(g, g->attempts + attempt->began, node);
	}
	for (uint32_t node = g->attempts; node + 1 < g->nodes; node++)
		add_edge(g, node, node + 1);
}

/* Counts each node's edges, turns counts into places, fills these in. */
static void make_edges(struct graph *g)
{
	size_t sum = 0;

	g->first = take(g->nodes + 2, sizeof(*g->first));
	for (unsigned pass = 0; pass < 2; pass++) {
		g->counting = pass == 0;
		(void)for_each_access(g, add_access, NULL, 0);
		add_time(g);
		if (!g->counting)
			break;
		for (uint32_t node = 0; node <= g->nodes; node++) {
			size_t count = g->first[node];

			g->first[node] = sum;
			sum += count;
		}
		g->edge = take(sum, sizeof(*g->edge));
	}
	/* Filling moved each to where the next begins. */
	memmove(g->first + 1, g->first, g->nodes * sizeof(*g->first));
	g->first[0] = 0;
}

/* Kahn's algorithm; waiting[n] is how many of its predecessors node n still waits for. */
static uint32_t take_away(const struct graph *g, uint32_t *waiting)
{
	uint32_t *ready = take(g->nodes, sizeof(*ready));
	uint32_t made = 0, taken = 0;

	for (size_t i = 0; i < g->first[g->nodes]; i++)
		waiting[g->edge[i]]++;
	for (uint32_t node = 0; node < g->nodes; node++)
		if (waiting[node] == 0)
			ready[made++] = node;
	while (taken < made) {
		uint32_t node = ready[taken++];

		for (size_t i = g->first[node]; i < g->first[node + 1]; i++)
			if (--waiting[g->edge[i]] == 0)
				ready[made++] = g->edge[i];
	}
	free(ready);
	return taken;
}

/* Who is left has a predecessor that is left: going back ends in a circle. */
static void tell_cycle(const struct graph *g, const uint32_t *waiting, char *why,
		       size_t size)
{
	uint32_t *before = take(g->nodes, sizeof(*before));
	uint32_t node = 0, start, last = 0;
	int at = snprintf(why, size, "a circle, each after the next:");

	for (uint32_t from = 0; from < g->nodes; from++)
		for (size_t i = g->first[from]; waiting[from] && i < g->first[from + 1];
		     i++)
			before[g->edge[i]] = from;
	while (waiting[node] == 0)
		node++;
	for (uint32_t i = 0; i < g->nodes; i++)
		node = before[node];
	start = node;
	do { /* a row of ticks is one */
		bool time = node >= g->attempts, was_time = last >= g->attempts;

		if (at > 0 && (size_t)at < size && !(time && was_time))
			at += time ? snprintf(why + at, size - (size_t)at, " (time)")
				   : snprintf(why + at, size - (size_t)at, " %u", node);
		last = node;
		node = before[node];
	} while (node != start);
	free(before);
}

static enum history_verdict find_cycle(struct graph *g, char *why, size_t size)
{
	uint32_t *waiting = take(g->nodes, sizeof(*waiting));
	bool cycle = take_away(g, waiting) < g->nodes;

	if (cycle)
		tell_cycle(g, waiting, why, size);
	free(waiting);
	return cycle ? HISTORY_CYCLE : HISTORY_SERIALISABLE;
}

static void begin(struct graph *g, const struct history *history)
{
	size_t accesses = 0;

	*g = (struct graph){.history = history};
	ck_assert_uint_le(history->threads, sizeof(g->base) / sizeof(g->base[0]));
	for (unsigned t = 0; t < history->threads; t++) {
		g->base[t] = g->attempts;
		g->attempts += (uint32_t)history->thread[t].attempts;
		accesses += history->thread[t].accesses;
	}
	g->nodes = g->attempts + atomic_load(&history->clock);
	for (g->mask = 1; g->mask < 2 * accesses; g->mask *= 2)
		;
	g->successor = take(g->mask, sizeof(*g->successor));
	for (size_t i = 0; i < g->mask; i++)
		g->successor[i].node = NOBODY;
	g->mask--;
}

enum history_verdict history_judge(const struct history *history, char *why, size_t size)
{
	struct graph g;
	enum history_verdict verdict;

	snprintf(why, size, "an order explains it");
	begin(&g, history);
	verdict = for_each_access(&g, find_writer, why, size);
	if (!verdict)
		verdict = for_each_access(&g, find_successor, why, size);
	if (!verdict) {
		make_edges(&g);
		verdict = find_cycle(&g, why, size);
	}
	free(g.successor);
	free(g.first);
	free(g.edge);
	return verdict;
}

size_t history_attempts(const struct history *history)
{
	size_t sum = 0;

	for (unsigned t = 0; t < history->threads; t++)
		sum += history->thread[t].attempts;
	return sum;
}

size_t history_committed(const struct history *history)
{
	size_t sum = 0;

	for (unsigned t = 0; t < history->threads; t++)
		for (size_t i = 0; i < history->thread[t].attempts; i++)
			sum += history->thread[t].attempt[i].committed;
	return sum;
}

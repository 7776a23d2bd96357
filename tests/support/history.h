/*
 * history - what transactions read and wrote, recorded, and whether any order explains
 *it.
 *
 * Every attempt, also one that was run again, has an identity; a row is written by
 *storing the writer's identity in it. So each value read names its writer, each write
 *names what it replaced, and the order of a row's versions is known without asking the
 *library (the method of Elle: Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies
 *from Experimental Observations", VLDB 2020; the graph is Adya's, MIT/LCS/TR-786, 1999).
 *Edges:
 *
 *	wr, ww  who wrote what an attempt saw came before it
 *	rw      an attempt came before whoever replaced what it saw
 *	rt      what had ended when another began came before it
 *
 * The history is strictly serialisable if the graph has no cycle. Attempts that came to
 * nothing are part of it as readers: then no operation ever saw an inconsistent mix,
 * either (opacity: Guerraoui and Kapalka, PPoPP 2008).
 *
 * Cost: O(attempts + reads + writes) in time and memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct history;

/* Each of @threads writes down at most @attempts and @accesses, on rows 0..@rows-1.
 * Aborts the test where there is no memory. */
struct history *history_new(unsigned threads, uint32_t rows, size_t attempts,
			    size_t accesses);
void history_free(struct history *history);

/* ---- writing down: each thread its own, about one call at a time --------------------- */

/* A call begins (before anything of it can have happened), an attempt at it (first thing
 * in the operation), and the call has ended. Only the last attempt can have committed. */
void history_call(struct history *history, unsigned thread);
void history_attempt(struct history *history, unsigned thread);
void history_done(struct history *history, unsigned thread, bool committed);

/* @seen is what @row holds. */
void history_read(struct history *history, unsigned thread, uint32_t row, uint64_t seen);
/* The same, and the attempt puts the value returned there. */
uint64_t history_write(struct history *history, unsigned thread, uint32_t row,
		       uint64_t seen);
/* A nested level: what was written since mark() is undone, and still was read. */
size_t history_mark(const struct history *history, unsigned thread);
void history_undo(struct history *history, unsigned thread, size_t mark);

/* ---- judging ------------------------------------------------------------------------- */

enum history_verdict {
	HISTORY_SERIALISABLE,
	HISTORY_NO_SUCH_WRITE, /* a value that nobody put there */
	HISTORY_DIRTY,         /* a value of an attempt that did not commit */
	HISTORY_LOST_UPDATE,   /* two committed attempts replaced the same value */
	HISTORY_CYCLE,         /* no order explains what was seen */
};

/* @why, @size: a sentence about what was found; for a cycle, its members in order. All
 * threads have ended. */
enum history_verdict history_judge(const struct history *history, char *why, size_t size);
size_t history_committed(const struct history *history);
size_t history_attempts(const struct history *history);

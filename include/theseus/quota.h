/*
 * quota - how many rows of joint tables a client may own.
 *
 * A joint row is charged to each of its owners from the commit that makes him one until he
 * leaves, the row is removed, or he dies; what did not commit charges nothing. Whoever owns
 * as many as he may gets THS_E_QUOTA from ths_row_new() and ths_row_share(), the log says
 * which client and which table it was (once a second for each client), and the module goes
 * on as after any other error: nothing has been written.
 *
 * Invariants
 *   Q1  A client never owns more rows than it may, but for a limit set below what it owns.
 *   Q2  A task starts with its creator's limit, if that has one of its own, so nobody owns
 *       more by help of tasks it creates than with each of them the same.
 *   Q3  A limit is of a task, not of its slot: the next in the slot does not have it.
 *
 * A row with many owners that is removed may stay charged to all but the first until depth 0,
 * or for some ticks if there are very many of them. What operations make before the first
 * program runs, or when an interrupt, a kick or a tick has them called, is the machine's own,
 * whichever task that came to, and has no limit.
 *
 * The console's `clients` shows rows and limits, module/1's `client` tells them.
 * Tests: tests/unit/state_db/quota_test.c shows Q1-Q3.
 */
#pragma once

#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>
#include <theseus/module.h>

#define THS_QUOTA_ROWS 4096u /* at first; `quota=N` in the command line says otherwise */

/**
 * ths_quota_default() - so many rows every client may own that has no limit of its own
 *
 * Holds at once, for those that live, too. Context: any.
 */
void ths_quota_default(uint32_t rows);

/**
 * ths_quota_set() - a client gets a limit of its own, in rows
 *
 * May be less than it owns: then it gets no more, and keeps what it has.
 *
 * Context: a program, at depth 0.
 * Return: THS_OK; THS_E_STALE there is no such task; THS_E_NOMEM.
 */
THS_MUST_CHECK enum ths_err ths_quota_set(struct ths_task_id task, uint32_t rows);

/*
 * accounts - every page and every version of the machine is where somebody knows of it.
 */
#pragma once

#include <stdint.h>

/* What does not add up, or NULL. At depth 0, while no other CPU runs; tasks that were
 * killed have been reaped. */
const char *accounts_lost(void);

/* Whoever leaves this process, and be it by an assertion that failed, is looked at; unless
 * that is no moment to count. */
void accounts_seen_at_exit(void);

/* The test has taken so many pages and does not give them back. */
void accounts_keep(uint64_t pages);

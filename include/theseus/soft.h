/*
 * soft - rows that may vanish at any time, and a way to make them do so.
 *
 * A soft table is a cache: what is in it somebody can make anew. A module that forgets this
 * is right as long as nothing vanishes, which is nearly always. So a system under test can
 * be put under *stress*: after interactions that touched soft tables, and at ticks, rows of
 * theirs vanish, by dice. Rows of a table of fixed rows cannot go, and become zeroes.
 *
 * Invariants
 *   S1  A row vanishes between two interactions, never within one: to whoever is running it
 *       is a conflict, like any other row that is removed.
 *   S2  The same seed and the same interactions on one CPU make the same rows vanish.
 *
 * Without stress soft rows go when memory or a module's health asks for it: a few hundred when
 * there is no page left, before anybody is told THS_E_NOMEM; all of a module's when it faults
 * again and again, before it is unbound. Rows of a table of fixed rows free no memory, so the
 * former is none of theirs.
 *
 * `soft_stress=SEED` in the command line turns it on from the start, as does
 * THS_SOFT_STRESS=SEED in the environment on a host.
 * Tests: tests/unit/state_db/class_test.c, TCase "soft"; tests/unit/nano_core/relief_test.c.
 */
#pragma once

#include <stdint.h>

/* Rows vanish from now on, by dice of that seed; 0: no more. Context: any. */
void ths_soft_stress(uint64_t seed);
/* How many have so far. Context: any. */
uint64_t ths_soft_vanished(void);

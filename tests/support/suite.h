/*
 * suite - what a unit test program offers to the shared main(), and gets from it.
 */
#pragma once

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

/* One suite per noun, one TCase per invariant; defined by the test program. */
Suite *ths_test_suite(void);

/* THS_SEED, given or chosen and printed: what a test that throws dice begins with. */
uint64_t ths_test_seed(void);

/* A new TCase of @suite. */
TCase *ths_suite_case(Suite *suite, const char *name);

/* tcase_add_loop_test() for tests that leave nothing behind: all turns in one process,
 * which is a hundred times faster under a sanitizer. @from < @to. */
void ths_tcase_add_turns(TCase *tcase, const TTest *test, int from, int to);

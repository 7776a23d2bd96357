/*
 * suite - what a unit test program offers to the shared main(), and gets from it.
 */
#pragma once

#include <check.h>
#include <stdint.h>

/* One suite per noun, one TCase per invariant; defined by the test program. */
Suite *ths_test_suite(void);

/* THS_SEED, given or chosen and printed: what a test that throws dice begins with. */
uint64_t ths_test_seed(void);

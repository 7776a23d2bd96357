/*
 * suite - what a unit test program offers to the shared main().
 */
#pragma once

#include <check.h>

/* One suite per noun, one TCase per invariant; defined by the test program. */
Suite *ths_test_suite(void);

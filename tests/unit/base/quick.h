/*
 * quick - assertions for inner loops.
 *
 * libcheck's own record each success for the parent process, which costs a system call;
 * these speak on failure only. For whole numbers and pointers, compared as uintmax_t.
 */
#pragma once

#include <check.h>
#include <stdint.h>

#define QUICK(condition)                                                                 \
	do {                                                                             \
		if (!(condition))                                                        \
			ck_abort_msg("'%s' does not hold", #condition);                  \
	} while (0)

#define QUICK_COMPARE(a, op, b)                                                          \
	do {                                                                             \
		uintmax_t quick_a_ = (uintmax_t)(a), quick_b_ = (uintmax_t)(b);          \
                                                                                         \
		if (!(quick_a_ op quick_b_))                                             \
			ck_abort_msg("'%s %s %s' does not hold: %#jx, %#jx", #a, #op,    \
				     #b, quick_a_, quick_b_);                            \
	} while (0)

#define QUICK_EQ(a, b) QUICK_COMPARE(a, ==, b)
#define QUICK_LT(a, b) QUICK_COMPARE(a, <, b)
#define QUICK_LE(a, b) QUICK_COMPARE(a, <=, b)

/*
 * harness - what the suites of modules share: a machine, modules bound, swapped.
 */
#pragma once

#include <stdint.h>
#include <suite.h>
#include <theseus/module.h>
#include <theseus/nano_core.h>

void harness_start(void);
/* Adds @module and binds it under @binding; returns the instance. */
uint32_t harness_bind(const struct ths_module *module, const char *binding);
/* Puts a new instance of @module in the place of @old; returns the new one. */
uint32_t harness_swap(uint32_t old, const struct ths_module *module);
/*
 * Runs @program as a task, with whatever is bound as sched and tasks, until it calls
 * harness_done(). @idle is called whenever all sleep; NULL: a tick passes. That nobody
 * can run for too long is a failure of the test.
 */
void harness_run(void (*program)(void *), void (*idle)(void));
THS_NORETURN void harness_done(void);

#define harness_case(suite, name, setup, test)                                           \
	harness_loop(suite, name, setup, test, 0, 1)
#define harness_loop(suite, name, setup, test, from, to)                                 \
	do {                                                                             \
		TCase *tcase_ = tcase_create(name);                                      \
		tcase_add_checked_fixture(tcase_, setup, NULL);                          \
		tcase_add_loop_test(tcase_, test, from, to);                             \
		suite_add_tcase(suite, tcase_);                                          \
	} while (0)

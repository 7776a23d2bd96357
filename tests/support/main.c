/*
 * main - runs the one suite of a unit test program and speaks TAP on stdout.
 *
 * TAP, because automake then counts every single check and not every program. Each test
 * runs in a process of its own (CK_FORK=no in the environment keeps it in this one, for
 * a debugger), so a crash is one failure and the others still run.
 */
#include "suite.h"

#include <stdlib.h>

int main(void)
{
	SRunner *runner = srunner_create(ths_test_suite());
	int failed;

	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

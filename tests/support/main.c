/*
 * main - runs the one suite of a unit test program and speaks TAP on stdout.
 *
 * TAP, because automake then counts every single check and not every program. Each test
 * runs in a process of its own (CK_FORK=no in the environment keeps it in this one, for
 * a debugger), so a crash is one failure and the others still run.
 *
 * libcheck writes a line for every turn of a loop test. The turns of one test that pass
 * are one test here, so that the count says how many things were checked and not how
 * many numbers a loop went through; a turn that fails keeps its own line.
 *
 * Whether it passes or fails, a test ends by exit(): so its leaks are looked for. libcheck
 * ends one that fails by _exit(), which is therefore ours.
 *
 * Chance has one source, THS_SEED in the environment; arch/host's entropy follows it. If
 * it is not given it is chosen and printed, so that any run can be repeated.
 */
#include "suite.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Seconds after which a test hangs. No suite sets less: how fast the machine is, and what
 * else it does, says nothing about the code. */
#define HANG_S "600"

uint64_t ths_test_seed(void)
{
	return strtoull(getenv("THS_SEED"), NULL, 0);
}

TCase *ths_suite_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	suite_add_tcase(suite, tcase);
	return tcase;
}

static void seed_choose(void)
{
	uint64_t seed = 0;
	char text[24];

	if (getenv("THS_SEED") == NULL) {
		if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
			exit(EXIT_FAILURE);
		snprintf(text, sizeof text, "0x%" PRIx64, seed);
		setenv("THS_SEED", text, 1);
	}
	printf("# THS_SEED=%s repeats this run\n", getenv("THS_SEED"));
	fflush(stdout); /* before anything is forked */
}

void _exit(int status)
{
	exit(status);
}

/* What libcheck holds by its own stack is not seen from a task's. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:emalloc\n";
}

/* What a TAP result line says behind its number, or NULL when it is no result. */
static const char *result_text(const char *line, bool *passed)
{
	const char *text = strstr(line, " - ");

	*passed = strncmp(line, "ok ", 3) == 0;
	if (!*passed && strncmp(line, "not ok ", 7) != 0)
		return NULL;
	return text != NULL ? text + 3 : NULL;
}

/* Copies libcheck's TAP to stdout, equal passed results in a row as one; false: no plan.
 */
static bool retell(FILE *tap)
{
	char line[4096], last[4096] = "";
	unsigned count = 0, told = 0, planned = 0;

	while (fgets(line, sizeof line, tap) != NULL) {
		bool passed;
		const char *text = result_text(line, &passed);

		if (text == NULL) {
			/* The plan ("1..N"), or the further lines of a message. */
			if (sscanf(line, "1..%u", &planned) != 1)
				printf("# %s", line);
			continue;
		}
		count++;
		if (passed && strcmp(text, last) == 0)
			continue;
		printf("%s %u - %s", passed ? "ok" : "not ok", ++told, text);
		snprintf(last, sizeof last, "%s", passed ? text : "");
	}
	printf("1..%u\n", told);
	return planned > 0 && planned == count;
}

int main(void)
{
	char path[] = "unit-tap-XXXXXX";
	SRunner *runner;
	int fd = mkstemp(path), failed;
	FILE *tap;
	bool whole;

	seed_choose();
	setenv("CK_DEFAULT_TIMEOUT", HANG_S, 0);
	runner = srunner_create(ths_test_suite());
	if (fd < 0) {
		perror("unit test: cannot keep the results in this folder");
		return EXIT_FAILURE;
	}
	srunner_set_tap(runner, path);
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);

	tap = fdopen(fd, "r");
	whole = tap != NULL && retell(tap);
	if (tap != NULL)
		fclose(tap);
	unlink(path);
	if (!whole)
		fprintf(stderr, "unit test: libcheck's results do not match its plan\n");
	return whole && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/*
 * Damaged files before theseus-check: whatever they hold, they are judged, not obeyed.
 *
 * The tool's sources are built with ASan and UBSan here and called directly. A file that
 * is accepted after all must be one that the loader takes.
 */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <theseus/tmod.h>
#include <unistd.h>

#include "check/check.h"
#include "check/report.h"

static struct tool_file file_read(const char *name)
{
	const char *build = getenv("top_builddir");
	char *path = tool_print("%s/fixtures/%s.tmod", build == NULL ? "." : build, name);
	struct tool_file file;

	ck_assert_msg(tool_read(path, &file), "%s cannot be read", path);
	free(path);
	return file;
}

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Half of the changes go where structure is dense: the header, the section headers. */
static void damage(struct tool_file *file, uint64_t *state)
{
	for (uint64_t changes = 1 + random_next(state) % 4; changes != 0; changes--) {
		size_t at = random_next(state) % file->size;

		if (random_next(state) % 2 == 0)
			at = file->size - 1 - at % 640;
		if (random_next(state) % 8 == 0)
			at %= 64;
		file->data[at] = (uint8_t)random_next(state);
	}
}

START_TEST(damaged_modules_are_judged)
{
	struct tool_file good = file_read("fixture.plain");
	uint64_t state = 0x2545f4914f6cdd1du;
	unsigned accepted = 0, refused = 0;

	for (unsigned round = 0; round < 1500; round++) {
		struct tool_file bad = {tool_alloc(good.size), good.size};
		struct check_result result;
		struct ths_reason reason = {""};
		struct ths_tmod tmod;

		memcpy(bad.data, good.data, good.size);
		damage(&bad, &state);
		if (round % 3 == 0)
			bad.size = 1 + random_next(&state) % good.size;
		(void)!ths_tmod_seal(bad.data, bad.size, &reason);
		ck_assert(check_file(&bad, "fixture.plain", &result));
		if (result.findings.count == 0) {
			accepted++;
			ck_assert_int_eq(
				ths_tmod_open(&tmod, bad.data, bad.size, &reason),
				THS_OK);
		} else {
			refused++;
		}
		check_free(&result);
		free(bad.data);
	}
	ck_assert_uint_gt(accepted, 10); /* a byte of a name, say */
	ck_assert_uint_gt(refused, 500);
	free(good.data);
}
END_TEST

START_TEST(damaged_objects_are_reported_on)
{
	struct tool_file good = file_read("fixture.spill");
	uint64_t state = 0x9e3779b97f4a7c15u, total;
	unsigned reported = 0;

	ck_assert_ptr_nonnull(
		freopen("/dev/null", "w", stderr)); /* hundreds of refusals */
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stdout));
	for (unsigned round = 0; round < 1500; round++) {
		struct tool_file bad = {tool_alloc(good.size), good.size};

		memcpy(bad.data, good.data, good.size);
		damage(&bad, &state);
		if (round % 3 == 0)
			bad.size = 1 + random_next(&state) % good.size;
		reported += report_file("bad", &bad, round % 2 == 0, &total);
		free(bad.data);
	}
	ck_assert_uint_gt(reported, 100);
	free(good.data);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("theseus-check");
	TCase *tcase = tcase_create("damage");

	tcase_add_test(tcase, damaged_modules_are_judged);
	tcase_add_test(tcase, damaged_objects_are_reported_on);
	suite_add_tcase(suite, tcase);
	return suite;
}

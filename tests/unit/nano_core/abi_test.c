/*
 * abi_test - a module built from an earlier commit of the same abi is loaded, serves, and is
 * exchanged with today's build there and back; what is built for another is refused in the
 * words of theseus-abi(7).
 *
 * tests/abi/README.md says where the files come from.
 */
#include "accounts.h"
#include "archive.h"
#include "rig.h"
#include "suite.h"
#include "tmod_image.h"

#include <theseus/iface/sched.h>
#include "nano_core/swap_impl.h"

static struct ths_ref policy = THS_REF_TO(sched, "policy");
static uint8_t space[1 << 18];

/* The archive: today's build, the earlier one, the foreign ones, each by its own name. */
static void bring_all(void)
{
	const struct {
		const char *name, *top, *folder, *file;
	} files[] = {
		{"now.tmod", "top_builddir", "modules", "sched.rr"},
		{"earlier.tmod", "top_srcdir", "tests/abi/a4dbfa4", "sched.rr"},
		{"other_abi.tmod", "top_srcdir", "tests/abi/6579e3d", "sched.rr"},
		{"foreign.tmod", "top_builddir", "fixtures", "sched.foreign"},
	};
	size_t end = 0;

	rig_start();
	for (size_t i = 0; i < THS_ARRAY_SIZE(files); i++) {
		struct image file = image_in(files[i].top, files[i].folder, files[i].file);

		end = archive_add(space, end, files[i].name, file.data, file.size);
		free(file.data);
	}
	end = archive_add(space, end, ARCHIVE_TRAILER, "", 0);
	ck_assert_int_eq(ths_archive_init(space, end), THS_OK);
}

static uint32_t load(const char *file, const char *name)
{
	uint32_t slot = 0;

	ck_assert_msg(ths_module_load(file, name, &slot, &reason) == THS_OK, "%s",
		      reason.text);
	return slot;
}

static void admit(uint32_t task)
{
	struct sched_admit arg = {.task = task};

	ck_assert_int_eq(sched_admit(&policy, &arg), THS_OK);
}

/* Who is next, when @prev, who ran, goes on. */
static uint32_t pick(uint32_t prev)
{
	struct sched_pick arg = {.prev = prev, .prev_runnable = prev != THS_ROW_NONE};

	ck_assert_int_eq(sched_pick(&policy, &arg), THS_OK);
	return arg.next;
}

START_TEST(an_earlier_build_serves)
{
	bring_all();
	ck_assert_int_eq(ths_bind(load("earlier", NULL), "policy"), THS_OK);
	admit(7);
	admit(8);
	ck_assert_uint_eq(pick(THS_ROW_NONE), 7);
	ck_assert_uint_eq(pick(7), 8);
	ck_assert_uint_eq(pick(8), 7);
}
END_TEST

/* Each goes on in the order the other left. */
START_TEST(an_earlier_build_and_todays_are_exchanged)
{
	uint32_t earlier, now;

	bring_all();
	earlier = load("earlier", "earlier");
	ck_assert_int_eq(ths_bind(earlier, "policy"), THS_OK);
	admit(7);
	admit(8);
	admit(9);
	ck_assert_uint_eq(pick(THS_ROW_NONE), 7);
	now = load("now", "now");
	ck_assert_int_eq(ths_swap(earlier, now, NULL), THS_OK);
	ck_assert_uint_eq(pick(7), 8);
	ck_assert_int_eq(ths_swap(now, load("earlier", "again"), NULL), THS_OK);
	ck_assert_uint_eq(pick(8), 9);
	ck_assert_uint_eq(pick(9), 7);
}
END_TEST

/* ---- who is refused --------------------------------------------------------------------- */

/* Whether the page has this line. */
static bool is_quoted(const char *line)
{
	char path[512], *text = malloc(1u << 20);
	size_t size;
	bool found;
	FILE *page;

	snprintf(path, sizeof(path), "%s/man/theseus-abi.7", getenv("top_srcdir"));
	page = fopen(path, "r");
	ck_assert_msg(page != NULL, "%s cannot be read", path);
	size = fread(text, 1, (1u << 20) - 1, page);
	text[size] = '\0';
	fclose(page);
	snprintf(path, sizeof(path), "\n%s\n", line);
	found = strstr(text, path) != NULL;
	free(text);
	return found;
}

static const struct {
	const char *file;
	enum ths_err err;
	const char *words;
} refused[] = {
	{"other_abi", THS_E_ABI, "sched.rr: is built for abi 2, this is 3"},
	{"foreign", THS_E_VERSION,
	 "sched.foreign: sched/1: operation pick: member cpu is u64 at 0 here, u32 at 0 in "
	 "sched.rr"},
};

START_TEST(what_is_foreign_is_refused_as_the_page_says)
{
	uint32_t slot;

	bring_all();
	load("now", NULL);
	ck_assert_int_eq(ths_module_load(refused[_i].file, "refused", &slot, &reason),
			 refused[_i].err);
	ck_assert_str_eq(reason.text, refused[_i].words);
	ck_assert_msg(is_quoted(reason.text), "theseus-abi(7) has not: %s", reason.text);
	ck_assert_int_eq(ths_module_find("refused", &slot), THS_E_NOENT);
	ck_assert_ptr_null(accounts_lost());
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("abi");
	TCase *earlier = tcase_create("earlier"), *foreign = tcase_create("foreign");

	tcase_add_test(earlier, an_earlier_build_serves);
	tcase_add_test(earlier, an_earlier_build_and_todays_are_exchanged);
	suite_add_tcase(suite, earlier);
	tcase_add_loop_test(foreign, what_is_foreign_is_refused_as_the_page_says, 0,
			    (int)THS_ARRAY_SIZE(refused));
	suite_add_tcase(suite, foreign);
	return suite;
}

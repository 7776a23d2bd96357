/*
 * class_test - what it means for rows whose they are: the machine's, a client's, nobody's, a
 * CPU's; a device's are in ownership_test.c. Each class has a rule, and a TCase that fails
 * when it is broken.
 */
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <theseus/host.h>
#include <theseus/nano_core.h>
#include <theseus/soft.h>
#include "nano_core/nano_core_impl.h"

static uint64_t dice;

static uint32_t roll(uint32_t sides)
{
	dice = dice * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(dice >> 33) % sides;
}

/* ---- the machine's rows, and clients' ------------------------------------------------------ */

static struct ths_ref ref;

static enum ths_err make_one_of_each(struct ths_call *call, void *ctx)
{
	struct item *item;
	struct loose *loose;
	uint32_t row;

	(void)ctx;
	THS_TRY(ths_row_new_keyed(call, OWNED, 1, &row, &item));
	THS_TRY(ths_row_new_keyed(call, ITEM, 1, &row, &item));
	return ths_row_new(call, LOOSE, &row, &loose);
}

static enum ths_err reap_one(struct ths_cpu *cpu, void *client)
{
	return ths_share_reap_one(cpu, *(uint32_t *)client, NULL);
}

/* Client 7 makes a row of each kind, and dies. */
static void live_and_die(void)
{
	uint32_t client = 7;

	script_start(&ref, 1);
	ths_cpu()->current = client;
	ck_assert_int_eq(script_by(&ref, make_one_of_each, NULL), THS_OK);
	ths_cpu()->current = CONTEXTS_MAX;
	while (ths_publish(reap_one, &client) == THS_OK)
		;
}

static uint32_t live(const char *schema)
{
	return ths_table_find(schema, "")->live;
}

START_TEST(system_rows_stay)
{
	live_and_die();
	ck_assert_uint_eq(live("script.item/1"), 1);
	ck_assert_uint_eq(live("script.loose/1"), 1);
	rig_stop();
}
END_TEST

START_TEST(joint_rows_go_with_their_owner)
{
	live_and_die();
	ck_assert_uint_eq(live("script.owned/1"), 0);
	rig_stop();
}
END_TEST

/* ---- soft rows ----------------------------------------------------------------------------- */

#define ASKED_FOR 3000u

static struct asked {
	uint64_t key, value;
	struct ths_weak weak;
	bool hit;
} asked[SOFTS];

static uint64_t slow_function(uint64_t key)
{
	return key * key + 7;
}

/* As whoever uses a cache has to: what is there is right, what is not is made anew. */
static enum ths_err ask(struct ths_call *call, void *ctx)
{
	struct asked *what = ctx;
	const struct item *found;
	struct item *made;
	uint32_t row;
	enum ths_err err = ths_row_find(call, SOFT, what->key, &row, &found);

	what->hit = err == THS_OK;
	if (what->hit) {
		what->value = found->value;
		return ths_weak_read(call, SOFT, what->weak, &found);
	}
	if (err != THS_E_NOENT)
		return err;
	if (what->value) /* it was there before */
		ck_assert_int_eq(ths_weak_read(call, SOFT, what->weak, &found), THS_E_STALE);
	THS_TRY(ths_row_new_keyed(call, SOFT, what->key, &row, &made));
	what->value = made->value = slow_function(what->key);
	return ths_row_weak(call, SOFT, row, &what->weak);
}

static enum ths_err ask_fixed(struct ths_call *call, void *ctx)
{
	struct asked *what = ctx;
	struct loose *row;

	THS_TRY(ths_row_write(call, SOFT_FIXED, (uint32_t)what->key, &row));
	what->hit = row->value != 0;
	if (!what->hit)
		row->value = slow_function(what->key);
	what->value = row->value;
	return THS_OK;
}

/* How often the cache had not what it once had been given. *@history: which times. */
static unsigned misses(script_fn *fn, uint64_t seed, uint64_t *history)
{
	unsigned count = 0;

	rig_start();
	ref = (struct ths_ref)THS_REF(script);
	(void)rig_bind(&ths_module_script_soft, "");
	for (uint64_t key = 0; key < SOFTS; key++)
		asked[key] = (struct asked){.key = key};
	dice = 1;
	*history = 0;
	ths_soft_stress(seed);
	for (unsigned i = 0; i < ASKED_FOR; i++) {
		struct asked *what = &asked[roll(SOFTS)];
		bool before = what->value != 0;

		ck_assert_int_eq(script_by(&ref, fn, what), THS_OK);
		ck_assert_uint_eq(what->value, slow_function(what->key));
		count += before && !what->hit;
		*history = (*history ^ (before && !what->hit)) * 1099511628211u + 1;
	}
	if (!seed)
		ck_assert_uint_eq(ths_soft_vanished(), 0);
	else
		ck_assert_uint_ge(ths_soft_vanished(), count ? 1 : 0);
	rig_stop();
	return count;
}

START_TEST(soft_rows_vanish_under_stress_by_the_seed)
{
	script_fn *fn = _i ? ask_fixed : ask;
	uint64_t seed = ths_test_seed() | 1, first, again, other;
	unsigned count = misses(fn, seed, &first);

	ck_assert_uint_gt(count, 100);
	ck_assert_uint_lt(count, ASKED_FOR - 100); /* and some are there */
	ck_assert_uint_eq(misses(fn, seed, &again), count);
	ck_assert_uint_eq(again, first);
	(void)misses(fn, seed + 2, &other);
	ck_assert_uint_ne(other, first);
	ck_assert_uint_eq(misses(fn, 0, &again), 0);
}
END_TEST

/* The seed a machine starts with. */
static uint64_t dice_of(const char *cmdline)
{
	uint64_t seed;

	ths_host_reset();
	ths_host_cmdline(cmdline);
	ck_assert_int_eq(ths_core_start(ths_host_boot_info()), THS_OK);
	seed = atomic_load(&ths_core.soft_dice);
	rig_stop();
	return seed;
}

START_TEST(stress_is_asked_for_by_the_command_line_or_the_environment)
{
	ck_assert_uint_eq(dice_of("quiet"), 0);
	ck_assert_uint_eq(dice_of("quiet soft_stress=77"), 77);
	ck_assert_uint_eq(dice_of("soft_stress=much"), 0);
	ck_assert_int_eq(setenv("THS_SOFT_STRESS", "78", 1), 0);
	ck_assert_uint_eq(dice_of("quiet"), 78);
	ck_assert_uint_eq(dice_of("soft_stress=79 quiet"), 79);
}
END_TEST

/* What is cut off is not obeyed, and the log says so. */
START_TEST(a_command_line_that_is_cut_says_so)
{
	static char said[4096];
	bool cut = _i;
	char cmdline[300];
	struct ths_boot_info info;

	ths_host_reset();
	ths_host_console(said, sizeof(said));
	(void)snprintf(cmdline, sizeof(cmdline), "%-*s soft_stress=123", 239 + cut, "quiet");
	ck_assert_uint_eq(strlen(cmdline), 255 + cut);
	info = *ths_host_boot_info();
	info.cmdline = cmdline;
	ck_assert_int_eq(ths_core_start(&info), THS_OK);
	ck_assert_uint_eq(atomic_load(&ths_core.soft_dice), cut ? 12 : 123);
	ck_assert_int_eq(strstr(said, "command line: what follows its first 255 ") != NULL, cut);
	rig_stop();
}
END_TEST

/* ---- per-CPU rows -------------------------------------------------------------------------- */

static enum ths_err touch(struct ths_call *call, uint32_t row)
{
	const struct loose *seen;
	struct loose *mine;
	enum ths_err err = ths_row_read(call, LOCAL, row, &seen);

	ck_assert_int_eq(ths_row_write(call, LOCAL, row, &mine), err);
	THS_TRY(err);
	mine->value = seen->value + 1;
	return THS_OK;
}

static enum ths_err touch_row(struct ths_call *call, void *ctx)
{
	return touch(call, *(uint32_t *)ctx);
}

START_TEST(per_cpu_rows_are_their_cpus_alone)
{
	uint32_t first = 0, second = 1;
	uint64_t clock;

	script_start(&ref, 2);
	other_start();
	clock = atomic_load(&ths_core.clock);
	ck_assert_int_eq(script_by(&ref, touch_row, &first), THS_OK);
	ck_assert_int_eq(other_script(touch_row, &second), THS_OK);
	ck_assert_uint_eq(atomic_load(&ths_core.clock), clock); /* P7 */
	ck_assert_int_eq(script_by(&ref, touch_row, &second), THS_E_PERM);
	ck_assert_int_eq(other_script(touch_row, &first), THS_E_PERM);
	other_stop();
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("classes of ownership");
	TCase *tcase = ths_suite_case(suite, "system");

	tcase_add_test(tcase, system_rows_stay);
	tcase = ths_suite_case(suite, "joint");
	tcase_add_test(tcase, joint_rows_go_with_their_owner);
	tcase = ths_suite_case(suite, "soft");
	tcase_add_loop_test(tcase, soft_rows_vanish_under_stress_by_the_seed, 0, 2);
	tcase_add_test(tcase, stress_is_asked_for_by_the_command_line_or_the_environment);
	tcase_add_loop_test(tcase, a_command_line_that_is_cut_says_so, 0, 2);
	tcase = ths_suite_case(suite, "per CPU");
	tcase_add_test(tcase, per_cpu_rows_are_their_cpus_alone);
	return suite;
}

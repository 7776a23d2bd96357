/*
 * window_test - whatever happens while a module takes another's place, the old one serves
 * on or the new one does, no row is lost, and the next swap works.
 *
 * The modules are files, loaded, linked and run here as in a kernel; but for metamodules,
 * which are linked in. Each way for one to come in the place of another is gone with each
 * thing it asks for running out, once and for good; and with each trouble there is in each
 * of its windows, THS_POINT(name) of the sources, whose list the build makes.
 */
#include "accounts.h"
#include "archive.h"
#include "harness.h"
#include "keeper.h"
#include "rig.h"
#include "suite.h"
#include "window.h"

#include <theseus/evolve.h>
#include <theseus/iface/testsrv.h>
#include "tmod_image.h"

extern const struct ths_module ths_state_db_second_module, ths_module_keeper,
	ths_module_keeper_v2;

/* Windows that no way here leads through; each with who tries it. */
static const struct {
	const char *prefix, *why;
} elsewhere[] = {
	{"bind/not-all-lines", "instance_test: a controller that cannot attach"},
	{"cascade/", "mend_window_test"},
	{"meta/attached", "meta_test.tap: a metamodule that is loaded from its file"},
	{"recover/", "mend_window_test"},
	{"swap/before-unbind", "mend_window_test"},
	{"swap/before-unserve", "newcomer_window_test: a self-test that fails"},
	{"state_db/before-give", "full_test: a row comes back while somebody finds none"},
	{"state_db/none-free", "full_test"},
	{"state_db/locked", "meta_fault_test: a state_db that faults"},
	{"state_db/made", "meta_fault_test"},
	{"state_db/merging", "meta_fault_test"},
	{"evolve/adopted", "newcomer_window_test: rows that are adopted"},
	{"tables/before-empty-one", "class_test: rows that vanish"},
	{"tables/before-empty", "mend_window_test: soft tables"},
	{"tables/before-wipe", "newcomer_window_test: who came is forgotten"},
	{"migrate/before-undo", "newcomer_window_test: a set that does not adopt its rows"},
	{"sweep/before-start", "migrate_test.tap: the sweeper is a program"},
	{"sweep/before-rest", "migrate_test.tap: the sweeper is a program"},
	{"sweep/before-note", "sweep_test: a sweeper that starves"},
	{"sweep/starves", "sweep_test"},
	{"sweep/before-again", "sweep_test"},
};

static const char *why_elsewhere(const char *window)
{
	for (unsigned i = 0; i < THS_ARRAY_SIZE(elsewhere); i++)
		if (strncmp(window, elsewhere[i].prefix, strlen(elsewhere[i].prefix)) == 0)
			return elsewhere[i].why;
	return NULL;
}

/* ---- the ways ----------------------------------------------------------------------------- */

static struct ths_reason why;

static enum ths_err swap_by(const char *file)
{
	return ths_swap_file("testsrv", file, NULL, &why);
}

static enum ths_err unwell(void)
{
	return swap_by("fixture.unwell");
}

static enum ths_err code_only(void)
{
	return swap_by("testsrv");
}

static enum ths_err with_rows(void)
{
	return swap_by("testsrv.v2");
}

static enum ths_err evolve(const char *text)
{
	return ths_evolve(text, strlen(text), &why);
}

static enum ths_err evolves(void)
{
	return evolve("replace testsrv with testsrv as second\n");
}

static enum ths_err evolves_with_rows(void)
{
	return evolve("replace testsrv with testsrv.v2\n"
		      "migrate testsrv.counter/1 testsrv.counter/2\n");
}

/* A swap that is taken back. */
static enum ths_err there_and_back(void)
{
	THS_TRY(swap_by("testsrv"));
	return ths_rollback("testsrv", &why);
}

static enum ths_err there_and_back_with_rows(void)
{
	THS_TRY(with_rows());
	return ths_rollback("testsrv", &why);
}

static enum ths_err evolves_and_back(void)
{
	THS_TRY(evolves());
	return ths_rollback("second", &why);
}

static enum ths_err evolves_with_rows_and_back(void)
{
	THS_TRY(evolves_with_rows());
	return ths_rollback("testsrv.v2", &why);
}

/* Rows that nobody touched are brought along. */
static enum ths_err sweeps(void)
{
	ths_probation_set((struct ths_probation){0, 0});
	THS_TRY(with_rows());
	THS_TRY(ths_sweep());
	return swap_by("testsrv");
}

static enum ths_err take_back(enum ths_err err, uint32_t slot)
{
	enum ths_err unloaded = ths_module_unload(slot);

	return err ? err : unloaded;
}

/* A second one, which serves under a name of its own. */
static enum ths_err aside(void)
{
	enum ths_err err;
	uint32_t slot;

	THS_TRY(ths_module_load("testsrv", "aside", &slot, &why));
	err = ths_bind(slot, "aside");
	if (err == THS_OK)
		err = ths_unbind(&testsrv_iface, "aside");
	return take_back(err, slot);
}

static enum ths_err interposes(void)
{
	enum ths_err err;
	uint32_t slot;

	THS_TRY(ths_module_load("trace", NULL, &slot, &why));
	err = ths_interpose(slot, "testsrv", NULL);
	if (err == THS_OK)
		err = ths_interpose_end(slot);
	return take_back(err, slot);
}

/* One that is linked in takes the place of @old, and back. */
static enum ths_err there_and_back_linked(const char *old, const struct ths_module *module,
					  void (*describe)(uint32_t))
{
	enum ths_err err;
	uint32_t from, to;

	THS_TRY(ths_module_find(old, &from));
	THS_TRY(ths_module_add(module, "other", &to, &why));
	if (describe)
		describe(to);
	err = ths_swap(from, to, NULL);
	if (err == THS_OK)
		err = ths_rollback("other", &why);
	else
		err = take_back(err, to);
	return err;
}

static enum ths_err state_db(void)
{
	return there_and_back_linked("state_db", &ths_state_db_second_module, NULL);
}

/* As theseus-schema would write it; of what is linked in it does not. */
static void describe(uint32_t slot)
{
	struct ths_state_block *block = ths_core.instance[slot].block;

	block->layout.text = block->layout.size == ths_module_keeper.state.size
				     ? " total u64 0\n adds u32 8\n"
				     : " adds u32 104\n total u64 112\n";
	block->layout.length = (uint32_t)strlen(block->layout.text);
}

static enum ths_err keeper(void)
{
	return there_and_back_linked("keeper", &ths_module_keeper_v2, describe);
}

/* Both in one set, which has no probation then. */
static enum ths_err evolves_with_states(void)
{
	enum ths_err err;
	uint32_t db, next;

	THS_TRY(ths_module_add(&ths_state_db_second_module, "other", &db, &why));
	err = ths_module_add(&ths_module_keeper_v2, "next", &next, &why);
	if (err)
		return take_back(err, db);
	describe(next);
	err = evolve("replace state_db with other\nreplace keeper with next\n");
	if (err == THS_OK)
		return THS_OK;
	return take_back(take_back(err, next), db);
}

static enum ths_err (*const ways[])(void) = {
	code_only, with_rows, evolves,	  evolves_with_rows, there_and_back,
	sweeps,	   aside,     interposes, state_db,	     keeper,
	there_and_back_with_rows, evolves_and_back, evolves_with_rows_and_back,
	evolves_with_states,
};
#define WAYS THS_ARRAY_SIZE(ways)

/* Those that go further than to one publication: an error may leave them half-way, with
 * somebody else serving, or beside who serves. */
static bool has_steps(enum ths_err (*way)(void))
{
	return way != code_only && way != with_rows && way != evolves &&
	       way != evolves_with_rows;
}

/* ---- a turn ------------------------------------------------------------------------------- */

#define CALLS 20u /* of a probation */
#define TICKS 30u

static struct ths_ref server = THS_REF(testsrv);
static struct ths_instance *old;
static uint64_t expected; /* of the counter */
static uint64_t kept;     /* of the metamodule's */
static unsigned others;   /* instances beside those of the server */

static struct ths_instance *who_serves(void)
{
	struct ths_binding *binding;

	ck_assert_int_eq(ths_binding_find(&testsrv_iface, "", &binding), THS_OK);
	return ths_binding_instance(binding);
}

static unsigned instances(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < ths_core.instances; i++)
		count += ths_core.instance[i].state != THS_INSTANCE_FREE;
	return count;
}

static enum ths_err trouble_commit(void *unused)
{
	struct ths_ref own = THS_REF(testsrv);
	struct testsrv_add args = {.row = 3, .amount = 1};

	(void)unused;
	expected++;
	return testsrv_add(&own, &args);
}

static enum ths_err trouble_fault(void *unused)
{
	struct ths_ref own = THS_REF(testsrv);
	struct testsrv_fault fault = {.kind = TESTSRV_MIDWAY, .row = 3};

	(void)unused;
	return testsrv_fault(&own, &fault) == THS_E_FAULT ? THS_OK : THS_E_INTERNAL;
}

static enum ths_err trouble_swap(void *unused)
{
	(void)unused;
	return ths_swap_file("testsrv", "testsrv", NULL, NULL);
}

static void serves(void)
{
	struct testsrv_add args = {.row = 3, .amount = 1};

	ck_assert_int_eq(testsrv_add(&server, &args), THS_OK);
	ck_assert_uint_eq(args.value, ++expected);
}

/* The state of the metamodule is where the calls left it. */
static void keeps(void)
{
	struct ths_ref ref = THS_REF(keeper);
	struct keeper_add args = {.amount = 1};

	ck_assert_int_eq(keeper_add(&ref, &args), THS_OK);
	ck_assert_uint_eq(args.total, ++kept);
}

static void begin(void)
{
	static uint8_t archive[1 << 19];
	static size_t size;
	uint32_t slot;

	if (size == 0) {
		static const struct {
			const char *folder, *id;
		} files[] = {{"modules", "testsrv"},
			     {"modules", "testsrv.v2"},
			     {"modules", "trace"},
			     {"fixtures", "fixture.unwell"}};

		for (unsigned i = 0; i < THS_ARRAY_SIZE(files); i++) {
			struct image file = image_from(files[i].folder, files[i].id);
			char name[THS_NAME_MAX];

			(void)snprintf(name, sizeof(name), "%s.tmod", files[i].id);
			ck_assert_uint_lt(size + file.size + 512, sizeof(archive));
			size = archive_add(archive, size, name, file.data, file.size);
			free(file.data);
		}
	}
	harness_start();
	rig_cpus(2);
	other_start();
	ths_core.quiet_faults = true;
	ths_probation_set((struct ths_probation){CALLS, TICKS});
	ck_assert_int_eq(ths_archive_init(archive, size), THS_OK);
	memset(ths_module_keeper.state.at, 0, ths_module_keeper.state.size);
	describe(rig_bind(&ths_module_keeper, ""));
	kept = 0;
	others = instances();
	ck_assert_msg(ths_module_load("testsrv", NULL, &slot, &why) == THS_OK, "%s", why.text);
	ck_assert_int_eq(ths_bind(slot, ""), THS_OK);
	server = (struct ths_ref)THS_REF(testsrv);
	expected = 0;
	old = who_serves();
	serves();
	keeps();
}

/* Whoever is on probation stays, and whoever was superseded goes. */
static void settle(void)
{
	ths_probation_set((struct ths_probation){0, 0});
	for (unsigned i = 0; i < TICKS + 2; i++)
		ths_host_tick();
	ths_quiesce();
	ths_probation_sweep();
}

/* Whoever is there now is to serve. */
static void stay(void)
{
	settle();
	old = who_serves();
	others = instances() - 1;
}

/* @err: of the way that was gone. */
static void end(enum ths_err (*way)(void), enum ths_err err)
{
	const char *lost;

	if (err) {
		ck_assert_ptr_eq(who_serves(), old);
		ck_assert_uint_eq(instances(), others + 1);
	}
	serves();
	if (err)
		ck_assert_msg(way() == THS_OK, "the next swap: %s", why.text);
	else
		ck_assert_msg(swap_by("testsrv") == THS_OK, "the next swap: %s", why.text);
	serves();
	settle();
	serves();
	keeps();
	other_stop();
	lost = accounts_lost();
	ck_assert_msg(!lost, "%s", lost);
	rig_stop();
}

/* ---- everything runs out -------------------------------------------------------------------- */

START_TEST(whatever_runs_out_the_old_one_serves)
{
	enum ths_err (*way)(void) = ways[_i / 2];
	bool persistently = _i % 2, failed = true;
	uint64_t n;

	for (n = 1; failed; n++) {
		enum ths_err err;

		begin();
		ths_host_fail_nth("alloc", n, persistently);
		err = way();
		failed = ths_host_fail_failed() > 0;
		ths_host_fail_nth("alloc", 0, false);
		ck_assert_msg(err == THS_OK || failed, "%s", why.text);
		if (has_steps(way))
			stay();
		end(has_steps(way) ? code_only : way, err);
	}
	ck_assert_uint_gt(n, 4);
}
END_TEST

/* ---- trouble in a window --------------------------------------------------------------------- */

/* How often each way is in each window. */
static unsigned met_on[WAYS][WINDOWS];

START_TEST(trouble_in_a_window_leaves_somebody_serving)
{
	unsigned i = (unsigned)_i, window = i / TROUBLES / TIMES % WINDOWS;
	unsigned number = i / TROUBLES / TIMES / WINDOWS;
	enum trouble trouble = (enum trouble)(i % TROUBLES);
	unsigned time;
	enum ths_err err;

	if (i % (TROUBLES * TIMES * WINDOWS) == 0) { /* the first of this way */
		begin();
		ck_assert_int_eq(look(ways[number]), THS_OK);
		memcpy(met_on[number], met, sizeof(met));
		end(code_only, THS_OK);
	}
	time = time_of(met_on[number][window], i / TROUBLES % TIMES);
	if (time == 0)
		return;
	begin();
	err = go(ways[number], windows[window], time, trouble);
	ck_assert_msg(at.met >= time && at.err == THS_OK,
		      "way %u, trouble %u, time %u of %u in %s: %s", number, trouble, time,
		      at.met, windows[window], ths_err_name(at.err));
	if (has_steps(ways[number]) || trouble == SWAP_ELSEWHERE || trouble == SWAP_AGAIN)
		stay();
	end(code_only, err);
}
END_TEST

START_TEST(every_window_is_met)
{
	unsigned count[WINDOWS] = {0};

	for (unsigned i = 0; i < WAYS; i++) {
		begin();
		ck_assert_int_eq(look(ways[i]), THS_OK);
		for (unsigned k = 0; k < WINDOWS; k++)
			count[k] += met[k];
		end(code_only, THS_OK);
	}
	for (unsigned k = 0; k < WINDOWS; k++)
		if (why_elsewhere(windows[k]))
			ck_assert_msg(!count[k], "%s is met: take it from the list", windows[k]);
		else
			ck_assert_msg(count[k], "no way leads through %s", windows[k]);
}
END_TEST

/* Its functions are asked for as long as rows stand in its schema. */
START_TEST(who_fails_its_self_test_goes_after_its_rows)
{
	begin();
	ck_assert_int_eq(go(unwell, "swap/before-selftest", 1, COMMIT), THS_E_IO);
	ck_assert_int_eq(at.err, THS_OK);
	ck_assert_uint_eq(at.met, 1);
	for (uint32_t i = 0; i < atomic_load(&ths_core.tables); i++)
		ck_assert_ptr_null(atomic_load(&ths_core.table[i].step.bearer));
	end(code_only, THS_E_IO);
}
END_TEST

/* At once, or when there is enough again; one that rows still needed can be unloaded then. */
START_TEST(whatever_runs_out_who_fails_its_self_test_goes)
{
	bool failed = true;

	for (uint64_t n = 1; failed; n++) {
		uint32_t slot;

		begin();
		ths_host_fail_nth("alloc", n, _i);
		(void)!unwell();
		failed = ths_host_fail_failed() > 0;
		ths_host_fail_nth("alloc", 0, false);
		settle();
		ck_assert_int_eq(ths_sweep(), THS_OK);
		settle();
		if (ths_module_find("fixture.unwell", &slot) == THS_OK)
			ck_assert_int_eq(ths_module_unload(slot), THS_OK);
		end(code_only, THS_E_IO);
	}
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("window");
	TCase *loaded = tcase_create("allocations"), *trouble = tcase_create("windows"),
	      *list = tcase_create("list"), *last = tcase_create("self-test");

	tcase_add_loop_test(loaded, whatever_runs_out_the_old_one_serves, 0, 2 * (int)WAYS);
	suite_add_tcase(suite, loaded);
	ths_tcase_add_turns(trouble, trouble_in_a_window_leaves_somebody_serving, 0,
			    (int)(WAYS * WINDOWS * TIMES * TROUBLES));
	suite_add_tcase(suite, trouble);
	tcase_add_test(list, every_window_is_met);
	suite_add_tcase(suite, list);
	tcase_add_test(last, who_fails_its_self_test_goes_after_its_rows);
	tcase_add_loop_test(last, whatever_runs_out_who_fails_its_self_test_goes, 0, 2);
	suite_add_tcase(suite, last);
	return suite;
}

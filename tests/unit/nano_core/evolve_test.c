/*
 * evolve_test - several modules change at once, wholly or not at all.
 *
 * A small system: `store` keeps a pair of numbers for `user`, who adds them up. It evolves
 * through the shapes there are, and back; what it was told before it still knows. Then
 * everything that can go wrong on the way is made to, and nothing has changed.
 */
#include "evolve_shapes.h"
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>
#include <theseus/evolve.h>
#include <theseus/host.h>
#include "nano_core/nano_core_impl.h"

static struct ths_ref pair, user;

static void setup(void)
{
	harness_start();
	ths_core.quiet_faults = true;
	ths_probation_set((struct ths_probation){0, 0});
	harness_bind(&ths_module_store, "");
	harness_bind(&ths_module_user, "");
	pair = (struct ths_ref)THS_REF(pair);
	user = (struct ths_ref)THS_REF(user);
	on_start = NULL;
	on_selftest = NULL;
	ck_assert_int_eq(pair_put(&pair, &(struct pair_args){30, 12}), THS_OK);
}

static uint64_t sum(void)
{
	struct pair_args args = {0, 0};

	ck_assert_int_eq(ths_gate(&user, user_op_sum, &args, NULL), THS_OK);
	return args.low;
}

static struct ths_reason reason;

static enum ths_err evolve(const char *text)
{
	return ths_evolve(text, strlen(text), &reason);
}

#define EVOLVES(set) ck_assert_msg(evolve(set) == THS_OK, "%s", reason.text)

/* ---- what an evolution must leave alone when it fails ----------------------------------------- */

struct picture {
	struct ths_instance *server[BINDINGS_MAX];
	uint32_t published[BINDINGS_MAX];
	uint32_t state[INSTANCES_MAX];
	uint32_t tables;
};

static void take(struct picture *picture)
{
	memset(picture, 0, sizeof(*picture));
	for (unsigned i = 1; i < BINDINGS_MAX; i++) {
		picture->server[i] = ths_core.binding[i].generation
					     ? ths_binding_instance(&ths_core.binding[i])
					     : NULL;
		picture->published[i] = ths_core.binding[i].published;
	}
	for (unsigned i = 0; i < ths_instances(); i++)
		picture->state[i] = ths_core.instance[i].state;
	for (uint32_t i = 0; i < ths_core.tables; i++)
		picture->tables += ths_core.table[i].schema[0] != 0;
}

/* The pools may have grown: pages cut into versions stay. */
static uint64_t pages_but_pools(void)
{
	uint64_t pages = ths_pages_out();

	for (unsigned i = 0; i < POOLS; i++)
		pages -= ths_cpu()->pool_pages[i];
	return pages;
}

static void expect_unchanged(const struct picture *before)
{
	struct picture now;

	take(&now);
	ck_assert(memcmp(&now, before, sizeof(now)) == 0);
}

/* ---- V1: refusals ---------------------------------------------------------------------------- */

static const struct {
	const char *text;
	enum ths_err err;
	const char *says;
} refusals[] = {
	{"", THS_E_NOENT, "nothing changes"},
	{"evolve nothing # at all\n", THS_E_NOENT, "nothing changes"},
	{"replace store\n", THS_E_FORMAT, "line 1: "},
	{"# first\n\nreplace store by store.more\n", THS_E_FORMAT, "line 3: "},
	{"remove a b c d e f g h i j\n", THS_E_FORMAT, "line 1: "},
	{"remove an.instance.whose.name.is.too.long.to.be.one\n", THS_E_FORMAT, "line 1: "},
	{"remove nobody\n", THS_E_NOENT, "line 1: no bound instance"},
	{"remove nobody", THS_E_NOENT, "line 1: no bound instance"},
	{"remove nobody#", THS_E_NOENT, "line 1: no bound instance"},
	{"\tremove\tnobody\r\n", THS_E_NOENT, "line 1: no bound instance"},
	{" \nremove nobody # or who", THS_E_NOENT, "line 2: no bound instance"},
	{"remove nobody  ", THS_E_NOENT, "line 1: no bound instance"},
	{"remove no\x01" "body\n", THS_E_FORMAT, "line 1: "},
	{"remove no\x7f" "body\n", THS_E_FORMAT, "line 1: "},
	{"remove user\nbind user/1 aside = user\n", THS_E_NOENT, "nobody named"},
	{"bind pair/1 aside = store.more\n", THS_E_NOENT, "nobody named"},
	{"replace store with store.next\nversion pair/1 pair/9\n", THS_E_VERSION,
	 "provides pair/2, not pair/1"},
	{"replace store with store.next\nversion half/1 pair/2\n", THS_E_VERSION,
	 "provides pair/2, not pair/1"},
	{"remove nano_core\n", THS_E_PERM, "nano_core cannot leave"},
	{"replace store with nobody\n", THS_E_NOENT, "no module nobody"},
	{"remove store\nreplace pair with store.more\n", THS_E_EXIST, "leaves already"},
	{"module store.more as user\n", THS_E_NOENT, "nothing changes"},
	{"remove store\n", THS_E_USES, "user uses pair/1"},
	{"replace user with store.more\n", THS_E_VERSION, "provides pair/1, not user/1"},
	{"replace store with store.next\n", THS_E_VERSION, "provides pair/2, not pair/1"},
	{"replace store with store.next\nversion pair/1 pair/2\n", THS_E_USES,
	 "user uses pair/1"},
	{"replace store with store.more\nversion pair/1 pair/2\n", THS_E_VERSION,
	 "line 2: pair/1 does not change so"},
	{"replace store with store.more\nmigrate test.pair/1 test.pair/2\n", THS_E_SCHEMA,
	 "line 2: test.pair/1 does not change so"},
	{"replace store with store.wide\n", THS_E_SCHEMA,
	 "would migrate test.pair/1 to test.pair/2"},
	{"module store.more\nbind pair/2 = store.more\n", THS_E_VERSION, "provides pair/1"},
	{"module store.more\nbind pair/1 = store.more\n", THS_E_EXIST, "store serves pair/1"},
	{"module store.more\nbind pair/1 aside = nobody\n", THS_E_NOENT, "nobody named"},
	{"module store.more\nmodule store.next\nbind pair/1 x = store.more\n"
	 "bind pair/1 x = store\n",
	 THS_E_EXIST, "store.more serves"},
};

START_TEST(what_does_not_fit_is_refused_and_nothing_changes)
{
	struct picture before;
	uint64_t pages;

	rig_add(&ths_module_store_wide, NULL);
	rig_add(&ths_module_store_more, NULL);
	rig_add(&ths_module_store_next, NULL);
	take(&before);
	pages = pages_but_pools();
	reason.text[0] = 0;
	ck_assert_int_eq(evolve(refusals[_i].text), refusals[_i].err);
	ck_assert_msg(strstr(reason.text, refusals[_i].says) != NULL, "%s", reason.text);
	expect_unchanged(&before);
	ck_assert_uint_eq(pages_but_pools(), pages);
	ck_assert_uint_eq(sum(), 42);
}
END_TEST

START_TEST(too_many_directives_are_refused)
{
	char text[THS_EVOLVE_ITEMS * 16 + 32] = "";

	for (unsigned i = 0; i <= THS_EVOLVE_ITEMS; i++)
		strcat(text, "remove nobody\n");
	ck_assert_int_eq(evolve(text), THS_E_FULL);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_told)
{
	ck_assert_int_eq(ths_evolve_file("nosuch", &reason), THS_E_NOENT);
	ck_assert(strstr(reason.text, "nosuch") != NULL);
}
END_TEST

/* ---- shapes ------------------------------------------------------------------------------------- */

START_TEST(code_only_and_operations_added)
{
	struct ths_ref more = {&pair_more_iface, "", 0, 1, 0};
	struct ths_no_args none = {0};
	struct pair_args args;

	rig_add(&ths_module_store_more, NULL);
	EVOLVES("evolve more\nreplace store with store.more\n");
	ck_assert_uint_eq(sum(), 42);
	ck_assert_int_eq(ths_gate(&more, 2, &none, NULL), THS_OK);
	ck_assert_int_eq(pair_get(&pair, &args), THS_OK);
	ck_assert_uint_eq(args.low, 12);
	rig_add(&ths_module_store, NULL);
	ck_assert_int_eq(evolve("replace store.more with store\n"), THS_E_VERSION);
	ck_assert(strstr(reason.text, "has not all operations") != NULL);
}
END_TEST

START_TEST(rows_grow_and_shrink)
{
	rig_add(&ths_module_store_wide, NULL);
	EVOLVES("replace store with store.wide\nmigrate test.pair/1 test.pair/2\n");
	ck_assert_uint_eq(sum(), 42);
	ck_assert_int_eq(pair_put(&pair, &(struct pair_args){1, 2}), THS_OK);
	rig_add(&ths_module_store_narrow, NULL);
	EVOLVES("replace store.wide with store.narrow\nmigrate test.pair/2 test.pair/1\n");
	ck_assert_uint_eq(sum(), 3);
}
END_TEST

/* Another version: its user changes in the same moment. */
START_TEST(an_interface_changes_its_version_with_its_users)
{
	struct pair_args args = {0, 0};

	rig_add(&ths_module_store_next, NULL);
	rig_add(&ths_module_store, "store.first");
	rig_add(&ths_module_user, "user.first");
	ths_core.evolving = true; /* it may be loaded before what it uses */
	rig_add(&ths_module_user_next, NULL);
	ths_core.evolving = false;
	EVOLVES("replace store with store.next\n"
		"replace user with user.next\n"
		"version pair/1 pair/2\n");
	ck_assert_uint_eq(sum(), 42);
	ck_assert_int_eq(pair_get(&pair, &args), THS_E_UNAVAIL); /* a version ago */
	EVOLVES("replace store.next with store.first\n"
		"replace user.next with user.first\n"
		"version pair/2 pair/1\n");
	ck_assert_uint_eq(sum(), 42);
	ck_assert_int_eq(pair_get(&pair, &args), THS_OK); /* the reference is good again */
	ck_assert_uint_eq(args.high, 12);
}
END_TEST

/* What is held against a provider goes with it, and what it is due: vital stays vital. */
START_TEST(accounts_go_with_the_version)
{
	static const char *const sets[] = {
		"replace pair with store.next\nreplace user with user.next\n"
		"version pair/1 pair/2\n",
		"replace pair with store.first\nreplace user with user.first\n"
		"version pair/2 pair/1\n"};
	static const struct ths_iface *const ifaces[] = {&pair_next_iface, &pair_iface};
	struct ths_binding *binding;

	ck_assert_int_eq(ths_vital("pair"), THS_E_NOENT); /* but it is */
	rig_add(&ths_module_store, "store.first");
	rig_add(&ths_module_store_next, NULL);
	ths_core.evolving = true;
	rig_add(&ths_module_user, "user.first");
	rig_add(&ths_module_user_next, NULL);
	ths_core.evolving = false;
	for (unsigned i = 0; i < 2; i++) {
		EVOLVES(sets[i]);
		ck_assert_int_eq(ths_binding_find(ifaces[i], "", &binding), THS_OK);
		ck_assert_uint_eq(binding->version, ifaces[i]->version);
		ck_assert(binding->account.vital);
	}
}
END_TEST

/* And back, with what has come to it meanwhile. */
START_TEST(accounts_go_back)
{
	struct ths_binding *next, *first;

	rig_add(&ths_module_store_next, NULL);
	ths_core.evolving = true;
	rig_add(&ths_module_user_next, NULL);
	ths_core.evolving = false;
	ths_probation_set((struct ths_probation){1000, 1000});
	EVOLVES("replace pair with store.next\nreplace user with user.next\n"
		"version pair/1 pair/2\n");
	ck_assert_int_eq(ths_binding_find(&pair_next_iface, "", &next), THS_OK);
	next->account.spent = 2;
	ck_assert_int_eq(ths_rollback("user.next", &reason), THS_OK);
	ck_assert_int_eq(ths_binding_find(&pair_iface, "", &first), THS_OK);
	ck_assert_ptr_ne(first, next);
	ck_assert_uint_eq(first->account.spent, 2);
	ck_assert_uint_eq(sum(), 42);
}
END_TEST

static void bring_halves(void)
{
	rig_add(&ths_module_half_low, NULL);
	rig_add(&ths_module_half_high, NULL);
	ths_core.evolving = true;
	rig_add(&ths_module_user_halves, NULL);
	ths_core.evolving = false;
}

#define SPLIT                                                                            \
	"remove store\nmodule half.low\nmodule half.high\nreplace user with user.halves\n"   \
	"bind half/1 low = half.low\nbind half/1 high = half.high\n"

/* One module into two, one table into two. */
START_TEST(one_becomes_two)
{
	bring_halves();
	EVOLVES(SPLIT);
	ck_assert_uint_eq(sum(), 42);
	ck_assert_int_eq(pair_get(&pair, &(struct pair_args){0, 0}), THS_E_UNAVAIL);
	/* And two become one: the table of the one is still there. */
	rig_add(&ths_module_store, NULL);
	ths_core.evolving = true;
	rig_add(&ths_module_user, NULL);
	ths_core.evolving = false;
	EVOLVES("remove half.low\nremove half.high\nreplace user.halves with user\n"
		"module store\nbind pair/1 = store\n");
	ck_assert_uint_eq(sum(), 42);
}
END_TEST

static enum ths_err fails(struct ths_call *call)
{
	(void)call;
	return THS_E_IO;
}

static enum ths_err lies(struct ths_call *call)
{
	(void)call;
	return (enum ths_err)-9999; /* no error there is */
}

/* What nano_core's own publication is tried again for. */
static enum ths_err is_stale(struct ths_call *call)
{
	(void)call;
	return THS_E_STALE;
}

THS_NO_SANITIZE static enum ths_err faults(struct ths_call *call)
{
	(void)call;
	return (enum ths_err) * (volatile int *)(ths_core.nobody[0] & 0); /* NULL */
}

static const struct {
	enum ths_err (*way)(struct ths_call *);
	enum ths_err err;
} failures[] = {{fails, THS_E_IO}, {faults, THS_E_FAULT}, {is_stale, THS_E_STALE},
		{lies, THS_E_INTERNAL}};

/* Rows it had written are gone with it, and it can be tried again. */
START_TEST(a_start_that_fails_leaves_nothing)
{
	struct picture before;
	uint64_t pages;

	bring_halves();
	take(&before);
	pages = pages_but_pools();
	on_start = failures[_i].way;
	ck_assert_int_eq(evolve(SPLIT), failures[_i].err);
	ck_assert(strstr(reason.text, "half.low does not start") != NULL);
	expect_unchanged(&before);
	ck_assert_uint_eq(pages_but_pools(), pages);
	ck_assert_uint_eq(sum(), 42);
	on_start = NULL;
	EVOLVES(SPLIT);
	ck_assert_uint_eq(sum(), 42);
}
END_TEST

/* Who adopts is in the evolution anew each time: their tables are there, and stale. */
#define ADOPT                                                                            \
	"remove pair\nmodule half.adopts\nmodule half.high\nreplace user with user.halves\n" \
	"bind half/1 low = half.adopts\nbind half/1 high = half.high\n"
#define UNITE                                                                            \
	"remove half.adopts\nremove half.high\nreplace user.halves with user\n"           \
	"module store.adopts\nbind pair/1 = store.adopts\n"

static void bring(const struct ths_module *module)
{
	uint32_t slot;

	ths_core.evolving = true;
	if (ths_module_find(module->id, &slot) == THS_E_NOENT)
		rig_add(module, NULL);
	ths_core.evolving = false;
}

START_TEST(rows_are_adopted_there_and_back)
{
	for (unsigned i = 0; i < 20; i++) {
		bring(&ths_module_half_adopts);
		bring(&ths_module_half_high);
		bring(&ths_module_user_halves);
		EVOLVES(ADOPT);
		ck_assert_uint_eq(sum(), 42 + i);
		bring(&ths_module_store_adopts);
		bring(&ths_module_user);
		EVOLVES(UNITE);
		ck_assert_uint_eq(sum(), 43 + i);
	}
}
END_TEST

/* What had been adopted by then is not. */
START_TEST(a_failure_to_adopt_leaves_nothing)
{
	struct picture before;
	uint64_t pages;

	bring(&ths_module_half_adopts);
	bring(&ths_module_half_high);
	bring(&ths_module_user_halves);
	take(&before);
	pages = pages_but_pools();
	on_start = failures[_i].way;
	ck_assert_int_eq(evolve(ADOPT), failures[_i].err);
	ck_assert(strstr(reason.text, "line 2: half.adopts does not adopt rows") != NULL);
	expect_unchanged(&before);
	ck_assert_uint_eq(pages_but_pools(), pages);
	ck_assert_uint_eq(sum(), 42);
	on_start = NULL;
	EVOLVES(ADOPT);
	ck_assert_uint_eq(sum(), 42);
}
END_TEST

START_TEST(a_self_test_that_fails_refuses)
{
	struct picture before;

	rig_add(&ths_module_store, "again");
	take(&before);
	on_selftest = fails;
	ck_assert_int_eq(evolve("replace store with again\n"), THS_E_IO);
	expect_unchanged(&before);
	ck_assert_uint_eq(sum(), 42);
}
END_TEST

START_TEST(a_set_may_change_a_hundred_times)
{
	uint64_t pages = 0;

	for (unsigned i = 0; i < 100; i++) {
		ths_core.evolving = true;
		rig_add(i % 2 ? &ths_module_store : &ths_module_store_next, "the.store");
		rig_add(i % 2 ? &ths_module_user : &ths_module_user_next, "the.user");
		ths_core.evolving = false;
		EVOLVES(i % 2 ? "replace pair with the.store\nreplace user with the.user\n"
				"version pair/2 pair/1\n"
			      : "replace pair with the.store\nreplace user with the.user\n"
				"version pair/1 pair/2\n");
		ck_assert_uint_eq(sum(), 42);
		for (unsigned k = 1; k < ths_instances(); k++) /* free the names */
			if (strncmp(ths_core.instance[k].name, "the.", 4) == 0)
				(void)snprintf(ths_core.instance[k].name, THS_NAME_MAX,
					       "old.%u", k);
		if (i == 9)
			pages = pages_but_pools();
	}
	ck_assert_uint_eq(pages_but_pools(), pages);
}
END_TEST

/* ---- failures at every place ------------------------------------------------------------------- */

static enum ths_err swap_by_hand(const char *name)
{
	uint32_t old, new_slot;

	THS_TRY(ths_module_find("store", &old));
	THS_TRY(ths_module_find(name, &new_slot));
	return ths_swap(old, new_slot, NULL);
}

/* Who takes store's place, or an evolution. */
static const struct {
	const char *by, *evolution;
} shapes[] = {
	{"store.more", NULL},
	{"store.wide", NULL},
	{NULL, "replace store with store.more\n"},
	{NULL, "replace store with store.wide\nmigrate test.pair/1 test.pair/2\n"},
	{NULL, SPLIT},
	{NULL, ADOPT},
};

static enum ths_err change(int shape)
{
	return shapes[shape].by ? swap_by_hand(shapes[shape].by)
				: evolve(shapes[shape].evolution);
}

/* The system anew, with all at hand that the shapes need, and a script for others' use. */
static void begin_anew(unsigned cpus)
{
	rig_stop();
	harness_start();
	rig_cpus(cpus);
	ths_core.quiet_faults = true;
	harness_bind(&ths_module_store, "");
	harness_bind(&ths_module_user, "");
	harness_bind(&ths_module_script, "");
	pair = (struct ths_ref)THS_REF(pair);
	user = (struct ths_ref)THS_REF(user);
	ck_assert_int_eq(pair_put(&pair, &(struct pair_args){30, 12}), THS_OK);
	rig_add(&ths_module_store_more, NULL);
	rig_add(&ths_module_store_wide, NULL);
	bring_halves();
	bring(&ths_module_half_adopts);
}

/* Each thing that can run out does, one after the other, until none is left. */
static void every_failure(int shape, bool persistently)
{
	unsigned refused = 0;
	uint64_t n = 0, reached;

	do {
		struct picture before;
		enum ths_err err;

		begin_anew(1);
		take(&before);
		ths_host_fail_nth("alloc", ++n, persistently);
		err = change(shape);
		reached = ths_host_fail_reached();
		ths_host_fail_nth("alloc", 0, false);
		refused += err != THS_OK;
		if (err)
			expect_unchanged(&before);
		ck_assert_uint_eq(sum(), 42);
		ck_assert_int_eq(err ? change(shape) : THS_OK, THS_OK); /* there is no harm */
		ck_assert_uint_eq(sum(), 42);
	} while (reached >= n);
	ck_assert_uint_ge(n, 2);
	ck_assert_uint_gt(refused, 0);
}

START_TEST(whatever_runs_out_the_old_ones_serve)
{
	every_failure(_i, false);
	every_failure(_i, true);
}
END_TEST

/* In each window another CPU commits: what it wrote is there, whoever serves. */
static unsigned windows, window;
static uint64_t written;

static enum ths_err raise_row(struct ths_call *call, void *ctx)
{
	struct cell *cell;

	(void)ctx;
	THS_TRY(ths_row_write(call, CELL, 0, &cell));
	cell->value++;
	return THS_OK;
}

/* While commits are held off it could not. */
static void on_point(const char *name, void *ctx)
{
	(void)name;
	(void)ctx;
	if (ths_cpu()->token || ths_cpu()->number || windows++ != window)
		return;
	written++;
	ck_assert_int_eq(other_script(raise_row, NULL), THS_OK);
}

static enum ths_err see_row(struct ths_call *call, void *ctx)
{
	const struct cell *cell;

	THS_TRY(ths_row_read(call, CELL, 0, &cell));
	*(uint64_t *)ctx = cell->value;
	return THS_OK;
}

START_TEST(a_commit_in_any_window_is_kept)
{
	struct ths_ref script;
	uint64_t seen;

	for (window = 0; window == 0 || window < windows; window++) {
		begin_anew(2);
		script = (struct ths_ref)THS_REF(script);
		other_start();
		seen = written = windows = 0;
		ths_host_on_point(on_point, NULL);
		ck_assert_int_eq(change(_i), THS_OK);
		ths_host_on_point(NULL, NULL);
		ck_assert_uint_eq(sum(), 42);
		ck_assert_int_eq(script_by(&script, see_row, &seen), THS_OK);
		ck_assert_uint_eq(seen, written);
		ck_assert_uint_eq(seen, 1);
		other_stop();
	}
	ck_assert_uint_ge(windows, 2);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("evolve");

	harness_loop(suite, "V1 refusals", setup,
		     what_does_not_fit_is_refused_and_nothing_changes, 0,
		     (int)THS_ARRAY_SIZE(refusals));
	harness_case(suite, "V1 too many", setup, too_many_directives_are_refused);
	harness_case(suite, "V1 no file", setup, a_file_that_is_not_there_is_told);
	harness_case(suite, "code, operations", setup, code_only_and_operations_added);
	harness_case(suite, "rows", setup, rows_grow_and_shrink);
	harness_case(suite, "versions", setup,
		     an_interface_changes_its_version_with_its_users);
	harness_case(suite, "versions, accounts", setup, accounts_go_with_the_version);
	harness_case(suite, "versions, accounts back", setup, accounts_go_back);
	harness_case(suite, "split, merge", setup, one_becomes_two);
	harness_loop(suite, "V1 start", setup, a_start_that_fails_leaves_nothing, 0,
		     (int)THS_ARRAY_SIZE(failures));
	harness_case(suite, "adopt", setup, rows_are_adopted_there_and_back);
	harness_loop(suite, "V1 adopt", setup, a_failure_to_adopt_leaves_nothing, 0,
		     (int)THS_ARRAY_SIZE(failures));
	harness_case(suite, "V1 self-test", setup, a_self_test_that_fails_refuses);
	harness_case(suite, "often", setup, a_set_may_change_a_hundred_times);
	harness_loop(suite, "V1 runs out", setup, whatever_runs_out_the_old_ones_serve, 0,
		     (int)THS_ARRAY_SIZE(shapes));
	harness_loop(suite, "V2 windows", setup, a_commit_in_any_window_is_kept, 0,
		     (int)THS_ARRAY_SIZE(shapes));
	return suite;
}

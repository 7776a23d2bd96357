/*
 * quota_test - a client owns no more rows than it may, and is charged for what it owns.
 *
 * Clients are context slots, chosen by hand (cpu->current), or tasks where their lives
 * matter.
 */
#include "failpoint.h"
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <string.h>
#include <theseus/host.h>
#include <theseus/iface/module.h>
#include <theseus/iface/tasks.h>
#include <theseus/quota.h>
#include "nano_core/nano_core_impl.h"

extern const struct ths_module ths_module_sched_rr, ths_module_tasks;

static struct ths_ref ref;

static void start(void)
{
	harness_start();
	ref = (struct ths_ref)THS_REF(script);
	harness_bind(&ths_module_script, "");
}

static enum ths_err as(uint32_t client, script_fn *fn, void *ctx)
{
	return script_as(&ref, client, fn, ctx);
}

/* What is told of @client, should something run out, too. */
static struct module_client told(uint32_t client)
{
	struct module_client told = {.client = client - 1};

	if (!ths_quota_next(&told) || told.client != client)
		told = (struct module_client){.client = client};
	return told;
}

static void agrees_with_module_1(uint32_t client)
{
	struct ths_ref module = THS_REF(module);
	struct module_client asked = {.client = client - 1}, due = told(client);

	ck_assert_int_eq(module_client(&module, &asked), THS_OK);
	ck_assert_mem_eq(&asked, &due, sizeof(due));
	asked.client = CONTEXTS_MAX;
	ck_assert_int_eq(module_client(&module, &asked), THS_E_NOENT);
}

static uint32_t live(const char *schema)
{
	return ths_table_find(schema, "")->live;
}

static enum ths_err make(struct ths_call *call, void *ctx)
{
	struct item *item;
	uint32_t row;

	return ths_row_new_keyed(call, OWNED, *(uint64_t *)ctx, &row, &item);
}

static enum ths_err join(struct ths_call *call, void *ctx)
{
	const struct item *item;
	uint32_t row;

	THS_TRY(ths_row_find(call, OWNED, *(uint64_t *)ctx, &row, &item));
	return ths_row_share(call, OWNED, row);
}

static enum ths_err leave(struct ths_call *call, void *ctx)
{
	const struct item *item;
	uint32_t row;

	THS_TRY(ths_row_find(call, OWNED, *(uint64_t *)ctx, &row, &item));
	return ths_row_unshare(call, OWNED, row);
}

static enum ths_err remove_it(struct ths_call *call, void *ctx)
{
	const struct item *item;
	uint32_t row;

	THS_TRY(ths_row_find(call, OWNED, *(uint64_t *)ctx, &row, &item));
	return ths_row_free(call, OWNED, row);
}

static void must(uint32_t client, script_fn *fn, uint64_t key)
{
	enum ths_err err = as(client, fn, &key);

	ck_assert_msg(err == THS_OK, "client %u, key %u: %s", client, (unsigned)key,
		      ths_err_name(err));
}

static void refused(uint32_t client, script_fn *fn, uint64_t key)
{
	ck_assert_int_eq(as(client, fn, &key), THS_E_QUOTA);
}

/* ---- Q1 ------------------------------------------------------------------------------ */

START_TEST(who_owns_as_many_as_he_may_gets_no_more)
{
	start();
	ths_quota_default(3);
	for (uint64_t key = 1; key <= 3; key++)
		must(1, make, key);
	refused(1, make, 4);
	ck_assert_uint_eq(live("script.owned/1"), 3);
	must(2, make, 4);
	refused(1, join, 4);
	ck_assert_uint_eq(live("state_db.share/1"), 0);
	ck_assert_uint_eq(told(1).rows, 3);
	ck_assert_uint_eq(told(1).limit, 3);
	must(1, leave, 2); /* the last owner: it is gone, too */
	must(1, join, 4);
	refused(1, make, 2);
	must(2, remove_it, 4); /* whoever removes it, no owner is charged any more */
	ck_assert_uint_eq(told(1).rows, 2);
	ck_assert_uint_eq(told(2).rows, 0);
	must(1, make, 4);
	agrees_with_module_1(1);
	ths_quota_default(2); /* less than it has: it keeps that */
	refused(1, make, 5);
	ck_assert_uint_eq(told(1).rows, 3);
	ths_quota_default(4);
	must(1, make, 5);
	rig_stop();
}
END_TEST

START_TEST(the_machine_itself_has_no_limit)
{
	uint64_t key = 1;

	start();
	ths_quota_default(0);
	ck_assert_int_eq(script_by(&ref, make, &key), THS_OK);
	refused(1, make, 2);
	ck_assert_uint_eq(told(CONTEXTS_MAX).rows, 1);
	ck_assert_uint_eq(told(CONTEXTS_MAX).limit, UINT32_MAX);
	rig_stop();
}
END_TEST

static enum ths_err make_or_else(struct ths_call *call, void *ctx)
{
	struct cell *cell;
	enum ths_err err = make(call, ctx);

	THS_TRY(ths_row_write(call, CELL, 0, &cell));
	cell->value = (uint64_t)-err;
	return THS_OK;
}

START_TEST(a_module_goes_on_after_a_refusal)
{
	start();
	ths_quota_default(0);
	must(1, make_or_else, 7);
	ck_assert_uint_eq(script_value(&ref, 0), (uint64_t)-THS_E_QUOTA);
	ck_assert_uint_eq(live("script.owned/1"), 0);
	rig_stop();
}
END_TEST

static unsigned lines(const char *log, const char *what)
{
	unsigned count = 0;

	for (const char *at = log; (at = strstr(at, what)); at++)
		count++;
	return count;
}

START_TEST(the_log_names_client_and_table_once_a_second)
{
	static char console[4096];
	const char *said = "quota: task 5 may own 1 rows, and gets no more of script.owned/1";

	start();
	ths_host_console(console, sizeof(console));
	ths_quota_default(1);
	must(5, make, 1);
	for (unsigned i = 0; i < 20; i++)
		refused(5, make, 2);
	ck_assert_uint_eq(lines(console, said), 1);
	for (unsigned i = 0; i < TICK_HZ; i++)
		ths_host_tick();
	for (unsigned i = 0; i < 20; i++)
		refused(5, make, 2);
	ck_assert_uint_eq(lines(console, said), 2);
	rig_stop();
}
END_TEST

START_TEST(the_command_line_says_how_many)
{
	start();
	ck_assert_uint_eq(atomic_load(&ths_core.quota), THS_QUOTA_ROWS);
	(void)strcpy(ths_core.cmdline, "console=com1 quota=12");
	ths_quota_boot();
	ck_assert_uint_eq(atomic_load(&ths_core.quota), 12);
	(void)strcpy(ths_core.cmdline, "quota=many");
	ths_quota_boot();
	ck_assert_uint_eq(atomic_load(&ths_core.quota), 12);
	rig_stop();
}
END_TEST

/* ---- what did not commit ------------------------------------------------------------- */

static enum ths_err make_and_fail(struct ths_call *call, void *ctx)
{
	uint64_t *key = ctx;

	for (unsigned i = 0; i < 3; i++, ++*key)
		THS_TRY(make(call, key));
	*key -= 3;
	return THS_E_IO;
}

static enum ths_err nested_failure(struct ths_call *call, void *ctx)
{
	ck_assert_int_eq(script_nested(call, make_and_fail, ctx), THS_E_IO);
	return make(call, ctx);
}

static enum ths_err leave_and_fail(struct ths_call *call, void *ctx)
{
	THS_TRY(leave(call, ctx));
	return THS_E_IO;
}

static enum ths_err make_beside_another(struct ths_call *call, void *ctx)
{
	static unsigned tries;
	struct cell *cell;

	THS_TRY(make(call, ctx));
	if (tries++ == 0)
		ths_txn_unwind(ths_cpu(), OUTCOME_CONFLICT);
	return ths_row_write(call, CELL, 1, &cell);
}

START_TEST(what_is_undone_charges_nothing_and_frees_nothing)
{
	uint64_t key = 1;

	start();
	ths_quota_default(4);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_eq(as(1, make_and_fail, &key), THS_E_IO);
	ck_assert_uint_eq(told(1).rows, 0);
	must(1, nested_failure, 1);
	ck_assert_uint_eq(told(1).rows, 1);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_eq(as(1, leave_and_fail, &key), THS_E_IO);
	ck_assert_uint_eq(told(1).rows, 1);
	must(1, make_beside_another, 2); /* run twice */
	ck_assert_uint_eq(told(1).rows, 2);
	rig_stop();
}
END_TEST

static enum ths_err kick(struct ths_call *call, void *ctx)
{
	(void)ctx;
	return ths_kick(call, script_op_kicked);
}

/* What an interrupt, a kick or a tick has done is no affair of the task it came to. */
START_TEST(work_at_depth_0_is_nobodys)
{
	uint64_t key = 1, joined = 2;

	start();
	ths_quota_default(1);
	must(7, make, joined);
	script_on_kick = make;
	script_kick_ctx = &key;
	must(7, kick, 0);
	ck_assert_uint_eq(live("script.owned/1"), 2);
	ck_assert_uint_eq(told(7).rows, 1);
	ck_assert_uint_eq(told(CONTEXTS_MAX).rows, 1);
	script_on_kick = join;
	script_kick_ctx = &joined;
	must(7, kick, 0);
	ck_assert_uint_eq(told(CONTEXTS_MAX).rows, 2);
	script_on_kick = leave;
	must(7, kick, 0);
	ck_assert_uint_eq(told(CONTEXTS_MAX).rows, 1);
	ck_assert_uint_eq(told(7).rows, 1);
	script_on_kick = NULL;
	rig_stop();
}
END_TEST

static void orphans_go(void)
{
	for (unsigned i = 0; live("state_db.orphan/1"); i++) {
		ck_assert_uint_lt(i, 1000);
		ths_host_tick();
	}
}

static uint32_t listed(uint32_t client)
{
	struct module_share share = {.share = THS_ROW_NONE};
	uint32_t count = 0;

	while (ths_share_next(&share))
		count += share.client == client;
	return count;
}

/* One step of a life may fail; what is charged agrees with what is owned all the same. */
static void a_short_life(void *ctx)
{
	static const struct {
		uint32_t client;
		script_fn *fn;
	} step[] = {{1, make}, {2, join}, {3, join}, {1, leave}, {1, join}, {3, leave},
		    {3, join}, {2, remove_it}, {4, make}, {4, leave}};
	bool persistently = *(bool *)ctx; /* then orphans have to wait */
	uint64_t key = 1;

	for (unsigned i = 0; i < THS_ARRAY_SIZE(step); i++) {
		(void)!as(step[i].client, step[i].fn, &key);
		if (!persistently)
			orphans_go();
		for (uint32_t client = 1; client <= 4; client++) {
			ck_assert_uint_ge(told(client).rows, listed(client));
			if (!live("state_db.orphan/1"))
				ck_assert_uint_eq(told(client).rows, listed(client));
		}
	}
}

START_TEST(nor_does_what_runs_out)
{
	bool persistently = _i;

	start();
	ck_assert_uint_gt(ths_fail_each("", persistently, a_short_life, &persistently), 10);
	orphans_go();
	for (uint32_t client = 1; client <= 4; client++)
		ck_assert_uint_eq(told(client).rows, 0);
	rig_stop();
}
END_TEST

/* ---- O4: more owners than an interaction has writes ------------------------------------ */

#define CROWD 900u

START_TEST(a_row_of_nine_hundred_owners_is_removed_at_once)
{
	uint64_t key = 3;

	start();
	must(0, make, key);
	for (uint32_t client = 1; client < CROWD; client++)
		must(client, join, key);
	if (_i == 1)
		must(0, leave, key); /* its title's place is empty then */
	must(_i == 2 ? 77 : 0, remove_it, key);
	ck_assert_uint_eq(live("script.owned/1"), 0);
	ck_assert_uint_eq(ths_cpu()->txn.writes, 0);
	ck_assert_int_eq(as(5, leave, &key), THS_E_NOENT);

	/* the row's number is used again before all have gone */
	must(899, make, key);
	must(898, join, key);
	ck_assert_int_eq(as(898, join, &key), THS_E_EXIST);
	ck_assert_int_eq(as(5, leave, &key), THS_E_NOENT);
	orphans_go();
	for (uint32_t client = 0; client < CROWD; client++)
		ck_assert_uint_eq(told(client).rows, client >= 898);
	ck_assert_uint_eq(live("state_db.share/1"), 1);
	must(899, leave, key);
	must(898, leave, key);
	ck_assert_uint_eq(live("script.owned/1"), 0);
	ck_assert_uint_eq(live("state_db.share/1"), 0);
	rig_stop();
}
END_TEST

static enum ths_err remove_and_fail(struct ths_call *call, void *ctx)
{
	THS_TRY(remove_it(call, ctx));
	return THS_E_IO;
}

static enum ths_err reap_one(struct ths_cpu *cpu, void *client)
{
	return ths_share_reap_one(cpu, *(uint32_t *)client, NULL);
}

START_TEST(or_not_at_all_and_owners_may_die_meanwhile)
{
	uint64_t key = 3;

	start();
	must(0, make, key);
	for (uint32_t client = 1; client < CROWD; client++)
		must(client, join, key);
	ck_assert_int_eq(as(1, remove_and_fail, &key), THS_E_IO);
	ck_assert_uint_eq(live("state_db.orphan/1"), 0);
	ck_assert_int_eq(as(1, join, &key), THS_E_EXIST);
	must(1, remove_it, key);
	ck_assert_uint_gt(live("state_db.orphan/1"), 0);
	for (uint32_t client = 0; client < CROWD; client += 2) {
		ck_assert_uint_le(told(client).rows, 1);
		while (ths_publish(reap_one, &client) == THS_OK)
			;
	}
	orphans_go();
	ck_assert_uint_eq(live("state_db.share/1"), 0);
	ck_assert(!ths_share_next(&(struct module_share){.share = THS_ROW_NONE}));
	rig_stop();
}
END_TEST

/* ---- Q2, Q3: tasks ---------------------------------------------------------------------- */

static void setup(void)
{
	start();
	harness_bind(&ths_module_sched_rr, "");
	harness_bind(&ths_module_tasks, "");
}

static unsigned ended;

/* Owns as many rows as it may, the rows of its keys' hundred. */
static void grabs(void *arg)
{
	struct ths_ref own = THS_REF(script);
	uint64_t due = (uint64_t)(uintptr_t)arg, key = ths_task_self().slot * 100u;

	for (uint64_t i = 0; i < due; i++, key++)
		ck_assert_int_eq(script_by(&own, make, &key), THS_OK);
	ck_assert_int_eq(script_by(&own, make, &key), THS_E_QUOTA);
	ended++;
}

static struct ths_task_id create(void (*entry)(void *), uint64_t arg)
{
	struct ths_ref tasks = THS_REF(tasks);
	struct tasks_create create = {.entry = (uint64_t)(uintptr_t)entry, .arg = arg};

	ck_assert_int_eq(tasks_create(&tasks, &create), THS_OK);
	return create.task;
}

/* The same where nothing can be read, or written, at first. */
static struct ths_task_id create_short(const char *class, void (*entry)(void *), uint64_t arg)
{
	struct ths_ref tasks = THS_REF(tasks);
	struct tasks_create create = {.entry = (uint64_t)(uintptr_t)entry, .arg = arg};
	enum ths_err err = THS_E_FULL;

	for (uint64_t n = 1; err; n++) {
		ths_host_fail_nth(class, n, false);
		err = tasks_create(&tasks, &create);
		ths_host_fail_nth("", 0, false);
		ck_assert(err == THS_OK || err == THS_E_FULL || err == THS_E_NOMEM);
	}
	return create.task;
}

static void join_task(struct ths_task_id task)
{
	struct ths_ref tasks = THS_REF(tasks);
	struct tasks_join join = {.task = task};

	ck_assert_int_eq(tasks_join(&tasks, &join), THS_OK);
	for (unsigned i = 0; told(task.slot).rows; i++) {
		ck_assert_uint_lt(i, 1000);
		ths_host_tick();
		ths_yield();
	}
}

/* Has a limit of its own, and so has whom it creates; of its rows one is the child. */
static void creates(void *arg)
{
	(void)arg;
	while (told(ths_task_self().slot).limit != 5)
		ths_yield();
	join_task(create_short("room", grabs, 5));
	ended++;
}

static void families(void *arg)
{
	struct ths_task_id task;

	(void)arg;
	ths_quota_default(9);
	join_task(create(grabs, 9));
	task = create(creates, 0);
	ths_host_fail_nth("alloc/write", 1, false);
	ck_assert_int_eq(ths_quota_set(task, 5), THS_E_FULL);
	ths_host_fail_nth("", 0, false);
	ck_assert_int_eq(ths_quota_set(task, 5), THS_OK);
	join_task(task);
	ck_assert_uint_eq(ended, 3);
	for (unsigned i = 0; i < 4; i++) /* in whichever slot */
		join_task(create(grabs, 9));
	ck_assert_uint_eq(ended, 7);
	ck_assert_int_eq(ths_quota_set(task, 5), THS_E_STALE);
	ck_assert_int_eq(ths_quota_set((struct ths_task_id){CONTEXTS_MAX, 1}, 5), THS_E_STALE);
	ck_assert_uint_eq(live("script.owned/1"), 0);
	harness_done();
}

START_TEST(children_have_their_parents_limit_and_successors_their_own)
{
	ended = 0;
	harness_run(families, NULL);
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("quota");
	TCase *tcase = ths_suite_case(suite, "Q1 limit");

	tcase_add_test(tcase, work_at_depth_0_is_nobodys);
	tcase_add_test(tcase, who_owns_as_many_as_he_may_gets_no_more);
	tcase_add_test(tcase, the_machine_itself_has_no_limit);
	tcase_add_test(tcase, a_module_goes_on_after_a_refusal);
	tcase_add_test(tcase, the_log_names_client_and_table_once_a_second);
	tcase_add_test(tcase, the_command_line_says_how_many);
	tcase = ths_suite_case(suite, "O5 charge");
	tcase_add_test(tcase, what_is_undone_charges_nothing_and_frees_nothing);
	tcase_add_loop_test(tcase, nor_does_what_runs_out, 0, 2);
	tcase = ths_suite_case(suite, "O4 orphans");
	tcase_add_loop_test(tcase, a_row_of_nine_hundred_owners_is_removed_at_once, 0, 3);
	tcase_add_test(tcase, or_not_at_all_and_owners_may_die_meanwhile);
	harness_case(suite, "Q2 Q3 tasks", setup,
		     children_have_their_parents_limit_and_successors_their_own);
	return suite;
}

/*
 * share_test - a joint row lives as long as one of its owners.
 *
 * Clients are contexts; here the one that calls is chosen by hand (cpu->current), so that
 * thousands of joinings, leavings and deaths need no scheduler.
 */
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <string.h>
#include <theseus/host.h>
#include <theseus/iface/module.h>
#include <theseus/quota.h>
#include "nano_core/nano_core_impl.h"

#define CLIENTS 12u
#define KEYS    20u
#define STEPS   4000u

static struct ths_ref ref;
static struct ths_table *table;
static bool owns[KEYS][CLIENTS]; /* the model */
static uint64_t dice;

static uint32_t roll(uint32_t sides)
{
	dice = dice * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(dice >> 33) % sides;
}

static void start(int cpus)
{
	rig_start();
	if (cpus > 1)
		rig_cpus((unsigned)cpus);
	ref = (struct ths_ref)THS_REF(script);
	(void)rig_bind(&ths_module_script, "");
	table = ths_table_find("script.owned/1", "");
	dice = ths_test_seed();
}

static enum ths_err as(uint32_t client, script_fn *fn, void *ctx)
{
	return script_as(&ref, client, fn, ctx);
}

static enum ths_err make(struct ths_call *call, void *ctx)
{
	struct item *item;
	uint32_t row;

	return ths_row_new_keyed(call, OWNED, *(uint64_t *)ctx, &row, &item);
}

static enum ths_err find(struct ths_call *call, uint64_t key, uint32_t *row)
{
	const struct item *item;

	return ths_row_find(call, OWNED, key, row, &item);
}

static enum ths_err join(struct ths_call *call, void *ctx)
{
	uint32_t row;

	THS_TRY(find(call, *(uint64_t *)ctx, &row));
	return ths_row_share(call, OWNED, row);
}

static enum ths_err leave(struct ths_call *call, void *ctx)
{
	uint32_t row;

	THS_TRY(find(call, *(uint64_t *)ctx, &row));
	return ths_row_unshare(call, OWNED, row);
}

static enum ths_err remove_it(struct ths_call *call, void *ctx)
{
	uint32_t row;

	THS_TRY(find(call, *(uint64_t *)ctx, &row));
	return ths_row_free(call, OWNED, row);
}

static enum ths_err lives(struct ths_call *call, void *ctx)
{
	uint32_t row;

	return find(call, *(uint64_t *)ctx, &row);
}

static enum ths_err leave_then_fail(struct ths_call *call, void *ctx)
{
	THS_TRY(leave(call, ctx));
	ck_assert_int_eq(leave(call, ctx), THS_E_NOENT);
	return THS_E_IO;
}

static enum ths_err reap_one(struct ths_cpu *cpu, void *client)
{
	return ths_share_reap_one(cpu, *(uint32_t *)client, NULL);
}

static unsigned die(uint32_t client)
{
	unsigned shares = 0;
	enum ths_err err;

	while ((err = ths_publish(reap_one, &client)) == THS_OK)
		shares++;
	ck_assert_int_eq(err, THS_E_NOENT);
	return shares;
}

static bool has_owner(unsigned key)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		if (owns[key][i])
			return true;
	return false;
}

static uint32_t live_rows(const char *schema)
{
	return ths_table_find(schema, "")->live;
}

/* How many owners are listed; each is one of the model's, and once only. */
static uint32_t listed(void)
{
	struct module_share share = {.share = THS_ROW_NONE};
	bool seen[KEYS][CLIENTS] = {{false}};
	uint32_t count = 0;

	while (ths_share_next(&share)) {
		const struct ths_version *version =
			slot_version(table_slot(table, share.row)->word);
		uint64_t key;

		memcpy(&key, version->data, sizeof(key));
		ck_assert_uint_eq(share.table, table->id);
		ck_assert_uint_eq(share.generation, version->generation);
		ck_assert(owns[key - 1][share.client]);
		ck_assert(!seen[key - 1][share.client]);
		seen[key - 1][share.client] = true;
		count++;
	}
	return count;
}

static uint32_t charged(uint32_t client)
{
	struct module_client told = {.client = client - 1};

	return ths_quota_next(&told) && told.client == client ? told.rows : 0;
}

static uint32_t owned_by(uint32_t client)
{
	uint32_t count = 0;

	for (unsigned key = 0; key < KEYS; key++)
		count += owns[key][client];
	return count;
}

/* Everything state_db knows of owners, against the model. */
static void compare(void)
{
	uint32_t shares = 0, rows = 0;

	for (uint64_t key = 0; key < KEYS; key++) {
		uint64_t name = key + 1;

		ck_assert_int_eq(as(0, lives, &name),
				 has_owner((unsigned)key) ? THS_OK : THS_E_NOENT);
		rows += has_owner((unsigned)key);
		for (unsigned i = 0; i < CLIENTS; i++)
			shares += owns[key][i];
	}
	ck_assert_uint_eq(live_rows("script.owned/1"), rows);
	ck_assert_uint_le(live_rows("state_db.share/1"), shares);
	for (uint32_t i = 0; i < CLIENTS; i++)
		ck_assert_uint_eq(charged(i), owned_by(i));
	ck_assert_uint_eq(listed(), shares);
}

static void step(void)
{
	uint32_t client = roll(CLIENTS);
	unsigned key = roll(KEYS), count = 0;
	uint64_t name = key + 1;

	switch (roll(12)) {
	case 0:
	case 1:
	case 2:
		ck_assert_int_eq(as(client, make, &name),
				 has_owner(key) ? THS_E_EXIST : THS_OK);
		owns[key][client] |= !has_owner(key);
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		ck_assert_int_eq(as(client, join, &name), !has_owner(key) ? THS_E_NOENT
							  : owns[key][client]
								  ? THS_E_EXIST
								  : THS_OK);
		owns[key][client] = has_owner(key);
		break;
	case 7:
	case 8:
	case 9:
		if (roll(4) == 0) {
			ck_assert_int_eq(as(client, leave_then_fail, &name),
					 owns[key][client] ? THS_E_IO : THS_E_NOENT);
			break;
		}
		ck_assert_int_eq(as(client, leave, &name),
				 owns[key][client] ? THS_OK : THS_E_NOENT);
		owns[key][client] = false;
		break;
	case 10:
		ck_assert_int_eq(as(client, remove_it, &name),
				 has_owner(key) ? THS_OK : THS_E_NOENT);
		for (unsigned i = 0; i < CLIENTS; i++)
			owns[key][i] = false;
		break;
	default:
		for (unsigned i = 0; i < KEYS; i++) {
			count += owns[i][client];
			owns[i][client] = false;
		}
		ck_assert_uint_eq(die(client), count);
		break;
	}
}

START_TEST(random_joining_leaving_and_dying_agree_with_a_model)
{
	start(_i);
	for (unsigned i = 0; i < STEPS; i++) {
		step();
		if (i % 50 == 0)
			compare();
	}
	for (uint32_t client = 0; client < CLIENTS; client++) {
		(void)die(client);
		for (unsigned key = 0; key < KEYS; key++)
			owns[key][client] = false;
		compare();
	}
	rig_stop();
}
END_TEST

/* ---- O1, O2, one by one -------------------------------------------------------------- */

START_TEST(the_maker_owns_and_the_last_to_leave_frees)
{
	uint64_t key = 5;

	start(_i);
	ck_assert_int_eq(as(1, make, &key), THS_OK);
	ck_assert_int_eq(as(1, join, &key), THS_E_EXIST);
	ck_assert_int_eq(as(2, leave, &key), THS_E_NOENT);
	ck_assert_int_eq(as(2, join, &key), THS_OK);
	ck_assert_int_eq(as(1, leave, &key), THS_OK);
	ck_assert_int_eq(as(3, lives, &key), THS_OK);
	ck_assert_int_eq(as(2, leave_then_fail, &key), THS_E_IO);
	ck_assert_int_eq(as(3, lives, &key), THS_OK); /* O2: it was not done */
	ck_assert_int_eq(as(2, leave, &key), THS_OK);
	ck_assert_int_eq(as(3, lives, &key), THS_E_NOENT);
	ck_assert_uint_eq(live_rows("state_db.share/1"), 0);
	ck_assert(!ths_share_next(&(struct module_share){.share = THS_ROW_NONE}));
	rig_stop();
}
END_TEST

static bool is_listed(uint32_t client)
{
	struct module_share share = {.share = THS_ROW_NONE};

	while (ths_share_next(&share))
		if (share.client == client)
			return true;
	return false;
}

/* O3: the first owner's place is taken again when all others are gone, not before. */
START_TEST(who_comes_back_while_others_own_is_one_owner_still)
{
	uint64_t key = 5;

	start(_i);
	ck_assert_int_eq(as(1, make, &key), THS_OK);
	ck_assert_uint_eq(live_rows("state_db.share/1"), 0);
	ck_assert_int_eq(as(2, join, &key), THS_OK);
	ck_assert_int_eq(as(3, join, &key), THS_OK);
	ck_assert_uint_eq(live_rows("state_db.share/1"), 2);
	ck_assert_int_eq(as(1, leave, &key), THS_OK);
	ck_assert(!is_listed(1));
	ck_assert_int_eq(as(2, join, &key), THS_E_EXIST);
	ck_assert_int_eq(as(1, join, &key), THS_OK);
	ck_assert_int_eq(as(1, join, &key), THS_E_EXIST);
	ck_assert_uint_eq(live_rows("state_db.share/1"), 3);
	ck_assert(is_listed(1));
	ck_assert_uint_eq(die(3), 1);
	ck_assert_uint_eq(die(2), 1);
	ck_assert_int_eq(as(4, lives, &key), THS_OK);
	ck_assert_uint_eq(die(1), 1);
	ck_assert_int_eq(as(4, lives, &key), THS_E_NOENT);
	ck_assert_int_eq(as(1, make, &key), THS_OK);
	ck_assert_uint_eq(live_rows("state_db.share/1"), 0);
	rig_stop();
}
END_TEST

/* ---- O2, whatever runs out ---------------------------------------------------------- */

/* Lives of rows, with owners in every place of a row's chain and of a client's list. */
static const struct {
	uint32_t client;
	uint64_t key;
	script_fn *fn; /* NULL: the client dies, who owns one */
} life[] = {{1, 1, make},  {2, 1, join},  {3, 1, join},      {4, 1, join},  {3, 1, leave},
	    {1, 2, make},  {1, 3, make},  {1, 2, leave},     {1, 1, leave}, {1, 1, join},
	    {2, 1, leave}, {5, 1, join},  {3, 3, join},      {1, 3, leave}, {1, 1, remove_it},
	    {1, 1, make},  {4, 1, join},  {5, 1, join},      {6, 1, join},  {5, 1, NULL},
	    {1, 1, NULL},  {4, 1, leave}, {1, 1, join},      {6, 1, leave}, {1, 1, leave},
	    {2, 1, make},  {2, 2, make},  {2, 2, remove_it}, {4, 1, join},  {2, 1, leave},
	    {4, 1, NULL},  {3, 3, NULL}};

static enum ths_err live_on(unsigned step)
{
	uint64_t key = life[step].key;
	uint32_t client = life[step].client;

	return life[step].fn ? as(client, life[step].fn, &key) : ths_publish(reap_one, &client);
}

static void note_life(unsigned step)
{
	bool *owners = owns[life[step].key - 1];

	if (life[step].fn == remove_it)
		memset(owners, 0, sizeof(owns[0]));
	else
		owners[life[step].client] = life[step].fn == make || life[step].fn == join;
}

/* With the first thing that a step needs missing, the second, and so on: each time an error,
 * and all is as it was. */
static unsigned live_on_short(const char *class, unsigned step)
{
	enum ths_err err = THS_E_FULL;
	unsigned n;

	for (n = 1; err; n++) {
		ths_host_fail_nth(class, n, false);
		err = live_on(step);
		if (err)
			ck_assert_uint_eq(ths_host_fail_failed(), 1);
		ths_host_fail_nth("", 0, false);
		ck_assert(err == THS_OK || err == THS_E_FULL);
		if (err)
			compare();
	}
	return n - 2;
}

START_TEST(who_runs_out_of_anything_owns_what_he_owned)
{
	static const char *const classes[] = {"room", "alloc"};
	unsigned errors = 0;

	start(_i / 2 + 1);
	for (unsigned step = 0; step < THS_ARRAY_SIZE(life); step++) {
		errors += live_on_short(classes[_i % 2], step);
		note_life(step);
		while (ths_share_has_orphans()) /* else with the next tick */
			ck_assert_int_eq(ths_publish(ths_share_reap_orphan, NULL), THS_OK);
		compare();
	}
	ck_assert_uint_gt(errors, 2 * THS_ARRAY_SIZE(life));
	ck_assert_uint_eq(live_rows("script.owned/1"), 0);
	rig_stop();
}
END_TEST

/* And the reaper comes late. */
static enum ths_err remove_unreaped(struct ths_call *call, void *ctx)
{
	THS_TRY(remove_it(call, ctx));
	atomic_fetch_and(&ths_cpu()->pending, ~PENDING_REAP);
	return THS_OK;
}

/* O4: shares of a life that is over are in nobody's way, though they are still there. */
START_TEST(an_orphan_gives_way_to_who_comes_back)
{
	uint64_t key = 5, n = 0, failed;
	enum ths_err err;

	start(_i);
	ck_assert_int_eq(as(1, make, &key), THS_OK);
	for (uint32_t client = 2; client <= 4; client++)
		ck_assert_int_eq(as(client, join, &key), THS_OK);
	ck_assert_int_eq(as(1, remove_unreaped, &key), THS_OK);
	ck_assert_int_eq(as(1, make, &key), THS_OK); /* in the same place */
	ck_assert(ths_share_has_orphans());
	do {
		ths_host_fail_nth(_i == 1 ? "room" : "alloc/write", ++n, false);
		err = as(3, join, &key);
		failed = ths_host_fail_failed();
		ths_host_fail_nth("", 0, false);
		ck_assert_int_eq(err, failed ? THS_E_FULL : THS_OK);
		ck_assert_int_eq(is_listed(3), err == THS_OK);
	} while (failed);
	ck_assert_uint_gt(n, 5);
	ck_assert_uint_eq(die(4), 1);
	ck_assert_uint_eq(die(1), 1);
	ck_assert_int_eq(as(2, leave, &key), THS_E_NOENT);
	ck_assert_int_eq(as(2, lives, &key), THS_OK);
	ck_assert_uint_eq(die(3), 1);
	ck_assert_int_eq(as(2, lives, &key), THS_E_NOENT);
	rig_stop();
}
END_TEST

static enum ths_err make_and_fail(struct ths_call *call, void *ctx)
{
	THS_TRY(make(call, ctx));
	return THS_E_IO;
}

static enum ths_err leave_the_first(struct ths_call *call, void *ctx)
{
	(void)ctx;
	return ths_row_unshare(call, OWNED, 0);
}

START_TEST(a_row_that_was_never_made_is_nobodys)
{
	uint64_t key = 5, other = 6;

	start(_i);
	ck_assert_int_eq(as(1, make_and_fail, &key), THS_E_IO);
	ck_assert_int_eq(as(1, leave_the_first, NULL), THS_E_NOENT);
	ck_assert_int_eq(as(1, make, &other), THS_OK);
	ck_assert_int_eq(as(2, make_and_fail, &key), THS_E_IO);
	ck_assert(is_listed(1));
	ck_assert(!is_listed(2));
	rig_stop();
}
END_TEST

/* What making, leaving and dying touch, whoever owns how much. */
#define MANY 8000u

static unsigned reads, writes;

static enum ths_err counting(struct ths_call *call, enum ths_err err)
{
	(void)call;
	reads = txn_reads(&ths_cpu()->txn);
	writes = ths_cpu()->txn.writes;
	return err;
}

static enum ths_err make_counting(struct ths_call *call, void *ctx)
{
	return counting(call, make(call, ctx));
}

static enum ths_err leave_counting(struct ths_call *call, void *ctx)
{
	return counting(call, leave(call, ctx));
}

static enum ths_err reap_counting(struct ths_cpu *cpu, void *client)
{
	return counting(NULL, reap_one(cpu, client));
}

START_TEST(the_cost_of_one_does_not_grow_with_how_many_there_are)
{
	unsigned most_reads = 0, most_writes = 0, count = 0;
	uint32_t client = 1;
	enum ths_err err;

	start(_i);
	ths_quota_default(MANY);
	for (uint64_t key = 1; key <= MANY; key++) {
		ck_assert_int_eq(as(client, make_counting, &key), THS_OK);
		if (key <= 10 && reads > most_reads)
			most_reads = reads;
		if (key <= 10 && writes > most_writes)
			most_writes = writes;
		/* a bucket that is full leads to another */
		ck_assert_uint_le(reads, most_reads + 4);
		ck_assert_uint_le(writes, most_writes + 4);
	}
	for (uint64_t key = 1; key <= MANY; key += 100) {
		ck_assert_int_eq(as(client, leave_counting, &key), THS_OK);
		ck_assert_uint_le(reads, most_reads + 8);
		ck_assert_uint_le(writes, most_writes + 4);
	}
	while ((err = ths_publish(reap_counting, &client)) == THS_OK) {
		ck_assert_uint_le(reads, most_reads + 8);
		ck_assert_uint_le(writes, most_writes + 4);
		count++;
	}
	ck_assert_int_eq(err, THS_E_NOENT);
	ck_assert_uint_eq(count, MANY - MANY / 100);
	ck_assert_uint_eq(live_rows("script.owned/1"), 0);
	rig_stop();
}
END_TEST

START_TEST(who_dies_takes_along_only_what_nobody_else_owns)
{
	uint64_t mine = 1, ours = 2, yours = 3;

	start(_i);
	ck_assert_int_eq(as(1, make, &mine), THS_OK);
	ck_assert_int_eq(as(1, make, &ours), THS_OK);
	ck_assert_int_eq(as(2, join, &ours), THS_OK);
	ck_assert_int_eq(as(2, make, &yours), THS_OK);
	ck_assert_uint_eq(die(1), 2);
	ck_assert_int_eq(as(3, lives, &mine), THS_E_NOENT);
	ck_assert_int_eq(as(3, lives, &ours), THS_OK);
	ck_assert_int_eq(as(3, lives, &yours), THS_OK);
	ck_assert_uint_eq(die(2), 2);
	ck_assert_uint_eq(live_rows("script.owned/1"), 0);
	rig_stop();
}
END_TEST

static struct ths_weak weak;

static enum ths_err take_weak(struct ths_call *call, void *ctx)
{
	uint32_t row;

	THS_TRY(find(call, *(uint64_t *)ctx, &row));
	return ths_row_weak(call, OWNED, row, &weak);
}

static enum ths_err use_weak(struct ths_call *call, void *ctx)
{
	const struct item *item;

	(void)ctx;
	return ths_weak_read(call, OWNED, weak, &item);
}

START_TEST(weak_references_die_with_the_last_owner)
{
	uint64_t key = 9;

	start(_i);
	ck_assert_int_eq(as(1, make, &key), THS_OK);
	ck_assert_int_eq(as(4, take_weak, &key), THS_OK);
	ck_assert_int_eq(as(4, use_weak, NULL), THS_OK);
	ck_assert_uint_eq(die(1), 1);
	ck_assert_int_eq(as(4, use_weak, NULL), THS_E_STALE);
	ck_assert_int_eq(as(1, make, &key), THS_OK);
	ck_assert_int_eq(as(4, use_weak, NULL), THS_E_STALE);
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("share");
	TCase *one = tcase_create("O1 an owner at least"),
	      *random = tcase_create("O2 model"), *growth = tcase_create("cost");

	tcase_add_loop_test(one, the_maker_owns_and_the_last_to_leave_frees, 1, 3);
	tcase_add_loop_test(one, who_dies_takes_along_only_what_nobody_else_owns, 1, 3);
	tcase_add_loop_test(one, weak_references_die_with_the_last_owner, 1, 3);
	tcase_add_loop_test(one, who_comes_back_while_others_own_is_one_owner_still, 1, 3);
	tcase_add_loop_test(one, an_orphan_gives_way_to_who_comes_back, 1, 3);
	tcase_add_loop_test(one, a_row_that_was_never_made_is_nobodys, 1, 3);
	tcase_add_loop_test(one, who_runs_out_of_anything_owns_what_he_owned, 0, 4);
	tcase_add_loop_test(growth, the_cost_of_one_does_not_grow_with_how_many_there_are, 1,
			    3);
	tcase_set_timeout(growth, 60);
	tcase_add_loop_test(random, random_joining_leaving_and_dying_agree_with_a_model,
			    1, 3);
	suite_add_tcase(suite, one);
	suite_add_tcase(suite, random);
	suite_add_tcase(suite, growth);
	return suite;
}

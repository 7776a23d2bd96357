/*
 * meta_test - a state goes from one layout to another by the names of its members, and from
 * one metamodule to the next, or stays where it is.
 */
#include "rig.h"
#include "script.h"
#include "suite.h"
#include "keeper.h"

#include <stddef.h>
#include <string.h>
#include <theseus/evolve.h>
#include <theseus/iface/state_db.h>
#include "nano_core/swap_impl.h"

extern const struct ths_module ths_module_keeper, ths_module_keeper_v2;

static struct ths_layout layout(const char *text, uint32_t size)
{
	return (struct ths_layout){text, (uint32_t)strlen(text), size};
}

/* ---- members --------------------------------------------------------------------------- */

struct before {
	uint32_t kept;
	uint16_t list[4];
	struct {
		uint8_t a;
		uint64_t b[2];
		struct {
			uint32_t x, y;
		} in[3];
	} out[2];
	bool flag;
};
static const char before_text[] = " kept u32 0\n"
				  " list u16[4] 4\n"
				  " out 48[2] 16\n"
				  " out[].a u8 16\n"
				  " out[].b u64[2] 24\n"
				  " out[].in 8[3] 40\n"
				  " out[].in[].x u32 40\n"
				  " out[].in[].y u32 44\n"
				  " flag bool 112\n";
struct after {
	bool flag;
	struct {
		struct {
			uint32_t y, new, x;
		} in[2];
		uint64_t b[3];
	} out[3];
	uint16_t list[2];
	uint32_t kept;
	uint64_t fresh;
};
static const char after_text[] = " flag bool 0\n"
				 " out 48[3] 8\n"
				 " out[].in 12[2] 8\n"
				 " out[].in[].y u32 8\n"
				 " out[].in[].new u32 12\n"
				 " out[].in[].x u32 16\n"
				 " out[].b u64[3] 32\n"
				 " list u16[2] 152\n"
				 " kept u32 156\n"
				 " fresh u64 160\n";
_Static_assert(sizeof(struct before) == 120 && offsetof(struct before, out) == 16 &&
		       sizeof(struct after) == 168 && offsetof(struct after, fresh) == 160,
	       "as the texts say");

START_TEST(members_are_moved_by_name)
{
	struct ths_layout old = layout(before_text, 120), new = layout(after_text, 168);
	struct before from = {.kept = 7, .list = {1, 2, 3, 4}, .flag = true};
	struct after to = {0};
	struct ths_reason reason;
	char first[THS_NAME_MAX] = "";

	for (unsigned i = 0; i < 2; i++) {
		from.out[i].b[0] = 10 + i;
		from.out[i].b[1] = 20 + i;
		for (unsigned k = 0; k < 3; k++) {
			from.out[i].in[k].x = 100 * i + k;
			from.out[i].in[k].y = 1000 + 100 * i + k;
		}
	}
	ck_assert_int_eq(ths_state_movable(&old, &new, "s/1", &reason), THS_OK);
	ths_state_move(&old, &from, &new, &to);
	ck_assert(to.flag && to.kept == 7 && to.fresh == 0);
	ck_assert(to.list[0] == 1 && to.list[1] == 2);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(to.out[i].b[0], i < 2 ? 10 + i : 0);
		ck_assert_uint_eq(to.out[i].b[1], i < 2 ? 20 + i : 0);
		ck_assert_uint_eq(to.out[i].b[2], 0);
		for (unsigned k = 0; k < 2; k++) {
			ck_assert_uint_eq(to.out[i].in[k].x, i < 2 ? 100 * i + k : 0);
			ck_assert_uint_eq(to.out[i].in[k].y, i < 2 ? 1000 + 100 * i + k : 0);
			ck_assert_uint_eq(to.out[i].in[k].new, 0);
		}
	}
	ck_assert_uint_eq(ths_state_lost(&old, &new, first), 1);
	ck_assert_str_eq(first, "out[].a");
	ck_assert_uint_eq(ths_state_lost(&new, &old, first), 2);
}
END_TEST

START_TEST(what_is_of_another_kind_is_not)
{
	struct ths_layout old = layout(" a u32 0\n b 8[2] 8\n b[].c u64 8\n", 24);
	struct ths_layout kind = layout(" a i32 0\n", 4), array = layout(" b u64[2] 0\n", 16);
	struct ths_layout longer = layout(" a bool 0\n", 1);
	struct ths_layout wider = layout(" b 8[2] 0\n b[].c u32 0\n", 16), unknown = {.size = 4};
	struct ths_reason reason;

	ck_assert_int_eq(ths_state_movable(&old, &kind, "s/1", &reason), THS_E_SCHEMA);
	ck_assert_str_eq(reason.text,
			 "s/1: member a is i32 here, u32 in the state that is there");
	ck_assert_int_eq(ths_state_movable(&old, &array, "s/1", &reason), THS_E_SCHEMA);
	ck_assert_int_eq(ths_state_movable(&old, &wider, "s/1", &reason), THS_E_SCHEMA);
	ck_assert_str_eq(reason.text,
			 "s/1: member b[].c is u32 here, u64 in the state that is there");
	ck_assert_int_eq(ths_state_movable(&old, &longer, "s/1", &reason), THS_E_SCHEMA);
	ck_assert_str_eq(reason.text,
			 "s/1: member a is bool here, u32 in the state that is there");
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(ths_state_movable(i ? &old : &unknown, i ? &unknown : &old,
						   "s/1", &reason), THS_E_SCHEMA);
		ck_assert_str_eq(reason.text,
				 "s/1: the layout of the state that is there is not known");
	}
}
END_TEST

/* The layouts of files that theseus-check has not seen: such members are left as they are. */
START_TEST(what_is_not_told_wholly_is_not_moved)
{
	static const char deep[] = " a 4[1] 0\n a[].a 4[1] 0\n a[].a[].a 4[1] 0\n"
				   " a[].a[].a[].a 4[1] 0\n a[].a[].a[].a[].a 4[1] 0\n"
				   " a[].a[].a[].a[].a[].x u32 0\n";
	struct ths_layout whole = layout(" a 4[1] 0\n a[].x u32 0\n", 4),
			  part = layout(" a[].x u32 0\n", 4), five = layout(deep, 4),
			  i32 = layout(" a 4[1] 0\n a[].x i32 0\n", 4), unknown = {.size = 4};
	const struct ths_layout *from[] = {&whole, &part, &five, &whole, &unknown, &whole},
				*to[] = {&part, &whole, &five, &i32, &whole, &unknown};
	char first[THS_NAME_MAX] = "";
	uint32_t old = 7, new = 5;

	for (unsigned i = 0; i < THS_ARRAY_SIZE(to); i++) {
		ths_state_move(from[i], &old, to[i], &new);
		ck_assert_uint_eq(new, 5);
	}
	ck_assert_uint_eq(ths_state_lost(&unknown, &whole, first), 0);
	ths_state_move(&whole, &old, &whole, &new);
	ck_assert_uint_eq(new, 7);
}
END_TEST

/* Nor need a text's last line, or its last bracket, be ended. */
START_TEST(a_text_may_end_anywhere)
{
	struct ths_layout full = layout(" a u32[2] 0\n b u32 8\n", 12),
			  line = layout(" a u32[2] 4\n b u32 0", 12),
			  bracket = layout(" b u32 8\n a u32[2 0", 12);
	uint32_t old[3] = {1, 2, 3}, new[3] = {0};

	ths_state_move(&full, old, &line, new);
	ck_assert(new[0] == 3 && new[1] == 1 && new[2] == 2);
	ths_state_move(&line, new, &bracket, old);
	ck_assert(old[0] == 1 && old[1] == 2 && old[2] == 3);
}
END_TEST

/* ---- metamodules ----------------------------------------------------------------------- */

/* What is linked in brings no layouts (Y3 of layout.c); theseus-schema would write these. */
static const char keeper_text[] = " total u64 0\n"
				 " adds u32 8\n"
				 " gone u32 12\n"
				 " latest 16[4] 16\n"
				 " latest[].amount u64 16\n"
				 " latest[].mark char 24\n";
static const char keeper_v2_text[] = " adopted u16 0\n"
				    " latest 16[6] 8\n"
				    " latest[].spare u32 8\n"
				    " latest[].mark char 12\n"
				    " latest[].amount u64 16\n"
				    " adds u32 104\n"
				    " total u64 112\n";

static struct ths_ref ref;
static uint32_t server;

static uint32_t load(bool second, const char *name)
{
	uint32_t slot = rig_add(second ? &ths_module_keeper_v2 : &ths_module_keeper, name);
	struct ths_state_block *block = ths_core.instance[slot].block;

	ck_assert_uint_eq(block->layout.size, second ? 120 : 80);
	block->layout = second ? layout(keeper_v2_text, 120) : layout(keeper_text, 80);
	return slot;
}

static void setup(void)
{
	rig_start();
	ths_probation_set((struct ths_probation){0, 0});
	memset(ths_module_keeper.state.at, 0, ths_module_keeper.state.size);
	server = load(false, "keeper");
	ck_assert_int_eq(ths_bind(server, ""), THS_OK);
	ref = (struct ths_ref)THS_REF(keeper);
}

static struct keeper_add add(uint64_t amount)
{
	struct keeper_add args = {.amount = amount};

	ck_assert_int_eq(keeper_add(&ref, &args), THS_OK);
	return args;
}

START_TEST(a_state_goes_to_the_successor)
{
	struct keeper_add told;
	uint32_t next;

	setup();
	add(5);
	add(9);
	next = load(false, "again");
	ck_assert_ptr_eq(ths_core.instance[next].block, ths_core.instance[server].block);
	ck_assert_int_eq(ths_swap(server, next, NULL), THS_OK);
	server = next;
	for (unsigned i = 0; i < 4; i++) {
		next = load(i % 2 == 0, i % 2 ? "odd" : "even");
		ck_assert_int_eq(ths_swap(server, next, NULL), THS_OK);
		told = add(1);
		ck_assert_uint_eq(told.version, 2 - i % 2);
		ck_assert_uint_eq(told.total, 15 + i);
		ck_assert_uint_eq(told.adds, 3 + i);
		ck_assert_uint_eq(told.last[0], i ? 1 : 9);
		server = next;
	}
	rig_stop();
}
END_TEST

START_TEST(who_cannot_adopt_does_not_serve)
{
	struct keeper_add told;
	uint32_t next;

	setup();
	add(KEEPER_UNLUCKY);
	next = load(true, "next");
	ck_assert_int_eq(ths_swap(server, next, NULL), THS_E_IO);
	told = add(4);
	ck_assert_uint_eq(told.version, 1);
	ck_assert_uint_eq(told.total, KEEPER_UNLUCKY + 4);
	ck_assert_int_eq(ths_swap(server, next, NULL), THS_OK);
	told = add(4);
	ck_assert_uint_eq(told.version, 2);
	ck_assert_uint_eq(told.total, KEEPER_UNLUCKY + 8);
	rig_stop();
}
END_TEST

static struct ths_reason reason;

static enum ths_err evolve(const char *text)
{
	return ths_evolve(text, strlen(text), &reason);
}

/* Who was loaded beside another one may find a state that it could not have been loaded to. */
START_TEST(what_cannot_be_moved_any_more_is_not)
{
	struct ths_layout *layout_there;
	uint32_t next;

	setup();
	add(5);
	next = load(true, "next");
	layout_there = &ths_core.instance[server].block->layout;
	*layout_there = layout(" total i64 0\n adds u32 8\n", 80); /* as if of a third one */
	ck_assert_int_eq(ths_swap(server, next, NULL), THS_E_SCHEMA);
	ck_assert_int_eq(evolve("replace keeper with next\n"), THS_E_SCHEMA);
	ck_assert_str_eq(reason.text,
			 "keeper.state/1: member total is u64 here, i64 in the state that is there");
	ck_assert_uint_eq(add(4).total, 9);
	*layout_there = layout(keeper_text, 80);
	ck_assert_int_eq(ths_swap(server, next, NULL), THS_OK);
	ck_assert_uint_eq(add(4).total, 13);
	rig_stop();
}
END_TEST

/* ---- in a set -------------------------------------------------------------------------- */

#define EVOLVES(set) ck_assert_msg(evolve(set) == THS_OK, "%s", reason.text)

/* Whether it is laid out otherwise or not. */
START_TEST(a_state_goes_with_a_set)
{
	struct keeper_add told;

	setup();
	add(5);
	for (unsigned i = 0; i < 12; i++) {
		load(i % 3 != 0, i % 2 ? "odd" : "even");
		EVOLVES(i % 2 ? "replace keeper with odd\n" : "replace keeper with even\n");
		told = add(1);
		ck_assert_uint_eq(told.version, i % 3 ? 2 : 1);
		ck_assert_uint_eq(told.total, 6 + i);
		ck_assert_uint_eq(told.adds, 2 + i);
		ck_assert_uint_eq(told.last[0], i ? 1 : 5);
	}
	rig_stop();
}
END_TEST

START_TEST(a_set_whose_state_is_not_adopted_is_refused)
{
	struct keeper_add told;

	setup();
	add(KEEPER_UNLUCKY);
	load(true, "next");
	rig_bind(&ths_module_script, "");
	rig_add(&ths_module_script, "more");
	ck_assert_int_eq(evolve("replace script with more\nreplace keeper with next\n"),
			 THS_E_IO);
	ck_assert_msg(strstr(reason.text, "line 2: next does not adopt its state") != NULL,
		      "%s", reason.text);
	told = add(4);
	ck_assert_uint_eq(told.version, 1);
	ck_assert_uint_eq(told.total, KEEPER_UNLUCKY + 4);
	EVOLVES("replace script with more\nreplace keeper with next\n");
	ck_assert_uint_eq(add(4).total, KEEPER_UNLUCKY + 8);
	rig_stop();
}
END_TEST

static enum ths_err forgetful_add(struct ths_call *call, struct keeper_add *arg)
{
	(void)call;
	*arg = (struct keeper_add){.version = 4};
	return THS_OK;
}

THS_MODULE(forgetful, "forgetful", 1, 0, THS_PROVIDES(keeper, .add = forgetful_add));

START_TEST(who_holds_no_state_takes_nobodys)
{
	uint32_t slot;

	setup();
	add(5);
	slot = rig_add(&ths_module_forgetful, NULL);
	ck_assert_int_eq(evolve("replace keeper with forgetful\n"), THS_E_SCHEMA);
	ck_assert_str_eq(reason.text, "line 1: forgetful does not hold the state of keeper");
	ck_assert_int_eq(ths_swap(server, slot, NULL), THS_E_SCHEMA);
	ck_assert_uint_eq(add(5).total, 10);
	rig_stop();
}
END_TEST

/* ---- state_db -------------------------------------------------------------------------- */

extern const struct ths_module ths_state_db_second_module;

static uint32_t tables(void)
{
	struct ths_ref state_db = THS_REF(state_db);
	struct state_db_count count = {0};

	ck_assert_int_eq(state_db_count(&state_db, &count), THS_OK);
	return count.tables;
}

START_TEST(state_db_goes_with_a_set)
{
	const struct ths_db_ops *before;

	setup();
	before = ths_cpu()->db;
	rig_add(&ths_state_db_second_module, "other");
	load(true, "wide");
	add(5);
	EVOLVES("replace state_db with other\nreplace keeper with wide\n");
	ck_assert_ptr_ne(ths_cpu()->db, before);
	ck_assert_ptr_eq(ths_cpu()->db, ths_state_db_second_module.state.entries);
	ck_assert_ptr_eq(ths_core.db, ths_cpu()->db);
	ck_assert_uint_gt(tables(), 0);
	ck_assert_uint_eq(add(5).total, 10);
	rig_stop();
}
END_TEST

/* Everybody's rows go by it. */
START_TEST(state_db_stays_and_is_the_only_one)
{
	uint32_t other, old;

	setup();
	other = rig_add(&ths_state_db_second_module, "other");
	ck_assert_int_eq(ths_module_find("state_db", &old), THS_OK);
	ck_assert_int_eq(ths_unbind(&state_db_iface, ""), THS_E_PERM);
	ck_assert_int_eq(ths_bind(other, "aside"), THS_E_PERM);
	ck_assert_int_eq(evolve("remove state_db\n"), THS_E_PERM);
	ck_assert_str_eq(reason.text, "line 1: state_db cannot leave");
	ck_assert_int_eq(evolve("module other\nbind state_db/1 aside = other\n"), THS_E_PERM);
	ck_assert_str_eq(reason.text, "line 2: there is one state_db, and it is replaced");
	ck_assert_int_eq(ths_module_unload(old), THS_E_BUSY);
	ck_assert_int_eq(ths_swap(old, other, NULL), THS_OK);
	ck_assert_int_eq(ths_unbind(&state_db_iface, ""), THS_E_PERM);
	ck_assert_uint_gt(tables(), 0);
	rig_stop();
}
END_TEST

START_TEST(blocks_go_with_the_last_who_is_linked_to_them)
{
	uint32_t next;

	setup();
	for (unsigned i = 0; i < 3 * STATES_MAX; i++) {
		next = load(i % 2 == 0, i % 2 ? "odd" : "even");
		ck_assert_int_eq(ths_swap(server, next, NULL), THS_OK);
		server = next;
	}
	ck_assert_uint_eq(ths_core.instance[server].block->used, 1);
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("meta");
	TCase *tcase = tcase_create("members");

	tcase_add_test(tcase, members_are_moved_by_name);
	tcase_add_test(tcase, what_is_of_another_kind_is_not);
	tcase_add_test(tcase, what_is_not_told_wholly_is_not_moved);
	tcase_add_test(tcase, a_text_may_end_anywhere);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("metamodules");
	tcase_add_test(tcase, a_state_goes_to_the_successor);
	tcase_add_test(tcase, who_cannot_adopt_does_not_serve);
	tcase_add_test(tcase, what_cannot_be_moved_any_more_is_not);
	tcase_add_test(tcase, blocks_go_with_the_last_who_is_linked_to_them);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("in a set");
	tcase_add_test(tcase, a_state_goes_with_a_set);
	tcase_add_test(tcase, a_set_whose_state_is_not_adopted_is_refused);
	tcase_add_test(tcase, who_holds_no_state_takes_nobodys);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("state_db");
	tcase_add_test(tcase, state_db_goes_with_a_set);
	tcase_add_test(tcase, state_db_stays_and_is_the_only_one);
	suite_add_tcase(suite, tcase);
	return suite;
}

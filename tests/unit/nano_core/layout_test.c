/*
 * layout_test - who means something else by a row, a blob or an argument is refused, by
 * the member's name; and of a refusal nothing is left.
 *
 * The modules are linked in and the texts written by hand: each test says what a file
 * would have said. That compilers say the same is shown by tools/schema_test.tap.
 */
#include "harness.h"
#include "rig.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>
#include "nano_core/nano_core_impl.h"

struct deal_args {
	uint32_t card, player;
};
#define DEAL_OPS(OP)                                                                     \
	OP(deal, hand, struct deal_args, 0)                                              \
	OP(deal, take, struct deal_args, 0)
THS_INTERFACE(deal, 1, DEAL_OPS)
#define BET_OPS(OP) OP(bet, raise, struct ths_no_args, 0)
THS_INTERFACE(bet, 1, BET_OPS)

struct deal_row {
	uint64_t left;
};

static enum ths_err deal_op(struct ths_call *call, struct deal_args *args)
{
	(void)call;
	args->card++;
	return THS_OK;
}

static enum ths_err bet_op(struct ths_call *call, struct ths_no_args *args)
{
	(void)call;
	(void)args;
	return THS_OK;
}

static enum ths_err copy_row(const void *old_row, void *new_row)
{
	memcpy(new_row, old_row, sizeof(struct deal_row));
	return THS_OK;
}

THS_MODULE(dealer, "dealer", 1, 0, THS_PROVIDES(deal, .hand = deal_op, .take = deal_op),
	   THS_TABLE(0, "deal.row/1", struct deal_row, .rows = 2, .flags = THS_FIXED),
	   THS_BLOB(0, "hand/1", struct deal_row));
THS_MODULE(dealer_next, "dealer.next", 2, 0,
	   THS_PROVIDES(deal, .hand = deal_op, .take = deal_op),
	   THS_TABLE(0, "deal.row/2", struct deal_row, .rows = 2, .flags = THS_FIXED),
	   THS_MIGRATE(0, "deal.row/1", "deal.row/2", copy_row));
THS_MODULE(better, "better", 1, 0, THS_PROVIDES(bet, .raise = bet_op), THS_USES(0, deal));

#define PROVIDES "provides deal/1\nop hand 8\n card u32 0\n player u32 4\nop take 8 = hand\n"
#define TABLE    "table deal.row/1 8\n left u64 0\n"
#define BLOB     "blob hand/1 8\n left u64 0\n"
#define DEALER   "theseus-schema 1 dealer\n" PROVIDES TABLE BLOB
#define NEXT     "theseus-schema 1 dealer.next\n" PROVIDES "table deal.row/2 8\n kept i64 0\n"
#define BETTER                                                                           \
	"theseus-schema 1 better\nprovides bet/1\nop raise 8\n unused u64 0\nuses deal/1\n" \
	"op hand 8\n card u32 0\n player u32 4\nop take 8 = hand\n"

static struct ths_reason reason;

/* What a file of @module with @text in it would come to. */
static enum ths_err make(const struct ths_module *module, const char *text,
			 const char *name, uint32_t *slot)
{
	struct ths_tmod tmod = {0};
	struct ths_instance *instance;
	enum ths_err err;

	ck_assert_int_eq(ths_schema_open(&tmod.schema, text, strlen(text)), THS_OK);
	reason.text[0] = '\0';
	err = ths_instance_make(module, &tmod, name, &instance, &reason);
	if (err == THS_OK)
		*slot = instance->slot;
	return err;
}

static uint32_t accept(const struct ths_module *module, const char *text, const char *name)
{
	uint32_t slot = 0;

	ck_assert_msg(make(module, text, name, &slot) == THS_OK, "%s", reason.text);
	return slot;
}

static void refuse(const struct ths_module *module, const char *text, enum ths_err err,
		   const char *want)
{
	uint32_t slot;

	ck_assert_int_eq(make(module, text, "refused", &slot), err);
	ck_assert_str_eq(reason.text, want);
	ck_assert_int_eq(ths_module_find("refused", &slot), THS_E_NOENT);
}

START_TEST(what_agrees_is_loaded_bound_and_swapped)
{
	uint32_t first = accept(&ths_module_dealer, DEALER, "first"), second, user;
	struct deal_args args = {0};
	struct ths_ref ref = THS_REF(deal);

	ck_assert_int_eq(ths_bind(first, ""), THS_OK);
	user = accept(&ths_module_better, BETTER, NULL);
	ck_assert_int_eq(ths_bind(user, ""), THS_OK);
	second = accept(&ths_module_dealer, DEALER, "second");
	ck_assert_int_eq(ths_swap(first, second, NULL), THS_OK);
	ck_assert_int_eq(deal_hand(&ref, &args), THS_OK);
	ck_assert_uint_eq(args.card, 1);
}
END_TEST

START_TEST(a_table_of_another_layout_is_refused)
{
	const char *other = "theseus-schema 1 dealer\n" PROVIDES
			    "table deal.row/1 8\n left u32 0\n more u32 4\n" BLOB;

	accept(&ths_module_dealer, DEALER, "first");
	refuse(&ths_module_dealer, other, THS_E_SCHEMA,
	       "dealer: deal.row/1: member left is u32 at 0 here, u64 at 0 in the table");
}
END_TEST

/* Y2: by then the rows are all that is left of it. */
START_TEST(a_table_keeps_its_layout_when_its_module_is_gone)
{
	const char *other = "theseus-schema 1 dealer\n" PROVIDES
			    "table deal.row/1 8\n right u64 0\n" BLOB;
	uint32_t slot = accept(&ths_module_dealer, DEALER, "first");

	ck_assert_int_eq(ths_bind(slot, ""), THS_OK);
	atomic_fetch_add(&ths_table_find("deal.row/1", "")->commits, 1); /* it has rows */
	ck_assert_int_eq(ths_unbind(&deal_iface, ""), THS_OK);
	ck_assert_int_eq(ths_module_unload(slot), THS_OK);
	refuse(&ths_module_dealer, other, THS_E_SCHEMA,
	       "dealer: deal.row/1: member right is u64 at 0 here, missing in the table");
	accept(&ths_module_dealer, DEALER, "second");
}
END_TEST

/* A table that never had a row goes with its module, and its layout with it. */
START_TEST(a_table_that_was_never_used_is_nobodys)
{
	const char *other = "theseus-schema 1 dealer\n" PROVIDES
			    "table deal.row/1 8\n right u64 0\n" BLOB;
	uint32_t slot = accept(&ths_module_dealer, DEALER, "first");

	ck_assert_int_eq(ths_module_unload(slot), THS_OK);
	accept(&ths_module_dealer, other, "second");
}
END_TEST

START_TEST(a_migration_brings_its_layout)
{
	const char *other = "theseus-schema 1 dealer.next\n" PROVIDES
			    "table deal.row/2 8\n kept u64 0\n";
	uint32_t first = accept(&ths_module_dealer, DEALER, "first"), second;

	ck_assert_int_eq(ths_bind(first, ""), THS_OK);
	second = accept(&ths_module_dealer_next, NEXT, "second");
	ck_assert_int_eq(ths_swap(first, second, NULL), THS_OK);
	refuse(&ths_module_dealer_next, other, THS_E_SCHEMA,
	       "dealer.next: deal.row/2: member kept is u64 at 0 here, i64 at 0 in the table");
	accept(&ths_module_dealer_next, NEXT, "third");
}
END_TEST

START_TEST(a_user_of_other_arguments_is_refused)
{
	const char *other = "theseus-schema 1 better\nprovides bet/1\nop raise 8\n"
			    " unused u64 0\nuses deal/1\nop hand 8\n card u32 0\n"
			    " player i32 4\nop take 8 = hand\n";

	ck_assert_int_eq(ths_bind(accept(&ths_module_dealer, DEALER, "first"), ""), THS_OK);
	refuse(&ths_module_better, other, THS_E_VERSION,
	       "better: deal/1: operation hand: member player is i32 at 4 here, u32 at 4 in "
	       "first");
}
END_TEST

/* Y1: also where nobody is bound, so that whoever will be is one they agree with. */
START_TEST(a_provider_of_other_arguments_is_refused)
{
	const char *other = "theseus-schema 1 dealer\nprovides deal/1\nop hand 8\n"
			    " card u32 0\n player u32 4\nop take 8\n player u32 0\n"
			    " card u32 4\n" TABLE BLOB;
	uint32_t slot = accept(&ths_module_dealer, DEALER, "first");

	refuse(&ths_module_dealer, other, THS_E_VERSION,
	       "dealer: deal/1: operation take: member player is u32 at 0 here, u32 at 4 in "
	       "first");
	ck_assert_int_eq(ths_bind(slot, ""), THS_OK);
	accept(&ths_module_better, BETTER, "user");
	ck_assert_int_eq(ths_unbind(&deal_iface, ""), THS_OK);
	ck_assert_int_eq(ths_module_unload(slot), THS_OK);
	refuse(&ths_module_dealer, other, THS_E_VERSION,
	       "dealer: deal/1: operation take: member player is u32 at 0 here, u32 at 4 in "
	       "user");
}
END_TEST

START_TEST(a_blob_of_another_layout_is_refused)
{
	const char *other = "theseus-schema 1 dealer\n" PROVIDES TABLE
			    "blob hand/1 8\n left u32[2] 0\n";

	accept(&ths_module_dealer, DEALER, "first");
	refuse(&ths_module_dealer, other, THS_E_SCHEMA,
	       "dealer: hand/1: member left is u32[2] at 0 here, u64 at 0 in first");
}
END_TEST

/* Each line left out, said twice, or with another number: then it is no description. */
START_TEST(a_text_that_does_not_describe_the_module_is_refused)
{
	static const struct {
		const char *text, *what;
	} bad[] = {
		{"theseus-schema 1 dealer\n" TABLE BLOB, "deal/1"},
		{"theseus-schema 1 dealer\n" PROVIDES BLOB, "deal.row/1"},
		{"theseus-schema 1 dealer\n" PROVIDES TABLE, "hand/1"},
		{"theseus-schema 1 dealer\n" PROVIDES TABLE BLOB BLOB, "this module only"},
		{"theseus-schema 1 dealer\n" PROVIDES TABLE BLOB "nonsense\n",
		 "this module only"},
		{"theseus-schema 1 dealer\n" PROVIDES BLOB TABLE, "deal.row/1"},
		{"theseus-schema 1 dealer\n" PROVIDES "table deal.row/1 9\n left u64 0\n" BLOB,
		 "deal.row/1"},
		{"theseus-schema 1 dealer\n" PROVIDES "table deal.row/2 8\n left u64 0\n" BLOB,
		 "deal.row/1"},
		{"theseus-schema 1 dealer\nprovides deal/1\nop hand 8\n" TABLE BLOB, "take"},
		{"theseus-schema 1 dealer\nprovides deal/1\nop hand 8\nop tale 8\n" TABLE BLOB,
		 "take"},
		{"theseus-schema 1 dealer\nprovides deal/1\nop hand 16\nop take 8\n" TABLE BLOB,
		 "hand"},
		{"theseus-schema 1 dealer\nprovides deal/1\n" TABLE BLOB, "deal/1"},
		{"theseus-schema 1 dealer\nprovides deal/2\nop hand 8\nop take 8\n" TABLE BLOB,
		 "deal/1"},
	};
	char want[THS_TMOD_REASON_MAX];

	for (size_t i = 0; i < THS_ARRAY_SIZE(bad); i++) {
		snprintf(want, sizeof(want), "dealer: .ths.schema does not describe %s",
			 bad[i].what);
		refuse(&ths_module_dealer, bad[i].text, THS_E_SCHEMA, want);
	}
	accept(&ths_module_dealer, DEALER, "good");
}
END_TEST

/* How an operation is called no text says: it is taken from the descriptors. */
static struct ths_op_info infos[deal_ops_count];
static struct ths_iface called_otherwise;

static struct ths_module dealer_called_otherwise(void)
{
	struct ths_module module = ths_module_dealer;

	memcpy(infos, deal_ops_info, sizeof(infos));
	infos[1].flags = THS_OP_IN;
	called_otherwise = deal_iface;
	called_otherwise.info = infos;
	module.provides.iface = &called_otherwise;
	return module;
}

/* Y1, Y3: of who came from a file, and of who is linked in. */
START_TEST(an_operation_called_otherwise_is_refused)
{
	struct ths_module module = dealer_called_otherwise();

	if (_i == 0)
		accept(&ths_module_dealer, DEALER, "first");
	else
		rig_add(&ths_module_dealer, "first");
	refuse(&module, DEALER, THS_E_VERSION,
	       "dealer: deal/1: operation take: flags 4 here, 0 in first");
}
END_TEST

/* Y3 */
START_TEST(what_is_linked_in_agrees_until_it_is_known)
{
	const char *other = "theseus-schema 1 dealer\n" PROVIDES
			    "table deal.row/1 8\n right u64 0\n" BLOB;

	rig_bind(&ths_module_dealer, "");
	accept(&ths_module_dealer, DEALER, "known");
	refuse(&ths_module_dealer, other, THS_E_SCHEMA,
	       "dealer: deal.row/1: member right is u64 at 0 here, missing in the table");
}
END_TEST

/* What no text has, or none is there to have: what differs is named, with both. */
static const struct {
	struct ths_table_decl decl;
	const char *want;
} otherwise[] = {
	{{.schema = "deal.row/1", .row_size = 8, .rows = 3, .flags = THS_FIXED},
	 "dealer: deal.row/1: 3 rows here, 2 in the table"},
	{{.schema = "deal.row/1", .row_size = 8, .flags = THS_FIXED},
	 "dealer: deal.row/1: 1 rows here, 2 in the table"},
	{{.schema = "deal.row/1", .row_size = 8, .rows = 2},
	 "dealer: deal.row/1: flags 0x0 here, 0x100 in the table"},
	{{.schema = "deal.row/1", .row_size = 16, .rows = 2, .flags = THS_FIXED},
	 "dealer: deal.row/1: rows of 16 bytes here, 8 in the table"},
	{{.schema = "deal.row/3", .row_size = 8, .rows = 2, .flags = THS_FIXED},
	 "dealer: deal.row/3: the table is deal.row/1, and no migration leads there"},
};

START_TEST(a_table_declared_otherwise_is_refused_with_both)
{
	struct ths_module module = ths_module_dealer;
	struct ths_instance *instance;

	accept(&ths_module_dealer, DEALER, "first");
	module.tables[0] = otherwise[_i].decl;
	ck_assert_int_eq(ths_instance_make(&module, NULL, "refused", &instance, &reason),
			 THS_E_SCHEMA);
	ck_assert_str_eq(reason.text, otherwise[_i].want);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("layout");

	harness_case(suite, "Y1 Y2", rig_start, what_agrees_is_loaded_bound_and_swapped);
	harness_case(suite, "Y2", rig_start, a_table_of_another_layout_is_refused);
	harness_case(suite, "Y2", rig_start, a_table_keeps_its_layout_when_its_module_is_gone);
	harness_case(suite, "Y2", rig_start, a_table_that_was_never_used_is_nobodys);
	harness_case(suite, "Y2", rig_start, a_migration_brings_its_layout);
	harness_case(suite, "Y1", rig_start, a_user_of_other_arguments_is_refused);
	harness_case(suite, "Y1", rig_start, a_provider_of_other_arguments_is_refused);
	harness_case(suite, "Y1", rig_start, a_blob_of_another_layout_is_refused);
	harness_case(suite, "description", rig_start,
		     a_text_that_does_not_describe_the_module_is_refused);
	harness_loop(suite, "tables", rig_start, a_table_declared_otherwise_is_refused_with_both, 0,
		     (int)THS_ARRAY_SIZE(otherwise));
	harness_loop(suite, "Y1 Y3", rig_start, an_operation_called_otherwise_is_refused, 0, 2);
	harness_case(suite, "Y3", rig_start, what_is_linked_in_agrees_until_it_is_known);
	return suite;
}

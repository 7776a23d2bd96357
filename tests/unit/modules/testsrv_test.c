/*
 * testsrv - the server that the image tests lean on: does it do what it says, in both
 * versions, and does it go wrong as it says?
 */
#include <suite.h>
#include <theseus/arch.h>
#include <theseus/blob.h>
#include <theseus/iface/testsrv.h>
#include "harness.h"

extern const struct ths_module ths_module_testsrv, ths_module_testsrv_v2;

static const struct ths_module *const versions[] = {&ths_module_testsrv,
						    &ths_module_testsrv_v2};
static struct ths_ref srv = {&testsrv_iface, "", 0, 1, THS_REF_NOWAIT};
static uint32_t instance;

static void setup(void)
{
	harness_start();
	instance = harness_bind(&ths_module_testsrv, "");
}

static struct testsrv_add add(uint32_t row, uint64_t amount)
{
	struct testsrv_add arg = {.row = row, .amount = amount};

	ck_assert_int_eq(testsrv_add(&srv, &arg), THS_OK);
	return arg;
}

static uint64_t sum(uint32_t row, uint32_t rows)
{
	struct testsrv_read arg = {.row = row, .rows = rows};

	ck_assert_int_eq(testsrv_read(&srv, &arg), THS_OK);
	return arg.sum;
}

static enum ths_err join(uint64_t key, struct testsrv_joint *arg)
{
	*arg = (struct testsrv_joint){.key = key};
	return testsrv_join(&srv, arg);
}

static enum ths_err fault(enum testsrv_fault_kind kind, uint64_t *seen)
{
	struct testsrv_fault arg = {.kind = kind, .row = 4};
	enum ths_err err = testsrv_fault(&srv, &arg);

	*seen = arg.seen;
	return err;
}

START_TEST(counters_survive_a_change_of_their_schema)
{
	uint64_t want[3] = {0};

	for (unsigned i = 0; i < 12; i++) {
		for (uint32_t row = 0; row < 3; row++) {
			struct testsrv_add got = add(row, row + i);

			want[row] += row + i;
			ck_assert_uint_eq(got.value, want[row]);
			ck_assert_uint_eq(got.version, i % 2 + 1);
		}
		instance = harness_swap(instance, versions[(i + 1) % 2]);
		ck_assert_uint_eq(sum(0, 3), want[0] + want[1] + want[2]);
	}
}
END_TEST

START_TEST(a_session_counts_across_versions)
{
	THS_BLOB_STORAGE(memory, 64);
	THS_BLOB_STORAGE(other, 64);
	struct ths_blob *blob = ths_blob_init(memory, 64);
	struct ths_blob *fresh = ths_blob_init(other, 64);
	struct testsrv_count arg = {0};

	for (uint64_t i = 1; i <= 10; i++) {
		ck_assert_int_eq(testsrv_count_with(&srv, &arg, blob), THS_OK);
		ck_assert_uint_eq(arg.value, i);
		ck_assert_uint_eq(arg.version, (i + 1) % 2 + 1);
		instance = harness_swap(instance, versions[i % 2]);
	}
	ck_assert_int_eq(testsrv_count_with(&srv, &arg, fresh), THS_OK);
	ck_assert_uint_eq(arg.value, 1);
	ck_assert_int_eq(testsrv_count(&srv, &arg), THS_E_INVAL); /* no blob */
}
END_TEST

START_TEST(a_joint_row_goes_with_its_last_owner)
{
	struct testsrv_joint arg;
	struct testsrv_weak weak = {.rounds = 10};

	ck_assert_int_eq(join(0, &arg), THS_E_INVAL);
	ck_assert_int_eq(join(77, &arg), THS_OK);
	ck_assert_uint_eq(arg.value, 1);
	weak.weak = arg.weak;
	ck_assert_int_eq(join(77, &arg), THS_E_EXIST); /* an owner already */
	ck_assert_int_eq(testsrv_weak(&srv, &weak), THS_OK);
	ck_assert_uint_eq(weak.value, 1);
	weak.rounds = 0;
	ck_assert_int_eq(testsrv_weak(&srv, &weak), THS_E_INVAL);
	weak.rounds = 1;
	arg.key = 77;
	ck_assert_int_eq(testsrv_leave(&srv, &arg), THS_OK);
	ck_assert_int_eq(testsrv_leave(&srv, &arg), THS_E_NOENT);
	ck_assert_int_eq(testsrv_weak(&srv, &weak), THS_E_STALE);
	ck_assert_int_eq(join(77, &arg), THS_OK); /* another row, perhaps in its place */
	ck_assert_int_eq(testsrv_weak(&srv, &weak), THS_E_STALE);
}
END_TEST

START_TEST(a_mailbox_holds_one_byte)
{
	struct testsrv_post arg = {.box = 3, .byte = 65};

	ck_assert_int_eq(testsrv_fetch(&srv, &arg), THS_E_AGAIN);
	ck_assert_int_eq(testsrv_post(&srv, &arg), THS_OK);
	ck_assert_int_eq(testsrv_post(&srv, &arg), THS_E_AGAIN);
	instance = harness_swap(instance, versions[1]);
	arg.byte = 0;
	ck_assert_int_eq(testsrv_fetch(&srv, &arg), THS_OK);
	ck_assert_uint_eq(arg.byte, 65);
	ck_assert_uint_eq(arg.version, 2);
	arg.box = 16;
	ck_assert_int_eq(testsrv_post(&srv, &arg), THS_E_NOENT);
}
END_TEST

START_TEST(items_are_found_by_key)
{
	struct testsrv_lookup arg;
	uint64_t next = 1;

	while (next <= 1000) {
		arg = (struct testsrv_lookup){next, 1001 - next};
		ck_assert_int_eq(testsrv_fill(&srv, &arg), THS_OK);
		ck_assert_uint_ge(arg.value, 1);
		next += arg.value;
	}
	for (uint64_t key = 1; key <= 1000; key++) {
		arg = (struct testsrv_lookup){key, 0};
		ck_assert_int_eq(testsrv_lookup(&srv, &arg), THS_OK);
		ck_assert_uint_eq(arg.value, ~key);
	}
	arg.key = 1001;
	ck_assert_int_eq(testsrv_lookup(&srv, &arg), THS_E_NOENT);
	arg = (struct testsrv_lookup){1000, 1};
	ck_assert_int_eq(testsrv_fill(&srv, &arg), THS_E_EXIST);
	arg = (struct testsrv_lookup){0, 1};
	ck_assert_int_eq(testsrv_fill(&srv, &arg), THS_E_INVAL);
}
END_TEST

/* What each fault comes back as; see iface/testsrv.h. */
static const struct {
	enum testsrv_fault_kind kind;
	enum ths_err err;
} outcomes[] = {
	{TESTSRV_NULL, THS_E_FAULT},         {TESTSRV_UNMAPPED, THS_E_FAULT},
	{TESTSRV_NONCANONICAL, THS_E_FAULT}, {TESTSRV_WRITE_TEXT, THS_E_FAULT},
	{TESTSRV_WRITE_RODATA, THS_E_FAULT}, {TESTSRV_EXEC_DATA, THS_E_FAULT},
	{TESTSRV_DIVIDE, THS_E_ARITH},       {TESTSRV_UD2, THS_E_OPCODE},
	{TESTSRV_OVERRUN, THS_E_STACK},      {TESTSRV_LOOP, THS_E_DEADLINE},
	{TESTSRV_BAD_VALUE, THS_E_INTERNAL}, {TESTSRV_MIDWAY, THS_E_FAULT},
	{TESTSRV_ERROR, THS_E_IO},
};

START_TEST(a_fault_is_an_error_and_nothing_else)
{
	uint64_t before, seen;

	if (outcomes[_i].kind == TESTSRV_LOOP)
		ths_arch_tick_start(1000);
	(void)add(4, 10);
	(void)add(5, 20);
	before = sum(0, 32);
	for (unsigned which = 0; which < THS_ARRAY_SIZE(versions); which++) {
		ck_assert_int_eq(fault(outcomes[_i].kind, &seen), outcomes[_i].err);
		ck_assert_uint_eq(sum(0, 32), before);
		ck_assert_uint_eq(add(9, 1).value, which + 1); /* the next call works */
		before++;
		instance = harness_swap(instance, versions[(which + 1) % 2]);
	}
}
END_TEST

START_TEST(a_parent_sees_its_childs_fault_as_an_error)
{
	uint64_t seen, before = sum(0, 32);

	ck_assert_int_eq(fault(TESTSRV_NESTED, &seen), THS_OK);
	ck_assert_int_eq((int64_t)seen, THS_E_FAULT);
	ck_assert_uint_eq(sum(0, 32),
			  before + 1); /* what the parent wrote, and no more */
	ck_assert_int_eq(fault(TESTSRV_KINDS, &seen), THS_E_INVAL);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("testsrv");

	harness_case(suite, "V1 counters", setup,
		     counters_survive_a_change_of_their_schema);
	harness_case(suite, "V1 sessions", setup, a_session_counts_across_versions);
	harness_case(suite, "joint", setup, a_joint_row_goes_with_its_last_owner);
	harness_case(suite, "mailbox", setup, a_mailbox_holds_one_byte);
	harness_case(suite, "lookup", setup, items_are_found_by_key);
	harness_loop(suite, "faults", setup, a_fault_is_an_error_and_nothing_else, 0,
		     (int)THS_ARRAY_SIZE(outcomes));
	harness_case(suite, "nested", setup, a_parent_sees_its_childs_fault_as_an_error);
	return suite;
}

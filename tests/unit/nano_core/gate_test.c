/*
 * gate_test - an interaction is whole or nothing, whatever becomes of it.
 */
#include "rig.h"
#include "suite.h"

#include <string.h>
#include <theseus/blob.h>
#include <theseus/host.h>

/* ---- a module to call ------------------------------------------------------------ */

struct toy_args {
	uint32_t row, how;
	uint64_t value;
};
#define TOY_OPS(OP)                                                                      \
	OP(toy, echo, struct toy_args, 0)                                                \
	OP(toy, put, struct toy_args, 0)                                                 \
	OP(toy, get, struct toy_args, 0)                                                 \
	OP(toy, nest, struct toy_args, 0)                                                \
	OP(toy, session, struct toy_args, THS_OP_BLOB)                                   \
	OP(toy, missing, struct toy_args, 0)                                             \
	OP(toy, wait, struct toy_args, 0)
THS_INTERFACE(toy, 1, TOY_OPS)

enum { CELLS, ONE };
enum { SELF };
enum { SESSION };
enum how { FINE, ERROR, FOREIGN, NULL_READ, DIVIDE, ILLEGAL, DEEP, BOTH, SWALLOW };

struct cell {
	uint64_t value, again;
};
struct session {
	uint64_t count;
};

static volatile uint64_t zero;

/* What is wrong here is meant; the sanitizers are not to say it first. */
THS_NO_SANITIZE static enum ths_err go_wrong(const struct toy_args *arg)
{
	switch ((enum how)arg->how) {
	case ERROR:
		return THS_E_IO;
	case FOREIGN:
		return (enum ths_err)77;
	case NULL_READ:
		return (enum ths_err) * (volatile int *)(uintptr_t)zero;
	case DIVIDE:
		return (enum ths_err)(1000 / zero);
	case ILLEGAL:
		__asm__ volatile("ud2");
		return THS_OK;
	case FINE:
	case DEEP:
	case BOTH:
	case SWALLOW:
		break;
	}
	return THS_OK;
}

static enum ths_err toy_echo_op(struct ths_call *call, struct toy_args *arg)
{
	(void)call;
	arg->value++;
	return go_wrong(arg);
}

static enum ths_err toy_put_op(struct ths_call *call, struct toy_args *arg)
{
	struct cell *cell;

	THS_TRY(ths_row_write(call, CELLS, arg->row, &cell));
	cell->value = arg->value;
	THS_TRY(go_wrong(arg));
	THS_TRY(ths_row_write(call, CELLS, arg->row + 1, &cell));
	cell->value = arg->value;
	return THS_OK;
}

static enum ths_err toy_get_op(struct ths_call *call, struct toy_args *arg)
{
	const struct cell *cell;

	THS_TRY(ths_row_read(call, CELLS, arg->row, &cell));
	arg->value = cell->value;
	return THS_OK;
}

/* Writes row 0, then calls put on row 0 and 1; what put did wrong must not show. */
static enum ths_err toy_nest_op(struct ths_call *call, struct toy_args *arg)
{
	struct toy_args inner = {.row = arg->row, .value = 9};
	struct cell *cell;
	const struct cell *seen;
	enum ths_err err;

	if (arg->how == DEEP) {
		if (arg->row == 0)
			return THS_OK;
		inner = *arg;
		inner.row--;
		return toy_nest(ths_use(call, SELF), &inner);
	}
	THS_TRY(ths_row_write(call, CELLS, arg->row, &cell));
	cell->value = 5;
	inner.how = arg->how == SWALLOW ? NULL_READ : arg->how;
	err = toy_put(ths_use(call, SELF), &inner);
	cell->again = 7; /* the pointer is as good as before the call */
	THS_TRY(ths_row_read(call, CELLS, arg->row, &seen));
	arg->value = seen->value;
	return arg->how == SWALLOW ? THS_OK : err;
}

static enum ths_err toy_session_op(struct ths_call *call, struct toy_args *arg)
{
	struct session *session;
	bool fresh;

	THS_TRY(ths_blob_body(call, SESSION, (void **)&session, &fresh));
	arg->value = ++session->count;
	arg->row = fresh;
	return go_wrong(arg);
}

static enum ths_err toy_wait_op(struct ths_call *call, struct toy_args *arg)
{
	const struct cell *cell;

	THS_TRY(ths_row_read(call, CELLS, arg->row, &cell));
	arg->value = cell->value;
	return cell->value ? THS_OK : THS_E_AGAIN;
}

THS_MODULE(toy, "toy", 1, 0,
	   THS_PROVIDES(toy, .echo = toy_echo_op, .put = toy_put_op, .get = toy_get_op,
			.nest = toy_nest_op, .session = toy_session_op,
			.wait = toy_wait_op),
	   THS_USES_OPTIONAL(SELF, toy),
	   THS_TABLE(CELLS, "toy.cell/1", struct cell, .rows = 16, .flags = THS_FIXED),
	   THS_TABLE(ONE, "toy.one/1", struct cell, .flags = 0),
	   THS_BLOB(SESSION, "toy.session/1", struct session));

static struct ths_ref toy = THS_REF(toy);

static void setup(void)
{
	rig_start();
	(void)rig_bind(&ths_module_toy, "");
	toy = (struct ths_ref)THS_REF(toy);
}

static uint64_t cell_value(uint32_t row)
{
	struct toy_args args = {.row = row};

	ck_assert_int_eq(toy_get(&toy, &args), THS_OK);
	return args.value;
}

/* ---- tests ------------------------------------------------------------------------- */

START_TEST(a_call_copies_arguments_in_and_out)
{
	struct toy_args args = {.row = 3, .value = 41};

	ck_assert_int_eq(toy_echo(&toy, &args), THS_OK);
	ck_assert_uint_eq(args.value, 42);
	ck_assert_uint_eq(args.row, 3);
}
END_TEST

static const struct {
	enum how how;
	enum ths_err err;
} wrongs[] = {
	{ERROR, THS_E_IO},	    {FOREIGN, THS_E_INTERNAL}, {NULL_READ, THS_E_FAULT},
	{DIVIDE, THS_E_ARITH}, {ILLEGAL, THS_E_OPCODE},
};

START_TEST(a_failed_call_leaves_nothing)
{
	struct toy_args args = {.row = 2, .value = 1};

	ck_assert_int_eq(toy_put(&toy, &args), THS_OK);
	args = (struct toy_args){.row = 2, .how = wrongs[_i].how, .value = 8};
	ck_assert_int_eq(toy_put(&toy, &args), wrongs[_i].err);
	ck_assert_uint_eq(args.value, 8);
	ck_assert_uint_eq(cell_value(2), 1);
	ck_assert_uint_eq(cell_value(3), 1);
	args = (struct toy_args){.row = 2, .value = 4};
	ck_assert_int_eq(toy_put(&toy, &args), THS_OK); /* the next call works */
	ck_assert_uint_eq(cell_value(3), 4);
}
END_TEST

START_TEST(arguments_are_untouched_after_an_error)
{
	struct toy_args args = {.how = wrongs[_i].how, .value = 41};

	ck_assert_int_eq(toy_echo(&toy, &args), wrongs[_i].err);
	ck_assert_uint_eq(args.value, 41);
}
END_TEST

START_TEST(a_nested_call_is_part_of_its_caller)
{
	struct toy_args args = {.row = 4};

	ck_assert_int_eq(toy_nest(&toy, &args), THS_OK);
	ck_assert_uint_eq(args.value, 9);
	ck_assert_uint_eq(cell_value(4), 9);
	ck_assert_uint_eq(cell_value(5), 9);
}
END_TEST

START_TEST(a_nested_failure_rolls_back_to_its_savepoint)
{
	struct toy_args args = {.row = 6, .how = SWALLOW};

	ck_assert_int_eq(toy_nest(&toy, &args), THS_OK);
	ck_assert_uint_eq(args.value, 5); /* our own write stands */
	ck_assert_uint_eq(cell_value(6), 5);
	ck_assert_uint_eq(cell_value(7), 0);
}
END_TEST

START_TEST(a_nested_failure_handed_on_undoes_all)
{
	struct toy_args args = {.row = 8, .how = wrongs[_i].how};

	ck_assert_int_eq(toy_nest(&toy, &args), wrongs[_i].err);
	ck_assert_uint_eq(cell_value(8), 0);
	ck_assert_uint_eq(cell_value(9), 0);
}
END_TEST

START_TEST(depth_is_bounded)
{
	struct toy_args args = {.row = 7, .how = DEEP};

	ck_assert_int_eq(toy_nest(&toy, &args), THS_OK);
	args.row = 8;
	ck_assert_int_eq(toy_nest(&toy, &args), THS_E_DEPTH);
}
END_TEST

START_TEST(a_session_lies_in_the_clients_blob)
{
	THS_BLOB_STORAGE(memory, 64);
	THS_BLOB_STORAGE(other, 64);
	struct ths_blob *blob = ths_blob_init(memory, 64);
	struct toy_args args = {0};

	for (uint64_t i = 1; i <= 5; i++) {
		ck_assert_int_eq(toy_session_with(&toy, &args, blob), THS_OK);
		ck_assert_uint_eq(args.value, i);
		ck_assert_uint_eq(args.row, i == 1);
	}
	args.how = NULL_READ;
	ck_assert_int_eq(toy_session_with(&toy, &args, blob), THS_E_FAULT);
	args.how = FINE;
	ck_assert_int_eq(toy_session_with(&toy, &args, blob), THS_OK);
	ck_assert_uint_eq(args.value, 6);
	ck_assert_int_eq(toy_session_with(&toy, &args, ths_blob_init(other, 64)), THS_OK);
	ck_assert_uint_eq(args.value, 1);
	ck_assert_int_eq(toy_session(&toy, &args), THS_E_INVAL);
}
END_TEST

/* Any bit of it that counts: all but the word that says it is in use. */
START_TEST(a_blob_from_elsewhere_bears_a_tag)
{
	THS_BLOB_STORAGE(memory, 64);
	THS_BLOB_STORAGE(before, 64);
	struct ths_ref far = THS_REF(toy);
	struct ths_blob *blob = ths_blob_init(memory, 64);
	struct toy_args args = {0};
	size_t size;

	far.flags = THS_REF_TAGGED;
	for (uint64_t i = 1; i <= 3; i++) {
		ck_assert_int_eq(toy_session_with(&far, &args, blob), THS_OK);
		ck_assert_uint_eq(args.value, i);
	}
	size = ths_blob_size(blob);
	memcpy(before, memory, sizeof(memory));
	for (size_t i = 0; i < size; i++) {
		if (i >= 8 && i < 16)
			continue;
		memory[i] ^= 1u << i % 8;
		ck_assert_int_eq(toy_session_with(&far, &args, blob), THS_E_BLOB);
		memory[i] ^= 1u << i % 8;
		ck_assert_int_eq(memcmp(before, memory, sizeof(memory)), 0);
	}
	args.how = NULL_READ;
	ck_assert_int_eq(toy_session_with(&far, &args, blob), THS_E_FAULT);
	ck_assert_int_eq(memcmp(before, memory, sizeof(memory)), 0);
	args.how = FINE;
	ck_assert_int_eq(toy_session_with(&far, &args, blob), THS_OK);
	ck_assert_uint_eq(args.value, 4);
	ck_assert_int_eq(toy_session_with(&toy, &args, blob), THS_OK); /* stale now */
	ck_assert_int_eq(toy_session_with(&far, &args, blob), THS_E_BLOB);
}
END_TEST

START_TEST(what_is_not_there_is_an_error)
{
	struct ths_ref nobody = THS_REF_TO(toy, "nobody");
	struct toy_args args = {0};

	ck_assert_int_eq(toy_echo(&nobody, &args), THS_E_UNAVAIL);
	ck_assert_int_eq(toy_missing(&toy, &args), THS_E_NOSYS);
	ck_assert_int_eq(ths_gate(&toy, 99, &args, NULL), THS_E_NOSYS);
	args.row = 16;
	ck_assert_int_eq(toy_get(&toy, &args), THS_E_NOENT);
}
END_TEST

START_TEST(again_without_a_task_comes_back)
{
	struct toy_args args = {.row = 1};

	ck_assert_int_eq(toy_wait(&toy, &args), THS_E_AGAIN);
	args = (struct toy_args){.row = 1, .value = 6};
	ck_assert_int_eq(toy_put(&toy, &args), THS_OK);
	ck_assert_int_eq(toy_wait(&toy, &args), THS_OK);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("gate");
	TCase *whole = tcase_create("an interaction is atomic (I2)");
	TCase *nesting = tcase_create("nesting is closed");
	TCase *refs = tcase_create("references are weak (G3)");
	int n = (int)THS_ARRAY_SIZE(wrongs);

	tcase_add_checked_fixture(whole, setup, rig_stop);
	tcase_add_test(whole, a_call_copies_arguments_in_and_out);
	tcase_add_loop_test(whole, a_failed_call_leaves_nothing, 0, n);
	tcase_add_loop_test(whole, arguments_are_untouched_after_an_error, 0, n);
	tcase_add_test(whole, a_session_lies_in_the_clients_blob);
	tcase_add_test(whole, a_blob_from_elsewhere_bears_a_tag);
	tcase_add_test(whole, again_without_a_task_comes_back);
	tcase_add_checked_fixture(nesting, setup, rig_stop);
	tcase_add_test(nesting, a_nested_call_is_part_of_its_caller);
	tcase_add_test(nesting, a_nested_failure_rolls_back_to_its_savepoint);
	tcase_add_loop_test(nesting, a_nested_failure_handed_on_undoes_all, 0, n);
	tcase_add_test(nesting, depth_is_bounded);
	tcase_add_checked_fixture(refs, setup, rig_stop);
	tcase_add_test(refs, what_is_not_there_is_an_error);
	suite_add_tcase(suite, whole);
	suite_add_tcase(suite, nesting);
	suite_add_tcase(suite, refs);
	return suite;
}

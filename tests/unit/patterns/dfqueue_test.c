/*
 * dfqueue - against a plain list, with consumers that die at every step.
 */
#include <stdlib.h>
#include <string.h>
#include <suite.h>
#include <theseus/dfqueue.h>
#include "harness.h"

#define ITEMS 5u

struct letter {
	uint64_t ticket;
	uint32_t len;
	uint32_t fail; /* 1: work on it, then fail */
	uint8_t bytes[THS_DFQUEUE_BYTES];
};
struct letter_work {
	uint32_t fail; /* 1: fail when all is done but the end */
	uint32_t reserved;
	uint64_t ticket, total; /* out */
};
#define LETTER_OPS(OP)                                                                   \
	OP(letter, put, struct letter, 0)                                                \
	OP(letter, peek, struct letter, 0)                                               \
	OP(letter, complete, struct letter, 0)                                           \
	OP(letter, wait, struct letter, 0)                                               \
	OP(letter, work, struct letter_work, 0) /* peek, add up, complete: in one */
THS_INTERFACE(letter, 1, LETTER_OPS)

enum { PUT, DONE, ITEM, TOTAL };
struct letter_total {
	uint64_t sum;
};

static const struct ths_dfqueue queue = {PUT, DONE, ITEM, ITEMS};

static enum ths_err put_op(struct ths_call *call, struct letter *arg)
{
	return ths_dfqueue_put(call, &queue, arg->bytes, arg->len, &arg->ticket);
}

static enum ths_err peek_op(struct ths_call *call, struct letter *arg)
{
	return ths_dfqueue_peek(call, &queue, arg->bytes, &arg->len, &arg->ticket);
}

static enum ths_err complete_op(struct ths_call *call, struct letter *arg)
{
	return ths_dfqueue_complete(call, &queue, arg->ticket);
}

static enum ths_err wait_op(struct ths_call *call, struct letter *arg)
{
	return ths_dfqueue_wait(call, &queue, arg->ticket);
}

static enum ths_err work_op(struct ths_call *call, struct letter_work *arg)
{
	uint8_t bytes[THS_DFQUEUE_BYTES];
	struct letter_total *total;
	uint32_t len;

	THS_TRY(ths_dfqueue_peek(call, &queue, bytes, &len, &arg->ticket));
	THS_TRY(ths_row_write(call, TOTAL, 0, &total));
	total->sum += bytes[0];
	THS_TRY(ths_dfqueue_complete(call, &queue, arg->ticket));
	arg->total = total->sum;
	return arg->fail ? THS_E_IO : THS_OK;
}

THS_MODULE(letter_test, "letter.test", 1, 0,
	   THS_PROVIDES(letter, .put = put_op, .peek = peek_op, .complete = complete_op,
			.wait = wait_op, .work = work_op),
	   THS_TABLE(PUT, "letter.put/1", struct ths_dfqueue_count),
	   THS_TABLE(DONE, "letter.done/1", struct ths_dfqueue_count),
	   THS_TABLE(ITEM, "letter.item/1", struct ths_dfqueue_item, .rows = ITEMS,
		     .flags = THS_FIXED),
	   THS_TABLE(TOTAL, "letter.total/1", struct letter_total));

static struct ths_ref letter = {&letter_iface, "", 0, 1, THS_REF_NOWAIT};
static uint32_t instance;

static void setup(void)
{
	harness_start();
	instance = harness_bind(&ths_module_letter_test, "");
}

static enum ths_err put(uint8_t byte, uint32_t len, uint64_t *ticket)
{
	struct letter arg = {.len = len};
	enum ths_err err;

	memset(arg.bytes, byte, sizeof arg.bytes);
	err = letter_put(&letter, &arg);
	*ticket = arg.ticket;
	return err;
}

static enum ths_err complete(uint64_t ticket)
{
	struct letter arg = {.ticket = ticket};

	return letter_complete(&letter, &arg);
}

static enum ths_err wait_for(uint64_t ticket)
{
	struct letter arg = {.ticket = ticket};

	return letter_wait(&letter, &arg);
}

START_TEST(items_are_done_in_order_each_once)
{
	uint64_t first = 0, next = 0, ticket;

	srand(5);
	for (unsigned i = 0; i < 2000; i++) {
		struct letter arg = {0};

		if (i % 97 == 0)
			instance = harness_swap(instance, &ths_module_letter_test);
		if (rand() % 2) {
			ck_assert_int_eq(put((uint8_t)next, 1 + next % 40, &ticket),
					 next - first == ITEMS ? THS_E_AGAIN : THS_OK);
			if (next - first < ITEMS)
				ck_assert_uint_eq(ticket, next++);
			continue;
		}
		ck_assert_int_eq(letter_peek(&letter, &arg),
				 next == first ? THS_E_AGAIN : THS_OK);
		if (next == first)
			continue;
		ck_assert_uint_eq(arg.ticket, first);
		ck_assert_uint_eq(arg.len, 1 + first % 40);
		ck_assert_uint_eq(arg.bytes[arg.len - 1], (uint8_t)first);
		if (rand() % 3 == 0)
			continue; /* the consumer died: the item stays */
		ck_assert_int_eq(wait_for(first), THS_E_AGAIN);
		ck_assert_int_eq(complete(first), THS_OK);
		ck_assert_int_eq(wait_for(first), THS_OK);
		first++;
	}
	ck_assert_uint_gt(first, 100);
}
END_TEST

START_TEST(who_completes_too_late_is_told)
{
	uint64_t ticket;

	ck_assert_int_eq(complete(0), THS_E_INVAL);
	ck_assert_int_eq(wait_for(0), THS_E_INVAL);
	ck_assert_int_eq(put(1, 1, &ticket), THS_OK);
	ck_assert_int_eq(put(2, 1, &ticket), THS_OK);
	ck_assert_int_eq(complete(1), THS_E_INVAL); /* not its turn */
	ck_assert_int_eq(complete(0), THS_OK);
	ck_assert_int_eq(complete(0), THS_E_STALE);
	ck_assert_int_eq(wait_for(0), THS_OK);
	ck_assert_int_eq(wait_for(1), THS_E_AGAIN);
}
END_TEST

START_TEST(work_in_one_interaction_is_done_exactly_once)
{
	uint64_t ticket, sum = 0;

	for (unsigned i = 1; i <= 60; i++) {
		struct letter_work arg = {.fail = 1};

		ck_assert_int_eq(put((uint8_t)i, 1, &ticket), THS_OK);
		for (unsigned tries = 0; tries < i % 3;
		     tries++) /* dies at the last step */
			ck_assert_int_eq(letter_work(&letter, &arg), THS_E_IO);
		arg.fail = 0;
		ck_assert_int_eq(letter_work(&letter, &arg), THS_OK);
		sum += i;
		ck_assert_uint_eq(arg.total, sum);
		ck_assert_uint_eq(arg.ticket, i - 1);
		ck_assert_int_eq(letter_work(&letter, &arg), THS_E_AGAIN);
	}
}
END_TEST

START_TEST(an_item_has_a_size)
{
	uint64_t ticket;

	ck_assert_int_eq(put(1, THS_DFQUEUE_BYTES + 1, &ticket), THS_E_SIZE);
	ck_assert_int_eq(put(1, THS_DFQUEUE_BYTES, &ticket), THS_OK);
	ck_assert_int_eq(put(1, 0, &ticket), THS_OK);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("dfqueue");

	harness_case(suite, "D1, D2", setup, items_are_done_in_order_each_once);
	harness_case(suite, "D4 late", setup, who_completes_too_late_is_told);
	harness_case(suite, "D4 once", setup,
		     work_in_one_interaction_is_done_exactly_once);
	harness_case(suite, "size", setup, an_item_has_a_size);
	return suite;
}

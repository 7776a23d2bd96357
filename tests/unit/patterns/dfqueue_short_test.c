/*
 * dfqueue_short_test - queues and parcels, with each read and write failing in its turn, and
 * with rows that somebody else has written.
 */
#include "dfqueue_rig.h"

struct step {
	script_fn *fn;
	enum ths_err due;
};
static const struct step item_life[] = {
	{peek_fn, THS_E_AGAIN}, {put_fn, THS_OK},   {wait_fn, THS_E_AGAIN}, {peek_fn, THS_OK},
	{complete_fn, THS_OK},  {wait_fn, THS_OK}},
	parcel_life[] = {{post_fn, THS_OK},        {look_fn, THS_E_AGAIN}, {repost_fn, THS_E_EXIST},
			 {next_fn, THS_OK},        {finish_fn, THS_OK},    {look_fn, THS_OK},
			 {finish_fn, THS_E_STALE}, {withdraw_fn, THS_OK},  {post_fn, THS_OK},
			 {withdraw_fn, THS_OK},    {next_fn, THS_OK},       {next_fn, THS_E_AGAIN}},
	lost_life[] = {{look_fn, THS_E_NOENT}, {repost_fn, THS_OK},  {look_fn, THS_E_AGAIN},
		       {next_fn, THS_OK},      {finish_fn, THS_OK},  {withdraw_fn, THS_OK}};

static void live_short(const char *class, struct letter *letter, const struct step *life,
		       unsigned steps)
{
	for (unsigned i = 0; i < steps; i++)
		ck_assert_int_eq(pattern_short(class, life[i].fn, letter, sizeof(*letter)),
				 life[i].due);
}

START_TEST(an_item_is_put_and_done_whatever_runs_out)
{
	struct letter letter = {.len = 8, .bytes = {9}};

	live_short(pattern_shortages[_i], &letter, item_life, THS_ARRAY_SIZE(item_life));
	ck_assert_uint_eq(letter.bytes[0], 9);
}
END_TEST

START_TEST(so_is_a_parcel)
{
	struct letter letter = {.which = 1, .len = 8, .bytes = {9}};

	live_short(pattern_shortages[_i], &letter, parcel_life, THS_ARRAY_SIZE(parcel_life));
	ck_assert_int_eq(script_by(&pattern_ref, post_fn, &letter), THS_OK);
	pattern_swap(); /* the queue is gone */
	live_short(pattern_shortages[_i], &letter, lost_life, THS_ARRAY_SIZE(lost_life));
}
END_TEST

/* Who finds the queue full may try another one. */
START_TEST(who_goes_on_after_an_error_has_done_nothing)
{
	struct letter letter = {.which = 1, .len = 8, .bytes = {9}};
	uint64_t contents;

	for (unsigned i = 0; i < queue.items; i++)
		ck_assert_int_eq(script_by(&pattern_ref, post_fn, &letter), THS_OK);
	contents = pattern_contents();
	ck_assert_int_eq(pattern_swallowed(post_fn, &letter), THS_E_AGAIN);
	ck_assert_uint_eq(pattern_contents(), contents);
}
END_TEST

/* Parameters that name a table the module has not got. */
static const struct {
	unsigned *table;
	script_fn *fn;
} astray[] = {{&queue.put, put_fn},   {&queue.done, put_fn},    {&queue.item, put_fn},
	      {&queue.item, peek_fn}, {&queue.parcel, post_fn}, {&queue.item, look_fn}};

START_TEST(a_table_that_is_none_is_an_error)
{
	struct letter letter = {.len = 8};

	ck_assert_int_eq(script_by(&pattern_ref, post_fn, &letter), THS_OK);
	*astray[_i].table = THS_TABLES_MAX;
	ck_assert_int_eq(script_by(&pattern_ref, astray[_i].fn, &letter), THS_E_INVAL);
}
END_TEST

static enum ths_err spoil_item(struct ths_call *call, void *ctx)
{
	const struct ths_dfqueue_item *as = ctx;
	struct ths_dfqueue_item *item;

	THS_TRY(ths_row_write(call, SMALL, 0, &item));
	item->ticket = as->ticket;
	item->len = as->len;
	return THS_OK;
}

/* Whoever writes the rows otherwise than by the queue's functions. */
START_TEST(an_item_that_is_none_is_an_error)
{
	struct ths_dfqueue_item wrong[] = {{.ticket = 1, .len = 8}, {.ticket = 0, .len = 17}};
	struct letter letter = {.len = 8};

	ck_assert_int_eq(script_by(&pattern_ref, put_fn, &letter), THS_OK);
	ck_assert_int_eq(script_by(&pattern_ref, spoil_item, &wrong[_i]), THS_OK);
	ck_assert_int_eq(script_by(&pattern_ref, peek_fn, &letter), THS_E_INTERNAL);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("dfqueue, short of room");

	harness_loop(suite, "short", setup, an_item_is_put_and_done_whatever_runs_out, 0,
		     PATTERN_SHORTAGES);
	harness_loop(suite, "short parcels", setup_lossy, so_is_a_parcel, 0, PATTERN_SHORTAGES);
	harness_case(suite, "going on", setup_lossy, who_goes_on_after_an_error_has_done_nothing);
	harness_loop(suite, "no table", setup_lossy, a_table_that_is_none_is_an_error, 0,
		     (int)THS_ARRAY_SIZE(astray));
	harness_loop(suite, "spoilt", setup, an_item_that_is_none_is_an_error, 0, 2);
	return suite;
}

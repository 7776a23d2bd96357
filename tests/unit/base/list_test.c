/*
 * list - the links after every way of adding, removing and moving.
 */
#include <suite.h>
#include <theseus/list.h>

#define NODES 5

struct thing {
	int number;
	struct ths_list node;
};

static struct ths_list head, other;
static struct thing things[NODES];

static void set_up(void)
{
	ths_list_init(&head);
	ths_list_init(&other);
	for (int i = 0; i < NODES; i++) {
		things[i].number = i;
		ths_list_init(&things[i].node);
	}
}

static size_t verified_count(const struct ths_list *list)
{
	size_t count = SIZE_MAX;

	ck_assert_int_eq(ths_list_verify(list, NODES, &count), THS_OK);
	return count;
}

/* The numbers of the things listed, as decimal digits. */
static int digits(const struct ths_list *list)
{
	const struct ths_list *node;
	int sum = 0;

	ths_list_for_each (node, list)
		sum = sum * 10 + THS_LIST_ENTRY(node, const struct thing, node)->number;
	return sum;
}

START_TEST(links_hold_after_any_mix_of_adds_and_removes)
{
	uint32_t state = 1;
	bool in[NODES] = {false};
	size_t expected = 0;

	set_up();
	for (int step = 0; step < 10000; step++) {
		state = state * 1664525 + 1013904223;

		int i = (int)(state >> 16) % NODES;

		if (in[i])
			ths_list_remove(&things[i].node);
		else if (state & 0x8000)
			ths_list_add_first(&head, &things[i].node);
		else
			ths_list_add_last(&head, &things[i].node);
		in[i] = !in[i];
		expected = in[i] ? expected + 1 : expected - 1;
		ck_assert_uint_eq(verified_count(&head), expected);
		ck_assert(ths_list_is_empty(&head) == (expected == 0));
	}
}
END_TEST

START_TEST(a_broken_link_is_found)
{
	struct ths_list *keep;

	set_up();
	for (int i = 0; i < NODES; i++)
		ths_list_add_last(&head, &things[i].node);

	keep = things[2].node.next;
	things[2].node.next = NULL;
	ck_assert_int_eq(ths_list_verify(&head, NODES, NULL), THS_E_INTERNAL);
	things[2].node.next = &things[4].node;
	ck_assert_int_eq(ths_list_verify(&head, NODES, NULL), THS_E_INTERNAL);
	things[2].node.next = keep;
	ck_assert_int_eq(ths_list_verify(&head, NODES, NULL), THS_OK);
	things[4].node.prev = &head;
	ck_assert_int_eq(ths_list_verify(&head, NODES, NULL), THS_E_INTERNAL);
}
END_TEST

START_TEST(a_list_over_the_limit_is_found)
{
	set_up();
	for (int i = 0; i < NODES; i++)
		ths_list_add_last(&head, &things[i].node);
	ck_assert_int_eq(ths_list_verify(&head, NODES - 1, NULL), THS_E_INTERNAL);
	ck_assert_int_eq(ths_list_verify(&head, NODES, NULL), THS_OK);
}
END_TEST

START_TEST(removing_twice_is_defined)
{
	set_up();
	ths_list_add_last(&head, &things[0].node);
	ths_list_add_last(&head, &things[1].node);
	ths_list_remove(&things[0].node);
	ck_assert(ths_list_is_empty(&things[0].node));
	ths_list_remove(&things[0].node);
	ck_assert(ths_list_is_empty(&things[0].node));
	ck_assert_uint_eq(verified_count(&head), 1);
	ck_assert_int_eq(digits(&head), 1);
}
END_TEST

START_TEST(an_empty_list_has_no_ends)
{
	struct ths_list fixed = THS_LIST_INIT(fixed);

	set_up();
	ck_assert(ths_list_is_empty(&fixed));
	ck_assert_ptr_null(ths_list_first(&head));
	ck_assert_ptr_null(ths_list_last(&head));
	ck_assert_ptr_null(ths_list_take_first(&head));
	ck_assert_uint_eq(verified_count(&head), 0);
}
END_TEST

START_TEST(last_added_comes_last_and_first_added_first)
{
	set_up();
	ths_list_add_last(&head, &things[2].node);
	ths_list_add_last(&head, &things[3].node);
	ths_list_add_first(&head, &things[1].node);
	ths_list_add_before(&things[3].node, &things[0].node);
	ths_list_add_after(&things[1].node, &things[4].node);
	ck_assert_int_eq(digits(&head), 14203);
	ck_assert_ptr_eq(ths_list_first(&head), &things[1].node);
	ck_assert_ptr_eq(ths_list_last(&head), &things[3].node);
	ck_assert_ptr_eq(ths_list_take_first(&head), &things[1].node);
	ck_assert_int_eq(digits(&head), 4203);
}
END_TEST

START_TEST(moving_all_appends_in_order)
{
	set_up();
	ths_list_add_last(&head, &things[1].node);
	ths_list_add_last(&other, &things[2].node);
	ths_list_add_last(&other, &things[3].node);
	ths_list_move_all(&head, &other);
	ck_assert_int_eq(digits(&head), 123);
	ck_assert_uint_eq(verified_count(&head), 3);
	ck_assert_uint_eq(verified_count(&other), 0);
	ths_list_move_all(&head, &other);
	ck_assert_int_eq(digits(&head), 123);
	ths_list_move_all(&other, &head);
	ck_assert_int_eq(digits(&other), 123);
	ck_assert(ths_list_is_empty(&head));
}
END_TEST

START_TEST(the_safe_walk_survives_removal)
{
	struct ths_list *node, *following;
	int seen = 0;

	set_up();
	for (int i = 0; i < NODES; i++)
		ths_list_add_last(&head, &things[i].node);
	ths_list_for_each_safe(node, following, &head)
	{
		if (THS_LIST_ENTRY(node, struct thing, node)->number % 2 == 0)
			ths_list_remove(node);
		seen++;
	}
	ck_assert_int_eq(seen, NODES);
	ck_assert_int_eq(digits(&head), 13);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("list");
	TCase *tcase;

	tcase = tcase_create("L1: links point back");
	tcase_add_test(tcase, links_hold_after_any_mix_of_adds_and_removes);
	tcase_add_test(tcase, a_broken_link_is_found);
	tcase_add_test(tcase, a_list_over_the_limit_is_found);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("L2: a removed node is alone");
	tcase_add_test(tcase, removing_twice_is_defined);
	tcase_add_test(tcase, an_empty_list_has_no_ends);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("L3: order");
	tcase_add_test(tcase, last_added_comes_last_and_first_added_first);
	tcase_add_test(tcase, moving_all_appends_in_order);
	tcase_add_test(tcase, the_safe_walk_survives_removal);
	suite_add_tcase(suite, tcase);

	return suite;
}

/*
 * bindings_test - the table of bindings is full: what is looked for is found or is not, who
 * needs a binding more is refused, and what needs none goes on as ever.
 */
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>
#include <theseus/evolve.h>
#include <theseus/iface/interpose.h>
#include "accounts.h"
#include "nano_core/swap_impl.h"

static enum ths_err pass_on(struct ths_call *call, struct interpose_any *args)
{
	(void)args;
	return ths_forward(call, NULL);
}
THS_MODULE(passes, "passes", 1, 0, THS_PROVIDES(interpose, .any = pass_on));

#define RARE_OPS(OP) OP(rare, see, struct ths_no_args, 0)
THS_INTERFACE(rare, 1, RARE_OPS)

static enum ths_err see(struct ths_call *call, struct ths_no_args *args)
{
	(void)call;
	(void)args;
	return THS_OK;
}
THS_MODULE(rare, "rare", 1, 0, THS_PROVIDES(rare, .see = see));
THS_MODULE(wants, "wants", 1, 0, THS_PROVIDES(script, SCRIPT_SERVES(script_first_op)),
	   THS_USES(0, rare));

static const struct ths_iface rare_next_iface = {"rare", 2, 1, rare_ops_info};
THS_MODULE(rare_next, "rare.next", 2, 0, .provides = {&rare_next_iface, &(const struct rare_ops){see}});

static struct ths_ref ref;
static uint32_t server, front;
static struct ths_reason reason;

static void fill(void)
{
	char name[THS_NAME_MAX];
	unsigned made = 0;

	do
		(void)snprintf(name, sizeof(name), "aside.%u", made++);
	while (ths_binding_for(&script_iface, name));
	ck_assert_uint_gt(made, BINDINGS_MAX / 2);
	ck_assert_uint_ne(ths_core.binding[BINDINGS_MAX - 1].generation, 0);
}

/* One interposer stands before who serves; then there is no place left. */
static void setup(void)
{
	script_start(&ref, 1);
	ck_assert_uint_eq(script_value(&ref, 3), 0); /* which leads it to its binding */
	ths_core.quiet_faults = true;
	ths_probation_set((struct ths_probation){0, 0});
	server = ths_binding_server(ths_ref_binding(&ref))->slot;
	front = rig_add(&ths_module_passes, "front");
	ck_assert_int_eq(ths_interpose(front, "script", NULL), THS_OK);
	(void)rig_bind(&ths_module_rare, "");
	fill();
}

static void served_as_before(void)
{
	const char *lost = accounts_lost();
	uint64_t before = script_value(&ref, 3);

	ck_assert_uint_eq(before, 0);
	ck_assert_msg(!lost, "%s", lost);
	rig_stop();
}

static enum ths_err evolve(const char *text)
{
	return ths_evolve(text, strlen(text), &reason);
}

START_TEST(who_is_not_there_is_not_found)
{
	uint32_t spare;

	setup();
	spare = rig_add(&ths_module_passes, "spare");
	ck_assert_int_eq(ths_swap_file("nobody", "x", NULL, &reason), THS_E_NOENT);
	ck_assert_str_eq(reason.text, "no bound instance and no bound interface is named nobody");
	ck_assert_int_eq(ths_vital("nobody"), THS_E_UNAVAIL);
	ck_assert_int_eq(ths_vital("script"), THS_E_NOENT); /* is bound, but has no second */
	ck_assert_int_eq(ths_interpose(spare, "nobody", ""), THS_E_UNAVAIL);
	ck_assert_int_eq(ths_interpose(spare, "script", "aside.1"), THS_E_UNAVAIL);
	ck_assert_ptr_null(ths_chain_of(&ths_core.instance[spare]));
	ck_assert_ptr_null(ths_interpose_place(&ths_core.instance[spare]));
	served_as_before();
}
END_TEST

START_TEST(who_needs_one_more_is_refused)
{
	uint32_t spare;

	setup();
	spare = rig_add(&ths_module_passes, "spare");
	ck_assert_int_eq(ths_interpose(spare, "script", NULL), THS_E_FULL);
	ck_assert_int_eq(ths_bind(rig_add(&ths_module_script, "more"), "one.more"), THS_E_FULL);
	reason.text[0] = 0;
	ck_assert_int_eq(evolve("module more\nbind script/1 one.more = more\n"), THS_E_FULL);
	ck_assert_int_eq(ths_evolve("module more\nbind script/1 one.more = more\n", 42, NULL),
			 THS_E_FULL);
	(void)rig_add(&ths_module_rare_next, NULL);
	ck_assert_int_eq(evolve("replace rare with rare.next\nversion rare/1 rare/2\n"),
			 THS_E_FULL);
	served_as_before();
}
END_TEST

START_TEST(who_needs_none_goes_on)
{
	uint32_t next;

	setup();
	next = rig_add(&ths_module_script, "next");
	ck_assert_int_eq(ths_swap(server, next, NULL), THS_OK);
	ck_assert_uint_eq(script_value(&ref, 3), 0);
	ck_assert_int_eq(ths_interpose_end(front), THS_OK);
	ck_assert_int_eq(ths_interpose(front, "script", NULL), THS_OK); /* its place is free */
	(void)rig_add(&ths_module_script, "third");
	ck_assert_msg(evolve("replace next with third\n") == THS_OK, "%s",
		      reason.text);
	served_as_before();
}
END_TEST

START_TEST(what_nobody_provides_is_looked_for_to_the_end)
{
	setup();
	(void)rig_add(&ths_module_wants, "wants");
	ck_assert_int_eq(ths_unbind(&rare_iface, ""), THS_OK);
	ck_assert_int_eq(evolve("replace script with wants\n"), THS_E_USES);
	ck_assert_str_eq(reason.text, "wants uses rare/1, which nobody would provide");
	served_as_before();
}
END_TEST

/* One commit changes so many bindings, and no more. */
START_TEST(who_is_bound_too_often_stays)
{
	static const char *const sets[] = {"replace rare with rare.too\n", "remove rare\n",
					   "replace rare with rare.next\nversion rare/1 rare/2\n"};
	char name[THS_NAME_MAX];
	struct ths_ref rare = THS_REF(rare);
	struct ths_no_args none = {0};
	uint32_t slot;

	script_start(&ref, 1);
	slot = rig_bind(&ths_module_rare, "");
	for (unsigned i = 0; i < 60; i++) {
		(void)snprintf(name, sizeof(name), "again.%u", i);
		ck_assert_int_eq(ths_bind(slot, name), THS_OK);
	}
	(void)rig_add(&ths_module_rare, "rare.too");
	(void)rig_add(&ths_module_rare_next, NULL);
	for (unsigned i = 0; i < THS_ARRAY_SIZE(sets); i++) {
		ck_assert_msg(evolve(sets[i]) == THS_E_FULL, "%s", reason.text);
		ck_assert_int_eq(rare_see(&rare, &none), THS_OK);
		ck_assert_ptr_eq(ths_binding_server(ths_ref_binding(&rare)),
				 &ths_core.instance[slot]);
	}
	served_as_before();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("bindings");
	TCase *tcase = ths_suite_case(suite, "full");

	tcase_add_test(tcase, who_is_not_there_is_not_found);
	tcase_add_test(tcase, who_needs_one_more_is_refused);
	tcase_add_test(tcase, who_needs_none_goes_on);
	tcase_add_test(tcase, who_is_bound_too_often_stays);
	tcase_add_test(tcase, what_nobody_provides_is_looked_for_to_the_end);
	return suite;
}

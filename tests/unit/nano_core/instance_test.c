/*
 * instance_test - what is no proper module, or does not fit what is there, is refused in
 * words; and who is bound, where, and who attends to its interrupt lines.
 */
#include "harness.h"
#include "rig.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>
#include "nano_core/swap_impl.h"

#define POST_OPS(OP)                                                                     \
	OP(post, send, struct ths_no_args, 0)                                            \
	OP(post, take, struct irq_handler, 0)
THS_INTERFACE(post, 1, POST_OPS)

extern const struct ths_module ths_module_mem_frames, ths_module_trace;

static enum ths_err start_result;
static struct ths_ref post;

static enum ths_err post_send_op(struct ths_call *call, struct ths_no_args *args)
{
	(void)call;
	(void)args;
	return THS_OK;
}

static enum ths_err post_start(struct ths_call *call)
{
	(void)call;
	return start_result;
}

#define LONG_NAME "a-name-of-thirty-two-characters."
_Static_assert(sizeof(LONG_NAME) - 1 == THS_NAME_MAX, "one more than fits");

THS_MODULE(post, "post", 1, 0, THS_PROVIDES(post, .send = post_send_op),
	   .start = post_start);

static void setup(void)
{
	harness_start();
	start_result = THS_OK;
	post = (struct ths_ref)THS_REF(post);
}

/* ---- descriptors ----------------------------------------------------------------------- */

static struct ths_op_info infos[2];
static struct ths_iface iface;
static struct ths_module odd;

static void no_id(void)
{
	odd.id = NULL;
}
static void long_id(void)
{
	odd.id = LONG_NAME;
}
static void other_abi(void)
{
	odd.abi++;
}
static void other_size(void)
{
	odd.size -= 8;
}
static void no_iface(void)
{
	odd.provides.iface = NULL;
}
static void no_ops(void)
{
	odd.provides.ops = NULL;
}
static void many_ops(void)
{
	static struct ths_op_info many[OPS_MAX + 1];

	iface.ops = OPS_MAX + 1;
	iface.info = many;
}
static void many_arguments(void)
{
	infos[1].args_size = THS_ARGS_MAX + 8;
}
static void odd_arguments(void)
{
	infos[1].args_size = 12;
}

static const struct {
	void (*change)(void);
	enum ths_err err;
	const char *reason;
} improper[] = {
	{no_id, THS_E_FORMAT, "?: has no proper id"},
	{long_id, THS_E_FORMAT, "?: has no proper id"},
	{other_abi, THS_E_ABI, "post: is built for abi 4, this is 3"},
	{other_size, THS_E_ABI, "post: its descriptor has 968 bytes, that of abi 3 has 976"},
	{no_iface, THS_E_FORMAT, "post: provides no proper interface"},
	{no_ops, THS_E_FORMAT, "post: provides no proper interface"},
	{many_ops, THS_E_FORMAT, "post: provides no proper interface"},
	{many_arguments, THS_E_SIZE, "post: has oversized arguments in take"},
	{odd_arguments, THS_E_SIZE, "post: has oversized arguments in take"},
};

/* The module as it should be, in memory that a test may change. */
static void make_odd(void)
{
	odd = ths_module_post;
	iface = post_iface;
	memcpy(infos, post_ops_info, sizeof infos);
	iface.info = infos;
	odd.provides.iface = &iface;
}

static unsigned slots_in_use(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < ths_instances(); i++)
		count += ths_core.instance[i].state != THS_INSTANCE_FREE;
	return count;
}

static void refused(const char *name, enum ths_err err, const char *words)
{
	struct ths_reason reason;
	unsigned before = slots_in_use();
	uint32_t slot;

	ck_assert_int_eq(ths_module_add(&odd, name, &slot, &reason), err);
	ck_assert_str_eq(reason.text, words);
	ck_assert_int_eq(ths_module_add(&odd, name, &slot, NULL), err);
	ck_assert_uint_eq(slots_in_use(), before);
}

START_TEST(an_improper_descriptor_is_refused)
{
	make_odd();
	improper[_i].change();
	refused(NULL, improper[_i].err, improper[_i].reason);
}
END_TEST

START_TEST(a_name_is_short_and_ones_own)
{
	make_odd();
	refused(LONG_NAME, THS_E_INVAL, "post: name too long: " LONG_NAME);
	rig_add(&ths_module_post, "mine");
	refused("mine", THS_E_EXIST, "post: an instance is named mine");
}
END_TEST

START_TEST(slots_are_bounded_and_used_again)
{
	char name[THS_NAME_MAX];
	uint32_t slot = 0;

	make_odd();
	rig_bind(&ths_module_mem_frames, "");
	ck_assert_int_eq(ths_memory_donate(), THS_OK);
	while (ths_instances() < ths_core.instances_max) {
		(void)snprintf(name, sizeof name, "post.%u", ths_instances());
		slot = rig_add(&odd, name);
	}
	ck_assert_int_eq(ths_module_add(&odd, "one more", &slot, NULL), THS_E_FULL);
	ck_assert_int_eq(ths_module_unload(slot), THS_OK);
	ck_assert_uint_eq(rig_add(&odd, "one more"), slot);
}
END_TEST

/* ---- interfaces ------------------------------------------------------------------------ */

static void other_version(void)
{
	iface.version = 2;
}
static void other_arguments(void)
{
	infos[0].args_size = 16;
}
static void other_flags(void)
{
	infos[0].flags = THS_OP_BLOB;
}
static void other_order(void)
{
	infos[0].name = "take";
}
static void other_name(void)
{
	iface.name = "mail";
}

/* Who means something else by an interface than who is bound. */
static const struct {
	void (*change)(void);
	enum ths_err load, call;
	const char *reason;
} foreign[] = {
	{other_version, THS_E_VERSION, THS_E_VERSION,
	 "user: uses post/2, and post/1 is bound"},
	{other_arguments, THS_E_VERSION, THS_E_VERSION,
	 "user: post/1: operation send: 16 bytes here, 8 in post"},
	{other_flags, THS_E_VERSION, THS_E_VERSION,
	 "user: post/1: operation send: flags 1 here, 0 in post"},
	{other_order, THS_E_VERSION, THS_E_VERSION,
	 "user: post/1: operation 0 is take here, send in post"},
	{other_name, THS_E_USES, THS_E_UNAVAIL,
	 "user: uses an interface that is not bound: mail"},
};

START_TEST(a_use_is_of_what_is_bound)
{
	struct ths_no_args args = {0};
	struct ths_ref ref = {.iface = &iface, .instance = "", .generation = 1};
	struct ths_module user;
	struct ths_reason reason;
	uint32_t slot;

	rig_bind(&ths_module_post, "");
	make_odd();
	user = ths_module_post;
	user.id = "user";
	user.uses[0] = (struct ths_use){&iface, "", false};
	ck_assert_int_eq(ths_gate(&ref, 0, &args, NULL), THS_OK);
	rig_add(&user, "as it should be");
	ref.generation = 1;
	foreign[_i].change();
	ck_assert_int_eq(ths_gate(&ref, 0, &args, NULL), foreign[_i].call);
	ck_assert_int_eq(ths_module_add(&user, NULL, &slot, &reason), foreign[_i].load);
	ck_assert_str_eq(reason.text, foreign[_i].reason);
	user.uses[0].optional = true;
	ck_assert_int_eq(ths_module_add(&user, NULL, &slot, &reason),
			 foreign[_i].load == THS_E_USES ? THS_OK : THS_E_VERSION);
}
END_TEST

/* Only who serves all that was served, and means the same, takes a place. */
START_TEST(a_successor_serves_what_was_served)
{
	static const struct {
		void (*change)(void);
		bool extends;
	} heirs[] = {{NULL, true},
		     {other_name, false},
		     {other_version, false},
		     {other_arguments, false},
		     {other_flags, false}};

	for (size_t i = 0; i < THS_ARRAY_SIZE(heirs); i++) {
		make_odd();
		if (heirs[i].change)
			heirs[i].change();
		ck_assert_int_eq(ths_iface_extends(&iface, &post_iface), heirs[i].extends);
	}
	make_odd();
	iface.ops = 1;
	ck_assert(!ths_iface_extends(&iface, &post_iface));
	ck_assert(ths_iface_extends(&post_iface, &iface));
}
END_TEST

/* Of several versions each is found, and of another the first. */
START_TEST(versions_of_an_interface_are_bound_side_by_side)
{
	struct ths_binding *binding;
	struct ths_iface second = post_iface, third = post_iface;
	struct ths_module next = ths_module_post;

	second.version = 2;
	third.version = 3;
	next.provides.iface = &second;
	rig_bind(&ths_module_post, "");
	ck_assert_int_eq(ths_bind(rig_add(&next, "next"), ""), THS_OK);
	for (unsigned i = 0; i < 3; i++) {
		const struct ths_iface *wanted[] = {&post_iface, &second, &third};

		ck_assert_int_eq(ths_binding_find(wanted[i], "", &binding), THS_OK);
		ck_assert_uint_eq(binding->version, i == 1 ? 2 : 1);
	}
}
END_TEST

/* ---- bindings -------------------------------------------------------------------------- */

START_TEST(an_instance_may_be_bound_more_than_once)
{
	struct ths_ref other = THS_REF_TO(post, "other");
	struct ths_no_args args = {0};
	uint32_t slot = rig_bind(&ths_module_post, NULL);

	ck_assert_int_eq(ths_bind(slot, "other"), THS_OK);
	ck_assert_int_eq(ths_bind(slot, "other"), THS_E_EXIST);
	ck_assert_int_eq(post_send(&other, &args), THS_OK);
	ck_assert_int_eq(ths_unbind(&post_iface, NULL), THS_OK);
	ck_assert_int_eq(ths_unbind(&post_iface, NULL), THS_E_NOENT);
	ck_assert_int_eq(post_send(&post, &args), THS_E_UNAVAIL);
	ck_assert_int_eq(post_send(&other, &args), THS_OK);
	ck_assert_int_eq(ths_module_unload(slot), THS_E_BUSY);
	ck_assert_int_eq(ths_unbind(&post_iface, "other"), THS_OK);
	ck_assert_int_eq(ths_module_unload(slot), THS_OK);
	ck_assert_int_eq(ths_unbind(&post_iface, "nowhere"), THS_E_NOENT);
}
END_TEST

START_TEST(nobody_is_bound_or_unloaded_who_is_not_there)
{
	uint32_t slot = rig_add(&ths_module_post, NULL);

	ck_assert_int_eq(ths_module_unload(slot), THS_OK);
	ck_assert_int_eq(ths_module_unload(slot), THS_E_NOENT);
	ck_assert_int_eq(ths_bind(slot, ""), THS_E_NOENT);
	ck_assert_int_eq(ths_bind(ths_instances(), ""), THS_E_NOENT);
	ck_assert_int_eq(ths_module_unload(ths_instances()), THS_E_NOENT);
	ck_assert_int_eq(ths_module_unload(0), THS_E_NOENT); /* nano_core itself */
}
END_TEST

/* C3: it is started again when it is tried again. */
START_TEST(who_does_not_start_is_not_bound)
{
	struct ths_no_args args = {0};
	uint32_t slot = rig_add(&ths_module_post, NULL);

	start_result = THS_E_IO;
	ck_assert_int_eq(ths_bind(slot, ""), THS_E_IO);
	ck_assert_int_eq(post_send(&post, &args), THS_E_UNAVAIL);
	start_result = THS_OK;
	ck_assert_int_eq(ths_bind(slot, ""), THS_OK);
	ck_assert_int_eq(post_send(&post, &args), THS_OK);
}
END_TEST

START_TEST(bindings_are_bounded_and_so_are_their_names)
{
	char name[THS_NAME_MAX] = "";
	uint32_t slot = rig_add(&ths_module_post, NULL), other;
	enum ths_err err;

	ck_assert_int_eq(ths_bind(slot, LONG_NAME), THS_E_FULL);
	make_odd();
	iface.name = LONG_NAME;
	other = rig_add(&odd, "other");
	ck_assert_int_eq(ths_bind(other, ""), THS_E_FULL);
	for (unsigned i = 0; (err = ths_bind(slot, name)) == THS_OK; i++) {
		ck_assert_uint_lt(i, BINDINGS_MAX);
		(void)snprintf(name, sizeof name, "number.%u", i);
	}
	ck_assert_int_eq(err, THS_E_FULL);
	ck_assert_uint_ne(ths_core.binding[BINDINGS_MAX - 1].generation, 0);
	ck_assert_int_eq(ths_unbind(&post_iface, "number.7"), THS_OK);
	ck_assert_int_eq(ths_bind(slot, "number.7"), THS_OK); /* its place is kept for it */
	ck_assert_int_eq(ths_unbind(&post_iface, "not there"), THS_E_NOENT);
}
END_TEST

START_TEST(a_bare_number_that_is_no_longer_true_is_stale)
{
	struct ths_ref bare = {.binding = 1, .generation = 1};
	struct ths_no_args args = {0};

	rig_bind(&ths_module_post, "");
	ck_assert_int_eq(ths_gate(&bare, 0, &args, NULL), THS_E_STALE);
	ck_assert_int_eq(ths_gate(NULL, 0, &args, NULL), THS_E_INVAL);
}
END_TEST

/* A kick that arrives when its instance has been superseded, or was never bound, or has no
 * such operation. */
START_TEST(an_operation_is_of_who_is_bound)
{
	uint32_t old = rig_add(&ths_module_post, "old"), next;
	struct ths_instance *instance = &ths_core.instance[old];
	uint64_t calls;

	ck_assert_int_eq(ths_invoke_op(instance, post_op_send), THS_OK); /* dropped */
	ck_assert_uint_eq(ths_instance_calls(instance), 0);
	ck_assert_int_eq(ths_bind(old, ""), THS_OK);
	ck_assert_int_eq(ths_invoke_op(instance, post_op_send), THS_OK);
	calls = ths_instance_calls(instance);
	ck_assert_int_eq(ths_invoke_op(instance, post_ops_count), THS_OK); /* dropped, too */
	next = rig_add(&ths_module_post, "next");
	ck_assert_int_eq(ths_swap(old, next, NULL), THS_OK); /* on probation: old is kept */
	ck_assert_int_eq(ths_invoke_op(instance, post_op_send), THS_E_STALE);
	ck_assert_uint_eq(ths_instance_calls(instance), calls);
}
END_TEST

/* ---- interrupt lines ------------------------------------------------------------------- */

static enum ths_err attach_result;
static unsigned attached, detached;
static uint32_t attached_to;
static struct ths_binding *wired_at;

static enum ths_err attach_op(struct ths_call *call, struct irq_attach *args)
{
	(void)call;
	attached += args->line == 5;
	attached_to = args->handler.binding;
	return attach_result;
}

static enum ths_err detach_op(struct ths_call *call, struct irq_attach *args)
{
	(void)call;
	detached += args->line == 5;
	return THS_OK;
}

static bool is_bound(uint32_t slot)
{
	return ths_core.instance[slot].state == THS_INSTANCE_BOUND;
}

THS_MODULE(lines, "lines", 1, 0, THS_PROVIDES(irq, .attach = attach_op, .detach = detach_op));
THS_MODULE(wired, "wired", 1, 0, THS_PROVIDES(post, .send = post_send_op),
	   THS_IRQ(0, 5, post, send));

/* Who has its line already keeps it; and a controller may come later. */
START_TEST(lines_are_attached_as_long_as_there_is_somebody_to_do_it)
{
	static const enum ths_err fine[] = {THS_OK, THS_E_EXIST, THS_E_UNAVAIL};
	char name[THS_NAME_MAX];
	uint32_t slot;

	attached = detached = 0;
	attach_result = THS_OK;
	rig_bind(&ths_module_wired, "early");
	ck_assert_uint_eq(attached, 0);
	rig_bind(&ths_module_lines, "");
	ck_assert_uint_eq(attached, 1);
	for (unsigned i = 0; i < THS_ARRAY_SIZE(fine); i++) {
		attach_result = fine[i];
		(void)snprintf(name, sizeof name, "wired.%u", i);
		slot = rig_add(&ths_module_wired, name);
		ck_assert_int_eq(ths_bind(slot, name), THS_OK);
		ck_assert_uint_eq(attached, 2 + i);
	}
	attach_result = THS_E_IO;
	slot = rig_add(&ths_module_wired, "last");
	ck_assert_int_eq(ths_bind(slot, "last"), THS_E_IO);
	ck_assert(!is_bound(slot)); /* an error is that nothing was done */
	ck_assert_uint_eq(detached, 0);
	attach_result = THS_OK;
	ck_assert_int_eq(ths_bind(slot, "last"), THS_OK);
}
END_TEST

/* What was attached for a binding that is not published is detached again. */
START_TEST(lines_of_who_is_not_published_are_given_back)
{
	uint32_t slot;
	unsigned n = 0;

	attach_result = THS_OK;
	attached = detached = 0;
	rig_bind(&ths_module_lines, "");
	slot = rig_add(&ths_module_wired, NULL);
	do {
		attached = detached = 0;
		ths_host_fail_nth("alloc", ++n, false);
		if (ths_bind(slot, "") == THS_OK)
			break;
		ck_assert(!is_bound(slot));
		ck_assert_uint_eq(detached, attached);
	} while (n < 100);
	ths_host_fail_nth("alloc", 0, false);
	ck_assert(is_bound(slot) && n > 1 && n < 100);
	ck_assert_uint_eq(attached, 1);
	ck_assert_uint_eq(detached, 0);
}
END_TEST

/* By a swap, too: those it has and its predecessor had not, also through an interposer. */
START_TEST(a_successor_has_lines_of_its_own)
{
	uint32_t slot, trace;

	attach_result = THS_OK;
	attached = detached = 0;
	rig_bind(&ths_module_lines, "");
	slot = rig_bind(&ths_module_post, "");
	trace = rig_add(&ths_module_trace, NULL);
	if (_i)
		ck_assert_int_eq(ths_interpose(trace, "post", NULL), THS_OK);
	ck_assert_int_eq(ths_swap(slot, rig_add(&ths_module_wired, NULL), NULL), THS_OK);
	ck_assert_uint_eq(attached, 1);
	ck_assert_int_eq(ths_binding_find(&post_iface, "", &wired_at), THS_OK);
	ck_assert_uint_eq(attached_to, ths_binding_at(wired_at));
	ck_assert_int_eq(ths_module_find("wired", &slot), THS_OK);
	ck_assert_int_eq(ths_swap(slot, rig_add(&ths_module_wired, "again"), NULL), THS_OK);
	ck_assert_uint_eq(attached, 1); /* it has them already */
	ck_assert_int_eq(ths_rollback("again", NULL), THS_OK);
	ck_assert_uint_eq(attached, 1);
	ck_assert_uint_eq(detached, 0);
}
END_TEST

START_TEST(who_cannot_have_its_lines_takes_nobodys_place)
{
	uint32_t slot, next;

	attached = detached = 0;
	rig_bind(&ths_module_lines, "");
	slot = rig_bind(&ths_module_post, "");
	next = rig_add(&ths_module_wired, NULL);
	attach_result = THS_E_IO;
	ck_assert_int_eq(ths_swap(slot, next, NULL), THS_E_IO);
	ck_assert(is_bound(slot) && !is_bound(next));
	ck_assert_uint_eq(detached, 1);
	attach_result = THS_OK;
	ck_assert_int_eq(ths_swap(slot, next, NULL), THS_OK);
	ck_assert_uint_eq(attached, 2);
}
END_TEST

START_TEST(a_controller_that_cannot_attach_says_so)
{
	uint32_t slot;

	attach_result = THS_E_IO;
	rig_bind(&ths_module_wired, "");
	slot = rig_add(&ths_module_lines, NULL);
	ck_assert_int_eq(ths_bind(slot, ""), THS_E_IO);
	ck_assert(!is_bound(slot));
	attach_result = THS_OK;
	ck_assert_int_eq(ths_bind(slot, ""), THS_OK);
}
END_TEST

START_TEST(a_line_leads_to_an_operation_without_arguments)
{
	static const uint16_t ops[] = {post_op_take, post_ops_count};

	for (unsigned i = 0; i < THS_ARRAY_SIZE(ops); i++) {
		odd = ths_module_wired;
		odd.irqs[0].op = ops[i];
		ck_assert_int_eq(ths_bind(rig_add(&odd, i ? "b" : "a"), i ? "b" : "a"),
				 THS_E_INVAL);
	}
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("instance");

	harness_loop(suite, "descriptor", setup, an_improper_descriptor_is_refused, 0,
		     (int)THS_ARRAY_SIZE(improper));
	harness_case(suite, "C1, names", setup, a_name_is_short_and_ones_own);
	harness_case(suite, "C1, slots", setup, slots_are_bounded_and_used_again);
	harness_loop(suite, "C2", setup, a_use_is_of_what_is_bound, 0,
		     (int)THS_ARRAY_SIZE(foreign));
	harness_case(suite, "interfaces", setup, a_successor_serves_what_was_served);
	harness_case(suite, "versions", setup, versions_of_an_interface_are_bound_side_by_side);
	harness_case(suite, "bindings", setup, an_instance_may_be_bound_more_than_once);
	harness_case(suite, "nobody", setup, nobody_is_bound_or_unloaded_who_is_not_there);
	harness_case(suite, "C3", setup, who_does_not_start_is_not_bound);
	harness_case(suite, "full", setup, bindings_are_bounded_and_so_are_their_names);
	harness_case(suite, "references", setup, a_bare_number_that_is_no_longer_true_is_stale);
	harness_case(suite, "kicks", setup, an_operation_is_of_who_is_bound);
	harness_case(suite, "lines", setup,
		     lines_are_attached_as_long_as_there_is_somebody_to_do_it);
	harness_loop(suite, "lines of a successor", setup, a_successor_has_lines_of_its_own, 0,
		     2);
	harness_case(suite, "lines that fail", setup,
		     who_cannot_have_its_lines_takes_nobodys_place);
	harness_case(suite, "lines", setup, lines_of_who_is_not_published_are_given_back);
	harness_case(suite, "lines, late", setup, a_controller_that_cannot_attach_says_so);
	harness_case(suite, "lines, operation", setup,
		     a_line_leads_to_an_operation_without_arguments);
	return suite;
}

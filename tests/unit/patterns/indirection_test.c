/*
 * indirection - a layer over three providers that come and go, with an interposer.
 */
#include <string.h>
#include <suite.h>
#include <theseus/indirection.h>
#include "harness.h"

/* What clients call, and providers answer with a number of their own. */
struct voice_say {
	uint64_t word, heard; /* out: who was asked */
};
#define VOICE_OPS(OP) OP(voice, say, struct voice_say, 0)
THS_INTERFACE(voice, 1, VOICE_OPS)

struct layer_provider {
	char instance[THS_NAME_MAX];
	uint32_t priority, reserved;
};
#define LAYER_OPS(OP)                                                                    \
	OP(layer, add, struct layer_provider, 0)                                         \
	OP(layer, remove, struct layer_provider, 0)                                      \
	OP(layer, prefer, struct layer_provider, 0)                                      \
	OP(layer, call, struct voice_say, 0)
THS_INTERFACE(layer, 1, LAYER_OPS)

enum { POINTS };
#define POINT_TABLE                                                                      \
	THS_TABLE(POINTS, "voice.points/1", struct ths_indirection, .rows = 2,           \
		  .flags = THS_FIXED)

static enum ths_err add_op(struct ths_call *call, struct layer_provider *arg)
{
	return ths_indirection_add(call, POINTS, 0, arg->instance, arg->priority);
}

static enum ths_err remove_op(struct ths_call *call, struct layer_provider *arg)
{
	return ths_indirection_remove(call, POINTS, 0, arg->instance);
}

static enum ths_err prefer_op(struct ths_call *call, struct layer_provider *arg)
{
	return ths_indirection_prefer(call, POINTS, 0, arg->instance);
}

static enum ths_err call_op(struct ths_call *call, struct voice_say *arg)
{
	return ths_indirection_call(call, POINTS, 0, &voice_iface, voice_op_say, arg,
				    NULL);
}

static enum ths_err layer_say(struct ths_call *call, struct voice_say *arg)
{
	(void)arg;
	return ths_indirection_forward(call, POINTS, 0, &voice_iface);
}

/* Passes on what it is asked, to whoever is behind it, and marks the answer. */
static enum ths_err echo_say(struct ths_call *call, struct voice_say *arg)
{
	THS_TRY(ths_indirection_next(call, POINTS, 0, &voice_iface, "echo"));
	arg->heard += 1000;
	return THS_OK;
}

static enum ths_err one_say(struct ths_call *call, struct voice_say *arg)
{
	(void)call;
	arg->heard = 10 + arg->word;
	return THS_OK;
}

static enum ths_err two_say(struct ths_call *call, struct voice_say *arg)
{
	(void)call;
	arg->heard = 20 + arg->word;
	return arg->word == 9 ? THS_E_IO : THS_OK;
}

THS_MODULE(layer_manage, "layer.manage", 1, 0,
	   THS_PROVIDES(layer, .add = add_op, .remove = remove_op, .prefer = prefer_op,
			.call = call_op),
	   POINT_TABLE);
THS_MODULE(voice_layer, "voice.layer", 1, 0, THS_PROVIDES(voice, .say = layer_say),
	   POINT_TABLE);
THS_MODULE(voice_echo, "voice.echo", 1, 0, THS_PROVIDES(voice, .say = echo_say),
	   POINT_TABLE);
THS_MODULE(voice_one, "voice.one", 1, 0, THS_PROVIDES(voice, .say = one_say));
THS_MODULE(voice_two, "voice.two", 1, 0, THS_PROVIDES(voice, .say = two_say));

static struct ths_ref voice = THS_REF(voice), layer = THS_REF(layer);
static uint32_t one, top;

static void setup(void)
{
	harness_start();
	harness_bind(&ths_module_layer_manage, "");
	top = harness_bind(&ths_module_voice_layer, "");
	one = harness_bind(&ths_module_voice_one, "one");
	harness_bind(&ths_module_voice_two, "two");
	harness_bind(&ths_module_voice_echo, "echo");
}

static enum ths_err manage(enum layer_op op, const char *instance, uint32_t priority)
{
	struct layer_provider arg = {.priority = priority};

	strncpy(arg.instance, instance, sizeof arg.instance - 1);
	return ths_gate(&layer, op, &arg, NULL);
}

static void add(const char *instance, uint32_t priority)
{
	ck_assert_int_eq(manage(layer_op_add, instance, priority), THS_OK);
}

static uint64_t say(uint64_t word)
{
	struct voice_say arg = {.word = word};

	ck_assert_int_eq(voice_say(&voice, &arg), THS_OK);
	return arg.heard;
}

START_TEST(the_highest_priority_answers_and_of_equals_the_first)
{
	struct voice_say direct = {.word = 2};

	add("one", 5);
	add("two", 5);
	ck_assert_uint_eq(say(1), 11);
	ck_assert_int_eq(manage(layer_op_remove, "two", 0), THS_OK);
	add("two", 6);
	ck_assert_uint_eq(say(1), 21);
	ck_assert_int_eq(layer_call(&layer, &direct), THS_OK);
	ck_assert_uint_eq(direct.heard, 22);
	ck_assert_int_eq(manage(layer_op_add, "two", 1), THS_E_EXIST);
	ck_assert_int_eq(manage(layer_op_remove, "three", 1), THS_E_NOENT);
}
END_TEST

START_TEST(who_is_not_bound_is_passed_over_until_it_is)
{
	struct voice_say arg = {.word = 1};

	ck_assert_int_eq(voice_say(&voice, &arg), THS_E_UNAVAIL); /* there is nobody */
	add("ghost", 9);
	ck_assert_int_eq(voice_say(&voice, &arg), THS_E_UNAVAIL);
	add("one", 5);
	add("two", 4);
	ck_assert_uint_eq(say(1), 11);
	ck_assert_int_eq(ths_unbind(&voice_iface, "one"), THS_OK);
	ck_assert_uint_eq(say(1), 21);
	ck_assert_int_eq(ths_bind(one, "one"), THS_OK);
	ck_assert_uint_eq(say(1), 11);
}
END_TEST

START_TEST(an_error_is_an_answer)
{
	struct voice_say arg = {.word = 9};

	add("two", 5);
	add("one", 4);
	ck_assert_int_eq(voice_say(&voice, &arg), THS_E_IO);
	ck_assert_uint_eq(arg.heard, 0);
}
END_TEST

START_TEST(preferring_changes_the_order_for_good)
{
	add("one", 7);
	add("two", 2);
	ck_assert_int_eq(manage(layer_op_prefer, "two", 0), THS_OK);
	ck_assert_uint_eq(say(1), 21);
	add("echo", 6); /* behind both: nobody asks it */
	top = harness_swap(top, &ths_module_voice_layer);
	ck_assert_uint_eq(say(1), 21);
	ck_assert_int_eq(manage(layer_op_prefer, "one", 0), THS_OK);
	ck_assert_uint_eq(say(1), 11);
	ck_assert_int_eq(manage(layer_op_prefer, "three", 0), THS_E_NOENT);
}
END_TEST

START_TEST(a_provider_may_be_swapped_while_it_is_known)
{
	add("one", 5);
	for (unsigned i = 0; i < 10; i++) {
		ck_assert_uint_eq(say(i), 10 + i);
		one = harness_swap(one,
				   i % 2 ? &ths_module_voice_one : &ths_module_voice_two);
		ck_assert_uint_eq(say(1), i % 2 ? 11 : 21);
		one = harness_swap(one, &ths_module_voice_one);
	}
}
END_TEST

START_TEST(an_interposer_passes_on_and_is_not_noticed)
{
	add("one", 5);
	add("echo", 8);
	add("two", 4);
	ck_assert_uint_eq(say(3), 1013);
	ck_assert_int_eq(manage(layer_op_remove, "one", 0), THS_OK);
	ck_assert_uint_eq(say(3), 1023);
	ck_assert_int_eq(manage(layer_op_remove, "echo", 0), THS_OK);
	ck_assert_uint_eq(say(3), 23);
}
END_TEST

START_TEST(there_is_room_for_so_many)
{
	char name[] = "p0";

	for (unsigned i = 0; i < THS_PROVIDERS_MAX; i++, name[1]++)
		add(name, i);
	ck_assert_int_eq(manage(layer_op_add, "one", 1), THS_E_FULL);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("indirection");

	harness_case(suite, "I1 order", setup,
		     the_highest_priority_answers_and_of_equals_the_first);
	harness_case(suite, "I1 bound", setup,
		     who_is_not_bound_is_passed_over_until_it_is);
	harness_case(suite, "I2 errors", setup, an_error_is_an_answer);
	harness_case(suite, "I3 prefer", setup, preferring_changes_the_order_for_good);
	harness_case(suite, "I4 swap", setup,
		     a_provider_may_be_swapped_while_it_is_known);
	harness_case(suite, "I5 interposer", setup,
		     an_interposer_passes_on_and_is_not_noticed);
	harness_case(suite, "room", setup, there_is_room_for_so_many);
	return suite;
}

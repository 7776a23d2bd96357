/*
 * indirection - beside a model that keeps the providers in order. Providers are unbound,
 * bound, swapped and broken at random; calls are spoilt and met by swaps (pattern.h).
 */
#include <stdio.h>
#include <string.h>
#include <theseus/blob.h>
#include <theseus/indirection.h>
#include "pattern.h"

#define VOICES 12u

/* What clients call; who answers tells its number. */
struct voice_say {
	uint64_t word, heard; /* out: who was asked */
};
struct voice_count {
	uint64_t value; /* out: 1, 2, … for the client's blob */
};
#define VOICE_OPS(OP)                                                                    \
	OP(voice, say, struct voice_say, 0)                                              \
	OP(voice, count, struct voice_count, THS_OP_BLOB)
THS_INTERFACE(voice, 1, VOICE_OPS)

enum { ONE, FEW, MANY, SHAPES };
struct row_of_one {
	struct ths_provider provider[1];
};
struct row_of_few {
	struct ths_provider provider[4];
};
struct row_of_many {
	struct ths_provider provider[VOICES];
};
static const struct ths_indirection shapes[SHAPES] = {{ONE, 1}, {FEW, 4}, {MANY, VOICES}};
static struct ths_indirection layer; /* the parameters of the test that runs */

#define ROWS .rows = 2, .flags = THS_FIXED
#define POINT_TABLES                                                                     \
	THS_TABLE(ONE, "voice.one/1", struct row_of_one, ROWS),                          \
		THS_TABLE(FEW, "voice.few/1", struct row_of_few, ROWS),                  \
		THS_TABLE(MANY, "voice.many/1", struct row_of_many, ROWS)

/* ---- the layer, its manager, an interposer, and providers -------------------------------- */

static enum ths_err layer_say(struct ths_call *call, struct voice_say *arg)
{
	(void)arg;
	return ths_indirection_forward(call, &layer, 0, &voice_iface);
}

static enum ths_err layer_count(struct ths_call *call, struct voice_count *arg)
{
	(void)arg;
	return ths_indirection_forward(call, &layer, 0, &voice_iface);
}

/* Passes on what it is asked, to whoever is behind it, and marks the answer. */
static enum ths_err echo_say(struct ths_call *call, struct voice_say *arg)
{
	THS_TRY(ths_indirection_next(call, &layer, 0, &voice_iface, "echo"));
	arg->heard += 1000;
	return THS_OK;
}

/* How each voice takes it, by the number in its instance's name. */
enum mood { WELL, REFUSES, FAULTS, RAVES, MOODS };
static enum mood mood[VOICES];
static volatile uintptr_t nowhere;

THS_NO_SANITIZE static enum ths_err voice_say_op(struct ths_call *call,
						 struct voice_say *arg)
{
	unsigned number = (unsigned)atoi(&ths_cpu()->call->instance->name[1]);

	(void)call;
	arg->heard = number;
	if (mood[number] == FAULTS)
		return (enum ths_err) * (volatile int *)nowhere;
	if (mood[number] == RAVES)
		return (enum ths_err)55;
	return mood[number] == REFUSES ? THS_E_PERM : THS_OK;
}

enum { SESSION };
static enum ths_err voice_count_op(struct ths_call *call, struct voice_count *arg)
{
	struct voice_say say = {0};
	uint64_t *value;

	THS_TRY(ths_blob_body(call, SESSION, (void **)&value, NULL));
	arg->value = ++*value;
	return voice_say_op(call, &say);
}

THS_MODULE(voice_layer, "voice.layer", 1, 0,
	   THS_PROVIDES(voice, .say = layer_say, .count = layer_count), POINT_TABLES);
THS_MODULE(voice_echo, "voice.echo", 1, 0, THS_PROVIDES(voice, .say = echo_say),
	   POINT_TABLES);
THS_MODULE(voice, "voice", 1, 0,
	   THS_PROVIDES(voice, .say = voice_say_op, .count = voice_count_op),
	   THS_BLOB(SESSION, "voice.session/1", uint64_t));
THS_MODULE(manage_one, "manage.one", 1, 0, PATTERN_SERVER, POINT_TABLES);
THS_MODULE(manage_two, "manage.two", 1, 0, PATTERN_SERVER, POINT_TABLES);

static struct ths_ref voice;
static uint32_t top, slot_of[VOICES];
static bool bound[VOICES];
static bool owes[VOICES]; /* it broke, and is well until it has answered again */
static unsigned builds;

static void name_of(unsigned number, char name[THS_NAME_MAX])
{
	(void)snprintf(name, THS_NAME_MAX, "p%u", number);
}

/* Instances are named by number and build; bindings by number. */
static uint32_t make_voice(unsigned number)
{
	char name[THS_NAME_MAX];

	(void)snprintf(name, sizeof name, "v%u.%u", number, ++builds);
	return rig_add(&ths_module_voice, name);
}

static void setup(void)
{
	pattern_start(&ths_module_manage_one, &ths_module_manage_two);
	layer = shapes[MANY];
	memset(mood, 0, sizeof mood);
	memset(owes, 0, sizeof owes);
	top = harness_bind(&ths_module_voice_layer, "");
	harness_bind(&ths_module_voice_echo, "echo");
	for (unsigned i = 0; i < VOICES; i++) {
		char name[THS_NAME_MAX];

		name_of(i, name);
		slot_of[i] = make_voice(i);
		bound[i] = true;
		ck_assert_int_eq(ths_bind(slot_of[i], name), THS_OK);
	}
	voice = (struct ths_ref)THS_REF(voice);
}

/* ---- the pattern's functions, one call each ---------------------------------------------- */

struct asked {
	char name[64];
	uint32_t point, priority, at;
	struct voice_say say;
	struct ths_provider provider;
};

static enum ths_err add_fn(struct ths_call *call, void *ctx)
{
	struct asked *asked = ctx;

	return ths_indirection_add(call, &layer, asked->point, asked->name,
				   asked->priority);
}

static enum ths_err remove_fn(struct ths_call *call, void *ctx)
{
	struct asked *asked = ctx;

	return ths_indirection_remove(call, &layer, asked->point, asked->name);
}

static enum ths_err prefer_fn(struct ths_call *call, void *ctx)
{
	struct asked *asked = ctx;

	return ths_indirection_prefer(call, &layer, asked->point, asked->name);
}

static enum ths_err find_fn(struct ths_call *call, void *ctx)
{
	struct asked *asked = ctx;

	return ths_indirection_find(call, &layer, asked->point, asked->at,
				    &asked->provider);
}

static enum ths_err call_fn(struct ths_call *call, void *ctx)
{
	struct asked *asked = ctx;

	return ths_indirection_call(call, &layer, asked->point, &voice_iface,
				    voice_op_say, &asked->say, NULL);
}

static enum ths_err manage(script_fn *fn, const char *name, uint32_t priority)
{
	struct asked asked = {.priority = priority};

	strncpy(asked.name, name, sizeof asked.name - 1);
	return pattern_call(fn, &asked);
}

static void add(const char *name, uint32_t priority)
{
	ck_assert_int_eq(manage(add_fn, name, priority), THS_OK);
}

static enum ths_err say(uint64_t *heard)
{
	struct voice_say arg = {.heard = 999};
	enum ths_err err = voice_say(&voice, &arg);

	*heard = arg.heard;
	return err;
}

static struct ths_provider entry(uint32_t at)
{
	struct asked asked = {.at = at};

	ck_assert_int_eq(pattern_call(find_fn, &asked), THS_OK);
	return asked.provider;
}

/* ---- the model ------------------------------------------------------------------------------ */

static struct {
	unsigned number, priority, faults;
} model[VOICES + 1];
static unsigned count;

static unsigned model_place(unsigned number)
{
	unsigned at = 0;

	while (at < count && model[at].number != number)
		at++;
	return at;
}

static void model_take_out(unsigned at)
{
	memmove(&model[at], &model[at + 1], (--count - at) * sizeof(model[0]));
}

static void model_put_in(unsigned at, unsigned number, unsigned priority, unsigned faults)
{
	memmove(&model[at + 1], &model[at], (count++ - at) * sizeof(model[0]));
	model[at].number = number;
	model[at].priority = priority;
	model[at].faults = faults;
}

static void try_add(unsigned number, unsigned priority)
{
	char name[THS_NAME_MAX];
	unsigned at = 0;
	enum ths_err err;

	name_of(number, name);
	err = manage(add_fn, name, priority);
	if (model_place(number) < count) {
		ck_assert_int_eq(err, THS_E_EXIST);
		return;
	}
	ck_assert_int_eq(err, count == layer.providers ? THS_E_FULL : THS_OK);
	if (err)
		return;
	while (at < count && model[at].priority >= priority)
		at++;
	model_put_in(at, number, priority, 0);
}

static void try_move(script_fn *fn, unsigned number)
{
	unsigned at = model_place(number), priority, faults;
	char name[THS_NAME_MAX];

	name_of(number, name);
	ck_assert_int_eq(manage(fn, name, 0), at < count ? THS_OK : THS_E_NOENT);
	if (at == count)
		return;
	priority = model[at].priority > model[0].priority ? model[at].priority
							  : model[0].priority;
	faults = model[at].faults;
	model_take_out(at);
	if (fn == prefer_fn)
		model_put_in(0, number, priority, faults);
}

static void bind_or_not(unsigned number)
{
	char name[THS_NAME_MAX];

	name_of(number, name);
	if (bound[number]) {
		slot_of[number] = pattern_slot(&voice_iface, name);
		ck_assert_int_eq(ths_unbind(&voice_iface, name), THS_OK);
	} else
		ck_assert_int_eq(ths_bind(slot_of[number], name), THS_OK);
	bound[number] = !bound[number];
}

static void swap_voice(unsigned number)
{
	char name[THS_NAME_MAX];
	uint32_t next;

	if (!bound[number])
		return;
	name_of(number, name);
	next = make_voice(number);
	ck_assert_int_eq(ths_swap(pattern_slot(&voice_iface, name), next, NULL), THS_OK);
	slot_of[number] = next;
}

static bool is_broken(unsigned number)
{
	return mood[number] == FAULTS || mood[number] == RAVES;
}

/* What it should hear, by the model; faults are counted when another answered in the end. */
static void call_beside_model(void)
{
	uint64_t heard;
	enum ths_err err = say(&heard), want = THS_E_UNAVAIL;
	unsigned at;

	for (at = 0; at < count; at++) {
		unsigned number = model[at].number;

		if (!bound[number])
			continue;
		owes[number] = is_broken(number);
		if (!is_broken(number)) {
			want = mood[number] == REFUSES ? THS_E_PERM : THS_OK;
			break;
		}
		want = mood[number] == FAULTS ? THS_E_FAULT : THS_E_INTERNAL;
	}
	ck_assert_int_eq(err, want);
	ck_assert_uint_eq(heard, want == THS_OK ? model[at].number : 999);
	for (unsigned i = 0; want == THS_OK && i < at; i++)
		model[i].faults += bound[model[i].number] && is_broken(model[i].number);
	for (unsigned i = 0; i < VOICES; i++)
		mood[i] = owes[i] ? WELL : mood[i];
}

static void compare_row(void)
{
	struct asked asked = {.at = count};
	char name[THS_NAME_MAX];

	for (uint32_t i = 0; i < count; i++) {
		struct ths_provider provider = entry(i);

		name_of(model[i].number, name);
		ck_assert_str_eq(provider.instance, name);
		ck_assert_uint_eq(provider.priority, model[i].priority);
		ck_assert_uint_eq(provider.faults, model[i].faults);
	}
	ck_assert_int_eq(pattern_call(find_fn, &asked), THS_E_NOENT);
}

START_TEST(it_does_what_the_model_does)
{
	layer = shapes[_i];
	count = 0;
	for (unsigned step = 0; step < 900; step++) {
		unsigned number = (unsigned)dice(VOICES);

		switch (dice(9)) {
		case 0:
		case 1:
			try_add(number, (unsigned)dice(4));
			break;
		case 2:
			try_move(remove_fn, number);
			break;
		case 3:
			try_move(prefer_fn, number);
			break;
		case 4:
			bind_or_not(number);
			break;
		case 5:
			swap_voice(number);
			break;
		case 6:
			if (!owes[number])
				mood[number] = (enum mood)dice(MOODS);
			break;
		case 7:
			top = harness_swap(pattern_slot(&voice_iface, ""),
					   &ths_module_voice_layer);
			break;
		default:
			compare_row();
		}
		call_beside_model();
	}
}
END_TEST

/* ---- what the model does not show -------------------------------------------------------------- */

START_TEST(a_call_from_within_goes_the_same_way)
{
	struct asked asked = {.point = 1};

	ck_assert_int_eq(pattern_call(call_fn, &asked), THS_E_UNAVAIL);
	strcpy(asked.name, "p3");
	ck_assert_int_eq(pattern_call(add_fn, &asked), THS_OK);
	strcpy(asked.name, "p4");
	ck_assert_int_eq(pattern_call(add_fn, &asked), THS_OK);
	for (unsigned i = 0; i < 10; i++) { /* with a hint, and without */
		ck_assert_int_eq(pattern_call(call_fn, &asked), THS_OK);
		ck_assert_uint_eq(asked.say.heard, 3);
	}
	mood[3] = FAULTS;
	ck_assert_int_eq(pattern_call(call_fn, &asked), THS_OK);
	ck_assert_uint_eq(asked.say.heard, 4);
}
END_TEST

/* Lazily: a provider may be named before there is one, and is found when there is. */
START_TEST(who_is_named_need_not_be_there_yet)
{
	uint64_t heard;

	add("late", 9);
	ck_assert_int_eq(say(&heard), THS_E_UNAVAIL);
	add("p1", 5);
	ck_assert_int_eq(say(&heard), THS_OK);
	ck_assert_uint_eq(heard, 1);
	ck_assert_int_eq(ths_bind(make_voice(7), "late"), THS_OK);
	ck_assert_int_eq(say(&heard), THS_OK);
	ck_assert_uint_eq(heard, 7);
	ck_assert_uint_ne(entry(0).generation, 0); /* and kept as a hint */
}
END_TEST

START_TEST(an_interposer_in_the_layer_is_not_noticed)
{
	uint64_t heard;

	add("p1", 5);
	add("echo", 8);
	add("p2", 4);
	ck_assert_int_eq(say(&heard), THS_OK);
	ck_assert_uint_eq(heard, 1001);
	ck_assert_int_eq(manage(remove_fn, "p1", 0), THS_OK);
	ck_assert_int_eq(say(&heard), THS_OK);
	ck_assert_uint_eq(heard, 1002);
	mood[2] = FAULTS; /* as if it were the interposer's: nobody is behind */
	ck_assert_int_eq(say(&heard), THS_E_FAULT);
	mood[2] = WELL;
	ck_assert_int_eq(manage(remove_fn, "echo", 0), THS_OK);
	ck_assert_int_eq(say(&heard), THS_OK);
	ck_assert_uint_eq(heard, 2);
}
END_TEST

static enum ths_err next_of_nobody(struct ths_call *call, void *ctx)
{
	(void)ctx;
	return ths_indirection_next(call, &layer, 0, &voice_iface, "nobody");
}

START_TEST(who_is_no_provider_has_nobody_behind)
{
	ck_assert_int_eq(pattern_call(next_of_nobody, NULL), THS_E_NOENT);
}
END_TEST

/* A session goes on with the next provider, from where it was before the first broke. */
START_TEST(a_session_survives_its_provider)
{
	THS_BLOB_STORAGE(memory, 64);
	struct ths_blob *session = ths_blob_init(memory, 64);
	uint64_t want = 0;

	add("p1", 5);
	add("p2", 4);
	for (unsigned i = 0; i < 60; i++) {
		struct voice_count arg = {0};
		enum ths_err err;

		mood[1] = i % 2 ? WELL : (enum mood)dice(MOODS); /* never eight in a row */
		err = voice_count_with(&voice, &arg, session);
		ck_assert_int_eq(err, mood[1] == REFUSES ? THS_E_PERM : THS_OK);
		want += err == THS_OK;
		if (err == THS_OK)
			ck_assert_uint_eq(arg.value, want);
	}
	ck_assert_uint_gt(want, 5);
}
END_TEST

START_TEST(names_and_sizes_are_checked)
{
	struct asked asked = {.point = 2};

	ck_assert_int_eq(
		manage(add_fn, "a-name-that-is-longer-than-there-is-room-for", 1),
		THS_E_SIZE);
	ck_assert_int_eq(pattern_call(add_fn, &asked), THS_E_NOENT);
	ck_assert_int_eq(pattern_call(call_fn, &asked), THS_E_NOENT);
	for (unsigned i = 0; i < 3; i++) {
		layer.providers = i ? THS_PROVIDERS_MAX + (i == 1) : 0;
		layer.table = i == 2 ? THS_TABLES_MAX : layer.table;
		asked.point = 0;
		ck_assert_int_eq(pattern_call(add_fn, &asked), THS_E_INVAL);
		ck_assert_int_eq(pattern_call(remove_fn, &asked), THS_E_INVAL);
		ck_assert_int_eq(pattern_call(prefer_fn, &asked), THS_E_INVAL);
		ck_assert_int_eq(pattern_call(find_fn, &asked), THS_E_INVAL);
		ck_assert_int_eq(pattern_call(call_fn, &asked), THS_E_INVAL);
		ck_assert_int_eq(pattern_call(next_of_nobody, NULL), THS_E_INVAL);
	}
}
END_TEST

/* A provider is named, preferred, found, asked and dropped, each with whatever that needs
 * missing. */
START_TEST(whatever_runs_out_nothing_is_half_done)
{
	static script_fn *const life[] = {add_fn, prefer_fn, find_fn, call_fn, remove_fn};
	struct asked asked = {.point = 1, .name = "p3"};

	for (unsigned i = 0; i < THS_ARRAY_SIZE(life); i++)
		ck_assert_int_eq(pattern_short(pattern_shortages[_i], life[i], &asked,
					       sizeof asked),
				 THS_OK);
	ck_assert_uint_eq(asked.say.heard, 3);
	ck_assert_int_eq(script_by(&pattern_ref, call_fn, &asked), THS_E_UNAVAIL);
}
END_TEST

static enum ths_err say_within(struct ths_call *call, void *ctx)
{
	(void)call;
	return voice_say(&voice, ctx);
}

/* The call may fail; who answers in the end is who would have. */
START_TEST(a_chain_without_room_is_an_error)
{
	struct voice_say said = {0};

	add("p1", 5);
	add("echo", 8);
	ck_assert_int_eq(pattern_short("room", say_within, &said, sizeof said), THS_OK);
	ck_assert_uint_eq(said.heard, 1001);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("indirection");

	harness_loop(suite, "I1-I4 model", setup, it_does_what_the_model_does, 0, SHAPES);
	harness_case(suite, "I1 within", setup, a_call_from_within_goes_the_same_way);
	harness_case(suite, "I4 lazy", setup, who_is_named_need_not_be_there_yet);
	harness_case(suite, "I5 interposer", setup,
		     an_interposer_in_the_layer_is_not_noticed);
	harness_case(suite, "I5 nobody", setup, who_is_no_provider_has_nobody_behind);
	harness_case(suite, "I2 sessions", setup, a_session_survives_its_provider);
	harness_case(suite, "checks", setup, names_and_sizes_are_checked);
	harness_loop(suite, "short", setup, whatever_runs_out_nothing_is_half_done, 0,
		     PATTERN_SHORTAGES);
	harness_case(suite, "short chain", setup, a_chain_without_room_is_an_error);
	return suite;
}

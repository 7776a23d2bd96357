/*
 * window_test - whatever happens while a module takes another's place, the old one serves
 * on or the new one does, no row is lost, and the next swap works.
 *
 * The modules are files, loaded, linked and run here as in a kernel. Each way for one to
 * come in the place of another is gone with each thing it asks for running out, once and
 * for good; and with each trouble there is in each of its windows, THS_POINT(name) of the
 * sources, whose list the build makes.
 */
#include "accounts.h"
#include "archive.h"
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <theseus/evolve.h>
#include <theseus/host.h>
#include <theseus/iface/testsrv.h>
#include "nano_core/swap_impl.h"
#include "tmod_image.h"

/* As the build found them in the sources. */
static const char *const windows[] = {
#include "tests/unit/nano_core/windows.h"
};
#define WINDOWS THS_ARRAY_SIZE(windows)

/* Not of a swap or an evolution, or not here; each with who tries it. */
static const struct {
	const char *prefix, *why;
} elsewhere[] = {
	{"interpose/", "interpose_test: a chain that changes"},
	{"sweep/", "migrate_test: a program's work after the swap, interaction by interaction"},
};

static const char *why_elsewhere(const char *window)
{
	for (unsigned i = 0; i < THS_ARRAY_SIZE(elsewhere); i++)
		if (strncmp(window, elsewhere[i].prefix, strlen(elsewhere[i].prefix)) == 0)
			return elsewhere[i].why;
	return NULL;
}

/* ---- the ways ----------------------------------------------------------------------------- */

static struct ths_reason why;

static enum ths_err swap_by(const char *file)
{
	return ths_swap_file("testsrv", file, NULL, &why);
}

static enum ths_err code_only(void)
{
	return swap_by("testsrv");
}

static enum ths_err with_rows(void)
{
	return swap_by("testsrv.v2");
}

static enum ths_err evolve(const char *text)
{
	return ths_evolve(text, strlen(text), &why);
}

static enum ths_err evolves(void)
{
	return evolve("replace testsrv with testsrv as second\n");
}

static enum ths_err evolves_with_rows(void)
{
	return evolve("replace testsrv with testsrv.v2\n"
		      "migrate testsrv.counter/1 testsrv.counter/2\n");
}

/* A swap that is taken back. */
static enum ths_err there_and_back(void)
{
	THS_TRY(swap_by("testsrv"));
	return ths_rollback("testsrv", &why);
}

static enum ths_err (*const ways[])(void) = {code_only, with_rows, evolves, evolves_with_rows,
					     there_and_back};
#define WAYS THS_ARRAY_SIZE(ways)

/* ---- a turn ------------------------------------------------------------------------------- */

#define CALLS 20u /* of a probation */
#define TICKS 30u

static struct ths_ref server = THS_REF(testsrv);
static struct ths_instance *old;
static uint64_t expected; /* of the counter */
static unsigned others;   /* instances beside those of the server */

static struct ths_instance *who_serves(void)
{
	struct ths_binding *binding;

	ck_assert_int_eq(ths_binding_find(&testsrv_iface, "", &binding), THS_OK);
	return ths_binding_instance(binding);
}

static unsigned instances(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < ths_core.instances; i++)
		count += ths_core.instance[i].state != THS_INSTANCE_FREE;
	return count;
}

static enum ths_err add_one(void *unused)
{
	struct ths_ref own = THS_REF(testsrv);
	struct testsrv_add args = {.row = 3, .amount = 1};

	(void)unused;
	return testsrv_add(&own, &args);
}

static void serves(void)
{
	struct testsrv_add args = {.row = 3, .amount = 1};

	ck_assert_int_eq(testsrv_add(&server, &args), THS_OK);
	ck_assert_uint_eq(args.value, ++expected);
}

static void begin(void)
{
	static uint8_t archive[1 << 18];
	static size_t size;
	uint32_t slot;

	if (size == 0) {
		static const char *const files[] = {"testsrv", "testsrv.v2"};

		for (unsigned i = 0; i < THS_ARRAY_SIZE(files); i++) {
			struct image file = image_from("modules", files[i]);
			char name[THS_NAME_MAX];

			(void)snprintf(name, sizeof(name), "%s.tmod", files[i]);
			ck_assert_uint_lt(size + file.size + 512, sizeof(archive));
			size = archive_add(archive, size, name, file.data, file.size);
			free(file.data);
		}
	}
	harness_start();
	rig_cpus(2);
	other_start();
	ths_core.quiet_faults = true;
	ths_probation_set((struct ths_probation){CALLS, TICKS});
	ck_assert_int_eq(ths_archive_init(archive, size), THS_OK);
	others = instances();
	ck_assert_msg(ths_module_load("testsrv", NULL, &slot, &why) == THS_OK, "%s", why.text);
	ck_assert_int_eq(ths_bind(slot, ""), THS_OK);
	server = (struct ths_ref)THS_REF(testsrv);
	expected = 0;
	old = who_serves();
	serves();
}

/* Whoever is on probation stays, and whoever was superseded goes. */
static void settle(void)
{
	ths_probation_set((struct ths_probation){0, 0});
	for (unsigned i = 0; i < TICKS + 2; i++)
		ths_host_tick();
	ths_quiesce();
	ths_probation_sweep();
}

/* @err: of the way that was gone. */
static void end(enum ths_err (*way)(void), enum ths_err err)
{
	const char *lost;

	if (err) {
		ck_assert_ptr_eq(who_serves(), old);
		ck_assert_uint_eq(instances(), others + 1);
	}
	serves();
	if (err)
		ck_assert_msg(way() == THS_OK, "the next swap: %s", why.text);
	else
		ck_assert_msg(swap_by("testsrv") == THS_OK, "the next swap: %s", why.text);
	serves();
	settle();
	serves();
	other_stop();
	lost = accounts_lost();
	ck_assert_msg(!lost, "%s", lost);
	rig_stop();
}

/* ---- everything runs out -------------------------------------------------------------------- */

START_TEST(whatever_runs_out_the_old_one_serves)
{
	enum ths_err (*way)(void) = ways[_i / 2];
	bool persistently = _i % 2, failed = true;
	uint64_t n;

	for (n = 1; failed; n++) {
		enum ths_err err;

		begin();
		ths_host_fail_nth("alloc", n, persistently);
		err = way();
		failed = ths_host_fail_failed() > 0;
		ths_host_fail_nth("alloc", 0, false);
		ck_assert_msg(err == THS_OK || failed, "%s", why.text);
		if (way == there_and_back) { /* it went there and stays: that is to serve, too */
			settle();
			old = who_serves();
		}
		end(way == there_and_back ? code_only : way, err);
	}
	ck_assert_uint_gt(n, 4);
}
END_TEST

/* ---- trouble in a window --------------------------------------------------------------------- */

enum trouble { NONE, COMMIT, FAULT, SWAP_AGAIN, SWAP_ELSEWHERE, TROUBLES };

static struct {
	const char *window;
	enum trouble trouble;
	bool met, waits;
	enum ths_err err;
} at;

static enum ths_err swap_again(void *unused)
{
	(void)unused;
	return ths_swap_file("testsrv", "testsrv", NULL, NULL);
}

/* By another task, which waits for its turn. */
static enum ths_err swap_elsewhere(void *unused)
{
	struct ths_cpu *cpu = ths_cpu();
	enum ths_err err;

	cpu->current = 1;
	err = swap_again(unused);
	cpu->current = CONTEXTS_MAX;
	return err;
}

static enum ths_err break_down(void)
{
	struct testsrv_fault fault = {.kind = TESTSRV_MIDWAY, .row = 3};

	return testsrv_fault(&server, &fault);
}

/* While the token is taken a commit must wait, and is seen to afterwards. */
static void commit(void)
{
	expected++;
	at.waits = ths_core.token != 0;
	if (at.waits)
		other_begins(add_one, NULL);
	else
		at.err = other_does(add_one, NULL);
}

static void on_point(const char *name, void *unused)
{
	(void)unused;
	if (at.met || strcmp(name, at.window) != 0 || ths_cpu_is_inside(ths_cpu()))
		return;
	at.met = true;
	switch (at.trouble) {
	case COMMIT:
		commit();
		break;
	case FAULT:
		ck_assert_int_eq(break_down(), THS_E_FAULT);
		break;
	case SWAP_AGAIN:
		ck_assert_int_eq(swap_again(NULL), THS_E_BUSY);
		break;
	case SWAP_ELSEWHERE:
		at.waits = true;
		other_begins(swap_elsewhere, NULL);
		break;
	case NONE:
	case TROUBLES:
		break;
	}
}

static enum ths_err go(enum ths_err (*way)(void), const char *window, enum trouble trouble)
{
	enum ths_err err;

	at.window = window;
	at.trouble = trouble;
	at.met = at.waits = false;
	at.err = THS_OK;
	ths_host_on_point(on_point, NULL);
	err = way();
	ths_host_on_point(NULL, NULL);
	if (at.waits)
		at.err = other_ends();
	return err;
}

START_TEST(trouble_in_a_window_leaves_somebody_serving)
{
	const char *window = windows[_i % WINDOWS];
	enum trouble trouble = (enum trouble)((unsigned)_i / WINDOWS % TROUBLES);
	enum ths_err (*way)(void) = ways[(unsigned)_i / WINDOWS / TROUBLES];
	enum ths_err err;

	if (why_elsewhere(window))
		return;
	begin();
	err = go(way, window, trouble);
	if (at.met)
		ck_assert_int_eq(at.err, THS_OK);
	if (way == there_and_back || trouble == SWAP_ELSEWHERE) {
		settle();
		old = who_serves();
		err = THS_OK;
	}
	end(code_only, err);
}
END_TEST

START_TEST(every_window_is_met)
{
	const char *window = windows[_i];
	bool met = false;

	for (unsigned i = 0; i < WAYS; i++) {
		begin();
		ck_assert_int_eq(go(ways[i], window, NONE), THS_OK);
		met = met || at.met;
		end(code_only, THS_OK);
	}
	if (why_elsewhere(window))
		ck_assert_msg(!met, "%s is met: take it from the list", window);
	else
		ck_assert_msg(met, "no way leads through %s", window);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("window");
	TCase *loaded = tcase_create("allocations"), *trouble = tcase_create("windows"),
	      *met = tcase_create("list");

	tcase_add_loop_test(loaded, whatever_runs_out_the_old_one_serves, 0, 2 * (int)WAYS);
	suite_add_tcase(suite, loaded);
	ths_tcase_add_turns(trouble, trouble_in_a_window_leaves_somebody_serving, 0,
			    (int)(WINDOWS * TROUBLES * WAYS));
	suite_add_tcase(suite, trouble);
	ths_tcase_add_turns(met, every_window_is_met, 0, (int)WINDOWS);
	suite_add_tcase(suite, met);
	return suite;
}

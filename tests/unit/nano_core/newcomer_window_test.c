/*
 * newcomer_window_test - who comes to take another's place and cannot does no harm: whoever
 * served serves on, no row is other than it was, and the next one comes as if nobody had.
 *
 * A newcomer's own code runs before it serves: `start`, the self-test, `adopt` of rows and of
 * a state. Each of those is made to go wrong in each way there is, having written a row; and
 * with each trouble in each window that leads through.
 */
#include "accounts.h"
#include "harness.h"
#include "keeper.h"
#include "rig.h"
#include "suite.h"
#include "window.h"

#include <theseus/evolve.h>

extern const struct ths_module ths_module_keeper, ths_module_keeper_v2;

/* ---- going wrong ----------------------------------------------------------------------- */

enum place { START, SELFTEST, ADOPT, ADOPT_STATE, PLACES };
enum ill { WELL, FAILS, FAULTS, OVERRUNS, LIES, MEETS, ILLS }; /* MEETS: a conflict, once */

static struct {
	enum place place;
	enum ill ill;
	unsigned reached;
} bad;

THS_NO_SANITIZE static enum ths_err fault(void)
{
	return (enum ths_err) * (volatile int *)(uintptr_t)0;
}

/* Until the next row that is asked for. */
static void overrun(void)
{
	for (unsigned i = 0; i < 50; i++)
		ths_host_tick();
}

static enum ths_err count_here(struct ths_call *call, unsigned row)
{
	struct cell *cell;

	THS_TRY(ths_row_write(call, CELL, row, &cell));
	cell->value++;
	return THS_OK;
}

static enum ths_err go_wrong(struct ths_call *call, enum place place)
{
	if (place != bad.place)
		return THS_OK;
	bad.reached++;
	if (place != ADOPT_STATE) /* which has no tables here */
		THS_TRY(count_here(call, 5));
	switch (bad.ill) {
	case FAILS:
		return THS_E_IO;
	case FAULTS:
		return fault();
	case OVERRUNS:
		overrun();
		return place == ADOPT_STATE ? THS_E_DEADLINE : count_here(call, 5);
	case LIES:
		return (enum ths_err)77;
	case MEETS:
		if (bad.reached == 1 && atomic_load(&ths_core.token) == 0 &&
		    atomic_load(&ths_core.meeting) == 0 && !at.waits)
			return other_does(trouble_commit, NULL);
		return THS_OK;
	case WELL:
	case ILLS:
		break;
	}
	return THS_OK;
}

static enum ths_err start(struct ths_call *call)
{
	return go_wrong(call, START);
}

static enum ths_err selftest(struct ths_call *call)
{
	return go_wrong(call, SELFTEST);
}

static enum ths_err adopt(struct ths_call *call)
{
	return go_wrong(call, ADOPT);
}

static enum ths_err adopt_state(struct ths_call *call)
{
	return go_wrong(call, ADOPT_STATE);
}

/* ---- newcomers ------------------------------------------------------------------------- */

static enum ths_err newcomer_op(struct ths_call *call, struct script_args *arg)
{
	(void)call;
	arg->fn = 9;
	return THS_OK;
}

static enum ths_err widen(const void *old_row, void *new_row)
{
	memcpy(new_row, old_row, sizeof(struct cell));
	return THS_OK;
}

static enum ths_err narrow(const void *old_row, void *new_row)
{
	memcpy(new_row, old_row, sizeof(struct cell));
	return THS_OK;
}

enum { OWN = 1 };
#define NEWCOMER(token_, id_, schema_, cell_, ...)                                       \
	THS_MODULE(token_, id_, 1, 0, THS_PROVIDES(script, SCRIPT_SERVES(newcomer_op)),  \
		   THS_TABLE(CELL, schema_, cell_, .rows = CELLS, .flags = THS_FIXED),   \
		   THS_TABLE(OWN, id_ ".own/1", struct loose, .rows = 2,                 \
			     .flags = THS_FIXED),                                        \
		   .start = start, .selftest = selftest, .adopt = adopt, __VA_ARGS__)
NEWCOMER(newcomer, "newcomer", "script.cell/1", struct cell, );
NEWCOMER(newcomer_wide, "newcomer.wide", "script.cell/2", struct cell_next,
	 THS_MIGRATE(0, "script.cell/1", "script.cell/2", widen, narrow));

/* ---- the ways -------------------------------------------------------------------------- */

static struct ths_reason why;
static struct ths_ref server;
static struct ths_module keeper_next; /* with an `adopt` of ours */
static uint64_t expected, kept;
static uint64_t started; /* times that a newcomer counted and was believed */

static struct ths_instance *provider_of(const struct ths_iface *iface)
{
	struct ths_binding *binding;

	ck_assert_int_eq(ths_binding_find(iface, "", &binding), THS_OK);
	return ths_binding_instance(binding);
}

static enum ths_err swap_to(const struct ths_iface *iface, const char *newcomer)
{
	uint32_t slot;

	THS_TRY(ths_module_find(newcomer, &slot));
	return ths_swap(provider_of(iface)->slot, slot, NULL);
}

static enum ths_err swaps(void)
{
	return swap_to(&script_iface, "newcomer");
}

static enum ths_err swaps_with_rows(void)
{
	return swap_to(&script_iface, "newcomer.wide");
}

static enum ths_err swaps_state(void)
{
	return swap_to(&keeper_iface, "keeper.next");
}

static enum ths_err evolve(const char *text)
{
	return ths_evolve(text, strlen(text), &why);
}

static enum ths_err evolves(void)
{
	return evolve("replace script with newcomer\n");
}

static enum ths_err evolves_with_rows(void)
{
	return evolve("replace script with newcomer.wide\n"
		      "migrate script.cell/1 script.cell/2\n");
}

static enum ths_err evolves_state(void)
{
	return evolve("replace keeper with keeper.next\n");
}

static enum ths_err (*const ways[])(void) = {swaps, swaps_with_rows, swaps_state, evolves,
					     evolves_with_rows, evolves_state};
#define WAYS THS_ARRAY_SIZE(ways)

/* ---- troubles --------------------------------------------------------------------------- */

static enum ths_err count_call(struct ths_call *call, void *unused)
{
	(void)unused;
	THS_TRY(count_here(call, 5));
	THS_TRY(count_here(call, 6));
	return count_here(call, 3);
}

static enum ths_err trouble_commit(void *unused)
{
	struct ths_ref own = THS_REF(script);

	expected++;
	return script_by(&own, count_call, unused);
}

static enum ths_err fault_call(struct ths_call *call, void *unused)
{
	THS_TRY(count_call(call, unused));
	return (enum ths_err)77;
}

static enum ths_err trouble_fault(void *unused)
{
	struct ths_ref own = THS_REF(script);

	return script_by(&own, fault_call, unused) == THS_E_INTERNAL ? THS_OK
								     : THS_E_INTERNAL;
}

static enum ths_err trouble_swap(void *unused)
{
	uint32_t slot;

	(void)unused;
	THS_TRY(ths_module_add(&ths_module_script, "elsewhere", &slot, NULL));
	return ths_swap(provider_of(&script_iface)->slot, slot, NULL);
}

/* ---- a turn ----------------------------------------------------------------------------- */

static void calls(void)
{
	struct keeper_add add = {.amount = 1};
	struct ths_ref keeper = THS_REF(keeper);

	expected++;
	ck_assert_int_eq(script_by(&server, count_call, NULL), THS_OK);
	ck_assert_int_eq(keeper_add(&keeper, &add), THS_OK);
	ck_assert_uint_eq(add.total, ++kept);
	ck_assert_uint_eq(script_value(&server, 3), expected);
	ck_assert_uint_eq(script_value(&server, 4), 0);
	ck_assert_uint_eq(script_value(&server, 5), expected + started);
	ck_assert_uint_eq(script_value(&server, 6), expected);
}

/* As theseus-schema would write it. */
static void describe(uint32_t slot, bool second)
{
	struct ths_layout *layout = &ths_core.instance[slot].block->layout;

	layout->text = second ? " adds u32 104\n total u64 112\n"
			      : " total u64 0\n adds u32 8\n";
	layout->length = (uint32_t)strlen(layout->text);
}

static void begin(enum place place, enum ill ill)
{
	harness_start();
	rig_cpus(2);
	other_start();
	ths_core.quiet_faults = true;
	ths_probation_set((struct ths_probation){1000, 1000});
	rig_bind(&ths_module_script, "");
	memset(ths_module_keeper.state.at, 0, ths_module_keeper.state.size);
	describe(rig_bind(&ths_module_keeper, ""), false);
	keeper_next = ths_module_keeper_v2;
	keeper_next.state.adopt = adopt_state;
	rig_add(&ths_module_newcomer, NULL);
	rig_add(&ths_module_newcomer_wide, NULL);
	describe(rig_add(&keeper_next, "keeper.next"), true);
	server = (struct ths_ref)THS_REF(script);
	expected = kept = started = 0;
	calls();
	bad.place = place;
	bad.ill = ill;
	bad.reached = 0;
	at.waits = false;
}

static bool is_newcomer(const struct ths_instance *instance)
{
	return instance->module == &ths_module_newcomer ||
	       instance->module == &ths_module_newcomer_wide ||
	       instance->module == &keeper_next;
}

static bool newcomer_serves(void)
{
	return is_newcomer(provider_of(&script_iface)) ||
	       is_newcomer(provider_of(&keeper_iface));
}

/* Nobody who could not start serves, nor left anything; and what comes next can. */
static void end(enum ths_err (*way)(void), enum ths_err err)
{
	const char *lost;

	started = err == THS_OK && bad.reached > 0 && bad.place != ADOPT_STATE;
	bad.place = PLACES;
	calls();
	if (err) {
		ck_assert(!newcomer_serves());
		ck_assert_msg(way() == THS_OK, "the next time: %s", why.text);
		ck_assert(newcomer_serves());
		calls();
	}
	other_stop();
	lost = accounts_lost();
	ck_assert_msg(!lost, "%s", lost);
}

/* ---- what runs ----------------------------------------------------------------------------- */

/* Whether a way leads a newcomer's code through a place, and which windows it leads through. */
static bool reaches[WAYS][PLACES];
static unsigned met_on[WAYS][PLACES][ILLS][WINDOWS];

static bool is_error_of(enum ill ill, enum ths_err err)
{
	static const enum ths_err due[] = {[WELL] = THS_OK,
					   [FAILS] = THS_E_IO,
					   [FAULTS] = THS_E_FAULT,
					   [OVERRUNS] = THS_E_DEADLINE,
					   [LIES] = THS_E_INTERNAL,
					   [MEETS] = THS_OK};

	return err == due[ill];
}

static void go_without_trouble(unsigned way, enum place place, enum ill ill)
{
	enum ths_err err;

	begin(place, ill);
	err = look(ways[way]);
	memcpy(met_on[way][place][ill], met, sizeof(met));
	reaches[way][place] = bad.reached > 0;
	ck_assert_int_eq(newcomer_serves(), err == THS_OK);
	ck_assert_msg(bad.reached ? is_error_of(ill, err) : err == THS_OK,
		      "way %u, place %u, ill %u: %s", way, place, ill, ths_err_name(err));
	end(ways[way], err);
	rig_stop();
}

/* Which window_test leaves to us. */
static void windows_are_met(void)
{
	static const char *const due[] = {"evolve/adopted", "swap/before-unserve",
					  "tables/before-wipe", "migrate/before-undo"};
	const unsigned *count = &met_on[0][0][0][0];

	for (unsigned i = 0; i < THS_ARRAY_SIZE(due); i++) {
		unsigned times = 0;

		for (unsigned k = 0; k < sizeof(met_on) / sizeof(*count); k++)
			if (strcmp(windows[k % WINDOWS], due[i]) == 0)
				times += count[k];
		ck_assert_msg(times, "no newcomer leads through %s", due[i]);
	}
}

START_TEST(who_cannot_start_does_not_serve)
{
	for (unsigned place = 0; place < PLACES; place++) {
		unsigned count = 0;

		for (unsigned way = 0; way < WAYS; way++)
			for (unsigned ill = 0; ill < ILLS; ill++) {
				go_without_trouble(way, place, ill);
				count += bad.reached > 0;
			}
		ck_assert_uint_ge(count, ILLS);
	}
	windows_are_met();
}
END_TEST

static void go_with(unsigned way, enum place place, enum ill ill, unsigned window,
		    unsigned time, enum trouble trouble)
{
	enum ths_err err;

	begin(place, ill);
	err = go(ways[way], windows[window], time, trouble);
	ck_assert_msg(at.err == THS_OK && (is_error_of(ill, err) || trouble >= SWAP_AGAIN),
		      "way %u, place %u, ill %u, trouble %u, time %u in %s: %s, %s", way, place,
		      ill, trouble, time, windows[window], ths_err_name(err),
		      ths_err_name(at.err));
	if (trouble == SWAP_ELSEWHERE && err) {
		ck_assert(!newcomer_serves());
		other_stop();
	} else {
		end(ways[way], err);
	}
	rig_stop();
}

/* The ways to go wrong that come to more than an error does. */
static const enum ill troubled_ills[] = {FAULTS, OVERRUNS, MEETS};

START_TEST(nor_does_trouble_meanwhile_make_it)
{
	unsigned way = (unsigned)_i / PLACES % WAYS;
	enum place place = (enum place)(_i % PLACES);
	enum ill ill = troubled_ills[(unsigned)_i / PLACES / WAYS];

	go_without_trouble(way, place, ill);
	for (unsigned window = 0; reaches[way][place] && window < WINDOWS; window++)
		for (unsigned i = 0; i < TIMES * TROUBLES; i++) {
			unsigned time = time_of(met_on[way][place][ill][window], i / TROUBLES);

			if (time && i % TROUBLES != NONE)
				go_with(way, place, ill, window, time,
					(enum trouble)(i % TROUBLES));
		}
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("newcomer windows");
	TCase *troubled = tcase_create("troubled");

	tcase_add_test(ths_suite_case(suite, "alone"), who_cannot_start_does_not_serve);
	ths_tcase_add_turns(troubled, nor_does_trouble_meanwhile_make_it, 0,
			    (int)(WAYS * PLACES * THS_ARRAY_SIZE(troubled_ills)));
	suite_add_tcase(suite, troubled);
	return suite;
}

/*
 * work_test - what waits for depth 0 is done then, whatever the modules say that are asked
 * for it; and what cannot be done now waits for a tick (I1-I4).
 */
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <string.h>
#include <theseus/host.h>
#include "nano_core/swap_impl.h"

#define VECTOR 40u

static struct ths_ref script;

/* ---- a controller and a scheduler that say what the test wants ---------------------------- */

static struct irq_map map_answer;
static enum ths_err map_result, eoi_result, tick_result;
static unsigned maps, eois, handled, ticks;
static bool tick_resched;

static enum ths_err map_op(struct ths_call *call, struct irq_map *args)
{
	(void)call;
	maps++;
	ck_assert_uint_eq(args->vector, VECTOR);
	*args = map_answer;
	args->vector = VECTOR;
	return map_result;
}

static enum ths_err eoi_op(struct ths_call *call, struct irq_line *args)
{
	(void)call;
	(void)args;
	eois++;
	return eoi_result;
}

static enum ths_err tick_op(struct ths_call *call, struct sched_tick *args)
{
	(void)call;
	ticks++;
	args->resched = tick_resched;
	return tick_result;
}

static enum ths_err handle(struct ths_call *call, void *ctx)
{
	handled++;
	return ctx ? *(enum ths_err *)ctx : script_put(call, 1, handled);
}

THS_MODULE(controller, "controller", 1, 0, THS_PROVIDES(irq, .map = map_op, .eoi = eoi_op));
THS_MODULE(ticker, "ticker", 1, 0, THS_PROVIDES(sched, .tick = tick_op));

/* script's `kicked` is the handler of the line, @times over. */
static void answer(unsigned times)
{
	struct ths_binding *binding;

	ck_assert_int_eq(ths_binding_find(&script_iface, "", &binding), THS_OK);
	map_answer = (struct irq_map){.line = 5, .handlers = times};
	for (unsigned i = 0; i < IRQ_HANDLERS_MAX; i++)
		map_answer.handler[i] =
			(struct irq_handler){ths_binding_at(binding), binding->generation,
					     script_op_kicked, i < times};
}

static void setup(void)
{
	harness_start();
	rig_bind(&ths_module_script, "");
	rig_bind(&ths_module_controller, "");
	script = (struct ths_ref)THS_REF(script);
	script_on_kick = handle;
	script_kick_ctx = NULL;
	map_result = eoi_result = tick_result = THS_OK;
	maps = eois = handled = ticks = 0;
	tick_resched = false;
	answer(1);
}

static bool log_has(const char *words)
{
	char text[8192];

	text[ths_log_read(text, sizeof text - 1)] = '\0';
	return strstr(text, words) != NULL;
}

/* ---- interrupts ----------------------------------------------------------------------------- */

START_TEST(an_interrupt_is_handled_and_ended)
{
	ths_host_irq(VECTOR);
	ck_assert_uint_eq(maps, 1);
	ck_assert_uint_eq(handled, 1);
	ck_assert_uint_eq(eois, 1);
	ck_assert_uint_eq(script_value(&script, 1), 1);
	ths_irq(VECTORS); /* there is no such vector */
	ths_work();
	ck_assert_uint_eq(maps, 1);
}
END_TEST

/* A provider may say what it likes: no handler is looked for where none can be. */
START_TEST(handlers_are_as_many_as_there_can_be)
{
	answer(IRQ_HANDLERS_MAX);
	map_answer.handlers = 99;
	map_answer.handler[1].used = 0;
	ths_host_irq(VECTOR);
	ck_assert_uint_eq(handled, IRQ_HANDLERS_MAX - 1);
	ck_assert_uint_eq(eois, 1);
}
END_TEST

static const struct {
	enum ths_err map, handler, eoi;
	unsigned eois, again; /* times it is ended now; maps after the next tick */
	const char *words;
} troubles[] = {
	{THS_E_IO, THS_OK, THS_OK, 0, 0, "interrupt vector 40: "},
	{THS_E_NOMEM, THS_OK, THS_OK, 0, 1, "interrupt vector 40: "},
	{THS_OK, THS_E_IO, THS_OK, 1, 0, "interrupt handler script op 3: "},
	{THS_OK, THS_E_NOMEM, THS_OK, 0, 1, "interrupt handler script op 3: "},
	{THS_OK, THS_OK, THS_E_NOENT, 1, 0, NULL}, /* spurious */
	{THS_OK, THS_OK, THS_E_IO, 1, 0, "end of interrupt, line 5: "},
	{THS_OK, THS_OK, THS_E_NOMEM, 1, 1, "end of interrupt, line 5: "},
};

/* I4 */
START_TEST(what_an_interrupt_ran_out_of_it_gets_at_a_tick)
{
	enum ths_err handler = troubles[_i].handler;

	map_result = troubles[_i].map;
	eoi_result = troubles[_i].eoi;
	script_kick_ctx = &handler;
	ths_host_irq(VECTOR);
	ck_assert_uint_eq(maps, 1);
	ck_assert_uint_eq(eois, troubles[_i].eois);
	ck_assert_int_eq(log_has("interrupt"), troubles[_i].words != NULL);
	ck_assert(!troubles[_i].words || log_has(troubles[_i].words));
	map_result = eoi_result = handler = THS_OK;
	ths_work();
	ck_assert_uint_eq(maps, 1); /* not before a tick */
	ths_host_tick();
	ck_assert_uint_eq(maps, 1 + troubles[_i].again);
	ck_assert_uint_eq(eois, troubles[_i].eois + troubles[_i].again);
}
END_TEST

/* ---- ticks ------------------------------------------------------------------------------------ */

START_TEST(a_scheduler_hears_each_tick_once_there_are_tasks)
{
	struct ths_cpu *cpu = ths_cpu();

	rig_bind(&ths_module_ticker, "");
	ths_host_tick();
	ck_assert_uint_eq(ticks, 0);
	cpu->started = false; /* nor has this CPU a part in anything */
	ths_tick(0);
	ths_work();
	cpu->started = true;
	ck_assert_uint_eq(atomic_load(&cpu->ticks), 1);
	ths_core.up = true;
	ths_host_tick();
	ck_assert_uint_eq(ticks, 1);
	ths_core.up = false;
}
END_TEST

static uint64_t ticks_taken;

static enum ths_err last(struct ths_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	for (ticks_taken = 0; ticks_taken < 1000; ticks_taken++)
		ths_host_tick();
	return THS_OK;
}

/* Its module's, or the default one. */
START_TEST(an_operation_has_its_budget)
{
	static struct ths_module quick;
	struct ths_ref other = THS_REF_TO(script, "quick");

	quick = ths_module_script_soft;
	quick.budget_ticks = 3;
	ck_assert_int_eq(ths_bind(rig_add(&quick, "quick"), "quick"), THS_OK);
	ck_assert_int_eq(script_by(&script, last, NULL), THS_E_DEADLINE);
	ck_assert_uint_eq(ticks_taken, BUDGET_TICKS);
	ck_assert_int_eq(script_by(&other, last, NULL), THS_E_DEADLINE);
	ck_assert_uint_eq(ticks_taken, 3);
}
END_TEST

/* ---- kicks ------------------------------------------------------------------------------------- */

static enum ths_err kick(struct ths_call *call, void *ctx)
{
	(void)ctx;
	return ths_kick(call, script_op_kicked);
}

static enum ths_err kick_and_hold(struct ths_call *call, void *ctx)
{
	(void)ctx;
	THS_TRY(ths_kick(call, script_op_kicked));
	ths_cpu()->section++; /* until the test says so */
	return THS_OK;
}

START_TEST(a_kick_goes_to_who_took_the_place)
{
	struct ths_instance *old;
	struct ths_binding *binding;

	ck_assert_int_eq(script_by(&script, kick, NULL), THS_OK);
	ck_assert_uint_eq(handled, 1);
	ck_assert_int_eq(ths_binding_find(&script_iface, "", &binding), THS_OK);
	old = ths_binding_instance(binding);
	ck_assert_int_eq(script_by(&script, kick_and_hold, NULL), THS_OK);
	ck_assert_uint_eq(handled, 1);
	ths_cpu()->section--;
	ths_probation_set((struct ths_probation){1000, 1000});
	ck_assert_int_eq(ths_swap(old->slot, rig_add(&ths_module_script_same, NULL), NULL),
			 THS_OK);
	ths_work();
	ths_host_tick();
	ck_assert_uint_eq(handled, 2);
	ths_kick_now(ths_cpu(), &ths_core.instance[0], 1); /* nobody's: it is dropped */
	ck_assert_uint_eq(atomic_load(&ths_core.instance[0].kicked), 0);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("work");

	harness_case(suite, "interrupts", setup, an_interrupt_is_handled_and_ended);
	harness_case(suite, "handlers", setup, handlers_are_as_many_as_there_can_be);
	harness_loop(suite, "I4", setup, what_an_interrupt_ran_out_of_it_gets_at_a_tick, 0,
		     (int)THS_ARRAY_SIZE(troubles));
	harness_case(suite, "ticks", setup, a_scheduler_hears_each_tick_once_there_are_tasks);
	harness_case(suite, "budget", setup, an_operation_has_its_budget);
	harness_case(suite, "kicks", setup, a_kick_goes_to_who_took_the_place);
	return suite;
}

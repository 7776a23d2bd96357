/*
 * self_smp_test - state_db takes its own place under transactions of several CPUs. Run under
 * ASan and, as self_smp_tsan, under TSan.
 *
 * The CPUs are threads, and the other copy of state_db is linked into this program, under
 * names of its own (state_db/names.h). Both serve from the same state. A metamodule that has
 * its state laid out otherwise is swapped meanwhile, too: then all CPUs are gathered.
 */
#include "rig.h"
#include "script.h"
#include "suite.h"
#include "keeper.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <theseus/iface/state_db.h>
#include "nano_core/nano_core_impl.h"

#define CPUS     3u
#define SWAPS    60u
#define ACCOUNTS 8u
#define MONEY    1000u

extern const struct ths_module ths_state_db_first_module, ths_state_db_second_module;
extern const struct ths_module ths_module_keeper, ths_module_keeper_v2;

static atomic_bool enough;
static atomic_uint_fast64_t transfers;

struct transfer {
	uint32_t from, to;
	uint32_t item; /* to be freed; THS_ROW_NONE: one is to be made */
	uint32_t made; /* out */
};

/* One unit from one account to another, and an item made or freed: rows come and go. */
static enum ths_err transfer(struct ths_call *call, void *ctx)
{
	struct transfer *order = ctx;
	struct cell *from, *to;
	struct item *item;

	THS_TRY(ths_row_write(call, CELL, order->from, &from));
	THS_TRY(ths_row_write(call, CELL, order->to, &to));
	from->value--;
	to->value++;
	if (order->item != THS_ROW_NONE)
		return ths_row_free(call, ITEM, order->item);
	return ths_row_new_keyed(call, ITEM, ths_call_cpu(call) + 100, &order->made, &item);
}

static enum ths_err audit(struct ths_call *call, void *ctx)
{
	uint64_t sum;

	(void)ctx;
	THS_TRY(script_sum(call, ACCOUNTS, &sum));
	ck_assert_uint_eq(sum, 0); /* on each try */
	return THS_OK;
}

static void *client(void *arg)
{
	unsigned cpu = (unsigned)(uintptr_t)arg;
	struct ths_ref ref = THS_REF(script), keeper = THS_REF(keeper);
	struct transfer order = {cpu, cpu + 1, THS_ROW_NONE, 0};
	struct keeper_add add = {.amount = 1};
	uint64_t done = 0;

	rig_cpu_enter(cpu);
	while (!atomic_load(&enough)) {
		ck_assert_int_eq(script_by(&ref, transfer, &order), THS_OK);
		order.item = order.item == THS_ROW_NONE ? order.made : THS_ROW_NONE;
		order.from = order.to;
		order.to = (order.to + cpu) % ACCOUNTS;
		ck_assert_int_eq(script_by(&ref, audit, NULL), THS_OK);
		ck_assert_int_eq(keeper_add(&keeper, &add), THS_OK);
		done++;
	}
	atomic_fetch_add(&transfers, done);
	rig_cpu_leave();
	return NULL;
}

/* ---- swaps ----------------------------------------------------------------------------- */

static uint32_t database, counter;

static void swap_to(uint32_t *slot, const struct ths_module *module, const char *name)
{
	uint32_t next = rig_add(module, name);

	ck_assert_int_eq(ths_swap(*slot, next, NULL), THS_OK);
	*slot = next;
}

static void swap_state_db(unsigned turn)
{
	struct ths_ref ref = THS_REF(state_db);
	struct state_db_count count = {0};
	const struct ths_module *module =
		turn % 2 ? &ths_state_db_first_module : &ths_state_db_second_module;

	swap_to(&database, module, turn % 2 ? "odd" : "even");
	for (unsigned i = 0; i < CPUS; i++)
		ck_assert_ptr_eq(atomic_load(&ths_core.cpu[i]->db), module->state.entries);
	ck_assert_int_eq(state_db_count(&ref, &count), THS_OK);
	ck_assert_uint_gt(count.tables, 3);
}

/* As theseus-schema would write them; of what is linked in it does not. */
static void describe(uint32_t slot, bool second)
{
	static const char first_text[] = " total u64 0\n adds u32 8\n";
	static const char second_text[] = " adds u32 104\n total u64 112\n";
	struct ths_layout *layout = &ths_core.instance[slot].block->layout;

	layout->text = second ? second_text : first_text;
	layout->length = (uint32_t)strlen(layout->text);
}

static void swap_keeper(unsigned turn)
{
	uint32_t next = rig_add(turn % 2 ? &ths_module_keeper : &ths_module_keeper_v2,
				turn % 2 ? "one" : "two");

	describe(next, turn % 2 == 0);
	ck_assert_int_eq(ths_swap(counter, next, NULL), THS_OK);
	counter = next;
}

START_TEST(nothing_is_lost_while_state_db_takes_its_own_place)
{
	struct ths_ref ref = THS_REF(script), keeper = THS_REF(keeper);
	struct keeper_add told = {0};
	pthread_t thread[CPUS];

	rig_start();
	ths_probation_set((struct ths_probation){0, 0});
	rig_cpus(CPUS);
	rig_bind(&ths_module_script, "");
	memset(ths_module_keeper.state.at, 0, ths_module_keeper.state.size);
	counter = rig_bind(&ths_module_keeper, "");
	describe(counter, false);
	ck_assert_int_eq(ths_module_find("state_db", &database), THS_OK);
	atomic_store(&enough, false);
	atomic_store(&transfers, 0);
	for (uintptr_t i = 1; i < CPUS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, client, (void *)i), 0);
	for (unsigned i = 0; i < SWAPS; i++) {
		swap_state_db(i);
		swap_keeper(i);
		ck_assert_int_eq(script_by(&ref, audit, NULL), THS_OK);
	}
	atomic_store(&enough, true);
	for (unsigned i = 1; i < CPUS; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	ck_assert_int_eq(keeper_add(&keeper, &told), THS_OK);
	ck_assert_uint_gt(atomic_load(&transfers), 0);
	ck_assert_uint_eq(told.total, atomic_load(&transfers));
	ck_assert_uint_eq(told.adds, atomic_load(&transfers) + 1);
	rig_stop();
}
END_TEST

static _Atomic(bool) asleep;

static void *sleeper(void *arg)
{
	(void)arg;
	rig_cpu_enter(1);
	atomic_store(&asleep, true);
	while (!atomic_load(&enough))
		ths_arch_idle();
	rig_cpu_leave();
	return NULL;
}

/* Nothing else would wake it: it has no work, and no tick comes. */
START_TEST(a_cpu_that_sleeps_is_called_to_the_meeting)
{
	pthread_t thread;

	rig_start();
	ths_probation_set((struct ths_probation){0, 0});
	rig_cpus(2);
	ck_assert_int_eq(ths_module_find("state_db", &database), THS_OK);
	atomic_store(&enough, false);
	atomic_store(&asleep, false);
	ck_assert_int_eq(pthread_create(&thread, NULL, sleeper, NULL), 0);
	while (!atomic_load(&asleep))
		ths_arch_relax();
	for (unsigned i = 0; i < 100; i++) {
		const struct ths_module *module = i % 2 ? &ths_state_db_first_module
							: &ths_state_db_second_module;

		swap_to(&database, module, i % 2 ? "odd" : "even");
		ck_assert_ptr_eq(atomic_load(&ths_core.cpu[1]->db), module->state.entries);
	}
	atomic_store(&enough, true);
	ths_arch_kick_cpu(1);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("self_smp");
	TCase *tcase = tcase_create("P20");

	tcase_add_test(tcase, nothing_is_lost_while_state_db_takes_its_own_place);
	tcase_add_test(tcase, a_cpu_that_sleeps_is_called_to_the_meeting);
	suite_add_tcase(suite, tcase);
	return suite;
}

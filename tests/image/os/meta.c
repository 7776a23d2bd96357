/*
 * meta - a metamodule other than state_db is swapped, its state with it; and what no module
 * may link to.
 */
#include "test.h"

#include <theseus/string.h>
#include "keeper.h"

static struct ths_ref keeper = THS_REF(keeper);
static struct ths_reason reason;

static bool swap(const char *file)
{
	return ths_swap_file("keeper", file, NULL, &reason) == THS_OK;
}

static struct keeper_add add(uint64_t amount)
{
	struct keeper_add args = {.amount = amount};

	test_ok(keeper_add(&keeper, &args) == THS_OK && args.amount == amount, "add %lu",
		(unsigned long)amount);
	return args;
}

static void refused(const char *file, enum ths_err expected, const char *sentence)
{
	uint32_t slot;
	enum ths_err err = ths_module_load(file, "refused", &slot, &reason);

	test_ok(err == expected && ths_streq(reason.text, sentence), "%s: %s (%s)", file,
		ths_err_name(err), reason.text);
}

static void state_goes_along(void)
{
	struct keeper_add told;

	add(5);
	add(7);
	test_ok(swap("keeper"), "the same layout");
	told = add(11);
	test_ok(told.total == 23 && told.adds == 3 && told.last[0] == 7 && told.last[1] == 5,
		"the state is the same");
	test_ok(swap("keeper.v2"), "another layout: %s", reason.text);
	told = add(2);
	test_ok(told.version == 2 && told.total == 25 && told.adds == 4 &&
			told.last[0] == 11 && told.last[1] == 7 && told.last[2] == 5,
		"the members were moved by name, those of structs in arrays too");
	test_ok(swap("keeper"), "and back: %s", reason.text);
	told = add(1);
	test_ok(told.version == 1 && told.total == 26 && told.adds == 5 &&
			told.last[0] == 2 && told.last[1] == 11 && told.last[2] == 7,
		"likewise");
}

static void old_one_goes_on(void)
{
	struct keeper_add told = add(0);

	add(KEEPER_UNLUCKY - told.total % 100 + 100);
	told = add(0);
	test_ok(told.total % 100 == KEEPER_UNLUCKY, "the total is unlucky");
	add(-(told.total - KEEPER_UNLUCKY));
	test_ok(!swap("keeper.v2"), "who cannot adopt is refused: %s", reason.text);
	told = add(1);
	test_ok(told.version == 1 && told.total == KEEPER_UNLUCKY + 1,
		"and who served goes on from the same state");
}

void test_meta(void)
{
	state_goes_along();
	old_one_goes_on();
	refused("keeper.v3", THS_E_SCHEMA,
		"keeper.state/1: member total is u32 here, u64 in the state that is there");
	refused("its.state", THS_E_SYMBOL,
		"symbol ths_state_keeper (used at .text+0x3) is not published");
	refused("its.mover", THS_E_SYMBOL,
		"symbol ths_state_move (used at .text+0x3) is not published");
	refused("its.swapper", THS_E_SYMBOL,
		"symbol ths_meta_publish (used at .text+0x3) is not published");
	refused("its.entry", THS_E_SYMBOL,
		"symbol ths_txn_commit (used at .text+0x3) is not published");
	refused("its.core", THS_E_SYMBOL, "symbol ths_core (used at .text+0x3) is not published");
}

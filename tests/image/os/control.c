/*
 * control - a module that does spill, admitted by a flag for tests: what is lost is shown.
 *
 * Without this the swap test would prove little: here is a server that passes every test
 * of its answers, until it is swapped.
 */
#include "test.h"

#include <theseus/iface/testsrv.h>

static struct ths_ref spiller = THS_REF_TO(testsrv, "spiller");

static uint64_t add(uint64_t amount)
{
	struct testsrv_add args = {.amount = amount};

	return testsrv_add(&spiller, &args) == THS_OK ? args.value : UINT64_MAX;
}

static void refused(void)
{
	struct ths_reason reason = {{0}};
	uint32_t slot;
	enum ths_err err = ths_module_load("spiller", NULL, &slot, &reason);

	test_ok(err == THS_E_SPILL, "without the flag it is refused: %s, %s",
		ths_err_name(err), reason.text);
}

void test_control(void)
{
	struct ths_reason reason = {{0}};
	struct ths_swap_times times;
	uint32_t slot, again;
	enum ths_err err;

	refused();
	ths_test_admit_spill(true);
	err = ths_module_load("spiller", "first", &slot, &reason);
	test_ok(err == THS_OK, "with it, it is admitted: %s", reason.text);
	err = ths_bind(slot, "spiller");
	test_ok(err == THS_OK, "and bound: %s", ths_err_name(err));
	test_ok(add(5) == 1005 && add(7) == 1012, "it remembers: 1012");
	err = ths_module_load("spiller", "second", &again, &reason);
	if (err == THS_OK)
		err = ths_swap(slot, again, &times);
	test_ok(err == THS_OK, "it is swapped for itself: %s", ths_err_name(err));
	test_ok(add(1) == 1001, "and what it knew is lost");
	ths_test_admit_spill(false);
	refused();
}

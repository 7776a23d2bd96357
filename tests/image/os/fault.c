/*
 * fault - an operation that goes wrong, in every way there is, is an error and nothing
 * else.
 */
#include "test.h"

#include <theseus/iface/testsrv.h>
#include "faulty.h"

static struct ths_ref testsrv = THS_REF(testsrv), faulty = THS_REF(faulty);

static const struct {
	const char *what;
	enum ths_err err;
} kinds[TESTSRV_KINDS] = {
	[TESTSRV_NULL] = {"reads address 0", THS_E_FAULT},
	[TESTSRV_UNMAPPED] = {"writes an unmapped address", THS_E_FAULT},
	[TESTSRV_NONCANONICAL] = {"reads a non-canonical address", THS_E_FAULT},
	[TESTSRV_WRITE_TEXT] = {"writes its text", THS_E_FAULT},
	[TESTSRV_WRITE_RODATA] = {"writes its rodata", THS_E_FAULT},
	[TESTSRV_EXEC_DATA] = {"jumps to data", THS_E_FAULT},
	[TESTSRV_DIVIDE] = {"divides by zero", THS_E_ARITH},
	[TESTSRV_UD2] = {"executes ud2", THS_E_OPCODE},
	[TESTSRV_OVERRUN] = {"overruns its stack", THS_E_STACK},
	[TESTSRV_LOOP] = {"loops for ever", THS_E_DEADLINE},
	[TESTSRV_BAD_VALUE] = {"returns a foreign value", THS_E_INTERNAL},
	[TESTSRV_MIDWAY] = {"faults between two writes", THS_E_FAULT},
	[TESTSRV_NESTED] = {"sees a callee fault", THS_OK},
	[TESTSRV_ERROR] = {"returns an error after writing", THS_E_IO},
};

static uint64_t sum(void)
{
	struct testsrv_read args = {.row = 4, .rows = 2};

	return testsrv_read(&testsrv, &args) == THS_OK ? args.sum : UINT64_MAX;
}

static void one_kind(unsigned kind)
{
	struct testsrv_fault args = {.kind = kind, .row = 4};
	struct testsrv_add add = {.row = 4, .amount = 1};
	uint64_t before = sum();
	enum ths_err err = testsrv_fault(&testsrv, &args);

	test_ok(err == kinds[kind].err, "an operation that %s: %s, expected %s",
		kinds[kind].what, ths_err_name(err), ths_err_name(kinds[kind].err));
	if (kind == TESTSRV_NESTED)
		test_ok((int64_t)args.seen == THS_E_FAULT, "its parent saw %s",
			ths_err_name((enum ths_err)(int64_t)args.seen));
	else
		test_ok(sum() == before, "rows are unchanged: %lu, then %lu",
			(unsigned long)before, (unsigned long)sum());
	before = sum();
	err = testsrv_add(&testsrv, &add);
	test_ok(err == THS_OK && sum() == before + 1, "the next call works: %s",
		ths_err_name(err));
}

static struct faulty_state state(void)
{
	struct faulty_state args = {0};

	if (faulty_state(&faulty, &args) != THS_OK)
		args.recovered = UINT64_MAX;
	return args;
}

/* A pointer of the module's that nano_core follows is the module's fault, too. */
static void bad_pointers(void)
{
	struct faulty_args args = {0};
	enum ths_err err;

	for (args.how = 0; args.how < FAULTY_POINTERS; args.how++) {
		err = faulty_pointer(&faulty, &args);
		test_ok(err == THS_E_FAULT, "a bad pointer to nano_core, way %u: %s",
			args.how, ths_err_name(err));
	}
	test_ok(state().recovered != UINT64_MAX, "the module serves on");
}

/* A device operation, run as nano_core runs them: by a kick, at depth 0. */
static void device(void)
{
	struct faulty_args args = {.how = FAULTY_DEVICE};
	enum ths_err err = faulty_kick(&faulty, &args);
	struct faulty_state seen;

	test_ok(err == THS_OK, "a driver's operation is kicked: %s", ths_err_name(err));
	test_sleep_ms(20);
	seen = state();
	test_ok(seen.recovered > 0, "it faulted, and recover ran %lu times",
		(unsigned long)seen.recovered);
	test_ok(seen.journal == 2, "with the %lu accesses it made in the journal",
		(unsigned long)seen.journal);
	test_ok(seen.done == 0, "what it wrote is not there");
	args.how = FAULTY_NOT;
	err = faulty_kick(&faulty, &args);
	test_sleep_ms(20);
	seen = state();
	test_ok(err == THS_OK && seen.done == 1, "the next one works");
}

void test_fault(void)
{
	for (unsigned kind = 0; kind < TESTSRV_KINDS; kind++)
		one_kind(kind);
	bad_pointers();
	device();
}

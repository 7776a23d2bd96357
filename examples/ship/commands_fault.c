/*
 * commands_fault - breaks testsrv in each of the ways it knows, and looks at what is
 * left.
 *
 * Before it goes wrong the operation has written rows. That the interaction is undone is
 * seen by their sum; that the module lives is seen by the next call. `faults` prints the
 * fault log, which is nano_core's.
 */
#include <theseus/iface/testsrv.h>
#include <theseus/string.h>
#include "ship.h"

#define ROWS 32u

static struct ths_ref testsrv = THS_REF(testsrv);

static const struct kind {
	const char *name;
	enum testsrv_fault_kind kind;
	enum ths_err due; /* what the documents promise */
} kinds[] = {
	{"null", TESTSRV_NULL, THS_E_FAULT},
	{"unmapped", TESTSRV_UNMAPPED, THS_E_FAULT},
	{"noncanonical", TESTSRV_NONCANONICAL, THS_E_FAULT},
	{"text", TESTSRV_WRITE_TEXT, THS_E_FAULT},
	{"rodata", TESTSRV_WRITE_RODATA, THS_E_FAULT},
	{"data", TESTSRV_EXEC_DATA, THS_E_FAULT},
	{"divide", TESTSRV_DIVIDE, THS_E_ARITH},
	{"ud2", TESTSRV_UD2, THS_E_OPCODE},
	{"overrun", TESTSRV_OVERRUN, THS_E_STACK},
	{"loop", TESTSRV_LOOP, THS_E_DEADLINE},
	{"value", TESTSRV_BAD_VALUE, THS_E_INTERNAL},
	{"midway", TESTSRV_MIDWAY, THS_E_FAULT},
	{"nested", TESTSRV_NESTED,
	 THS_OK}, /* the parent lives on, and says what it saw */
	{"error", TESTSRV_ERROR, THS_E_IO},
};

static uint64_t sum(void)
{
	struct testsrv_read read = {.rows = ROWS};

	return testsrv_read(&testsrv, &read) == THS_OK ? read.sum : UINT64_MAX;
}

static void print_rows(uint64_t before, uint64_t after, uint64_t due)
{
	ship_print("  rows: sum %llu before, %llu after: %s\n",
		   (unsigned long long)before, (unsigned long long)after,
		   after != due ? "NOT AS DUE"
		   : after == before
			   ? "unchanged"
			   : "the parent's own write, and not the nested one's");
}

static void break_by(const struct kind *kind)
{
	struct testsrv_fault fault = {.kind = kind->kind};
	struct testsrv_null null = {{0}};
	bool nested = kind->kind == TESTSRV_NESTED;
	uint64_t before = sum();
	enum ths_err err = testsrv_fault(&testsrv, &fault);

	ship_print("fault %s: %s: %s%s\n", kind->name, ths_err_name(err),
		   ths_err_text(err), err == kind->due ? "" : " (NOT AS DUE)");
	if (nested)
		ship_print("  the parent saw %s\n",
			   ths_err_name((enum ths_err)(int64_t)fault.seen));
	print_rows(before, sum(), before + (nested ? 1 : 0));
	ship_print("  next call: %s\n", ths_err_name(testsrv_null(&testsrv, &null)));
}

void ship_fault(unsigned argc, const char *const *argv)
{
	bool all = ths_streq(argv[1], "all"), known = all;

	(void)argc;
	for (unsigned i = 0; i < THS_ARRAY_SIZE(kinds); i++) {
		if (!all && !ths_streq(argv[1], kinds[i].name))
			continue;
		known = true;
		break_by(&kinds[i]);
	}
	if (!known)
		ship_print("fault: there is no kind %s; `help fault` lists them\n",
			   argv[1]);
}

void ship_faults(unsigned argc, const char *const *argv)
{
	static const char *const steps[] = {
#define STEP_TEXT(name, text) [name] = (text),
		MODULE_FAULT_STEPS(STEP_TEXT)};
	struct ths_ref module = THS_REF(module);
	struct module_fault entry = {.number = 0};

	(void)argc;
	(void)argv;
	ship_print("number     tick  instance         operation  what\n");
	while (module_fault(&module, &entry) == THS_OK) {
		ship_print("%6llu %8llu  %-16s ", (unsigned long long)entry.number,
			   (unsigned long long)entry.tick, entry.name);
		if (entry.step == MODULE_FAULT)
			ship_print("%9u  %s at %#llx\n", entry.op,
				   ths_err_name((enum ths_err)entry.err),
				   (unsigned long long)entry.pc);
		else
			ship_print("           %s, %s serves\n",
				   entry.step < MODULE_FAULT_LAST ? steps[entry.step] : "?",
				   entry.by[0] ? entry.by : "nobody");
	}
}

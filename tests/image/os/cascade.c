/*
 * cascade - what is done about a fault before its caller sees it: each step once, on
 * modules that were loaded, one of them the scheduler the test itself runs by.
 *
 * What goes wrong is made to: a module's text is overwritten in memory, or the module
 * swapped in is a bad one. Whoever calls meanwhile must not notice.
 */
#include "test.h"

#include <theseus/iface/module.h>
#include <theseus/iface/testsrv.h>
#include <theseus/string.h>

static struct ths_ref testsrv = THS_REF(testsrv), module = THS_REF(module);

static bool find_provider(const char *iface, struct module_info *info)
{
	*info = (struct module_info){.slot = THS_ROW_NONE};
	while (module_info(&module, info) == THS_OK)
		if (ths_streq(info->provides, iface) &&
		    (info->state == THS_INSTANCE_BOUND ||
		     info->state == THS_INSTANCE_PROBATION))
			return true;
	return false;
}

static bool is_provided_by(const char *iface, const char *id)
{
	struct module_info info;

	return find_provider(iface, &info) && ths_streq(info.id, id);
}

static uint64_t newest_fault(void)
{
	struct module_fault entry = {.number = 0};

	while (module_fault(&module, &entry) == THS_OK)
		;
	return entry.number;
}

/* How often that step was taken since entry @from of the fault log. */
static unsigned steps_since(uint64_t from, enum module_fault_step step)
{
	struct module_fault entry = {.number = from};
	unsigned count = 0;

	while (module_fault(&module, &entry) == THS_OK)
		count += entry.step == (uint32_t)step;
	return count;
}

/* As if its memory had gone bad: ud2, wherever it is entered. */
static void spoil(const char *iface)
{
	struct module_info info;
	uint64_t pages;
	uint8_t *text;
	enum ths_err err;

	if (!find_provider(iface, &info))
		return;
	text = (uint8_t *)(uintptr_t)info.text;
	pages = (info.text_size + THS_PAGE_SIZE - 1) / THS_PAGE_SIZE;
	err = ths_arch_protect(info.text, pages, THS_PROT_RW);
	for (uint64_t i = 0; err == THS_OK && i < info.text_size; i++)
		text[i] = i % 2 ? 0x0b : 0x0f;
	err = err ? err : ths_arch_protect(info.text, pages, THS_PROT_RX);
	test_ok(err == THS_OK, "the text of %s is spoiled: %s", info.name, ths_err_name(err));
}

static void anew(void)
{
	struct testsrv_add add = {.row = 9, .amount = 5};
	uint64_t from = newest_fault();
	enum ths_err err;

	spoil("testsrv");
	err = testsrv_add(&testsrv, &add);
	test_ok(err == THS_OK && add.value == 5, "its caller does not notice: %s",
		ths_err_name(err));
	test_ok(steps_since(from, MODULE_FAULT_ANEW) == 1, "it was loaded anew");
}

static void reverted(void)
{
	struct ths_swap_times times = {0};
	struct ths_reason reason = {{0}};
	uint64_t from = newest_fault();
	enum ths_err err = ths_swap_file("sched", "sched.bad", &times, &reason);

	test_ok(err == THS_OK && times.kept, "a scheduler that cannot pick is swapped in: %s",
		ths_err_name(err));
	ths_yield();
	test_sleep_ms(5);
	test_ok(is_provided_by("sched", "sched.rr"), "the one before serves again");
	test_ok(steps_since(from, MODULE_FAULT_REVERTED) == 1, "by the first pick");
	err = ths_rollback("sched", &reason);
	test_ok(err == THS_E_NOENT, "and there is no way further back: %s", reason.text);
}

static void refused(void)
{
	struct ths_reason reason = {{0}};
	enum ths_err err = ths_swap_file("sched", "sched.unwell", NULL, &reason);

	test_ok(err == THS_E_IO && is_provided_by("sched", "sched.rr"),
		"one whose self-test fails does not stay: %s", reason.text);
}

static void vital(void)
{
	uint64_t from = newest_fault();

	spoil("sched");
	ths_yield();
	test_sleep_ms(5);
	test_ok(is_provided_by("sched", "sched.fcfs"), "the resident second schedules");
	test_ok(steps_since(from, MODULE_FAULT_NEXT) == 1 &&
			steps_since(from, MODULE_FAULT_ANEW) == 0,
		"without loading");
}

/* Faults in a row; between them nobody is served. */
static void unbound(void)
{
	struct ths_ref victim = THS_REF_TO(testsrv, "victim");
	struct testsrv_fault args = {.kind = TESTSRV_UD2};
	struct testsrv_null null = {{0}};
	uint64_t from = newest_fault();
	unsigned faults = 0;
	uint32_t slot;
	enum ths_err err = ths_module_load("testsrv", "victim", &slot, NULL);

	err = err ? err : ths_bind(slot, "victim");
	test_ok(err == THS_OK, "a victim is bound: %s", ths_err_name(err));
	while (faults < 20 && (err = testsrv_fault(&victim, &args)) == THS_E_OPCODE)
		faults++;
	test_ok(faults == 6 && err == THS_E_UNAVAIL, "after %u faults nobody serves: %s",
		faults, ths_err_name(err));
	test_ok(testsrv_null(&victim, &null) == THS_E_UNAVAIL, "nor afterwards");
	test_ok(steps_since(from, MODULE_FAULT_UNBOUND) == 1 &&
			steps_since(from, MODULE_FAULT) == 8,
		"eight faults and an end are in the log");
	test_ok(testsrv_null(&testsrv, &null) == THS_OK, "others are served");
}

void test_cascade(void)
{
	anew();
	reverted();
	refused();
	vital();
	unbound();
}

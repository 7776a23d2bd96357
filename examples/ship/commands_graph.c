/*
 * commands_graph - graph: what the system is made of at this moment, for theseus-graph.
 *
 * It is told as lines of words, between a first and a last line like those of an image that
 * is saved, so that a program finds it in all else that comes on the serial line:
 *
 *	os NAME
 *	module INSTANCE MODULE VERSION PROVIDES STATE
 *	use INSTANCE INTERFACE needed|optional
 *	table INSTANCE TABLE
 *	bind INTERFACE NAME INSTANCE           NAME, INSTANCE: "-" for none
 *	lines COUNT                            of those above
 *
 * The count is for lines that were lost, or torn by the log. A swap may come between two
 * lines: then the graph shows some of it from before and some from behind.
 */
#include <theseus/nano_core.h>
#include "ship.h"

static struct ths_ref module = THS_REF(module);

static unsigned print_uses(const struct module_info *info)
{
	struct module_use use = {.slot = info->slot, .number = THS_ROW_NONE};
	unsigned lines = 0;

	for (; module_use(&module, &use) == THS_OK; lines++)
		ship_print("use %s %s/%u %s\n", info->name, use.iface, use.version,
			   use.optional ? "optional" : "needed");
	return lines;
}

static unsigned print_tables(const struct module_info *info)
{
	struct module_works_on on = {.slot = info->slot, .number = THS_ROW_NONE};
	unsigned lines = 0;

	for (; module_works_on(&module, &on) == THS_OK; lines++)
		ship_print("table %s %s\n", info->name, on.schema);
	return lines;
}

static unsigned print_modules(void)
{
	struct module_info info = {.slot = THS_ROW_NONE};
	unsigned lines = 0;

	while (module_info(&module, &info) == THS_OK) {
		ship_print("module %s %s %u.%u %s/%u %s\n", info.name, info.id, info.major,
			   info.minor, info.provides, info.version,
			   ship_state_name(info.state));
		lines += 1 + print_uses(&info) + print_tables(&info);
	}
	return lines;
}

static unsigned print_bindings(void)
{
	struct module_binding binding = {.slot = THS_ROW_NONE};
	struct module_info info;
	unsigned lines = 0;

	for (; module_binding(&module, &binding) == THS_OK; lines++)
		ship_print("bind %s/%u %s %s\n", binding.iface, binding.version,
			   binding.name[0] ? binding.name : "-",
			   ship_instance_at(binding.instance, &info) ? info.name : "-");
	return lines;
}

void ship_graph(unsigned argc, const char *const *argv)
{
	unsigned lines;

	(void)argc;
	(void)argv;
	ship_print("-----BEGIN THESEUS GRAPH-----\nos ship\n");
	lines = 1 + print_modules();
	lines += print_bindings();
	ship_print("lines %u\n-----END THESEUS GRAPH-----\n", lines);
}

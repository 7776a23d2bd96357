/*
 * commands_modules - modules, bindings, tables, swap, evolve, rollback, spill.
 */
#include <theseus/evolve.h>
#include <theseus/fmt.h>
#include <theseus/nano_core.h>
#include <theseus/string.h>
#include "ship.h"

static struct ths_ref module = THS_REF(module);

/* ---- listings ------------------------------------------------------------------------ */

static bool next_instance(struct module_info *info)
{
	return module_info(&module, info) == THS_OK;
}

bool ship_instance_at(uint32_t slot, struct module_info *info)
{
	*info = (struct module_info){.slot = slot - 1};
	return slot != THS_ROW_NONE && next_instance(info) && info->slot == slot;
}

bool ship_table_at(uint32_t slot, struct module_table *table)
{
	*table = (struct module_table){.slot = slot - 1};
	return module_table(&module, table) == THS_OK && table->slot == slot;
}

/* "sched/1", filled up to @width. */
static void print_iface(const char *name, unsigned version, int width)
{
	char text[THS_NAME_MAX + 8];

	(void)ths_format(text, sizeof(text), "%s/%u", name, version);
	ship_print("%-*s ", width, text);
}

const char *ship_state_name(unsigned state)
{
	static const char *const names[] = {"free",    "loaded", "bound",
					    "retired", "kept",   "PROBATION"};

	return state < THS_ARRAY_SIZE(names) ? names[state] : "?";
}

void ship_modules(unsigned argc, const char *const *argv)
{
	struct module_info info = {.slot = THS_ROW_NONE};
	char version[16];

	(void)argc;
	(void)argv;
	ship_print("instance         module           version provides   state         calls "
		   "faults\n");
	while (next_instance(&info)) {
		(void)ths_format(version, sizeof(version), "%u.%u", info.major, info.minor);
		ship_print("%-16s %-16s %-7s ", info.name, info.id, version);
		print_iface(info.provides, info.version, 10);
		ship_print("%-9s %9llu %6llu\n", ship_state_name(info.state),
			   (unsigned long long)info.calls, (unsigned long long)info.faults);
	}
}

void ship_bindings(unsigned argc, const char *const *argv)
{
	struct module_binding binding = {.slot = THS_ROW_NONE};
	struct module_info info;

	(void)argc;
	(void)argv;
	ship_print("interface    name         instance          published\n");
	while (module_binding(&module, &binding) == THS_OK) {
		print_iface(binding.iface, binding.version, 12);
		ship_print("%-12s %-16s %10u\n", binding.name[0] ? binding.name : "-",
			   ship_instance_at(binding.instance, &info) ? info.name : "(none)",
			   binding.published);
	}
}

static void print_flags(uint32_t flags)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} names[] = {
		{THS_JOINT, "joint"},     {THS_HARDWARE, "hardware"},
		{THS_REQUEST, "request"}, {THS_SOFT, "soft"},
		{THS_PER_CPU, "per-CPU"}, {THS_KEYED, "keyed"},
		{THS_PERSIST, "persist"}, {THS_PER_INSTANCE, "per-instance"},
		{THS_FIXED, "fixed"},
	};

	for (unsigned i = 0; i < THS_ARRAY_SIZE(names); i++)
		if (flags & names[i].flag)
			ship_print(" %s", names[i].name);
}

void ship_tables(unsigned argc, const char *const *argv)
{
	struct module_table table = {.slot = THS_ROW_NONE};

	(void)argc;
	(void)argv;
	ship_print("table                 bytes a row    rows    commits  kind\n");
	while (module_table(&module, &table) == THS_OK) {
		ship_print("%-22s %10u %7u %10llu ", table.schema, table.row_size,
			   table.rows, (unsigned long long)table.commits);
		print_flags(table.flags);
		ship_print("\n");
	}
}

/* ---- spill --------------------------------------------------------------------------- */

static void print_works_on(uint32_t slot)
{
	struct module_works_on on = {.slot = slot, .number = THS_ROW_NONE};
	struct module_table table;

	while (module_works_on(&module, &on) == THS_OK)
		if (ship_table_at(on.table, &table))
			ship_print("    works on %s: %u rows of %u bytes, in state_db\n",
				   table.schema, table.rows, table.row_size);
}

static bool serves(const struct module_info *info)
{
	return info->state == THS_INSTANCE_BOUND || info->state == THS_INSTANCE_PROBATION;
}

/* To *@moved is added what a metamodule that serves works on: one that waits may be linked
 * to the same. */
static uint64_t print_spill(const struct module_info *info, uint64_t *moved)
{
	struct module_memory memory = {.slot = info->slot};
	enum ths_err err = module_memory(&module, &memory);

	if (err) {
		ship_complain(info->name, err);
		return 0;
	}
	if (memory.linked) {
		ship_print("%-16s part of the image: what cannot be swapped\n",
			   info->name);
		return 0;
	}
	ship_print("%-16s %llu bytes of state; text %llu, rodata %llu, writable pages "
		   "%llu\n",
		   info->name, (unsigned long long)memory.writable,
		   (unsigned long long)memory.text, (unsigned long long)memory.rodata,
		   (unsigned long long)memory.writable_pages);
	if (memory.block)
		ship_print("    holds %llu bytes outside of it, moved to who takes its place\n",
			   (unsigned long long)memory.block);
	if (serves(info))
		*moved += memory.block;
	print_works_on(info->slot);
	return memory.writable;
}

void ship_spill(unsigned argc, const char *const *argv)
{
	struct module_info info = {.slot = THS_ROW_NONE};
	uint64_t bytes = 0, moved = 0;
	unsigned count = 0;

	(void)argc;
	(void)argv;
	while (next_instance(&info)) {
		bytes += print_spill(&info, &moved);
		count += info.text_size != 0;
	}
	ship_print("%u modules hold %llu bytes of state; %llu bytes are moved with a "
		   "metamodule\n",
		   count, (unsigned long long)bytes, (unsigned long long)moved);
}

/* ---- swap ---------------------------------------------------------------------------- */

/* The instance that @from names, or that provides the interface so named. */
static bool find_from(const char *from, struct module_info *info)
{
	struct module_binding binding = {.slot = THS_ROW_NONE};

	*info = (struct module_info){.slot = THS_ROW_NONE};
	while (next_instance(info))
		if (ths_streq(info->name, from) && serves(info))
			return true;
	while (module_binding(&module, &binding) == THS_OK)
		if (ths_streq(binding.iface, from) && ship_instance_at(binding.instance, info))
			return true;
	return false;
}

/* An instance so named that waits, loaded, for somebody's place. */
static bool find_spare(const char *to, struct module_info *info)
{
	*info = (struct module_info){.slot = THS_ROW_NONE};
	while (next_instance(info))
		if (ths_streq(info->name, to) && info->state == THS_INSTANCE_LOADED)
			return true;
	return false;
}

static void print_stage(const char *stage, uint64_t counts)
{
	uint64_t hz = ths_arch_counter_hz();
	uint64_t tenths = hz ? counts * 10000000u / hz : 0; /* of a microsecond */

	if (hz)
		ship_print("  %-14s %6llu.%llu us\n", stage,
			   (unsigned long long)tenths / 10,
			   (unsigned long long)tenths % 10);
	else
		ship_print("  %-14s %8llu counts\n", stage, (unsigned long long)counts);
}

void ship_swap(unsigned argc, const char *const *argv)
{
	struct ths_swap_times times = {0};
	struct ths_reason reason = {{0}};
	struct module_info from, to;
	bool spare = find_spare(argv[2], &to);
	enum ths_err err;

	(void)argc;
	if (!find_from(argv[1], &from)) {
		ship_print("swap: no instance and no bound interface is named %s\n",
			   argv[1]);
		return;
	}
	err = spare ? ths_swap(from.slot, to.slot, &times)
		    : ths_swap_file(argv[1], argv[2], &times, &reason);
	if (err) {
		ship_print("swap: %s (%s)\n",
			   reason.text[0] ? reason.text : ths_err_text(err),
			   ths_err_name(err));
		return;
	}
	ship_print("%s -> %s\n", from.name, argv[2]);
	if (spare)
		ship_print("  loaded already\n");
	else
		print_stage("load, verify", times.load);
	print_stage("publish", times.publish);
	if (times.kept)
		ship_print("  probation      %s is kept: `rollback %s` goes back to it\n",
			   from.name, from.provides);
	else
		print_stage("retire", times.retire);
}

void ship_rollback(unsigned argc, const char *const *argv)
{
	struct ths_reason reason = {{0}};
	enum ths_err err = ths_rollback(argv[1], &reason);

	(void)argc;
	if (err)
		ship_print("rollback: %s (%s)\n",
			   reason.text[0] ? reason.text : ths_err_text(err),
			   ths_err_name(err));
	else
		ship_print("who served before serves again\n");
}

void ship_evolve(unsigned argc, const char *const *argv)
{
	struct ths_reason reason = {{0}};
	enum ths_err err = ths_evolve_file(argv[1], &reason);

	(void)argc;
	if (err)
		ship_print("evolve: %s (%s)\n", reason.text, ths_err_name(err));
	else
		ship_print("%s: done\n", argv[1]);
}

/*
 * boot - from a machine to a running OS (P21).
 *
 * arch has found memory and the archive; here the reserve is set apart, nano_core's
 * arrays are made, and the manifest is obeyed line by line: `module` loads, `bind` binds
 * (mem.frames gets the machine's memory the moment it is bound), `program` starts. The
 * boot stack ends as the idle loop. Only then the other CPUs come in.
 *
 * Invariants
 *   O1  No interaction happens before the CPU's workspace and pools exist.
 *   O2  Interrupts are on only after the last `bind`; sleeping is possible from then on.
 *   O3  A manifest that cannot be obeyed stops the machine with its line and the reason
 *       (I6: one of nano_core's own ends).
 */
#include <theseus/iface/tasks.h>
#include <theseus/manifest.h>
#include <theseus/string.h>
#include "nano_core/swap_impl.h"

/* ---- programs ------------------------------------------------------------------------- */

extern const struct ths_program __start_ths_programs[] THS_WEAK;
extern const struct ths_program __stop_ths_programs[] THS_WEAK;

static const struct ths_program *find_program(const char *name)
{
	for (const struct ths_program *program = __start_ths_programs;
	     program < __stop_ths_programs; program++)
		if (ths_streq(program->name, name))
			return program;
	return NULL;
}

static enum ths_err start_bare(struct ths_cpu *cpu, void *arg)
{
	const struct ths_program *program = arg;
	struct ths_task_id task;

	(void)cpu;
	return ths_task_start(NULL, program->entry, NULL, &task);
}

/* By the tasks module where there is one, so that it is known by name. */
static enum ths_err start_program(const struct ths_program *program)
{
	struct ths_ref tasks = THS_REF(tasks);
	struct tasks_create args = {.entry = (uint64_t)(uintptr_t)program->entry};
	enum ths_err err;

	(void)!ths_str_copy(args.name, sizeof(args.name), program->name);
	err = tasks_create(&tasks, &args);
	if (err == THS_E_UNAVAIL)
		err = ths_publish(start_bare, (void *)(uintptr_t)program);
	return err;
}

static void must_start(const char *name, unsigned line)
{
	const struct ths_program *program = find_program(name);
	enum ths_err err = program ? start_program(program) : THS_E_NOENT;

	if (err)
		ths_panic("manifest line %u: program %s: %s", line, name, ths_err_text(err));
}

/* ---- the manifest --------------------------------------------------------------------- */

static void load(const struct ths_manifest_item *item)
{
	struct ths_reason reason = {{0}};
	uint32_t slot;
	enum ths_err err;

	if (ths_module_find(item->name, &slot) == THS_OK &&
	    ths_core.instance[slot].block) /* linked in: its file is there to be swapped in */
		return;
	err = ths_module_load(item->file, item->name, &slot, &reason);
	if (err)
		ths_panic("manifest line %u: module %s: %s (%s)", item->line, item->id,
			  reason.text[0] ? reason.text : ths_err_text(err),
			  ths_err_name(err));
}

static enum ths_err bind_item(const struct ths_manifest_item *item)
{
	const struct ths_iface *iface;
	uint32_t slot;

	THS_TRY(ths_module_find(item->id, &slot));
	iface = ths_core.instance[slot].module->provides.iface;
	if (!ths_streq(iface->name, item->name))
		return THS_E_UNAVAIL;
	if (item->version && item->version != iface->version)
		return THS_E_VERSION;
	THS_TRY(ths_bind(slot, item->as));
	if (ths_streq(item->name, "frames") && !item->as[0])
		return ths_memory_donate();
	return THS_OK;
}

static void bind(const struct ths_manifest_item *item)
{
	enum ths_err err = bind_item(item);

	if (err)
		ths_panic("manifest line %u: bind %s = %s: %s", item->line, item->name,
			  item->id, ths_err_text(err));
}

static void make_vital(const char *iface)
{
	enum ths_err err = ths_vital(iface);

	if (err)
		ths_logf("vital %s: no second provider is loaded: %s", iface,
			 ths_err_text(err));
}

static void obey(const struct ths_manifest_item *item, bool programs)
{
	if (programs) {
		if (item->kind == THS_MANIFEST_PROGRAM)
			must_start(item->name, item->line);
		if (item->kind == THS_MANIFEST_VITAL)
			make_vital(item->name);
		return;
	}
	if (item->kind == THS_MANIFEST_MODULE)
		load(item);
	if (item->kind == THS_MANIFEST_BIND)
		bind(item);
	if (item->kind == THS_MANIFEST_CMDLINE && !ths_core.cmdline[0])
		memcpy(ths_core.cmdline, item->text, item->text_len);
}

static void obey_all(const void *text, size_t size, bool programs)
{
	struct ths_manifest manifest;
	struct ths_manifest_item item;
	enum ths_err err;

	ths_manifest_init(&manifest, text, size);
	while ((err = ths_manifest_next(&manifest, &item)) == THS_OK)
		obey(&item, programs);
	if (err != THS_E_NOENT)
		ths_panic("manifest line %u: %s", manifest.line, manifest.what);
}

/* Pending work, so far only collected, is done from now on, and new tasks may come. */
static THS_NORETURN void serve(struct ths_cpu *cpu)
{
	cpu->serves = true;
	__atomic_store_n(&cpu->started, true, __ATOMIC_RELEASE);
	for (unsigned i = 1; cpu->number == 0 && i < ths_core.cpus; i++)
		ths_arch_kick_cpu(i);
	ths_arch_tick_start(TICK_HZ);
	ths_arch_irq_restore(true);
	ths_context_idle(cpu);
}

/* The boot CPU opens the door, when it has done all but idle. */
void ths_cpu_enter(unsigned number)
{
	struct ths_cpu *first = ths_core.cpu[0];

	if (!first || !__atomic_load_n(&first->started, __ATOMIC_ACQUIRE) ||
	    number >= ths_core.cpus)
		return;
	ths_arch_cpu_set(ths_core.cpu[number]);
	ths_logf("cpu %u up", number);
	serve(ths_core.cpu[number]);
}

void ths_boot(const struct ths_boot_info *info)
{
	struct ths_cpu *cpu;
	const void *text = NULL;
	size_t size = 0;
	enum ths_err err;

	ths_canary_init();
	err = ths_core_start(info);
	if (err) {
		static const char sorry[] = "panic: nano_core cannot start\n";

		ths_arch_console_write(sorry, sizeof(sorry) - 1);
		ths_arch_stop(THS_STOP_TEST, 0x33);
	}
	cpu = ths_cpu();
	if (ths_archive_find("manifest", &text, &size) == THS_OK)
		obey_all(text, size, false);
	ths_cmdline_obey();
	ths_core.up = true;
	if (text)
		obey_all(text, size, true);
	else
		must_start("main", 0);
	serve(cpu);
}

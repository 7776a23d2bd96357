/*
 * core - the one object that holds all of nano_core's state, and how it is brought up.
 *
 * Order (P21): the CPU's record, the reserve, its workspace and first versions, the same of
 * the other CPUs, nano_core itself as an instance that provides `module/1`, state_db's own
 * tables, the archive. The host's tests begin here, too; ths_boot() goes on with the
 * manifest.
 *
 * Invariant
 *   O4  No interaction happens before the CPU's workspace and pools exist.
 */
#include <theseus/quota.h>
#include <theseus/string.h>
#include <theseus/iface/loader.h>
#include <theseus/iface/tasks.h>
#include "nano_core/swap_impl.h"

struct ths_core ths_core;
static struct ths_cpu boot_cpu;

static ths_vaddr_t workspace_of(const struct ths_cpu *cpu)
{
	return ths_arch_stack_area().base + cpu->number * 2ull * WORKSPACE_STACK +
	       WORKSPACE_STACK;
}

/* Also one that is made only in part. */
static void give_workspace(struct ths_cpu *cpu)
{
	ths_paddr_t pages;
	enum ths_prot prot;

	if (cpu->arena)
		ths_pages_give(cpu->arena, 2);
	cpu->arena = NULL;
	if (!ths_arch_lookup(workspace_of(cpu), &pages, &prot))
		return;
	ths_arch_unmap(workspace_of(cpu), WORKSPACE_STACK / THS_PAGE_SIZE);
	ths_pages_give(ths_arch_direct(pages), 3);
}

static enum ths_err make_workspace(struct ths_cpu *cpu)
{
	ths_vaddr_t base = workspace_of(cpu);
	void *pages = ths_pages_take(3); /* WORKSPACE_STACK */
	enum ths_err err;

	_Static_assert(WORKSPACE_STACK == THS_PAGE_SIZE << 3, "order 3");
	_Static_assert(WORKSPACE_ARENA == THS_PAGE_SIZE << 2, "order 2");
	if (!pages)
		return THS_E_NOMEM;
	err = ths_arch_map(base, ths_arch_paddr(pages), WORKSPACE_STACK / THS_PAGE_SIZE,
			   THS_PROT_RW);
	if (err) {
		ths_pages_give(pages, 3);
		return err;
	}
	cpu->arena = ths_pages_take(2);
	if (!cpu->arena)
		return THS_E_NOMEM;
	cpu->blob_room = (void *)(uintptr_t)(base + WORKSPACE_STACK - BLOB_ROOM);
	cpu->stack_top =
		(void *)(uintptr_t)(base + WORKSPACE_STACK - BLOB_ROOM - THS_ARGS_MAX);
	cpu->calls[0].copy = cpu->stack_top;
	return THS_OK;
}

enum ths_err ths_cpu_make(struct ths_cpu *cpu, unsigned number)
{
	memset(cpu, 0, sizeof(*cpu));
	cpu->self = cpu;
	cpu->call = &cpu->calls[0];
	cpu->number = number;
	ths_db_attach(cpu);
	cpu->current = CONTEXTS_MAX;
	if (&ths_gate_paths)
		cpu->gate_frame[6] = (uintptr_t)ths_gate_paths.unwound;
	ths_gate_frame(cpu);
	ths_txn_init(&cpu->txn);
	ths_core.cpu[number] = cpu;
	return THS_OK;
}

/* Versions stay what they are (pool.c): they are @by's then, who brought @cpu up in vain. */
static void give_versions(struct ths_cpu *cpu, struct ths_cpu *by)
{
	struct ths_version *version;

	ths_section_enter(by);
	for (unsigned pool = 0; pool < POOLS; pool++) {
		while ((version = cpu->pool[pool])) {
			cpu->pool[pool] = version->older;
			ths_pool_give(by, version);
		}
		by->pool_pages[pool] += cpu->pool_pages[pool];
		cpu->pool_pages[pool] = 0;
	}
	ths_section_leave(by);
}

/* Workspace and first versions of a CPU: of the boot CPU by itself, of another by whoever
 * brings it up, for where they are asked of mem.frames a workspace is needed (O4). After an
 * error it may be tried again. (Of the boot CPU it is the end.) */
enum ths_err ths_cpu_start(struct ths_cpu *cpu)
{
	enum ths_err err = make_workspace(cpu);

	for (unsigned pool = 0; pool < 5 && err == THS_OK; pool++)
		err = ths_pool_refill(cpu, pool);
	if (err && cpu != ths_cpu()) {
		give_versions(cpu, ths_cpu());
		give_workspace(cpu);
	}
	return err;
}

/* From the reserve, too: nobody is served yet. */
static enum ths_err make_other(uint32_t number)
{
	unsigned order = ths_order_of(sizeof(struct ths_cpu));
	struct ths_cpu *cpu = ths_pages_take(order);
	enum ths_err err = THS_E_NOMEM;

	if (cpu)
		err = ths_cpu_make(cpu, number);
	if (err == THS_OK)
		err = ths_cpu_start(cpu);
	if (err && cpu) {
		ths_core.cpu[number] = NULL;
		ths_pages_give(cpu, order);
	}
	return err;
}

/* As many of those that arch found as there is memory for. How many there are never changes
 * later: it decides how modules are linked and called. */
static void make_others(uint32_t found)
{
	for (uint32_t i = 1; i < found && i < THS_CPU_MAX; i++) {
		enum ths_err err = make_other(i);

		if (err) {
			ths_logf("cpu %u is left out: %s", i, ths_err_text(err));
			return;
		}
		ths_core.cpus = i + 1;
	}
}

static enum ths_err make_nano_core(void)
{
	struct ths_instance *instance;

	THS_TRY(ths_instance_make(ths_nano_core_module(), NULL, NULL, &instance, NULL));
	instance->fresh = false;
	return ths_bind(instance->slot, "");
}

enum ths_err ths_core_start(const struct ths_boot_info *info)
{
	memset(&ths_core, 0, sizeof(ths_core));
	ths_core.cpus = 1;
	ths_core.clock = 1;
	ths_core.probation =
		(struct ths_probation){THS_PROBATION_CALLS, THS_PROBATION_TICKS};
	ths_core.generation = 1;
	ths_core.quota = THS_QUOTA_ROWS;
	ths_core.sched = (struct ths_ref)THS_REF(sched);
	ths_core.frames = (struct ths_ref)THS_REF(frames);
	ths_core.irq = (struct ths_ref)THS_REF(irq);
	ths_core.tasks = (struct ths_ref)THS_REF(tasks);
	ths_core.loader = (struct ths_ref)THS_REF(loader);
	ths_core.loader.flags = THS_REF_NOWAIT;
	((struct ths_version *)ths_core.nobody)->flags = VERSION_DEAD;
	ths_core.binding[0].slot.word = (uintptr_t)ths_core.nobody;
	ths_sleep_init();
	ths_arch_cpu_set(&boot_cpu); /* state_db is found by it */
	THS_TRY(ths_cpu_make(&boot_cpu, 0));
	ths_context_init(&boot_cpu);
	THS_TRY(ths_memory_init(info));
	THS_TRY(ths_cpu_start(&boot_cpu));
	make_others(info->cpus);
	THS_TRY(ths_slots_init());
	THS_TRY(make_nano_core());
	THS_TRY(ths_db_start());
	ths_core.blob_key[0] = ths_arch_entropy();
	ths_core.blob_key[1] = ths_arch_entropy();
	ths_loader_init();
	THS_TRY(ths_archive_init(info->archive, info->archive_size));
	if (ths_str_copy(ths_core.cmdline, sizeof(ths_core.cmdline), info->cmdline) != THS_OK)
		ths_logf("command line: what follows its first %u characters is not obeyed",
			 (unsigned)sizeof(ths_core.cmdline) - 1);
	ths_cmdline_obey();
	return THS_OK;
}

/* ---- the command line ---------------------------------------------------------------- */

/* Its words that are ours. */
void ths_cmdline_obey(void)
{
	ths_quota_boot();
	ths_soft_boot();
}

const char *ths_cmdline(void)
{
	return ths_core.cmdline;
}

bool ths_cmdline_get(const char *key, char *value, size_t size)
{
	const char *at = ths_core.cmdline;
	size_t length = ths_strlen(key);

	while (*at) {
		while (*at == ' ')
			at++;
		if (ths_str_starts(at, key) && at[length] == '=') {
			size_t i = 0;

			for (at += length + 1; *at && *at != ' ' && i + 1 < size; at++)
				value[i++] = *at;
			value[i] = 0;
			return true;
		}
		while (*at && *at != ' ')
			at++;
	}
	return false;
}

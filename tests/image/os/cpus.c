/*
 * cpus - several CPUs: tasks run on each, at the same time; each has ticks; none goes on
 * using what another has unmapped; what happens to one of them is seen.
 *
 * Which CPU that is says its local APIC's number, by cpuid: the machine QEMU plays numbers
 * them from 0. Tasks that meet do not yield, so each CPU needs its ticks for it.
 */
#include <stdatomic.h>
#include <theseus/arch.h>
#include <theseus/iface/tasks.h>
#include <theseus/iface/testsrv.h>
#include <theseus/string.h>
#include "test.h"

#define EACH   3u /* tasks for each CPU */
#define CALLS  2000u
#define REMAPS 100u

static struct ths_ref testsrv = THS_REF(testsrv), tasks = THS_REF(tasks);
static unsigned cpus;
static _Atomic(unsigned) arrived, errors, stale, seen_by;
static _Atomic(uint64_t) published;
static _Atomic(uint64_t) runs[THS_CPU_MAX], calls[THS_CPU_MAX];
static _Atomic(bool) leave;

static unsigned here(void)
{
	uint32_t a = 1, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return (b >> 24) % THS_CPU_MAX;
}

/* As long as another task of this CPU has not come, only a tick brings it; and as long as
 * another CPU's have not, these have to run there. */
static void meets_all(void *unused)
{
	(void)unused;
	atomic_fetch_add(&runs[here()], 1);
	atomic_fetch_add(&arrived, 1);
	while (atomic_load(&arrived) < EACH * cpus)
		ths_arch_relax();
}

static void calls_a_server(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < CALLS; i++) {
		struct testsrv_add add = {.row = 0, .amount = 1};

		if (testsrv_add(&testsrv, &add) != THS_OK)
			atomic_fetch_add(&errors, 1);
		atomic_fetch_add(&calls[here()], 1);
	}
}

static uint64_t sum(void)
{
	struct testsrv_read read = {.row = 0, .rows = 1};

	if (testsrv_read(&testsrv, &read) != THS_OK)
		atomic_fetch_add(&errors, 1);
	return read.sum;
}

static void run_on_all(void (*entry)(void *))
{
	struct ths_task_id task[EACH * THS_CPU_MAX];

	for (unsigned i = 0; i < EACH * cpus; i++)
		task[i] = test_start("one", entry, NULL);
	for (unsigned i = 0; i < EACH * cpus; i++)
		test_join(task[i]);
}

static bool each_has(_Atomic(uint64_t) *count)
{
	for (unsigned i = 0; i < cpus; i++) {
		test_note("cpu %u: %lu", i, (unsigned long)atomic_load(&count[i]));
		if (atomic_load(&count[i]) == 0)
			return false;
	}
	return true;
}

/* ---- translations ---------------------------------------------------------------------- */

static THS_ALIGNED(4096) volatile uint64_t page[2][THS_PAGE_SIZE / 8];

static ths_vaddr_t window(void)
{
	const struct ths_arch_area area = ths_arch_module_area();

	return area.base + area.size - THS_PAGE_SIZE;
}

static void reads_what_is_mapped(void *unused)
{
	uint64_t last = 0;

	(void)unused;
	while (last < REMAPS) {
		const uint64_t now = atomic_load(&published);

		if (now == last) {
			ths_arch_relax(); /* another CPU's turn, too, if one plays all */
			ths_yield();
			continue;
		}
		if (*(volatile uint64_t *)window() != now)
			atomic_fetch_add(&stale, 1);
		last = now;
		atomic_fetch_add(&seen_by, 1);
	}
}

static bool remap(uint64_t turn)
{
	volatile uint64_t *now = page[turn % 2];

	now[0] = turn;
	ths_arch_unmap(window(), 1);
	return ths_arch_map(window(), ths_arch_paddr((const void *)(uintptr_t)now), 1,
			    turn % 3 ? THS_PROT_RW : THS_PROT_R) == THS_OK;
}

static void test_translations(void)
{
	struct ths_task_id reader[2 * THS_CPU_MAX];
	unsigned refused = 0;

	for (unsigned i = 0; i < 2 * cpus; i++)
		reader[i] = test_start("reader", reads_what_is_mapped, NULL);
	for (uint64_t turn = 1; turn <= REMAPS; turn++) {
		refused += !remap(turn);
		atomic_store(&seen_by, 0);
		atomic_store(&published, turn);
		while (atomic_load(&seen_by) < 2 * cpus) {
			ths_arch_relax();
			ths_yield();
		}
	}
	for (unsigned i = 0; i < 2 * cpus; i++)
		test_join(reader[i]);
	ths_arch_unmap(window(), 1);
	test_ok(refused == 0 && atomic_load(&stale) == 0,
		"a page is another one %u times: %u refused, %u CPUs saw the one before",
		REMAPS, refused, atomic_load(&stale));
}

/* ---- ends ------------------------------------------------------------------------------ */

static void never_ends(void *unused)
{
	(void)unused;
	atomic_fetch_add(&arrived, 1);
	for (;;)
		ths_arch_relax();
}

static void test_kills(void)
{
	struct ths_task_id task[EACH * THS_CPU_MAX];
	unsigned refused = 0;

	atomic_store(&arrived, 0);
	for (unsigned i = 0; i < EACH * cpus; i++)
		task[i] = test_start("endless", never_ends, NULL);
	while (atomic_load(&arrived) < EACH * cpus)
		ths_arch_relax();
	for (unsigned i = 0; i < EACH * cpus; i++) {
		struct tasks_kill kill = {.task = task[i], .status = 7};

		refused += tasks_kill(&tasks, &kill) != THS_OK;
		test_join(task[i]);
	}
	test_ok(refused == 0, "%u tasks that never end are killed, wherever they run",
		EACH * cpus);
}

void test_cpus(void)
{
	uint64_t before;

	cpus = (unsigned)test_number("cpus", 1);
	run_on_all(meets_all);
	test_ok(each_has(runs), "%u tasks meet: some on each of %u CPUs", EACH * cpus, cpus);
	before = sum();
	run_on_all(calls_a_server);
	test_ok(each_has(calls) && atomic_load(&errors) == 0,
		"each CPU calls one server; %u calls failed", atomic_load(&errors));
	test_ok(sum() - before == EACH * cpus * CALLS, "and nothing that one wrote is lost");
	test_translations();
	test_kills();
}

/* ---- what is to be seen by who looks on -------------------------------------------------- */

static void ends_badly(void *unused)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} THS_PACKED nothing = {0, 0};

	(void)unused;
	while (here() != cpus - 1 && !atomic_load(&leave))
		ths_arch_relax();
	if (atomic_exchange(&leave, true))
		return;
	switch (test_number("how", 0)) {
	case 0:
		*(volatile uint64_t *)8 = 0; /* a program's fault is nano_core's end */
		break;
	case 1:
		__asm__ volatile("lidt %0; int3" : : "m"(nothing));
		break;
	default:
		__asm__ volatile("cli");
		for (;;)
			ths_arch_relax();
	}
}

/* On the last CPU; not to return. */
void test_cpu_ends(void)
{
	cpus = (unsigned)test_number("cpus", 1);
	run_on_all(ends_badly);
	test_ok(true, "it went on");
}

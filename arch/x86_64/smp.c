/*
 * smp - the other CPUs: started one after the other, called, made to forget, stopped.
 *
 * To start one, the boot CPU leaves in ths_x86_start_* what it begins with, and sends it
 * INIT and start-up interrupts (Intel SDM 3A, 8.4.4); it comes through boot.S and says that
 * it is there. Then it waits, halted, until nano_core takes it (ths_cpu_enter()). One that
 * does not come in time is put back to where it waits to be started, and left out.
 *
 * Translations: the map is the same for all CPUs, and who takes rights away raises
 * `flush.wanted` and interrupts the others, each of which drops all it has and says up to
 * which number. Whoever waits for them drops its own meanwhile, so two who wait for each
 * other both go on (P14). Nothing is mapped as global.
 *
 * Invariants
 *   C1  A CPU is counted in `others` once it has come, and never uncounted.
 *   C2  CR0, CR4 and EFER are the same on all; one on which they are not is left out.
 *   C3  The machine is stopped by one CPU; who wants the same later, or meanwhile, halts.
 */
#include <stdatomic.h>

#include "boot_info.h"
#include "paging.h"

#define INIT_US     10000u
#define SIPI_US     1000u
#define PATIENCE_US 10000000u /* a host that is busy may leave it out for long */
#define MSR_EFER    0xc0000080u

/* What boot.S begins with. */
struct ths_x86_table ths_x86_start_gdt;
uint16_t ths_x86_start_task;
uint64_t ths_x86_start_stack, ths_x86_start_root;

extern const char ths_x86_trampoline[], ths_x86_trampoline_end[];

enum arrival { ABSENT, HERE, UNLIKE };

static struct {
	_Atomic(uint32_t) arrived; /* enum arrival; of the CPU that is being started */
	uint64_t cr0, cr4, efer;   /* as they are to be */
	uint32_t apic_id[THS_CPU_MAX];
	_Atomic(uint32_t) cpus;
} others = {.cpus = 1};

static struct {
	_Atomic(uint64_t) wanted;
	_Atomic(uint64_t) done[THS_CPU_MAX];
} flush;

static _Atomic(uint32_t) stopping; /* 1 + the CPU that does */

/* ---- starting ------------------------------------------------------------------------ */

static void control_registers(uint64_t *cr0, uint64_t *cr4, uint64_t *efer)
{
	__asm__ volatile("movq %%cr0, %0" : "=r"(*cr0));
	__asm__ volatile("movq %%cr4, %0" : "=r"(*cr4));
	*efer = ths_x86_rdmsr(MSR_EFER);
}

static bool is_like_the_first(void)
{
	uint64_t cr0, cr4, efer;

	control_registers(&cr0, &cr4, &efer);
	return cr0 == others.cr0 && cr4 == others.cr4 && efer == others.efer;
}

/* From boot.S. */
THS_NORETURN void ths_x86_other_main(void);
void ths_x86_other_main(void)
{
	const unsigned number = ths_x86_cpu_number();

	ths_x86_idt_load();
	ths_x86_protect_cpu();
	ths_x86_lapic_init(false);
	if (!is_like_the_first()) {
		atomic_store(&others.arrived, UNLIKE);
		ths_x86_halt();
	}
	atomic_store(&others.arrived, HERE);
	for (;;) {
		__asm__ volatile("cli" : : : "memory");
		ths_cpu_enter(number);
		ths_arch_idle();
	}
}

/* An access to the port of POST codes takes about a microsecond, counted or not. */
static bool comes_within(uint64_t us)
{
	const uint64_t hz = ths_arch_counter_hz();
	const uint64_t from = ths_x86_tsc();

	for (uint64_t i = 0; hz ? (ths_x86_tsc() - from) / (hz / 1000000 + 1) < us : i < us;
	     i++) {
		if (atomic_load(&others.arrived) != ABSENT)
			return true;
		if (!hz)
			(void)ths_x86_in8(0x80);
		ths_arch_relax();
	}
	return false;
}

static enum arrival start(unsigned number, uint32_t apic_id)
{
	ths_x86_start_gdt = ths_x86_gdt_table();
	ths_x86_start_task = (uint16_t)(X86_TSS_SEL + 16 * number);
	ths_x86_start_stack = ths_x86_idle_stack(number);
	ths_x86_start_root = ths_x86_paging_root();
	atomic_store(&others.arrived, ABSENT);
	ths_x86_lapic_reset(apic_id);
	if (!comes_within(INIT_US)) {
		ths_x86_lapic_start(apic_id, X86_TRAMPOLINE);
		if (!comes_within(SIPI_US)) {
			ths_x86_lapic_start(apic_id, X86_TRAMPOLINE);
			(void)comes_within(PATIENCE_US);
		}
	}
	if (atomic_load(&others.arrived) == ABSENT)
		ths_x86_lapic_reset(apic_id); /* it is not to come later, in another's stead */
	return (enum arrival)atomic_load(&others.arrived);
}

static void report(uint32_t apic_id, const char *why)
{
	ths_x86_print("boot: the CPU of local APIC ");
	ths_x86_print_dec(apic_id);
	ths_x86_print(why);
}

static bool copy_trampoline(const struct ths_x86_memory *memory)
{
	uint8_t *to = ths_arch_direct(X86_TRAMPOLINE);

	for (unsigned i = 0; i < memory->ram_count; i++) {
		const struct ths_boot_range *ram = &memory->ram[i];

		if (ram->base > X86_TRAMPOLINE ||
		    ram->base + ram->size < X86_TRAMPOLINE + THS_PAGE_SIZE)
			continue;
		for (const char *from = ths_x86_trampoline; from < ths_x86_trampoline_end;)
			*to++ = (uint8_t)*from++;
		return true;
	}
	return false;
}

unsigned ths_x86_smp_start(const struct ths_x86_cpus *cpus,
			   const struct ths_x86_memory *memory)
{
	unsigned count = 1;

	if (cpus->count == 1)
		return 1;
	if (!copy_trampoline(memory)) {
		ths_x86_print("boot: one CPU: others have no memory to begin in\n");
		return 1;
	}
	control_registers(&others.cr0, &others.cr4, &others.efer);
	others.apic_id[0] = cpus->apic_id[0];
	for (unsigned i = 1; i < cpus->count; i++) {
		const enum arrival arrival = start(count, cpus->apic_id[i]);

		if (arrival == HERE) {
			others.apic_id[count] = cpus->apic_id[i];
			atomic_store(&others.cpus, ++count);
		} else {
			report(cpus->apic_id[i], arrival == UNLIKE
							 ? " is unlike the first, and left out\n"
							 : " does not come, and is left out\n");
		}
		if (arrival == UNLIKE)
			ths_x86_lapic_reset(cpus->apic_id[i]);
	}
	return count;
}

/* ---- calling ------------------------------------------------------------------------- */

void ths_arch_kick_cpu(unsigned cpu)
{
	if (cpu < atomic_load(&others.cpus) && cpu != ths_x86_cpu_number())
		ths_x86_lapic_ipi(others.apic_id[cpu], X86_VEC_KICK);
}

void ths_x86_flush_serve(void)
{
	const uint64_t wanted = atomic_load(&flush.wanted);
	uint64_t root;

	__asm__ volatile("movq %%cr3, %0; movq %0, %%cr3" : "=r"(root) : : "memory");
	atomic_store(&flush.done[ths_x86_cpu_number()], wanted);
}

void ths_x86_flush_others(void)
{
	const unsigned cpus = atomic_load(&others.cpus);
	uint64_t wanted;
	unsigned self;
	bool on;

	if (cpus == 1)
		return;
	on = ths_arch_irq_save(); /* or one served in the midst would be forgotten */
	self = ths_x86_cpu_number();
	wanted = atomic_fetch_add(&flush.wanted, 1) + 1;
	for (unsigned i = 0; i < cpus; i++)
		if (i != self)
			ths_x86_lapic_ipi(others.apic_id[i], X86_VEC_FLUSH);
	for (unsigned i = 0; i < cpus; i++) {
		while (i != self && atomic_load(&flush.done[i]) < wanted) {
			ths_x86_flush_serve();
			ths_arch_relax();
		}
	}
	ths_arch_irq_restore(on);
}

/* ---- stopping ------------------------------------------------------------------------ */

bool ths_x86_is_stopping(void)
{
	return atomic_load(&stopping) != 0;
}

void ths_x86_halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt" : : : "memory");
}

void ths_x86_stop_others(void)
{
	uint32_t nobody = 0, self;

	if (atomic_load(&others.cpus) == 1)
		return;
	self = ths_x86_cpu_number() + 1;
	if (atomic_compare_exchange_strong(&stopping, &nobody, self))
		ths_x86_lapic_nmi_others();
	else if (nobody != self)
		ths_x86_halt();
}

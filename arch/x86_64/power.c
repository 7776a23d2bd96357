/*
 * power - the four ways to stop, each with something behind it in case it fails.
 *
 * Off: what ACPI's tables say (S5), then the ports QEMU and Bochs have listened on
 * without asking ACPI. Reboot: ACPI's reset register, the chipset's, the keyboard
 * controller, and a trap without a table. Test: isa-debug-exit, where QEMU was given one.
 * After all of them the processor is halted for good. The other CPUs are before.
 */
#include "boot_info.h"
#include "x86.h"

#define SLEEP_ENABLE (1u << 13)
#define DEBUG_EXIT   0x501

struct ths_x86_acpi ths_x86_acpi;

static void pause_a_little(void)
{
	for (unsigned i = 0; i < 10000; i++)
		(void)ths_x86_in8(0x80);
}

static void power_off(void)
{
	const struct ths_x86_acpi *acpi = &ths_x86_acpi;

	if (acpi->pm1a && acpi->off_known) {
		if (acpi->smi_port && acpi->smi_enable &&
		    !(ths_x86_in16(acpi->pm1a) & 1)) {
			ths_x86_out8(acpi->smi_port, acpi->smi_enable);
			pause_a_little();
		}
		ths_x86_out16(acpi->pm1a, acpi->off_a | SLEEP_ENABLE);
		if (acpi->pm1b)
			ths_x86_out16(acpi->pm1b, acpi->off_b | SLEEP_ENABLE);
		pause_a_little();
	}
	ths_x86_out16(0x604, SLEEP_ENABLE);
	ths_x86_out16(0xb004, SLEEP_ENABLE);
}

static void reboot(void)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} THS_PACKED nothing = {0, 0};

	if (ths_x86_acpi.reset_port) {
		ths_x86_out8(ths_x86_acpi.reset_port, ths_x86_acpi.reset_value);
		pause_a_little();
	}
	ths_x86_out8(0xcf9, 0x02);
	ths_x86_out8(0xcf9, 0x06);
	pause_a_little();
	ths_x86_out8(0x64, 0xfe);
	pause_a_little();
	__asm__ volatile("lidt %0; int3" : : "m"(nothing));
}

THS_NORETURN void ths_arch_stop(enum ths_stop how, uint32_t code)
{
	__asm__ volatile("cli" : : : "memory");
	ths_x86_stop_others();
	switch (how) {
	case THS_STOP_OFF:
		power_off();
		break;
	case THS_STOP_REBOOT:
		reboot();
		break;
	case THS_STOP_TEST:
		ths_x86_out32(DEBUG_EXIT, code);
		break;
	case THS_STOP_HALT:
		break;
	}
	ths_x86_halt();
}

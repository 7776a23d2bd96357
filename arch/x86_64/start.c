/*
 * start - the boot CPU, from the higher half to ths_boot().
 *
 * The order is forced: the console first, so that whatever goes wrong can be said;
 * traps next, so that it can be caught; then the loader's tables, which are not trusted;
 * ACPI while all of low memory is still mapped; the final page tables, which need the
 * memory map; the clock; the other CPUs last, which need it. What ths_boot() is handed
 * lives in this file for ever.
 */
#include "boot_info.h"
#include "x86.h"

static struct ths_x86_found found;
static struct ths_x86_memory memory;
static struct ths_x86_cpus cpus;
static struct ths_boot_info boot_info;

THS_NORETURN void ths_x86_refuse(const char *what, const char *why)
{
	ths_x86_print("panic: ");
	ths_x86_print(what);
	ths_x86_print(": ");
	ths_x86_print(why);
	ths_x86_print("\n");
	ths_arch_stop(THS_STOP_TEST, 0x33);
}

/* cpus=N of the command line; 1 where it says nothing, or nothing of sense. */
static unsigned cpus_asked(const char *at)
{
	static const char key[] = " cpus=";
	unsigned matched = 1; /* as if a blank came before */
	unsigned number = 0;

	for (; *at && matched < sizeof(key) - 1; at++)
		matched = *at == key[matched] ? matched + 1 : *at == ' ';
	if (matched < sizeof(key) - 1)
		return 1;
	for (; *at >= '0' && *at <= '9' && number <= THS_CPU_MAX; at++)
		number = 10 * number + (unsigned)(*at - '0');
	return number == 0 || (*at && *at != ' ') ? 1 : number;
}

/* Which others to start: as many as are asked for, and there. */
static void find_cpus(const struct ths_x86_window *window)
{
	const unsigned asked = cpus_asked(found.cmdline);
	const uint32_t self = ths_x86_cpuid(1).ebx >> 24;
	const char *wrong = NULL;

	cpus = (struct ths_x86_cpus){.count = 1, .apic_id = {self}};
	if (asked == 1)
		return;
	if (!ths_x86_lapic_present())
		wrong = "there is no local APIC";
	else
		wrong = ths_x86_madt_parse(window, found.rsdp, self, &cpus);
	if (!wrong && cpus.lapic != ths_x86_lapic_paddr())
		wrong = "the local APIC is elsewhere";
	if (wrong) {
		cpus.count = 1;
		ths_x86_print("boot: one CPU: ACPI's MADT: ");
		ths_x86_print(wrong);
		ths_x86_print("\n");
	}
	if (cpus.count > asked)
		cpus.count = asked;
}

static const char *parse(uint32_t magic, uint32_t info)
{
	const struct ths_x86_window window = {ths_arch_direct(0), X86_BOOT_MAPPED};
	const struct ths_boot_range image = {
		(uint64_t)ths_x86_image_start - X86_KERNEL_BASE,
		(uint64_t)(ths_x86_image_end - ths_x86_image_start)};
	const char *wrong;

	if (magic == X86_MULTIBOOT2_MAGIC)
		wrong = ths_x86_multiboot2_parse(&window, info, &found);
	else if (magic == X86_PVH_MAGIC)
		wrong = ths_x86_pvh_parse(&window, info, &found);
	else
		wrong = "started neither by multiboot2 nor by PVH";
	if (wrong)
		return wrong;
	if (!ths_x86_window_at(&window, found.archive, found.archive_size))
		return "the module archive is out of reach";
	ths_x86_acpi_parse(&window, found.rsdp, &ths_x86_acpi);
	find_cpus(&window);

	const struct ths_boot_range used[] = {image, {found.archive, found.archive_size}};
	return ths_x86_memory_build(&found, used, THS_ARRAY_SIZE(used), &memory);
}

static unsigned smallest_range(void)
{
	unsigned smallest = 0;

	for (unsigned i = 1; i < memory.free_count; i++)
		if (memory.free[i].size < memory.free[smallest].size)
			smallest = i;
	return smallest;
}

/* The largest of the free ranges, if there are more than nano_core takes; none empty. */
static void hand_over_memory(void)
{
	unsigned smallest = smallest_range();

	while (memory.free_count && (memory.free_count > THS_BOOT_RANGES_MAX ||
				     memory.free[smallest].size == 0)) {
		memory.free_count--;
		for (unsigned i = smallest; i < memory.free_count; i++)
			memory.free[i] = memory.free[i + 1];
		smallest = smallest_range();
	}
	for (unsigned i = 0; i < memory.free_count; i++)
		boot_info.free[i] = memory.free[i];
	boot_info.ranges = memory.free_count;
}

THS_NORETURN void ths_x86_main(uint32_t magic, uint32_t info)
{
	const char *wrong;

	ths_x86_console_init();
	ths_x86_gdt_init();
	ths_x86_idt_init();
	wrong = parse(magic, info);
	if (wrong)
		ths_x86_refuse("boot", wrong);
	wrong = ths_x86_paging_init(&memory, cpus.count);
	if (wrong)
		ths_x86_refuse("paging", wrong);
	ths_x86_protect_cpu();
	ths_x86_pic_init();
	ths_x86_lapic_init(true);
	ths_x86_calibrate();

	boot_info.cmdline = found.cmdline;
	boot_info.loader = found.loader;
	if (found.archive_size) {
		boot_info.archive = ths_arch_direct(found.archive);
		boot_info.archive_size = found.archive_size;
	}
	boot_info.cpus = ths_x86_smp_start(&cpus, &memory);
	hand_over_memory();
	ths_boot(&boot_info);
}

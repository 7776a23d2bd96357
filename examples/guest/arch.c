/*
 * arch - what nano_core asks of a machine and no library can know: where memory is, where
 * text goes, how the machine ends.
 *
 * The first GiB of memory is at its own address, and so is nothing else; behind it is the
 * window that nano_core maps stacks into. Nothing happens by itself.
 */
#define THS_ARCH_WINDOW       0x40000000u /* where boot.S puts the page table guest_window */
#define THS_ARCH_WINDOW_TABLE guest_window
#include <theseus/arch_quiet.h>
#include <theseus/arch_window.h>

#define GIVEN 0x1000000u /* memory from here on is nano_core's: guest.lds */

THS_NORETURN void guest_main(const void *start_info);

void *ths_arch_direct(ths_paddr_t paddr)
{
	return (void *)(uintptr_t)paddr;
}

ths_paddr_t ths_arch_paddr(const void *direct)
{
	return (uintptr_t)direct;
}

void ths_arch_console_write(const char *text, size_t len) /* COM1, as QEMU has it */
{
	for (; len > 0; len--, text++)
		ths_arch_port_out(0x3f8, 1, (uint8_t)*text);
}

void ths_arch_stop(enum ths_stop how, uint32_t code)
{
	if (how == THS_STOP_TEST)
		ths_arch_port_out(0x501, 4, code);
	if (how == THS_STOP_OFF)
		ths_arch_port_out(0x604, 2, 0x2000);
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* Xen's arch-x86/hvm/start_info.h, as far as it is read here. */
struct start_info {
	uint32_t magic, version, flags, modules;
	uint64_t module_list, cmdline, rsdp, map;
	uint32_t map_entries;
};
struct map_entry {
	uint64_t base, size;
	uint32_t type, reserved;
};

/* From boot.S. The piece of memory that GIVEN lies in is nano_core's. */
void guest_main(const void *start_info)
{
	const struct start_info *info = start_info;
	const struct map_entry *map = ths_arch_direct(info->map),
			       *end = map + info->map_entries;
	struct ths_boot_info boot = {.cmdline = "", .loader = "PVH", .cpus = 1};

	while (map < end && (map->type != 1 || map->base + map->size <= GIVEN))
		map++;
	if (map < end && map->base <= GIVEN) {
		uint64_t size = map->base + map->size - GIVEN;
		uint64_t most = THS_ARCH_WINDOW - GIVEN;

		boot.free[boot.ranges++] = (struct ths_boot_range){
			GIVEN, (size < most ? size : most) & ~(THS_PAGE_SIZE - 1ull)};
	}
	ths_boot(&boot);
}

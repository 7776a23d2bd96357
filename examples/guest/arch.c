/*
 * arch - all that nano_core asks of a machine, in a hundred lines.
 *
 * One CPU, no interrupts, the first GiB of memory at its own address, a window of 512
 * pages for stacks, no place for modules from files: they are linked in.
 *
 * Left out, so not there: deadlines (no tick), faults (no IDT: a module that faults stops
 * the machine), guard pages below the boot stack.
 */
#include <theseus/arch.h>
#include <theseus/string.h>

#define WINDOW       0x40000000u
#define WINDOW_PAGES 512u
#define GIVEN        0x1000000u /* memory from here on is nano_core's: guest.lds */
#define NO_EXECUTE   (1ull << 63)

extern uint64_t guest_window[WINDOW_PAGES]; /* boot.S */
void guest_first_steps(void);
THS_NORETURN void guest_main(const void *start_info);

void ths_arch_cpu_set(struct ths_cpu *cpu)
{
	uint64_t at = (uintptr_t)cpu;

	__asm__ volatile("wrmsr"
			 :
			 : "c"(0xc0000101), "a"(at), "d"(at >> 32)); /* GS base */
}

bool ths_arch_irq_save(void)
{
	return false;
}

void ths_arch_irq_restore(bool on)
{
	(void)on;
}

void ths_arch_idle(void) /* nothing will ever happen */
{
	ths_arch_stop(THS_STOP_HALT, 0);
}

void ths_arch_relax(void)
{
	__asm__ volatile("pause");
}

void ths_arch_kick_cpu(unsigned cpu)
{
	(void)cpu;
}

uint64_t ths_arch_counter(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

uint64_t ths_arch_counter_hz(void)
{
	return 0;
}

uint64_t ths_arch_entropy(void)
{
	return ths_arch_counter() * 0x9e3779b97f4a7c15u;
}

void ths_arch_tick_start(uint32_t hz)
{
	(void)hz;
}

void ths_arch_context_init(struct ths_arch_context *context, void *stack_top,
			   void (*entry)(void *), void *arg)
{
	uint64_t *stack = (uint64_t *)stack_top - 7; /* r15 r14 r13 r12 rbx rbp rip */

	stack[2] = (uintptr_t)arg;
	stack[3] = (uintptr_t)entry;
	stack[6] = (uintptr_t)guest_first_steps;
	context->rsp = (uintptr_t)stack;
}

/* ---- memory ---------------------------------------------------------------------------
 */

void *ths_arch_direct(ths_paddr_t paddr)
{
	return (void *)(uintptr_t)paddr;
}

ths_paddr_t ths_arch_paddr(const void *direct)
{
	return (uintptr_t)direct;
}

static bool in_window(ths_vaddr_t vaddr, size_t pages)
{
	return vaddr >= WINDOW && pages <= WINDOW_PAGES &&
	       (vaddr - WINDOW) / THS_PAGE_SIZE <= WINDOW_PAGES - pages;
}

static uint64_t *entry_of(ths_vaddr_t vaddr)
{
	return &guest_window[(vaddr - WINDOW) / THS_PAGE_SIZE];
}

static void set(ths_vaddr_t vaddr, uint64_t entry)
{
	*entry_of(vaddr) = entry;
	__asm__ volatile("invlpg (%0)" : : "r"(vaddr) : "memory");
}

static uint64_t bits_of(enum ths_prot prot)
{
	return prot == THS_PROT_NONE ? 0
	       : prot == THS_PROT_RX ? 1
				     : NO_EXECUTE | (prot == THS_PROT_RW ? 3 : 1);
}

enum ths_err ths_arch_map(ths_vaddr_t vaddr, ths_paddr_t paddr, size_t pages,
			  enum ths_prot prot)
{
	if (!in_window(vaddr, pages) || (vaddr | paddr) % THS_PAGE_SIZE)
		return THS_E_INVAL;
	for (size_t i = 0; i < pages; i++)
		if (*entry_of(vaddr + i * THS_PAGE_SIZE))
			return THS_E_EXIST;
	for (size_t i = 0; i < pages; i++)
		set(vaddr + i * THS_PAGE_SIZE,
		    (paddr + i * THS_PAGE_SIZE) | bits_of(prot));
	return THS_OK;
}

enum ths_err ths_arch_protect(ths_vaddr_t vaddr, size_t pages, enum ths_prot prot)
{
	if (!in_window(vaddr, pages))
		return THS_E_INVAL;
	for (; pages > 0; pages--, vaddr += THS_PAGE_SIZE)
		set(vaddr, (*entry_of(vaddr) & 0x000ffffffffff000u) | bits_of(prot));
	return THS_OK;
}

void ths_arch_unmap(ths_vaddr_t vaddr, size_t pages)
{
	for (; in_window(vaddr, 1) && pages > 0; pages--, vaddr += THS_PAGE_SIZE)
		set(vaddr, 0);
}

bool ths_arch_lookup(ths_vaddr_t vaddr, ths_paddr_t *paddr, enum ths_prot *prot)
{
	uint64_t entry = in_window(vaddr, 1) ? *entry_of(vaddr) : 0;

	*paddr = entry & 0x000ffffffffff000u;
	*prot = !(entry & NO_EXECUTE) ? THS_PROT_RX
		: entry & 2           ? THS_PROT_RW
				      : THS_PROT_R;
	return entry & 1;
}

struct ths_arch_area ths_arch_module_area(void)
{
	return (struct ths_arch_area){0, 0};
}

struct ths_arch_area ths_arch_stack_area(void)
{
	return (struct ths_arch_area){WINDOW, WINDOW_PAGES * THS_PAGE_SIZE};
}

enum ths_err ths_arch_copy(void *dst, const void *src, size_t len)
{
	memcpy(dst, src, len);
	return THS_OK;
}

/* ---- devices --------------------------------------------------------------------------
 */

void ths_arch_port_out(uint16_t port, unsigned width, uint32_t value)
{
	if (width == 1)
		__asm__ volatile("outb %b0, %w1" : : "a"(value), "d"(port));
	else if (width == 2)
		__asm__ volatile("outw %w0, %w1" : : "a"(value), "d"(port));
	else
		__asm__ volatile("outl %0, %w1" : : "a"(value), "d"(port));
}

uint32_t ths_arch_port_in(uint16_t port, unsigned width)
{
	uint32_t value = 0;

	if (width == 1)
		__asm__ volatile("inb %w1, %b0" : "+a"(value) : "d"(port));
	else if (width == 2)
		__asm__ volatile("inw %w1, %w0" : "+a"(value) : "d"(port));
	else
		__asm__ volatile("inl %w1, %0" : "+a"(value) : "d"(port));
	return value;
}

void ths_arch_console_write(const char *text, size_t len) /* COM1, as QEMU has it */
{
	for (; len > 0; len--, text++)
		ths_arch_port_out(0x3f8, 1, (uint8_t)*text);
}

void ths_arch_backtrace(const struct ths_trap *trap)
{
	(void)trap;
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

/* ---- the start ------------------------------------------------------------------------
 */

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

void guest_main(const void *start_info)
{
	const struct start_info *info = start_info;
	const struct map_entry *map = ths_arch_direct(info->map);
	struct ths_boot_info boot = {.cmdline = "", .loader = "PVH", .cpus = 1};

	for (uint32_t i = 0; i < info->map_entries; i++) {
		uint64_t end = map[i].base + map[i].size;

		if (map[i].type != 1 || map[i].base > GIVEN || end <= GIVEN)
			continue;
		end = end < WINDOW ? end : WINDOW;
		boot.free[0] = (struct ths_boot_range){
			GIVEN, (end - GIVEN) & ~(uint64_t)(THS_PAGE_SIZE - 1)};
		boot.ranges = 1;
	}
	ths_boot(&boot);
}

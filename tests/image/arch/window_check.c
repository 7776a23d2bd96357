/*
 * window_check - the mappings of <theseus/arch_window.h>, asked on examples/guest: its
 * machine, with this program instead of its own.
 */
#include <theseus/nano_core.h>

#define PAGE THS_PAGE_SIZE

static unsigned asked, failed;

static void check(bool holds, const char *what)
{
	asked++;
	failed += !holds;
	ths_logf("%sok %u - %s", holds ? "" : "not ", asked, what);
}

static bool is(ths_vaddr_t vaddr, ths_paddr_t paddr, enum ths_prot prot)
{
	enum ths_prot seen;
	ths_paddr_t at;

	return ths_arch_lookup(vaddr, &at, &seen) && at == paddr && seen == prot;
}

static bool nowhere(ths_vaddr_t vaddr)
{
	enum ths_prot prot;
	ths_paddr_t paddr;

	return !ths_arch_lookup(vaddr, &paddr, &prot);
}

static bool refuses(ths_vaddr_t vaddr, ths_paddr_t paddr, size_t pages, enum ths_err due)
{
	return ths_arch_map(vaddr, paddr, pages, THS_PROT_RW) == due;
}

static void main_program(void *unused)
{
	struct ths_arch_area area = ths_arch_stack_area();
	/* Two pages from the end of the window, where no stack is yet. */
	ths_vaddr_t end = area.base + area.size, at = end - 2 * PAGE;
	static uint64_t memory[3 * PAGE / 8] THS_ALIGNED(4096);
	ths_paddr_t frame = ths_arch_paddr(memory);

	(void)unused;
	check(ths_arch_map(at, frame, 2, THS_PROT_RW) == THS_OK &&
		      is(at, frame, THS_PROT_RW) &&
		      is(at + PAGE + 5, frame + PAGE + 5, THS_PROT_RW),
	      "what is mapped is found");
	*(volatile uint64_t *)(at + PAGE) = 77;
	check(memory[PAGE / 8] == 77, "and is that memory");
	check(refuses(at, frame + 2 * PAGE, 1, THS_E_EXIST) && is(at, frame, THS_PROT_RW),
	      "a page that is mapped is not mapped again");
	check(ths_arch_protect(at, 1, THS_PROT_RX) == THS_OK &&
		      is(at, frame, THS_PROT_RX) &&
		      is(at + PAGE, frame + PAGE, THS_PROT_RW) &&
		      ths_arch_protect(at, 1, THS_PROT_R) == THS_OK &&
		      is(at, frame, THS_PROT_R),
	      "rights change, of those pages only");
	ths_arch_unmap(at, 1);
	check(nowhere(at) && is(at + PAGE, frame + PAGE, THS_PROT_RW),
	      "what is unmapped is nowhere");
	ths_arch_unmap(at, 2);
	check(nowhere(at + PAGE), "and what was not mapped is passed over");
	check(refuses(at + 1, frame, 1, THS_E_INVAL) &&
		      refuses(at, frame + 1, 1, THS_E_INVAL) &&
		      refuses(at, frame, 3, THS_E_INVAL) &&
		      refuses(area.base - PAGE, frame, 1, THS_E_INVAL) &&
		      refuses(end, frame, 1, THS_E_INVAL) &&
		      refuses(at, frame, SIZE_MAX, THS_E_INVAL) && nowhere(at) &&
		      nowhere(end),
	      "what is not aligned, or not all in the window, is refused");
	ths_logf("theseus: %u passed, %u failed", asked - failed, failed);
	ths_stop(THS_STOP_TEST, 0x2a);
}
THS_PROGRAM("main", main_program);

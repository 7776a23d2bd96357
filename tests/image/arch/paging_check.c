/*
 * The page tables as the processor sees them, walked from CR3 by code that shares nothing
 * with arch's own; and the calls that change them.
 */
#include "harness.h"

/* ---- an independent walk ------------------------------------------------------------- */

#define PRESENT 1ul
#define WRITE   2ul
#define BIG     0x80ul
#define NO_EXEC (1ul << 63)
#define FRAME   0x000ffffffffff000ul

struct leaf {
	uint64_t vaddr, paddr, size;
	bool writable, executable;
};

static bool (*visitor)(const struct leaf *leaf, void *arg);

static bool walk_table(uint64_t table, unsigned level, uint64_t vaddr, bool write,
		       bool exec, void *arg)
{
	const uint64_t *entries = (const uint64_t *)(X86_DIRECT_BASE + (table & FRAME));

	for (uint64_t i = 0; i < 512; i++) {
		const uint64_t entry = entries[i];
		const uint64_t at = vaddr | i << (12 + 9 * level);
		const bool can_write = write && entry & WRITE;
		const bool can_exec = exec && !(entry & NO_EXEC);

		if (!(entry & PRESENT))
			continue;
		if (level > 0 && !(entry & BIG)) {
			if (!walk_table(entry, level - 1, at, can_write, can_exec, arg))
				return false;
			continue;
		}
		const struct leaf leaf = {at | (at >> 47 & 1 ? 0xffff000000000000 : 0),
					  entry & FRAME, 4096ul << 9 * level, can_write,
					  can_exec};
		if (!visitor(&leaf, arg))
			return false;
	}
	return true;
}

static bool walk(bool (*visit)(const struct leaf *leaf, void *arg), void *arg)
{
	uint64_t cr3;

	__asm__ volatile("movq %%cr3, %0" : "=r"(cr3));
	visitor = visit;
	return walk_table(cr3, 3, 0, true, true, arg);
}

static bool not_both(const struct leaf *leaf, void *arg)
{
	(void)arg;
	return !(leaf->writable && leaf->executable);
}

static bool not_low(const struct leaf *leaf, void *arg)
{
	(void)arg;
	return leaf->vaddr >> 63;
}

struct frames {
	uint64_t start, end;
};

/* No writable mapping of these frames, anywhere. */
static bool not_writable(const struct leaf *leaf, void *arg)
{
	const struct frames *frames = arg;

	return !leaf->writable || leaf->paddr >= frames->end ||
	       leaf->paddr + leaf->size <= frames->start;
}

/* Whatever executes has no writable alias: one walk inside the other would share the
 * visitor, so executable leaves are collected first. */
#define EXEC_MAX 4096
static struct frames executable[EXEC_MAX];
static unsigned executables;

static bool collect(const struct leaf *leaf, void *arg)
{
	(void)arg;
	if (leaf->executable && executables < EXEC_MAX)
		executable[executables++] =
			(struct frames){leaf->paddr, leaf->paddr + leaf->size};
	return true;
}

static bool text_is_sealed(void)
{
	executables = 0;
	walk(collect, NULL);
	for (unsigned i = 0; i < executables; i++)
		if (!walk(not_writable, &executable[i]))
			return false;
	return executables > 0 && executables < EXEC_MAX;
}

static bool tables_are_sound(void)
{
	return walk(not_both, NULL) && walk(not_low, NULL) && text_is_sealed();
}

/* ---- changing them ------------------------------------------------------------------- */

static uint64_t read_at(void *at)
{
	return *(volatile uint64_t *)at;
}

static uint64_t write_at(void *at)
{
	*(volatile uint64_t *)at = 0xc3c3c3c3c3c3c3c3;
	return 1;
}

static uint64_t call_at(void *at)
{
	return ((uint64_t(*)(void *))at)(NULL);
}

static uint64_t module_base, stack_base;
static ths_paddr_t frame;
static struct ths_frame recovery;

static bool does(uint64_t (*fn)(void *), uint64_t at)
{
	return ths_arch_run(&recovery, test_stack(), fn, (void *)at) != UNWOUND;
}

static bool cannot(uint64_t (*fn)(void *), uint64_t at)
{
	return traps_as(THS_TRAP_PAGE, fn, (void *)at) && seen.last.addr == at;
}

static bool looks(uint64_t vaddr, ths_paddr_t paddr, enum ths_prot prot)
{
	ths_paddr_t found;
	enum ths_prot how;

	return ths_arch_lookup(vaddr + 8, &found, &how) && found == paddr + 8 &&
	       how == prot;
}

/* The life of a module's page: filled, made text, run, made data again, gone. */
static bool page_lives(void)
{
	const uint64_t alias = (uint64_t)ths_arch_direct(frame);

	return ths_arch_map(module_base, frame, 1, THS_PROT_RW) == THS_OK &&
	       looks(module_base, frame, THS_PROT_RW) && does(write_at, module_base) &&
	       cannot(call_at, module_base) && tables_are_sound() &&
	       ths_arch_protect(module_base, 1, THS_PROT_RX) == THS_OK &&
	       looks(module_base, frame, THS_PROT_RX) && does(call_at, module_base) &&
	       cannot(write_at, module_base) && cannot(write_at, alias) &&
	       looks(alias, frame, THS_PROT_R) && tables_are_sound() &&
	       ths_arch_protect(module_base, 1, THS_PROT_R) == THS_OK &&
	       cannot(call_at, module_base) && cannot(write_at, alias) &&
	       ths_arch_protect(module_base, 1, THS_PROT_NONE) == THS_OK &&
	       cannot(read_at, module_base) && does(write_at, alias) &&
	       looks(module_base, frame, THS_PROT_NONE) &&
	       ths_arch_protect(module_base, 1, THS_PROT_RX) == THS_OK &&
	       does(call_at, module_base) && tables_are_sound();
}

static bool page_dies(void)
{
	ths_paddr_t paddr;
	enum ths_prot prot;

	ths_arch_unmap(module_base, 1);
	return cannot(call_at, module_base) && cannot(read_at, module_base) &&
	       !ths_arch_lookup(module_base, &paddr, &prot) &&
	       does(write_at, (uint64_t)ths_arch_direct(frame)) && pages_out == 0;
}

static bool refusals(void)
{
	const ths_paddr_t text = ths_arch_paddr(ths_x86_text_start);
	const uint64_t end = module_base + ths_arch_module_area().size;
	bool good;

	good = ths_arch_map(module_base + 1, frame, 1, THS_PROT_RW) == THS_E_INVAL &&
	       ths_arch_map(module_base, frame + 8, 1, THS_PROT_RW) == THS_E_INVAL &&
	       ths_arch_map(module_base, frame, 0, THS_PROT_RW) == THS_E_INVAL &&
	       ths_arch_map(module_base, frame, 1, (enum ths_prot)7) == THS_E_INVAL &&
	       ths_arch_map(0x400000, frame, 1, THS_PROT_RW) == THS_E_INVAL &&
	       ths_arch_map(X86_DIRECT_BASE, frame, 1, THS_PROT_RW) == THS_E_INVAL &&
	       ths_arch_map(end, frame, 1, THS_PROT_RW) == THS_E_INVAL &&
	       ths_arch_map(end - 4096, frame, 2, THS_PROT_RW) == THS_E_INVAL &&
	       ths_arch_map(module_base, frame, SIZE_MAX / 4096, THS_PROT_RW) ==
		       THS_E_INVAL &&
	       ths_arch_map((uint64_t)ths_x86_text_start, frame, 1, THS_PROT_RX) ==
		       THS_E_INVAL &&
	       ths_arch_map(module_base, text, 1, THS_PROT_RW) == THS_E_INVAL &&
	       ths_arch_protect(module_base, 1, THS_PROT_R) == THS_E_INVAL &&
	       pages_out == 0;
	good = good && ths_arch_map(module_base, frame, 1, THS_PROT_RX) == THS_OK &&
	       ths_arch_map(module_base, frame_alloc(), 1, THS_PROT_RW) == THS_E_EXIST &&
	       ths_arch_map(module_base + 4096, frame, 1, THS_PROT_RW) == THS_E_INVAL &&
	       ths_arch_map(module_base + 8192, frame, 1, THS_PROT_RX) == THS_E_INVAL &&
	       tables_are_sound();
	ths_arch_unmap(module_base, 3);
	return good && pages_out == 0;
}

/* Eight pages over the edge of a page table, and memory that runs out at every point. */
static bool nothing_half_done(void)
{
	const uint64_t vaddr = module_base + 0x200000 - 4 * 4096;
	ths_paddr_t paddr = 0, found;
	enum ths_prot prot;
	unsigned needed = 0;

	for (unsigned i = 0; i < 8; i++)
		paddr = frame_alloc(); /* downwards, so the last is the lowest */
	for (;; needed++) {
		pages_allow = needed;
		const enum ths_err err = ths_arch_map(vaddr, paddr, 8, THS_PROT_RX);

		pages_allow = 1000;
		if (err == THS_OK)
			break;
		if (err != THS_E_NOMEM || pages_out || !tables_are_sound())
			return false;
		for (unsigned i = 0; i < 8; i++)
			if (ths_arch_lookup(vaddr + i * 4096, &found, &prot))
				return false;
	}
	ths_arch_unmap(vaddr, 8);
	return needed >= 3 && pages_out == 0;
}

static bool protect_half_done(void)
{
	const uint64_t vaddr = module_base;
	bool good = ths_arch_map(vaddr, frame, 1, THS_PROT_RW) == THS_OK;

	pages_allow = 0;
	good = good && ths_arch_protect(vaddr, 1, THS_PROT_RX) == THS_E_NOMEM &&
	       looks(vaddr, frame, THS_PROT_RW) && does(write_at, vaddr);
	pages_allow = 1000;
	ths_arch_unmap(vaddr, 1);
	return good && pages_out == 0;
}

/* ---- stacks -------------------------------------------------------------------------- */

/* Calls itself, through a pointer so that no compiler makes a loop of it. */
static uint64_t (*volatile again)(void *);

static uint64_t recurse(void *arg)
{
	volatile uint64_t room[8] = {(uint64_t)arg};

	return again((void *)(room[0] + 1)) + room[0];
}

static bool overrun_is_told(void)
{
	const uint64_t low = stack_base + 16 * 4096;
	bool good = true;

	again = recurse;
	for (unsigned i = 0; i < 2; i++)
		good = good && ths_arch_map(low + i * 4096, frame_alloc(), 1,
					    THS_PROT_RW) == THS_OK;
	good = good &&
	       traps_on((void *)(low + 2 * 4096), THS_TRAP_STACK, recurse, NULL) &&
	       seen.last.addr < low && seen.last.addr >= low - 4096;
	ths_arch_unmap(low, 2);
	return good && pages_out == 0;
}

static bool image_guards_hold(void)
{
	const void *guard;
	bool good = cannot(write_at, (uint64_t)ths_x86_boot_stack_guard);

	for (unsigned i = 0; (guard = ths_x86_ist_guard(i)); i++)
		good = good && cannot(write_at, (uint64_t)guard);
	return good;
}

static bool sealed_tables_hold(void)
{
	return cannot(write_at, (uint64_t)ths_x86_sealed_start) &&
	       cannot(write_at,
		      (uint64_t)ths_arch_direct(ths_arch_paddr(ths_x86_sealed_start)));
}

static bool protections_are_on(void)
{
	uint64_t cr0, cr4;

	__asm__("movq %%cr0, %0; movq %%cr4, %1" : "=r"(cr0), "=r"(cr4));
	return cr0 & 1ul << 16 && cr4 & X86_CR4_SMEP && cr4 & X86_CR4_SMAP &&
	       cr4 & X86_CR4_UMIP;
}

void test_paging(void)
{
	struct frames text = {ths_arch_paddr(ths_x86_image_start),
			      ths_arch_paddr(ths_x86_text_end)};

	module_base = ths_arch_module_area().base;
	stack_base = ths_arch_stack_area().base;
	frame = frame_alloc();
	check(walk(not_both, NULL), "no page is writable and executable");
	check(walk(not_low, NULL), "nothing is mapped in the lower half");
	check(walk(not_writable, &text) && text_is_sealed(),
	      "text and rodata have no writable alias");
	check(protections_are_on(), "WP, SMEP, SMAP and UMIP are on");
	check(sealed_tables_hold(), "descriptor tables cannot be written");
	check(image_guards_hold(), "there is nothing below the stacks of boot and traps");
	check(page_lives(), "a page is data, text, rodata, nothing, as it is told");
	check(page_dies(),
	      "an unmapped page is gone, its alias writable, no table left over");
	check(refusals(), "impossible mappings are refused");
	check(nothing_half_done(),
	      "a mapping that runs out of memory leaves nothing behind");
	check(protect_half_done(),
	      "a protection that runs out of memory changes nothing");
	check(overrun_is_told(), "a stack that overruns is told as such");
	check(tables_are_sound(), "and after all that the tables are sound");
}

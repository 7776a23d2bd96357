/*
 * host_memory - mappings over an arena, and the promises arch.h makes of them (A3).
 */
#include "upcalls.h"

#include <pthread.h>
#include <string.h>
#include <suite.h>

#define PAGE    ((uint64_t)THS_PAGE_SIZE)
#define FRAME   ((ths_paddr_t)THS_HOST_PADDR)
#define MODULES ths_arch_module_area().base
#define STACKS  ths_arch_stack_area().base

static unsigned char *bytes(ths_vaddr_t vaddr)
{
	return (unsigned char *)vaddr;
}

static uint64_t write_to(void *arg)
{
	(void)arg;
	*(volatile unsigned char *)up.tick_pc = 1;
	return 0;
}

static uint64_t read_from(void *arg)
{
	(void)arg;
	return *(volatile unsigned char *)up.tick_pc;
}

static uint64_t call_to(void *arg)
{
	(void)arg;
	__asm__ volatile("call *%0" : : "r"(up.tick_pc) : "rax", "memory");
	return 0;
}

/* Whether @fn, as a module, may touch @vaddr. */
static bool may(uint64_t (*fn)(void *), ths_vaddr_t vaddr)
{
	up.tick_pc = vaddr;
	return up_module(fn) < UP_TRAP;
}

START_TEST(the_direct_map_reaches_every_frame)
{
	const struct ths_boot_info *info = ths_host_boot_info();
	ths_paddr_t end = info->free[0].base + info->free[0].size;

	ck_assert_uint_eq(info->ranges, 1);
	ck_assert_uint_eq(info->free[0].size, 64u << 20);
	for (ths_paddr_t at = info->free[0].base; at < end; at += 512 * PAGE) {
		ck_assert_uint_eq(ths_arch_paddr(ths_arch_direct(at)), at);
		memset(ths_arch_direct(at), 0xa5, PAGE);
	}
	ck_assert_uint_eq(ths_arch_paddr(ths_arch_direct(end - 1)), end - 1);
	ck_assert_ptr_null(ths_arch_direct(end));
	ck_assert_ptr_null(ths_arch_direct(FRAME - 1));
	ck_assert_uint_eq(ths_arch_paddr(&info), 0);
}
END_TEST

START_TEST(memory_has_the_size_asked_for)
{
	ck_assert(ths_host_memory((8u << 20) - 5));
	ck_assert_uint_eq(ths_host_boot_info()->free[0].size, 8u << 20);
	ck_assert(!ths_host_memory(16u << 20)); /* too late */
	ths_host_reset();
	ck_assert(ths_host_memory(16u << 20));
	ck_assert_uint_eq(ths_host_boot_info()->free[0].size, 16u << 20);
}
END_TEST

START_TEST(two_addresses_of_a_frame_are_one_memory)
{
	up_enter();
	ck_assert_int_eq(ths_arch_map(MODULES, FRAME, 2, THS_PROT_RW), THS_OK);
	ck_assert_int_eq(ths_arch_map(STACKS + PAGE, FRAME + PAGE, 1, THS_PROT_R),
			 THS_OK);
	memset(bytes(MODULES + PAGE), 0x5a, PAGE);
	ck_assert_uint_eq(*bytes(STACKS + PAGE), 0x5a);
	ck_assert_uint_eq(*(unsigned char *)ths_arch_direct(FRAME + PAGE), 0x5a);
	up_leave();
}
END_TEST

static const struct {
	enum ths_prot prot;
	bool write, execute;
} rights[] = {
	{THS_PROT_R, false, false},
	{THS_PROT_RW, true, false},
	{THS_PROT_RX, false, true},
};

START_TEST(rights_are_kept)
{
	ths_vaddr_t at = MODULES + 5 * PAGE;
	enum ths_prot prot;
	ths_paddr_t paddr;

	up_enter();
	*(unsigned char *)ths_arch_direct(FRAME) = 0xc3; /* ret */
	ck_assert_int_eq(ths_arch_map(at, FRAME, 1, rights[_i].prot), THS_OK);
	ck_assert(may(read_from, at));
	ck_assert_int_eq(may(call_to, at), rights[_i].execute);
	ck_assert_int_eq(may(write_to, at + 1), rights[_i].write);
	ck_assert(ths_arch_lookup(at + 7, &paddr, &prot));
	ck_assert_uint_eq(paddr, FRAME + 7);
	ck_assert_int_eq(prot, rights[_i].prot);

	for (size_t i = 0; i < THS_ARRAY_SIZE(rights); i++) {
		ck_assert_int_eq(ths_arch_protect(at, 1, rights[i].prot), THS_OK);
		ck_assert(may(read_from, at));
		ck_assert_int_eq(may(call_to, at), rights[i].execute);
		ck_assert_int_eq(may(write_to, at + 1), rights[i].write);
		ck_assert(ths_arch_lookup(at, NULL, &prot));
		ck_assert_int_eq(prot, rights[i].prot);
	}
	up_leave();
}
END_TEST

START_TEST(text_has_no_writable_alias)
{
	unsigned char *direct = ths_arch_direct(FRAME);
	ths_vaddr_t text = MODULES, alias = MODULES + 8 * PAGE;

	up_enter();
	*direct = 0xc3;
	ck_assert_int_eq(ths_arch_map(text, FRAME, 1, THS_PROT_RX), THS_OK);
	ck_assert(!may(write_to, (uint64_t)(uintptr_t)direct));
	ck_assert(may(read_from, (uint64_t)(uintptr_t)direct));
	ck_assert_int_eq(ths_arch_map(alias, FRAME, 1, THS_PROT_RW), THS_E_INVAL);
	ck_assert_int_eq(ths_arch_map(alias, FRAME, 1, THS_PROT_R), THS_OK);
	ck_assert_int_eq(ths_arch_protect(alias, 1, THS_PROT_RW), THS_E_INVAL);
	ck_assert_int_eq(ths_arch_protect(alias, 1, THS_PROT_RX), THS_OK);
	ths_arch_unmap(text, 1);
	ck_assert(!may(write_to, (uint64_t)(uintptr_t)direct)); /* alias is text too */
	ths_arch_unmap(alias, 1);
	ck_assert(may(write_to, (uint64_t)(uintptr_t)direct));

	ck_assert_int_eq(ths_arch_map(text, FRAME, 1, THS_PROT_RW), THS_OK);
	ck_assert_int_eq(ths_arch_map(alias, FRAME, 1, THS_PROT_RX), THS_E_INVAL);
	ck_assert_int_eq(ths_arch_map(alias, FRAME, 1, THS_PROT_R), THS_OK);
	ck_assert_int_eq(ths_arch_protect(text, 1, THS_PROT_RX), THS_OK);
	up_leave();
}
END_TEST

START_TEST(an_unmapped_page_is_gone)
{
	up_enter();
	ck_assert_int_eq(ths_arch_map(MODULES, FRAME, 3, THS_PROT_RW), THS_OK);
	ths_arch_unmap(MODULES + PAGE, 1);
	ck_assert(may(read_from, MODULES));
	ck_assert(!may(read_from, MODULES + PAGE));
	ck_assert_int_eq(up.trap.kind, THS_TRAP_PAGE);
	ck_assert_uint_eq(up.trap.addr, MODULES + PAGE);
	ck_assert(may(read_from, MODULES + 2 * PAGE));
	ck_assert(!ths_arch_lookup(MODULES + PAGE, NULL, NULL));
	ths_arch_unmap(MODULES, 3); /* the one not mapped is passed over */
	ths_arch_unmap(MODULES, 3);
	ck_assert(!may(read_from, MODULES));
	up_leave();
}
END_TEST

START_TEST(the_page_below_a_stack_is_a_guard)
{
	ths_vaddr_t stack = STACKS + 4 * PAGE;

	up_enter();
	ck_assert_int_eq(ths_arch_map(stack, FRAME, 2, THS_PROT_RW), THS_OK);
	ck_assert(may(write_to, stack));
	ck_assert(!may(write_to, stack - 8));
	ck_assert_int_eq(up.trap.kind, THS_TRAP_STACK);
	ck_assert(!may(write_to, stack + 2 * PAGE));
	ck_assert_int_eq(up.trap.kind, THS_TRAP_STACK);
	up_leave();
}
END_TEST

START_TEST(what_cannot_be_mapped_is_refused)
{
	const struct ths_boot_range memory = ths_host_boot_info()->free[0];
	struct ths_arch_area area = ths_arch_module_area();
	ths_paddr_t end = memory.base + memory.size;

	up_enter();
#define refused(vaddr, paddr, pages, prot)                                               \
	ck_assert_int_eq(ths_arch_map(vaddr, paddr, pages, prot), THS_E_INVAL)
	refused(MODULES + 1, FRAME, 1, THS_PROT_R);
	refused(MODULES, FRAME + 1, 1, THS_PROT_R);
	refused(MODULES, 0, 1, THS_PROT_R);
	refused(MODULES, end, 1, THS_PROT_R);
	refused(MODULES, end - PAGE, 2, THS_PROT_R);
	refused(MODULES, FRAME, 1, THS_PROT_NONE);
	refused(MODULES, FRAME, 1, (enum ths_prot)7); /* writable and executable (A3) */
	refused(area.base - PAGE, FRAME, 1, THS_PROT_R);
	refused(area.base + area.size - PAGE, FRAME, 2, THS_PROT_R);
	refused(MODULES, FRAME, SIZE_MAX / PAGE, THS_PROT_R);
	refused(0, FRAME, 1, THS_PROT_R);
#undef refused
	ck_assert_int_eq(ths_arch_protect(MODULES, 1, THS_PROT_R), THS_E_INVAL);
	ck_assert_int_eq(ths_arch_map(MODULES, FRAME, 1, THS_PROT_RW), THS_OK);
	ck_assert_int_eq(ths_arch_protect(MODULES, 2, THS_PROT_R), THS_E_INVAL);
	ck_assert_int_eq(ths_arch_protect(MODULES, 1, (enum ths_prot)7), THS_E_INVAL);
	ck_assert(may(write_to, MODULES)); /* a refusal changes nothing */
	up_leave();
}
END_TEST

START_TEST(a_mapped_page_is_not_mapped_again)
{
	ths_paddr_t paddr;

	up_enter();
	ck_assert_int_eq(ths_arch_map(MODULES + PAGE, FRAME, 1, THS_PROT_R), THS_OK);
	ck_assert_int_eq(ths_arch_map(MODULES, FRAME + PAGE, 2, THS_PROT_RW),
			 THS_E_EXIST);
	ck_assert(!ths_arch_lookup(MODULES, NULL, NULL));
	ck_assert(ths_arch_lookup(MODULES + PAGE, &paddr, NULL));
	ck_assert_uint_eq(paddr, FRAME);
	up_leave();
}
END_TEST

START_TEST(page_tables_are_taken_and_given_back)
{
	ths_vaddr_t seam = MODULES + 512 * PAGE; /* where the second table begins */

	up_enter();
	ck_assert_int_eq(ths_arch_map(MODULES, FRAME, 1, THS_PROT_R), THS_OK);
	ck_assert_uint_eq(up_pages_out, 1);
	ck_assert_int_eq(ths_arch_map(seam - PAGE, FRAME, 2, THS_PROT_R), THS_OK);
	ck_assert_uint_eq(up_pages_out, 2);
	ths_arch_unmap(seam, 1);
	ck_assert_uint_eq(up_pages_out, 1);
	ths_arch_unmap(MODULES, 512);
	ck_assert_uint_eq(up_pages_out, 0);
	up_leave();
}
END_TEST

START_TEST(a_map_without_page_tables_maps_nothing)
{
	ths_vaddr_t seam = MODULES + 512 * PAGE;

	up_enter();
	up_pages_left = 0;
	ck_assert_int_eq(ths_arch_map(MODULES, FRAME, 1, THS_PROT_R), THS_E_NOMEM);
	up_pages_left = 1; /* for the first table of two */
	ck_assert_int_eq(ths_arch_map(seam - PAGE, FRAME, 2, THS_PROT_R), THS_E_NOMEM);
	ck_assert_uint_eq(up_pages_left, 1);
	ck_assert(!ths_arch_lookup(seam - PAGE, NULL, NULL));
	ck_assert(!may(read_from, seam - PAGE));
	up_pages_left = 2;
	ck_assert_int_eq(ths_arch_map(seam - PAGE, FRAME, 2, THS_PROT_R), THS_OK);
	ck_assert(may(read_from, seam));
	up_leave();
}
END_TEST

START_TEST(the_areas_suit_modules_and_stacks)
{
	struct ths_arch_area modules = ths_arch_module_area();
	struct ths_arch_area stacks = ths_arch_stack_area();

	ck_assert_uint_eq(modules.base % PAGE, 0);
	ck_assert_uint_eq(stacks.base % PAGE, 0);
	ck_assert_uint_ge(modules.size, 64u << 20);
	ck_assert_uint_ge(stacks.size, 64u << 20);
	/* So that sign-extended 32-bit relocations reach them. */
	ck_assert_uint_lt(modules.base + modules.size, UINT64_C(0x80000000));
	ck_assert(modules.base + modules.size <= stacks.base ||
		  stacks.base + stacks.size <= modules.base);
}
END_TEST

START_TEST(a_reset_forgets_mappings_and_contents)
{
	up_enter();
	ck_assert_int_eq(ths_arch_map(MODULES, FRAME, 1, THS_PROT_RW), THS_OK);
	*bytes(MODULES) = 9;
	up_leave();
	ths_host_reset();
	ck_assert(!ths_arch_lookup(MODULES, NULL, NULL));
	ck_assert_uint_eq(*(unsigned char *)ths_arch_direct(FRAME), 0);
}
END_TEST

#define THREADS 3u

static pthread_mutex_t pages_lock = PTHREAD_MUTEX_INITIALIZER;

static void *map_often(void *arg)
{
	uint64_t number = (uintptr_t)arg;
	ths_vaddr_t at =
		ths_arch_module_area().base + number * PAGE; /* one table for all */
	bool is_right = true;

	for (unsigned i = 0; i < 100; i++) {
		pthread_mutex_lock(&pages_lock); /* the upcalls' pool has no lock */
		is_right &=
			ths_arch_map(at, FRAME + number * PAGE, 1, THS_PROT_RW) == THS_OK;
		pthread_mutex_unlock(&pages_lock);
		*bytes(at) = (unsigned char)(number + i);
		is_right &= ths_arch_protect(at, 1, THS_PROT_R) == THS_OK;
		is_right &= *bytes(at) == (unsigned char)(number + i);
		pthread_mutex_lock(&pages_lock);
		ths_arch_unmap(at, 1);
		pthread_mutex_unlock(&pages_lock);
	}
	return is_right ? bytes(at) : NULL;
}

START_TEST(cpus_map_side_by_side)
{
	pthread_t threads[THREADS];
	void *result;

	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, map_often, (void *)(uintptr_t)i);
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &result);
		ck_assert_ptr_nonnull(result);
	}
	ck_assert_uint_eq(up_pages_out, 0);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("host_memory");
	TCase *frames = tcase_create("frames and the direct map");
	TCase *maps = tcase_create("A3 rights");
	TCase *refusals = tcase_create("refusals");
	TCase *tables = tcase_create("page tables");

	tcase_add_test(frames, the_direct_map_reaches_every_frame);
	tcase_add_test(frames, memory_has_the_size_asked_for);
	tcase_add_test(frames, two_addresses_of_a_frame_are_one_memory);
	tcase_add_test(frames, the_areas_suit_modules_and_stacks);
	tcase_add_test(frames, a_reset_forgets_mappings_and_contents);
	suite_add_tcase(suite, frames);

	tcase_add_loop_test(maps, rights_are_kept, 0, THS_ARRAY_SIZE(rights));
	tcase_add_test(maps, text_has_no_writable_alias);
	tcase_add_test(maps, an_unmapped_page_is_gone);
	tcase_add_test(maps, the_page_below_a_stack_is_a_guard);
	suite_add_tcase(suite, maps);

	tcase_add_test(refusals, what_cannot_be_mapped_is_refused);
	tcase_add_test(refusals, a_mapped_page_is_not_mapped_again);
	suite_add_tcase(suite, refusals);

	tcase_add_test(tables, page_tables_are_taken_and_given_back);
	tcase_add_test(tables, a_map_without_page_tables_maps_nothing);
	tcase_add_test(tables, cpus_map_side_by_side);
	suite_add_tcase(suite, tables);
	return suite;
}

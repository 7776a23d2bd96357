/*
 * memory_test - pages of the reserve and of mem.frames: whole, zeroed, each one's own,
 * and given back to where they came from (Y1, Y2).
 */
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "suite.h"

#include <string.h>
#include <theseus/host.h>
#include "nano_core/nano_core_impl.h"

extern const struct ths_module ths_module_mem_frames;

static struct ths_ref ref, frames;

static void setup(void)
{
	harness_start();
	harness_bind(&ths_module_script, "");
	ref = (struct ths_ref)THS_REF(script);
	frames = (struct ths_ref)THS_REF(frames);
}

static void with_frames(void)
{
	setup();
	harness_bind(&ths_module_mem_frames, "");
	ck_assert_int_eq(ths_memory_donate(), THS_OK);
}

static uint64_t frames_left(void)
{
	struct frames_stat stat = {0};

	ck_assert_int_eq(frames_stat(&frames, &stat), THS_OK);
	return stat.free;
}

static bool is_zero(const uint8_t *pages, unsigned order)
{
	for (size_t i = 0; i < (size_t)THS_PAGE_SIZE << order; i++)
		if (pages[i])
			return false;
	return true;
}

/* ---- the reserve --------------------------------------------------------------------- */

START_TEST(memory_that_is_none_is_refused)
{
	struct ths_boot_info info = *ths_host_boot_info();

	info.ranges = 0;
	ck_assert_int_eq(ths_memory_init(&info), THS_E_NOMEM);
	info.ranges = THS_BOOT_RANGES_MAX + 1;
	ck_assert_int_eq(ths_memory_init(&info), THS_E_NOMEM);
	info.ranges = 1;
	info.free[0].size = 8 * (1u << 20) - THS_PAGE_SIZE; /* an eighth is the reserve */
	ck_assert_int_eq(ths_memory_init(&info), THS_E_NOMEM);
	info.free[0].size = 8u << 20;
	ck_assert_int_eq(ths_memory_init(&info), THS_OK);
	ck_assert_uint_eq(ths_memory_reserve(), (1u << 20) / THS_PAGE_SIZE - 4); /* Y3 */
}
END_TEST

START_TEST(pages_are_zeroed_whole_and_come_again)
{
	for (unsigned order = 0; order < 11; order++) {
		uint64_t out = ths_pages_out();
		uint8_t *pages = ths_pages_take(order), *again;

		if (!pages)
			break; /* the reserve is not that large */
		ck_assert_uint_eq(ths_arch_paddr(pages) % THS_PAGE_SIZE, 0);
		ck_assert(is_zero(pages, order));
		ck_assert_uint_eq(ths_pages_out(), out + (1u << order));
		memset(pages, 0xa5, (size_t)THS_PAGE_SIZE << order);
		ths_pages_give(pages, order);
		ck_assert_uint_eq(ths_pages_out(), out);
		again = ths_pages_take(order);
		ck_assert_ptr_eq(again, pages);
		ck_assert(is_zero(again, order));
		ths_pages_give(again, order);
	}
	ck_assert_ptr_null(ths_pages_take(11));
	ck_assert_ptr_null(ths_pages_take(64));
}
END_TEST

#define MOST 4096u
static uint8_t *taken[MOST];

static unsigned take_until_none(void)
{
	unsigned count = 0;

	while (count < MOST && (taken[count] = ths_pages_take(0)) != NULL) {
		memset(taken[count], (int)count, THS_PAGE_SIZE);
		count++;
	}
	ck_assert_uint_lt(count, MOST);
	return count;
}

START_TEST(the_reserve_ends_and_begins_again)
{
	uint64_t reserve = ths_memory_reserve();

	for (unsigned round = 0; round < 3; round++) {
		unsigned count = take_until_none();

		ck_assert_uint_eq(count, reserve);
		ck_assert_uint_eq(ths_memory_reserve(), 0);
		for (unsigned i = 0; i < count; i++) {
			for (unsigned at = 0; at < THS_PAGE_SIZE; at += 512)
				ck_assert_uint_eq(taken[i][at], (uint8_t)i); /* its own */
			ths_pages_give(taken[i], 0);
		}
		ck_assert_uint_eq(ths_memory_reserve(), reserve);
	}
}
END_TEST

/* ---- Y1, with mem.frames ------------------------------------------------------------- */

START_TEST(pages_go_back_to_where_they_came_from)
{
	uint64_t reserve = ths_memory_reserve(), left;
	void *pages = ths_pages_take(2); /* the rows of frames have their pages by now */

	ths_pages_give(pages, 2);
	left = frames_left();
	reserve = ths_memory_reserve();
	pages = ths_pages_take(2);
	ck_assert_uint_eq(frames_left(), left - 4);
	ck_assert_uint_eq(ths_memory_reserve(), reserve);
	ths_pages_give(pages, 2);
	ck_assert_uint_eq(frames_left(), left);
	ck_assert_uint_eq(ths_memory_reserve(), reserve);
}
END_TEST

static enum ths_err take_inside(struct ths_call *call, void *ctx)
{
	(void)call;
	*(void **)ctx = ths_pages_take(0);
	return THS_OK;
}

/* P13: within an interaction mem.frames is not called, or a refill would call itself. */
START_TEST(inside_an_interaction_the_reserve_gives)
{
	uint64_t left, reserve;
	void *page = NULL;

	ck_assert_int_eq(script_by(&ref, take_inside, &page), THS_OK);
	ths_pages_give(page, 0);
	left = frames_left();
	reserve = ths_memory_reserve();
	ck_assert_int_eq(script_by(&ref, take_inside, &page), THS_OK);
	ck_assert_ptr_nonnull(page);
	ck_assert_uint_eq(frames_left(), left);
	ck_assert_uint_eq(ths_memory_reserve(), reserve - 1);
	ths_pages_give(page, 0);
	ck_assert_uint_eq(frames_left(), left);
	ck_assert_uint_eq(ths_memory_reserve(), reserve);
}
END_TEST

/* ---- Y2 ------------------------------------------------------------------------------ */

static enum ths_err drain_inside(struct ths_call *call, void *ctx)
{
	(void)call;
	*(unsigned *)ctx = take_until_none();
	return THS_OK;
}

START_TEST(a_refill_fills_the_reserve_up_to_its_mark)
{
	struct ths_cpu *cpu = ths_cpu();
	unsigned count;
	uint64_t left;

	ck_assert_int_eq(script_by(&ref, drain_inside, &count), THS_OK);
	ck_assert_uint_eq(ths_memory_reserve(), 0);
	left = frames_left();
	cpu->refill_pool = POOLS; /* no pool: only the lists */
	ck_assert_int_eq(ths_refill(cpu), THS_OK);
	ck_assert_uint_ge(ths_memory_reserve(), 48 + 4 * 4);
	ck_assert_uint_le(frames_left(), left - 48 - 4 * 4);
	while (count--)
		ths_pages_give(taken[count], 0);
}
END_TEST

static void nothing(void)
{
}

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("memory");

	harness_case(suite, "no memory", nothing, memory_that_is_none_is_refused);
	harness_case(suite, "pages", setup, pages_are_zeroed_whole_and_come_again);
	harness_case(suite, "the reserve", setup, the_reserve_ends_and_begins_again);
	harness_case(suite, "Y1", with_frames, pages_go_back_to_where_they_came_from);
	harness_case(suite, "P13", with_frames, inside_an_interaction_the_reserve_gives);
	harness_case(suite, "Y2", with_frames, a_refill_fills_the_reserve_up_to_its_mark);
	return suite;
}

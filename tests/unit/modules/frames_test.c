/*
 * frames - against a plain map of who has which frame.
 *
 * The addresses are numbers to mem.frames, so the tests give it memory that nobody has.
 */
#include <stdlib.h>
#include <string.h>
#include <suite.h>
#include <theseus/iface/frames.h>
#include <theseus/iface/module.h>
#include "harness.h"

#define FRAME 4096ull
#define MIB   (1ull << 20)

extern const struct ths_module ths_module_mem_frames;

static struct ths_ref frames = THS_REF_TO(frames, "tried");
static uint32_t instance;

static void setup(void)
{
	harness_start();
	instance = harness_bind(&ths_module_mem_frames, "tried");
}

static enum ths_err donate(uint64_t base, uint64_t count)
{
	while (count > 0) {
		struct frames_donate arg = {.base = base, .frames = count};
		enum ths_err err = frames_donate(&frames, &arg);

		if (err != THS_OK)
			return err;
		ck_assert_uint_ge(arg.taken, 1);
		ck_assert_uint_le(arg.taken, count);
		base += arg.taken * FRAME;
		count -= arg.taken;
	}
	return THS_OK;
}

static enum ths_err alloc(uint32_t order, uint64_t *paddr)
{
	struct frames_alloc arg = {.order = order, .tag = 7};
	enum ths_err err = frames_alloc(&frames, &arg);

	*paddr = arg.paddr;
	return err;
}

static enum ths_err give_back(uint64_t paddr)
{
	struct frames_free arg = {.paddr = paddr};

	return frames_free(&frames, &arg);
}

static struct frames_stat stat_now(void)
{
	struct frames_stat arg = {0};

	ck_assert_int_eq(frames_stat(&frames, &arg), THS_OK);
	return arg;
}

START_TEST(what_was_donated_can_be_had_frame_by_frame)
{
	uint64_t base = 5 * MIB + 3 * FRAME, paddr; /* ragged at both ends, two maps */
	unsigned count = 1200;

	ck_assert_int_eq(donate(base, count), THS_OK);
	ck_assert_uint_eq(stat_now().total, count);
	for (unsigned i = 0; i < count; i++) {
		ck_assert_int_eq(alloc(0, &paddr), THS_OK);
		ck_assert_uint_eq(paddr, base + i * FRAME); /* M2: the lowest */
	}
	ck_assert_int_eq(alloc(0, &paddr), THS_E_NOMEM);
	ck_assert_uint_eq(stat_now().free, 0);
	ck_assert_uint_eq(stat_now().blocks, count);
}
END_TEST

START_TEST(a_block_is_aligned_and_merges_again)
{
	uint64_t paddr;

	ck_assert_int_eq(donate(8 * MIB, 8 * MIB / FRAME), THS_OK);
	for (uint32_t order = 0; order <= FRAMES_ORDER_MAX; order++) {
		uint64_t single;

		ck_assert_int_eq(alloc(0, &single), THS_OK);
		ck_assert_int_eq(alloc(order, &paddr), THS_OK);
		ck_assert_uint_eq(paddr % (FRAME << order), 0);
		ck_assert_uint_ne(paddr, single);
		ck_assert_int_eq(give_back(single), THS_OK);
		ck_assert_int_eq(give_back(paddr), THS_OK);
		ck_assert_uint_eq(stat_now().largest, FRAMES_ORDER_MAX);
	}
	ck_assert_int_eq(alloc(FRAMES_ORDER_MAX + 1, &paddr), THS_E_INVAL);
}
END_TEST

START_TEST(only_an_allocated_block_can_be_freed)
{
	uint64_t paddr;

	ck_assert_int_eq(donate(4 * MIB, 64), THS_OK);
	ck_assert_int_eq(alloc(2, &paddr), THS_OK);
	ck_assert_int_eq(give_back(paddr + FRAME), THS_E_NOENT); /* inside it */
	ck_assert_int_eq(give_back(paddr + 8 * FRAME), THS_E_NOENT);
	ck_assert_int_eq(give_back(paddr), THS_OK);
	ck_assert_int_eq(give_back(paddr), THS_E_NOENT);
	ck_assert_uint_eq(stat_now().free, 64);
}
END_TEST

START_TEST(no_frame_is_donated_twice)
{
	uint64_t paddr;

	ck_assert_int_eq(donate(4 * MIB, 64), THS_OK);
	ck_assert_int_eq(donate(4 * MIB, 64), THS_E_EXIST);
	ck_assert_int_eq(donate(4 * MIB + 63 * FRAME, 2), THS_E_EXIST);
	ck_assert_int_eq(donate(4 * MIB - FRAME, 2), THS_E_EXIST);
	ck_assert_int_eq(donate(3 * MIB, 4096), THS_E_EXIST);
	ck_assert_int_eq(alloc(6, &paddr), THS_OK);
	ck_assert_int_eq(donate(4 * MIB + 5 * FRAME, 1), THS_E_EXIST); /* allocated */
	ck_assert_uint_eq(stat_now().total, 64);
	ck_assert_int_eq(donate(4 * MIB + 64 * FRAME, 64), THS_OK); /* goes on */
	ck_assert_uint_eq(stat_now().total, 128);
}
END_TEST

START_TEST(a_range_must_be_frames)
{
	struct frames_donate arg = {.base = 4 * MIB + 1, .frames = 1};

	ck_assert_int_eq(frames_donate(&frames, &arg), THS_E_INVAL);
	ck_assert_int_eq(donate(0, 16), THS_E_INVAL);
	ck_assert_int_eq(donate(1ull << 52, 1), THS_E_INVAL);
	ck_assert_int_eq(donate(4 * MIB, UINT64_MAX / 2), THS_E_INVAL);
	arg = (struct frames_donate){.base = 4 * MIB};
	ck_assert_int_eq(frames_donate(&frames, &arg), THS_E_INVAL);
	ck_assert_uint_eq(stat_now().total, 0);
}
END_TEST

START_TEST(two_gigabytes_are_one_tree)
{
	uint64_t paddr, last = 0;

	ck_assert_int_eq(donate(1 * MIB, 2047 * MIB / FRAME), THS_OK);
	ck_assert_int_eq(donate(4096 * MIB, 512 * MIB / FRAME), THS_OK);
	ck_assert_uint_eq(stat_now().free, 2559 * MIB / FRAME);
	for (unsigned i = 0; i < 511 + 128; i++) { /* every whole map */
		ck_assert_int_eq(alloc(FRAMES_ORDER_MAX, &paddr), THS_OK);
		ck_assert_uint_gt(paddr, last);
		last = paddr;
	}
	ck_assert_int_eq(alloc(FRAMES_ORDER_MAX, &paddr), THS_E_NOMEM);
	ck_assert_uint_eq(stat_now().free, 3 * MIB / FRAME);
	ck_assert_uint_eq(stat_now().largest, 9); /* 2..4 MiB */
	ck_assert_int_eq(give_back(last), THS_OK);
	ck_assert_uint_eq(stat_now().largest, FRAMES_ORDER_MAX);
}
END_TEST

#define MODEL_FRAMES 6000u
#define MODEL_BASE   (7 * MIB + 5 * FRAME)

struct model {
	bool held[MODEL_FRAMES];
	struct {
		uint64_t paddr;
		uint32_t order;
	} block[MODEL_FRAMES];
	unsigned blocks;
	uint64_t held_frames;
};

static void model_mark(struct model *model, uint64_t paddr, uint32_t order, bool hold)
{
	uint64_t first = (paddr - MODEL_BASE) / FRAME;

	ck_assert_uint_eq(paddr % (FRAME << order), 0);
	ck_assert_uint_ge(paddr, MODEL_BASE);
	ck_assert_uint_le(first + (1u << order), MODEL_FRAMES);
	for (uint64_t i = first; i < first + (1u << order); i++) {
		ck_assert_int_eq(model->held[i], !hold); /* M1 */
		model->held[i] = hold;
	}
	model->held_frames += (1ull << order) * (hold ? 1 : -1ull);
}

/* Whether an aligned run of 2^order frames is free: what NOMEM must be true of. */
static bool model_fits(const struct model *model, uint32_t order)
{
	uint64_t size = 1u << order, first = MODEL_BASE / FRAME;

	for (uint64_t at = (first + size - 1) / size * size;
	     at + size <= first + MODEL_FRAMES; at += size) {
		uint64_t i = 0;

		while (i < size && !model->held[at - first + i])
			i++;
		if (i == size)
			return true;
	}
	return false;
}

static void model_free(struct model *model, unsigned at)
{
	ck_assert_int_eq(give_back(model->block[at].paddr), THS_OK);
	model_mark(model, model->block[at].paddr, model->block[at].order, false);
	model->block[at] = model->block[--model->blocks];
}

START_TEST(any_history_agrees_with_the_map)
{
	static struct model model;
	unsigned refused = 0;

	memset(&model, 0, sizeof model);
	srand(42 + (unsigned)_i);
	ck_assert_int_eq(donate(MODEL_BASE, MODEL_FRAMES), THS_OK);
	for (unsigned i = 0; i < 3000; i++) {
		uint32_t order = (uint32_t)rand() % (i % 500 < 250 ? 4 : 11);
		uint64_t paddr;

		if (i % 300 == 299)
			instance = harness_swap(instance, &ths_module_mem_frames);
		if (rand() % 5 < 2 && model.blocks) {
			model_free(&model, (unsigned)rand() % model.blocks);
		} else if (alloc(order, &paddr) == THS_OK) {
			model_mark(&model, paddr, order, true);
			model.block[model.blocks].paddr = paddr;
			model.block[model.blocks++].order = order;
		} else {
			ck_assert(!model_fits(&model, order));
			refused++;
		}
		ck_assert_uint_eq(stat_now().free, MODEL_FRAMES - model.held_frames);
	}
	ck_assert_uint_gt(refused, 0);
	ck_assert_uint_eq(stat_now().blocks, model.blocks);
	while (model.blocks)
		model_free(&model, model.blocks - 1);
	ck_assert_uint_eq(stat_now().free, MODEL_FRAMES);
	ck_assert_uint_eq(stat_now().largest, FRAMES_ORDER_MAX);
}
END_TEST

START_TEST(the_self_test_holds_after_any_history)
{
	struct ths_ref module = THS_REF(module);
	struct module_name name = {.name = "mem.frames"};
	uint64_t paddr[8];

	ck_assert_int_eq(donate(4 * MIB, 3000), THS_OK);
	for (uint32_t i = 0; i < THS_ARRAY_SIZE(paddr); i++)
		ck_assert_int_eq(alloc(i, &paddr[i]), THS_OK);
	ck_assert_int_eq(module_selftest(&module, &name), THS_OK);
	for (uint32_t i = 0; i < THS_ARRAY_SIZE(paddr); i += 2)
		ck_assert_int_eq(give_back(paddr[i]), THS_OK);
	ck_assert_int_eq(module_selftest(&module, &name), THS_OK);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("frames");

	harness_case(suite, "M1 donated", setup,
		     what_was_donated_can_be_had_frame_by_frame);
	harness_case(suite, "M1 twice", setup, no_frame_is_donated_twice);
	harness_case(suite, "M1 free", setup, only_an_allocated_block_can_be_freed);
	harness_case(suite, "M2 aligned", setup, a_block_is_aligned_and_merges_again);
	harness_case(suite, "ranges", setup, a_range_must_be_frames);
	harness_case(suite, "M3 tree", setup, two_gigabytes_are_one_tree);
	harness_loop(suite, "M1-M3 model", setup, any_history_agrees_with_the_map, 0, 3);
	harness_case(suite, "self-test", setup, the_self_test_holds_after_any_history);
	return suite;
}

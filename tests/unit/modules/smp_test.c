/*
 * smp - modules under several CPUs at once, swapped while they serve. Run under ASan and,
 * as smp_tsan, under TSan.
 *
 * The clients number what they ask for and check what they are told; the sums at the end
 * leave no room for an interaction that was lost, or done twice. They go on at least until
 * all swaps are done, so that these meet them on any host.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <suite.h>
#include <theseus/blob.h>
#include <theseus/iface/frames.h>
#include <theseus/iface/testsrv.h>
#include "harness.h"
#include "rig.h"
#include "script.h"
#include "nano_core/nano_core_impl.h"

#define CPUS   3u
#define FRAMES 512u
#define BASE   0x40000000ull
#define ROUNDS 1500u /* of each client, at least */
#define SWAPS  12u

extern const struct ths_module ths_module_mem_frames, ths_module_testsrv,
	ths_module_testsrv_v2;

static uint32_t instance;
static atomic_bool swapped;

/* The clients are CPUs 1.., the test itself is CPU 0 and swaps. */
static void start_clients(pthread_t *thread, void *(*client)(void *))
{
	for (uintptr_t cpu = 1; cpu < CPUS; cpu++)
		ck_assert_int_eq(pthread_create(&thread[cpu], NULL, client, (void *)cpu),
				 0);
}

static void swap_and_end_clients(pthread_t *thread, const struct ths_module *odd,
				 const struct ths_module *even)
{
	for (unsigned i = 1; i <= SWAPS; i++)
		instance = harness_swap(instance, i % 2 ? odd : even);
	atomic_store(&swapped, true);
	for (unsigned cpu = 1; cpu < CPUS; cpu++)
		ck_assert_int_eq(pthread_join(thread[cpu], NULL), 0);
}

/* ---- the test server ----------------------------------------------------------------- */

static _Atomic(uint64_t) asked, added, answered[3];

static void *count_and_add(void *arg)
{
	struct ths_ref srv = THS_REF(testsrv);
	THS_BLOB_STORAGE(memory, 64);
	struct ths_blob *session = ths_blob_init(memory, 64);

	rig_cpu_enter((unsigned)(uintptr_t)arg);
	for (uint64_t i = 1; i <= ROUNDS || !atomic_load(&swapped); i++) {
		struct testsrv_count count = {0};
		struct testsrv_add add = {.row = (uint32_t)(i % 4), .amount = i};

		ck_assert_int_eq(testsrv_count_with(&srv, &count, session), THS_OK);
		ck_assert_uint_eq(count.value, i);
		ck_assert_int_eq(testsrv_add(&srv, &add), THS_OK);
		ck_assert_uint_ge(add.value, i);
		atomic_fetch_add(&asked, 1);
		atomic_fetch_add(&added, i);
		atomic_fetch_add(&answered[add.version], 1);
	}
	rig_cpu_leave();
	return NULL;
}

START_TEST(requests_are_served_once_whichever_version_serves)
{
	struct ths_ref srv = THS_REF(testsrv);
	struct testsrv_read read = {.row = 0, .rows = 4};
	pthread_t thread[CPUS];

	harness_start();
	rig_cpus(CPUS);
	instance = harness_bind(&ths_module_testsrv, "");
	start_clients(thread, count_and_add);
	swap_and_end_clients(thread, &ths_module_testsrv_v2, &ths_module_testsrv);
	ck_assert_int_eq(testsrv_read(&srv, &read), THS_OK);
	ck_assert_uint_eq(read.sum, atomic_load(&added));
	ck_assert_uint_eq(atomic_load(&answered[1]) + atomic_load(&answered[2]),
			  atomic_load(&asked));
}
END_TEST

/* ---- the frame allocator ------------------------------------------------------------- */

static atomic_uint owner[FRAMES];

static void take(uint64_t paddr, uint32_t order, unsigned self)
{
	uint64_t first = (paddr - BASE) / 4096;

	ck_assert_uint_le(first + (1u << order), FRAMES);
	for (uint64_t i = first; i < first + (1u << order); i++)
		ck_assert_uint_eq(atomic_exchange(&owner[i], self), 0); /* M1 */
}

static void give(struct ths_ref *frames, uint64_t paddr, uint32_t order, unsigned self)
{
	struct frames_free arg = {.paddr = paddr};
	uint64_t first = (paddr - BASE) / 4096;

	for (uint64_t i = first; i < first + (1u << order); i++)
		ck_assert_uint_eq(atomic_exchange(&owner[i], 0), self);
	ck_assert_int_eq(frames_free(frames, &arg), THS_OK);
}

static void *allocate_and_free(void *arg)
{
	struct ths_ref frames = THS_REF_TO(frames, "tried");
	unsigned self = (unsigned)(uintptr_t)arg, held = 0, seed = self;
	struct frames_alloc block[8];

	rig_cpu_enter(self);
	for (unsigned i = 0; i < ROUNDS || !atomic_load(&swapped); i++) {
		struct frames_alloc alloc = {.order = (uint32_t)rand_r(&seed) % 5};

		if (held == 8 || (held && rand_r(&seed) % 2)) {
			held--;
			give(&frames, block[held].paddr, block[held].order, self);
		} else if (frames_alloc(&frames, &alloc) == THS_OK) {
			take(alloc.paddr, alloc.order, self);
			block[held++] = alloc;
		}
	}
	while (held--)
		give(&frames, block[held].paddr, block[held].order, self);
	rig_cpu_leave();
	return NULL;
}

START_TEST(no_frame_has_two_owners)
{
	struct ths_ref frames = THS_REF_TO(frames, "tried");
	struct frames_donate donate = {.base = BASE, .frames = FRAMES};
	struct frames_stat stat = {0};
	pthread_t thread[CPUS];

	harness_start();
	rig_cpus(CPUS);
	instance = harness_bind(&ths_module_mem_frames, "tried");
	ck_assert_int_eq(frames_donate(&frames, &donate), THS_OK);
	start_clients(thread, allocate_and_free);
	swap_and_end_clients(thread, &ths_module_mem_frames, &ths_module_mem_frames);
	ck_assert_int_eq(frames_stat(&frames, &stat), THS_OK);
	ck_assert_uint_eq(stat.free, FRAMES);
	ck_assert_uint_eq(stat.blocks, 0);
}
END_TEST

static void nothing(void)
{
}

/* ---- a late CPU ------------------------------------------------------------------------ */

static enum ths_err write_a_cell(struct ths_call *call, void *ctx)
{
	struct cell *cell;

	THS_TRY(ths_row_write(call, CELL, 0, &cell));
	cell->value = *(uint64_t *)ctx;
	return THS_OK;
}

START_TEST(a_cpu_may_come_when_frames_are_served_already)
{
	uint64_t value = 7;

	harness_start();
	harness_bind(&ths_module_mem_frames, "");
	ck_assert_int_eq(ths_memory_donate(), THS_OK);
	harness_bind(&ths_module_script, "");
	rig_cpus(2);
	other_start();
	ck_assert_int_eq(other_script(write_a_cell, &value), THS_OK);
	other_stop();
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("smp");

	harness_case(suite, "testsrv", nothing,
		     requests_are_served_once_whichever_version_serves);
	harness_case(suite, "M1 frames", nothing, no_frame_has_two_owners);
	harness_case(suite, "O4 a late CPU", nothing,
		     a_cpu_may_come_when_frames_are_served_already);
	return suite;
}

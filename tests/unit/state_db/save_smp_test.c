/*
 * save_smp_test - images are made, and brought back, while other CPUs are at work. Run
 * under ASan and, as save_tsan, under TSan.
 */
#include "keep.h"
#include "rig.h"

#include <pthread.h>
#include <stdatomic.h>

#define CPUS   3u
#define ROUNDS 1500u
#define MONEY  100u

#define IMAGES 30u

static atomic_uint playing, images;
static uint64_t total; /* what all there is adds up to */

struct transfer {
	uint32_t from, to;
	uint64_t key;
};

/* Money moves among fixed rows; a named row is money taken out of the first of them, so
 * that each image, and each moment, has the same sum. Each CPU counts in its own row, and
 * in a fixed one, in step. */
static enum ths_err pay(struct ths_call *call, void *ctx)
{
	const struct transfer *order = ctx;
	struct fixed *from, *to, *local, *shared;
	uint32_t me = ths_cpu()->number;

	THS_TRY(ths_row_write(call, FIXED, order->from, &from));
	THS_TRY(ths_row_write(call, FIXED, order->to, &to));
	if (from->value[0]) {
		from->value[0]--;
		to->value[0]++;
	}
	THS_TRY(ths_row_write(call, LOCAL, me, &local));
	THS_TRY(ths_row_write(call, FIXED, me, &shared));
	local->value[1]++;
	shared->value[1]++;
	ck_assert_uint_eq(local->value[1], shared->value[1]);
	return THS_OK;
}

static enum ths_err deposit(struct ths_call *call, void *ctx)
{
	const struct transfer *order = ctx;
	const struct named *seen;
	struct named *named;
	struct fixed *from;
	uint32_t row;
	enum ths_err err = ths_row_find(call, NAMED, order->key, &row, &seen);

	THS_TRY(ths_row_write(call, FIXED, order->from, &from));
	if (err == THS_OK) {
		from->value[0] += seen->value;
		return ths_row_free(call, NAMED, row);
	}
	if (err != THS_E_NOENT)
		return err;
	if (from->value[0] < 2)
		return THS_OK;
	THS_TRY(ths_row_new_keyed(call, NAMED, order->key, &row, &named));
	named->value = 2;
	from->value[0] -= 2;
	return THS_OK;
}

/* Asserted on each try: no operation sees a mix of two moments. */
static enum ths_err audit(struct ths_call *call, void *ctx)
{
	const struct fixed *fixed;
	const struct named *named;
	uint32_t row = THS_ROW_NONE;
	uint64_t sum = 0;

	(void)ctx;
	for (uint32_t i = 0; i < FIXEDS; i++) {
		THS_TRY(ths_row_read(call, FIXED, i, &fixed));
		sum += fixed->value[0];
	}
	while (ths_row_next(call, NAMED, &row) == THS_OK) {
		THS_TRY(ths_row_read(call, NAMED, row, &named));
		sum += named->value;
	}
	if (sum != total) /* an enumeration meets its conflict at the end */
		return THS_E_IO;
	return THS_OK;
}

static enum ths_err endow(struct ths_call *call, void *ctx)
{
	struct fixed *fixed;

	(void)ctx;
	for (uint32_t i = 0; i < FIXEDS; i++) {
		THS_TRY(ths_row_write(call, FIXED, i, &fixed));
		fixed->value[0] = MONEY;
		total += MONEY;
	}
	return THS_OK;
}

static void work(unsigned cpu)
{
	struct ths_ref own = THS_REF(keep);
	uint64_t my_dice = ths_test_seed() + cpu;

	for (unsigned i = 0; i < ROUNDS || atomic_load(&images) < IMAGES; i++) {
		struct transfer order;
		struct keep_args args = {.ctx = (uint64_t)(uintptr_t)&order};
		keep_fn *fn = i % 8 == 0 ? audit : i % 2 ? pay : deposit;
		enum ths_err err;

		my_dice = my_dice * 6364136223846793005u + 1442695040888963407u;
		order = (struct transfer){(uint32_t)(my_dice >> 33) % FIXEDS,
					  (uint32_t)(my_dice >> 43) % FIXEDS,
					  1 + (my_dice >> 53) % NAMEDS};
		args.fn = (uint64_t)(uintptr_t)fn;
		err = keep_run(&own, &args);
		ck_assert_msg(err == THS_OK, "%s", ths_err_name(err));
	}
	atomic_fetch_sub(&playing, 1);
}

static void *thread_main(void *arg)
{
	unsigned cpu = (unsigned)(uintptr_t)arg;

	rig_cpu_enter(cpu);
	work(cpu);
	rig_cpu_leave();
	return NULL;
}

/* What the image itself adds up to. */
static uint64_t sum_of_image(void)
{
	struct save_table *table = keep_table_in(keep_image, NAMED);
	const uint8_t *rows = (uint8_t *)(table + 1) + 2 * THS_DIGEST_SIZE + table->slots * 8u;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < table->live; i++)
		sum += ((const struct named *)(const void *)rows)[i].value;
	table = keep_table_in(keep_image, FIXED);
	rows = (uint8_t *)(table + 1) + 2 * THS_DIGEST_SIZE + table->slots * 8u;
	for (uint32_t i = 0; i < table->live; i++)
		sum += ((const struct fixed *)(const void *)rows)[i].value[0];
	return sum;
}

static uint32_t named_alive(void)
{
	struct ths_table *table = ths_table_find("keep.named/1", "");
	uint32_t live = 0;

	for (uint32_t i = 0; i < table->fresh; i++)
		live += ths_version_is_live(slot_version(table->slots[i].word));
	ck_assert_uint_eq(live, table->live);
	return live;
}

static enum ths_err fill_named(struct ths_call *call, void *ctx)
{
	struct named *named;
	uint32_t row;

	return ths_row_new_keyed(call, NAMED, 1000 + *(uint32_t *)ctx, &row, &named);
}

/* _i: whether it is only saved, or restored as well. */
START_TEST(others_never_see_two_moments)
{
	pthread_t thread[CPUS];

	rig_start();
	rig_cpus(CPUS);
	keep_ref = (struct ths_ref)THS_REF(keep);
	(void)rig_bind(&ths_module_keep, "");
	total = 0;
	keep_must(endow, NULL);
	keep_dice = ths_test_seed();
	atomic_store(&playing, CPUS - 1);
	atomic_store(&images, 0);
	keep_save(NULL);
	for (unsigned i = 1; i < CPUS; i++)
		ck_assert_int_eq(
			pthread_create(&thread[i], NULL, thread_main, (void *)(uintptr_t)i),
			0);
	do {
		if (_i == 0 || keep_roll(2)) {
			keep_save(NULL);
			ck_assert_uint_eq(sum_of_image(), total);
		} else {
			keep_restore_whole(NULL);
		}
		atomic_fetch_add(&images, 1);
		keep_must(audit, NULL);
	} while (atomic_load(&playing));
	for (unsigned i = 1; i < CPUS; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	keep_must(audit, NULL);
	/* No row was lost, none is handed out twice. */
	for (uint32_t i = named_alive(); i < NAMEDS; i++)
		keep_must(fill_named, &i);
	ck_assert_int_eq(keep_by(fill_named, &(uint32_t){NAMEDS}), THS_E_FULL);
	ck_assert_uint_eq(named_alive(), NAMEDS);
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("save_smp");
	TCase *others = tcase_create("S1 S3 others at work");

	tcase_add_loop_test(others, others_never_see_two_moments, 0, 2);
	tcase_set_timeout(others, 240);
	suite_add_tcase(suite, others);
	return suite;
}

/*
 * save_test - an image is of one moment; it comes back whole, or not at all.
 *
 * Here one CPU is at work; save_smp_test has others.
 */
#include "failpoint.h"
#include "keep.h"
#include "rig.h"

#include <string.h>
#include <theseus/host.h>
#include <theseus/string.h>

static uint8_t copy[65536];
static const uint8_t key[THS_SAVE_KEY] = "what only this OS knows", other_key[THS_SAVE_KEY];

/* Makes the digests right again after the image was altered, by who has the key: those of
 * the first @pieces pieces. The head is one, each table has three. */
static void reseal(uint8_t *at, uint32_t pieces)
{
	struct ths_digest digest;
	size_t piece = 0, size = sizeof(struct save_head), rows = 0;

	ths_digest_init(&digest);
	for (uint32_t i = 0; i < pieces; i++) {
		const struct save_table *table = (const void *)(at + piece);
		struct ths_digest so_far;

		ths_digest_update(&digest, at + piece, size);
		so_far = digest;
		ths_digest_final(&so_far, at + piece + size);
		ths_digest_update(&digest, at + piece + size, THS_DIGEST_SIZE);
		piece += size + THS_DIGEST_SIZE;
		if (i % 3 == 0)
			size = sizeof(*table);
		if (i % 3 == 1) {
			size = table->slots * sizeof(uint64_t);
			rows = table->live * ((table->row_size + 7u) & ~7u);
		}
		if (i % 3 == 2)
			size = rows;
	}
}

static void reseal_all(uint8_t *at)
{
	reseal(at, 1 + 3 * ((const struct save_head *)(void *)at)->tables);
}

/* ---- a model of what the tables hold ------------------------------------------------- */

struct model {
	struct plain plain[PLAINS];
	uint32_t plain_generation[PLAINS]; /* 0: dead */
	uint64_t named[NAMEDS];            /* value + 1 by key - 1; 0: none */
	uint32_t named_row[NAMEDS];
	uint64_t fixed[FIXEDS];
	uint64_t local, mine;
};
static struct model now, next, then;

static enum ths_err look_plain(struct ths_call *call, void *ctx)
{
	const struct model *model = ctx;
	uint32_t row = THS_ROW_NONE, found = 0, due = 0;

	for (uint32_t i = 0; i < PLAINS; i++) {
		const struct plain *seen;
		struct ths_weak weak;
		enum ths_err err = ths_row_read(call, PLAIN, i, &seen);

		due += model->plain_generation[i] != 0;
		ck_assert_int_eq(err, model->plain_generation[i] ? THS_OK : THS_E_NOENT);
		if (err)
			continue;
		ck_assert_mem_eq(seen, &model->plain[i], sizeof(*seen));
		THS_TRY(ths_row_weak(call, PLAIN, i, &weak));
		ck_assert_uint_eq(weak.generation, model->plain_generation[i]);
		if (!seen->friend.generation)
			continue;
		err = ths_weak_read(call, PLAIN, seen->friend, &seen);
		weak = model->plain[i].friend;
		ck_assert_int_eq(err, model->plain_generation[weak.row] == weak.generation
					      ? THS_OK
					      : THS_E_STALE);
	}
	while (ths_row_next(call, PLAIN, &row) == THS_OK)
		found++;
	ck_assert_uint_eq(found, due);
	return THS_OK;
}

static enum ths_err look_named(struct ths_call *call, void *ctx)
{
	const struct model *model = ctx;

	for (uint64_t i = 0; i < NAMEDS; i++) {
		const struct named *seen;
		uint32_t row;
		enum ths_err err = ths_row_find(call, NAMED, i + 1, &row, &seen);

		ck_assert_int_eq(err, model->named[i] ? THS_OK : THS_E_NOENT);
		if (err)
			continue;
		ck_assert_uint_eq(row, model->named_row[i]);
		ck_assert_uint_eq(seen->value + 1, model->named[i]);
	}
	return THS_OK;
}

static enum ths_err look_rest(struct ths_call *call, void *ctx)
{
	const struct model *model = ctx;
	const struct fixed *seen;

	for (uint32_t i = 0; i < FIXEDS; i++) {
		THS_TRY(ths_row_read(call, FIXED, i, &seen));
		ck_assert_uint_eq(seen->value[2], model->fixed[i]);
	}
	THS_TRY(ths_row_read(call, LOCAL, 0, &seen));
	ck_assert_uint_eq(seen->value[0], model->local);
	THS_TRY(ths_row_read(call, MINE, 0, &seen));
	ck_assert_uint_eq(seen->value[1], model->mine);
	return THS_OK;
}

static void compare(struct model *model)
{
	keep_must(look_plain, model);
	keep_must(look_named, model);
	keep_must(look_rest, model);
}

/* A step may be run more than once: the model moves on when it is done. */
static enum ths_err step_plain(struct ths_call *call, void *ctx)
{
	uint32_t row = *(uint32_t *)ctx, other = keep_roll(PLAINS);
	struct ths_weak weak;
	struct plain *plain;

	next = now;
	if (!next.plain_generation[row] || keep_roll(4)) { /* a new one, whatever its number */
		if (next.plain_generation[row])
			THS_TRY(ths_row_write(call, PLAIN, row, &plain));
		else
			THS_TRY(ths_row_new(call, PLAIN, &row, &plain));
		plain->word = keep_roll(UINT32_MAX);
		plain->odd[4] = (uint8_t)keep_roll(256);
		if (next.plain_generation[other])
			THS_TRY(ths_row_weak(call, PLAIN, other, &plain->friend));
		THS_TRY(ths_row_weak(call, PLAIN, row, &weak));
		memcpy(&next.plain[row], plain, sizeof(*plain));
		next.plain_generation[row] = weak.generation;
		return THS_OK;
	}
	THS_TRY(ths_row_free(call, PLAIN, row));
	next.plain_generation[row] = 0;
	return THS_OK;
}

static enum ths_err step_named(struct ths_call *call, void *ctx)
{
	uint32_t i = *(uint32_t *)ctx, row;
	const struct named *seen;
	struct named *named;

	next = now;
	if (!next.named[i]) {
		THS_TRY(ths_row_new_keyed(call, NAMED, i + 1, &row, &named));
		named->value = keep_roll(1000);
		next.named[i] = named->value + 1;
		next.named_row[i] = row;
		return THS_OK;
	}
	THS_TRY(ths_row_find(call, NAMED, i + 1, &row, &seen));
	next.named[i] = 0;
	return ths_row_free(call, NAMED, row);
}

static enum ths_err step_rest(struct ths_call *call, void *ctx)
{
	uint32_t i = *(uint32_t *)ctx;
	struct fixed *fixed;

	next = now;
	THS_TRY(ths_row_write(call, FIXED, i, &fixed));
	fixed->value[2] = next.fixed[i] = keep_roll(9999);
	THS_TRY(ths_row_write(call, LOCAL, 0, &fixed));
	fixed->value[0] = ++next.local;
	THS_TRY(ths_row_write(call, MINE, 0, &fixed));
	fixed->value[1] = ++next.mine;
	return THS_OK;
}

static void step(keep_fn *fn, uint32_t number)
{
	keep_must(fn, &number);
	now = next;
}

static void play(unsigned steps)
{
	while (steps--) {
		uint32_t plain = keep_roll(PLAINS), named = keep_roll(NAMEDS), rest = keep_roll(FIXEDS);

		step(step_plain, plain);
		step(step_named, named);
		if (keep_roll(3) == 0)
			step(step_rest, rest);
	}
}

/* What keep_start() made. */
static void begin(const struct ths_module *module)
{
	keep_boot(module);
	memset(&now, 0, sizeof(now));
	now.plain[0].word = 4711;
	now.plain_generation[0] = 1;
	keep_dice = ths_test_seed();
}

/* ---- S1, the round trip -------------------------------------------------------------- */

static enum ths_err fill_up(struct ths_call *call, void *ctx)
{
	struct plain *plain;
	uint32_t row;

	(void)ctx;
	return ths_row_new(call, PLAIN, &row, &plain);
}

static unsigned free_rows(void)
{
	unsigned count = 0;

	while (keep_by(fill_up, NULL) == THS_OK)
		count++;
	return count;
}

START_TEST(what_was_saved_is_there_after_a_boot)
{
	unsigned live = 0;

	begin(&ths_module_keep);
	keep_dice += (unsigned)_i;
	for (unsigned i = 0; i < 6; i++) {
		play(keep_roll(150));
		compare(&now);
		keep_save(i % 2 ? key : NULL);
		then = now;
		play(keep_roll(60)); /* nobody will remember */
		keep_reboot(&ths_module_keep);
		keep_restore_whole(i % 2 ? key : NULL);
		now = then;
		compare(&now);
		play(50); /* life goes on: free rows, index, generations */
		compare(&now);
	}
	for (uint32_t i = 0; i < PLAINS; i++)
		live += now.plain_generation[i] != 0;
	ck_assert_uint_eq(free_rows(), PLAINS - live);
	rig_stop();
}
END_TEST

START_TEST(and_within_the_same_boot)
{
	begin(&ths_module_keep);
	play(80);
	keep_save(NULL);
	then = now;
	for (unsigned i = 0; i < 20; i++) {
		play(keep_roll(80));
		keep_restore_whole(NULL);
		now = then;
		compare(&now);
	}
	rig_stop();
}
END_TEST

static enum ths_err remember(struct ths_call *call, void *ctx)
{
	return ths_row_weak(call, PLAIN, 0, ctx);
}

static enum ths_err is_gone(struct ths_call *call, void *ctx)
{
	const struct plain *plain;

	ck_assert_int_eq(ths_weak_read(call, PLAIN, *(struct ths_weak *)ctx, &plain),
			 THS_E_STALE);
	return THS_OK;
}

/* Rows beyond those of the image die like any others. */
START_TEST(rows_that_are_not_in_the_image_die)
{
	struct ths_weak weak;

	begin(&ths_module_keep);
	while (now.plain_generation[0]) /* until the one of `start` has been freed */
		step(step_plain, 0);
	keep_save(NULL);
	then = now;
	keep_reboot(&ths_module_keep);
	keep_must(remember, &weak);
	keep_restore_whole(NULL);
	keep_must(is_gone, &weak);
	now = then;
	compare(&now);
	keep_must(fill_up, NULL);
	keep_must(is_gone, &weak); /* nor does it come alive again */
	rig_stop();
}
END_TEST

START_TEST(an_empty_machine_can_be_saved)
{
	rig_start();
	keep_save(NULL);
	ck_assert_uint_eq(keep_image_size, sizeof(struct save_head) + THS_DIGEST_SIZE);
	keep_restore_whole(NULL);
	rig_stop();
}
END_TEST

/* ---- S2, what is refused ------------------------------------------------------------- */

static void saved_and_changed(void)
{
	begin(&ths_module_keep);
	play(12);
	keep_save(NULL);
	play(12);
}

START_TEST(every_truncation_is_refused)
{
	uint64_t clock;

	saved_and_changed();
	clock = atomic_load(&ths_core.clock);
	for (size_t size = 0; size < keep_image_size; size++) {
		ck_assert_int_eq(keep_restore(keep_image, size, NULL), THS_E_FORMAT);
		ck_assert_ptr_nonnull(strstr(keep_reason.text, "ends after"));
	}
	ck_assert_uint_eq(atomic_load(&ths_core.clock), clock);
	compare(&now);
	rig_stop();
}
END_TEST

START_TEST(every_changed_byte_is_refused)
{
	uint64_t clock;

	saved_and_changed();
	clock = atomic_load(&ths_core.clock);
	for (size_t at = 0; at < keep_image_size; at++) {
		enum ths_err err;

		memcpy(copy, keep_image, keep_image_size);
		copy[at] ^= (uint8_t)(1 + keep_roll(255));
		err = keep_restore(copy, keep_image_size, NULL);
		ck_assert_msg(at < sizeof(struct save_head) ? err != THS_OK
							    : err == THS_E_DIGEST,
			      "byte %zu: %s: %s", at, ths_err_name(err), keep_reason.text);
		ck_assert_str_ne(keep_reason.text, "");
	}
	ck_assert_uint_eq(atomic_load(&ths_core.clock), clock);
	compare(&now);
	rig_stop();
}
END_TEST

static void is_refused(enum ths_err due, const char *sentence)
{
	enum ths_err err = keep_restore(copy, keep_image_size, NULL);

	ck_assert_msg(err == due && strstr(keep_reason.text, sentence), "%s: %s, not %s: %s",
		      ths_err_name(err), keep_reason.text, ths_err_name(due), sentence);
	compare(&now);
	memcpy(copy, keep_image, keep_image_size);
}

START_TEST(foreign_images_are_refused)
{
	struct save_head *head = (struct save_head *)(void *)copy;

	saved_and_changed();
	memcpy(copy, keep_image, keep_image_size);
	head->magic++;
	is_refused(THS_E_FORMAT, "not an image");
	head->magic = __builtin_bswap64(head->magic);
	is_refused(THS_E_ABI, "byte order");
	head->order = __builtin_bswap32(head->order);
	is_refused(THS_E_ABI, "byte order");
	head->format = 2;
	is_refused(THS_E_VERSION, "format 2");
	head->machine = 183; /* AArch64 */
	is_refused(THS_E_ABI, "architecture 183");
	memset(head->key, 1, sizeof(head->key));
	is_refused(THS_E_PERM, "another key");
	ck_assert_int_eq(keep_restore(keep_image, keep_image_size, key), THS_E_PERM);
	keep_save(key);
	ck_assert_int_eq(keep_restore(keep_image, keep_image_size, NULL), THS_E_PERM);
	ck_assert_int_eq(keep_restore(keep_image, keep_image_size, other_key), THS_E_PERM);
	/* Who names another key has not got it. */
	ths_save_key_id(((struct save_head *)(void *)keep_image)->key, other_key);
	ck_assert_int_eq(keep_restore(keep_image, keep_image_size, other_key), THS_E_DIGEST);
	compare(&now);
	rig_stop();
}
END_TEST

/* None; one that lives, and none can follow; more than is said of a life. */
static const uint64_t no_lives[] = {0, SAVE_LIVE | UINT32_MAX, 2 * SAVE_LIVE | 1};

/* The digests are right, and it is wrong all the same. */
START_TEST(images_that_contradict_themselves_are_refused)
{
	struct save_head *head = (struct save_head *)(void *)copy;
	struct save_table *plain, *named;
	uint64_t *entry;

	saved_and_changed();
	memcpy(copy, keep_image, keep_image_size);
	reseal_all(copy);
	ck_assert_mem_eq(copy, keep_image, keep_image_size);
	plain = keep_table_in(copy, PLAIN);
	named = keep_table_in(copy, NAMED);
	ck_assert_str_eq(named->schema, "keep.named/1");

	head->tables = 1;
	reseal_all(copy);
	is_refused(THS_E_SCHEMA, "the image has no table keep.named/1");
	head->tables = TABLES_MAX + 1;
	ths_digest(copy + sizeof(*head), copy, sizeof(*head));
	is_refused(THS_E_FORMAT, "129 tables");
	memset(plain->schema, 'a', sizeof(plain->schema));
	reseal_all(copy);
	is_refused(THS_E_FORMAT, "does not end");
	plain->schema[0] = 'x';
	reseal_all(copy);
	is_refused(THS_E_SCHEMA, "xeep.plain/1");
	memcpy(keep_table_in(copy, LOCAL)->schema, plain->schema, THS_NAME_MAX);
	reseal_all(copy);
	is_refused(THS_E_FORMAT, "keep.plain/1 twice");
	plain->slots = PLAINS + 1;
	reseal(copy, 2);
	is_refused(THS_E_FULL, "here at most 90");
	entry = (uint64_t *)(void *)((uint8_t *)(plain + 1) + THS_DIGEST_SIZE);
	*entry ^= SAVE_LIVE;
	reseal_all(copy);
	is_refused(THS_E_FORMAT, "rows, not");
	for (unsigned i = 0; i < THS_ARRAY_SIZE(no_lives); i++) {
		*entry = no_lives[i];
		reseal_all(copy);
		is_refused(THS_E_FORMAT, "table keep.plain/1 has no life in row 0");
	}
	ck_assert_uint_gt(named->live, 1);
	entry = (uint64_t *)(void *)((uint8_t *)(named + 1) + 2 * THS_DIGEST_SIZE +
				     named->slots * 8u);
	entry[2] = entry[0]; /* the second row's key, the first row's key */
	reseal_all(copy);
	is_refused(THS_E_FORMAT, "a key twice");
	rig_stop();
}
END_TEST

static void boots_otherwise(const struct ths_module *module, enum ths_err due,
			    const char *sentence)
{
	enum ths_err err;

	keep_boot(module);
	err = keep_restore(keep_image, keep_image_size, NULL);
	ck_assert_msg(err == due && strstr(keep_reason.text, sentence), "%s: %s, not %s: %s",
		      ths_err_name(err), keep_reason.text, ths_err_name(due), sentence);
	ck_assert_uint_eq(ths_table_find("keep.plain/1", "")->live, 1); /* as `start` left it */
	rig_stop();
}

START_TEST(tables_that_differ_are_refused_by_name)
{
	saved_and_changed();
	rig_stop();
	boots_otherwise(&ths_module_newer, THS_E_SCHEMA,
			"table keep.plain/1 stands at keep.plain/2 here");
	boots_otherwise(&ths_module_wider, THS_E_SCHEMA,
			"table keep.plain/1 has rows of 24 bytes");
	boots_otherwise(&ths_module_smaller, THS_E_FULL, "table keep.named/1 has");
	boots_otherwise(&ths_module_loose, THS_E_SCHEMA, "table keep.fixed/1 has");
	boots_otherwise(&ths_module_forgets, THS_E_SCHEMA,
			"nobody has table keep.fixed/1");
	keep_boot(&ths_module_keep);
	(void)rig_add(&ths_module_more, NULL);
	ck_assert_int_eq(keep_restore(keep_image, keep_image_size, NULL), THS_E_SCHEMA);
	ck_assert_str_eq(keep_reason.text, "the image has no table keep.more/1");
	rig_stop();
}
END_TEST

static enum ths_err inside(struct ths_call *call, void *ctx)
{
	struct ths_save_memory memory = {copy, sizeof(copy), 0};

	(void)call;
	(void)ctx;
	ck_assert_int_eq(ths_save(ths_save_to_memory, &memory, NULL), THS_E_PERM);
	ck_assert_int_eq(keep_restore(keep_image, keep_image_size, NULL), THS_E_PERM);
	return THS_OK;
}

START_TEST(an_interaction_neither_saves_nor_restores)
{
	saved_and_changed();
	keep_must(inside, NULL);
	compare(&now);
	rig_stop();
}
END_TEST

/* A sink that gives up ends the save, wherever it does. */
START_TEST(a_full_sink_ends_the_save)
{
	saved_and_changed();
	for (size_t size = 0; size < keep_image_size; size += 1 + keep_roll(50)) {
		struct ths_save_memory memory = {copy, size, 0};

		ck_assert_int_eq(ths_save(ths_save_to_memory, &memory, NULL), THS_E_FULL);
	}
	compare(&now);
	rig_stop();
}
END_TEST

/* ---- whatever runs out --------------------------------------------------------------- */

static uint64_t versions_spare(void)
{
	const struct ths_cpu *cpu = ths_cpu();
	uint64_t count = 0;

	for (unsigned pool = 0; pool < POOLS; pool++)
		for (const struct ths_version *at = cpu->pool[pool]; at; at = at->older)
			count++;
	return count;
}

static uint64_t pages_elsewhere(void)
{
	uint64_t pages = ths_pages_out();

	for (unsigned pool = 0; pool < POOLS; pool++)
		pages -= ths_cpu()->pool_pages[pool];
	return pages;
}

static void may_fail(void *ctx)
{
	uint64_t pages = pages_elsewhere();
	struct ths_save_memory memory = {copy, sizeof(copy), 0};
	enum ths_err err;

	(void)ctx;
	err = ths_save(ths_save_to_memory, &memory, NULL);
	ck_assert(err == THS_OK || err == THS_E_NOMEM);
	ck_assert_uint_eq(pages_elsewhere(), pages);
	err = keep_restore(keep_image, keep_image_size, NULL);
	if (err == THS_OK || ths_str_starts(keep_reason.text, "restored, but"))
		now = then; /* the rest is the device operation's own affair */
	else
		ck_assert_int_eq(err, THS_E_NOMEM);
	ck_assert(err == THS_OK || keep_reason.text[0]);
	ck_assert_uint_eq(pages_elsewhere(), pages);
}

static void fails_once(void *ctx)
{
	may_fail(ctx);
	compare(&now); /* reads only: nothing can run out there */
}

START_TEST(an_error_and_nothing_lost_whatever_runs_out)
{
	uint64_t spare, failed;

	begin(&ths_module_keep);
	play(60);
	keep_save(NULL);
	then = now;
	play(60);
	failed = ths_fail_each("alloc", _i == 1, fails_once, NULL);
	ck_assert_uint_gt(failed, 50);
	keep_restore_whole(NULL); /* from here on the versions are enough */
	spare = versions_spare();
	for (unsigned i = 0; i < 5; i++) {
		keep_restore_whole(NULL);
		ck_assert_uint_eq(versions_spare(), spare);
		ck_assert_int_eq(keep_restore(keep_image, keep_image_size - 1, NULL), THS_E_FORMAT);
		ck_assert_uint_eq(versions_spare(), spare);
	}
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("save");
	TCase *trip = tcase_create("S1 round trip"), *refusals = tcase_create("S2 refusals"),
	      *runs_out = tcase_create("runs out");

	tcase_add_loop_test(trip, what_was_saved_is_there_after_a_boot, 0, 8);
	tcase_add_test(trip, and_within_the_same_boot);
	tcase_add_test(trip, rows_that_are_not_in_the_image_die);
	tcase_add_test(trip, an_empty_machine_can_be_saved);
	tcase_add_test(refusals, every_truncation_is_refused);
	tcase_add_test(refusals, every_changed_byte_is_refused);
	tcase_add_test(refusals, foreign_images_are_refused);
	tcase_add_test(refusals, images_that_contradict_themselves_are_refused);
	tcase_add_test(refusals, tables_that_differ_are_refused_by_name);
	tcase_add_test(refusals, an_interaction_neither_saves_nor_restores);
	tcase_add_test(refusals, a_full_sink_ends_the_save);
	tcase_set_timeout(refusals, 240);
	tcase_add_loop_test(runs_out, an_error_and_nothing_lost_whatever_runs_out, 0, 2);
	suite_add_tcase(suite, trip);
	suite_add_tcase(suite, refusals);
	suite_add_tcase(suite, runs_out);
	return suite;
}

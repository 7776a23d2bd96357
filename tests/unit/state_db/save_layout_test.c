/*
 * save_layout_test - an image tells what lies where in its rows, and who has it elsewhere is
 * told which member.
 *
 * Modules linked into a test have no layouts; here a table is given one by hand.
 */
#include "keep.h"
#include "rig.h"

#include <string.h>
#include <theseus/digest.h>
#include <theseus/host.h>

#define OURS                                                                             \
	" friend.row u32 0\n friend.generation u32 4\n word u32 8\n more u32 12\n"       \
	" odd u8[5] 16\n"
#define THEIRS                                                                           \
	" friend.row u32 0\n friend.generation u32 4\n word u32 12\n more u32 8\n"       \
	" odd u8[5] 16\n"

static uint8_t copy[sizeof(keep_image)];

static void boot(const char *layout)
{
	struct ths_table *table;

	keep_boot(&ths_module_keep);
	table = ths_table_find("keep.plain/1", "");
	if (layout)
		table->layout = (struct ths_layout){layout, (uint32_t)strlen(layout),
						    sizeof(struct plain)};
}

/* An image, and a machine with that layout to restore it. */
static void saved_then_boots(const char *saved, const char *boots)
{
	boot(saved);
	keep_save(NULL);
	rig_stop();
	boot(boots);
	memcpy(copy, keep_image, keep_image_size);
}

static void is_refused(enum ths_err due, const char *sentence)
{
	uint64_t commits = ths_table_find("keep.plain/1", "")->commits;
	enum ths_err err = keep_restore(copy, keep_image_size, NULL);

	ck_assert_msg(err == due && strstr(keep_reason.text, sentence), "%s: %s, not %s: %s",
		      ths_err_name(err), keep_reason.text, ths_err_name(due), sentence);
	ck_assert_uint_eq(ths_table_find("keep.plain/1", "")->commits, commits);
}

START_TEST(the_same_layout_or_an_unknown_one_is_restored)
{
	static const char *const known[][2] = {
		{OURS, OURS}, {OURS, NULL}, {NULL, OURS}, {NULL, NULL}};

	saved_then_boots(known[_i][0], known[_i][1]);
	ck_assert_uint_eq(keep_table_in(copy, PLAIN)->layout,
			  known[_i][0] ? strlen(OURS) : 0);
	keep_restore_whole(NULL);
	rig_stop();
}
END_TEST

START_TEST(another_layout_is_refused_naming_the_member)
{
	saved_then_boots(THEIRS, OURS);
	is_refused(THS_E_SCHEMA, "table keep.plain/1: member word is u32 at 8 here, u32 at 12 "
				 "in the image");
	rig_stop();
}
END_TEST

START_TEST(damage_and_truncation_in_it_are_found)
{
	size_t at, size = keep_image_size;

	saved_then_boots(OURS, OURS);
	at = sizeof(struct save_head) + THS_DIGEST_SIZE + sizeof(struct save_table) +
	     THS_DIGEST_SIZE;
	ck_assert_mem_eq(copy + at, OURS, strlen(OURS));
	for (size_t i = 0; i < save_padded(strlen(OURS)) + THS_DIGEST_SIZE; i++) {
		copy[at + i] ^= 0x20;
		is_refused(THS_E_DIGEST, "table keep.plain/1");
		copy[at + i] ^= 0x20;
		size = keep_image_size;
		keep_image_size = at + i;
		is_refused(THS_E_FORMAT, "ends after");
		keep_image_size = size;
	}
	rig_stop();
}
END_TEST

START_TEST(one_that_is_too_long_is_refused_before_it_is_read)
{
	struct save_table *table;
	struct ths_digest digest, so_far;

	saved_then_boots(OURS, OURS);
	table = keep_table_in(copy, PLAIN);
	table->layout = SAVE_LAYOUT_MAX + 1;
	ths_digest_init(&digest);
	ths_digest_update(&digest, copy, (size_t)((uint8_t *)(table + 1) - copy));
	so_far = digest;
	ths_digest_final(&so_far, (uint8_t *)(table + 1));
	is_refused(THS_E_FORMAT, "a layout of 65537 bytes");
	rig_stop();
}
END_TEST

START_TEST(no_room_for_it_is_an_error)
{
	uint64_t pages, failed = 0;

	saved_then_boots(THEIRS, OURS);
	pages = ths_pages_out();
	for (uint64_t n = 1; n == 1 || failed; n++) {
		enum ths_err err;

		ths_host_fail_nth("alloc/pages", n, false);
		err = keep_restore(copy, keep_image_size, NULL);
		failed = ths_host_fail_failed();
		ths_host_fail_nth("", 0, false);
		ck_assert_int_eq(err, failed ? THS_E_NOMEM : THS_E_SCHEMA);
		ck_assert_uint_eq(ths_pages_out(), pages);
	}
	rig_stop();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("layouts in images");
	TCase *tcase = ths_suite_case(suite, "layouts");

	tcase_add_loop_test(tcase, the_same_layout_or_an_unknown_one_is_restored, 0, 4);
	tcase_add_test(tcase, another_layout_is_refused_naming_the_member);
	tcase_add_test(tcase, damage_and_truncation_in_it_are_found);
	tcase_add_test(tcase, one_that_is_too_long_is_refused_before_it_is_read);
	tcase_add_test(tcase, no_room_for_it_is_an_error);
	return suite;
}

/*
 * cpio - a small archive, whole, cut at every byte, and with every byte changed.
 *
 * The bytes under test lie in memory of exactly their size: the sanitizer sees any read
 * outside (C1).
 */
#include <suite.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <theseus/cpio.h>

static unsigned char archive[2048];
static size_t size;

static void append(const void *bytes, size_t len)
{
	memcpy(archive + size, bytes, len);
	size += len;
	while (size % 4)
		archive[size++] = '\0';
}

static void append_entry(const char *name, unsigned mode, const void *data, size_t len)
{
	char header[128];

	snprintf(header, sizeof(header),
		 "070701%08x%08x%08x%08x%08x%08x%08zX%08x%08x%08x%08x%08zx%08x%s", 1u,
		 mode, 0u, 0u, 1u, 0u, len, 0u, 0u, 0u, 0u, strlen(name) + 1, 0u, name);
	append(header, strlen(header) + 1);
	append(data, len);
}

static void set_up(void)
{
	size = 0;
	append_entry(".", 040755, "", 0);
	append_entry("./manifest", 0100644, "os ship 1\n", 10);
	append_entry("sched.rr.tmod", 0100644, "\177ELF and more..", 15);
	append_entry("/empty", 0100600, "", 0);
	append_entry("dir", 040755, "", 0);
	append_entry("dir/link", 0120777, "there", 5);
	append_entry("TRAILER!!!", 0, "", 0);
}

/* C2, in one expression: ck_assert() records each success, which is slow by the million.
 */
static bool lies_within(const struct ths_cpio_entry *entry, const unsigned char *bytes,
			size_t len)
{
	return entry->name >= (const char *)bytes &&
	       entry->name + strlen(entry->name) < (const char *)bytes + len &&
	       entry->data >= bytes && (size_t)(entry->data - bytes) <= len &&
	       entry->size <= len - (size_t)(entry->data - bytes);
}

/* Reads to the end; every entry must lie within. The last verdict. */
static enum ths_err read_all(const unsigned char *bytes, size_t len, size_t *entries)
{
	struct ths_cpio cpio;
	struct ths_cpio_entry entry;
	enum ths_err err;

	*entries = 0;
	ths_cpio_init(&cpio, bytes, len);
	while ((err = ths_cpio_next(&cpio, &entry)) == THS_OK) {
		++*entries;
		if (cpio.what || entry.offset >= cpio.at ||
		    !lies_within(&entry, bytes, len))
			ck_abort_msg("entry at %zu is not within %zu bytes", entry.offset,
				     len);
	}
	const char *what = cpio.what;
	size_t at = cpio.at;

	/* C4: the same again. */
	if ((err != THS_E_FORMAT && err != THS_E_NOENT) ||
	    (err == THS_E_FORMAT) != !!what || ths_cpio_next(&cpio, &entry) != err ||
	    cpio.what != what || cpio.at != at)
		ck_abort_msg("%d at %zu: %s", err, at, what ? what : "");
	return err;
}

START_TEST(every_changed_byte_is_survived)
{
	size_t entries;

	set_up();

	unsigned char *exact = malloc(size);

	memcpy(exact, archive, size);
	for (size_t at = 0; at < size; at++) {
		unsigned fine = 0;

		for (unsigned value = 0; value < 256; value++) {
			exact[at] = (unsigned char)value;
			fine += read_all(exact, size, &entries) == THS_E_NOENT;
		}
		exact[at] = archive[at];
		ck_assert_uint_ge(fine, 1); /* the original byte itself */
		if (at < 6)
			ck_assert_uint_eq(fine, 1); /* no other magic passes */
	}
	free(exact);
}
END_TEST

START_TEST(sizes_near_the_limit_do_not_wrap)
{
	static const char *const huge[] = {"ffffffff", "fffffffe", "fffffffc",
					   "7fffffff", "80000000", "00000800"};
	size_t entries;

	for (size_t i = 0; i < THS_ARRAY_SIZE(huge); i++) {
		set_up();
		memcpy(archive + 6 + 8 * 6, huge[i], 8); /* data of the first entry */
		ck_assert_int_eq(read_all(archive, size, &entries), THS_E_FORMAT);
		set_up();
		memcpy(archive + 6 + 8 * 11, huge[i], 8); /* its name */
		ck_assert_int_eq(read_all(archive, size, &entries), THS_E_FORMAT);
		ck_assert_uint_eq(entries, 0);
	}
}
END_TEST

START_TEST(entries_are_as_they_were_put_in)
{
	static const struct {
		const char *name;
		size_t size;
		bool is_file;
	} want[] = {
		{".", 0, false},    {"manifest", 10, true}, {"sched.rr.tmod", 15, true},
		{"empty", 0, true}, {"dir", 0, false},      {"dir/link", 5, false}};
	struct ths_cpio cpio;
	struct ths_cpio_entry entry;

	set_up();
	ths_cpio_init(&cpio, archive, size);
	for (size_t i = 0; i < THS_ARRAY_SIZE(want); i++) {
		ck_assert_int_eq(ths_cpio_next(&cpio, &entry), THS_OK);
		ck_assert_str_eq(entry.name, want[i].name);
		ck_assert_uint_eq(entry.size, want[i].size);
		ck_assert(ths_cpio_is_file(&entry) == want[i].is_file);
		ck_assert_mem_eq(archive + entry.offset, "070701", 6);
	}
	ck_assert_int_eq(ths_cpio_next(&cpio, &entry), THS_E_NOENT);
	ck_assert_int_eq(ths_cpio_next(&cpio, &entry), THS_E_NOENT);
}
END_TEST

START_TEST(files_are_found_by_name)
{
	struct ths_cpio_entry entry;

	set_up();
	ck_assert_int_eq(ths_cpio_find(archive, size, "manifest", &entry), THS_OK);
	ck_assert_uint_eq(entry.size, 10);
	ck_assert_mem_eq(entry.data, "os ship 1\n", 10);
	ck_assert_int_eq(ths_cpio_find(archive, size, "empty", &entry), THS_OK);
	ck_assert_int_eq(ths_cpio_find(archive, size, "dir", &entry), THS_E_NOENT);
	ck_assert_int_eq(ths_cpio_find(archive, size, "mani", &entry), THS_E_NOENT);
	ck_assert_int_eq(ths_cpio_find(archive, 100, "manifest", &entry), THS_E_FORMAT);
}
END_TEST

START_TEST(names_are_whole)
{
	struct ths_cpio cpio;
	struct ths_cpio_entry entry;

	set_up();
	archive[6 + 8 * 12 - 1] = '1'; /* the first name's size: only its NUL */
	ths_cpio_init(&cpio, archive, size);
	ck_assert_int_eq(ths_cpio_next(&cpio, &entry), THS_E_FORMAT);
	ck_assert_str_eq(cpio.what, "the entry has no name");
	archive[6 + 8 * 12 - 1] = '3'; /* a byte more than the name has */
	ths_cpio_init(&cpio, archive, size);
	ck_assert_int_eq(ths_cpio_next(&cpio, &entry), THS_E_FORMAT);
	ck_assert_str_eq(cpio.what, "the entry's name is not as long as its header says");
}
END_TEST

START_TEST(every_truncation_is_an_error)
{
	size_t entries;

	set_up();
	for (size_t len = 0; len <= size; len++) {
		unsigned char *exact = malloc(len ? len : 1);

		/* Three bytes of padding stand behind the trailer's name. */
		memcpy(exact, archive, len);
		ck_assert_int_eq(read_all(exact, len, &entries),
				 len < size - 3 ? THS_E_FORMAT : THS_E_NOENT);
		free(exact);
	}
}
END_TEST

START_TEST(nothing_is_no_archive)
{
	size_t entries;

	ck_assert_int_eq(read_all(NULL, 0, &entries), THS_E_FORMAT);
}
END_TEST

START_TEST(zeros_behind_the_trailer_are_no_matter)
{
	size_t entries;

	set_up();
	memset(archive + size, 0, 256);
	ck_assert_int_eq(read_all(archive, size + 256, &entries), THS_E_NOENT);
	ck_assert_uint_eq(entries, 6);
}
END_TEST

START_TEST(another_cpio_format_is_named_as_such)
{
	struct ths_cpio cpio;
	struct ths_cpio_entry entry;

	set_up();
	memcpy(archive, "070702", 6); /* with checksums: not ours */
	ths_cpio_init(&cpio, archive, size);
	ck_assert_int_eq(ths_cpio_next(&cpio, &entry), THS_E_FORMAT);
	ck_assert_str_eq(cpio.what, "no entry of a newc archive begins here");
	ck_assert_uint_eq(cpio.at, 0);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("cpio");
	TCase *tcase;

	tcase = tcase_create("C1: no byte outside is read");
	tcase_add_test(tcase, every_changed_byte_is_survived);
	tcase_add_test(tcase, sizes_near_the_limit_do_not_wrap);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("C2: entries");
	tcase_add_test(tcase, entries_are_as_they_were_put_in);
	tcase_add_test(tcase, files_are_found_by_name);
	tcase_add_test(tcase, names_are_whole);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("C3: a cut archive is an error");
	tcase_add_test(tcase, every_truncation_is_an_error);
	tcase_add_test(tcase, nothing_is_no_archive);
	tcase_add_test(tcase, zeros_behind_the_trailer_are_no_matter);
	tcase_add_test(tcase, another_cpio_format_is_named_as_such);
	suite_add_tcase(suite, tcase);

	return suite;
}

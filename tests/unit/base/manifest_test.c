/*
 * manifest - what a line means, what is refused and with which words, and that no bytes
 * whatever are read beyond.
 */
#include <suite.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <theseus/manifest.h>

static const char ship[] = "# ship, the example OS - Schifferl\xc3\xa4nder\n"
			   "os ship 1.0\n"
			   "\n"
			   "module irq.pic            # the legacy controller\n"
			   "module sched.rr\n"
			   "module sched.rr from old/rr-1.tmod as second\n"
			   "\tmodule serial.16550 as tty0\n"
			   "bind irq/1 = irq.pic\n"
			   "bind sched = sched.rr\n"
			   "bind serial/2 console=tty0\n"
			   "vital sched\n"
			   "program shell\n"
			   "program shell\n"
			   "cmdline  verbose=1 root:ram  # as it stands\n"
			   "domain drivers: tty0 irq.pic\n"
			   "domain other :second";

static struct ths_manifest manifest;
static struct ths_manifest_item item;

static void next(enum ths_manifest_kind kind, uint32_t line)
{
	ck_assert_int_eq(ths_manifest_next(&manifest, &item), THS_OK);
	ck_assert_int_eq(item.kind, kind);
	ck_assert_uint_eq(item.line, line);
	ck_assert_str_eq(manifest.what, "");
}

START_TEST(each_directive_means_what_it_says)
{
	char word[THS_MANIFEST_NAME_MAX + 1];
	uint32_t at = 0;

	ths_manifest_init(&manifest, ship, sizeof(ship) - 1);
	next(THS_MANIFEST_OS, 2);
	ck_assert_str_eq(item.name, "ship");
	ck_assert_str_eq(item.release, "1.0");
	next(THS_MANIFEST_MODULE, 4);
	ck_assert_str_eq(item.id, "irq.pic");
	ck_assert_str_eq(item.name, "irq.pic");
	ck_assert_str_eq(item.file, "irq.pic.tmod");
	next(THS_MANIFEST_MODULE, 5);
	next(THS_MANIFEST_MODULE, 6);
	ck_assert_str_eq(item.id, "sched.rr");
	ck_assert_str_eq(item.name, "second");
	ck_assert_str_eq(item.file, "old/rr-1.tmod");
	next(THS_MANIFEST_MODULE, 7);
	ck_assert_str_eq(item.name, "tty0");
	ck_assert_str_eq(item.file, "serial.16550.tmod");
	next(THS_MANIFEST_BIND, 8);
	ck_assert_str_eq(item.name, "irq");
	ck_assert_uint_eq(item.version, 1);
	ck_assert_str_eq(item.as, "");
	ck_assert_str_eq(item.id, "irq.pic");
	next(THS_MANIFEST_BIND, 9);
	ck_assert_uint_eq(item.version, 0);
	next(THS_MANIFEST_BIND, 10);
	ck_assert_str_eq(item.name, "serial");
	ck_assert_uint_eq(item.version, 2);
	ck_assert_str_eq(item.as, "console");
	ck_assert_str_eq(item.id, "tty0");
	next(THS_MANIFEST_VITAL, 11);
	ck_assert_str_eq(item.name, "sched");
	next(THS_MANIFEST_PROGRAM, 12);
	ck_assert_str_eq(item.name, "shell");
	next(THS_MANIFEST_PROGRAM, 13);
	next(THS_MANIFEST_CMDLINE, 14);
	ck_assert_uint_eq(item.text_len, strlen("verbose=1 root:ram"));
	ck_assert_mem_eq(item.text, "verbose=1 root:ram", item.text_len);
	next(THS_MANIFEST_DOMAIN, 15);
	ck_assert_str_eq(item.name, "drivers");
	ck_assert_int_eq(ths_manifest_word(&item, &at, word), THS_OK);
	ck_assert_str_eq(word, "tty0");
	ck_assert_int_eq(ths_manifest_word(&item, &at, word), THS_OK);
	ck_assert_str_eq(word, "irq.pic");
	ck_assert_int_eq(ths_manifest_word(&item, &at, word), THS_E_NOENT);
	next(THS_MANIFEST_DOMAIN, 16);
	ck_assert_int_eq(ths_manifest_next(&manifest, &item), THS_E_NOENT);
	ck_assert_int_eq(ths_manifest_next(&manifest, &item), THS_E_NOENT);
	ck_assert_int_eq(ths_manifest_check(&manifest, ship, sizeof(ship) - 1), THS_OK);
}
END_TEST

#define NAME31 "abcdefghijklmnopqrstuvwxyz01234"

START_TEST(names_fit_to_the_last_character)
{
	static const char text[] = "module " NAME31;

	ths_manifest_init(&manifest, text, strlen(text));
	next(THS_MANIFEST_MODULE, 1);
	ck_assert_str_eq(item.name, NAME31);
	ck_assert_str_eq(item.file, NAME31 ".tmod");
	ck_assert_uint_eq(strlen(NAME31), THS_MANIFEST_NAME_MAX);
}
END_TEST

static const struct {
	const char *line;
	const char *what;
} malformed[] = {
	{"modul x", "there is no directive \"modul\""},
	{"= x", "there is no directive \"=\""},
	{"OS ship 1", "there is no directive \"OS\""},
	{"os", "os: the name is missing"},
	{"os ship", "os: the version is missing"},
	{"os ship 1 2", "os: \"2\" is a word too many"},
	{"os -ship 1", "os: \"-ship\" cannot be the name"},
	{"module", "module: the id is missing"},
	{"module # none", "module: the id is missing"},
	{"module " NAME31 "5",
	 "module: the id is longer than 31 characters: \"" NAME31 "5...\""},
	{"module sched/rr", "module: \"sched/rr\" cannot be the id"},
	{"module a from", "module: the file is missing"},
	{"module a as", "module: the name is missing"},
	{"module a as b from c", "module: \"from\" is a word too many"},
	{"module a b", "module: \"b\" is a word too many"},
	{"bind", "bind: the interface is missing"},
	{"bind sched", "bind: there is no = before the module"},
	{"bind sched =", "bind: the module is missing"},
	{"bind = a", "bind: the interface is missing"},
	{"bind sched fast slow = a", "bind: there is no = before the module"},
	{"bind sched = a b", "bind: \"b\" is a word too many"},
	{"bind sched = = b", "bind: the module is missing"},
	{"bind sched/ = a", "bind: \"sched/\" has no version between 1 and 65535"},
	{"bind sched/0 = a", "bind: \"sched/0\" has no version between 1 and 65535"},
	{"bind sched/x = a", "bind: \"sched/x\" has no version between 1 and 65535"},
	{"bind sched/65536 = a",
	 "bind: \"sched/65536\" has no version between 1 and 65535"},
	{"bind sched.rr = a", "bind: \"sched.rr\" cannot be the interface"},
	{"bind /1 = a", "bind: the interface is missing"},
	{"vital", "vital: the interface is missing"},
	{"vital a b", "vital: \"b\" is a word too many"},
	{"program", "program: the name is missing"},
	{"program a b", "program: \"b\" is a word too many"},
	{"cmdline", "cmdline: the text is missing"},
	{"cmdline   # all comment", "cmdline: the text is missing"},
	{"domain", "domain: the name is missing"},
	{"domain a b", "domain: there is no : before the modules"},
	{"domain a:", "domain: the module is missing"},
	{"domain a: b : c", "domain: the module is missing"},
	{"os sh\x07ip 1", "byte 0x07 in column 6 is no text"},
	{"os ship 1\r", "byte 0x0d in column 10 is no text"},
	{"\xff\xfe", "byte 0xff in column 1 is no text"},
	{"os sch\xc3\xb6n 1", "byte 0xc3 in column 7 is no text"},
	{"# bell \x07", "byte 0x07 in column 8 is no text"},
	{"os a#b 1", "os: \"a#b\" cannot be the name"},
};

START_TEST(malformed_lines_are_named)
{
	char text[256];

	snprintf(text, sizeof(text), "program before\n\n%s\nprogram behind\n",
		 malformed[_i].line);
	ths_manifest_init(&manifest, text, strlen(text));
	next(THS_MANIFEST_PROGRAM, 1);
	ck_assert_int_eq(ths_manifest_next(&manifest, &item), THS_E_FORMAT);
	ck_assert_uint_eq(manifest.line, 3);
	ck_assert_str_eq(manifest.what, malformed[_i].what);
	next(THS_MANIFEST_PROGRAM, 4);
	ck_assert_str_eq(item.name, "behind");

	ck_assert_int_eq(ths_manifest_check(&manifest, text, strlen(text)), THS_E_FORMAT);
	ck_assert_uint_eq(manifest.line, 3);
	ck_assert_str_eq(manifest.what, malformed[_i].what);
}
END_TEST

START_TEST(a_nul_is_no_text)
{
	ths_manifest_init(&manifest, "os a\0b 1", 8);
	ck_assert_int_eq(ths_manifest_next(&manifest, &item), THS_E_FORMAT);
	ck_assert_str_eq(manifest.what, "byte 0x00 in column 5 is no text");
}
END_TEST

START_TEST(limits_of_text_are_told)
{
	char *text = malloc(THS_MANIFEST_MAX + 1);

	memset(text, 'x', THS_MANIFEST_MAX + 1);
	memcpy(text, "cmdline ", 8);
	ths_manifest_init(&manifest, text, 8 + THS_MANIFEST_TEXT_MAX);
	next(THS_MANIFEST_CMDLINE, 1);
	ths_manifest_init(&manifest, text, 9 + THS_MANIFEST_TEXT_MAX);
	ck_assert_int_eq(ths_manifest_next(&manifest, &item), THS_E_FORMAT);
	ck_assert_str_eq(manifest.what,
			 "cmdline: the text is longer than 255 characters");
	ths_manifest_init(&manifest, text, THS_MANIFEST_MAX + 1);
	ck_assert_int_eq(ths_manifest_next(&manifest, &item), THS_E_SIZE);
	ck_assert_str_eq(manifest.what, "the manifest is longer than 65536 bytes");
	memset(text, '\n', THS_MANIFEST_MAX);
	ths_manifest_init(&manifest, text, THS_MANIFEST_MAX);
	ck_assert_int_eq(ths_manifest_next(&manifest, &item), THS_E_NOENT);
	ck_assert_uint_eq(manifest.line, THS_MANIFEST_MAX);
	free(text);
}
END_TEST

static const struct {
	const char *text;
	enum ths_err err;
	uint32_t line;
	const char *what;
} misfits[] = {
	{"os a 1\nos b 2", THS_E_EXIST, 2, "os: one is on line 1 already"},
	{"os a 1\nmodule m\nmodule m", THS_E_EXIST, 3, "module: m is on line 2 already"},
	{"os a 1\nmodule m\nmodule n as m", THS_E_EXIST, 3,
	 "module: m is on line 2 already"},
	{"os a 1\nmodule m\nbind i = m\n\nbind i/2 = m", THS_E_EXIST, 5,
	 "bind: i is on line 3 already"},
	{"os a 1\nmodule m\nbind i x = m\nbind i x = m", THS_E_EXIST, 4,
	 "bind: i x is on line 3 already"},
	{"os a 1\nmodule m\nbind i = m\nvital i\nvital i", THS_E_EXIST, 5,
	 "vital: i is on line 4 already"},
	{"os a 1\ncmdline x\ncmdline y", THS_E_EXIST, 3,
	 "cmdline: one is on line 2 already"},
	{"os a 1\nmodule m\ndomain d: m\ndomain d: m", THS_E_EXIST, 4,
	 "domain: d is on line 3 already"},
	{"os a 1\nmodule m\ndomain d: m\ndomain e: m", THS_E_EXIST, 4,
	 "domain: m is in one on line 3 already"},
	{"os a 1\nmodule m\ndomain d: m m", THS_E_EXIST, 3,
	 "domain: m is in one on line 3 already"},
	{"os a 1\nbind i = m", THS_E_NOENT, 2, "bind: there is no module m"},
	{"os a 1\nmodule m as n\nbind i = m", THS_E_NOENT, 3,
	 "bind: there is no module m"},
	{"os a 1\nvital i", THS_E_NOENT, 2, "vital: i is not bound"},
	{"os a 1\ndomain d: m", THS_E_NOENT, 2, "domain: there is no module m"},
	{"program p", THS_E_NOENT, 1, "there is no os line"},
	{"", THS_E_NOENT, 0, "there is no os line"},
};

START_TEST(misfits_are_named)
{
	ck_assert_int_eq(
		ths_manifest_check(&manifest, misfits[_i].text, strlen(misfits[_i].text)),
		misfits[_i].err);
	ck_assert_uint_eq(manifest.line, misfits[_i].line);
	ck_assert_str_eq(manifest.what, misfits[_i].what);
}
END_TEST

START_TEST(what_differs_is_not_the_same)
{
	static const char text[] = "os a 1\nmodule m\nmodule m as n\n"
				   "bind i = m\nbind i x = n\nbind i y = n\nbind j = m\n"
				   "bind later = l\nmodule l\n"
				   "program p\nprogram p\ndomain d: m\ndomain e: n l\n";

	ck_assert_int_eq(ths_manifest_check(&manifest, text, strlen(text)), THS_OK);
}
END_TEST

START_TEST(every_truncation_is_survived)
{
	for (size_t len = 0; len < sizeof(ship); len++) {
		char *exact = malloc(len ? len : 1);

		memcpy(exact, ship, len);

		enum ths_err err = ths_manifest_check(&manifest, exact, len);

		ck_assert(err == THS_OK || err == THS_E_FORMAT || err == THS_E_NOENT ||
			  err == THS_E_EXIST);
		ck_assert((err == THS_OK) == (manifest.what[0] == '\0'));
		free(exact);
	}
	ck_assert_int_eq(ths_manifest_check(&manifest, NULL, 0), THS_E_NOENT);
}
END_TEST

static void read_all(const char *text, size_t len)
{
	char word[THS_MANIFEST_NAME_MAX + 1];
	enum ths_err err;

	ths_manifest_init(&manifest, text, len);
	while ((err = ths_manifest_next(&manifest, &item)) != THS_E_NOENT) {
		if (err)
			continue;
		for (uint32_t at = 0; item.kind == THS_MANIFEST_DOMAIN &&
				      ths_manifest_word(&item, &at, word) == THS_OK;)
			if (at > item.text_len || word[0] == '\0')
				ck_abort_msg("a domain's member is outside it");
	}
}

START_TEST(every_changed_byte_is_survived)
{
	size_t len = sizeof(ship) - 1;
	char *exact = malloc(len);
	unsigned refused = 0;

	memcpy(exact, ship, len);
	for (size_t at = 0; at < len; at++) {
		for (unsigned value = 0; value < 256; value += at % 16 ? 37 : 1) {
			exact[at] = (char)value;
			read_all(exact, len);
			refused += ths_manifest_check(&manifest, exact, len) != THS_OK;
		}
		exact[at] = ship[at];
	}
	ck_assert_uint_gt(refused, len); /* it does look */
	ck_assert_int_eq(ths_manifest_check(&manifest, exact, len), THS_OK);
	free(exact);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("manifest");
	TCase *tcase;

	tcase = tcase_create("N2: items are well-formed");
	tcase_add_test(tcase, each_directive_means_what_it_says);
	tcase_add_test(tcase, names_fit_to_the_last_character);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("N3: every error has its line and sentence");
	ths_tcase_add_turns(tcase, malformed_lines_are_named, 0,
			    (int)THS_ARRAY_SIZE(malformed));
	tcase_add_test(tcase, a_nul_is_no_text);
	tcase_add_test(tcase, limits_of_text_are_told);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create(
		"N4: nothing is said twice, and nothing is named that is not there");
	ths_tcase_add_turns(tcase, misfits_are_named, 0, (int)THS_ARRAY_SIZE(misfits));
	tcase_add_test(tcase, what_differs_is_not_the_same);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("N1: no byte outside is read");
	tcase_add_test(tcase, every_truncation_is_survived);
	tcase_add_test(tcase, every_changed_byte_is_survived);
	suite_add_tcase(suite, tcase);

	return suite;
}

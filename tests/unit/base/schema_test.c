/*
 * schema - layouts as text: read record by record, compared, and their differences named.
 *
 * The bytes under test lie in memory of exactly their size: the sanitizer sees any read
 * outside (L1).
 */
#include <suite.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <theseus/schema.h>

static const char whole[] = "theseus-schema 1 sched.rr\n"
			    "provides sched/1\n"
			    "op admit 8\n"
			    " task u32 0\n"
			    " cpu u32 4\n"
			    "op tick 8 = admit\n"
			    "op stop 8\n"
			    " unused u64 0\n"
			    "uses clock/1\n"
			    "op now 8\n"
			    " ns u64 0\n"
			    "uses sched/1\n"
			    "table sched.queue/1 48\n"
			    " first u16 0\n"
			    " links 4[2] 4\n"
			    " links[].next u16 4\n"
			    " links[].prev u16 6\n"
			    " ring u16[16] 16\n"
			    "blob session/12 8\n"
			    " . u64 0\n";

/* The last verdict on reading all of @text; *@records: how many there were. */
static enum ths_err read_all(const char *text, size_t size, unsigned *records)
{
	struct ths_schema schema;
	struct ths_schema_cursor cursor;
	struct ths_schema_record record;
	enum ths_err err = ths_schema_open(&schema, text, size);

	*records = 0;
	if (err != THS_OK)
		return err;
	ths_schema_rewind(&cursor, &schema);
	while ((err = ths_schema_next(&cursor, &record)) == THS_OK)
		++*records;
	return err;
}

static struct ths_schema opened(const char *text)
{
	struct ths_schema schema;

	ck_assert_int_eq(ths_schema_open(&schema, text, strlen(text)), THS_OK);
	return schema;
}

START_TEST(records_come_in_order_with_their_members)
{
	static const struct {
		enum ths_schema_kind kind;
		const char *name;
		uint32_t size;
		const char *members, *like;
	} want[] = {
		{THS_SCHEMA_PROVIDES, "sched/1", 0, "", NULL},
		{THS_SCHEMA_OP, "admit", 8, " task u32 0\n cpu u32 4\n", NULL},
		{THS_SCHEMA_OP, "tick", 8, "", "admit"},
		{THS_SCHEMA_OP, "stop", 8, " unused u64 0\n", NULL},
		{THS_SCHEMA_USES, "clock/1", 0, "", NULL},
		{THS_SCHEMA_OP, "now", 8, " ns u64 0\n", NULL},
		{THS_SCHEMA_USES, "sched/1", 0, "", NULL},
		{THS_SCHEMA_TABLE, "sched.queue/1", 48,
		 " first u16 0\n links 4[2] 4\n links[].next u16 4\n"
		 " links[].prev u16 6\n ring u16[16] 16\n",
		 NULL},
		{THS_SCHEMA_BLOB, "session/12", 8, " . u64 0\n", NULL},
	};
	struct ths_schema schema = opened(whole);
	struct ths_schema_cursor cursor;
	struct ths_schema_record record;
	const char *module;
	size_t length;

	module = ths_schema_module(&schema, &length);
	ck_assert_uint_eq(length, 8);
	ck_assert_int_eq(memcmp(module, "sched.rr", 8), 0);
	ths_schema_rewind(&cursor, &schema);
	for (size_t i = 0; i < THS_ARRAY_SIZE(want); i++) {
		ck_assert_int_eq(ths_schema_next(&cursor, &record), THS_OK);
		ck_assert(ths_schema_is(&record, want[i].kind, want[i].name));
		ck_assert_uint_eq(record.layout.size, want[i].size);
		ck_assert_uint_eq(record.layout.length, strlen(want[i].members));
		ck_assert_int_eq(memcmp(record.layout.text, want[i].members,
					record.layout.length),
				 0);
		ck_assert_int_eq(record.like != NULL, want[i].like != NULL);
		if (want[i].like != NULL)
			ck_assert(record.like_length == strlen(want[i].like) &&
				  memcmp(record.like, want[i].like, record.like_length) ==
					  0);
	}
	ck_assert_int_eq(ths_schema_next(&cursor, &record), THS_E_NOENT);
	ck_assert_int_eq(ths_schema_next(&cursor, &record), THS_E_NOENT);
}
END_TEST

START_TEST(a_layout_is_found_by_kind_and_name)
{
	struct ths_schema schema = opened(whole), none = {NULL, 0};
	struct ths_layout layout, other;

	ck_assert_int_eq(ths_schema_find(&schema, THS_SCHEMA_TABLE, "sched.queue/1",
					 &layout),
			 THS_OK);
	ck_assert_uint_eq(layout.size, 48);
	ck_assert_int_eq(ths_schema_find(&schema, THS_SCHEMA_BLOB, "session/12", &layout),
			 THS_OK);
	ck_assert_uint_eq(layout.size, 8);
	ck_assert_int_eq(ths_schema_find(&schema, THS_SCHEMA_PROVIDES, "sched/1", &layout),
			 THS_OK);
	ck_assert_uint_eq(layout.size, 3);
	ck_assert_int_eq(memcmp(layout.text, "op admit", 8), 0);
	ck_assert_int_eq(memcmp(layout.text + layout.length, "uses clock", 10), 0);
	/* what it uses of its own kind is written down once */
	ck_assert_int_eq(ths_schema_find(&schema, THS_SCHEMA_USES, "sched/1", &other),
			 THS_OK);
	ck_assert_ptr_eq(other.text, layout.text);
	ck_assert_uint_eq(other.length, layout.length);
	ck_assert_int_eq(ths_schema_find(&schema, THS_SCHEMA_TABLE, "session/12", &layout),
			 THS_E_NOENT);
	ck_assert_int_eq(ths_schema_find(&schema, THS_SCHEMA_TABLE, "sched.queue/", &layout),
			 THS_E_NOENT);
	ck_assert_int_eq(ths_schema_find(&none, THS_SCHEMA_TABLE, "sched.queue/1", &layout),
			 THS_E_NOENT);
}
END_TEST

START_TEST(malformed_lines_are_refused)
{
	static const char *const lines[] = {
		"",
		"table",
		"table ",
		"table a/1",
		"table a/1 ",
		"table a/1 x",
		"table a/1 4294967296",
		"table a/1 -1",
		"table a/1 8 ",
		"table a/1 8 9",
		"table a/1 8 = b",
		"op a 8 = ",
		"op a 8 =b",
		"op a 8 = b\n x u8 0",
		"provides a/1 8",
		"provides a/1\n x u8 0",
		"uses a/1\n x u8 0",
		"tables a/1 8",
		"Table a/1 8",
		"tab a/1 8",
	};
	unsigned records;
	char text[128];

	for (size_t i = 0; i < THS_ARRAY_SIZE(lines); i++) {
		snprintf(text, sizeof(text), "%sx\n%s\n", THS_SCHEMA_MAGIC, lines[i]);
		ck_assert_msg(read_all(text, strlen(text), &records) == THS_E_FORMAT,
			      "accepted: '%s'", lines[i]);
	}
	ck_assert_int_eq(read_all("theseus-schema 2 x\n", 19, &records), THS_E_FORMAT);
	ck_assert_int_eq(read_all("theseus-schema 1 x", 18, &records), THS_E_FORMAT);
	ck_assert_int_eq(read_all("theseus-schema 1 \n", 18, &records), THS_E_NOENT);
	ck_assert_int_eq(read_all("theseus-schema 1 x\n\tblank\n", 26, &records),
			 THS_E_FORMAT);
	ck_assert_int_eq(read_all("theseus-schema 1 x\nop a\0 8\n", 27, &records),
			 THS_E_FORMAT);
}
END_TEST

/* Every piece of the text, and the text with every byte changed: read to the end or
 * refused, searched, compared and told apart, without a byte outside (ASan looks on). */
START_TEST(no_byte_outside_is_read)
{
	struct ths_schema good = opened(whole), bad;
	struct ths_layout a, b;
	unsigned records;
	char said[100];

	for (size_t size = 0; size < sizeof(whole); size++) {
		char *piece = malloc(size == 0 ? 1 : size);

		memcpy(piece, whole, size);
		(void)!read_all(piece, size, &records);
		free(piece);
	}
	for (size_t at = 0; at < sizeof(whole) - 1; at++)
		for (const char *byte = "\n =u0[\x7f"; *byte != '\0'; byte++) {
			char *text = malloc(sizeof(whole) - 1);

			memcpy(text, whole, sizeof(whole) - 1);
			text[at] = *byte;
			(void)!read_all(text, sizeof(whole) - 1, &records);
			if (ths_schema_open(&bad, text, sizeof(whole) - 1) == THS_OK &&
			    ths_schema_find(&bad, THS_SCHEMA_USES, "sched/1", &a) == THS_OK &&
			    ths_schema_find(&good, THS_SCHEMA_USES, "sched/1", &b) == THS_OK &&
			    !ths_layout_same_ops(&a, &b))
				ths_layout_differ_ops(said, sizeof(said), &a, &b, "x");
			if (ths_schema_open(&bad, text, sizeof(whole) - 1) == THS_OK &&
			    ths_schema_find(&bad, THS_SCHEMA_TABLE, "sched.queue/1", &a) ==
				    THS_OK &&
			    ths_schema_find(&good, THS_SCHEMA_TABLE, "sched.queue/1", &b) ==
				    THS_OK &&
			    !ths_layout_same(&a, &b)) {
				said[0] = '\0';
				ths_layout_differ(said, sizeof(said), &a, &b, "x");
				if (said[0] == '\0')
					ck_abort_msg("nothing said of byte %zu", at);
			}
			free(text);
		}
}
END_TEST

/* @a and @b are members of a table of @size_a and @size_b bytes. */
static void differ(const char *a, uint32_t size_a, const char *b, uint32_t size_b,
		   const char *want)
{
	const struct ths_layout here = {a, (uint32_t)strlen(a), size_a};
	const struct ths_layout there = {b, (uint32_t)strlen(b), size_b};
	char said[100];

	ck_assert(!ths_layout_same(&here, &there));
	ck_assert(!ths_layout_same(&there, &here));
	ck_assert(ths_layout_same(&here, &here));
	ths_layout_differ(said, sizeof(said), &here, &there, "b");
	ck_assert_str_eq(said, want);
}

START_TEST(the_member_that_differs_is_named)
{
	differ(" a u32 0\n b u32 4\n", 8, " a u32 0\n b u16 4\n", 8,
	       "member b is u32 at 4 here, u16 at 4 in b");
	differ(" a u32 0\n links.next u32 12\n", 16, " a u64 0\n links.next u64 16\n", 24,
	       "member a is u32 at 0 here, u64 at 0 in b");
	differ(" a u32 0\n b u32 12\n", 16, " a u32 0\n b u32 8\n", 16,
	       "member b is u32 at 12 here, u32 at 8 in b");
	differ(" a u32 0\n b u32 4\n", 8, " a u32 0\n", 8,
	       "member b is u32 at 4 here, missing in b");
	differ(" a u32 0\n", 8, " a u32 0\n b u8[4] 4\n", 8,
	       "member b is u8[4] at 4 in b, missing here");
	/* one put in between moves all that follow: it is the one to name */
	differ(" a u32 0\n c u32 4\n", 8, " a u32 0\n b u64 8\n c u32 16\n", 24,
	       "member b is u64 at 8 in b, missing here");
	differ(" a u32 0\n b u64 8\n c u32 16\n", 24, " a u32 0\n c u32 4\n", 8,
	       "member b is u64 at 8 here, missing in b");
	differ(" a u32 0\n b u32 4\n", 8, " b u32 0\n a u32 4\n", 8,
	       "member a is u32 at 0 here, u32 at 4 in b");
	differ(" a u32 0\n b u16 0\n", 4, " b u16 0\n a u32 0\n", 4,
	       "member a has another place than in b");
	differ(" a u32 0\n", 4, " a u32 0\n", 8, "4 bytes here, 8 in b");
	differ("", 0, " a u32 0\n", 4, "member a is u32 at 0 in b, missing here");
}
END_TEST

static void differ_ops(const char *a, const char *b, const char *want)
{
	const struct ths_layout here = {a, (uint32_t)strlen(a), 1};
	const struct ths_layout there = {b, (uint32_t)strlen(b), 2};
	char said[100];

	ck_assert_int_eq(ths_layout_same_ops(&here, &there), want == NULL);
	ck_assert_int_eq(ths_layout_same_ops(&there, &here), want == NULL);
	if (want == NULL)
		return;
	ths_layout_differ_ops(said, sizeof(said), &here, &there, "b");
	ck_assert_str_eq(said, want);
}

START_TEST(the_operation_that_differs_is_named)
{
	differ_ops("op a 8\n x u64 0\n", "op a 8\n x u64 0\n", NULL);
	differ_ops("op a 8\n x u64 0\n", "op a 8\n x u64 0\nop b 8 = a\n", NULL);
	differ_ops("", "op a 8\n x u64 0\n", NULL);
	differ_ops("op a 8\n x u32 0\n", "op a 8\n x u32 0\n y u32 4\n",
		   "operation a: member y is u32 at 4 in b, missing here");
	differ_ops("op a 8\n x u64 0\nop b 8 = a\n",
		   "op a 8\n x u64 0\nop b 8\n x u32 0\n",
		   "operation b: member x is u64 at 0 here, u32 at 0 in b");
	differ_ops("op a 8\n x u64 0\nop b 8\n y u64 0\nop c 8 = a\n",
		   "op a 8\n x u64 0\nop b 8\n y u64 0\nop c 8 = b\n",
		   "operation c: member x is u64 at 0 here, missing in b");
	differ_ops("op a 8\n x u64 0\n", "op b 8\n x u64 0\n",
		   "operation 0 is a here, b in b");
	differ_ops("op a 16\n x u64 0\n", "op a 8\n x u64 0\n",
		   "operation a: 16 bytes here, 8 in b");
}
END_TEST

START_TEST(what_is_not_known_agrees)
{
	const struct ths_layout none = {NULL, 0, 0}, some = {" a u8 0\n", 8, 1};

	ck_assert(ths_layout_same(&none, &some) && ths_layout_same(&some, &none));
	ck_assert(ths_layout_same_ops(&none, &some) && ths_layout_same_ops(&some, &none));
}
END_TEST

START_TEST(what_is_said_is_cut_to_its_room)
{
	const struct ths_layout here = {" a u8 0\n", 8, 1}, there = {" a u16 0\n", 9, 2};
	const struct ths_layout op = {"op a 8\n x u64 0\n", 16, 1},
				other = {"op a 8\n x u32 0\n", 16, 1};

	for (size_t room = 1; room < 60; room++) {
		char *said = malloc(room);

		ths_layout_differ(said, room, &here, &there, "there");
		ck_assert_uint_lt(strlen(said), room);
		ths_layout_differ_ops(said, room, &op, &other, "there");
		ck_assert_uint_lt(strlen(said), room);
		free(said);
	}
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("schema");
	TCase *reading = tcase_create("L1 reading"), *comparing = tcase_create("L2 comparing");

	tcase_set_timeout(reading, 120);
	tcase_add_test(reading, records_come_in_order_with_their_members);
	tcase_add_test(reading, a_layout_is_found_by_kind_and_name);
	tcase_add_test(reading, malformed_lines_are_refused);
	tcase_add_test(reading, no_byte_outside_is_read);
	tcase_add_test(comparing, the_member_that_differs_is_named);
	tcase_add_test(comparing, the_operation_that_differs_is_named);
	tcase_add_test(comparing, what_is_not_known_agrees);
	tcase_add_test(comparing, what_is_said_is_cut_to_its_room);
	suite_add_tcase(suite, reading);
	suite_add_tcase(suite, comparing);
	return suite;
}

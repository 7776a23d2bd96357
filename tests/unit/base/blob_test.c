/*
 * blob - a blob bears no change: every bit, every length, every other owner is tried.
 *
 * Copies lie in memory of exactly their size, so that the sanitizer sees a check that
 * believes the header before it was checked.
 */
#include <suite.h>
#include <base/blob_impl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY 48
#define SIZE     32 /* of the session's body */

static const uint8_t key[THS_SIPHASH_KEY] = "0123456789abcde";
static const uint8_t foreign[THS_SIPHASH_KEY] = "0123456789abcdf";

static THS_BLOB_STORAGE(memory, CAPACITY);
static struct ths_blob *blob;
static uint64_t type;
static uint32_t schema;

static void set_up(void)
{
	unsigned char body[SIZE];

	memset(body, 0x3c, sizeof(body));
	memset(memory, 0xee, sizeof(memory));
	type = ths_blob_type("session/3", &schema);
	blob = ths_blob_init(memory, CAPACITY);
	ck_assert_ptr_eq(blob, memory);
	ths_blob_store(blob, type, schema, body, sizeof(body));
	ths_blob_tag(key, blob);
	ck_assert_int_eq(ths_blob_verify(key, blob, sizeof(memory)), THS_OK);
	ck_assert_int_eq(ths_blob_check(blob, sizeof(memory), type, schema, SIZE),
			 THS_OK);
}

static struct ths_blob *exact_copy(size_t bytes)
{
	void *copy = malloc(bytes);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, memory, bytes);
	return copy;
}

START_TEST(a_copy_elsewhere_is_the_same_blob)
{
	THS_BLOB_STORAGE(other, CAPACITY) = {0};

	set_up();
	ck_assert_uint_eq(ths_blob_size(blob), THS_BLOB_HEADER + SIZE);
	memcpy(other, memory, ths_blob_size(blob));
	ck_assert_int_eq(ths_blob_verify(key, (struct ths_blob *)other, sizeof(other)),
			 THS_OK);
	ck_assert_int_eq(ths_blob_check((struct ths_blob *)other, sizeof(other), type,
					schema, SIZE),
			 THS_OK);
}
END_TEST

START_TEST(storage_is_used_to_its_end_and_no_further)
{
	struct ths_blob *whole = ths_blob_init(malloc(THS_BLOB_HEADER + 5), 5);

	ck_assert_ptr_nonnull(whole);
	ths_blob_store(whole, 1, 0, "12345", 5);
	ths_blob_tag(key, whole);
	ck_assert_int_eq(ths_blob_verify(key, whole, THS_BLOB_HEADER + 5), THS_OK);
	ck_assert_uint_eq(ths_blob_size(whole), THS_BLOB_HEADER + 5);
	free(whole);
}
END_TEST

START_TEST(unusable_storage_is_refused_untouched)
{
	THS_BLOB_STORAGE(space, 16);
	unsigned char before[sizeof(space)];

	memset(space, 0x77, sizeof(space));
	memcpy(before, space, sizeof(space));
	for (size_t shift = 1; shift < THS_BLOB_ALIGN; shift++)
		ck_assert_ptr_null(ths_blob_init(space + shift, 4));
	ck_assert_ptr_null(ths_blob_init(space, THS_BLOB_CAPACITY_MAX + 1));
	ck_assert_ptr_null(ths_blob_init(space, SIZE_MAX));
	ck_assert_mem_eq(space, before, sizeof(space));
	ck_assert_ptr_null(ths_blob_init(NULL, 4));
}
END_TEST

START_TEST(a_taken_blob_is_busy)
{
	set_up();
	ck_assert_int_eq(ths_blob_take(blob), THS_OK);
	ck_assert_int_eq(ths_blob_take(blob), THS_E_BUSY);
	ths_blob_drop(blob);
	ck_assert_int_eq(ths_blob_take(blob), THS_OK);
	ths_blob_drop(blob);
	ck_assert_int_eq(ths_blob_verify(key, blob, sizeof(memory)), THS_OK);
}
END_TEST

static void *count_under_the_blob(void *counter)
{
	for (int done = 0; done < 20000;) {
		if (ths_blob_take(blob))
			continue;
		++*(int *)counter; /* a plain int: two users at once would lose some */
		ths_blob_drop(blob);
		done++;
	}
	return NULL;
}

START_TEST(threads_never_share_a_blob)
{
	pthread_t threads[3];
	int counter = 0;

	set_up();
	for (size_t i = 0; i < THS_ARRAY_SIZE(threads); i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, count_under_the_blob, &counter),
			0);
	for (size_t i = 0; i < THS_ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(counter, 3 * 20000);
}
END_TEST

START_TEST(every_changed_bit_is_refused)
{
	size_t refused = 0;

	set_up();
	for (size_t bit = 0; bit < 8 * ths_blob_size(blob); bit++) {
		struct ths_blob *copy = exact_copy(sizeof(memory));
		bool covered = bit / 8 < offsetof(struct ths_blob, busy) ||
			       bit / 8 >= offsetof(struct ths_blob, type);

		((unsigned char *)copy)[bit / 8] ^= (unsigned char)(1 << bit % 8);
		ck_assert_int_eq(ths_blob_verify(key, copy, sizeof(memory)),
				 covered ? THS_E_BLOB : THS_OK);
		ck_assert(!ths_blob_is_empty(copy));
		refused += covered;
		free(copy);
	}
	ck_assert_uint_eq(refused, 8 * (THS_BLOB_HEADER + SIZE - sizeof(uint64_t)));
}
END_TEST

START_TEST(bytes_behind_the_body_are_no_part_of_it)
{
	set_up();
	memory[sizeof(memory) - 1] ^= 1;
	ck_assert_int_eq(ths_blob_verify(key, blob, sizeof(memory)), THS_OK);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	set_up();

	struct ths_blob *copy = exact_copy((size_t)_i);

	ck_assert_int_eq(ths_blob_verify(key, copy, (size_t)_i), THS_E_BLOB);
	ck_assert_int_eq(ths_blob_check(copy, (size_t)_i, type, schema, SIZE),
			 THS_E_BLOB);
	free(copy);
}
END_TEST

/* Sizes that lie, tagged rightly or not: refused before a byte behind is looked at. */
START_TEST(lying_sizes_are_refused)
{
	static const uint32_t lies[] = {CAPACITY + 1, 1000,       0x7fffffff,
					0x80000000,   0xffffffd8, UINT32_MAX};

	set_up();
	for (size_t i = 0; i < THS_ARRAY_SIZE(lies); i++) {
		struct ths_blob *copy = exact_copy(sizeof(memory));

		copy->size = lies[i];
		ck_assert_int_eq(ths_blob_verify(key, copy, sizeof(memory)), THS_E_BLOB);
		ck_assert_int_eq(
			ths_blob_check(copy, sizeof(memory), type, schema, lies[i]),
			THS_E_BLOB);
		copy->capacity = lies[i];
		ck_assert_int_eq(ths_blob_verify(key, copy, sizeof(memory)), THS_E_BLOB);
		ck_assert_int_eq(
			ths_blob_check(copy, sizeof(memory), type, schema, lies[i]),
			THS_E_BLOB);
		free(copy);
	}
}
END_TEST

START_TEST(a_foreign_key_is_refused)
{
	set_up();
	ck_assert_int_eq(ths_blob_verify(foreign, blob, sizeof(memory)), THS_E_BLOB);
	ths_blob_tag(foreign, blob);
	ck_assert_int_eq(ths_blob_verify(key, blob, sizeof(memory)), THS_E_BLOB);
	ck_assert_int_eq(ths_blob_verify(foreign, blob, sizeof(memory)), THS_OK);
}
END_TEST

START_TEST(another_type_schema_or_size_is_refused)
{
	set_up();
	ck_assert_int_eq(ths_blob_check(blob, sizeof(memory), type ^ 1, schema, SIZE),
			 THS_E_BLOB);
	ck_assert_int_eq(ths_blob_check(blob, sizeof(memory), type, schema + 1, SIZE),
			 THS_E_BLOB);
	ck_assert_int_eq(ths_blob_check(blob, sizeof(memory), type, schema, SIZE - 1),
			 THS_E_BLOB);
	ck_assert_int_eq(ths_blob_check(blob, sizeof(memory), type, schema, SIZE + 1),
			 THS_E_BLOB);
	ck_assert_int_eq(ths_blob_check(blob, sizeof(memory), 0, 0, 0), THS_E_BLOB);
}
END_TEST

START_TEST(an_empty_blob_is_anyones_it_is_large_enough_for)
{
	set_up();
	blob = ths_blob_init(memory, CAPACITY);
	ck_assert(ths_blob_is_empty(blob));
	ck_assert_uint_eq(ths_blob_size(blob), THS_BLOB_HEADER);
	ck_assert_int_eq(ths_blob_check(blob, sizeof(memory), type, schema, CAPACITY),
			 THS_OK);
	ck_assert_int_eq(ths_blob_check(blob, sizeof(memory), type, schema, CAPACITY + 1),
			 THS_E_BLOB);
	ck_assert_int_eq(ths_blob_check(blob, sizeof(memory) - 1, type, schema, 1),
			 THS_E_BLOB);
	ck_assert_int_eq(ths_blob_verify(key, blob, sizeof(memory)), THS_E_BLOB);
}
END_TEST

/* Anything that it says is somebody's. */
START_TEST(an_empty_blob_says_nothing)
{
	static const struct ths_blob says[] = {{.tag = 1},
					       {.type = 1},
					       {.schema = 1},
					       {.size = 1},
					       {.generation = 1}};
	struct ths_blob empty = {.busy = 1, .capacity = 100};

	ck_assert(ths_blob_is_empty(&empty));
	ck_assert(!ths_blob_is_empty(&says[_i]));
}
END_TEST

START_TEST(a_store_is_another_generation)
{
	set_up();

	uint32_t generation = blob->generation;
	struct ths_blob *older = exact_copy(sizeof(memory));

	ths_blob_store(blob, type, schema, older->body, SIZE);
	ck_assert_uint_eq(blob->generation, generation + 1);
	ck_assert_int_eq(ths_blob_verify(key, blob, sizeof(memory)), THS_E_BLOB);
	ths_blob_tag(key, blob);
	ck_assert_uint_ne(blob->tag, older->tag);
	free(older);
}
END_TEST

START_TEST(type_names_split_at_the_version)
{
	uint32_t a, b;

	ck_assert_uint_eq(ths_blob_type("session/1", &a),
			  ths_blob_type("session/27", &b));
	ck_assert_uint_eq(a, 1);
	ck_assert_uint_eq(b, 27);
	ck_assert_uint_ne(ths_blob_type("session/1", &a),
			  ths_blob_type("sessions/1", &b));
	ck_assert_uint_ne(ths_blob_type("session/x", &a), ths_blob_type("session", &b));
	ck_assert_uint_eq(a, 0);
	ck_assert_uint_ne(ths_blob_type("session/4294967296", &a),
			  ths_blob_type("session", &b));
	ck_assert_uint_eq(a, 0);
	ck_assert_uint_ne(ths_blob_type("", &a), 0);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("blob");
	TCase *tcase;

	tcase = tcase_create("B1: bytes only");
	tcase_add_test(tcase, a_copy_elsewhere_is_the_same_blob);
	tcase_add_test(tcase, storage_is_used_to_its_end_and_no_further);
	tcase_add_test(tcase, unusable_storage_is_refused_untouched);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("B2: one user at a time");
	tcase_add_test(tcase, a_taken_blob_is_busy);
	tcase_add_test(tcase, threads_never_share_a_blob);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("B4: changes are refused");
	tcase_add_test(tcase, every_changed_bit_is_refused);
	tcase_add_test(tcase, bytes_behind_the_body_are_no_part_of_it);
	ths_tcase_add_turns(tcase, every_truncation_is_refused, 0, (int)sizeof(memory));
	tcase_add_test(tcase, lying_sizes_are_refused);
	tcase_add_test(tcase, a_foreign_key_is_refused);
	tcase_add_test(tcase, another_type_schema_or_size_is_refused);
	tcase_add_test(tcase, an_empty_blob_is_anyones_it_is_large_enough_for);
	tcase_add_loop_test(tcase, an_empty_blob_says_nothing, 0, 5);
	tcase_add_test(tcase, a_store_is_another_generation);
	tcase_add_test(tcase, type_names_split_at_the_version);
	suite_add_tcase(suite, tcase);

	return suite;
}

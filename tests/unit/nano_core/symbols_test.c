/*
 * symbols_test - an address is told by the function it lies in, and by no other.
 */
#include "archive.h"
#include "harness.h"
#include "suite.h"
#include "tmod_image.h"

#include "nano_core/swap_impl.h"

static uint8_t space[1 << 18];

/* The kernel's symbols are @text, and fixture.plain can be loaded. */
static void bring(const char *text)
{
	struct image file = image_read("fixture.plain");
	size_t end = 0;

	if (text)
		end = archive_add(space, end, "kernel.sym", text, strlen(text));
	end = archive_add(space, end, "fixture.plain.tmod", file.data, file.size);
	end = archive_add(space, end, ARCHIVE_TRAILER, "", 0);
	ck_assert_int_eq(ths_archive_init(space, end), THS_OK);
	free(file.data);
}

#define A_LONG_NAME "a_name_that_is_longer_than_what_is_kept_of_a_name_which_is_63_bytes"

/* Each @pc as it should be told of; NULL: nobody's. */
static const struct {
	const char *text;
	uint64_t pc;
	const char *name;
	uint64_t offset;
} told[] = {
	{"1000 start\n1f0a boot\n2000 end\n", 0x1000, "start", 0},
	{"1000 start\n1f0a boot\n2000 end\n", 0x1f09, "start", 0xf09},
	{"1000 start\n1f0a boot\n2000 end\n", 0x1f0a, "boot", 0},
	{"1000 start\n1f0a boot\n2000 end\n", 0x1fff, "boot", 0xf5},
	{"1000 start\n1f0a boot\n2000 end\n", 0xfff, NULL, 0}, /* before the first ... */
	{"1000 start\n1f0a boot\n2000 end\n", 0x2000, NULL, 0}, /* ... and beyond the last */
	{"10 " A_LONG_NAME "\n20 b\n", 0x11, A_LONG_NAME, 1},
	{"10 a\nzz b\n{ c\n30 d\n", 0x2f, "a", 0x1f}, /* what is no line tells nothing */
	{"10 a\n20", 0x1f, NULL, 0}, /* cut short */
	{"10 a\n20 b", 0x20, NULL, 0},
	{"", 0x10, NULL, 0},
	{NULL, 0x10, NULL, 0},
};

START_TEST(the_kernel_tells_by_its_list)
{
	const char *name = "none", *module = "none";
	char want[64];
	uint64_t offset = 0;

	bring(told[_i].text);
	ck_assert_int_eq(ths_symbolize(told[_i].pc, &name, &offset, &module),
			 told[_i].name != NULL);
	ck_assert_ptr_null(module);
	if (!told[_i].name)
		return;
	(void)snprintf(want, sizeof want, "%s", told[_i].name);
	ck_assert_str_eq(name, want);
	ck_assert_uint_eq(offset, told[_i].offset);
}
END_TEST

static uint64_t address_of(const struct ths_instance *instance, const char *name)
{
	uint64_t within;

	for (uint64_t at = 0; at < instance->text_size; at++) {
		const char *function = ths_tmod_symbol(&instance->tmod, at, &within);

		if (function && within == 0 && strcmp(function, name) == 0)
			return instance->text + at;
	}
	ck_abort_msg("no function %s", name);
	return 0;
}

START_TEST(a_module_tells_by_its_own_symbols)
{
	const struct ths_instance *instance;
	const char *name, *module;
	uint64_t read, offset, untold = 0;
	uint32_t first, slot;

	bring(NULL);
	ck_assert_int_eq(ths_module_load("fixture.plain", "first", &first, NULL), THS_OK);
	ck_assert_int_eq(ths_module_load("fixture.plain", "second", &slot, NULL), THS_OK);
	ck_assert_int_eq(ths_module_unload(first), THS_OK); /* a gap, whom nothing is asked */
	instance = &ths_core.instance[slot];
	read = address_of(instance, "plain_read");
	ck_assert(ths_symbolize(read + 1, &name, &offset, &module));
	ck_assert_str_eq(name, "plain_read");
	ck_assert_str_eq(module, "second");
	ck_assert_uint_eq(offset, 1);
	for (uint64_t pc = instance->text; pc < instance->text + instance->text_size; pc++) {
		ck_assert(ths_symbolize(pc, &name, &offset, &module));
		untold += strcmp(name, "?") == 0;
	}
	ck_assert_uint_gt(untold, 0); /* between two functions */
	ck_assert(!ths_symbolize(instance->text + instance->text_size, &name, &offset, &module));
	ck_assert(!ths_symbolize(instance->text - 1, &name, &offset, &module));
}
END_TEST

START_TEST(a_place_has_all_that_resolves_it)
{
	const struct ths_instance *instance;
	char want[160], place[160];
	const uint8_t *digest;
	uint32_t slot;
	uint64_t read;

	bring("1000 start\n1f0a boot\n2000 end\n");
	ck_assert_uint_eq(ths_place_format(place, sizeof(place), 0x1f0b, 0), 27);
	ck_assert_str_eq(place, "0x0000000000001f0b boot+0x1");
	(void)ths_place_format(place, sizeof(place), 0x2000, 1); /* returns into the next */
	ck_assert_str_eq(place, "0x0000000000002000 boot+0xf6");
	(void)ths_place_format(place, sizeof(place), 0x2000, 0); /* nobody's */
	ck_assert_str_eq(place, "0x0000000000002000");
	ck_assert_int_eq(ths_module_load("fixture.plain", "second", &slot, NULL), THS_OK);
	instance = &ths_core.instance[slot];
	digest = instance->module->digest;
	read = address_of(instance, "plain_read");
	(void)snprintf(want, sizeof(want),
		       "0x%016lx plain_read+0x2 [second+0x%lx %02x%02x%02x%02x]", read + 2,
		       read + 2 - instance->text, digest[0], digest[1], digest[2], digest[3]);
	for (unsigned back = 0; back < 2; back++) {
		(void)ths_place_format(place, sizeof(place), read + 2, back);
		ck_assert_str_eq(place, want);
	}
	ck_assert(digest[0] | digest[1] | digest[2] | digest[3]); /* it was sealed */
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("symbols");

	harness_loop(suite, "the kernel's", harness_start, the_kernel_tells_by_its_list, 0,
		     (int)THS_ARRAY_SIZE(told));
	harness_case(suite, "a module's", harness_start, a_module_tells_by_its_own_symbols);
	harness_case(suite, "a place", harness_start, a_place_has_all_that_resolves_it);
	return suite;
}

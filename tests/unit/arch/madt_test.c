/*
 * madt_test - which processors there are: told, not told, and told by damaged tables.
 *
 * Tables lie at the end of a piece of memory of exactly the size the parser is told, so
 * that AddressSanitizer sees a read beyond it.
 */
#include <suite.h>
#include <stdlib.h>
#include <string.h>

#include "boot_info.h"

#define LAPIC 0xfee00000u
#define SELF  2u

enum { RSDP = 0x40, RSDT = 0x60, MADT = 0xa0, RECORDS = MADT + 44, ROOM = 0x400 };

static uint8_t *memory;
static size_t end;
static struct ths_x86_cpus cpus;

static void setup(void)
{
	memory = calloc(1, ROOM);
	ck_assert_ptr_nonnull(memory);
	end = RECORDS;
}

static void teardown(void)
{
	free(memory);
}

static void at32(size_t at, uint32_t value)
{
	memcpy(memory + at, &value, sizeof(value));
}

static void checksum(size_t at, size_t len, size_t where)
{
	uint8_t sum = 0;

	memory[at + where] = 0;
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + memory[at + i]);
	memory[at + where] = (uint8_t)-sum;
}

static void record(uint8_t type, uint8_t length)
{
	memory[end] = type;
	memory[end + 1] = length;
	end += length;
}

static void processor(uint8_t apic_id, uint32_t flags)
{
	memory[end + 2] = (uint8_t)(0x51 + apic_id); /* its number to AML */
	memory[end + 3] = apic_id;
	at32(end + 4, flags);
	record(0, 8);
}

static void x2apic(uint32_t apic_id)
{
	at32(end + 4, apic_id);
	at32(end + 8, 1);
	record(9, 16);
}

/* Lengths and sums of what stands there by now. */
static void finish(void)
{
	memcpy(memory + RSDP, "RSD PTR ", 8);
	at32(RSDP + 16, RSDT);
	checksum(RSDP, 20, 8);
	memcpy(memory + RSDT, "RSDT", 4);
	at32(RSDT + 4, 40);
	memcpy(memory + RSDT + 10, "MAKER NAME", 10);
	at32(RSDT + 36, MADT);
	checksum(RSDT, 40, 9);
	memcpy(memory + MADT, "APIC", 4);
	at32(MADT + 4, (uint32_t)(end - MADT));
	memcpy(memory + MADT + 10, "MAKER NAME", 10);
	at32(MADT + 36, LAPIC);
	checksum(MADT, end - MADT, 9);
}

static void good(void)
{
	processor(0, 1);
	processor(1, 0); /* not there */
	processor(SELF, 1);
	record(1, 12); /* an IOAPIC */
	record(4, 6);
	processor(7, 1);
	finish();
}

/* In a piece of its own, of @size bytes. */
static const char *parse_in(size_t size)
{
	uint8_t *copy = malloc(size);
	const struct ths_x86_window window = {copy, size};
	const char *wrong;

	ck_assert(size == 0 || copy);
	memcpy(copy, memory, size);
	wrong = ths_x86_madt_parse(&window, RSDP, SELF, &cpus);
	free(copy);
	return wrong;
}

static const char *parse(void)
{
	return parse_in(end);
}

/* Refused, and the machine goes on with the processor it has. */
static void alone_by(const char *wrong)
{
	ck_assert_ptr_nonnull(wrong);
	ck_assert_uint_eq(cpus.count, 1);
	ck_assert_uint_eq(cpus.apic_id[0], SELF);
}

static void refused(const char *why)
{
	const char *wrong = parse();

	alone_by(wrong);
	ck_assert_str_eq(wrong, why);
}

START_TEST(processors_are_found_the_asker_first)
{
	good();
	ck_assert_ptr_null(parse());
	ck_assert_uint_eq(cpus.count, 3);
	ck_assert_uint_eq(cpus.apic_id[0], SELF);
	ck_assert_uint_eq(cpus.apic_id[1], 0);
	ck_assert_uint_eq(cpus.apic_id[2], 7);
	ck_assert_uint_eq(cpus.more, 0);
	ck_assert_uint_eq(cpus.lapic, LAPIC);
}
END_TEST

START_TEST(who_cannot_be_reached_is_counted)
{
	x2apic(300);
	processor(0xff, 1);
	x2apic(9);
	good();
	ck_assert_ptr_null(parse());
	ck_assert_uint_eq(cpus.count, 4);
	ck_assert_uint_eq(cpus.apic_id[1], 9);
	ck_assert_uint_eq(cpus.more, 2);
}
END_TEST

START_TEST(there_is_room_for_the_first)
{
	for (uint8_t i = 0; i < 20; i++)
		processor((uint8_t)(20 - i), 1);
	finish();
	ck_assert_ptr_null(parse());
	ck_assert_uint_eq(cpus.count, THS_CPU_MAX);
	ck_assert_uint_eq(cpus.apic_id[0], SELF);
	ck_assert_uint_eq(cpus.more, 20 - THS_CPU_MAX);
}
END_TEST

START_TEST(another_address_is_believed)
{
	at32(end + 4, 0x1000);
	at32(end + 8, 1);
	record(5, 12);
	good();
	ck_assert_ptr_null(parse());
	ck_assert_uint_eq(cpus.lapic, 0x100001000);
}
END_TEST

START_TEST(what_cannot_be_is_refused_by_name)
{
	finish();
	refused("the processor that runs does not stand there");
	processor(SELF, 1);
	finish();
	ck_assert_ptr_null(parse());
	at32(MADT + 36, LAPIC + 4);
	checksum(MADT, end - MADT, 9);
	refused("the local APIC's address is impossible");
	finish();
	memory[end - 7] = 0;
	checksum(MADT, end - MADT, 9);
	refused("a record is of an impossible length");
	memory[end - 7] = 9;
	checksum(MADT, end - MADT, 9);
	refused("a record is of an impossible length");
	memory[end - 7] = 8;
	processor(SELF, 1);
	finish();
	refused("a processor stands there twice");
	memory[MADT + 20]++;
	refused("a table's checksum is wrong");
	memory[MADT]++;
	refused("the table is not there, or too short");
	finish();
	memory[RSDT + 20]++;
	refused("a table's checksum is wrong");
	memory[RSDT]++;
	refused("there is no list of tables");
	memory[RSDP + 9]++;
	refused("there is no root pointer, or it is damaged");
}
END_TEST

START_TEST(cut_short_anywhere_it_is_refused)
{
	good();
	for (size_t size = 0; size < end; size++)
		alone_by(parse_in(size));
	for (size_t size = 0; size < end - MADT; size++) { /* and by its own word */
		at32(MADT + 4, (uint32_t)size);
		checksum(MADT, end - MADT, 9);
		alone_by(parse());
	}
}
END_TEST

/* (A length may become another at which the bytes add up as well: not with these.) */
START_TEST(any_byte_changed_it_is_refused)
{
	static const struct {
		size_t from, to;
	} table[] = {{RSDP, RSDP + 20}, {RSDT, RSDT + 40}, {MADT, 0}};

	good();
	for (unsigned i = 0; i < THS_ARRAY_SIZE(table); i++) {
		for (size_t at = table[i].from; at < (table[i].to ? table[i].to : end); at++) {
			for (unsigned change = 1; change < 256; change++) {
				memory[at] ^= (uint8_t)change;
				alone_by(parse());
				memory[at] ^= (uint8_t)change;
			}
		}
	}
	ck_assert_ptr_null(parse());
}
END_TEST

/* Whoever mends the checksum may write anything: it is believed, or refused. */
START_TEST(any_bytes_with_a_right_sum_do_no_harm)
{
	uint64_t state = ths_test_seed() + (uint64_t)_i;

	for (unsigned round = 0; round < 200; round++) {
		end = RECORDS;
		good();
		for (unsigned n = 0; n < 3; n++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			memory[MADT + 8 + (state >> 33) % (end - MADT - 8)] = (uint8_t)(state >> 24);
		}
		checksum(MADT, end - MADT, 9);
		if (parse())
			alone_by("refused");
		ck_assert_uint_ge(cpus.count, 1);
		ck_assert_uint_le(cpus.count, THS_CPU_MAX);
		ck_assert_uint_eq(cpus.apic_id[0], SELF);
	}
}
END_TEST

/* No loader said where: in the BIOS's memory, or its extended data area. */
START_TEST(the_root_is_looked_for)
{
	const size_t size = 0x100000, places[] = {0xe0000, 0xfffe0, 0x9fc10};
	uint8_t *mib = calloc(1, size);
	const struct ths_x86_window window = {mib, size};
	const uint16_t segment = 0x9fc0;

	ck_assert_ptr_nonnull(mib);
	good();
	ck_assert_ptr_nonnull(ths_x86_madt_parse(&window, 0, SELF, &cpus));
	memcpy(mib + RSDT, memory + RSDT, end - RSDT);
	memcpy(mib + 0x40e, &segment, sizeof(segment));
	for (unsigned i = 0; i < THS_ARRAY_SIZE(places); i++) {
		memcpy(mib + places[i], memory + RSDP, 20);
		ck_assert_ptr_null(ths_x86_madt_parse(&window, 0, SELF, &cpus));
		ck_assert_uint_eq(cpus.count, 3);
		memset(mib + places[i], 0, 20);
	}
	alone_by(ths_x86_madt_parse(&window, 0, SELF, &cpus));
	free(mib);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("madt");
	TCase *tcase = tcase_create("who is there");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, processors_are_found_the_asker_first);
	tcase_add_test(tcase, who_cannot_be_reached_is_counted);
	tcase_add_test(tcase, there_is_room_for_the_first);
	tcase_add_test(tcase, another_address_is_believed);
	tcase_add_test(tcase, the_root_is_looked_for);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("garbage");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_cannot_be_is_refused_by_name);
	tcase_add_test(tcase, cut_short_anywhere_it_is_refused);
	tcase_add_test(tcase, any_byte_changed_it_is_refused);
	tcase_add_loop_test(tcase, any_bytes_with_a_right_sum_do_no_harm, 0, 20);
	suite_add_tcase(suite, tcase);
	return suite;
}

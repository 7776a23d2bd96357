/*
 * ring - against a plain array that remembers every byte.
 */
#include "quick.h"

#include <suite.h>
#include <string.h>
#include <theseus/ring.h>

#define SIZE 16

static struct ths_ring ring;
static unsigned char guarded[SIZE + 16];
static unsigned char *const data = guarded + 8;

static void set_up(void)
{
	memset(guarded, 0xa5, sizeof(guarded));
	ck_assert_int_eq(ths_ring_init(&ring, SIZE), THS_OK);
}

static void assert_guards(void)
{
	for (int i = 0; i < 8; i++) {
		QUICK_EQ(guarded[i], 0xa5);
		QUICK_EQ(guarded[8 + SIZE + i], 0xa5);
	}
}

START_TEST(bytes_leave_in_the_order_they_came)
{
	unsigned char buf[2 * SIZE], next_in = 0, next_out = 0;
	uint32_t state = 7, used = 0;

	set_up();
	ring.head = ring.tail = UINT32_MAX - 100; /* the counters wrap on the way */
	for (int step = 0; step < 20000; step++) {
		state = state * 1664525 + 1013904223;

		size_t len = (state >> 8) % (2 * SIZE);

		if (state & 0x80000000) {
			for (size_t i = 0; i < len; i++)
				buf[i] = (unsigned char)(next_in + i);

			size_t done = ths_ring_write(&ring, data, buf, len);

			QUICK_EQ(done, len < SIZE - used ? len : SIZE - used);
			next_in = (unsigned char)(next_in + done);
			used += (uint32_t)done;
		} else {
			size_t seen = ths_ring_peek(&ring, data, buf, len);

			for (size_t i = 0; i < seen; i++)
				QUICK_EQ(buf[i], (unsigned char)(next_out + i));
			QUICK_EQ(ths_ring_read(&ring, data, buf, len), seen);
			QUICK_EQ(seen, len < used ? len : used);
			for (size_t i = 0; i < seen; i++)
				QUICK_EQ(buf[i], next_out++);
			used -= (uint32_t)seen;
		}
		QUICK_EQ(ths_ring_used(&ring), used);
		QUICK_EQ(ths_ring_room(&ring), SIZE - used);
	}
	assert_guards();
}
END_TEST

START_TEST(nothing_moves_nothing)
{
	set_up();
	QUICK_EQ(ths_ring_write(&ring, data, NULL, 0), 0);
	QUICK_EQ(ths_ring_read(&ring, data, NULL, 0), 0);
	QUICK_EQ(ths_ring_read(&ring, data, NULL, 5), 0);
	QUICK_EQ(ths_ring_used(&ring), 0);
}
END_TEST

START_TEST(only_powers_of_two_are_sizes)
{
	struct ths_ring r;

	for (size_t size = 0; size < 300; size++)
		QUICK_EQ(ths_ring_init(&r, size),
			 size && !(size & (size - 1)) ? THS_OK : THS_E_INVAL);
	QUICK_EQ(ths_ring_init(&r, (size_t)1 << 31), THS_OK);
	QUICK_EQ(ths_ring_init(&r, (size_t)1 << 32), THS_E_INVAL);
}
END_TEST

START_TEST(damaged_counters_stay_inside_the_buffer)
{
	unsigned char buf[3 * SIZE] = {0};

	set_up();
	ring.head = (uint32_t)_i * 2654435761u;
	ring.tail = (uint32_t)_i * 2246822519u;
	QUICK_LE(ths_ring_used(&ring), SIZE);
	QUICK_LE(ths_ring_read(&ring, data, buf, sizeof(buf)), SIZE);
	ring.tail = (uint32_t)_i * 3266489917u;
	QUICK_LE(ths_ring_write(&ring, data, buf, sizeof(buf)), SIZE);
	assert_guards();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("ring");
	TCase *tcase;

	tcase = tcase_create("R1 R4: order, each byte once, never more than fits");
	tcase_add_test(tcase, bytes_leave_in_the_order_they_came);
	tcase_add_test(tcase, nothing_moves_nothing);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("R2: sizes");
	tcase_add_test(tcase, only_powers_of_two_are_sizes);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("R3: damaged counters");
	ths_tcase_add_turns(tcase, damaged_counters_stay_inside_the_buffer, 0, 500);
	suite_add_tcase(suite, tcase);

	return suite;
}

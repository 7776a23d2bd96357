/*
 * serial - the 16550 module against a model: every byte once, in order, both ways.
 */
#include <dev.h>
#include <stdlib.h>
#include <string.h>
#include <suite.h>
#include <theseus/host.h>
#include <theseus/iface/module.h>
#include <theseus/iface/serial.h>
#include "harness.h"

#define RING  2048u
#define TOTAL 20000u

extern const struct ths_module ths_module_irq_pic, ths_module_serial_16550;

static struct ths_ref serial = {&serial_iface, "", 0, 1, THS_REF_NOWAIT};
static struct dev_8259 pic;
static struct dev_16550 uart;
static uint8_t sent[TOTAL];
static uint32_t instance;

static void setup(void)
{
	harness_start();
	dev_8259_init(&pic);
	dev_16550_init(&uart, &pic, sent, sizeof sent);
	harness_bind(&ths_module_irq_pic, "");
	instance = harness_bind(&ths_module_serial_16550, "");
}

/* What stands at place @at of either stream. */
static uint8_t byte_at(uint64_t at)
{
	return (uint8_t)(at * 167 + (at >> 8));
}

static enum ths_err write_some(uint64_t from, uint32_t *len)
{
	struct serial_io io = {.len = *len};
	enum ths_err err;

	for (unsigned i = 0; i < *len && i < SERIAL_CHUNK; i++)
		io.data[i] = byte_at(from + i);
	err = serial_write(&serial, &io);
	*len = io.len;
	return err;
}

static enum ths_err read_some(uint64_t from, uint32_t *len)
{
	struct serial_io io = {.len = *len};
	enum ths_err err = serial_read(&serial, &io);

	*len = io.len;
	for (unsigned i = 0; err == THS_OK && i < io.len; i++)
		ck_assert_uint_eq(io.data[i], byte_at(from + i));
	return err;
}

static void arrive(uint64_t from, unsigned count)
{
	uint8_t bytes[64];

	for (unsigned i = 0; i < count; i++)
		bytes[i] = byte_at(from + i);
	dev_16550_arrive(&uart, bytes, count);
}

static void assert_sent(uint64_t count)
{
	ck_assert_uint_eq(uart.sent_count, count);
	for (uint64_t i = 0; i < count; i++)
		ck_assert_uint_eq(sent[i], byte_at(i));
}

static void assert_no_errors(void)
{
	ck_assert_uint_eq(uart.errors, 0);
	ck_assert_uint_eq(pic.errors, 0);
}

START_TEST(start_sets_the_line)
{
	ck_assert_uint_eq(uart.divisor, 1);
	ck_assert_uint_eq(uart.lcr, 0x03);
	ck_assert_uint_eq(uart.mcr & 0x08, 0x08);
	ck_assert_uint_eq(uart.fcr & 0x01, 0x01);
	ck_assert_uint_eq(uart.fcr & 0x04, 0); /* what is being sent goes out yet */
	ck_assert_uint_eq(pic.chip[0].imr & 1u << 4, 0);
	assert_no_errors();
}
END_TEST

START_TEST(what_is_written_goes_out_in_order)
{
	uint64_t done = 0;

	while (done < TOTAL) {
		uint32_t len = 1 + (uint32_t)(done * 31 % SERIAL_CHUNK);

		len = TOTAL - done < len ? (uint32_t)(TOTAL - done) : len;
		ck_assert_int_eq(write_some(done, &len), THS_OK);
		done += len;
		if (done % 7 == 0)
			instance = harness_swap(instance, &ths_module_serial_16550);
	}
	assert_sent(TOTAL);
	assert_no_errors();
}
END_TEST

START_TEST(a_slow_line_takes_all_by_interrupts)
{
	uint64_t done = 0;
	uint32_t len = SERIAL_CHUNK;

	uart.slow = true;
	while (write_some(done, &len) == THS_OK) {
		done += len;
		len = SERIAL_CHUNK;
	}
	ck_assert_uint_eq(done, RING + DEV_16550_FIFO); /* full, and a FIFO went on */
	while (uart.sent_count < done) {
		size_t before = uart.sent_count;

		dev_16550_drain(&uart);
		ck_assert_uint_ge(dev_8259_deliver(&pic, 4), 1);
		ck_assert_uint_gt(uart.sent_count, before);
	}
	dev_16550_drain(&uart);
	dev_8259_deliver(&pic, 4);
	assert_sent(done);
	ck_assert_uint_eq(uart.ier & 0x02, 0); /* nothing more to interrupt for */
	assert_no_errors();
}
END_TEST

START_TEST(what_arrives_is_read_in_order)
{
	uint64_t came = 0, read = 0;

	srand(3);
	for (unsigned turns = 0; read < TOTAL; turns++) {
		unsigned count = (unsigned)rand() % DEV_16550_FIFO;
		uint32_t len = 1 + (uint32_t)rand() % SERIAL_CHUNK;

		ck_assert_uint_lt(turns, TOTAL);

		arrive(came, count);
		came += count;
		dev_8259_deliver(&pic, 4);
		if (rand() % 50 == 0)
			instance = harness_swap(instance, &ths_module_serial_16550);
		if (rand() % 8 == 0 && read_some(read, &len) == THS_OK)
			read += len;
	}
	while (read < came) {
		uint32_t len = SERIAL_CHUNK;

		ck_assert_int_eq(read_some(read, &len), THS_OK);
		read += len;
	}
	assert_no_errors();
}
END_TEST

/* Three bytes come while the @n-th thing an interrupt needs is not to be had; false: it
 * does not need so many. */
static bool arrive_in_a_shortage(uint64_t came, uint64_t n)
{
	uint32_t len = 3;
	bool short_of;

	ths_host_fail_nth("", n, false);
	arrive(came, len);
	ck_assert_uint_eq(dev_8259_deliver(&pic, 1), 1);
	short_of = ths_host_fail_failed() > 0;
	ths_host_fail_nth("", 0, false);
	ths_host_tick();
	ck_assert_int_eq(read_some(came, &len), THS_OK);
	ck_assert_uint_eq(len, 3);
	ck_assert_uint_eq(pic.chip[0].isr, 0);
	return short_of;
}

START_TEST(an_interrupt_outlasts_a_shortage)
{
	uint64_t n = 1;

	while (arrive_in_a_shortage(3 * (n - 1), n))
		n++;
	ck_assert_uint_gt(n, 10);
	assert_no_errors();
}
END_TEST

START_TEST(an_empty_line_is_again)
{
	uint32_t len = 5;

	ck_assert_int_eq(read_some(0, &len), THS_E_AGAIN);
	arrive(0, 3);
	ck_assert_uint_eq(dev_8259_deliver(&pic, 4), 1);
	len = 5;
	ck_assert_int_eq(read_some(0, &len), THS_OK);
	ck_assert_uint_eq(len, 3);
	ck_assert_int_eq(read_some(3, &len), THS_E_AGAIN);
	assert_no_errors();
}
END_TEST

START_TEST(lengths_are_checked)
{
	uint32_t len = 0;

	ck_assert_int_eq(write_some(0, &len), THS_E_INVAL);
	ck_assert_int_eq(read_some(0, &len), THS_E_INVAL);
	len = SERIAL_CHUNK + 1;
	ck_assert_int_eq(write_some(0, &len), THS_E_INVAL);
	ck_assert_int_eq(read_some(0, &len), THS_E_INVAL);
}
END_TEST

START_TEST(lost_bytes_are_counted)
{
	struct serial_stat stat = {0};
	unsigned came = 0;
	uint32_t len = SERIAL_CHUNK;

	for (; came < RING; came += DEV_16550_FIFO) {
		arrive(came, DEV_16550_FIFO);
		dev_8259_deliver(&pic, 4);
	}
	arrive(came, 3); /* the ring is full */
	dev_8259_deliver(&pic, 4);
	ck_assert_int_eq(serial_stat(&serial, &stat), THS_OK);
	ck_assert_uint_eq(stat.received, RING);
	ck_assert_uint_eq(stat.overruns, 3);
	arrive(came, DEV_16550_FIFO + 1); /* the device's own FIFO is */
	dev_8259_deliver(&pic, 4);
	ck_assert_int_eq(serial_stat(&serial, &stat), THS_OK);
	ck_assert_uint_eq(stat.overruns, 3 + DEV_16550_FIFO + 1);
	ck_assert_int_eq(read_some(0, &len), THS_OK); /* what was kept is in order */
	assert_no_errors();
}
END_TEST

/*
 * The device operation runs into its deadline at its n-th access of a port: what it has
 * sent and received by then is not in its rows, which go back to where they were.
 */
static unsigned accesses_left;

static void overrun_deadline(void)
{
	if (accesses_left == 0 || --accesses_left > 0)
		return;
	for (unsigned i = 0; i < 64; i++)
		ths_host_tick();
}

static uint64_t faults(void)
{
	struct ths_ref module = THS_REF(module);
	struct module_info info = {.slot = THS_ROW_NONE};

	while (module_info(&module, &info) == THS_OK)
		if (strcmp(info.name, "serial.16550") == 0) /* may be loaded anew */
			return info.faults;
	return 0;
}

START_TEST(a_fault_at_any_access_loses_and_doubles_nothing)
{
	uint64_t out = 0, came = 0, read = 0, faulted = 0;

	for (unsigned n = 1; n <= THS_JOURNAL_MAX; n++) {
		uint64_t before = faults();
		uint32_t len = SERIAL_CHUNK;

		uart.on_access = overrun_deadline;
		arrive(came, 7);
		came += 7;
		uart.slow = n % 2;
		accesses_left = n;
		ck_assert_int_eq(write_some(out, &len), THS_OK);
		out += len;
		dev_8259_deliver(&pic, 8);
		accesses_left = 0;
		faulted += faults() - before;
		for (unsigned i = 0; i < 2 * SERIAL_CHUNK / DEV_16550_FIFO; i++) {
			dev_16550_drain(&uart);
			ths_host_tick(); /* runs again what was kicked and failed */
			dev_8259_deliver(&pic, 8);
		}
		len = SERIAL_CHUNK;
		ck_assert_int_eq(read_some(read, &len), THS_OK);
		read += len;
		ck_assert_uint_eq(read, came);
		assert_sent(out);
	}
	ck_assert_uint_gt(faulted, THS_JOURNAL_MAX / 2);
	assert_no_errors();
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("serial");

	harness_case(suite, "start", setup, start_sets_the_line);
	harness_case(suite, "U1 order", setup, what_is_written_goes_out_in_order);
	harness_case(suite, "U1 slow", setup, a_slow_line_takes_all_by_interrupts);
	harness_case(suite, "U2 order", setup, what_arrives_is_read_in_order);
	harness_case(suite, "U2 empty", setup, an_empty_line_is_again);
	harness_case(suite, "I4 shortage", setup, an_interrupt_outlasts_a_shortage);
	harness_case(suite, "U2 overruns", setup, lost_bytes_are_counted);
	harness_case(suite, "lengths", setup, lengths_are_checked);
	harness_case(suite, "U3 recover", setup,
		     a_fault_at_any_access_loses_and_doubles_nothing);
	return suite;
}

/*
 * console - bytes to and from whatever serial/1 is bound to.
 *
 * The driver may be swapped, or fail, between any two calls here: a call that comes back
 * with an error is made again a little later, so that no byte is lost to a swap. Only a
 * console that stays away is given up: what was to be printed is dropped then.
 */
#include <stdarg.h>
#include <theseus/fmt.h>
#include <theseus/iface/clock.h>
#include <theseus/iface/serial.h>
#include <theseus/nano_core.h>
#include <theseus/string.h>
#include "ship.h"

#define TRIES 100u

static struct ths_ref serial = THS_REF(serial);
static struct ths_ref clock = THS_REF(clock);

void ship_sleep(unsigned milliseconds)
{
	struct clock_now now = {0};
	struct clock_wait until;

	if (clock_now(&clock, &now) == THS_OK) {
		until.ns = now.ns + milliseconds * 1000000ull;
		if (clock_wait(&clock, &until) == THS_OK)
			return;
	}
	ths_yield(); /* no clock: others go first, that is all */
}

void ship_put(const char *text, size_t len)
{
	struct serial_io io;
	unsigned tries = 0;

	while (len > 0 && tries < TRIES) {
		io.len = len < SERIAL_CHUNK ? (uint32_t)len : SERIAL_CHUNK;
		memcpy(io.data, text, io.len);
		if (serial_write(&serial, &io) != THS_OK) {
			tries++;
			ship_sleep(1);
			continue;
		}
		text += io.len;
		len -= io.len;
	}
}

static void put_lines(void *unused, const char *text, size_t len)
{
	(void)unused;
	while (len > 0) {
		size_t plain = 0;

		while (plain < len && text[plain] != '\n')
			plain++;
		ship_put(text, plain);
		if (plain == len)
			return;
		ship_put("\r\n", 2);
		text += plain + 1;
		len -= plain + 1;
	}
}

void ship_print(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)ths_vformat_to(put_lines, NULL, fmt, args);
	va_end(args);
}

uint8_t ship_key(void)
{
	struct serial_io io = {.len = 1};

	while (serial_read(&serial, &io) != THS_OK) {
		io.len = 1;
		ship_sleep(10);
	}
	return io.data[0];
}

void ship_drain(void)
{
	struct serial_stat before, after;

	do {
		if (serial_stat(&serial, &before) != THS_OK)
			return;
		ship_sleep(20);
		if (serial_stat(&serial, &after) != THS_OK)
			return;
	} while (after.sent != before.sent);
}

void ship_complain(const char *who, enum ths_err err)
{
	ship_print("%s: %s: %s\n", who, ths_err_name(err), ths_err_text(err));
}

/*
 * console - the first serial port (16550, COM1), polled, 115200 baud 8N1.
 *
 * The way out for boot messages and for the last words of a machine, so it needs nothing
 * but the port: no interrupt, no lock, no memory. A port that is not there, or that never
 * becomes ready, costs a bounded wait, once; after that, output is dropped.
 * A module may own the same port later; both then write, and nothing worse happens.
 */
#include "x86.h"

#define COM1 0x3f8

enum { DATA, INTERRUPTS, FIFO, LINE, MODEM, STATUS, SCRATCH = 7 };

#define STATUS_EMPTY 0x20 /* the transmit FIFO is */
#define FIFO_DEPTH   16u
#define PATIENCE     1000000u

static bool present;

void ths_x86_console_init(void)
{
	ths_x86_out8(COM1 + SCRATCH, 0x5a);
	present = ths_x86_in8(COM1 + SCRATCH) == 0x5a;
	if (!present)
		return;
	ths_x86_out8(COM1 + INTERRUPTS, 0);
	ths_x86_out8(COM1 + LINE, 0x80); /* the divisor's turn: 1 */
	ths_x86_out8(COM1 + DATA, 1);
	ths_x86_out8(COM1 + INTERRUPTS, 0);
	ths_x86_out8(COM1 + LINE, 0x03);
	ths_x86_out8(COM1 + FIFO, 0x07);
	ths_x86_out8(COM1 + MODEM, 0x03);
}

static void put(uint8_t byte)
{
	static unsigned room;

	for (unsigned i = 0; room == 0; i++) {
		if (ths_x86_in8(COM1 + STATUS) & STATUS_EMPTY) {
			room = FIFO_DEPTH;
		} else if (i == PATIENCE) {
			present = false;
			return;
		} else {
			ths_arch_relax();
		}
	}
	ths_x86_out8(COM1 + DATA, byte);
	room--;
}

void ths_arch_console_write(const char *text, size_t len)
{
	for (size_t i = 0; i < len && present; i++) {
		if (text[i] == '\n')
			put('\r');
		put((uint8_t)text[i]);
	}
}

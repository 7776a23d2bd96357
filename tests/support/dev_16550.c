/*
 * dev_16550 - a serial line's other end is the test.
 */
#include "dev.h"

#include <string.h>
#include <theseus/host.h>

enum { DATA, IER, IIR, LCR, MCR, LSR };

static bool dlab(const struct dev_16550 *uart)
{
	return uart->lcr & 0x80;
}

/* What the cause register says: the highest-ranking cause that is enabled. */
static uint8_t cause(const struct dev_16550 *uart)
{
	if ((uart->ier & 0x04) && uart->overrun)
		return 0x06;
	if ((uart->ier & 0x01) && uart->in_count)
		return 0x04;
	if ((uart->ier & 0x02) && uart->may_send)
		return 0x02;
	return 0x01;
}

static void settle(struct dev_16550 *uart)
{
	if (!uart->pic)
		return;
	if (cause(uart) != 0x01 && (uart->mcr & 0x08))
		dev_8259_raise(uart->pic, 4);
	else
		dev_8259_lower(uart->pic, 4);
}

static uint8_t receive(struct dev_16550 *uart)
{
	uint8_t byte = uart->in[uart->in_first];

	if (uart->in_count == 0) {
		uart->errors++;
		return 0;
	}
	uart->in_first = (uart->in_first + 1) % DEV_16550_FIFO;
	uart->in_count--;
	return byte;
}

static uint32_t port_in(void *ctx, uint16_t port, unsigned width)
{
	struct dev_16550 *uart = ctx;
	uint32_t value = 0;

	(void)width;
	switch (port & 7) {
	case DATA:
		value = dlab(uart) ? uart->divisor & 0xff : receive(uart);
		break;
	case IER:
		value = dlab(uart) ? uart->divisor >> 8 : uart->ier;
		break;
	case IIR:
		value = cause(uart);
		if (value == 0x02)
			uart->may_send = false;
		break;
	case LCR:
		value = uart->lcr;
		break;
	case LSR:
		value = (uart->in_count ? 0x01u : 0) | (uart->overrun ? 0x02u : 0) |
			(uart->out_held ? 0 : 0x60u);
		uart->overrun = false;
		break;
	default:
		break;
	}
	settle(uart);
	if (uart->on_access)
		uart->on_access();
	return value;
}

static void transmit(struct dev_16550 *uart, uint8_t byte)
{
	if (uart->out_held == DEV_16550_FIFO || uart->sent_count == uart->sent_size) {
		uart->errors++;
		return;
	}
	uart->sent[uart->sent_count++] = byte;
	uart->may_send = false;
	uart->out_held++;
	if (!uart->slow)
		dev_16550_drain(uart);
}

static void port_out(void *ctx, uint16_t port, unsigned width, uint32_t value)
{
	struct dev_16550 *uart = ctx;
	uint8_t byte = (uint8_t)value;

	(void)width;
	switch (port & 7) {
	case DATA:
		if (dlab(uart))
			uart->divisor = (uint16_t)((uart->divisor & 0xff00) | byte);
		else
			transmit(uart, byte);
		break;
	case IER:
		if (dlab(uart)) {
			uart->divisor = (uint16_t)((uart->divisor & 0xff) | byte << 8);
			break;
		}
		if (!(uart->ier & 0x02) && (byte & 0x02) && uart->out_held == 0)
			uart->may_send = true;
		uart->ier = byte;
		break;
	case IIR:
		uart->fcr = byte;
		if (byte & 0x02)
			uart->in_count = 0;
		break;
	case LCR:
		uart->lcr = byte;
		break;
	case MCR:
		uart->mcr = byte;
		break;
	default:
		uart->errors++;
		break;
	}
	settle(uart);
	if (uart->on_access)
		uart->on_access();
}

void dev_16550_init(struct dev_16550 *uart, struct dev_8259 *pic, uint8_t *sent,
		    size_t size)
{
	memset(uart, 0, sizeof *uart);
	uart->pic = pic;
	uart->sent = sent;
	uart->sent_size = size;
	ths_host_port_handler(0x3f8, 8, port_in, port_out, uart);
}

void dev_16550_arrive(struct dev_16550 *uart, const void *bytes, size_t count)
{
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < count; i++) {
		if (uart->in_count == DEV_16550_FIFO) {
			uart->overrun = true;
			continue;
		}
		uart->in[(uart->in_first + uart->in_count++) % DEV_16550_FIFO] = byte[i];
	}
	settle(uart);
}

void dev_16550_drain(struct dev_16550 *uart)
{
	if (uart->out_held)
		uart->may_send = true;
	uart->out_held = 0;
	settle(uart);
}

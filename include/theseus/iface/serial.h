/*
 * serial - a line of bytes, both ways.
 *
 * Writers put bytes into a request row and return; the device operations move them. A
 * short count is success; no room at all, or nothing to read, is THS_E_AGAIN.
 */
#pragma once

#include <stdint.h>
#include <theseus/interface.h>

#define SERIAL_CHUNK 128u

struct serial_io {
	uint32_t len;             /* in: bytes wanted, 1..SERIAL_CHUNK; out: bytes moved */
	uint32_t reserved;
	uint8_t data[SERIAL_CHUNK];
};
struct serial_stat {
	uint64_t received, sent;  /* out: bytes since boot */
	uint64_t overruns;        /* out: bytes lost by the device or for want of room */
};

#define SERIAL_OPS(OP)                                                                   \
	OP(serial, write, struct serial_io, 0)                                           \
	OP(serial, read, struct serial_io, 0)                                            \
	OP(serial, stat, struct serial_stat, 0)                                          \
	OP(serial, interrupt, struct ths_no_args, THS_OP_DEVICE)                         \
	OP(serial, transmit, struct ths_no_args, THS_OP_DEVICE)
THS_INTERFACE(serial, 1, SERIAL_OPS)

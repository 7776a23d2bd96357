/*
 * handle - the only way from a module to hardware (I7).
 *
 * A module names the port ranges it drives in its descriptor; each access here is checked
 * against them, and is written to the journal of the running device operation, which
 * `recover` reads after a fault (P11).
 *
 * Context: inside a device operation (THS_OP_DEVICE), or `start`; elsewhere THS_E_PERM.
 */
#pragma once

#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>

struct ths_call;

#define THS_JOURNAL_MAX 64u

struct ths_journal_entry {
	uint16_t offset; /* within the range */
	uint8_t range;   /* number of the range in the descriptor */
	uint8_t width;   /* bytes; bit 7: it was a write */
	uint32_t value;
};

struct ths_journal {
	uint32_t op;      /* the operation that faulted */
	uint32_t entries; /* accesses it made; more than THS_JOURNAL_MAX: the first so many */
	struct ths_journal_entry entry[THS_JOURNAL_MAX];
};

/* @ports: the range's number in the descriptor; @offset from its first port; @width 1, 2,
 * 4 bytes. THS_E_INVAL: outside the range, or no such range. */
THS_MUST_CHECK enum ths_err ths_port_in(struct ths_call *call, unsigned ports,
					unsigned offset, unsigned width, uint32_t *value);
THS_MUST_CHECK enum ths_err ths_port_out(struct ths_call *call, unsigned ports,
					 unsigned offset, unsigned width, uint32_t value);

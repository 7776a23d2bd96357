/*
 * descriptor - what a module says of itself, read and judged.
 *
 * The file is linked to addresses of its own by the loader's linker, so that the pointers
 * in the descriptor can be followed as the loader will follow them.
 */
#pragma once

#include <stdint.h>
#include <theseus/module.h>
#include <theseus/tmod.h>

#include "tool.h"

/* A module file placed in our memory. */
struct placed {
	struct ths_tmod tmod;
	uint8_t *image; /* a sealed copy of the file */
	uint8_t *text, *rodata;
	const struct ths_module *module;
	uint64_t at; /* addresses begin here: one of those below */
};

#define PLACED_AS_LOADED 0xffffffffc0000000u /* where a kernel has its modules */
#define PLACED_LOW       0x10000000u         /* where every kind of relocation fits */

/* False, with the loader's @reason, when the file cannot be placed even if its digest and
 * its writable sections are overlooked. */
THS_MUST_CHECK bool placed_open(struct placed *placed, const struct tool_file *file,
				uint64_t at, struct ths_reason *reason);
void placed_close(struct placed *placed);

/* What a pointer of the module leads to: a string; NULL: not one. */
const char *placed_string(const struct placed *placed, const char *at);
/* @size bytes at @at in read-only data, aligned to @align; NULL: not within. */
const void *placed_data(const struct placed *placed, const void *at, size_t size,
			size_t align);

/* Whether the descriptor is one, and sound: magic numbers, id (it must be @wanted unless
 * that is NULL), interface, tables, uses, blobs, ports, interrupts. */
void descriptor_check(const struct placed *placed, const char *wanted,
		      struct findings *findings);

/*
 * place - an address in a line of a log, with what the machine said of it.
 *
 *	0xffffffffa0012040 transfer+0x70 [bank+0x140 8f3a2c11]     of a module
 *	0xffffffff8010a1b2 memcpy+0x12                             of the kernel
 *	rip ffffffff8010a1b2                                       of who knows
 *
 * is what ths_place_format() of <theseus/arch.h> and the registers of a trap look like.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct place {
	uint64_t address;
	bool returns;        /* the address behind a call: what is meant is the call */
	char function[64];   /* "": it does not say */
	uint64_t offset;     /* into the function */
	char module[32];     /* an instance's name; "": it says none */
	uint64_t text;       /* offset into the module's text */
	char digest[9];      /* of the module's file, the first 8 digits */
};

/**
 * place_next() - the next address of a line
 * @line: the whole line, 0-terminated
 * @at:   where to go on; 0 at first; then behind what was found
 *
 * Return: false: there is none.
 */
bool place_next(const char *line, size_t *at, struct place *place);

/*
 * lines - which function and source line an address belongs to, by debug information.
 *
 * Invariants
 *   L1  Answers are of the file named: debug information is looked for nowhere else.
 *   L2  What was inlined is told as the calls it stands for, the innermost first.
 */
#pragma once

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stdint.h>
#include <theseus/attr.h>

#define LINES_FRAMES_MAX 16u

struct lines {
	Dwfl *dwfl;
	Dwfl_Module *module;
	uint64_t text; /* where .text lies: of a module file, 0 in an executable */
};

struct lines_found { /* strings live as long as the lines */
	const char *symbol; /* the function in the symbol table; NULL: none */
	uint64_t offset;    /* into it */
	struct lines_frame {
		const char *function, *file; /* NULL: not known */
		int line;
	} frame[LINES_FRAMES_MAX];
	unsigned frames;
};

/* False, with a message: no such file, or no ELF file. */
THS_MUST_CHECK bool lines_open(struct lines *lines, const char *path);
void lines_close(struct lines *lines);

/* @at: an address of an executable, an offset into .text of a module file. @back: look
 * so far before it. False: nobody's. */
THS_MUST_CHECK bool lines_find(const struct lines *lines, uint64_t at, unsigned back,
			       struct lines_found *found);
/* Whether a symbol @name, as far as 63 bytes of it go, lies at @at. */
bool lines_has(const struct lines *lines, const char *name, uint64_t at);

/*
 * template - text with words to be filled in, as templates/ has it.
 *
 *	@{name}            the value of that variable
 *	@if name           on lines of their own: what stands up to @else or @end is kept if
 *	@if !name          the variable is there (is not there)
 *	@each op           what stands up to @end, once for each item of that list; in there
 *	                   the item's variables hide those outside
 *
 * Invariants
 *   T1  A variable that is not there is an error that names file and line, except in @if.
 *   T2  Lines of directives leave nothing behind; all others keep their bytes.
 */
#pragma once

#include "check/tool.h"

#define VARIABLES_MAX 24u
#define ITEMS_MAX     32u /* operations an interface may have: nano_core's limit, too */

struct variables {
	struct variable {
		const char *name;
		char *value;
	} variable[VARIABLES_MAX];
	unsigned count;
	struct variables *items; /* of @each; NULL: none */
	unsigned item_count;
};

/* Sets @name to a copy of the text so printed. */
void variables_set(struct variables *variables, const char *name, const char *fmt, ...)
	THS_PRINTF(3, 4);
/* NULL: it is not there. */
const char *variables_get(const struct variables *variables, const char *name);
void variables_free(struct variables *variables);

/* Adds to @out what @text, of @path, says. False, with a message, where it is wrong. */
THS_MUST_CHECK bool template_expand(const char *path, const char *text, size_t size,
				    const struct variables *variables,
				    struct tool_text *out);

/*
 * check - everything that is asked of a module file, and what was found.
 */
#pragma once

#include <stdint.h>

#include "tool.h"

struct check_sizes { /* bytes */
	uint64_t file, text, rodata, writable;
	unsigned instructions; /* decoded in .text and its like */
	unsigned relocations, imports;
};

struct check_result {
	struct findings findings;
	struct check_sizes sizes;
	char *id; /* from the descriptor; "" where there is none that can be read */
	char *interface; /* what it provides, "sched/1"; likewise */
	char *exception; /* in what it is not elementary, and why; "": it is */
	char digest[65]; /* as it stands in the file, in hex; "" likewise */
};

/* @wanted: the id of the module that the file must hold; NULL: any. Findings are in the
 * order of the rules. False, with a message: it could not be judged. */
THS_MUST_CHECK bool check_file(const struct tool_file *file, const char *wanted,
			       struct check_result *result);
/* The id that a file's name asks for, "sched.rr" of "x/sched.rr.tmod"; memory of its own.
 * NULL: the name does not end in .tmod. */
char *check_wanted(const char *path);
void check_free(struct check_result *result);

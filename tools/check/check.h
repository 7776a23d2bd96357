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
	char digest[65]; /* as it stands in the file, in hex; "" likewise */
};

/* @path names the file in messages, and by its last part the module it must hold; one
 * that does not end in .tmod may hold any. False, with a message: not even a file that
 * could be judged. Findings are in the order of the rules. */
THS_MUST_CHECK bool check_file(const char *path, const struct tool_file *file,
			       struct check_result *result);
void check_free(struct check_result *result);

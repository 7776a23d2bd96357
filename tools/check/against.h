/*
 * against - may one module take another's place, as far as their files tell?
 *
 * What the loader and a swap ask of a running system is asked here of two files: the same
 * interface with the operations it had, arguments, rows and blobs that lie as they lay,
 * and, where a table steps to another version, a migration for that step.
 */
#pragma once

#include "descriptor.h"
#include "tool.h"

struct against { /* what was found. All zero is empty */
	struct findings reasons;     /* why not; none: it may */
	struct findings migrations;  /* "a/1 to a/2 by FUNCTION, back by FUNCTION" */
	struct findings notes;       /* what else changes */
};

/* Both must have been accepted. @name is what to call @old. */
void against_compare(const struct placed *old, const struct placed *new, const char *name,
		     struct against *against);
void against_free(struct against *against);

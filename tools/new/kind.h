/*
 * kind - what theseus-new can begin: a folder of templates, and in it the file `about`.
 *
 * Lines of `about`, which is a template itself:
 *
 *	# text                  a comment; the first line's is what --list says
 *	takes WORD...           options it may be given, without their dashes
 *	file FROM TO            a file to be made, from a template, by a path from `about`
 *	next TEXT               a command to be run next
 *
 * Invariants
 *   K1  Either the whole folder is made or nothing is: it is written beside its place and
 *       renamed, and never over anything.
 */
#pragma once

#include "new/template.h"

/* One line for each kind in @templates, to standard output. False, with a message. */
THS_MUST_CHECK bool kinds_list(const char *templates);
/* Reads `about` of @kind. False, with a message: there is no such kind. */
THS_MUST_CHECK bool kind_read(const char *templates, const char *kind,
			      struct tool_file *about);
/* Whether it takes the option @word. */
bool kind_takes(const struct tool_file *about, const char *word);
/*
 * Makes folder @into, and prints to standard output, unless @quiet, what is to be run next.
 * TOOL_REFUSED: it is there already; TOOL_UNREADABLE: a template cannot be read or is
 * wrong, or a file cannot be written. After either nothing of it is there.
 */
THS_MUST_CHECK enum tool_status kind_make(const char *templates, const char *kind,
					  const char *into,
					  const struct variables *variables, bool quiet);

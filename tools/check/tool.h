/*
 * tool - what the C tools share: files read and written whole, text that grows, and a
 * list of findings.
 *
 * Invariants
 *   T1  A file is replaced wholly or not at all: written beside itself, then renamed; a
 *       signal that would end us waits for that. What is no plain file (/dev/stdout, a
 *       pipe) stays what it is, and is written to.
 *   T2  A message begins with the tool's name and says which file it is about.
 *   T3  Running out of memory ends the tool with status 3 and a message; so these
 *       functions need no check where they return memory.
 */
#pragma once

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <theseus/attr.h>

enum tool_status { /* how our tools exit */
		   TOOL_OK = 0,
		   TOOL_REFUSED = 1,    /* what was checked does not hold */
		   TOOL_USAGE = 2,      /* the command line is wrong */
		   TOOL_UNREADABLE = 3, /* a file cannot be read or written */
};

extern const char *tool_name; /* for messages; set first thing in main() */
extern bool tool_quiet;       /* --quiet was given: no progress */

/* What each tool takes: last in its table of options, and last in its usage text. */
enum { TOOL_QUIET = 0x1000, TOOL_HELP, TOOL_VERSION };
#define TOOL_OPTIONS                                                                     \
	{"quiet", no_argument, NULL, TOOL_QUIET}, {"help", no_argument, NULL, TOOL_HELP}, \
		{"version", no_argument, NULL, TOOL_VERSION}, {NULL, 0, NULL, 0}
#define TOOL_OPTIONS_TEXT(pad) /* blanks, as the column of the other options wants */    \
	"  --help     " pad "print this text\n"                                          \
	"  --version  " pad "print the version\n"
/* Of --help and --version, done by this, and of what is no option: the status to leave
 * with. Of others -1. */
int tool_option(int found, const char *usage_text);
/* What is wrong with the command line: a message that leads to --help; TOOL_USAGE. */
enum tool_status tool_misused(const char *fmt, ...) THS_PRINTF(1, 2);
/* The status to leave with: @status, or where standard output could not be written 3. */
int tool_end(int status);

/* "NAME: TEXT" on standard error. */
void tool_warn(const char *fmt, ...) THS_PRINTF(1, 2);
/* The same of what is being done: on a terminal alone, one line that the next takes the
 * place of, and any message; in a log there is never one. */
void tool_progress(const char *fmt, ...) THS_PRINTF(1, 2);
/* Takes the line away: before something else is written to what may be that terminal. */
void tool_progress_end(void);
void *tool_alloc(size_t size);                           /* zeroed */
void *tool_grow(void *memory, size_t size);              /* realloc */
char *tool_print(const char *fmt, ...) THS_PRINTF(1, 2); /* to memory of its own */

/* @from_bin told from where this program lies, so that an installed tree may be moved; to
 * memory of its own. NULL: that is not known. */
char *tool_beside(const char *from_bin);

struct tool_file {
	uint8_t *data;
	size_t size;
};
/* False, with a message, when @path is no folder that can be read: @option named it. */
THS_MUST_CHECK bool tool_folder(const char *option, const char *path);
/* False, with a message, when @path cannot be read. */
THS_MUST_CHECK bool tool_read(const char *path, struct tool_file *file);
/* T1; the mode of an existing @path is kept, and a link goes on leading to it. False, with a
 * message, on failure. */
THS_MUST_CHECK bool tool_write(const char *path, const void *data, size_t size);

/* Signals that end a program by default, from a terminal or a make, wait from here on until
 * tool_signals_take(): nothing is left half done. */
void tool_signals_hold(sigset_t *before);
void tool_signals_take(const sigset_t *before);

/* Text that grows. All zero is empty. */
struct tool_text {
	char *text; /* NULL while empty */
	size_t size;
};
void tool_text_add(struct tool_text *text, const char *fmt, ...) THS_PRINTF(2, 3);
void tool_text_bytes(struct tool_text *text, const void *bytes, size_t size);
/* @s between quotes, as JSON wants it. */
void tool_text_json(struct tool_text *text, const char *s);
void tool_text_free(struct tool_text *text);

/* What was found wrong. All zero is empty. */
struct findings {
	struct finding {
		const char *rule; /* "I1", "I7", …, "digest", "descriptor" */
		char *text;
	} * list;
	size_t count;
};
void findings_add(struct findings *findings, const char *rule, const char *fmt, ...)
	THS_PRINTF(3, 4);
void findings_free(struct findings *findings);

/*
 * verdict - what a guest must have said and done to have passed.
 *
 * The guest speaks TAP on its serial line, closes with one line that counts what it
 * said, and leaves through isa-debug-exit with one exact code. A verdict is `pass` only
 * if the three agree; whatever else happened is `fail`, with the rule it broke. The
 * rules are listed, each with an example, in theseus-run(1).
 *
 * Invariants
 *   V1  verdict_judge() looks at nothing but its arguments: the same end and the same
 *       log give the same verdict.
 *   V2  Pass is what is left when every rule held; no rule is skipped for lack of data.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define VERDICT_EXIT_PASS  85  /* QEMU's status for 0x2a: (0x2a << 1) | 1 */
#define VERDICT_EXIT_PANIC 103 /* and for 0x33, by convention of the guest's panic */

struct run_end {            /* how the machine ended, as the host saw it */
	bool started;       /* QEMU came as far as running the guest */
	bool timed_out;     /* we ended it after timeout_s seconds */
	bool silent;        /* we ended it as it had said nothing for silence_s seconds */
	bool flooded;       /* we ended it because the log grew past limit_mib */
	bool triple_fault;  /* QEMU logged one */
	char shutdown[32];  /* QEMU's reason for a shutdown event, or "" for none */
	int status;         /* as waitpid() gives it */
	unsigned timeout_s; /* seconds, for the message */
	unsigned silence_s; /* likewise */
	unsigned limit_mib; /* MiB, for the message */
};

struct verdict {
	bool pass;
	unsigned long passed; /* when pass: how many `ok` lines there were */
	char reason[320];     /* when not: "(rule) what was seen" */
};

/**
 * verdict_judge() - decide over one finished run
 * @end:     how the machine ended
 * @log:     what the guest wrote on its serial line; any bytes
 * @len:     how many
 * @verdict: out
 */
void verdict_judge(const struct run_end *end, const char *log, size_t len,
		   struct verdict *verdict);

/**
 * verdict_clean() - one line of a serial log as a terminal would show it
 * @raw:  the bytes of the line, without its newline
 * @len:  how many
 * @text: out: without escape sequences and control characters, 0-terminated
 * @size: of @text in bytes, at least 1; what does not fit is cut off
 */
void verdict_clean(const char *raw, size_t len, char *text, size_t size);

/*
 * verdict - reads the log once, line by line, then asks the rules in order.
 *
 * The order is from cause to consequence, so that the reason given is the one worth
 * reading: a kernel that panicked also wrote no closing line and left with the wrong
 * code, but "panic" is the news.
 *
 * Firmware and boot loaders share the serial line and send escape sequences without a
 * newline behind them; they are taken out before a line is looked at. What remains must
 * match from its first column to its last.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>

#include "verdict.h"

#define LINE_MAX_BYTES 512

struct scan {                         /* what one pass over the log found */
	unsigned long line;           /* number of the current line, from 1 */
	unsigned long ok;             /* `ok` lines */
	unsigned long not_ok;         /* `not ok` lines */
	unsigned long next;           /* the number the next test must bear */
	unsigned long plan;           /* of a `1..N` line */
	unsigned long plan_line;      /* its line; 0: none */
	unsigned long closings;       /* closing lines */
	unsigned long passed, failed; /* of the first closing line */
	bool unterminated;            /* the log does not end in a newline */
	char panic[200];              /* first of its kind, or "" */
	char refused[200];            /* first `not ok` */
	char form[200];               /* first breach of form: "(rule) ..." */
	char last[120];               /* last line that was not empty */
};

__attribute__((format(printf, 2, 3))) static void note_form(struct scan *scan,
							    const char *format, ...)
{
	va_list args;

	if (scan->form[0])
		return;
	va_start(args, format);
	vsnprintf(scan->form, sizeof(scan->form), format, args);
	va_end(args);
}

void verdict_clean(const char *raw, size_t len, char *text, size_t size)
{
	size_t out = 0, i = 0;

	while (i < len && out + 1 < size) {
		unsigned char byte = (unsigned char)raw[i++];

		if (byte == 0x1b) { /* ECMA-48: CSI ends at 0x40..0x7e; else two bytes */
			if (i < len && raw[i] == '[') {
				for (i++; i < len && (raw[i] < 0x40 || raw[i] > 0x7e);)
					i++;
			}
			i += i < len;
		} else if (byte == '\t' || (byte >= 0x20 && byte != 0x7f)) {
			text[out++] = (char)byte;
		}
	}
	text[out] = '\0';
}

/* Reads a decimal without sign or leading zeros; false if there is none or it is huge. */
static bool take_number(const char **text, unsigned long *number)
{
	const char *at = *text;
	unsigned long value = 0;

	if (*at < '0' || *at > '9' || (*at == '0' && at[1] >= '0' && at[1] <= '9'))
		return false;
	for (; *at >= '0' && *at <= '9'; at++) {
		if (value > 100000000)
			return false;
		value = value * 10 + (unsigned long)(*at - '0');
	}
	*text = at;
	*number = value;
	return true;
}

static bool take_word(const char **text, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*text, word, len))
		return false;
	*text += len;
	return true;
}

static bool has_directive(const char *name)
{
	const char *hash = strchr(name, '#');

	for (; hash; hash = strchr(hash + 1, '#')) {
		const char *word = hash + 1 + strspn(hash + 1, " \t");

		if (!strncasecmp(word, "skip", 4) || !strncasecmp(word, "todo", 4))
			return true;
	}
	return false;
}

/* A test line, its `ok` or `not ok` already taken off: " K - name". */
static void scan_test(struct scan *scan, const char *text, const char *whole)
{
	unsigned long number;

	if (!take_word(&text, " ") || !take_number(&text, &number) ||
	    !take_word(&text, " - ") || !*text) {
		note_form(scan, "(malformed) line %lu: %.100s", scan->line, whole);
		return;
	}
	if (scan->closings)
		note_form(scan, "(after-closing) line %lu: %.100s", scan->line, whole);
	if (has_directive(text))
		note_form(scan, "(directive) line %lu: %.100s", scan->line, whole);
	if (number < scan->next)
		note_form(scan, "(double) line %lu: test %lu where %lu was due",
			  scan->line, number, scan->next);
	else if (number > scan->next)
		note_form(scan, "(gap) line %lu: test %lu where %lu was due", scan->line,
			  number, scan->next);
	scan->next = number + 1;
}

static void scan_closing(struct scan *scan, const char *text, const char *whole)
{
	unsigned long passed, failed;

	if (!take_number(&text, &passed) || !take_word(&text, " passed, ") ||
	    !take_number(&text, &failed) || strcmp(text, " failed") != 0) {
		note_form(scan, "(malformed) line %lu: %.100s", scan->line, whole);
		return;
	}
	if (scan->closings++ == 0) {
		scan->passed = passed;
		scan->failed = failed;
	}
}

static void scan_plan(struct scan *scan, const char *text, const char *whole)
{
	unsigned long count;

	if (!take_number(&text, &count) || *text) {
		note_form(scan, "(malformed) line %lu: %.100s", scan->line, whole);
	} else if (scan->plan_line) {
		note_form(scan, "(plan) line %lu: a second plan", scan->line);
	} else {
		scan->plan = count;
		scan->plan_line = scan->line;
	}
}

static bool ends_word(char after)
{
	return after == '\0' || after == ' ' || after == '\t' ||
	       (after >= '0' && after <= '9');
}

static void scan_line(struct scan *scan, const char *whole)
{
	const char *text = whole;

	scan->line++;
	if (*whole)
		snprintf(scan->last, sizeof(scan->last), "%.100s", whole);
	if (take_word(&text, "panic:")) {
		if (!scan->panic[0])
			snprintf(scan->panic, sizeof(scan->panic), "line %lu: %.150s",
				 scan->line, whole);
	} else if (take_word(&text, "not ok") && ends_word(*text)) {
		scan->not_ok++;
		if (!scan->refused[0])
			snprintf(scan->refused, sizeof(scan->refused), "line %lu: %.150s",
				 scan->line, whole);
		scan_test(scan, text, whole);
	} else if (take_word(&text, "ok") && ends_word(*text)) {
		scan->ok++;
		scan_test(scan, text, whole);
	} else if (take_word(&text, "theseus: ") && *text >= '0' && *text <= '9') {
		scan_closing(scan, text, whole);
	} else if (take_word(&text, "1..")) {
		scan_plan(scan, text, whole);
	} else if (take_word(&text, "Bail out!")) {
		note_form(scan, "(bail-out) line %lu: %.100s", scan->line, whole);
	}
}

static void scan_log(struct scan *scan, const char *log, size_t len)
{
	char text[LINE_MAX_BYTES];

	while (len) {
		const char *end = memchr(log, '\n', len);
		size_t size = end ? (size_t)(end - log) : len;

		verdict_clean(log, size, text, sizeof(text));
		scan_line(scan, text);
		scan->unterminated = !end;
		size += end != NULL;
		log += size;
		len -= size;
	}
}

__attribute__((format(printf, 2, 3))) static bool fail(struct verdict *verdict,
						       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(verdict->reason, sizeof(verdict->reason), format, args);
	va_end(args);
	verdict->pass = false;
	return false;
}

/* The machine must have run, and not have been ended by us or by itself. */
static bool judge_machine(const struct run_end *end, const struct scan *scan,
			  struct verdict *verdict)
{
	if (!end->started)
		return fail(verdict, "(start) QEMU ended before it ran the guest");
	if (scan->panic[0])
		return fail(verdict, "(panic) %s", scan->panic);
	if (end->triple_fault)
		return fail(verdict, "(triple-fault) the guest; it said last: %s",
			    scan->last[0] ? scan->last : "nothing");
	if (end->timed_out)
		return fail(verdict, "(timeout) no exit within %u s; it said last: %s",
			    end->timeout_s, scan->last[0] ? scan->last : "nothing");
	if (end->silent)
		return fail(verdict, "(silence) nothing said for %u s; it said last: %s",
			    end->silence_s, scan->last[0] ? scan->last : "nothing");
	if (end->flooded)
		return fail(verdict, "(flood) more than %u MiB on the serial line",
			    end->limit_mib);
	if (!strcmp(end->shutdown, "guest-reset"))
		return fail(verdict, "(reset) the guest reset the machine");
	if (!strcmp(end->shutdown, "guest-shutdown"))
		return fail(verdict, "(power-off) the guest switched the machine off");
	if (end->shutdown[0])
		return fail(verdict, "(shutdown) QEMU was shut down: %s", end->shutdown);
	if (WIFSIGNALED(end->status))
		return fail(verdict, "(signal) QEMU died of signal %d",
			    WTERMSIG(end->status));
	return true;
}

static bool judge_status(const struct run_end *end, struct verdict *verdict)
{
	int status = WIFEXITED(end->status) ? WEXITSTATUS(end->status) : -1;

	if (status == VERDICT_EXIT_PASS)
		return true;
	if (status == VERDICT_EXIT_PANIC)
		return fail(verdict, "(status) %d, the code of a panic; %d was due",
			    status, VERDICT_EXIT_PASS);
	if (status > 0 && status % 2)
		return fail(verdict, "(status) %d, the guest wrote 0x%x; %d was due",
			    status, (unsigned)status >> 1, VERDICT_EXIT_PASS);
	return fail(verdict, "(status) %d, the guest wrote no code; %d was due", status,
		    VERDICT_EXIT_PASS);
}

static bool judge_closing(const struct scan *scan, struct verdict *verdict)
{
	if (scan->form[0])
		return fail(verdict, "%s", scan->form);
	if (scan->closings == 0)
		return fail(verdict,
			    "(no-closing) no line `theseus: P passed, F failed`");
	if (scan->closings > 1)
		return fail(verdict, "(closing-twice) %lu closing lines", scan->closings);
	if (scan->unterminated)
		return fail(verdict, "(unterminated) the log ends within a line: %s",
			    scan->last);
	if (scan->failed)
		return fail(verdict, "(failed) the closing line tells of %lu failed",
			    scan->failed);
	if (scan->passed != scan->ok)
		return fail(verdict,
			    "(count) the closing line tells of %lu passed, %lu `ok` "
			    "lines were seen",
			    scan->passed, scan->ok);
	if (scan->plan_line && scan->plan != scan->ok)
		return fail(verdict, "(plan) %lu planned, %lu `ok` lines were seen",
			    scan->plan, scan->ok);
	if (scan->ok == 0)
		return fail(verdict, "(none) nothing was tested");
	return true;
}

void verdict_judge(const struct run_end *end, const char *log, size_t len,
		   struct verdict *verdict)
{
	struct scan scan = {.next = 1};

	memset(verdict, 0, sizeof(*verdict));
	scan_log(&scan, log, len);
	if (!judge_machine(end, &scan, verdict))
		return;
	if (scan.not_ok) {
		fail(verdict, "(not-ok) %s", scan.refused);
		return;
	}
	if (!judge_status(end, verdict) || !judge_closing(&scan, verdict))
		return;
	verdict->pass = true;
	verdict->passed = scan.ok;
}

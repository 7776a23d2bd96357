/*
 * theseus-check - proves of a module file what the loader relies on, before it is loaded.
 *
 * Three uses, one each: check modules (I1, I7, I8, I9, relocations, descriptor, digest),
 * seal one (write its digest), report the writable state of any object file. What is
 * asked of a module stands in check.c; here is only the command line.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <theseus/tmod.h>

#include "check.h"
#include "report.h"
#include "tool.h"

static const char usage_text[] =
	"usage: theseus-check [--json | --sizes] [--quiet] FILE.tmod...\n"
	"       theseus-check --seal FILE.tmod...\n"
	"       theseus-check --report [--json] FILE...\n"
	"\n"
	"Checks that modules hold no state, are plain integer code, know nobody but\n"
	"nano_core, and have a sound descriptor; lists everything that is wrong.\n"
	"\n"
	"  --seal     write the digest into each file, in place\n"
	"  --report   print the writable state of any object, .o .ko .a: whose, and how "
	"much\n"
	"  --sizes    print a table of sizes in bytes\n"
	"  --json     print one JSON object a line and file\n"
	"  --quiet    say nothing of files that are accepted, but for exceptions\n"
	"  --help     print this text\n"
	"  --version  print the version\n"
	"\n"
	"Exit status: 0 accepted, 1 refused, 2 wrong usage, 3 a file cannot be read, is "
	"no\n"
	"ELF64 file where any would do, or cannot be written.\n";

enum mode { CHECK, SEAL, REPORT };

struct options {
	enum mode mode;
	bool json, quiet, sizes;
};

/* The worst of two outcomes: what cannot be read outweighs what is refused. */
static enum tool_status worse(enum tool_status a, enum tool_status b)
{
	return a > b ? a : b;
}

/* ---- check ---------------------------------------------------------------------- */

static void say_json(const char *path, const struct check_result *result)
{
	const struct check_sizes *sizes = &result->sizes;
	struct tool_text text = {0};

	tool_text_add(&text, "{\"file\": ");
	tool_text_json(&text, path);
	tool_text_add(&text, ", \"accepted\": %s, \"module\": ",
		      result->findings.count == 0 ? "true" : "false");
	tool_text_json(&text, result->id);
	tool_text_add(&text, ", \"interface\": ");
	tool_text_json(&text, result->interface);
	tool_text_add(&text, ", \"exception\": ");
	tool_text_json(&text, result->exception);
	tool_text_add(&text,
		      ", \"digest\": \"%s\", \"bytes\": {\"file\": %lu, \"text\": %lu, "
		      "\"rodata\": %lu, \"writable\": %lu}, \"instructions\": %u, "
		      "\"relocations\": %u, \"imports\": %u, \"findings\": [",
		      result->digest, sizes->file, sizes->text, sizes->rodata,
		      sizes->writable, sizes->instructions, sizes->relocations,
		      sizes->imports);
	for (size_t i = 0; i < result->findings.count; i++) {
		tool_text_add(&text, "%s{\"rule\": ", i == 0 ? "" : ", ");
		tool_text_json(&text, result->findings.list[i].rule);
		tool_text_add(&text, ", \"text\": ");
		tool_text_json(&text, result->findings.list[i].text);
		tool_text_add(&text, "}");
	}
	tool_text_add(&text, "]}");
	puts(text.text);
	tool_text_free(&text);
}

static void say_text(const char *path, const struct options *options,
		     const struct check_result *result)
{
	const struct check_sizes *sizes = &result->sizes;

	for (size_t i = 0; i < result->findings.count; i++)
		printf("%s: %s: %s\n", path, result->findings.list[i].rule,
		       result->findings.list[i].text);
	if (result->exception[0] != '\0')
		printf("%s: exception: I9: %s\n", path, result->exception);
	if (result->findings.count != 0 || options->quiet)
		return;
	if (options->sizes)
		printf("%-16s %-12s %8lu %8lu %8lu %8u\n", result->id, result->interface,
		       sizes->file, sizes->text, sizes->rodata, sizes->instructions);
	else
		printf("%s: accepted: %s provides %s, %lu bytes of text, %lu of "
		       "constants, "
		       "0 writable\n",
		       path, result->id, result->interface, sizes->text, sizes->rodata);
}

static enum tool_status check(const char *path, const struct options *options)
{
	struct tool_file file;
	struct check_result result;
	enum tool_status status;
	char *wanted;

	if (!tool_read(path, &file))
		return TOOL_UNREADABLE;
	wanted = check_wanted(path);
	if (!check_file(&file, wanted, &result)) {
		status = TOOL_UNREADABLE;
	} else {
		if (options->json)
			say_json(path, &result);
		else
			say_text(path, options, &result);
		status = result.findings.count == 0 ? TOOL_OK : TOOL_REFUSED;
	}
	check_free(&result);
	free(wanted);
	free(file.data);
	return status;
}

/* ---- seal, report --------------------------------------------------------------- */

static enum tool_status seal(const char *path)
{
	enum tool_status status = TOOL_OK;
	struct ths_reason reason = {""};
	struct tool_file file;

	if (!tool_read(path, &file))
		return TOOL_UNREADABLE;
	if (ths_tmod_seal(file.data, file.size, &reason) != THS_OK) {
		tool_warn("%s: cannot be sealed: %s", path, reason.text);
		status = TOOL_REFUSED;
	} else if (!tool_write(path, file.data, file.size)) {
		status = TOOL_UNREADABLE;
	}
	free(file.data);
	return status;
}

static enum tool_status report(const char *path, const struct options *options)
{
	struct tool_file file;
	uint64_t total;
	bool good;

	if (!tool_read(path, &file))
		return TOOL_UNREADABLE;
	good = report_file(path, &file, options->json, &total);
	free(file.data);
	return good ? TOOL_OK : TOOL_UNREADABLE;
}

/* ---- command line --------------------------------------------------------------- */

/* TOOL_OK: go on with what stands in @options; else, or with *@done, leave. */
static enum tool_status options_read(int argc, char **argv, struct options *options,
				     bool *done)
{
	static const struct option known[] = {
		{"seal", no_argument, NULL, 's'},    {"report", no_argument, NULL, 'r'},
		{"sizes", no_argument, NULL, 'z'},   {"json", no_argument, NULL, 'j'},
		{"quiet", no_argument, NULL, 'q'},   {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'}, {NULL, 0, NULL, 0},
	};
	int found;

	while ((found = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (found) {
		case 's':
		case 'r':
			if (options->mode != CHECK) {
				tool_warn("--seal and --report exclude each other");
				return TOOL_USAGE;
			}
			options->mode = found == 's' ? SEAL : REPORT;
			break;
		case 'z':
			options->sizes = true;
			break;
		case 'j':
			options->json = true;
			break;
		case 'q':
			options->quiet = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			*done = true;
			return TOOL_OK;
		case 'v':
			puts("theseus-check (libtheseus) " PACKAGE_VERSION);
			*done = true;
			return TOOL_OK;
		default:
			fputs("Try 'theseus-check --help'.\n", stderr);
			return TOOL_USAGE;
		}
	}
	if (optind == argc) {
		tool_warn("no file named; try 'theseus-check --help'");
		return TOOL_USAGE;
	}
	if (options->sizes && (options->json || options->mode != CHECK)) {
		tool_warn("--sizes goes with neither --json, --seal nor --report");
		return TOOL_USAGE;
	}
	return TOOL_OK;
}

int main(int argc, char **argv)
{
	struct options options = {.mode = CHECK};
	enum tool_status status;
	bool done = false;

	tool_name = "theseus-check";
	status = options_read(argc, argv, &options, &done);
	if (status != TOOL_OK || done)
		return status;
	if (options.sizes && !options.quiet)
		printf("%-16s %-12s %8s %8s %8s %8s\n", "module", "interface", "file",
		       "text", "rodata", "insns");
	for (int i = optind; i < argc; i++) {
		if (options.mode == SEAL)
			status = worse(status, seal(argv[i]));
		else if (options.mode == REPORT)
			status = worse(status, report(argv[i], &options));
		else
			status = worse(status, check(argv[i], &options));
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		tool_warn("standard output cannot be written");
		return TOOL_UNREADABLE;
	}
	return status;
}

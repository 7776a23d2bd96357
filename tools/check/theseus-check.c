/*
 * theseus-check - proves of a module file what the loader relies on, before it is loaded.
 *
 * Four uses, one each: check modules (I1, I7, I8, I9, relocations, descriptor, layouts,
 * digest), seal one (write its digest), report the writable state of any object file, say
 * whether one may take another's place. What is asked of a module stands in check.c, of
 * two in against.c; here is only the command line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <theseus/tmod.h>

#include "against.h"
#include "check.h"
#include "report.h"
#include "tool.h"

static const char usage_text[] =
	"usage: theseus-check [--json | --sizes] [--quiet] FILE.tmod...\n"
	"       theseus-check --seal FILE.tmod...\n"
	"       theseus-check --report [--json] FILE...\n"
	"       theseus-check --against OLD.tmod [--json] [--quiet] NEW.tmod...\n"
	"\n"
	"Checks that modules hold no state, are plain integer code, know nobody but\n"
	"nano_core, and have a sound descriptor; lists everything that is wrong.\n"
	"\n"
	"  --seal     write the digest into each file, in place\n"
	"  --report   print the writable state of any object, .o .ko .a: whose, and how "
	"much\n"
	"  --against OLD  say whether each may take the place of OLD: compatible, migratable,\n"
	"             or why not\n"
	"  --as FILE  call the file so, and want the id that this name has: of a build's\n"
	"             intermediate file, what it is to be\n"
	"  --sizes    print a table of sizes in bytes\n"
	"  --json     print one JSON object a line and file\n"
	"  --quiet    say nothing of files that are accepted, but for exceptions\n"
	TOOL_OPTIONS_TEXT("")
	"\n"
	"Exit status: 0 accepted, compatible or migratable, 1 refused or neither, 2 wrong\n"
	"usage, 3 a file cannot be read or written, or is no ELF64 file where any would do.\n";

enum mode { CHECK, SEAL, REPORT, AGAINST };

struct options {
	enum mode mode;
	bool json, quiet, sizes;
	const char *old; /* with AGAINST */
	const char *as;  /* what to call the one file; NULL: as it is called */
};

static const char *name_of(const char *path, const struct options *options)
{
	return options->as == NULL ? path : options->as;
}

/* The worst of two outcomes: what cannot be read outweighs what is refused. */
static enum tool_status worse(enum tool_status a, enum tool_status b)
{
	return a > b ? a : b;
}

/* ---- check ---------------------------------------------------------------------- */

static void json_findings(struct tool_text *text, const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		tool_text_add(text, "%s{\"rule\": ", i == 0 ? "" : ", ");
		tool_text_json(text, findings->list[i].rule);
		tool_text_add(text, ", \"text\": ");
		tool_text_json(text, findings->list[i].text);
		tool_text_add(text, "}");
	}
}

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
	json_findings(&text, &result->findings);
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
	wanted = check_wanted(name_of(path, options));
	if (!check_file(&file, wanted, &result)) {
		status = TOOL_UNREADABLE;
	} else {
		tool_progress_end();
		if (options->json)
			say_json(name_of(path, options), &result);
		else
			say_text(name_of(path, options), options, &result);
		status = result.findings.count == 0 ? TOOL_OK : TOOL_REFUSED;
	}
	check_free(&result);
	free(wanted);
	free(file.data);
	return status;
}

/* ---- seal, report --------------------------------------------------------------- */

static enum tool_status seal(const char *path, const struct options *options)
{
	enum tool_status status = TOOL_OK;
	struct ths_reason reason = {""};
	struct tool_file file;

	if (!tool_read(path, &file))
		return TOOL_UNREADABLE;
	if (ths_tmod_seal(file.data, file.size, &reason) != THS_OK) {
		tool_warn("%s: cannot be sealed: %s", name_of(path, options),
			  reason.text);
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
	tool_progress_end();
	good = report_file(path, &file, options->json, &total);
	free(file.data);
	return good ? TOOL_OK : TOOL_UNREADABLE;
}

/* ---- against -------------------------------------------------------------------- */

/* Reads, judges and places a module file; what is wrong with it is printed. */
static enum tool_status module_open(const char *path, struct tool_file *file,
				    struct placed *placed)
{
	const struct options quiet = {.quiet = true};
	struct ths_reason reason = {""};
	struct check_result result;
	enum tool_status status;

	if (!tool_read(path, file))
		return TOOL_UNREADABLE;
	if (!check_file(file, NULL, &result)) {
		status = TOOL_UNREADABLE;
	} else {
		say_text(path, &quiet, &result);
		status = result.findings.count == 0 &&
					 placed_open(placed, file, PLACED_AS_LOADED,
						     &reason)
				 ? TOOL_OK
				 : TOOL_REFUSED;
	}
	check_free(&result);
	if (status != TOOL_OK)
		free(file->data);
	return status;
}

static void say_findings(const char *path, const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		printf("%s: %s: %s\n", path, findings->list[i].rule,
		       findings->list[i].text);
}

static const char *verdict_of(const struct against *found)
{
	return found->reasons.count != 0      ? "refused"
	       : found->migrations.count != 0 ? "migratable"
					      : "compatible";
}

static void against_json(const char *path, const struct options *options,
			 const struct against *found)
{
	struct tool_text text = {0};

	tool_text_add(&text, "{\"file\": ");
	tool_text_json(&text, path);
	tool_text_add(&text, ", \"against\": ");
	tool_text_json(&text, options->old);
	tool_text_add(&text, ", \"verdict\": \"%s\", \"reasons\": [", verdict_of(found));
	json_findings(&text, &found->reasons);
	tool_text_add(&text, "], \"migrations\": [");
	json_findings(&text, &found->migrations);
	tool_text_add(&text, "], \"notes\": [");
	json_findings(&text, &found->notes);
	tool_text_add(&text, "]}");
	puts(text.text);
	tool_text_free(&text);
}

static enum tool_status say_against(const char *path, const struct options *options,
				    const struct against *found)
{
	if (options->json) {
		against_json(path, options, found);
		return found->reasons.count != 0 ? TOOL_REFUSED : TOOL_OK;
	}
	if (found->reasons.count != 0) {
		say_findings(path, &found->reasons);
		return TOOL_REFUSED;
	}
	if (options->quiet)
		return TOOL_OK;
	printf("%s: %s with %s\n", path, verdict_of(found), options->old);
	say_findings(path, &found->migrations);
	say_findings(path, &found->notes);
	return TOOL_OK;
}

static enum tool_status against(const char *path, const struct options *options)
{
	struct tool_file old_file, new_file;
	struct placed old, new;
	struct against found = {0};
	enum tool_status status = module_open(options->old, &old_file, &old);

	if (status != TOOL_OK)
		return status;
	tool_progress_end();
	status = module_open(path, &new_file, &new);
	if (status == TOOL_OK) {
		against_compare(&old, &new, options->old, &found);
		status = say_against(path, options, &found);
		against_free(&found);
		placed_close(&new);
		free(new_file.data);
	}
	placed_close(&old);
	free(old_file.data);
	return status;
}

/* ---- command line --------------------------------------------------------------- */

static const struct option known[] = {
	{"seal", no_argument, NULL, 's'},
	{"report", no_argument, NULL, 'r'},
	{"against", required_argument, NULL, 'a'},
	{"as", required_argument, NULL, 'f'},
	{"sizes", no_argument, NULL, 'z'},
	{"json", no_argument, NULL, 'j'},
	TOOL_OPTIONS,
};

/* What does not go together. */
static int options_check(const struct options *options, int files)
{
	if (files == 0)
		return (int)tool_misused("no file named");
	if (options->as != NULL &&
	    (files != 1 || options->mode == REPORT || options->mode == AGAINST))
		return (int)tool_misused("--as is of one file that is checked or sealed");
	if (options->sizes && (options->json || options->mode != CHECK))
		return (int)tool_misused("--sizes goes with neither --json, --seal, --report "
					 "nor --against");
	if (options->json && options->mode == SEAL)
		return (int)tool_misused("--json does not go with --seal");
	return -1;
}

/* -1: go on with what stands in @options; else the status to leave with. */
static int options_read(int argc, char **argv, struct options *options)
{
	int found, status;

	while ((found = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (found) {
		case 's':
		case 'r':
		case 'a':
			if (options->mode != CHECK)
				return (int)tool_misused("--seal, --report and --against "
							 "exclude each other");
			options->mode = found == 's' ? SEAL : found == 'r' ? REPORT : AGAINST;
			options->old = optarg;
			break;
		case 'f':
			options->as = optarg;
			break;
		case 'z':
			options->sizes = true;
			break;
		case 'j':
			options->json = true;
			break;
		case TOOL_QUIET:
			options->quiet = tool_quiet = true;
			break;
		default:
			status = tool_option(found, usage_text);
			if (status >= 0)
				return status;
		}
	}
	return options_check(options, argc - optind);
}

int main(int argc, char **argv)
{
	struct options options = {.mode = CHECK};
	enum tool_status status = TOOL_OK;
	int leave;

	tool_name = "theseus-check";
	leave = options_read(argc, argv, &options);
	if (leave >= 0)
		return leave;
	if (options.sizes && !options.quiet)
		printf("%-16s %-12s %8s %8s %8s %8s\n", "module", "interface", "file",
		       "text", "rodata", "insns");
	for (int i = optind; i < argc; i++) {
		if (argc - optind > 1)
			tool_progress("%s (%d of %d)", argv[i], i - optind + 1, argc - optind);
		if (options.mode == SEAL)
			status = worse(status, seal(argv[i], &options));
		else if (options.mode == REPORT)
			status = worse(status, report(argv[i], &options));
		else if (options.mode == AGAINST)
			status = worse(status, against(argv[i], &options));
		else
			status = worse(status, check(argv[i], &options));
	}
	return tool_end((int)status);
}

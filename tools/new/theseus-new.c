/*
 * theseus-new - begins a module, a driver, an interface, a program or an OS.
 *
 * What is made comes from templates/ (kind.h, template.h); here is the command line: what
 * was asked for becomes the variables that templates fill in.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <theseus/gate.h>
#include <time.h>
#include <unistd.h>

#include "new/kind.h"
#include "new/operations.h"

static const char usage_text[] =
	"usage: theseus-new KIND NAME [OPTION...]\n"
	"       theseus-new --list\n"
	"\n"
	"Makes a folder that builds, passes its tests and is documented, to begin from.\n"
	"KIND is one of those that --list tells; NAME is of small letters, digits, '_'\n"
	"and, in a module's, '.'.\n"
	"\n"
	"  --provides IFACE/N  the interface it serves, which has a header; else one of its\n"
	"                      own is made\n"
	"  -I DIR              look for that header here first; may be given often\n"
	"  --table TABLE       it keeps rows, in a table of that name\n"
	"  --blob              it keeps state with its clients\n"
	"  --op OPERATION      the interface has it; may be given often (get, set)\n"
	"  --make              with a Makefile (this is so if nothing is said)\n"
	"  --autotools         with configure.ac and Makefile.am\n"
	"  --directory DIR     make this folder (./NAME)\n"
	"  --templates DIR     take templates from here\n"
	"  --list              print the kinds there are\n"
	"  --quiet             do not print what to do next\n"
	TOOL_OPTIONS_TEXT("         ")
	"\n"
	"Nothing is ever written over.\n"
	"\n"
	"Exit status: 0 made, 1 refused, 2 wrong usage, 3 a file cannot be read or written.\n";

enum { OPT_PROVIDES = 256, OPT_TABLE, OPT_BLOB, OPT_OP, OPT_MAKE, OPT_AUTOTOOLS,
       OPT_DIRECTORY, OPT_TEMPLATES, OPT_LIST };

static const struct option known[] = {
	{"provides", required_argument, NULL, OPT_PROVIDES},
	{"table", required_argument, NULL, OPT_TABLE},
	{"blob", no_argument, NULL, OPT_BLOB},
	{"op", required_argument, NULL, OPT_OP},
	{"make", no_argument, NULL, OPT_MAKE},
	{"autotools", no_argument, NULL, OPT_AUTOTOOLS},
	{"directory", required_argument, NULL, OPT_DIRECTORY},
	{"templates", required_argument, NULL, OPT_TEMPLATES},
	{"list", no_argument, NULL, OPT_LIST},
	TOOL_OPTIONS,
};

#define LIST_MAX 32u

struct list {
	const char *text[LIST_MAX];
	unsigned count;
};

struct request {
	const char *kind, *name; /* the words that are no options */
	const char *provides, *table, *directory, *templates;
	struct list includes, ops;
	bool blob, make, autotools, list, quiet;
};

static enum tool_status misused(const char *what, const char *which, const char *why)
{
	return tool_misused("%s%s%s: %s", what, which[0] ? " " : "", which, why);
}

/* ---- the command line ------------------------------------------------------------- */

static enum tool_status list_add(struct list *list, const char *option)
{
	if (list->count == LIST_MAX)
		return misused(option, "", "given too often");
	list->text[list->count++] = optarg;
	return TOOL_OK;
}

static enum tool_status option_take(int found, struct request *request)
{
	switch (found) {
	case OPT_PROVIDES:
		request->provides = optarg;
		return TOOL_OK;
	case OPT_TABLE:
		request->table = optarg;
		return TOOL_OK;
	case OPT_DIRECTORY:
		request->directory = optarg;
		return TOOL_OK;
	case OPT_TEMPLATES:
		request->templates = optarg;
		return TOOL_OK;
	case OPT_BLOB:
		request->blob = true;
		return TOOL_OK;
	case OPT_MAKE:
		request->make = true;
		return TOOL_OK;
	case OPT_AUTOTOOLS:
		request->autotools = true;
		return TOOL_OK;
	case OPT_LIST:
		request->list = true;
		return TOOL_OK;
	case TOOL_QUIET:
		request->quiet = true;
		return TOOL_OK;
	case OPT_OP:
		return list_add(&request->ops, "--op");
	case 'I':
		return list_add(&request->includes, "-I");
	default:
		return (enum tool_status)tool_option(found, usage_text);
	}
}

/* *@done: leave with what is returned; else go on. */
static enum tool_status request_read(int argc, char **argv, struct request *request,
				     bool *done)
{
	enum tool_status status = TOOL_OK;
	int found;

	*done = true;
	while (status == TOOL_OK &&
	       (found = getopt_long(argc, argv, "I:", known, NULL)) != -1) {
		if (found == TOOL_HELP || found == TOOL_VERSION)
			return (enum tool_status)tool_option(found, usage_text);
		status = option_take(found, request);
	}
	if (status != TOOL_OK)
		return status;
	*done = false;
	if (argc - optind != (request->list ? 0 : 2))
		return tool_misused(request->list ? "--list stands alone"
						  : "a KIND and a NAME are wanted");
	request->kind = request->list ? NULL : argv[optind];
	request->name = request->list ? NULL : argv[optind + 1];
	if (request->make && request->autotools)
		return misused("--make", "", "and --autotools exclude each other");
	return TOOL_OK;
}

/* NULL: @name will do; else what is wrong. @dots: the name of a module. */
static const char *name_wrong(const char *name, bool dots)
{
	if (!islower((unsigned char)name[0]))
		return "a name begins with a small letter";
	if (strlen(name) >= THS_NAME_MAX - 8) /* there are names made of it */
		return "too long a name";
	for (const char *at = name; *at != '\0'; at++) {
		if (dots && at[0] == '.' && isalnum((unsigned char)at[1]))
			continue;
		if (dots && at[0] == '.')
			return "behind a '.' stands a small letter or a digit";
		if (!islower((unsigned char)*at) && !isdigit((unsigned char)*at) && *at != '_')
			return dots ? "a name is of small letters, digits, '_' and '.'"
				    : "a name is of small letters, digits and '_'";
	}
	return NULL;
}

/* As it is named to the user; where nobody knows, as it would be from here. */
static char *installed(const char *from_bin)
{
	char *path = tool_beside(from_bin);
	char *real = path ? realpath(path, NULL) : NULL;

	if (!real)
		return path ? path : tool_print("%s", from_bin);
	free(path);
	return real;
}

/* Whether the interface that would be made has the name of one that is there: an OS has both
 * then, and who says that name may mean either. */
static bool is_taken(const struct request *request, const struct tool_file *about)
{
	char *include, *header;
	bool taken;

	if (request->provides || !(kind_takes(about, "dots") || kind_takes(about, "op")))
		return false;
	include = installed(NEW_INCLUDE_FROM_BIN);
	header = tool_print("%s/theseus/iface/%s.h", include, request->name);
	taken = strcmp(request->name, "nano_core") == 0 || access(header, F_OK) == 0;
	free(header);
	free(include);
	return taken;
}

/* What is wrong with the request, as far as @about can tell. */
static enum tool_status request_check(const struct request *request,
				      const struct tool_file *about)
{
	const struct {
		const char *option, *word;
		bool given;
	} options[] = {{"--provides", "provides", request->provides != NULL},
		       {"-I", "provides", request->includes.count > 0},
		       {"--table", "table", request->table != NULL},
		       {"--blob", "blob", request->blob},
		       {"--op", "op", request->ops.count > 0},
		       {"--autotools", "autotools", request->autotools}};
	const char *wrong = name_wrong(request->name, kind_takes(about, "dots"));

	if (wrong)
		return misused(request->name, "", wrong);
	if (is_taken(request, about))
		return misused(request->name, "", "is a name of libtheseus' own: take another");
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (options[i].given && !kind_takes(about, options[i].word))
			return misused(options[i].option, "", "not for this kind");
	if (request->table && (wrong = name_wrong(request->table, true)))
		return misused("--table", request->table, wrong);
	for (unsigned i = 0; i < request->ops.count; i++) {
		if ((wrong = name_wrong(request->ops.text[i], false)))
			return misused("--op", request->ops.text[i], wrong);
		for (unsigned k = 0; k < i; k++)
			if (strcmp(request->ops.text[i], request->ops.text[k]) == 0)
				return misused("--op", request->ops.text[i],
					       "given twice");
	}
	if (request->provides && (request->table || request->blob))
		return misused("--provides", request->provides,
			       "excludes --table and --blob: what its operations keep is "
			       "yours to say");
	return TOOL_OK;
}

/* ---- variables -------------------------------------------------------------------- */

static void name_set(struct variables *variables, const char *name, const char *upper,
		     const char *value)
{
	char *text = tool_print("%s", value);

	for (char *at = text; *at != '\0'; at++)
		if (*at == '.')
			*at = '_';
	variables_set(variables, name, "%s", text);
	for (char *at = text; *at != '\0'; at++)
		*at = (char)toupper((unsigned char)*at);
	variables_set(variables, upper, "%s", text);
	free(text);
}

/* The date as mdoc(7) has it; SOURCE_DATE_EPOCH's if that is set. */
static void date_set(struct variables *variables)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	time_t now = epoch ? (time_t)strtoll(epoch, NULL, 10) : time(NULL);
	char month[32];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(month, sizeof(month), "%B", &tm);
	variables_set(variables, "date", "%s %d, %d", month, tm.tm_mday, tm.tm_year + 1900);
}

/* The header that declares @iface: of our own folders first, then of those installed. */
static enum tool_status provides_set(const struct request *request,
				     struct variables *variables)
{
	char iface[THS_NAME_MAX], more;
	char *include = installed(NEW_INCLUDE_FROM_BIN), *path = NULL;
	enum tool_status status = TOOL_OK;
	unsigned version;

	if (sscanf(request->provides, "%31[a-z0-9_]/%u%c", iface, &version, &more) != 2) {
		free(include);
		return misused("--provides", request->provides, "is not IFACE/VERSION");
	}
	for (unsigned i = 0; i < request->includes.count && !path; i++) {
		path = tool_print("%s/%s.h", request->includes.text[i], iface);
		if (access(path, R_OK) == 0) {
			char *real = realpath(request->includes.text[i], NULL);

			variables_set(variables, "include", "\"%s.h\"", iface);
			variables_set(variables, "include_dir", "%s", real ? real : ".");
			free(real);
		} else {
			free(path);
			path = NULL;
		}
	}
	if (!path) {
		path = tool_print("%s/theseus/iface/%s.h", include, iface);
		variables_set(variables, "include", "<theseus/iface/%s.h>", iface);
		if (access(path, R_OK) != 0) {
			tool_warn("--provides %s: no header %s; with -I DIR another "
				  "folder is looked in",
				  request->provides, path);
			status = TOOL_REFUSED;
		}
	}
	name_set(variables, "iface", "IFACE", iface);
	variables_set(variables, "version", "%u", version);
	variables_set(variables, "provides", "%s", request->provides);
	if (status == TOOL_OK && !operations_read(path, iface, version, variables))
		status = TOOL_REFUSED;
	free(include);
	free(path);
	return status;
}

/* The interface is the module's own, and its operations those of the template. */
static void own_set(const struct request *request, struct variables *variables)
{
	name_set(variables, "name", "NAME", request->name);
	name_set(variables, "iface", "IFACE", request->name);
	variables_set(variables, "version", "1");
	variables_set(variables, "own", "1");
}

/* The interface is what is made; with it comes a module, NAME.null, that serves it. */
static void interface_set(const struct request *request, struct variables *variables)
{
	static const char *const otherwise[] = {"get", "set"};
	const char *const *op = request->ops.count ? request->ops.text : otherwise;
	unsigned count = request->ops.count ? request->ops.count : 2;
	char *module = tool_print("%s.null", request->name);

	name_set(variables, "name", "NAME", module);
	name_set(variables, "iface", "IFACE", request->name);
	variables_set(variables, "id", "%s", module);
	variables_set(variables, "version", "1");
	variables_set(variables, "provides", "%s/1", request->name);
	for (unsigned i = 0; i < count; i++) {
		char *args = tool_print("struct %s_%s", request->name, op[i]);

		operation_add(variables, request->name, op[i], args, "0");
		free(args);
	}
	free(module);
}

/* Of its own folder. */
static void header_set(struct variables *variables)
{
	const char *iface = variables_get(variables, "iface");

	variables_set(variables, "header", "%s.h", iface);
	variables_set(variables, "include", "\"%s.h\"", iface);
}

static enum tool_status variables_fill(const struct request *request,
				       const struct tool_file *about,
				       struct variables *variables)
{
	char *aclocal = installed(NEW_ACLOCAL_FROM_BIN);

	variables_set(variables, "id", "%s", request->name);
	variables_set(variables, "folder", "%s",
		      request->directory ? request->directory : request->name);
	variables_set(variables, "version_of_theseus", "%s", PACKAGE_VERSION);
	variables_set(variables, "aclocal", "%s", aclocal);
	free(aclocal);
	variables_set(variables, request->autotools ? "autotools" : "make", "1");
	date_set(variables);
	if (request->table)
		variables_set(variables, "table", "%s", request->table);
	if (request->blob)
		variables_set(variables, "blob", "1");
	if (request->table || request->blob)
		variables_set(variables, "state", "1");
	variables_set(variables, "page", "%s", request->name);
	variables_set(variables, request->kind, "1"); /* for files that kinds share */
	if (request->provides) {
		name_set(variables, "name", "NAME", request->name);
		return provides_set(request, variables);
	}
	if (kind_takes(about, "op"))
		interface_set(request, variables);
	else
		own_set(request, variables);
	header_set(variables);
	return TOOL_OK;
}

static enum tool_status make(const struct request *request)
{
	struct variables variables = {0};
	struct tool_file about = {0};
	enum tool_status status;

	if (!kind_read(request->templates, request->kind, &about))
		return TOOL_USAGE;
	status = request_check(request, &about);
	if (status == TOOL_OK)
		status = variables_fill(request, &about, &variables);
	if (status == TOOL_OK)
		status = kind_make(request->templates, request->kind,
				   variables_get(&variables, "folder"), &variables,
				   request->quiet);
	variables_free(&variables);
	free(about.data);
	return status;
}

int main(int argc, char **argv)
{
	struct request request = {0};
	char *templates = NULL;
	enum tool_status status;
	bool done;

	tool_name = "theseus-new";
	status = request_read(argc, argv, &request, &done);
	if (!request.templates) {
		char *data = installed(NEW_DATA_FROM_BIN);

		request.templates = templates = tool_print("%s/templates", data);
		free(data);
	}
	if (status == TOOL_OK && !done && request.list)
		status = kinds_list(request.templates) ? TOOL_OK : TOOL_UNREADABLE;
	else if (status == TOOL_OK && !done)
		status = make(&request);
	free(templates);
	return tool_end((int)status);
}

/*
 * theseus-graph - draws what an OS is made of: modules, interfaces and tables.
 *
 * Of an OS that does not run all of it stands in the manifest and in the descriptors of the
 * modules it names; one that runs says it at its console. Both are one graph, graph.h, and
 * are drawn alike: an interface leads to who is bound to it, a module to what it uses and
 * to the tables it works on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "graph/graph.h"

static const char usage_text[] =
	"usage: theseus-graph [OPTION...] OS.manifest\n"
	"       theseus-graph [OPTION...] --log FILE\n"
	"\n"
	"Writes the graph of an OS to standard output, in the language of graphviz: its\n"
	"modules, the interfaces they provide and use, and the tables they work on.\n"
	"\n"
	"  --log FILE         of an OS that runs: what came on its serial line, in which the\n"
	"                     last is taken that its console's command `graph` printed\n"
	"  --module-dir DIR   look for the manifest's modules here; may be given often, first\n"
	"                     found wins; last comes the folder of the installed modules\n"
	"  --svg              have graphviz draw it\n"
	"  --json             write it as one JSON object\n"
	"  --quiet            say no more than what is wrong, as ever\n"
	TOOL_OPTIONS_TEXT("        ")
	"\n"
	"Exit status: 0 written, 1 the manifest, a module or the log is refused, 2 wrong\n"
	"usage, 3 a file cannot be read or written, 77 graphviz is not installed.\n";

enum { OPT_LOG = 256, OPT_MODULE_DIR, OPT_SVG, OPT_JSON };
#define NO_GRAPHVIZ 77

static const struct option known[] = {
	{"log", required_argument, NULL, OPT_LOG},
	{"module-dir", required_argument, NULL, OPT_MODULE_DIR},
	{"svg", no_argument, NULL, OPT_SVG},
	{"json", no_argument, NULL, OPT_JSON},
	TOOL_OPTIONS,
};

struct options {
	const char **folders;
	size_t folder_count;
	const char *manifest, *log; /* one of them */
	bool svg, json;
};

static int drawn(const struct tool_text *text)
{
	FILE *dot;
	int status;

	if (system("command -v dot >/dev/null 2>&1") != 0) {
		tool_warn("no dot: install graphviz, or draw the text elsewhere");
		return NO_GRAPHVIZ;
	}
	dot = popen("dot -Tsvg", "w");
	if (dot == NULL)
		return TOOL_UNREADABLE;
	fwrite(text->text, 1, text->size, dot);
	status = pclose(dot);
	if (status == 0)
		return TOOL_OK;
	tool_warn("dot failed, status %d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	return TOOL_UNREADABLE;
}

static void folder_add(struct options *options, const char *folder)
{
	options->folders = tool_grow((void *)(uintptr_t)options->folders,
				     (options->folder_count + 1) * sizeof(char *));
	options->folders[options->folder_count++] = folder;
}

/* -1: go on; else the status to leave with. */
static int options_read(int argc, char **argv, struct options *options)
{
	int found, status;

	while ((found = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (found == OPT_LOG)
			options->log = optarg;
		if (found == OPT_MODULE_DIR && !tool_folder("--module-dir", optarg))
			return TOOL_UNREADABLE;
		if (found == OPT_MODULE_DIR)
			folder_add(options, optarg);
		options->svg |= found == OPT_SVG;
		options->json |= found == OPT_JSON;
		status = tool_option(found, usage_text);
		if (status >= 0)
			return status;
	}
	if (options->svg && options->json)
		return (int)tool_misused("--svg and --json exclude each other");
	if (options->log != NULL && optind < argc)
		return (int)tool_misused("--log and a manifest exclude each other: %s",
					 argv[optind]);
	if (options->log == NULL && argc - optind != 1)
		return (int)tool_misused("one manifest is wanted, or --log FILE");
	options->manifest = argv[optind];
	return -1;
}

static int work(const struct options *options)
{
	struct graph graph = {0};
	struct tool_text text = {0};
	int status = (int)(options->log != NULL
				   ? graph_read_log(&graph, options->log)
				   : graph_read_manifest(&graph, options->manifest,
							 options->folders,
							 options->folder_count));

	if (status == TOOL_OK) {
		(options->json ? graph_write_json : graph_write_dot)(&graph, &text);
		if (options->svg)
			status = drawn(&text);
		else
			fwrite(text.text, 1, text.size, stdout);
		status = tool_end(status);
	}
	tool_text_free(&text);
	graph_free(&graph);
	return status;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	char *installed;
	int status;

	tool_name = "theseus-graph";
	status = options_read(argc, argv, &options);
	installed = tool_beside(GRAPH_MODULES_FROM_BIN);
	if (installed != NULL)
		folder_add(&options, installed);
	if (status < 0)
		status = work(&options);
	free((void *)(uintptr_t)options.folders);
	free(installed);
	return status;
}

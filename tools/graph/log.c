/*
 * log - the graph of an OS that runs, from what came on its serial line.
 *
 * The console's command `graph` prints it between two lines that nothing else prints;
 * examples/ship/commands_graph.c says what the lines are. Between them other lines may
 * stand, which the kernel's log wrote: those begin with none of the words below and are
 * passed over. If one of the lines was torn by them, the count at the end tells.
 *
 * Of several graphs the last is taken that has its end: a system that is being watched
 * prints the next one just now.
 */
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

#define FIRST     "-----BEGIN THESEUS GRAPH-----"
#define LAST      "-----END THESEUS GRAPH-----"
#define WORDS_MAX 7u
#define LINE_BYTES 256u /* of ours each is shorter */

struct log {
	const char *path;
	const char *at, *end;     /* what is still to be read */
	unsigned line;            /* the number of the line in @text, from 1 */
	char text[LINE_BYTES + 1]; /* without its end; cut off where it is longer */
	char *word[WORDS_MAX];
	unsigned words;
};

/* The next line into @log->text; false: there is none. */
static bool line_next(struct log *log)
{
	const char *end;
	size_t length;

	if (log->at == log->end)
		return false;
	end = memchr(log->at, '\n', (size_t)(log->end - log->at));
	length = (size_t)((end == NULL ? log->end : end) - log->at);
	if (length > LINE_BYTES)
		length = LINE_BYTES;
	memcpy(log->text, log->at, length);
	log->text[length] = '\0';
	log->text[strcspn(log->text, "\r")] = '\0';
	log->at = end == NULL ? log->end : end + 1;
	log->line++;
	return true;
}

static void line_split(struct log *log)
{
	char *rest = log->text, *word;

	for (log->words = 0; (word = strsep(&rest, " ")) != NULL; log->words++)
		if (log->words < WORDS_MAX)
			log->word[log->words] = word;
}

/* Goes to behind the first line of the last graph that has its last line. */
static enum tool_status graph_find_last(struct log *log)
{
	struct log open = {0}, found = {0};

	while (line_next(log)) {
		if (strcmp(log->text, FIRST) == 0) {
			open = *log;
		} else if (strcmp(log->text, LAST) == 0 && open.line != 0) {
			found = open;
			open.line = 0;
		}
	}
	if (found.line == 0) {
		if (open.line == 0)
			tool_warn("%s: no line %s: type `graph` at the image's console",
				  log->path, FIRST);
		else
			tool_warn("%s:%u: the graph that begins here has no line %s: type "
				  "`graph` once more",
				  log->path, open.line, LAST);
		return TOOL_REFUSED;
	}
	*log = found;
	return TOOL_OK;
}

/* ---- what the lines say: each returns NULL, or what is wrong --------------------------- */

static const char no_module[] = "no line before it has that module";

static const char *os_take(struct graph *graph, char **word)
{
	free(graph->os);
	graph->os = tool_print("%s", word[1]);
	return NULL;
}

static const char *module_take(struct graph *graph, char **word)
{
	graph_add_module(graph, word[1], word[2], word[3], word[4], word[5]);
	return NULL;
}

static const char *use_take(struct graph *graph, char **word)
{
	struct graph_module *module = graph_find(graph, word[1]);

	if (module == NULL)
		return no_module;
	graph_add_use(module, word[2], strcmp(word[3], "optional") == 0);
	return NULL;
}

static const char *table_take(struct graph *graph, char **word)
{
	struct graph_module *module = graph_find(graph, word[1]);

	if (module == NULL)
		return no_module;
	graph_add_table(module, word[2]);
	return NULL;
}

static const char *bind_take(struct graph *graph, char **word)
{
	const char *as = strcmp(word[2], "-") == 0 ? "" : word[2];
	const char *module = strcmp(word[3], "-") == 0 ? NULL : word[3];

	if (module != NULL && graph_find(graph, module) == NULL)
		return no_module; /* it came by a swap, after the modules were listed */
	graph_add_binding(graph, word[1], as, module);
	return NULL;
}

static const struct form {
	const char *word; /* the first of the line */
	unsigned words;
	const char *(*take)(struct graph *graph, char **word);
} forms[] = {
	{"os", 2, os_take},       {"module", 6, module_take}, {"use", 4, use_take},
	{"table", 3, table_take}, {"bind", 4, bind_take},
};

static const struct form *form_find(const char *word)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		if (strcmp(forms[i].word, word) == 0)
			return &forms[i];
	return NULL;
}

/* ---- the graph ------------------------------------------------------------------------ */

static enum tool_status graph_take(struct graph *graph, struct log *log)
{
	const unsigned first = log->line;
	unsigned long lines = 0, due = 0;
	const struct form *form;
	const char *wrong;

	while (line_next(log) && strcmp(log->text, LAST) != 0) {
		line_split(log);
		if (strcmp(log->word[0], "lines") == 0 && log->words == 2)
			due = strtoul(log->word[1], NULL, 10);
		form = form_find(log->word[0]);
		if (form == NULL)
			continue;
		lines++;
		wrong = log->words == form->words ? form->take(graph, log->word)
						  : "a word is missing, or one too many";
		if (wrong != NULL) {
			tool_warn("%s:%u: %s: type `graph` once more", log->path, log->line,
				  wrong);
			return TOOL_REFUSED;
		}
	}
	if (lines == due && graph->os != NULL)
		return TOOL_OK;
	tool_warn("%s:%u: the graph that begins here has %lu of its %lu lines: type `graph` "
		  "once more",
		  log->path, first, lines, due);
	return TOOL_REFUSED;
}

enum tool_status graph_read_log(struct graph *graph, const char *path)
{
	struct log log = {.path = path};
	struct tool_file file;
	enum tool_status status;

	if (!tool_read(path, &file))
		return TOOL_UNREADABLE;
	log.at = (const char *)file.data;
	log.end = log.at + file.size;
	status = graph_find_last(&log);
	if (status == TOOL_OK)
		status = graph_take(graph, &log);
	free(file.data);
	return status;
}

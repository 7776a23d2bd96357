/*
 * theseus-graph - draws what an OS is made of: modules, interfaces and tables.
 *
 * All of it stands in the manifest and in the descriptors of the modules it names: an
 * interface leads to who is bound to it, a module to what it uses and to the tables it
 * works on. The graph is text for graphviz, in the manifest's order, so that the same
 * inputs give the same text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <theseus/manifest.h>
#include <unistd.h>

#include "check/descriptor.h"
#include "check/tool.h"

static const char usage_text[] =
	"usage: theseus-graph [OPTION...] OS.manifest\n"
	"\n"
	"Writes the graph of an OS to standard output, in the language of graphviz: its\n"
	"modules, the interfaces they provide and use, and the tables they work on.\n"
	"\n"
	"  --module-dir DIR   look for modules here; may be given often, first found wins;\n"
	"                     last comes the folder of the installed modules\n"
	"  --svg              have graphviz draw it\n"
	"  --json             write it as one JSON object\n"
	"  --quiet            say no more than what is wrong, as ever\n"
	TOOL_OPTIONS_TEXT("        ")
	"\n"
	"Exit status: 0 written, 1 the manifest or a module is refused, 2 wrong usage, 3 a\n"
	"file cannot be read or written, 77 graphviz is not installed.\n";

enum { OPT_MODULE_DIR = 256, OPT_SVG, OPT_JSON };
#define NO_GRAPHVIZ 77

static const struct option known[] = {
	{"module-dir", required_argument, NULL, OPT_MODULE_DIR},
	{"svg", no_argument, NULL, OPT_SVG},
	{"json", no_argument, NULL, OPT_JSON},
	TOOL_OPTIONS,
};

struct module { /* a `module` line */
	struct ths_manifest_item item;
	struct tool_file file;
	struct placed placed;
	char *provides;
};

struct graph {
	const char **folders;
	size_t folder_count;
	const char *manifest;
	struct tool_file text;
	char os[THS_MANIFEST_NAME_MAX + 1];
	struct module *modules;
	size_t module_count;
	struct ths_manifest_item *bindings;
	size_t binding_count;
	bool svg, json;
};

/* ---- reading ---------------------------------------------------------------------- */

/* "sched/1"; memory of its own. */
static char *iface_name(const struct placed *placed, const struct ths_iface *at)
{
	const struct ths_iface *iface = placed_data(placed, at, sizeof(*iface), 8);
	const char *name = iface == NULL ? NULL : placed_string(placed, iface->name);

	return name == NULL ? tool_print("?") : tool_print("%s/%u", name, iface->version);
}

static enum tool_status module_open(struct graph *graph, struct module *module)
{
	struct ths_reason reason = {""};
	enum tool_status status = TOOL_OK;
	char *path = NULL;

	for (size_t i = 0; i < graph->folder_count; i++) {
		path = tool_print("%s/%s", graph->folders[i], module->item.file);
		if (access(path, R_OK) == 0)
			break;
		free(path);
		path = NULL;
	}
	if (path == NULL) {
		tool_warn("%s:%u: no %s in the module folders: name its own by --module-dir",
			  graph->manifest, module->item.line, module->item.file);
		return TOOL_REFUSED;
	}
	if (!tool_read(path, &module->file)) {
		status = TOOL_UNREADABLE;
	} else if (!placed_open(&module->placed, &module->file, PLACED_AS_LOADED, &reason)) {
		tool_warn("%s: %s", path, reason.text);
		free(module->file.data);
		status = TOOL_REFUSED;
	} else {
		module->provides = iface_name(&module->placed,
					      module->placed.module->provides.iface);
	}
	free(path);
	return status;
}

static enum tool_status item_take(struct graph *graph, const struct ths_manifest_item *item)
{
	if (item->kind == THS_MANIFEST_OS) {
		memcpy(graph->os, item->name, sizeof(graph->os));
	} else if (item->kind == THS_MANIFEST_BIND) {
		graph->bindings = tool_grow(graph->bindings,
					    (graph->binding_count + 1) * sizeof(*item));
		graph->bindings[graph->binding_count++] = *item;
	} else if (item->kind == THS_MANIFEST_MODULE) {
		struct module module = {.item = *item};
		enum tool_status status = module_open(graph, &module);

		if (status != TOOL_OK)
			return status;
		graph->modules = tool_grow(graph->modules,
					   (graph->module_count + 1) * sizeof(module));
		graph->modules[graph->module_count++] = module;
	}
	return TOOL_OK;
}

static enum tool_status graph_read(struct graph *graph)
{
	enum tool_status status = TOOL_OK;
	struct ths_manifest manifest;
	struct ths_manifest_item item;

	if (!tool_read(graph->manifest, &graph->text))
		return TOOL_UNREADABLE;
	if (ths_manifest_check(&manifest, graph->text.data, graph->text.size) != THS_OK) {
		tool_warn("%s:%u: %s", graph->manifest, manifest.line, manifest.what);
		return TOOL_REFUSED;
	}
	ths_manifest_init(&manifest, graph->text.data, graph->text.size);
	while (status == TOOL_OK && ths_manifest_next(&manifest, &item) == THS_OK)
		status = item_take(graph, &item);
	return status;
}

/* What @instance provides; ths_manifest_check() has seen that there is one. */
static const char *provided_by(const struct graph *graph, const char *instance)
{
	for (size_t i = 0; i < graph->module_count; i++)
		if (strcmp(graph->modules[i].item.name, instance) == 0)
			return graph->modules[i].provides;
	return "?";
}

/* ---- writing ---------------------------------------------------------------------- */

/* Calls @put with each interface the module uses, and each table it works on. */
static void each_use(const struct module *module, struct tool_text *text,
		     void (*put)(struct tool_text *, const struct module *, const char *, bool))
{
	for (unsigned i = 0; i < THS_USES_MAX; i++) {
		const struct ths_use *use = &module->placed.module->uses[i];
		char *name;

		if (use->iface == NULL)
			continue;
		name = iface_name(&module->placed, use->iface);
		put(text, module, name, use->optional);
		free(name);
	}
}

static void each_table(const struct module *module, struct tool_text *text,
		       void (*put)(struct tool_text *, const struct module *, const char *, bool))
{
	for (unsigned i = 0; i < THS_TABLES_MAX; i++) {
		const char *at = module->placed.module->tables[i].schema;
		const char *schema = at == NULL ? NULL : placed_string(&module->placed, at);

		if (schema != NULL)
			put(text, module, schema, false);
	}
}

/* Modules, interfaces and tables may be of one name; so each is told by its kind. */
static void node(struct tool_text *text, char kind, const char *name)
{
	char *full = tool_print("%c %s", kind, name);

	tool_text_json(text, full);
	free(full);
}

static void node_write(struct tool_text *text, char kind, const char *name, const char *look)
{
	tool_text_add(text, "\t");
	node(text, kind, name);
	tool_text_add(text, " [label=");
	tool_text_json(text, name);
	tool_text_add(text, ", %s]\n", look);
}

static void edge(struct tool_text *text, char from, const char *a, char to, const char *b,
		 const char *look)
{
	tool_text_add(text, "\t");
	node(text, from, a);
	tool_text_add(text, " -> ");
	node(text, to, b);
	tool_text_add(text, "%s\n", look);
}

static void dot_use(struct tool_text *text, const struct module *module, const char *iface,
		    bool optional)
{
	edge(text, 'm', module->item.name, 'i', iface, optional ? " [style=dashed]" : "");
}

static void dot_table(struct tool_text *text, const struct module *module, const char *schema,
		      bool unused)
{
	(void)unused;
	node_write(text, 't', schema, "shape=cylinder");
	edge(text, 'm', module->item.name, 't', schema, " [arrowhead=none]");
}

static void dot_iface(struct tool_text *text, const struct module *module, const char *iface,
		      bool unused)
{
	(void)module, (void)unused;
	node_write(text, 'i', iface, "shape=ellipse");
}

static void dot_write(const struct graph *graph, struct tool_text *text)
{
	tool_text_add(text, "digraph ");
	tool_text_json(text, graph->os);
	tool_text_add(text, " {\n\trankdir=LR\n\tnode [fontname=\"sans-serif\"]\n");
	for (size_t i = 0; i < graph->module_count; i++) {
		const struct module *module = &graph->modules[i];

		node_write(text, 'm', module->item.name, "shape=box");
		dot_iface(text, module, module->provides, false);
		each_use(module, text, dot_iface);
		each_use(module, text, dot_use);
		each_table(module, text, dot_table);
	}
	for (size_t i = 0; i < graph->binding_count; i++) {
		const struct ths_manifest_item *item = &graph->bindings[i];
		char *look = item->as[0] == '\0' ? tool_print(" [style=bold]")
						 : tool_print(" [style=bold, label=\"%s\"]",
							      item->as);

		edge(text, 'i', provided_by(graph, item->id), 'm', item->id, look);
		free(look);
	}
	tool_text_add(text, "}\n");
}

static void json_pair(struct tool_text *text, const char *key, const char *value)
{
	tool_text_add(text, "\"%s\": ", key);
	tool_text_json(text, value);
}

static void json_comma(struct tool_text *text)
{
	char last = text->text[text->size - 1];

	if (last != '[')
		tool_text_add(text, ", ");
}

static void json_use(struct tool_text *text, const struct module *module, const char *iface,
		     bool optional)
{
	(void)module;
	json_comma(text);
	tool_text_add(text, "{");
	json_pair(text, "interface", iface);
	tool_text_add(text, ", \"optional\": %s}", optional ? "true" : "false");
}

static void json_table(struct tool_text *text, const struct module *module, const char *schema,
		       bool unused)
{
	(void)module, (void)unused;
	json_comma(text);
	tool_text_json(text, schema);
}

static void json_write(const struct graph *graph, struct tool_text *text)
{
	tool_text_add(text, "{");
	json_pair(text, "os", graph->os);
	tool_text_add(text, ", \"modules\": [");
	for (size_t i = 0; i < graph->module_count; i++) {
		const struct module *module = &graph->modules[i];

		json_comma(text);
		tool_text_add(text, "{");
		json_pair(text, "name", module->item.name);
		tool_text_add(text, ", ");
		json_pair(text, "provides", module->provides);
		tool_text_add(text, ", \"uses\": [");
		each_use(module, text, json_use);
		tool_text_add(text, "], \"tables\": [");
		each_table(module, text, json_table);
		tool_text_add(text, "]}");
	}
	tool_text_add(text, "], \"bindings\": [");
	for (size_t i = 0; i < graph->binding_count; i++) {
		const struct ths_manifest_item *item = &graph->bindings[i];

		json_comma(text);
		tool_text_add(text, "{");
		json_pair(text, "interface", provided_by(graph, item->id));
		tool_text_add(text, ", ");
		json_pair(text, "as", item->as);
		tool_text_add(text, ", ");
		json_pair(text, "module", item->id);
		tool_text_add(text, "}");
	}
	tool_text_add(text, "]}\n");
}

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

/* ---- command line ----------------------------------------------------------------- */

static void folder_add(struct graph *graph, const char *folder)
{
	graph->folders = tool_grow((void *)(uintptr_t)graph->folders,
				   (graph->folder_count + 1) * sizeof(char *));
	graph->folders[graph->folder_count++] = folder;
}

/* -1: go on; else the status to leave with. */
static int options_read(int argc, char **argv, struct graph *graph)
{
	int found, status;

	while ((found = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (found == OPT_MODULE_DIR)
			folder_add(graph, optarg);
		graph->svg |= found == OPT_SVG;
		graph->json |= found == OPT_JSON;
		status = tool_option(found, usage_text);
		if (status >= 0)
			return status;
	}
	if (graph->svg && graph->json)
		return (int)tool_misused("--svg and --json exclude each other");
	if (argc - optind != 1)
		return (int)tool_misused("one manifest is wanted");
	graph->manifest = argv[optind];
	return -1;
}

static int work(struct graph *graph)
{
	struct tool_text text = {0};
	int status = (int)graph_read(graph);

	if (status == TOOL_OK) {
		(graph->json ? json_write : dot_write)(graph, &text);
		if (graph->svg)
			status = drawn(&text);
		else
			fwrite(text.text, 1, text.size, stdout);
		status = tool_end(status);
	}
	tool_text_free(&text);
	return status;
}

int main(int argc, char **argv)
{
	struct graph graph = {0};
	char *installed;
	int status;

	tool_name = "theseus-graph";
	status = options_read(argc, argv, &graph);
	installed = tool_beside(GRAPH_MODULES_FROM_BIN);
	if (installed != NULL)
		folder_add(&graph, installed);
	if (status < 0)
		status = work(&graph);
	for (size_t i = 0; i < graph.module_count; i++) {
		placed_close(&graph.modules[i].placed);
		free(graph.modules[i].file.data);
		free(graph.modules[i].provides);
	}
	free(graph.modules);
	free(graph.bindings);
	free(graph.text.data);
	free((void *)(uintptr_t)graph.folders);
	free(installed);
	return status;
}

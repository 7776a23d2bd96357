/*
 * manifest - the graph of an OS that does not run: from its manifest, and from the
 * descriptors of the modules it names.
 */
#include <stdlib.h>
#include <string.h>
#include <theseus/manifest.h>
#include <unistd.h>

#include "check/descriptor.h"
#include "graph/graph.h"

struct source {
	struct graph *graph;
	const char *path;
	const char *const *folders;
	size_t folder_count;
};

/* "sched/1"; memory of its own. */
static char *iface_name(const struct placed *placed, const struct ths_iface *at)
{
	const struct ths_iface *iface = placed_data(placed, at, sizeof(*iface), 8);
	const char *name = iface == NULL ? NULL : placed_string(placed, iface->name);

	return name == NULL ? tool_print("?") : tool_print("%s/%u", name, iface->version);
}

static void module_add(struct graph *graph, const char *name, const struct placed *placed)
{
	const struct ths_module *from = placed->module;
	const char *id = placed_string(placed, from->id);
	char *version = tool_print("%u.%u", from->major, from->minor);
	char *provides = iface_name(placed, from->provides.iface);
	struct graph_module *module = graph_add_module(graph, name, id == NULL ? "?" : id,
						       version, provides, NULL);

	free(version);
	free(provides);
	for (unsigned i = 0; i < THS_USES_MAX; i++) {
		char *iface;

		if (from->uses[i].iface == NULL)
			continue;
		iface = iface_name(placed, from->uses[i].iface);
		graph_add_use(module, iface, from->uses[i].optional);
		free(iface);
	}
	for (unsigned i = 0; i < THS_TABLES_MAX; i++) {
		const char *at = from->tables[i].schema;
		const char *schema = at == NULL ? NULL : placed_string(placed, at);

		if (schema != NULL)
			graph_add_table(module, schema);
	}
}

/* The path of the first such file in the folders, in memory of its own; NULL: none. */
static char *module_path(const struct source *source, const char *file)
{
	for (size_t i = 0; i < source->folder_count; i++) {
		char *path = tool_print("%s/%s", source->folders[i], file);

		if (access(path, F_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

static enum tool_status module_read(const struct source *source,
				    const struct ths_manifest_item *item)
{
	char *path = module_path(source, item->file);
	struct ths_reason reason = {""};
	struct tool_file file = {0};
	struct placed placed;
	enum tool_status status = TOOL_OK;

	if (path == NULL) {
		tool_warn("%s:%u: no %s in the module folders: name its own by --module-dir",
			  source->path, item->line, item->file);
		return TOOL_REFUSED;
	}
	if (!tool_read(path, &file)) {
		status = TOOL_UNREADABLE;
	} else if (!placed_open(&placed, &file, PLACED_AS_LOADED, &reason)) {
		tool_warn("%s: %s", path, reason.text);
		status = TOOL_REFUSED;
	} else {
		module_add(source->graph, item->name, &placed);
		placed_close(&placed);
	}
	free(file.data);
	free(path);
	return status;
}

static enum tool_status item_take(const struct source *source,
				  const struct ths_manifest_item *item)
{
	const struct graph_module *module;

	switch ((int)item->kind) {
	case THS_MANIFEST_OS:
		source->graph->os = tool_print("%s", item->name);
		return TOOL_OK;
	case THS_MANIFEST_BIND: /* ths_manifest_check() has seen that its module is there */
		module = graph_find(source->graph, item->id);
		graph_add_binding(source->graph, module == NULL ? "?" : module->provides,
				  item->as, item->id);
		return TOOL_OK;
	case THS_MANIFEST_MODULE:
		return module_read(source, item);
	default:
		return TOOL_OK;
	}
}

static enum tool_status text_read(const struct source *source, const struct tool_file *text)
{
	enum tool_status status = TOOL_OK;
	struct ths_manifest manifest;
	struct ths_manifest_item item;

	if (ths_manifest_check(&manifest, text->data, text->size) != THS_OK) {
		if (manifest.line != 0)
			tool_warn("%s:%u: %s", source->path, manifest.line, manifest.what);
		else
			tool_warn("%s: %s", source->path, manifest.what);
		return TOOL_REFUSED;
	}
	ths_manifest_init(&manifest, text->data, text->size);
	while (status == TOOL_OK && ths_manifest_next(&manifest, &item) == THS_OK)
		status = item_take(source, &item);
	return status;
}

enum tool_status graph_read_manifest(struct graph *graph, const char *path,
				     const char *const *folders, size_t folder_count)
{
	struct source source = {graph, path, folders, folder_count};
	struct tool_file text;
	enum tool_status status;

	if (!tool_read(path, &text))
		return TOOL_UNREADABLE;
	status = text_read(&source, &text);
	free(text.data);
	return status;
}

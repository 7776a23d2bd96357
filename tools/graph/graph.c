/*
 * graph - see graph.h.
 */
#include "graph/graph.h"

#include <stdlib.h>
#include <string.h>

struct graph_module *graph_add_module(struct graph *graph, const char *name, const char *id,
				      const char *version, const char *provides,
				      const char *state)
{
	struct graph_module *module;

	graph->modules =
		tool_grow(graph->modules, (graph->module_count + 1) * sizeof(*module));
	module = &graph->modules[graph->module_count++];
	*module = (struct graph_module){.name = tool_print("%s", name),
					.id = tool_print("%s", id),
					.version = tool_print("%s", version),
					.provides = tool_print("%s", provides),
					.state = state ? tool_print("%s", state) : NULL};
	return module;
}

void graph_add_use(struct graph_module *module, const char *iface, bool optional)
{
	module->uses =
		tool_grow(module->uses, (module->use_count + 1) * sizeof(*module->uses));
	module->uses[module->use_count++] =
		(struct graph_use){tool_print("%s", iface), optional};
}

void graph_add_table(struct graph_module *module, const char *schema)
{
	module->tables =
		tool_grow(module->tables, (module->table_count + 1) * sizeof(char *));
	module->tables[module->table_count++] = tool_print("%s", schema);
}

void graph_add_binding(struct graph *graph, const char *iface, const char *as,
		       const char *module)
{
	graph->bindings = tool_grow(graph->bindings,
				    (graph->binding_count + 1) * sizeof(*graph->bindings));
	graph->bindings[graph->binding_count++] =
		(struct graph_binding){tool_print("%s", iface), tool_print("%s", as),
				       module ? tool_print("%s", module) : NULL};
}

struct graph_module *graph_find(const struct graph *graph, const char *name)
{
	for (size_t i = 0; i < graph->module_count; i++)
		if (strcmp(graph->modules[i].name, name) == 0)
			return &graph->modules[i];
	return NULL;
}

static void module_free(struct graph_module *module)
{
	for (size_t i = 0; i < module->use_count; i++)
		free(module->uses[i].iface);
	for (size_t i = 0; i < module->table_count; i++)
		free(module->tables[i]);
	free(module->uses);
	free(module->tables);
	free(module->name);
	free(module->id);
	free(module->version);
	free(module->provides);
	free(module->state);
}

void graph_free(struct graph *graph)
{
	for (size_t i = 0; i < graph->module_count; i++)
		module_free(&graph->modules[i]);
	for (size_t i = 0; i < graph->binding_count; i++) {
		free(graph->bindings[i].iface);
		free(graph->bindings[i].as);
		free(graph->bindings[i].module);
	}
	free(graph->modules);
	free(graph->bindings);
	free(graph->os);
	*graph = (struct graph){0};
}

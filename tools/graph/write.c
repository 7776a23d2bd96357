/*
 * write - the graph as text for graphviz, and as JSON.
 *
 * Of a system that runs, a module that does not serve is drawn dotted, and one on
 * probation dashed.
 */
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

/* ---- graphviz ------------------------------------------------------------------------- */

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

static const char *state_look(const char *state)
{
	if (state == NULL || strcmp(state, "bound") == 0)
		return "";
	return strcmp(state, "PROBATION") == 0 ? ", style=dashed" : ", style=dotted";
}

/* A box of two lines: its name, and its version. */
static void module_node(struct tool_text *text, const struct graph_module *module)
{
	tool_text_add(text, "\t");
	node(text, 'm', module->name);
	tool_text_add(text, " [label=");
	tool_text_json(text, module->name);
	tool_text_add(text, "+\"\\n\"+");
	tool_text_json(text, module->version);
	tool_text_add(text, ", shape=box%s]\n", state_look(module->state));
}

static void module_write(struct tool_text *text, const struct graph_module *module)
{
	module_node(text, module);
	node_write(text, 'i', module->provides, "shape=ellipse");
	for (size_t i = 0; i < module->use_count; i++) {
		const struct graph_use *use = &module->uses[i];

		node_write(text, 'i', use->iface, "shape=ellipse");
		edge(text, 'm', module->name, 'i', use->iface,
		     use->optional ? " [style=dashed]" : "");
	}
	for (size_t i = 0; i < module->table_count; i++) {
		node_write(text, 't', module->tables[i], "shape=cylinder");
		edge(text, 'm', module->name, 't', module->tables[i], " [arrowhead=none]");
	}
}

static void binding_write(struct tool_text *text, const struct graph_binding *binding)
{
	if (binding->module == NULL) {
		node_write(text, 'i', binding->iface, "shape=ellipse, style=dotted");
		return;
	}
	tool_text_add(text, "\t");
	node(text, 'i', binding->iface);
	tool_text_add(text, " -> ");
	node(text, 'm', binding->module);
	tool_text_add(text, " [style=bold");
	if (binding->as[0] != '\0') {
		tool_text_add(text, ", label=");
		tool_text_json(text, binding->as);
	}
	tool_text_add(text, "]\n");
}

void graph_write_dot(const struct graph *graph, struct tool_text *text)
{
	tool_text_add(text, "digraph ");
	tool_text_json(text, graph->os);
	tool_text_add(text, " {\n\trankdir=LR\n\tnode [fontname=\"sans-serif\"]\n");
	for (size_t i = 0; i < graph->module_count; i++)
		module_write(text, &graph->modules[i]);
	for (size_t i = 0; i < graph->binding_count; i++)
		binding_write(text, &graph->bindings[i]);
	tool_text_add(text, "}\n");
}

/* ---- JSON ----------------------------------------------------------------------------- */

/* @value NULL: the pair is left out. */
static void json_pair(struct tool_text *text, const char *before, const char *key,
		      const char *value)
{
	if (value == NULL)
		return;
	tool_text_add(text, "%s\"%s\": ", before, key);
	tool_text_json(text, value);
}

static void json_module(struct tool_text *text, const struct graph_module *module)
{
	json_pair(text, "{", "name", module->name);
	json_pair(text, ", ", "id", module->id);
	json_pair(text, ", ", "version", module->version);
	json_pair(text, ", ", "provides", module->provides);
	json_pair(text, ", ", "state", module->state);
	tool_text_add(text, ", \"uses\": [");
	for (size_t i = 0; i < module->use_count; i++) {
		json_pair(text, i == 0 ? "{" : ", {", "interface", module->uses[i].iface);
		tool_text_add(text, ", \"optional\": %s}",
			      module->uses[i].optional ? "true" : "false");
	}
	tool_text_add(text, "], \"tables\": [");
	for (size_t i = 0; i < module->table_count; i++) {
		tool_text_add(text, i == 0 ? "" : ", ");
		tool_text_json(text, module->tables[i]);
	}
	tool_text_add(text, "]}");
}

void graph_write_json(const struct graph *graph, struct tool_text *text)
{
	json_pair(text, "{", "os", graph->os);
	tool_text_add(text, ", \"modules\": [");
	for (size_t i = 0; i < graph->module_count; i++) {
		tool_text_add(text, i == 0 ? "" : ", ");
		json_module(text, &graph->modules[i]);
	}
	tool_text_add(text, "], \"bindings\": [");
	for (size_t i = 0; i < graph->binding_count; i++) {
		const struct graph_binding *binding = &graph->bindings[i];

		json_pair(text, i == 0 ? "{" : ", {", "interface", binding->iface);
		json_pair(text, ", ", "as", binding->as);
		json_pair(text, ", ", "module", binding->module);
		tool_text_add(text, "}");
	}
	tool_text_add(text, "]}\n");
}

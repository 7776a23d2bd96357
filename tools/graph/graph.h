/*
 * graph - what an OS is made of, whoever told it, and the forms it is written in.
 *
 *	graph.c     the graph itself, grown by its readers
 *	manifest.c  read from a manifest and the module files it names: before it runs
 *	log.c       read from what the console's command `graph` printed: while it runs
 *	write.c     as text for graphviz, and as JSON
 *
 * Invariants
 *   G1  All strings are the graph's own.
 *   G2  Each binding names a module of the graph, or none.
 *   G3  What is written follows the order of what was read: the same input, the same text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "check/tool.h"

struct graph_use {
	char *iface; /* "clock/1" */
	bool optional;
};

struct graph_module {
	char *name;     /* of the instance */
	char *id;       /* of the module */
	char *version;  /* "1.0" */
	char *provides; /* "sched/1" */
	char *state;    /* "bound"; NULL: read from a manifest */
	struct graph_use *uses;
	size_t use_count;
	char **tables; /* "sched.queue/1" */
	size_t table_count;
};

struct graph_binding {
	char *iface;
	char *as;     /* the name of the binding; "" for the usual one */
	char *module; /* NULL: nobody serves */
};

struct graph { /* all zero is empty */
	char *os;
	struct graph_module *modules;
	size_t module_count;
	struct graph_binding *bindings;
	size_t binding_count;
};

/* Each copies what it is given. The module that is returned is valid until the next is
 * added. */
struct graph_module *graph_add_module(struct graph *graph, const char *name, const char *id,
				      const char *version, const char *provides,
				      const char *state);
void graph_add_use(struct graph_module *module, const char *iface, bool optional);
void graph_add_table(struct graph_module *module, const char *schema);
void graph_add_binding(struct graph *graph, const char *iface, const char *as,
		       const char *module);
/* NULL: there is none of that name. */
struct graph_module *graph_find(const struct graph *graph, const char *name);
void graph_free(struct graph *graph);

/* Modules are looked for in the folders, first found wins. With a message on failure. */
enum tool_status graph_read_manifest(struct graph *graph, const char *path,
				     const char *const *folders, size_t folder_count);
/* The last graph in the log that has its end. */
enum tool_status graph_read_log(struct graph *graph, const char *path);

void graph_write_dot(const struct graph *graph, struct tool_text *text);
void graph_write_json(const struct graph *graph, struct tool_text *text);

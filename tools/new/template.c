/*
 * template - see template.h.
 *
 * One pass over the lines. Nested directives are met by a stack of what is open; @each
 * expands its body, found by counting, once for each item.
 */
#include "new/template.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NESTING_MAX 8u

struct source {
	const char *path;
	const char *at, *end;
	unsigned line;
};

struct line {
	const char *text;
	size_t size; /* with its newline */
	unsigned number;
};

enum directive { NONE, IF, ELSE, EACH, END, BROKEN };

void variables_set(struct variables *variables, const char *name, const char *fmt, ...)
{
	struct variable *variable = &variables->variable[variables->count++];
	va_list args;

	if (variables->count > VARIABLES_MAX)
		abort();
	va_start(args, fmt);
	variable->name = name;
	if (vasprintf(&variable->value, fmt, args) < 0)
		variable->value = tool_alloc(1);
	va_end(args);
}

const char *variables_get(const struct variables *variables, const char *name)
{
	for (unsigned i = variables->count; i-- > 0;)
		if (strcmp(variables->variable[i].name, name) == 0)
			return variables->variable[i].value;
	return NULL;
}

void variables_free(struct variables *variables)
{
	for (unsigned i = 0; i < variables->count; i++)
		free(variables->variable[i].value);
	for (unsigned i = 0; i < variables->item_count; i++)
		variables_free(&variables->items[i]);
	free(variables->items);
	*variables = (struct variables){0};
}

/* ---- lines ------------------------------------------------------------------------ */

static bool line_next(struct source *source, struct line *line)
{
	const char *newline;

	if (source->at == source->end)
		return false;
	newline = memchr(source->at, '\n', (size_t)(source->end - source->at));
	line->text = source->at;
	line->size = newline ? (size_t)(newline + 1 - source->at)
			     : (size_t)(source->end - source->at);
	line->number = ++source->line;
	source->at += line->size;
	return true;
}

static bool wrong(const struct source *source, unsigned line, const char *what,
		  const char *word)
{
	tool_warn("%s:%u: %s%s", source->path, line, what, word);
	return false;
}

/* What the line directs, and the word it names, copied to @word. */
static enum directive directive_of(const struct line *line, char word[64])
{
	static const struct {
		const char *text;
		enum directive directive;
		bool named;
	} known[] = {{"@if ", IF, true},
		     {"@each ", EACH, true},
		     {"@else\n", ELSE, false},
		     {"@end\n", END, false}};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		size_t length = strlen(known[i].text);

		if (line->size < length || memcmp(line->text, known[i].text, length) != 0)
			continue;
		if (known[i].named &&
		    (line->size - length < 2 || line->size - length > 63 ||
		     line->text[line->size - 1] != '\n'))
			return BROKEN;
		word[0] = '\0';
		if (known[i].named)
			snprintf(word, 64, "%.*s", (int)(line->size - length - 1),
				 line->text + length);
		return known[i].directive;
	}
	return NONE;
}

/* ---- expanding -------------------------------------------------------------------- */

static bool expand_line(const struct source *source, const struct line *line,
			const struct variables *inner, const struct variables *outer,
			struct tool_text *out)
{
	const char *at = line->text, *end = line->text + line->size;

	while (at < end) {
		const char *open = memmem(at, (size_t)(end - at), "@{", 2), *close;
		const char *value;
		char name[64];

		if (!open) {
			tool_text_bytes(out, at, (size_t)(end - at));
			return true;
		}
		tool_text_bytes(out, at, (size_t)(open - at));
		close = memchr(open, '}', (size_t)(end - open));
		if (!close || close - open - 2 >= (ptrdiff_t)sizeof(name))
			return wrong(source, line->number, "'@{' without its '}'", "");
		snprintf(name, sizeof(name), "%.*s", (int)(close - open - 2), open + 2);
		value = inner ? variables_get(inner, name) : NULL;
		if (!value)
			value = variables_get(outer, name);
		if (!value)
			return wrong(source, line->number, "no such variable: ", name);
		tool_text_bytes(out, value, strlen(value));
		at = close + 1;
	}
	return true;
}

static bool expand(struct source *source, const struct variables *inner,
		   const struct variables *outer, struct tool_text *out);

/* From the line after @each to before its @end, which is passed. */
static bool body_find(struct source *source, unsigned from, struct source *body)
{
	unsigned open = 1;
	struct line line;
	char word[64];

	*body = *source;
	while (line_next(source, &line)) {
		enum directive directive = directive_of(&line, word);

		open += directive == IF || directive == EACH;
		open -= directive == END;
		if (open == 0) {
			body->end = line.text;
			return true;
		}
	}
	return wrong(source, from, "no @end for this", "");
}

static bool expand_each(struct source *source, unsigned from, const char *list,
			const struct variables *variables, bool keep,
			struct tool_text *out)
{
	struct source body;

	if (!body_find(source, from, &body))
		return false;
	if (strcmp(list, "op") != 0)
		return wrong(source, from, "no such list: ", list);
	for (unsigned i = 0; keep && i < variables->item_count; i++) {
		struct source again = body;

		if (!expand(&again, &variables->items[i], variables, out))
			return false;
	}
	return true;
}

static bool holds(const char *word, const struct variables *inner,
		  const struct variables *outer)
{
	bool inverted = word[0] == '!';
	const char *name = word + inverted;

	return inverted != ((inner && variables_get(inner, name)) ||
			    variables_get(outer, name));
}

static bool expand(struct source *source, const struct variables *inner,
		   const struct variables *outer, struct tool_text *out)
{
	struct {
		bool keep, turned;
		unsigned line;
	} open[NESTING_MAX + 1] = {{true, false, 0}};
	unsigned depth = 0;
	struct line line;
	char word[64];

	while (line_next(source, &line)) {
		bool keep = open[depth].keep;

		switch (directive_of(&line, word)) {
		case NONE:
			if (keep && !expand_line(source, &line, inner, outer, out))
				return false;
			break;
		case IF:
			if (depth == NESTING_MAX)
				return wrong(source, line.number, "nested too deeply", "");
			depth++;
			open[depth].keep = keep && holds(word, inner, outer);
			open[depth].turned = false;
			open[depth].line = line.number;
			break;
		case ELSE:
			if (depth == 0 || open[depth].turned)
				return wrong(source, line.number, "no @if for this @else",
					     "");
			open[depth].turned = true;
			open[depth].keep = open[depth - 1].keep && !keep;
			break;
		case END:
			if (depth == 0)
				return wrong(source, line.number, "no @if for this @end",
					     "");
			depth--;
			break;
		case EACH:
			if (!expand_each(source, line.number, word, outer, keep, out))
				return false;
			break;
		case BROKEN:
			return wrong(source, line.number, "a directive without a name",
				     "");
		}
	}
	return depth == 0 || wrong(source, open[depth].line, "no @end for this", "");
}

bool template_expand(const char *path, const char *text, size_t size,
		     const struct variables *variables, struct tool_text *out)
{
	struct source source = {path, text, text + size, 0};

	return expand(&source, NULL, variables, out);
}

/*
 * operations - see operations.h.
 */
#include "new/operations.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 4u

/* Comments and the line ends of macros become blanks: what is left has the same places. */
static void blank(char *text)
{
	for (char *at = text; *at != '\0'; at++) {
		char *end = NULL;

		if (at[0] == '/' && at[1] == '*')
			end = strstr(at + 2, "*/");
		else if (at[0] == '/' && at[1] == '/')
			end = strchr(at, '\n');
		else if (at[0] == '\\' && at[1] == '\n')
			at[0] = at[1] = ' ';
		if (!end)
			continue;
		end += at[1] == '*' ? 2 : 0;
		while (at < end)
			*at++ = ' ';
		at--;
	}
}

/* The words between "@call(" and its ")", at commas; how many. The text is cut up. */
static unsigned words_of(char *arguments, char *word[WORDS], char **after)
{
	char *end = strchr(arguments, ')');
	unsigned count = 0;

	if (!end)
		return 0;
	*end = '\0';
	*after = end + 1;
	for (char *at = strtok(arguments, ","); at && count < WORDS;
	     at = strtok(NULL, ",")) {
		char *last;

		while (isspace((unsigned char)*at))
			at++;
		last = at + strlen(at);
		while (last > at && isspace((unsigned char)last[-1]))
			*--last = '\0';
		word[count++] = at;
	}
	return count;
}

static char *upper_of(const char *name)
{
	char *upper = tool_print("%s", name);

	for (char *at = upper; *at != '\0'; at++)
		*at = (char)toupper((unsigned char)*at);
	return upper;
}

void operation_add(struct variables *variables, const char *iface, const char *op,
		   const char *args, const char *flags)
{
	struct variables *item;
	char *upper = upper_of(op);

	variables->items = tool_grow(variables->items, (variables->item_count + 1) *
							       sizeof(*variables->items));
	if (variables->item_count)
		variables_set(&variables->items[variables->item_count - 1], "more", "1");
	item = &variables->items[variables->item_count++];
	*item = (struct variables){0};
	variables_set(item, "op", "%s", op);
	variables_set(item, "OP", "%s", upper);
	variables_set(item, "args", "%s", args);
	variables_set(item, "flags", "%s", flags);
	variables_set(item, "op_iface", "%s", iface);
	variables_set(item, "op_number", "%u", variables->item_count);
	if (strstr(flags, "THS_OP_DEVICE"))
		variables_set(item, "device", "1");
	if (strstr(flags, "THS_OP_BLOB"))
		variables_set(item, "with_blob", "1");
	free(upper);
}

/* The version that THS_INTERFACE(@name, ...) gives, 0: there is none. Before words_of()
 * cuts the text up. */
static unsigned version_in(const char *text, const char *name)
{
	for (const char *at = text; (at = strstr(at, "THS_INTERFACE(")) != NULL; at++) {
		char found[64];
		unsigned version;

		if (sscanf(at, "THS_INTERFACE( %63[a-zA-Z0-9_] , %u", found, &version) == 2 &&
		    strcmp(found, name) == 0)
			return version;
	}
	return 0;
}

static bool list_read(const char *path, char *text, const char *name,
		      struct variables *variables)
{
	char *upper = upper_of(name), *define = tool_print("#define %s_OPS(OP)", upper);
	char *at = strstr(text, define), *end = at ? strchr(at, '\n') : NULL;

	if (!at)
		tool_warn("%s: no '%s'", path, define);
	else
		at += strlen(define);
	if (end)
		*end = '\0';
	free(upper);
	free(define);
	while (at && (at = strstr(at, "OP(")) != NULL) {
		char *word[WORDS];

		if (words_of(at + 3, word, &at) != WORDS || strcmp(word[0], name) != 0) {
			tool_warn("%s: an operation that is not OP(%s, name, type, flags)",
				  path, name);
			return false;
		}
		if (variables->item_count == ITEMS_MAX) {
			tool_warn("%s: more than %u operations", path, ITEMS_MAX);
			return false;
		}
		operation_add(variables, name, word[1], word[2], word[3]);
	}
	return variables->item_count > 0;
}

bool operations_read(const char *path, const char *name, unsigned version,
		     struct variables *variables)
{
	struct tool_file file;
	unsigned declared;
	char *text;
	bool read;

	if (!tool_read(path, &file))
		return false;
	text = tool_print("%.*s", (int)file.size, (const char *)file.data);
	free(file.data);
	blank(text);
	declared = version_in(text, name);
	if (declared == 0)
		tool_warn("%s: no THS_INTERFACE(%s, ...)", path, name);
	else if (declared != version)
		tool_warn("%s: declares %s in version %u, not %u", path, name, declared,
			  version);
	read = declared == version && list_read(path, text, name, variables);
	free(text);
	return read;
}

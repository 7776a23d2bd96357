/*
 * kind - see kind.h.
 */
#include "new/kind.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 24u

/* A folder that is being made. */
struct making {
	const char *into;
	char *beside;            /* where it is written until it is whole */
	char *made[FILES_MAX];   /* files that are there by now */
	unsigned count;
};

/* ---- reading ---------------------------------------------------------------------- */

bool kind_read(const char *templates, const char *kind, struct tool_file *about)
{
	char *path = tool_print("%s/%s/about", templates, kind);
	bool there = access(path, R_OK) == 0;

	if (!there)
		tool_warn("%s: no such kind: --list tells those there are", kind);
	there = there && tool_read(path, about);
	free(path);
	return there;
}

/* The next line at *@at that begins with @word and a blank: what comes after these, copied.
 * NULL: there is none. */
static char *line_after(const char **at, const char *end, const char *word)
{
	size_t length = strlen(word);

	while (*at < end) {
		const char *line = *at;
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *stop = newline ? newline : end;

		*at = newline ? newline + 1 : end;
		if ((size_t)(stop - line) > length && line[length] == ' ' &&
		    memcmp(line, word, length) == 0)
			return tool_print("%.*s", (int)(stop - line - (ptrdiff_t)length - 1),
					  line + length + 1);
	}
	return NULL;
}

static int is_kind(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && strcmp(entry->d_name, "common") != 0;
}

bool kinds_list(const char *templates)
{
	struct dirent **entries;
	int count = scandir(templates, &entries, is_kind, alphasort);
	bool read = count >= 0;

	if (!read)
		tool_warn("%s: %s", templates, strerror(errno));
	for (int i = 0; i < count; i++) {
		struct tool_file about = {0};

		if (read && (read = kind_read(templates, entries[i]->d_name, &about))) {
			const char *at = (const char *)about.data;
			char *text = line_after(&at, at + about.size, "#");

			printf("%-10s %s\n", entries[i]->d_name, text ? text : "");
			free(text);
		}
		free(about.data);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return read;
}

bool kind_takes(const struct tool_file *about, const char *word)
{
	const char *at = (const char *)about->data;
	char *words = line_after(&at, at + about->size, "takes");
	bool takes = false;

	for (char *each = words ? strtok(words, " ") : NULL; each;
	     each = strtok(NULL, " "))
		takes |= strcmp(each, word) == 0;
	free(words);
	return takes;
}

/* ---- making ----------------------------------------------------------------------- */

static bool file_make(struct making *making, const char *from, const char *to,
		      const struct variables *variables)
{
	struct tool_text text = {0};
	struct tool_file template;
	char *path;
	bool made;

	if (making->count == FILES_MAX) {
		tool_warn("%s: more than %u files", from, FILES_MAX);
		return false;
	}
	if (!tool_read(from, &template))
		return false;
	path = tool_print("%s/%s", making->beside, to);
	made = template_expand(from, (const char *)template.data, template.size, variables,
			       &text) &&
	       tool_write(path, text.text ? text.text : "", text.size);
	if (made)
		making->made[making->count++] = path;
	else
		free(path);
	tool_text_free(&text);
	free(template.data);
	return made;
}

static bool files_make(struct making *making, const char *folder,
		       const struct tool_text *about, const struct variables *variables)
{
	const char *at = about->text, *end = at + about->size;
	bool made = true;
	char *line;

	while (made && (line = line_after(&at, end, "file")) != NULL) {
		char *blank = strchr(line, ' '), *from;

		if (blank)
			*blank = '\0';
		from = tool_print("%s/%s", folder, line);
		made = blank && file_make(making, from, blank + 1, variables);
		if (!blank)
			tool_warn("%s/about: 'file %s' has no second name", folder, line);
		free(from);
		free(line);
	}
	return made;
}

/* K1: with all its files or not at all. */
static enum tool_status put_in_place(struct making *making)
{
	mode_t mask = umask(0);

	umask(mask);
	if (chmod(making->beside, 0777 & ~mask) != 0 ||
	    renameat2(AT_FDCWD, making->beside, AT_FDCWD, making->into,
		      RENAME_NOREPLACE) != 0) {
		bool there = errno == EEXIST;

		tool_warn("%s: %s", making->into,
			  there ? "is there already, and left as it is" : strerror(errno));
		return there ? TOOL_REFUSED : TOOL_UNREADABLE;
	}
	return TOOL_OK;
}

static enum tool_status folder_make(const char *folder, const char *into,
				    const struct tool_text *about,
				    const struct variables *variables)
{
	struct making making = {.into = into, .beside = tool_print("%s.XXXXXX", into)};
	enum tool_status status = TOOL_UNREADABLE;
	sigset_t before;

	tool_signals_hold(&before);
	if (!mkdtemp(making.beside)) {
		tool_warn("%s: %s", into, strerror(errno));
	} else {
		if (files_make(&making, folder, about, variables))
			status = put_in_place(&making);
		if (status != TOOL_OK) {
			for (unsigned i = 0; i < making.count; i++)
				(void)!unlink(making.made[i]);
			(void)!rmdir(making.beside);
		}
	}
	tool_signals_take(&before);
	for (unsigned i = 0; i < making.count; i++)
		free(making.made[i]);
	free(making.beside);
	return status;
}

static void next_print(const char *into, const struct tool_text *about)
{
	const char *at = about->text, *end = at + about->size;
	char *line;

	printf("%s is made. Next:\n", into);
	while ((line = line_after(&at, end, "next")) != NULL) {
		printf("\t%s\n", line);
		free(line);
	}
}

enum tool_status kind_make(const char *templates, const char *kind, const char *into,
			   const struct variables *variables, bool quiet)
{
	char *folder = tool_print("%s/%s", templates, kind);
	char *path = tool_print("%s/about", folder);
	enum tool_status status = TOOL_UNREADABLE;
	struct tool_text about = {0};
	struct tool_file file;

	if (tool_read(path, &file)) {
		if (template_expand(path, (const char *)file.data, file.size, variables,
				    &about))
			status = folder_make(folder, into, &about, variables);
		free(file.data);
	}
	if (status == TOOL_OK && !quiet)
		next_print(into, &about);
	tool_text_free(&about);
	free(path);
	free(folder);
	return status;
}

/*
 * evolution - evolution files for the archive, and the modules that come with them.
 *
 * A file is read as the kernel reads it. Whoever comes is found and judged like a module of
 * the manifest, but by itself only: whether a set fits is asked of what serves then.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <theseus/evolve.h>
#include <theseus/manifest.h>

#include "check/check.h"
#include "image.h"

static bool has_entry(const struct image_contents *contents, const char *name)
{
	for (size_t i = 0; i < contents->count; i++)
		if (strcmp(contents->entries[i].name, name) == 0)
			return true;
	return false;
}

static void refuse_line(const char *path, const struct ths_evolve_item *item,
			const char *id, const char *rule, const char *text)
{
	tool_progress_end();
	fprintf(stderr, "%s:%u: module %s: %s%s%s\n", path, item->line, id, rule,
		rule[0] ? ": " : "", text);
}

static bool judge(const struct image_options *options, const char *path,
		  const struct ths_evolve_item *item, const char *id,
		  const struct tool_file *file)
{
	struct check_result result;
	bool good = check_file(file, id, &result);

	for (size_t i = 0; i < result.findings.count; i++) {
		const struct finding *finding = &result.findings.list[i];

		if (image_overlooks(options, id, path, finding))
			continue;
		good = false;
		refuse_line(path, item, id, finding->rule, finding->text);
	}
	check_free(&result);
	return good;
}

static bool add_module(const struct image_options *options, const char *path,
		       const struct ths_evolve_item *item, const char *id,
		       struct image_contents *contents)
{
	char *name = tool_print("%s.tmod", id);
	char *found = NULL;
	struct tool_file file = {0};
	bool good = true;

	if (!has_entry(contents, name)) {
		found = image_module_find(options, name);
		if (found == NULL)
			refuse_line(path, item, id, "", "in no module folder");
		good = found != NULL && tool_read(found, &file) &&
		       judge(options, path, item, id, &file);
		if (good)
			contents_add(contents, name, file.data, file.size);
	}
	free(file.data);
	free(found);
	free(name);
	return good;
}

static bool add_modules(const struct image_options *options, const char *path,
			const struct tool_file *text, struct image_contents *contents)
{
	struct ths_evolve_item item[THS_EVOLVE_ITEMS];
	struct ths_reason reason;
	unsigned count;
	bool good = true;

	if (ths_evolve_read((const char *)text->data, text->size, item, &count, &reason)) {
		tool_progress_end();
		if (strncmp(reason.text, "line ", 5) == 0)
			fprintf(stderr, "%s:%s\n", path, reason.text + 5);
		else
			fprintf(stderr, "%s: %s\n", path, reason.text);
		return false;
	}
	for (unsigned i = 0; i < count; i++) {
		if (item[i].kind == THS_EVOLVE_MODULE)
			good &= add_module(options, path, &item[i], item[i].word[0], contents);
		if (item[i].kind == THS_EVOLVE_REPLACE)
			good &= add_module(options, path, &item[i], item[i].word[1], contents);
	}
	return good;
}

static enum tool_status add(const struct image_options *options, const char *path,
			    struct image_contents *contents)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	struct tool_file text;
	enum tool_status status = TOOL_REFUSED;

	if (!tool_read(path, &text))
		return TOOL_UNREADABLE;
	if (strlen(name) > THS_MANIFEST_FILE_MAX || has_entry(contents, name)) {
		tool_progress_end();
		fprintf(stderr, "%s: its name is too long, or there is such a file\n", path);
	} else if (add_modules(options, path, &text, contents)) {
		contents_add(contents, name, text.data, text.size);
		status = TOOL_OK;
	}
	free(text.data);
	return status;
}

enum tool_status evolutions_add(const struct image_options *options,
				struct image_contents *contents)
{
	enum tool_status status = TOOL_OK;

	for (size_t i = 0; i < options->evolution_count && status != TOOL_UNREADABLE; i++) {
		enum tool_status one = add(options, options->evolutions[i], contents);

		status = one == TOOL_OK ? status : one;
	}
	return status;
}

/*
 * modules - see modules.h.
 *
 * FOLDER/ID.tmod has the digest; its debug information is FOLDER/ID.tmod.debug, or, as
 * installed, FOLDER/../debug/ID.tmod.debug.
 */
#include "modules.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/object.h"
#include "check/tool.h"

static const struct object_section *section_of(const struct object *object, const char *name)
{
	for (size_t i = 1; i < object->section_count; i++)
		if (strcmp(object->sections[i].name, name) == 0 &&
		    object->sections[i].data != NULL)
			return &object->sections[i];
	return NULL;
}

struct opened {
	struct tool_file file;
	Elf *elf;
	struct object object;
};

static bool opened_read(struct opened *opened, const char *path)
{
	if (!tool_read(path, &opened->file))
		return false;
	opened->elf = elf_memory((char *)opened->file.data, opened->file.size);
	if (object_open(&opened->object, opened->elf) == NULL)
		return true;
	elf_end(opened->elf);
	free(opened->file.data);
	return false;
}

static void opened_close(struct opened *opened)
{
	object_close(&opened->object);
	elf_end(opened->elf);
	free(opened->file.data);
}

static void add(struct modules *modules, char *path)
{
	struct module_file *file;
	struct opened opened;

	modules->list = tool_grow(modules->list, (modules->count + 1) * sizeof(*modules->list));
	file = &modules->list[modules->count++];
	*file = (struct module_file){.path = path};
	if (opened_read(&opened, path)) {
		const struct object_section *digest = section_of(&opened.object, ".ths.digest");

		if (digest != NULL && digest->header.sh_size >= 4)
			(void)snprintf(file->digest, sizeof(file->digest), "%02x%02x%02x%02x",
				       digest->data[0], digest->data[1], digest->data[2],
				       digest->data[3]);
		opened_close(&opened);
	}
}

static int is_module(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 5 && strcmp(entry->d_name + length - 5, ".tmod") == 0;
}

static void scan(struct modules *modules)
{
	elf_version(EV_CURRENT);
	for (size_t i = 0; i < modules->folder_count; i++) {
		struct dirent **names;
		int count = scandir(modules->folders[i], &names, is_module, alphasort);

		for (int k = 0; k < count; k++) {
			add(modules,
			    tool_print("%s/%s", modules->folders[i], names[k]->d_name));
			free(names[k]);
		}
		if (count >= 0)
			free(names);
	}
	modules->scanned = true;
}

static char *debug_of(const char *path)
{
	char *beside = tool_print("%s.debug", path), *installed;
	const char *slash = strrchr(path, '/');

	if (access(beside, R_OK) == 0 || slash == NULL)
		return beside;
	installed = tool_print("%.*s/../debug%s.debug", (int)(slash - path), path, slash);
	if (access(installed, R_OK) == 0) {
		free(beside);
		return installed;
	}
	free(installed);
	return beside;
}

/* M2 */
static bool is_same_code(struct module_file *file, const char *debug)
{
	const struct object_section *a, *b;
	struct opened module, other;
	bool same = false;

	if (!opened_read(&module, file->path))
		return false;
	if (opened_read(&other, debug)) {
		a = section_of(&module.object, ".text");
		b = section_of(&other.object, ".text");
		same = a != NULL && b != NULL && a->header.sh_size == b->header.sh_size &&
		       memcmp(a->data, b->data, a->header.sh_size) == 0;
		file->text_size = a == NULL ? 0 : a->header.sh_size;
		opened_close(&other);
	}
	opened_close(&module);
	return same;
}

static const char *open_lines(struct module_file *file)
{
	char *debug = debug_of(file->path);
	const char *why = NULL;

	if (access(debug, R_OK) != 0)
		why = "has no .tmod.debug beside it, nor in ../debug";
	else if (!is_same_code(file, debug) || !lines_open(&file->lines, debug))
		why = "has a .tmod.debug that is not of the same build";
	file->state = why == NULL ? MODULE_OPEN : MODULE_REFUSED;
	free(debug);
	return why;
}

const struct module_file *modules_find(struct modules *modules, const char *digest,
				       const char **why)
{
	*why = "is in none of the folders: name its own by --module-dir";
	if (!modules->scanned)
		scan(modules);
	for (size_t i = 0; i < modules->count; i++) {
		struct module_file *file = &modules->list[i];
		const char *wrong = NULL;

		if (strcmp(file->digest, digest) != 0 || file->state == MODULE_REFUSED)
			continue;
		if (file->state == MODULE_OPEN || (wrong = open_lines(file)) == NULL)
			return file;
		*why = wrong;
	}
	return NULL;
}

void modules_free(struct modules *modules)
{
	for (size_t i = 0; i < modules->count; i++) {
		if (modules->list[i].state == MODULE_OPEN)
			lines_close(&modules->list[i].lines);
		free(modules->list[i].path);
	}
	free(modules->list);
	modules->list = NULL;
	modules->count = 0;
}

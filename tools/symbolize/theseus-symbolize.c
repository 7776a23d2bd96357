/*
 * theseus-symbolize - says of each address in a log which source line it stands for.
 *
 * The log is passed on as it comes, line by line, and behind each line stands what its
 * addresses are. A module's place bears offset and digest, so it is resolved by itself,
 * whatever was swapped before or after; a kernel's is believed only where the kernel named
 * has that function there. An address of which the log says nothing, such as a register's,
 * is the kernel's, or of the module that was last seen around it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include "check/tool.h"
#include "symbolize/lines.h"
#include "symbolize/modules.h"
#include "symbolize/place.h"

static const char usage_text[] =
	"usage: theseus-symbolize [OPTION...] [LOG]\n"
	"\n"
	"Passes a log on, from a file or from standard input, with a line behind each that\n"
	"has addresses of code: which function and which source line they are.\n"
	"\n"
	"  --kernel FILE      the kernel, with its debug information\n"
	"  --module-dir DIR   look for modules here; may be given often, first found wins;\n"
	"                     then the kernel's folder, last that of the installed modules\n"
	"  --json             print one JSON object an address, and not the log\n"
	"  --quiet            no word of what could not be resolved\n"
	TOOL_OPTIONS_TEXT("        ")
	"\n"
	"Exit status: 0 every place was resolved, 1 some were not, 2 wrong usage, 3 a file\n"
	"cannot be read or written.\n";

enum { OPT_KERNEL = 256, OPT_MODULE_DIR, OPT_JSON };

static const struct option known[] = {
	{"kernel", required_argument, NULL, OPT_KERNEL},
	{"module-dir", required_argument, NULL, OPT_MODULE_DIR},
	{"json", no_argument, NULL, OPT_JSON},
	TOOL_OPTIONS,
};

struct seen { /* a module, where it was when last heard of */
	uint64_t base;
	char name[32], digest[9];
	const struct module_file *file;
};

struct symbolizer {
	const char *kernel_path, *log;
	struct lines kernel; /* .module NULL: none was named */
	struct modules modules;
	struct seen *seen;
	size_t seen_count;
	char **missing; /* what was complained of */
	size_t missing_count;
	unsigned long line;
	unsigned long unresolved;
	bool json, quiet;
};

/* ---- resolving -------------------------------------------------------------------- */

/* Once of each. */
static void complain(struct symbolizer *all, char *what)
{
	for (size_t i = 0; i < all->missing_count; i++) {
		if (strcmp(all->missing[i], what) == 0) {
			free(what);
			return;
		}
	}
	if (!all->quiet)
		tool_warn("line %lu: %s", all->line, what);
	all->missing = tool_grow(all->missing, (all->missing_count + 1) * sizeof(char *));
	all->missing[all->missing_count++] = what;
}

/* The module is there now: whoever was, is not any more. */
static void seen_note(struct symbolizer *all, const struct place *place,
		      const struct module_file *file)
{
	uint64_t base = place->address - place->text;
	struct seen *seen;
	size_t kept = 0;

	for (size_t i = 0; i < all->seen_count; i++)
		if (all->seen[i].base + all->seen[i].file->text_size <= base ||
		    base + file->text_size <= all->seen[i].base)
			all->seen[kept++] = all->seen[i];
	all->seen = tool_grow(all->seen, (kept + 1) * sizeof(*all->seen));
	all->seen_count = kept + 1;
	seen = &all->seen[kept];
	*seen = (struct seen){.base = base, .file = file};
	memcpy(seen->name, place->module, sizeof(seen->name));
	memcpy(seen->digest, place->digest, sizeof(seen->digest));
}

static bool module_resolve(struct symbolizer *all, const struct place *place,
			   struct lines_found *found)
{
	const char *why;
	const struct module_file *file = modules_find(&all->modules, place->digest, &why);

	if (file == NULL) {
		complain(all, tool_print("module %s with digest %s %s", place->module,
					 place->digest, why));
		return false;
	}
	seen_note(all, place, file);
	return lines_find(&file->lines, place->text, place->returns, found);
}

/* Of an address the log says nothing of; @place gets the module it is in. */
static bool bare_resolve(struct symbolizer *all, struct place *place,
			 struct lines_found *found)
{
	for (size_t i = 0; i < all->seen_count; i++) {
		const struct seen *seen = &all->seen[i];
		uint64_t text = place->address - seen->base;

		if (text >= seen->file->text_size)
			continue;
		memcpy(place->module, seen->name, sizeof(place->module));
		memcpy(place->digest, seen->digest, sizeof(place->digest));
		return lines_find(&seen->file->lines, text, place->returns, found);
	}
	return all->kernel.module != NULL &&
	       lines_find(&all->kernel, place->address, place->returns, found);
}

static bool kernel_resolve(struct symbolizer *all, const struct place *place,
			   struct lines_found *found)
{
	if (all->kernel.module == NULL)
		complain(all, tool_print("addresses of the kernel: name it by --kernel"));
	else if (!lines_has(&all->kernel, place->function, place->address - place->offset))
		complain(all, tool_print("%s has no %s at 0x%lx: it is not the kernel of "
					 "this log",
					 all->kernel_path, place->function,
					 place->address - place->offset));
	else
		return lines_find(&all->kernel, place->address, place->returns, found);
	return false;
}

/* ---- saying ----------------------------------------------------------------------- */

static void say_text(const struct place *place, const struct lines_found *found)
{
	printf("    0x%016lx: %s+0x%lx", place->address, found->symbol, found->offset);
	if (place->module[0] != '\0')
		printf(" [%s]", place->module);
	for (unsigned i = 0; i < found->frames; i++) {
		const struct lines_frame *frame = &found->frame[i];

		if (i > 0)
			printf(", called");
		printf(" at %s:%d", frame->file == NULL ? "?" : frame->file, frame->line);
		if (i + 1 < found->frames)
			printf(" in %s", frame->function == NULL ? "?" : frame->function);
	}
	putchar('\n');
}

static void json_name(struct tool_text *text, const char *name)
{
	if (name == NULL || name[0] == '\0')
		tool_text_add(text, "null");
	else
		tool_text_json(text, name);
}

static void say_json(const struct symbolizer *all, const struct place *place,
		     const struct lines_found *found)
{
	struct tool_text text = {0};

	tool_text_add(&text, "{\"line\": %lu, \"address\": \"0x%016lx\", \"module\": ",
		      all->line, place->address);
	json_name(&text, place->module);
	tool_text_add(&text, ", \"digest\": ");
	json_name(&text, place->digest);
	tool_text_add(&text, ", \"resolved\": %s, \"function\": ",
		      found != NULL ? "true" : "false");
	json_name(&text, found != NULL ? found->symbol : place->function);
	tool_text_add(&text, ", \"offset\": %lu, \"frames\": [",
		      found != NULL ? found->offset : place->offset);
	for (unsigned i = 0; found != NULL && i < found->frames; i++) {
		tool_text_add(&text, "%s{\"function\": ", i == 0 ? "" : ", ");
		json_name(&text, found->frame[i].function);
		tool_text_add(&text, ", \"file\": ");
		json_name(&text, found->frame[i].file);
		tool_text_add(&text, ", \"line\": %d}", found->frame[i].line);
	}
	tool_text_add(&text, "]}");
	puts(text.text);
	tool_text_free(&text);
}

static void line_resolve(struct symbolizer *all, const char *line)
{
	struct lines_found found;
	struct place place;
	size_t at = 0;

	while (place_next(line, &at, &place)) {
		bool resolved = place.module[0] != '\0' ? module_resolve(all, &place, &found)
				: place.function[0] != '\0'
					? kernel_resolve(all, &place, &found)
					: bare_resolve(all, &place, &found);

		if (!resolved && place.function[0] == '\0')
			continue; /* a number, then */
		all->unresolved += !resolved;
		if (all->json)
			say_json(all, &place, resolved ? &found : NULL);
		else if (resolved)
			say_text(&place, &found);
	}
}

/* ---- command line ----------------------------------------------------------------- */

static void folder_add(struct symbolizer *all, const char *folder)
{
	struct modules *modules = &all->modules;

	modules->folders = tool_grow((void *)(uintptr_t)modules->folders,
				     (modules->folder_count + 1) * sizeof(char *));
	modules->folders[modules->folder_count++] = folder;
}

/* -1: go on; else the status to leave with. */
static int options_read(int argc, char **argv, struct symbolizer *all)
{
	int found, status;

	while ((found = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (found) {
		case OPT_KERNEL:
			all->kernel_path = optarg;
			break;
		case OPT_MODULE_DIR:
			if (!tool_folder("--module-dir", optarg))
				return TOOL_UNREADABLE;
			folder_add(all, optarg);
			break;
		case OPT_JSON:
			all->json = true;
			break;
		case TOOL_QUIET:
			all->quiet = true;
			break;
		default:
			status = tool_option(found, usage_text);
			if (status >= 0)
				return status;
		}
	}
	if (argc - optind > 1)
		return (int)tool_misused("%s: one log at a time", argv[optind + 1]);
	all->log = argv[optind];
	return -1;
}

static enum tool_status log_read(struct symbolizer *all)
{
	bool from_file = all->log != NULL && strcmp(all->log, "-") != 0;
	FILE *log = from_file ? fopen(all->log, "r") : stdin;
	const char *name = from_file ? all->log : "standard input";
	enum tool_status status = TOOL_OK;
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	if (log == NULL) {
		tool_warn("%s: %s", name, strerror(errno));
		return TOOL_UNREADABLE;
	}
	while ((length = getline(&line, &room, log)) > 0) {
		all->line++;
		if (!all->json) {
			fwrite(line, 1, (size_t)length, stdout);
			if (line[length - 1] != '\n')
				putchar('\n');
		}
		line_resolve(all, line);
		if (fflush(stdout) != 0)
			break; /* tool_end() says so */
	}
	if (ferror(log)) {
		tool_warn("%s:%lu: %s", name, all->line + 1, strerror(errno));
		status = TOOL_UNREADABLE;
	} else if (all->unresolved != 0) {
		status = TOOL_REFUSED;
	}
	free(line);
	if (from_file)
		fclose(log);
	return status;
}

static enum tool_status work(struct symbolizer *all)
{
	char *beside = tool_beside(SYMBOLIZE_MODULES_FROM_BIN), *folder = NULL;
	enum tool_status status = TOOL_UNREADABLE;

	if (all->kernel_path != NULL) {
		const char *slash = strrchr(all->kernel_path, '/');

		folder = slash == NULL ? tool_print(".")
				       : tool_print("%.*s", (int)(slash - all->kernel_path + 1),
						    all->kernel_path);
		folder_add(all, folder);
	}
	if (beside != NULL)
		folder_add(all, beside);
	if (all->kernel_path == NULL || lines_open(&all->kernel, all->kernel_path)) {
		status = log_read(all);
		lines_close(&all->kernel);
	}
	free(folder);
	free(beside);
	return status;
}

int main(int argc, char **argv)
{
	struct symbolizer all = {0};
	int status;

	tool_name = "theseus-symbolize";
	status = options_read(argc, argv, &all);
	if (status < 0)
		status = tool_end((int)work(&all));
	modules_free(&all.modules);
	free((void *)(uintptr_t)all.modules.folders);
	free(all.seen);
	for (size_t i = 0; i < all.missing_count; i++)
		free(all.missing[i]);
	free(all.missing);
	return status;
}

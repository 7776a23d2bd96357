/*
 * tool - see tool.h.
 */
#include "tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *tool_name = "theseus";
bool tool_quiet;

static bool progress_shown;

void tool_progress_end(void)
{
	if (progress_shown)
		fputs("\r\033[K", stderr);
	progress_shown = false;
}

void tool_progress(const char *fmt, ...)
{
	va_list args;

	if (tool_quiet || !isatty(STDERR_FILENO))
		return;
	va_start(args, fmt);
	fprintf(stderr, "\r%s: ", tool_name);
	vfprintf(stderr, fmt, args);
	fputs("\033[K", stderr);
	va_end(args);
	progress_shown = true;
}

void tool_warn(const char *fmt, ...)
{
	va_list args;

	tool_progress_end();
	va_start(args, fmt);
	fprintf(stderr, "%s: ", tool_name);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
}

enum tool_status tool_misused(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "%s: ", tool_name);
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\nTry '%s --help'.\n", tool_name);
	va_end(args);
	return TOOL_USAGE;
}

int tool_end(int status)
{
	tool_progress_end();
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	tool_warn("standard output cannot be written: %s", strerror(errno));
	return TOOL_UNREADABLE;
}

int tool_option(int found, const char *usage_text)
{
	switch (found) {
	case TOOL_HELP:
		fputs(usage_text, stdout);
		return tool_end(TOOL_OK);
	case TOOL_VERSION:
		printf("%s (libtheseus) " PACKAGE_VERSION "\n", tool_name);
		return tool_end(TOOL_OK);
	case '?': /* getopt has said what is wrong */
		fprintf(stderr, "Try '%s --help'.\n", tool_name);
		return TOOL_USAGE;
	default:
		return -1;
	}
}

static THS_NORETURN void no_memory(void)
{
	tool_warn("out of memory");
	exit(TOOL_UNREADABLE);
}

void *tool_alloc(size_t size)
{
	void *memory = calloc(1, size == 0 ? 1 : size);

	if (memory == NULL)
		no_memory();
	return memory;
}

void *tool_grow(void *memory, size_t size)
{
	void *grown = realloc(memory, size == 0 ? 1 : size);

	if (grown == NULL)
		no_memory();
	return grown;
}

static THS_PRINTF(1, 0) char *print_list(const char *fmt, va_list args)
{
	char *text;

	if (vasprintf(&text, fmt, args) < 0)
		no_memory();
	return text;
}

char *tool_print(const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = print_list(fmt, args);
	va_end(args);
	return text;
}

char *tool_beside(const char *from_bin)
{
	char self[4096];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (length <= 0)
		return NULL;
	self[length] = '\0';
	slash = strrchr(self, '/');
	if (slash == NULL)
		return NULL;
	*slash = '\0';
	return tool_print("%s/%s", self, from_bin);
}

bool tool_read(const char *path, struct tool_file *file)
{
	FILE *from = fopen(path, "rb");
	size_t room = 65536, got;

	file->size = 0;
	file->data = NULL;
	if (from == NULL) {
		tool_warn("%s: %s", path, strerror(errno));
		return false;
	}
	do {
		file->data = tool_grow(file->data, file->size + room);
		got = fread(file->data + file->size, 1, room, from);
		file->size += got;
		room = file->size;
	} while (got != 0 && room != 0);
	if (ferror(from)) {
		tool_warn("%s: %s", path, strerror(errno));
		free(file->data);
		fclose(from);
		file->data = NULL;
		return false;
	}
	fclose(from);
	return true;
}

bool tool_folder(const char *option, const char *path)
{
	struct stat status;

	if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode))
		errno = ENOTDIR;
	else if (access(path, R_OK | X_OK) == 0)
		return true;
	tool_warn("%s %s: %s", option, path, strerror(errno));
	return false;
}

/* Closes @into, also on failure; errno is of what failed first. */
static bool bytes_put(FILE *into, const void *data, size_t size)
{
	bool good = fwrite(data, 1, size, into) == size && fflush(into) == 0;
	int error = errno;

	if (fclose(into) != 0 && good)
		return false;
	errno = error;
	return good;
}

/* A pipe or a device. */
static bool write_into(const char *path, const void *data, size_t size)
{
	FILE *into = fopen(path, "wb");

	return into != NULL && bytes_put(into, data, size);
}

static bool write_beside(const char *path, mode_t mode, const void *data, size_t size)
{
	char *beside = tool_print("%s.XXXXXX", path);
	int fd = mkstemp(beside), error;
	FILE *into = fd < 0 || fchmod(fd, mode) != 0 ? NULL : fdopen(fd, "wb");
	bool good = into != NULL && bytes_put(into, data, size) && rename(beside, path) == 0;

	error = errno;
	if (into == NULL && fd >= 0)
		close(fd);
	if (!good && fd >= 0)
		unlink(beside);
	free(beside);
	errno = error;
	return good;
}

void tool_signals_hold(sigset_t *before)
{
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGHUP);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigprocmask(SIG_BLOCK, &ours, before);
}

void tool_signals_take(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}

/* A plain file that is there, or will be: @path, or where its link leads. */
static bool write_plain(const char *path, mode_t mode, const void *data, size_t size)
{
	char *real = realpath(path, NULL);
	sigset_t before;
	bool good;

	tool_signals_hold(&before);
	good = write_beside(real != NULL ? real : path, mode, data, size);
	tool_signals_take(&before);
	free(real);
	return good;
}

bool tool_write(const char *path, const void *data, size_t size)
{
	mode_t mask = umask(0);
	struct stat old, link;
	bool good;

	umask(mask);
	if (stat(path, &old) == 0) /* a link of /proc leads to what has no name: ask stat() */
		good = S_ISREG(old.st_mode)
			       ? write_plain(path, old.st_mode & 07777, data, size)
			       : write_into(path, data, size);
	else if (lstat(path, &link) == 0) /* a link that leads nowhere yet */
		good = write_into(path, data, size);
	else
		good = write_plain(path, 0666 & ~mask, data, size);
	if (!good)
		tool_warn("%s: %s", path, strerror(errno));
	return good;
}

void tool_text_bytes(struct tool_text *text, const void *bytes, size_t size)
{
	text->text = tool_grow(text->text, text->size + size + 1);
	memcpy(text->text + text->size, bytes, size);
	text->size += size;
	text->text[text->size] = '\0';
}

void tool_text_add(struct tool_text *text, const char *fmt, ...)
{
	va_list args;
	char *more;

	va_start(args, fmt);
	more = print_list(fmt, args);
	va_end(args);
	tool_text_bytes(text, more, strlen(more));
	free(more);
}

void tool_text_json(struct tool_text *text, const char *s)
{
	tool_text_bytes(text, "\"", 1);
	for (; *s != '\0'; s++) {
		unsigned char byte = (unsigned char)*s;

		if (byte == '"' || byte == '\\')
			tool_text_add(text, "\\%c", byte);
		else if (byte < 0x20 || byte >= 0x7f) /* names may hold any byte */
			tool_text_add(text, "\\u%04x", byte);
		else
			tool_text_bytes(text, s, 1);
	}
	tool_text_bytes(text, "\"", 1);
}

void tool_text_free(struct tool_text *text)
{
	free(text->text);
	text->text = NULL;
	text->size = 0;
}

void findings_add(struct findings *findings, const char *rule, const char *fmt, ...)
{
	va_list args;
	struct finding *finding;

	findings->list =
		tool_grow(findings->list, (findings->count + 1) * sizeof(*finding));
	finding = &findings->list[findings->count++];
	finding->rule = rule;
	va_start(args, fmt);
	finding->text = print_list(fmt, args);
	va_end(args);
}

void findings_free(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		free(findings->list[i].text);
	free(findings->list);
	findings->list = NULL;
	findings->count = 0;
}

/*
 * files - what a run needs on the host's disk.
 *
 * QEMU is looked up as a shell would: $QEMU, else qemu-system-x86_64, in $PATH. OVMF
 * lies where Debian puts it, or in $OVMF_DIR. Its variable store is written to by the
 * firmware, so each run gets a copy of its own and no run sees another's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

#define READ_STEP 65536

static char *join(const char *dir, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static bool is_file(const char *path, int mode)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, mode);
}

/* The first executable file of that name in $PATH; a name with a slash stands alone. */
static char *find_program(const char *name)
{
	const char *path = getenv("PATH");
	const char *end;

	if (strchr(name, '/'))
		return is_file(name, X_OK) ? strdup(name) : NULL;
	for (path = path ? path : "/usr/bin:/bin"; *path; path = end + (*end == ':')) {
		char *file;

		end = strchrnul(path, ':');
		if (asprintf(&file, "%.*s/%s", (int)(end - path), path, name) < 0)
			return NULL;
		if (is_file(file, X_OK))
			return file;
		free(file);
	}
	return NULL;
}

char *files_read(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t room = READ_STEP;
	char *data = malloc(room);
	ssize_t got = 0;

	*len = 0;
	while (fd >= 0 && data && (got = read(fd, data + *len, room - *len)) > 0) {
		*len += (size_t)got;
		if (*len == room) {
			char *more = realloc(data, room *= 2);

			if (!more)
				free(data);
			data = more;
		}
	}
	if (fd < 0 || got < 0) {
		free(data);
		data = NULL;
	}
	if (fd >= 0)
		close(fd);
	return data;
}

static bool copy_file(const char *from, const char *to)
{
	size_t len, done = 0;
	char *data = files_read(from, &len);
	int fd = data ? open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
	ssize_t put = 0;

	while (fd >= 0 && done < len && (put = write(fd, data + done, len - done)) > 0)
		done += (size_t)put;
	free(data);
	return fd >= 0 && !close(fd) && done == len;
}

static int find_ovmf(struct run_files *files)
{
	static const char *const sizes[] = {"_4M", ""};
	const char *dir = getenv("OVMF_DIR");

	if (!dir)
		dir = "/usr/share/OVMF";
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		char code[4096], vars[4096];

		snprintf(code, sizeof(code), "%s/OVMF_CODE%s.fd", dir, sizes[i]);
		snprintf(vars, sizeof(vars), "%s/OVMF_VARS%s.fd", dir, sizes[i]);
		if (!is_file(code, R_OK) || !is_file(vars, R_OK))
			continue;
		files->code = strdup(code);
		files->vars = join(files->dir, "vars.fd");
		if (files->code && files->vars && copy_file(vars, files->vars))
			return RUN_OK;
		tool_warn("cannot copy %s: %s", vars, strerror(errno));
		return RUN_USAGE;
	}
	tool_warn("no OVMF in %s (Debian package: ovmf)", dir);
	return RUN_MISSING;
}

static bool is_readable(const char *path)
{
	if (!path || is_file(path, R_OK))
		return true;
	tool_warn("cannot read %s: %s", path, errno ? strerror(errno) : "no plain file");
	return false;
}

/* Whether @path, if there is one, begins with or has at @offset what such a file has: else
 * QEMU would say little, or wait for a disk that boots. */
static bool is_kind(const char *path, off_t offset, const char *bytes, const char *what)
{
	char found[8];
	size_t size = strlen(bytes);
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t got = fd < 0 ? 0 : pread(fd, found, size, offset);

	if (fd >= 0)
		close(fd);
	if (!path || (got == (ssize_t)size && memcmp(found, bytes, size) == 0))
		return true;
	tool_warn("%s: is no %s", path, what);
	return false;
}

/* The log is emptied now: what stood in it must never count as the guest's words. */
static bool make_serial(struct run_files *files, const struct run_options *options)
{
	struct stat st;
	int fd;

	files->serial_temporary = !options->log;
	files->serial =
		options->log ? strdup(options->log) : join(files->dir, "serial.log");
	if (!files->serial)
		return false;
	fd = open(files->serial, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC,
		  0644);
	if (fd < 0 || fstat(fd, &st) || (!S_ISREG(st.st_mode) && (errno = EINVAL))) {
		tool_warn("cannot write %s: %s", files->serial, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	return !close(fd);
}

int files_prepare(struct run_files *files, const struct run_options *options)
{
	const char *qemu = getenv("QEMU");
	const char *tmp = getenv("TMPDIR");

	memset(files, 0, sizeof(*files));
	errno = 0;
	if (!is_readable(options->iso) || !is_readable(options->kernel) ||
	    !is_readable(options->initrd) ||
	    !is_kind(options->iso, 0x8001, "CD001", "ISO 9660 image, as theseus-image makes") ||
	    !is_kind(options->kernel, 0, "\177ELF", "ELF file, as a kernel is"))
		return RUN_USAGE;
	if (!qemu || !*qemu || !strcmp(qemu, "no")) /* "no": as configure calls absence */
		qemu = "qemu-system-x86_64";
	files->qemu = find_program(qemu);
	if (!files->qemu) {
		tool_warn("%s is not installed (Debian package: qemu-system-x86)", qemu);
		return RUN_MISSING;
	}
	files->dir = join(tmp && *tmp ? tmp : "/tmp", "theseus-run.XXXXXX");
	if (!files->dir || !mkdtemp(files->dir)) {
		tool_warn("cannot make %s: %s", files->dir ? files->dir : "a directory",
			strerror(errno));
		free(files->dir);
		files->dir = NULL;
		return RUN_USAGE;
	}
	files->trace = join(files->dir, "qemu.log");
	if (!files->trace || !make_serial(files, options))
		return RUN_USAGE;
	return options->uefi ? find_ovmf(files) : RUN_OK;
}

void files_remove(struct run_files *files)
{
	if (files->dir) {
		if (files->vars)
			unlink(files->vars);
		if (files->trace)
			unlink(files->trace);
		if (files->serial && files->serial_temporary)
			unlink(files->serial);
		if (rmdir(files->dir))
			tool_warn("cannot remove %s: %s", files->dir, strerror(errno));
	}
	free(files->qemu);
	free(files->code);
	free(files->dir);
	free(files->vars);
	free(files->serial);
	free(files->trace);
	memset(files, 0, sizeof(*files));
}

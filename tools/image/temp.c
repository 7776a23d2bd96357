/*
 * temp - a folder for what the host's programs read and write, and running those.
 *
 * The folder goes with the process (M3): atexit() for every orderly end, a handler for
 * signals that only asks whoever waits for a child to leave by exit().
 */
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image.h"

static char folder[4096]; /* "" while there is none */
static volatile sig_atomic_t interrupted;

static int entry_remove(const char *path, const struct stat *status, int flag,
			struct FTW *where)
{
	(void)status;
	(void)flag;
	(void)where;
	return remove(path);
}

static void folder_remove(void)
{
	if (folder[0] != '\0')
		(void)nftw(folder, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
	folder[0] = '\0';
}

static void on_signal(int number)
{
	interrupted = number;
}

const char *temp_folder(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
	struct sigaction action = {.sa_handler = on_signal};
	const char *where = getenv("TMPDIR");

	if (folder[0] != '\0')
		return folder;
	if (snprintf(folder, sizeof(folder), "%s/theseus-image.XXXXXX",
		     where == NULL || where[0] == '\0' ? "/tmp" : where) >=
		    (int)sizeof(folder) - 256 ||
	    mkdtemp(folder) == NULL) {
		tool_warn("no temporary folder %s: %s", folder, strerror(errno));
		folder[0] = '\0';
		return NULL;
	}
	atexit(folder_remove);
	for (size_t i = 0; i < THS_ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
	return folder;
}

static void log_show(const char *program, const char *log)
{
	struct tool_file file;

	if (!tool_read(log, &file))
		return;
	tool_warn("%s failed; it said:", program);
	fwrite(file.data, 1, file.size, stderr);
	free(file.data);
}

bool temp_run(const char *const *argv)
{
	char log[sizeof(folder) + 16];
	int status = 0;
	pid_t child;

	if (interrupted != 0)
		exit(128 + interrupted);
	snprintf(log, sizeof(log), "%s/log", folder);
	child = fork();
	if (child == 0) {
		if (freopen("/dev/null", "r", stdin) == NULL ||
		    freopen(log, "w", stdout) == NULL || dup2(1, 2) < 0)
			_exit(126);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		if (interrupted != 0)
			kill(child, SIGTERM);
	if (interrupted != 0)
		exit(128 + interrupted);
	if (child < 0) {
		tool_warn("%s: %s", argv[0], strerror(errno));
		return false;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		log_show(argv[0], log);
		return false;
	}
	return true;
}

/*
 * watch - starts QEMU, follows it, and sees to it that it ends.
 *
 * One loop waits for three things: a signal (QEMU's end, or ours), a word on the control
 * socket, the next tick of a tenth of a second. At a tick the serial log is read on
 * from where it was left: it is shown, its size is checked, the time is checked. QEMU is
 * ended in three steps: it is asked to quit; 2 s later it gets SIGTERM; after 2 s more
 * SIGKILL.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "run.h"

#define TICK_MS      100
#define HEARTBEAT_S  1.0 /* of a guest that is silent */
#define PATIENCE_S   2.0
#define ECHO_BYTES   4096
#define TRACE_TRIPLE "Triple fault"

struct watch {
	const struct run_options *options;
	const struct run_files *files;
	struct run_end *end;
	struct run_qmp qmp;
	pid_t pid;
	int signals;        /* signalfd */
	int log;            /* the serial log, or -1 */
	off_t shown;        /* bytes of it read so far */
	off_t lines;        /* lines in them */
	double start;       /* seconds of the monotonic clock */
	double beat;        /* when the last heartbeat or line was */
	double heard;       /* when the guest said something last, or began */
	double asked;       /* when QEMU was told to end; 0: not yet */
	int told;           /* 1: asked, 2: SIGTERM, 3: SIGKILL */
	int signal;         /* that ends us, or 0 */
	bool reaped;        /* end->status is there */
	bool deaf;          /* the control socket is closed */
	bool echo;          /* stdout takes what we write */
	bool midline;       /* and the last of it was no newline */
	char escape;        /* inside an escape sequence: its last byte, else 0 */
	struct termios tty; /* as we found it */
	bool tty_saved;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* True if the byte belongs to an escape sequence (ECMA-48: ESC x, or ESC [ ... final). */
static bool is_escape(struct watch *watch, char byte)
{
	if (watch->escape == 0) {
		watch->escape = byte == 0x1b ? byte : 0;
		return watch->escape;
	}
	if (watch->escape == 0x1b)
		watch->escape = byte == '[' ? byte : 0;
	else if (byte >= 0x40 && byte <= 0x7e)
		watch->escape = 0;
	return byte != '\n';
}

/* Shows the guest's bytes as text, as verdict_clean() sees them: a control character
 * must not clear our terminal, nor overwrite a verdict on it. */
static void show(struct watch *watch, const char *bytes, size_t len)
{
	tool_progress_end();
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (byte == '\n')
			watch->lines++;
		if (is_escape(watch, bytes[i]) || !watch->echo || byte == '\r')
			continue;
		if (byte == '\n' || byte == '\t' || (byte >= 0x20 && byte != 0x7f))
			putchar(byte);
		else
			printf("\\x%02x", byte);
		watch->midline = byte != '\n';
	}
	if (watch->echo && fflush(stdout))
		watch->echo = false;
	watch->beat = watch->heard = now();
}

/* Reads the log on; returns how much of it there is, in bytes. */
static off_t follow(struct watch *watch)
{
	char bytes[ECHO_BYTES];
	ssize_t got;

	if (watch->log < 0)
		return 0;
	while ((got = pread(watch->log, bytes, sizeof(bytes), watch->shown)) > 0) {
		watch->shown += got;
		show(watch, bytes, (size_t)got);
		if (watch->shown >> 20 > (off_t)watch->options->limit_mib)
			break;
	}
	return watch->shown;
}

static bool traced_triple_fault(const struct watch *watch)
{
	size_t len;
	char *trace = files_read(watch->files->trace, &len);
	bool found = trace && memmem(trace, len, TRACE_TRIPLE, strlen(TRACE_TRIPLE));

	free(trace);
	return found;
}

static void ask_to_end(struct watch *watch, bool where)
{
	if (watch->told)
		return;
	watch->told = 1;
	watch->asked = now();
	qmp_quit(&watch->qmp, where);
}

static void press(struct watch *watch)
{
	if (!watch->told || watch->told == 3 || now() - watch->asked < PATIENCE_S)
		return;
	kill(watch->pid, watch->told == 1 ? SIGTERM : SIGKILL);
	watch->told++;
	watch->asked = now();
}

/* It hangs, for all we know: @why, after so many seconds. */
static void give_up(struct watch *watch, const char *why, unsigned seconds)
{
	if (!watch->options->quiet)
		tool_warn("%s %u s; the processor is at:", why, seconds);
	ask_to_end(watch, true);
}

static void check_limits(struct watch *watch)
{
	const struct run_options *options = watch->options;
	double time = now();

	if (watch->told)
		return;
	if (watch->shown >> 20 >= (off_t)options->limit_mib) {
		watch->end->flooded = true;
		ask_to_end(watch, false);
	} else if (options->timeout_s && time - watch->start >= options->timeout_s) {
		watch->end->timed_out = true;
		give_up(watch, "time is up after", options->timeout_s);
	} else if (options->silence_s && time - watch->heard >= options->silence_s) {
		watch->end->silent = true;
		give_up(watch, "nothing was said for", options->silence_s);
	}
}

static void tick(struct watch *watch)
{
	follow(watch);
	check_limits(watch);
	press(watch);
	if (watch->options->batch && !watch->midline &&
	    now() - watch->beat >= HEARTBEAT_S) {
		tool_progress("%.0f s, %lld lines", now() - watch->start,
			      (long long)watch->lines);
		watch->beat = now();
	}
}

static void hear_signal(struct watch *watch)
{
	struct signalfd_siginfo info;

	if (read(watch->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD) {
		watch->reaped |=
			waitpid(watch->pid, &watch->end->status, WNOHANG) == watch->pid;
	} else if (!watch->signal) {
		watch->signal = (int)info.ssi_signo;
		ask_to_end(watch, false);
	}
}

static void hear_qmp(struct watch *watch)
{
	if (!qmp_read(&watch->qmp, watch->options))
		watch->deaf = true;
	if (!watch->qmp.shutdown[0] || watch->told)
		return;
	watch->end->triple_fault = traced_triple_fault(watch);
	if (watch->end->triple_fault && !watch->options->quiet)
		tool_warn("triple fault; the processor was at:");
	ask_to_end(watch, watch->end->triple_fault);
}

static void loop(struct watch *watch)
{
	struct pollfd fds[2] = {{.fd = watch->signals, .events = POLLIN},
				{.fd = watch->qmp.fd, .events = POLLIN}};

	while (!watch->reaped) {
		fds[1].fd = watch->deaf ? -1 : watch->qmp.fd;
		if (poll(fds, 2, TICK_MS) < 0 && errno != EINTR)
			ask_to_end(watch, false);
		if (fds[1].revents)
			hear_qmp(watch);
		if (fds[0].revents)
			hear_signal(watch);
		tick(watch);
	}
	while (!watch->deaf && qmp_read(&watch->qmp, watch->options))
		if (poll(&fds[1], 1, 0) <= 0)
			break;
	follow(watch);
	tool_progress_end();
	if (watch->midline)
		putchar('\n');
}

/* In the child: QEMU, with its end of the control socket and no blocked signals. */
static void become_qemu(const struct watch *watch, char **argv, int qmp_fd, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	if (fcntl(qmp_fd, F_SETFD, 0) || prctl(PR_SET_PDEATHSIG, SIGKILL) ||
	    getppid() != parent)
		_exit(127);
	if (watch->options->batch) /* ^C at the terminal is for us to hear */
		setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(argv[0], argv);
	tool_warn("cannot run %s: %s", argv[0], strerror(errno));
	_exit(127);
}

static bool start(struct watch *watch)
{
	const struct run_options *options = watch->options;
	pid_t parent = getpid();
	int ends[2] = {-1, -1};
	char **argv;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return false;
	argv = command_build(options, watch->files, ends[1]);
	if (!argv)
		return false;
	watch->pid = fork();
	if (watch->pid == 0)
		become_qemu(watch, argv, ends[1], parent);
	close(ends[1]);
	for (char **arg = argv; *arg; arg++)
		free(*arg);
	free(argv);
	if (watch->pid < 0)
		return false;
	qmp_init(&watch->qmp, ends[0], options->gdb_port != 0);
	if (options->gdb_port)
		tool_warn("the guest waits: gdb -ex 'target remote 127.0.0.1:%u'",
			options->gdb_port);
	return true;
}

int watch_run(const struct run_options *options, const struct run_files *files,
	      struct run_end *end)
{
	struct watch watch = {.options = options, .files = files, .end = end};
	sigset_t signals;

	memset(end, 0, sizeof(*end));
	end->timeout_s = options->timeout_s;
	end->silence_s = options->silence_s;
	end->limit_mib = options->limit_mib;
	sigprocmask(SIG_BLOCK, NULL, &signals);
	watch.signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	watch.log = options->batch ? open(files->serial, O_RDONLY | O_CLOEXEC) : -1;
	watch.echo = !options->quiet;
	watch.tty_saved = !options->batch && !tcgetattr(STDIN_FILENO, &watch.tty);
	watch.start = watch.beat = watch.heard = now();
	if (watch.signals < 0 || (options->batch && watch.log < 0) || !start(&watch)) {
		tool_warn("cannot start QEMU: %s", strerror(errno));
		return RUN_USAGE;
	}
	loop(&watch);
	end->started = watch.qmp.running;
	snprintf(end->shutdown, sizeof(end->shutdown), "%s", watch.qmp.shutdown);
	end->triple_fault |= traced_triple_fault(&watch);
	if (watch.tty_saved) /* QEMU, when killed, leaves it raw */
		tcsetattr(STDIN_FILENO, TCSADRAIN, &watch.tty);
	symbols_close(watch.qmp.symbols);
	close(watch.qmp.fd);
	close(watch.signals);
	if (watch.log >= 0)
		close(watch.log);
	return watch.signal ? 128 + watch.signal : RUN_OK;
}

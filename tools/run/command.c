/*
 * command - QEMU's command line.
 *
 * A machine without defaults, so that what is in it stands here. TCG always: the same
 * processor on every host. `-S`: the guest starts when the control socket says so (R3).
 * `shutdown=pause`: after a reset or power-off QEMU stays, so that it can be asked for
 * the registers. Under --icount nothing may depend on the host: one thread, virtual
 * clock, fixed seed and date, and the serial line on a file, which never pushes back.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

#define COMMAND_ARGS (64 + RUN_ARGS_MAX)

struct command {
	char **argv;
	size_t count;
	bool failed;
};

static void add(struct command *command, const char *text)
{
	char *copy = strdup(text);

	if (!copy || command->count + 1 >= COMMAND_ARGS) {
		command->failed = true;
		free(copy);
		return;
	}
	command->argv[command->count++] = copy;
}

__attribute__((format(printf, 3, 4))) static void
add_pair(struct command *command, const char *option, const char *format, ...)
{
	va_list args;
	char *value;

	add(command, option);
	va_start(args, format);
	if (vasprintf(&value, format, args) < 0) {
		command->failed = true;
	} else {
		add(command, value);
		free(value);
	}
	va_end(args);
}

/* A path inside a list of QEMU options: a comma in it is written twice. */
static char *escape(struct command *command, const char *path)
{
	char *out = malloc(2 * strlen(path) + 1);
	char *at = out;

	if (!out) {
		command->failed = true;
		return NULL;
	}
	for (; *path; path++) {
		*at++ = *path;
		if (*path == ',')
			*at++ = ',';
	}
	*at = '\0';
	return out;
}

static void add_path(struct command *command, const char *option, const char *before,
		     const char *path)
{
	char *escaped = escape(command, path);

	if (escaped)
		add_pair(command, option, "%s%s", before, escaped);
	free(escaped);
}

static void add_serial(struct command *command, const struct run_options *options,
		       const struct run_files *files)
{
	if (options->batch) {
		add_path(command, "-chardev", "file,id=serial,path=", files->serial);
	} else {
		bool terminal = isatty(STDIN_FILENO);
		const char *how = terminal ? "stdio,id=serial,signal=off,mux=on"
					   : "stdio,id=serial,signal=off,mux=off";
		char *before;

		if (!options->log)
			add_pair(command, "-chardev", "%s", how);
		else if (asprintf(&before, "%s,logfile=", how) < 0)
			command->failed = true;
		else {
			add_path(command, "-chardev", before, options->log);
			free(before);
		}
		if (terminal)
			add_pair(command, "-mon", "chardev=serial,mode=readline");
	}
	add_pair(command, "-serial", "chardev:serial");
}

static void add_media(struct command *command, const struct run_options *options,
		      const struct run_files *files)
{
	if (files->code) {
		add_path(command, "-drive",
			 "if=pflash,unit=0,format=raw,readonly=on,file=", files->code);
		add_path(command, "-drive",
			 "if=pflash,unit=1,format=raw,file=", files->vars);
	}
	if (options->iso)
		add_path(command, "-drive",
			 "media=cdrom,format=raw,readonly=on,file=", options->iso);
	if (options->kernel)
		add_pair(command, "-kernel", "%s", options->kernel);
	if (options->initrd)
		add_pair(command, "-initrd", "%s", options->initrd);
	if (options->append)
		add_pair(command, "-append", "%s", options->append);
}

static void add_machine(struct command *command, const struct run_options *options)
{
	add_pair(command, "-M", "%s", options->machine);
	add_pair(command, "-cpu", "max");
	add_pair(command, "-smp", "%s", options->smp);
	add_pair(command, "-m", "%s", options->memory);
	if (options->icount) {
		add_pair(command, "-accel", "tcg,thread=single");
		add_pair(command, "-icount", "shift=0,sleep=off");
		add_pair(command, "-seed", "1");
		add_pair(command, "-rtc", "base=2020-01-01T00:00:00,clock=vm");
	} else {
		add_pair(command, "-accel", "tcg");
	}
	add(command, "-nodefaults");
	add_pair(command, "-display", "none");
	add(command, "-no-reboot");
	add_pair(command, "-action", "shutdown=pause");
	add(command, "-S");
	add_pair(command, "-device", "isa-debug-exit,iobase=0x501,iosize=4");
	if (options->gdb_port)
		add_pair(command, "-gdb", "tcp:127.0.0.1:%u", options->gdb_port);
}

char **command_build(const struct run_options *options, const struct run_files *files,
		     int qmp_fd)
{
	struct command command = {.argv = calloc(COMMAND_ARGS, sizeof(char *))};

	if (!command.argv)
		return NULL;
	add(&command, files->qemu);
	add_machine(&command, options);
	add_serial(&command, options, files);
	add_pair(&command, "-chardev", "socket,id=control,fd=%d", qmp_fd);
	add_pair(&command, "-mon", "chardev=control,mode=control");
	add_pair(&command, "-d", "cpu_reset");
	add_pair(&command, "-D", "%s", files->trace);
	add_media(&command, options, files);
	for (size_t i = 0; i < options->extras; i++)
		add(&command, options->extra[i]);
	return command.failed ? NULL : command.argv;
}

void command_print(char *const *argv, FILE *out)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-+=,.:/@%";

	for (; *argv; argv++) {
		const char *at = *argv;

		if (*at && !at[strspn(at, plain)]) {
			fputs(at, out);
		} else {
			fputc('\'', out);
			for (; *at; at++) {
				if (*at == '\'')
					fputs("'\\''", out);
				else
					fputc(*at, out);
			}
			fputc('\'', out);
		}
		fputc(argv[1] ? ' ' : '\n', out);
	}
}

/*
 * run - the parts of theseus-run.
 *
 *   options.c  the command line  -> struct run_options
 *   files.c    temporary files, and finding QEMU and OVMF
 *   command.c  options and files -> QEMU's command line
 *   qmp.c      what is said to QEMU and heard from it on its control socket
 *   where.c    registers and stack, with the kernel's names for what lies there
 *   symbols.c  those names
 *   watch.c    starts QEMU, follows its log, ends it          -> struct run_end
 *   verdict.c  end and log -> pass, or the rule that was broken
 *
 * Invariants
 *   R1  Every temporary file lies in one directory, which is removed on every way out
 *       but SIGKILL. Signals are blocked from before it is made until after it is
 *       gone, and are taken one by one from a descriptor.
 *   R2  QEMU does not outlive theseus-run: it asks the kernel for SIGKILL at its
 *       parent's death.
 *   R3  The guest runs only after QEMU has answered on its control socket, so that no
 *       reset or power-off, however early, goes unheard.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "check/tool.h"
#include "verdict.h"

enum {
	RUN_OK = 0,
	RUN_FAIL = 1,     /* the verdict is fail, or the guest ended badly */
	RUN_USAGE = 2,    /* the command line, or a file it names */
	RUN_MISSING = 77, /* no QEMU or no OVMF here; RUN_FAIL where CI is true */
	RUN_TIMEOUT = 124 /* without --test: the time was up, or it fell silent */
};

#define RUN_ARGS_MAX 64 /* --qemu-arg, at most */

struct run_options {
	const char *iso, *kernel, *initrd, *append;
	const char *machine, *memory, *smp, *log;
	const char *extra[RUN_ARGS_MAX];
	size_t extras;
	unsigned timeout_s; /* 0: none */
	unsigned silence_s; /* likewise, since the guest's last byte */
	unsigned limit_mib; /* of the serial log, in batch */
	unsigned gdb_port;  /* 0: no debugger */
	bool uefi, test, icount, quiet, print, json;
	bool batch; /* the serial line goes to a file, not to the terminal */
};

struct run_files {
	char *qemu;            /* the program */
	char *code;            /* OVMF's code, or NULL */
	char *dir;             /* ours, removed by files_remove() */
	char *vars;            /* in it: a copy of OVMF's variables, or NULL */
	char *serial;          /* the serial log: in it, or where --log says */
	char *trace;           /* in it: what QEMU tells of resets */
	bool serial_temporary; /* serial lies in dir */
};

struct run_qmp {
	int fd;           /* our end, or -1 */
	char line[65536]; /* what came of the current line; the rest of it is dropped */
	size_t len;
	bool running;      /* the guest was set going */
	bool ending;       /* quit was sent, or is on its way behind registers and stack */
	char shutdown[32]; /* reason of the shutdown event, or "" */
	struct run_symbols *symbols; /* of the kernel, while it is asked where it was */
};

/* Fills @options; or prints, and returns the exit status to leave with (else -1). */
int options_parse(struct run_options *options, int argc, char **argv);

/* Returns RUN_OK, RUN_MISSING or RUN_USAGE; has said why. files_remove() either way. */
int files_prepare(struct run_files *files, const struct run_options *options);
void files_remove(struct run_files *files);
/* The whole of a file in memory of its own, or NULL with errno. */
char *files_read(const char *path, size_t *len);

/* QEMU's arguments, NULL at the end; @qmp_fd is the number QEMU will find its end at. */
char **command_build(const struct run_options *options, const struct run_files *files,
		     int qmp_fd);
void command_print(char *const *argv, FILE *out);

void qmp_init(struct run_qmp *qmp, int fd, bool hold);
/* Reads what has come; false once the other end is closed. */
bool qmp_read(struct run_qmp *qmp, const struct run_options *options);
/* Ends QEMU by request, after it was asked, with @where, where the guest is: that is
 * printed. For what comes, qmp_read() on. */
void qmp_quit(struct run_qmp *qmp, bool where);

/* The functions of an ELF file; NULL: it is none, or has no symbols. */
struct run_symbols *symbols_open(const char *path);
void symbols_close(struct run_symbols *symbols);
/* "function+0xoffset" for @pc, in the function that has the byte @behind before it (1: @pc is
 * a return address, which may be another's first); false: there is none. */
bool symbols_name(const struct run_symbols *symbols, uint64_t pc, unsigned behind,
		  char *text, size_t size);
/* Whether what stands before @pc is a call, as before each return address. */
bool symbols_is_behind_call(const struct run_symbols *symbols, uint64_t pc);

/* Both print what the monitor replied, a string of JSON from behind its opening quote. The
 * first returns false if there is no stack to ask for, else the command that does so. */
bool where_registers(const struct run_symbols *symbols, const char *reply, char *command,
		     size_t size);
void where_stack(const struct run_symbols *symbols, const char *reply);

/* Runs it to its end. Returns RUN_OK with @end filled, RUN_USAGE if it could not be
 * started, or 128 + a signal that ended us. */
int watch_run(const struct run_options *options, const struct run_files *files,
	      struct run_end *end);

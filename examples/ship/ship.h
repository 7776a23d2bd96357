/*
 * ship - the parts of the example OS, which is a console and a few clients.
 *
 *	console.c    bytes to and from the binding serial/1; time
 *	line.c       a line that can be edited, and those typed before
 *	shell.c      the program: reads a line, finds the command, runs it
 *	commands.c   the commands, with what `help` says of them
 *	commands_*.c each command's code, by subject
 *	workload.c   clients that count, to be started and stopped
 *
 * Invariant
 *   H1  ship is a client. It reaches modules through the gate and nano_core through its
 *       public headers, and knows nothing that any other OS could not know.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/blob.h>
#include <theseus/err.h>
#include <theseus/iface/module.h>

/* console.c */
void ship_put(const char *text, size_t len);            /* as it is */
void ship_print(const char *fmt, ...) THS_PRINTF(1, 2); /* \n becomes \r\n */
uint8_t ship_key(void);                                 /* waits for a byte */
void ship_sleep(unsigned milliseconds);
void ship_drain(void); /* until nothing is left to be sent */

/* line.c */
#define SHIP_LINE_MAX 72u /* with the prompt a row of a terminal: lines never wrap */
/* A line without its end, valid until the next call; NULL: given up by ^C. */
const char *ship_line_read(const char *prompt);

/* commands.c */
#define SHIP_WORDS_MAX 8u
struct ship_command {
	const char *name;
	const char *arguments;                               /* "FROM TO"; "" */
	const char *summary;                                 /* a line */
	const char *more;                                    /* what `help NAME` adds */
	uint8_t at_least, at_most;                           /* arguments */
	void (*run)(unsigned argc, const char *const *argv); /* argv[0]: its name */
};
extern const struct ship_command ship_commands[];
extern const unsigned ship_commands_count;
const struct ship_command *ship_command_find(const char *name);

/* "WHO: THS_E_NOENT: no such thing" */
void ship_complain(const char *who, enum ths_err err);

/* commands_modules.c */
void ship_modules(unsigned argc, const char *const *argv);
void ship_bindings(unsigned argc, const char *const *argv);
void ship_tables(unsigned argc, const char *const *argv);
void ship_swap(unsigned argc, const char *const *argv);
void ship_evolve(unsigned argc, const char *const *argv);
void ship_rollback(unsigned argc, const char *const *argv);
void ship_spill(unsigned argc, const char *const *argv);
/* "bound", of enum ths_instance_state. */
const char *ship_state_name(unsigned state);
/* The instance, the table of that slot; false: there is none. */
bool ship_instance_at(uint32_t slot, struct module_info *info);
bool ship_table_at(uint32_t slot, struct module_table *table);

/* commands_graph.c */
void ship_graph(unsigned argc, const char *const *argv);

/* commands_clients.c */
void ship_clients(unsigned argc, const char *const *argv);
void ship_ps(unsigned argc, const char *const *argv);

/* commands_fault.c */
void ship_fault(unsigned argc, const char *const *argv);
void ship_faults(unsigned argc, const char *const *argv);

/* commands_machine.c */
void ship_help(unsigned argc, const char *const *argv);
void ship_irqs(unsigned argc, const char *const *argv);
void ship_log(unsigned argc, const char *const *argv);
void ship_mem(unsigned argc, const char *const *argv);
void ship_reboot(unsigned argc, const char *const *argv);
void ship_halt(unsigned argc, const char *const *argv);

/* commands_save.c */
void ship_total(unsigned argc, const char *const *argv);
void ship_save(unsigned argc, const char *const *argv);
void ship_restore(unsigned argc, const char *const *argv);

/* workload.c */
void ship_start(unsigned argc, const char *const *argv);
void ship_stop(unsigned argc, const char *const *argv);
void ship_count(unsigned argc, const char *const *argv);
/* The blob the client in that task slot keeps; NULL: none that we know of. */
const struct ths_blob *ship_blob_of(uint32_t slot);
void ship_is_the_shell(void); /* said once, by the shell's task */

/*
 * commands_machine - help, irqs, log, mem, reboot, halt.
 */
#include <theseus/iface/frames.h>
#include <theseus/iface/irq.h>
#include <theseus/nano_core.h>
#include <theseus/string.h>
#include "ship.h"

#define LOG_MAX 16384u

static void help_one(const char *name)
{
	const struct ship_command *command = ship_command_find(name);

	if (!command) {
		ship_print("help: there is no command %s\n", name);
		return;
	}
	ship_print("%s%s%s - %s\n%s", command->name, command->arguments[0] ? " " : "",
		   command->arguments, command->summary, command->more);
}

void ship_help(unsigned argc, const char *const *argv)
{
	if (argc > 1) {
		help_one(argv[1]);
		return;
	}
	for (unsigned i = 0; i < ship_commands_count; i++)
		ship_print("  %-8s %-10s %s\n", ship_commands[i].name,
			   ship_commands[i].arguments, ship_commands[i].summary);
}

/* The start of the last @lines lines of @text. */
static size_t tail(const char *text, size_t len, uint64_t lines)
{
	size_t at = len;

	while (at > 0) {
		if (at < len && text[at - 1] == '\n' && lines-- <= 1)
			break;
		at--;
	}
	return at;
}

void ship_log(unsigned argc, const char *const *argv)
{
	static char text[LOG_MAX];
	uint64_t lines = 20;
	size_t len;

	if (argc > 1 &&
	    (ths_str_parse_u64(argv[1], ths_strlen(argv[1]), &lines) != THS_OK ||
	     lines == 0)) {
		ship_print("log: %s is no number of lines\n", argv[1]);
		return;
	}
	len = ths_log_read(text, sizeof(text));
	if (len == 0) {
		ship_print("the log is empty\n");
		return;
	}
	for (size_t at = tail(text, len, lines); at < len; at++)
		ship_print("%c", text[at]);
}

static void print_pools(void)
{
	struct ths_ref module = THS_REF(module);
	struct module_pool pool = {.pool = THS_ROW_NONE};

	ship_print("rows up to   versions ready   in limbo\n");
	while (module_pool(&module, &pool) == THS_OK)
		ship_print("%6u bytes %16u %10u\n", pool.bytes, pool.spare, pool.limbo);
}

void ship_mem(unsigned argc, const char *const *argv)
{
	struct ths_ref frames = THS_REF(frames);
	struct frames_stat stat;
	enum ths_err err = frames_stat(&frames, &stat);

	(void)argc;
	if (err) {
		ship_complain(argv[0], err);
	} else {
		ship_print("frames: %llu of %llu free, %llu KiB; %llu blocks; the largest "
			   "free has %llu\n",
			   (unsigned long long)stat.free, (unsigned long long)stat.total,
			   (unsigned long long)stat.free * 4,
			   (unsigned long long)stat.blocks, 1ull << stat.largest);
	}
	print_pools();
}

void ship_irqs(unsigned argc, const char *const *argv)
{
	struct ths_ref irq = THS_REF(irq);
	struct irq_stat stat = {{0}};
	enum ths_err err = irq_stat(&irq, &stat);

	(void)argc;
	if (err)
		ship_complain(argv[0], err);
	else
		ship_print("spurious interrupts: %llu by the first controller, %llu by the "
			   "second\n",
			   (unsigned long long)stat.spurious[0],
			   (unsigned long long)stat.spurious[1]);
}

void ship_reboot(unsigned argc, const char *const *argv)
{
	(void)argc;
	(void)argv;
	ship_print("the machine is reset\n");
	ship_drain();
	ths_stop(THS_STOP_REBOOT, 0);
}

void ship_halt(unsigned argc, const char *const *argv)
{
	(void)argc;
	(void)argv;
	ship_print("the machine is switched off\n");
	ship_drain();
	ths_stop(THS_STOP_OFF, 0);
}

/*
 * commands - all of them in one table: what `help` lists and the shell obeys.
 */
#include "ship.h"

const struct ship_command ship_commands[] = {
	{"bindings", "", "which module serves which interface",
	 "Calls name an interface; its binding says who serves it now. `published`\n"
	 "counts how often that changed.\n",
	 0, 0, ship_bindings},
	{"clients", "", "who owns which shared rows, and the blobs we know of",
	 "A row of a joint table belongs to the tasks that share it; it goes when the\n"
	 "last of them leaves or dies. A blob is a client's progress with a server,\n"
	 "and lies in the client's memory.\n",
	 0, 0, ship_clients},
	{"count", "", "count on in this shell's session with testsrv",
	 "The count lies in a blob of the shell's own, so it goes on across any swap\n"
	 "of testsrv.\n",
	 0, 0, ship_count},
	{"evolve", "FILE", "several modules change at once, wholly or not at all",
	 "FILE: an evolution file of the archive, see theseus-evolve(5). All of it is\n"
	 "loaded and verified, then published in one commit; if anything is wrong\n"
	 "nothing changes.\n",
	 1, 1, ship_evolve},
	{"fault", "KIND|all", "break testsrv in one of its ways, and see what is left",
	 "Kinds: null unmapped noncanonical text rodata data divide ud2 overrun loop\n"
	 "value midway nested error. testsrv writes rows, then goes wrong; the call\n"
	 "comes back with an error and the rows are as before. `log` has the fault's\n"
	 "place.\n",
	 1, 1, ship_fault},
	{"faults", "", "the fault log: what went wrong, what was done about it",
	 "A fault in a module that serves others is mended once: on probation by going\n"
	 "back, else by loading it anew; then the call is run again. If it faults\n"
	 "again the error is the caller's. Who faults eight times in a row is\n"
	 "replaced, or unbound.\n",
	 0, 0, ship_faults},
	{"graph", "", "what this system is made of, for theseus-graph",
	 "Modules, what they provide and use, the tables they work on, and who is\n"
	 "bound. Keep the lines (theseus-run --log FILE) and have them drawn:\n"
	 "theseus-graph --log FILE.\n",
	 0, 0, ship_graph},
	{"halt", "", "switch the machine off", "", 0, 0, ship_halt},
	{"help", "[COMMAND]", "this list, or more of one command", "", 0, 1, ship_help},
	{"irqs", "", "interrupts that no device had asked for",
	 "An interrupt is spurious if its line has gone by the time the controller is\n"
	 "asked; the count is irq.pic's, and outlives its swaps.\n",
	 0, 0, ship_irqs},
	{"log", "[LINES]", "the last lines of nano_core's log", "20 lines by default.\n",
	 0, 1, ship_log},
	{"mem", "", "memory: frames, and versions of rows kept ready",
	 "Frames of 4 KiB are mem.frames' to give; nano_core's boot reserve is not\n"
	 "among them. A row is written by making its next version; those come from\n"
	 "pools by size, and wait in limbo while somebody may still read the version\n"
	 "before.\n",
	 0, 0, ship_mem},
	{"modules", "", "instances of modules, loaded and bound",
	 "What they take in memory `spill` tells.\n", 0, 0, ship_modules},
	{"ps", "", "tasks", "", 0, 0, ship_ps},
	{"reboot", "", "reset the machine", "", 0, 0, ship_reboot},
	{"restore", "", "the saved tables become what an image says",
	 "An image: the lines that `save` printed, from BEGIN to END, now sent back\n"
	 "over the serial line, or pasted. It is restored in one commit; one that is\n"
	 "damaged, cut short, or of other tables is refused, and nothing has changed.\n"
	 "Restore first, then start clients.\n",
	 0, 0, ship_restore},
	{"rollback", "NAME", "take a swap back",
	 "NAME: an instance on PROBATION, as `modules` has it, or its interface. Who\n"
	 "served before it is kept until it has served 64 calls, or a second, without\n"
	 "a fault.\n",
	 1, 1, ship_rollback},
	{"save", "", "print an image of the tables that outlive a boot",
	 "Those are the tables marked `persist`; the image is of one moment. Keep its\n"
	 "lines, from BEGIN to END (theseus-run --log FILE), for `restore`. Between\n"
	 "these two it is base64 of what theseus-save(5) describes.\n",
	 0, 0, ship_save},
	{"spill", "", "how much state each module holds, and where its state is",
	 "A module holds none: its file has no writable section, its pages are not\n"
	 "mapped writable. The state it works on lies in the tables listed, which are\n"
	 "state_db's.\n",
	 0, 0, ship_spill},
	{"start", "[CLIENTS]", "start clients that count with testsrv", "1 to 8.\n", 0, 1,
	 ship_start},
	{"stop", "", "stop them, and tell what they were told",
	 "Each counts in a session of its own and checks that no number is left out or\n"
	 "told twice.\n",
	 0, 0, ship_stop},
	{"swap", "FROM TO", "module TO takes the place of FROM",
	 "FROM: an instance or an interface, as `modules` and `bindings` have them.\n"
	 "TO: an instance that is loaded but not bound, or a module of the archive,\n"
	 "which is loaded then. Nothing has to be quiet; calls in flight are run again\n"
	 "on TO. FROM is kept while TO is on probation, and serves again should TO\n"
	 "fail: see `rollback`.\n",
	 2, 2, ship_swap},
	{"tables", "", "the tables of state_db", "", 0, 0, ship_tables},
	{"total", "[AMOUNT]", "the sum of testsrv's counters, after adding to one",
	 "They are rows of a table that is saved.\n", 0, 1, ship_total},
};
const unsigned ship_commands_count = THS_ARRAY_SIZE(ship_commands);

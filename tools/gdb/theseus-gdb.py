"""theseus-gdb.py - what gdb cannot know of an OS on libtheseus: modules, tables, tasks.

    gdb os.elf -x "$(pkg-config --variable=gdbscript libtheseus)"
    (gdb) target remote :1234

A module has no symbols in the kernel's file: it was loaded. Here they come from
MODULE.tmod.debug, made beside each .tmod, and follow the modules: at each stop who has come
since is added, and who has gone is dropped, so that a breakpoint in a module holds after a
swap, in the new one.

    theseus path DIR...    where .tmod.debug files lie, before those that are installed
    theseus modules        instances: state, name, what they serve, where their text lies
    theseus tables         tables: rows in use, size of a row, schema
    theseus rows TABLE [N] rows of a table by its number or the beginning of its schema
    theseus tasks          tasks: state, CPU, where they are to go on
    theseus backtrace SLOT that task's calls
    theseus txn [CPU]      what the interaction in progress has read and written
    theseus log [LINES]    the last lines of the log

Nothing is called in the machine and nothing is written to it. It reads the structures of
libtheseus/nano_core/records_impl.h by the kernel's debug information; a kernel without
that is refused with a message.
"""
import os

import gdb

STATES = ["free", "loaded", "serves", "retired", "kept", "probation"]
CONTEXTS = ["free", "reserved", "runs", "sleeps", "dying"]  # enum context_state


def core():
    try:
        return gdb.parse_and_eval("ths_core")
    except gdb.error as error:
        raise gdb.GdbError("theseus: no ths_core with debug information: %s" % error)


def text(value):
    return value.string(errors="replace")


def atomic(value):
    return int(value.cast(value.type.unqualified()))


def instances():
    """Slot and struct ths_instance of each that there is."""
    everything = core()
    first = everything["instance"]
    if int(first) == 0:
        return
    for slot in range(1, atomic(everything["instances"])):
        instance = first[slot]
        if int(instance["state"]) != 0:
            yield slot, instance


def provides(instance):
    if int(instance["module"]) == 0:
        return "-"
    iface = instance["module"]["provides"]["iface"]
    return "-" if int(iface) == 0 else "%s/%d" % (text(iface["name"]), int(iface["version"]))


# ---- symbols of modules ------------------------------------------------------------------


class Symbols:
    """Keeps gdb's symbol files those of the modules that are loaded."""

    def __init__(self):
        self.folders = []
        self.added = {}  # (slot, generation, address of text): the file
        self.missing = set()

    def find(self, module):
        for folder in self.folders:
            path = os.path.join(folder, module + ".tmod.debug")
            if os.path.exists(path):
                return path
        return None

    def loaded(self):
        there = {}
        for slot, instance in instances():
            if int(instance["pages"]) == 0 or int(instance["module"]) == 0:
                continue
            key = (slot, int(instance["generation"]), int(instance["text"]))
            there[key] = (text(instance["module"]["id"]), int(instance["rodata"]))
        return there

    def follow(self):
        there = self.loaded()
        for key in [key for key in self.added if key not in there]:
            gdb.execute("remove-symbol-file -a 0x%x" % key[2], to_string=True)
            del self.added[key]
        for key, (module, rodata) in there.items():
            if key in self.added or gdb.block_for_pc(key[2]):
                continue  # known: the copy of state_db that is part of the kernel is, too
            path = self.find(module)
            if path is None:
                self.missing.add(module)
                continue
            gdb.execute("add-symbol-file '%s' -s .text 0x%x -s .rodata 0x%x"
                        % (path, key[2], rodata), to_string=True)
            self.added[key] = path
            print("theseus: symbols of %s at 0x%x" % (module, key[2]))


symbols = Symbols()


def on_stop(_event):
    try:
        symbols.follow()
    except (gdb.error, gdb.GdbError, gdb.MemoryError):
        pass  # before the kernel is up there is nothing to follow


# ---- commands ----------------------------------------------------------------------------


class Theseus(gdb.Command):
    """An OS on libtheseus: theseus path, modules, tables, rows, tasks, backtrace, txn, log."""

    def __init__(self):
        super().__init__("theseus", gdb.COMMAND_DATA, prefix=True)


class Command(gdb.Command):
    name = None

    def __init__(self):
        super().__init__("theseus " + self.name, gdb.COMMAND_DATA)

    def invoke(self, argument, _from_tty):
        try:
            self.run(gdb.string_to_argv(argument))
        except gdb.MemoryError as error:
            raise gdb.GdbError("theseus: is the machine up yet? %s" % error)


class Path(Command):
    """theseus path DIR...: look for MODULE.tmod.debug files there, before other places."""
    name = "path"

    def run(self, words):
        symbols.folders = [os.path.abspath(word) for word in words] + symbols.folders
        symbols.missing.clear()
        on_stop(None)
        print("theseus: looks in " + (", ".join(symbols.folders) or "no folder"))


class Modules(Command):
    """theseus modules: each instance, its state, what it serves, calls, and its text."""
    name = "modules"

    def run(self, _words):
        print("%4s %-9s %-20s %-16s %9s  %s" % ("slot", "state", "name", "serves", "calls", "text"))
        for slot, instance in instances():
            calls = sum(int(instance["calls"][cpu]) for cpu in range(int(core()["cpus"])))
            at = "in the kernel" if int(instance["pages"]) == 0 else "0x%x" % int(instance["text"])
            print("%4d %-9s %-20s %-16s %9d  %s" % (
                slot, STATES[int(instance["state"])], text(instance["name"]),
                provides(instance), calls, at))
        if symbols.missing:
            print("no symbols of: " + ", ".join(sorted(symbols.missing)) + "; see theseus path")


def tables():
    everything = core()
    for number in range(atomic(everything["tables"])):
        table = everything["table"][number]
        if text(table["schema"]):
            yield number, table


class Tables(Command):
    """theseus tables: each table, its live rows, how many there may be, and a row's size."""
    name = "tables"

    def run(self, _words):
        print("%4s %8s %8s %6s  %s" % ("no.", "live", "rows", "bytes", "schema"))
        for number, table in tables():
            print("%4d %8d %8d %6d  %s%s" % (
                number, atomic(table["live"]), int(table["rows"]), atomic(table["row_size"]),
                text(table["schema"]),
                " of " + text(table["instance"]) if text(table["instance"]) else ""))


def table_named(word):
    for number, table in tables():
        if word == str(number) or text(table["schema"]).startswith(word):
            return number, table
    raise gdb.GdbError("theseus: no table %s; see theseus tables" % word)


def row_type(number):
    """The C type of the table's rows, as a module whose symbols are there declares it."""
    for _slot, instance in instances():
        if int(instance["module"]) == 0:
            continue
        for slot in range(len(instance["table"].type.fields()) or 8):
            table = instance["table"][slot]
            if int(table) == 0 or table != core()["table"][number].address:
                continue
            name = instance["module"]["tables"][slot]["row"]
            if int(name) == 0:
                continue
            try:
                return gdb.lookup_type(text(name))
            except gdb.error:
                continue
    return None


class Rows(Command):
    """theseus rows TABLE [N]: the first N (16) live rows, in their C type if that is known."""
    name = "rows"

    def run(self, words):
        if not 1 <= len(words) <= 2:
            raise gdb.GdbError("theseus rows TABLE [N]")
        number, table = table_named(words[0])
        left = int(words[1]) if len(words) == 2 else 16
        kind, size = row_type(number), atomic(table["row_size"])
        version_type = gdb.lookup_type("struct ths_version").pointer()
        for row in range(min(int(table["rows"]), atomic(table["grown"]) or int(table["rows"]))):
            word = atomic(table["slots"][row]["word"])
            if word == 0 or left == 0:
                continue
            version = gdb.Value(word & ~3).cast(version_type)
            if int(version["flags"]) & 1:
                continue
            left -= 1
            data = version["data"].address
            if kind is not None and kind.sizeof == size:
                shown = data.cast(kind.pointer()).dereference().format_string(max_elements=32)
            else:
                shown = bytes(gdb.selected_inferior().read_memory(int(data), size)).hex(" ", 8)
            print("%d (generation %d): %s" % (row, int(version["generation"]), shown))


class Tasks(Command):
    """theseus tasks: each task's slot, state, CPU, and where it is to go on."""
    name = "tasks"

    def run(self, _words):
        everything = core()
        running = [int(everything["cpu"][cpu]["current"]) for cpu in range(int(everything["cpus"]))]
        for slot in range(int(everything["contexts_used"])):
            context = everything["context"][slot]
            state = atomic(context["state"])
            if state == 0:
                continue
            entry = gdb.block_for_pc(int(context["entry"])) if int(context["entry"]) else None
            print("%4d %-7s cpu %d  %s%s" % (
                slot, CONTEXTS[state], int(context["cpu"]),
                entry.function if entry and entry.function else "0x%x" % int(context["entry"]),
                "  now" if slot in running else ""))


class Backtrace(Command):
    """theseus backtrace SLOT: the calls of a task that does not run at the moment."""
    name = "backtrace"

    def run(self, words):
        if len(words) != 1:
            raise gdb.GdbError("theseus backtrace SLOT")
        context = core()["context"][int(words[0])]
        if atomic(context["state"]) == 0 or bool(context["on_cpu"]):
            raise gdb.GdbError("theseus: that task runs now, or there is none: see theseus tasks")
        stack, top = int(context["arch"]["rsp"]), int(context["stack"]) + 16 * 1024
        pointer = gdb.lookup_type("unsigned long").pointer()
        while stack < top:  # words that are return addresses into functions we know
            value = int(gdb.Value(stack).cast(pointer).dereference())
            block = gdb.block_for_pc(value) if value else None
            while block and not block.function:
                block = block.superblock
            if block and value != block.start:
                print("  0x%x in %s+0x%x" % (value, block.function, value - block.start))
            stack += 8


class Txn(Command):
    """theseus txn [CPU]: reads and writes of the interaction in progress."""
    name = "txn"

    def run(self, words):
        everything = core()
        cpu = everything["cpu"][int(words[0]) if words else 0]
        if atomic(cpu["activity"]) % 2 == 0:
            print("no interaction is in progress on CPU %d" % int(cpu["number"]))
            return
        txn = cpu["txn"]
        reads = (int(txn["read_next"]) - int(txn["read"].address)) // txn["read"][0].type.sizeof
        print("CPU %d, in %s, depth %d: %d read, %d written" % (
            int(cpu["number"]), text(cpu["serving"]["name"]), int(cpu["call"]["depth"]),
            reads, int(txn["writes"])))
        for index in range(int(txn["writes"])):
            write = txn["write"][index]
            schema = text(write["table"]["schema"]) if int(write["table"]) else "nano_core"
            print("  writes %s row %d" % (schema, int(write["row"])))


class Log(Command):
    """theseus log [LINES]: the last lines of the log (20)."""
    name = "log"

    def run(self, words):
        log = gdb.parse_and_eval("'log.c'::log_")
        size, written = log["ring"].type.sizeof, int(log["written"])
        ring = bytes(gdb.selected_inferior().read_memory(int(log["ring"].address), size))
        kept = ring[:written] if written < size else ring[written % size:] + ring[:written % size]
        lines = kept.decode("ascii", "replace").splitlines()
        print("\n".join(lines[-(int(words[0]) if words else 20):]))


Theseus()
for command in (Path, Modules, Tables, Rows, Tasks, Backtrace, Txn, Log):
    command()
HERE = os.path.dirname(os.path.abspath(__file__))
for folder in (os.path.join("..", "..", "lib", "libtheseus", "debug"),  # installed
               os.path.join("..", "..", "modules")):  # where it was built
    if os.path.isdir(os.path.join(HERE, folder)):
        symbols.folders.append(os.path.normpath(os.path.join(HERE, folder)))
gdb.events.stop.connect(on_stop)

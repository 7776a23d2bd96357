"""console - sits before the console of a running ship, types, and reads what comes.

What comes is fed to a terminal of a few rows, enough of an xterm to tell what a person
would see: what stands in the row of the cursor, and where the cursor is. Every wait has
an end: a console that does not answer in time is a Silence, with all that was said.
"""

import os
import re
import select
import subprocess
import sys
import time

PROMPT = "ship> "
PROMPT_DRAWN = b"\r" + PROMPT.encode() + b"\x1b[K"


class Silence(Exception):
    """What was waited for did not come."""


class Terminal:
    """Rows of text, a cursor; what is not understood is counted, not ignored."""

    def __init__(self):
        self.rows, self.row, self.column = [""], 0, 0
        self.bells, self.strange, self.rest = 0, 0, ""

    def put(self, char):
        row = self.rows[self.row].ljust(self.column)
        self.rows[self.row] = row[: self.column] + char + row[self.column + 1 :]
        self.column += 1

    def sequence(self, number, letter):
        if letter == "K" and number == "":
            self.rows[self.row] = self.rows[self.row][: self.column]
        elif letter == "D":
            self.column = max(0, self.column - int(number or 1))
        elif letter == "H" and number == "":
            self.row = self.column = 0
        elif letter == "J" and number == "2":
            self.rows = [""] * (self.row + 1)
        else:
            self.strange += 1

    def feed(self, text):
        text, self.rest = self.rest + text, ""
        while text:
            found = re.match(r"\x1b\[([0-9;]*)([@-~])", text)
            if found:
                self.sequence(found.group(1), found.group(2))
                text = text[found.end() :]
                continue
            if re.fullmatch(r"\x1b(\[[0-9;]*)?", text):
                self.rest = text  # the end of it is still to come
                return
            char, text = text[0], text[1:]
            if char == "\r":
                self.column = 0
            elif char == "\n":
                self.row += 1
                while len(self.rows) <= self.row:
                    self.rows.append("")
            elif char == "\a":
                self.bells += 1
            elif char >= " ":
                self.put(char)
            else:
                self.strange += 1

    def line(self):
        """What stands behind the prompt, and the cursor's place in it; None: no prompt."""
        row = self.rows[self.row]
        if not row.startswith(PROMPT):
            return None
        return row[len(PROMPT) :], self.column - len(PROMPT)


class Console:
    def __init__(self, argv, patience=600):
        self.patience = patience
        self.said = b""  # since the last take()
        self.terminal = Terminal()
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def listen(self, seconds):
        """False: the line is closed."""
        out = self.process.stdout.fileno()
        if select.select([out], [], [], seconds)[0]:
            data = os.read(out, 65536)
            if not data:
                return False
            self.said += data
            self.terminal.feed(data.decode("latin-1"))
        return True

    def until(self, ready, what):
        end = time.monotonic() + self.patience
        while not ready():
            if time.monotonic() > end or not self.listen(0.2):
                if not ready():
                    raise Silence("no %s; the console said: %r" % (what, self.said))

    def type(self, keys):
        self.process.stdin.write(keys.encode("latin-1"))
        self.process.stdin.flush()

    def take(self, mark, what):
        """What came up to and with the mark."""
        self.until(lambda: mark in self.said, what)
        before, self.said = self.said.split(mark, 1)
        return before.decode("latin-1").replace("\r\n", "\n")

    def boot(self):
        return self.take(PROMPT_DRAWN, "prompt")

    def command(self, line):
        """Runs it; the lines it printed."""
        self.type(line + "\r")
        answer = self.take(PROMPT_DRAWN, "prompt after %r" % line)
        echo, _, answer = answer.partition("\n")
        if echo != line:
            raise Silence("%r was echoed as %r, then came %r" % (line, echo, answer))
        return answer.splitlines()

    def shows(self, text, cursor):
        """The line in progress comes to be this."""
        self.until(
            lambda: self.terminal.line() == (text, cursor),
            "line %r with the cursor at %d (but %r)" % (text, cursor, self.terminal.line()),
        )

    def leaves(self):
        """Its exit status, once it has closed the line by itself."""
        end = time.monotonic() + self.patience
        while self.listen(0.2):
            if time.monotonic() > end:
                raise Silence("it does not end; it said: %r" % self.said)
        return self.process.wait(timeout=self.patience)

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Tap:
    """Counts, prints, and ends with the plan."""

    def __init__(self):
        self.count = self.failed = 0

    def ok(self, holds, name, *why):
        self.count += 1
        self.failed += not holds
        print("%sok %d - %s" % ("" if holds else "not ", self.count, name))
        if not holds:
            for text in why:
                for line in str(text).splitlines():
                    print("# " + line)
        sys.stdout.flush()
        return holds

    def matches(self, lines, patterns, name):
        """As many lines as patterns, each matching wholly."""
        wrong = [
            "%r is not %r" % pair
            for pair in zip(lines, patterns)
            if not re.fullmatch(pair[1], pair[0])
        ]
        if len(lines) != len(patterns):
            wrong.append("%d lines, not %d: %r" % (len(lines), len(patterns), lines))
        self.ok(not wrong, name, *wrong)

    def plan(self):
        print("1..%d" % self.count)
        return 1 if self.failed else 0

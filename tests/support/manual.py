#!/usr/bin/env python3
"""manual - runs the EXAMPLES, or the STEPS, of man pages, as they stand there.

    manual.py [--steps] PAGE...

With --steps it says of each subsection whether it went well. Each page's displays run in an
empty folder, in their order, with what is installed: the tools on PATH, pkg-config's
packages. What a display is follows from the line before it and from its text (HACKING.md,
"Examples in pages"):

    .Pa NAME :                  it is the file NAME
    a line ending in "prints:"  it is what the last program printed
    its lines begin with "$ "   a session: commands, and under each what it prints
    it has main(                a program: built with the page's modules, for the host, run
    it has THS_MODULE(          a module: built into a .tmod, and bound on the host; so is
                                what another macro of such a name makes

A display that is none of these is an error, as is a page without any. In what is
printed "..." stands for anything; a command without lines below may print what it likes.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

LIMIT = 300  # s for one command: it hangs
ESCAPES = {r'\e': '\\', r'\&': '', r'\-': '-', r'\(dq': '"', r'\(aq': "'", r'\(ti': '~',
           r'\(ha': '^', r'\(ga': '`', r'\(rs': '\\'}
MODULE = re.compile(r'\b[A-Z_]+_MODULE\(\s*(\w+),\s*"([^"]+)"')
WARN = '-Wall -Wextra -Werror'
# What binds modules that no program of their page calls.
BINDS = r'''
#include <stdio.h>
#include <theseus/host.h>
#include <theseus/nano_core.h>
%s
static void program(void *arg)
{
	static const struct ths_module *const modules[] = {%s};
	struct ths_reason reason = {""};
	uint32_t slot;

	(void)arg;
	for (unsigned i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		enum ths_err err = ths_module_add(modules[i], NULL, &slot, &reason);

		if (err == THS_OK)
			err = ths_bind(slot, "");
		if (err != THS_OK) {
			printf("%%s: %%s %%s\n", modules[i]->id, ths_err_name(err), reason.text);
			ths_stop(THS_STOP_TEST, 1);
		}
	}
	ths_stop(THS_STOP_OFF, 0);
}
THS_PROGRAM("main", program);
int main(void)
{
	struct ths_host_stop stop;

	ths_host_boot(&stop);
	return stop.how != THS_STOP_OFF;
}
'''


class Wrong(Exception):
    """What an example has wrong, as a sentence."""


def unescape(text):
    return re.sub(r'\\(?:\([a-z]{2}|.)', lambda m: ESCAPES.get(m.group(), m.group()), text)


def displays(page):
    """A page's displays that run: step, line number, the line before, text."""
    found, section, step, before, inside = [], '', '', '', None
    with open(page, encoding='utf-8') as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip('\n')
            if line.startswith('.Sh '):
                section = step = line[4:]
            elif section not in ('EXAMPLES', 'STEPS'):
                continue
            elif line.startswith('.Ss '):
                step = unescape(line[4:])
            elif inside is not None:
                if line == '.Ed':
                    found.append((*start, '\n'.join(inside) + '\n'))
                    inside = None
                else:
                    inside.append(unescape(line))
            elif line.startswith('.Bd '):
                start, inside = (step, number, before), []
            elif line.startswith('.Dl '):
                found.append((step, number, before, unescape(line[4:]) + '\n'))
            before = line
    return found


def kind_of(before, text):
    named = re.fullmatch(r'\.Pa (\S+) :', before)
    if named:
        return 'file', named.group(1)
    if before.endswith('prints:'):
        return 'printed', None
    if text.startswith('$ '):
        return 'session', None
    if re.search(r'\bmain\(', text):
        return 'program', None
    if MODULE.search(text):
        return 'module', None
    raise Wrong('is no file, no session, no program, no module, and nothing that is printed')


def matches(expected, said):
    pattern = re.escape(expected)
    pattern = re.sub(r'(?m)^(?:\\ )*\\\.\\\.\\\.\\\n', r'(?:.*\\n)*', pattern)
    return re.fullmatch(pattern.replace(r'\.\.\.', '.*'), said)


def compare(expected, said, whose):
    if not matches(expected, said):
        raise Wrong(f'{whose} prints\n{said}and not\n{expected}')


class Folder:
    """Where the examples of a page run."""

    def __init__(self, path):
        self.path, self.modules, self.sources = path, [], {}
        self.called, self.printed = False, None
        os.makedirs(f'{path}/.bin')
        with open(f'{path}/.bin/cc', 'w') as cc:
            cc.write(f'#!/bin/sh\nexec {os.environ.get("CC_FOR_BUILD") or shutil.which("cc")} "$@"\n')
        os.chmod(f'{path}/.bin/cc', 0o755)
        with open(f'{path}/.state', 'w') as state:
            state.write(f'PATH={path}/.bin:$PATH; unset MAKEFLAGS MFLAGS MAKELEVEL\n'
                        f'export PATH\nset -a\ncd {path}\n')

    def write(self, name, text):
        os.makedirs(os.path.dirname(f'{self.path}/{name}') or '.', exist_ok=True)
        with open(f'{self.path}/{name}', 'w') as file:
            file.write(text)

    def run(self, command):
        """A command of a shell that goes on: its folder and what it exports stay."""
        script = (f'. {self.path}/.state\n{command}\nstatus=$?\n'
                  f'{{ export -p; echo "set -a; cd \'$PWD\'"; }} >{self.path}/.state\nexit $status\n')
        try:
            done = subprocess.run(['sh', '-c', script], cwd=self.path, timeout=LIMIT,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, errors='replace')
        except subprocess.TimeoutExpired as hung:
            raise Wrong(f'{command}: not done after {LIMIT} s') from hung
        if done.returncode != 0:
            raise Wrong(f'{command}: exit status {done.returncode}\n{done.stdout}')
        return done.stdout

    def session(self, text):
        command, expected = None, ''
        for line in text.splitlines(True) + ['$ \n']:
            if line.startswith('$ '):
                if command is not None:
                    said = self.run(command)
                    if expected:
                        compare(expected, said, command)
                command, expected = line[2:].rstrip('\n'), ''
            elif line.startswith('> ') and not expected:
                command += '\n' + line[2:].rstrip('\n')
            else:
                expected += line

    def module(self, text):
        for token, ident in MODULE.findall(text):
            self.modules.append(token)
            self.write(f'{token}.c', text)
            self.write(f'{token}.mk', 'include $(shell pkg-config --variable=makefile libtheseus)\n'
                       f'$(eval $(call theseus_module,{ident},{token}.c,{WARN}))\n')
            self.run(f'make -s -f {token}.mk {ident}.tmod')

    def program(self, text):
        """Build it with the modules there are so far; what it prints."""
        self.write('program.c', text)
        sources = ' '.join(['program.c'] + [f'{token}.c' for token in self.modules])
        self.run(f'cc -g {WARN} -o program {sources} '
                 '$(pkg-config --cflags --libs libtheseus-host)')
        self.called = True
        return self.run('./program 2>.log || { status=$?; cat .log; exit $status; }')

    def bind_modules(self):
        """Modules that no program called are bound, at least."""
        if self.modules and not self.called:
            self.program(BINDS % (
                ''.join(f'extern const struct ths_module ths_module_{t};\n' for t in self.modules),
                ', '.join(f'&ths_module_{t}' for t in self.modules)))

    def show(self, before, text):
        kind, name = kind_of(before, text)
        if kind == 'file':
            self.write(name, text)
        elif kind == 'printed':
            if self.printed is None:
                raise Wrong('says what a program prints, and there is none')
            compare(text, self.printed, 'the program')
        elif kind == 'program':
            self.printed = self.program(text)
        else:
            getattr(self, kind)(text)


def check(page, say):
    """Run a page's examples, and say() how each step went; the number of displays."""
    found = displays(page)
    if not found:
        raise Wrong(f'{page}: no examples')
    with tempfile.TemporaryDirectory() as path:
        folder = Folder(path)
        for at, (step, number, before, text) in enumerate(found):
            try:
                folder.show(before, text)
            except Wrong as wrong:
                say(f'FAIL: {step}')
                raise Wrong(f'{page}:{number}: {wrong}') from wrong
            if at + 1 == len(found) or found[at + 1][0] != step:
                say(f'PASS: {step}')
        folder.bind_modules()
    return len(found)


def main(words):
    pages = [word for word in words if word != '--steps']
    failed = False
    for page in pages:
        try:
            count = check(page, print if pages != words else lambda text: None)
            print(f'{page}: {count} displays')
        except Wrong as wrong:
            failed = True
            print(wrong)
    return failed or not pages


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

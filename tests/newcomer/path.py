#!/usr/bin/env python3
"""path - what README.md and theseus-tutorial(7) say, done from beginning to end.

Run by `newcomer` in a bare Debian, at the top of an unpacked tarball, after ./bootstrap. The
commands are README.md's own: the lines that stand in by a tab, those of a way of use in
one shell, what begins "ship> " typed at the console of ship. Each step is printed with PASS
or FAIL; the last line counts.
"""
import os
import re
import subprocess
import sys
import time

TOP = os.getcwd()
sys.path.insert(0, f'{TOP}/tests/support')
from console import Console  # noqa: E402
import manual  # noqa: E402

MAN = '/usr/local/share/man'
LOG = '/tmp/path.log'
passed = failed = 0


def step(name, act):
    """Whether act() went well, by no exception; that is said, and counted."""
    global passed, failed
    start = time.monotonic()
    try:
        act()
        passed += 1
        print(f'PASS: {name} ({time.monotonic() - start:.0f} s)', flush=True)
    except Exception as wrong:  # whatever it is, the step failed
        failed += 1
        print(f'FAIL: {name}\n{wrong}'.rstrip()[-8000:], flush=True)


def shell(script):
    done = subprocess.run(['sh', '-euxc', script], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise RuntimeError(f'exit status {done.returncode}\n{done.stdout}')
    return done.stdout


def console(script, lines):
    """A script that ends before ship's prompt, where the lines are typed."""
    ship = Console(['sh', '-euc', script], patience=1800)
    try:
        ship.boot()
        for line in lines:
            ship.command(line)
        ship.type('halt\r')
        if ship.leaves() != 0:
            raise RuntimeError(f'it ended with an error: {ship.said!r}')
    finally:
        ship.end()


def readme():
    """README.md's commands: by heading, and by way of use."""
    blocks, name = {}, ''
    with open('README.md', encoding='utf-8') as lines:
        for line in lines:
            found = re.match(r'## (.*)|\*\*([0-9])\. ', line)
            if found:
                name = found.group(1) or found.group(2)
            elif line.startswith('\t'):
                blocks.setdefault(name, []).append(line[1:].rstrip('\n'))
    return blocks


def command(line):
    """Without the comment behind it."""
    return re.sub(r'\s+# .*', '', line)


def files():
    """Every file of the system but where packages and tests keep theirs, and our folders."""
    out = shell(r"find / -xdev \( -path /proc -o -path /src -o -path /tmp -o -path /root "
                r"-o -path /var/cache \) -prune -o \( ! -type d -o -name '*theseus*' \) -print")
    return set(line for line in out.splitlines() if line.startswith('/'))


def pages_are_found():
    pages = sorted(os.listdir('man'))
    for page in pages:
        name, dot, section = page.rpartition('.')
        if dot and section.isdigit():
            shell(f'man -w {section} {name}')
    if 'NAME' not in shell('man 7 theseus | cat'):
        raise RuntimeError('man prints no page')


def tutorial():
    if manual.main(['--steps', f'{MAN}/man7/theseus-tutorial.7']):
        raise RuntimeError('see above')


def packages_are_found():
    for name in ('libtheseus', 'libtheseus-kernel', 'libtheseus-host'):
        shell(f'pkg-config --exists --print-errors {name}')
    shell('test -d $(pkg-config --variable=moduledir libtheseus)')


def nothing_is_left(before):
    shell('make uninstall')
    left = files() - before
    if left:
        raise RuntimeError('these are left:\n' + '\n'.join(sorted(left)))


def main():
    blocks = readme()
    set_up = [command(line) for line in blocks['Set up']]
    typed = [line[6:] for line in blocks['1'] if line.startswith('ship> ')]
    run, install = set_up[0], next(line for line in set_up if 'make install' in line)
    ways = '\n'.join(blocks['2'] + [command(line) for line in blocks['3']])

    step(f'{run}; ship> {"; ".join(typed)}', lambda: console(run, typed))
    step('make run RUNFLAGS=--uefi', lambda: console('make run RUNFLAGS=--uefi', ['modules']))
    step(next(line for line in set_up if 'man-db' in line),
         lambda: shell(next(line for line in set_up if 'man-db' in line)))
    before = files()
    step(install, lambda: shell(install))
    step('pkg-config', packages_are_found)
    step('man, each page', pages_are_found)
    step('theseus-tutorial(7)', tutorial)
    step('README.md, ways 2 and 3', lambda: console(ways, ['swap sched sched.mine']))
    step('README.md, way 4', lambda: shell(
        'cd mine\ncp ../examples/hello/hello.c os.c\n' + '\n'.join(blocks['4'])))
    step('make uninstall leaves nothing', lambda: nothing_is_left(before))
    print(f'newcomer: {passed} passed, {failed} failed')
    return failed != 0


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/env python3
"""claims - what README.md and the manual promise has a test, and the table that says which
keeps up with both.

tests/claims.tsv has a line for each promise, or for a few that one test shows together:

    page    README.md, or a file of man/
    words   as they stand in the page; punctuation, blanks and mdoc's macros do not count
    test    a file that a target of the build runs; `-` for what nothing tries
    names   of what in it shows this, with `; ` between; or why nothing tries it

    C1  The words stand in the page.
    C2  The test is there, and is one of the build's.
    C3  Each name stands in it: in C a test of libcheck; else any text, which may also stand
        in a file beside it that it names, or in a source below its folder, of a kernel.
    C4  README.md and each page of sections 1, 5 and 7 have a line.
    C5  What has no test has a reason, and is one in thirty at most.
    C6  No line stands there twice.

Section 9 is compared with the headers, by reference.py.
"""
import collections
import glob
import os
import re
import sys

TABLE = 'tests/claims.tsv'
MACROS = set('''Ar Fl Cm Xr Fn Er Dv Va Vt Pa Li Ql Ic Op Oo Oc Ns No Em Sy Dq Qq Pq Po Pc Ta In
Ev Fa Ft It Dl D1 Pf Sx Brq'''.split())
Line = collections.namedtuple('Line', 'number page words test names')
findings = []


def finding(line, text):
    findings.append(f'{TABLE}:{line.number}: {text}')


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def words_of(text):
    """What counts of a text: its words, each behind a blank, with one at the end."""
    return ' ' + ' '.join(re.findall(r'\w+', text)) + ' '


def plain(page):
    """An mdoc page without macros and escapes; a bare .Nm is the page's name."""
    name, lines = '', []
    for line in page.split('\n'):
        if line.startswith('.\\"'):
            continue
        if line.startswith('.'):
            macro, *rest = line[1:].split(' ')
            if macro == 'Nm':
                name = name or ' '.join(rest)
                rest = rest if re.search(r'\w', ' '.join(rest)) else [name] + rest
            line = ' '.join(word for word in rest if word not in MACROS)
        lines.append(re.sub(r'\\(\(..|\[[^]]*\]|.)', ' ', line))
    return '\n'.join(lines)


def table():
    lines = []
    for number, text in enumerate(read(TABLE).split('\n'), 1):
        if not text or text.startswith('#'):
            continue
        fields = text.split('\t')
        if len(fields) != 4:
            findings.append(f'{TABLE}:{number}: has {len(fields)} fields, not 4')
            continue
        lines.append(Line(number, *fields))
    return lines


def pages():
    found = {'README.md': words_of(read('README.md'))}
    for path in glob.glob('man/*.[157]'):
        found[os.path.basename(path)] = words_of(plain(read(path)))
    return found


def names_in(test):
    """A function that tells whether a name stands in the test."""
    if test.endswith('.c'):
        tests = set(re.findall(r'START_TEST\((\w+)\)', read(test)))
        return lambda name: name in tests
    room = os.path.dirname(test)
    text = read(test)
    beside = [path for path in glob.glob(f'{room}/*.*') if os.path.basename(path) in text]
    below = glob.glob(f'{room}/*/**/*.[chS]', recursive=True)
    parts = [text] + [read(path) for path in beside + below]
    return lambda name: any(name in part for part in parts)


def check(line, page_words, built, knows):
    if line.page not in page_words:
        finding(line, f'there is no page {line.page}')
        return
    words = words_of(line.words)
    if len(words.split()) < 2 or words not in page_words[line.page]:
        finding(line, f'does not stand in {line.page}: {line.words}')
    if line.test == '-':
        if len(line.names.split()) < 3:
            finding(line, f'no reason why nothing tries: {line.words}')
        return
    if not os.path.isfile(line.test):
        finding(line, f'there is no test {line.test}')
        return
    if line.test not in built and line.test.removesuffix('.c') not in built:
        finding(line, f'no target of the build runs {line.test}')
    if line.test not in knows:
        knows[line.test] = names_in(line.test)
    for name in filter(None, line.names.split('; ')):
        if not knows[line.test](name):
            finding(line, f'{line.test} has no {name}')
    if line.test.endswith('.c') and not line.names:
        finding(line, f'names no test of {line.test}')


def main():
    os.chdir(os.environ['top_srcdir'])
    built = set(os.environ['CHECK_TESTS'].split())
    lines, page_words, knows, seen = table(), pages(), {}, set()
    for line in lines:
        check(line, page_words, built, knows)
        if line[1:] in seen:
            finding(line, 'stands there twice')
        seen.add(line[1:])
    for page in sorted(set(page_words) - {line.page for line in lines}):
        findings.append(f'{TABLE}: no line of {page}')
    untried = sum(line.test == '-' for line in lines)
    if untried * 30 > len(lines):
        findings.append(f'{TABLE}: {untried} of {len(lines)} lines have no test')
    print('\n'.join(findings) or f'{len(lines)} lines, {len(page_words)} pages, {len(knows)} '
          f'tests; {untried} lines have none')
    return 1 if findings else 0


sys.exit(main())

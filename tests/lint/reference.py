#!/usr/bin/env python3
"""reference - section 9 and the public headers say the same.

Each <theseus/NOUN.h> has a page ths_NOUN(9), each <theseus/iface/NOUN.h> a page
ths_iface_NOUN(9), and the other way round.

    R1  Every public symbol of a header is documented in its page: a function and a macro
        with arguments in the SYNOPSIS and in what follows it, a struct by `.It Vt "struct NAME"` with an
        `.It Va "DECLARATION"` for each member, other macros, enumerators and types by .Dv
        and .Vt. Private are names that end in '_', and static functions that are not inline.
        What THS_INTERFACE makes beside one caller an operation is said once, in
        ths_interface(9).
    R2  No page documents what is not there.
    R3  The SYNOPSIS is right: as C it compiles beside the headers, a member's declaration
        has the member's type, a macro's parameters are its own. By gcc and by clang.

clang's syntax tree says what a header declares.
"""
import glob
import json
import os
import re
import shlex
import subprocess
import sys

FLAGS = ['-std=gnu17', '-Iinclude', '-Wall', '-Wextra', '-Werror']
CLANG = os.environ.get('CLANG', 'clang')
HOSTED = {'host', 'point'}  # headers that say more to the hosted library
WINDOW = ['-DTHS_ARCH_WINDOW=0x40000000', '-DTHS_ARCH_WINDOW_TABLE=window_']


def flags_of(noun):
    return FLAGS + (['-DTHS_HOST'] if noun in HOSTED else ['-ffreestanding']) + \
        (WINDOW if noun == 'arch_window' else [])


def run(command, **more):
    return subprocess.run(command, text=True, capture_output=True, check=False, **more)


class Header:
    """What a public header declares itself."""

    def __init__(self, path):
        self.path = path
        self.name = path[len('include/'):]
        noun = self.name[len('theseus/'):-len('.h')]
        self.page = 'ths_' + noun.replace('/', '_')
        self.flags = flags_of(noun)
        self.functions, self.structs, self.enums = {}, {}, {}
        self.types, self.variables, self.opaque = set(), set(), set()
        self.macros = {}  # name: parameters, or None
        self.read_tree()
        self.read_macros()

    def read_tree(self):
        done = run([CLANG, *self.flags, '-Wno-pragma-once-outside-header', '-fsyntax-only',
                    '-Xclang', '-ast-dump=json', '-x', 'c', self.path])
        if not done.stdout.startswith('{'):
            sys.exit(f'{self.path}: {done.stderr}')
        tree, file = json.loads(done.stdout), None

        def follow(node):
            """The file that was last named, as clang leaves out one it has just named."""
            nonlocal file
            if isinstance(node, dict):
                if 'offset' in node and 'file' in node:
                    file = node['file']
                for key, value in node.items():
                    if key != 'includedFrom':
                        follow(value)
            elif isinstance(node, list):
                for value in node:
                    follow(value)

        for node in tree['inner']:
            follow(node.get('loc'))
            if file == self.path and not node.get('isImplicit'):
                self.declared(node)
            follow({key: value for key, value in node.items() if key != 'loc'})

    def declared(self, node):
        kind, name = node['kind'], node.get('name')
        inner = node.get('inner', [])
        if kind == 'FunctionDecl':
            if node.get('storageClass') != 'static' or node.get('inline'):
                result = node['type']['qualType'].split('(')[0].strip()
                self.functions.setdefault(name, (result, [
                    (p['type']['qualType'], p.get('name', '')) for p in inner
                    if p['kind'] == 'ParmVarDecl'], node.get('variadic', False)))
        elif kind == 'RecordDecl' and name and node.get('completeDefinition'):
            self.structs[f'{node["tagUsed"]} {name}'] = self.members(inner)
        elif kind == 'RecordDecl' and name:
            self.opaque.add(f'{node["tagUsed"]} {name}')
        elif kind == 'EnumDecl':
            self.enums[f'enum {name}' if name else f'enum {len(self.enums)}'] = [
                e['name'] for e in inner if e['kind'] == 'EnumConstantDecl']
        elif kind == 'TypedefDecl':
            self.types.add(name)
        elif kind == 'VarDecl':
            self.variables.add(name)

    @staticmethod
    def members(inner):
        """Names and types; those of a member without a name count as the struct's own."""
        found, last = [], None
        for field in inner:
            if field['kind'] == 'RecordDecl':
                last = field
            elif field['kind'] == 'FieldDecl' and field.get('name'):
                found.append((field['name'], field['type']['qualType']))
            elif field['kind'] == 'FieldDecl':
                found += Header.members(last['inner'])
        return found

    def read_macros(self):
        done = run([CLANG, *self.flags, '-Wno-pragma-once-outside-header', '-E', '-dD', '-x',
                    'c', self.path])
        file = None
        for line in done.stdout.splitlines():
            marker = re.match(r'# \d+ "([^"]*)"', line)
            define = re.match(r'#define (\w+)(\(([^)]*)\))?', line)
            if marker:
                file = marker.group(1)
            elif file == self.path and define:
                self.macros[define.group(1)] = None if define.group(2) is None else \
                    [p.strip() for p in define.group(3).split(',') if p.strip()]
            elif file == self.path and line.startswith('#undef '):
                self.macros.pop(line.split()[1], None)

    def generated(self, name):
        """Whether THS_INTERFACE made this of an interface's name."""
        with open(self.path, encoding='utf-8') as text:
            made = re.findall(r'^THS_INTERFACE\((\w+),', text.read(), re.M)
        return any(re.fullmatch(f'(struct |enum )?{i}_(ops|op|iface|ops_info|ops_count|op_\\w+)'
                                f'|{i}_\\w+_with', name) for i in made)

    def public(self, names):
        return sorted(n for n in names if not n.endswith('_') and not self.generated(n))


def words(line):
    """A macro line's words; quoted ones are one."""
    try:
        return shlex.split(line[1:].replace('\\&', ''), posix=True)
    except ValueError:
        return line[1:].split()


class Page:
    """What a page documents."""

    def __init__(self, path):
        self.path = path
        self.includes, self.prototypes, self.macros = [], [], {}
        self.structs, self.named = {}, set()
        self.said = []  # (line, word) of .Fn, .Fo, .Dv, .Vt
        self.told = set()  # of these what stands behind the SYNOPSIS
        section, ft, fo, struct = '', None, None, None
        with open(path, encoding='utf-8') as lines:
            for number, line in enumerate(lines, 1):
                if not line.startswith('.') or line.startswith('.\\"'):
                    continue
                word = words(line.rstrip('\n'))
                if not word:
                    continue
                if word[0] == 'Sh':
                    section, struct = ' '.join(word[1:]), None
                self.collect(number, word, section != 'SYNOPSIS')
                if word[0] == 'It' and word[1:2] == ['Vt'] and len(word) > 2:
                    struct = self.structs.setdefault(word[2], [])
                elif word[0] == 'It' and word[1:2] == ['Va'] and struct is not None:
                    struct.append((number, word[2]))
                elif word[0] in ('Ss', 'It'):
                    struct = None if word[0] == 'Ss' or word[1:2] == ['Vt'] else struct
                if section != 'SYNOPSIS':
                    continue
                if word[0] == 'In':
                    self.includes.append(word[1])
                elif word[0] == 'Ft':
                    ft = word[1]
                elif word[0] == 'Fo':
                    fo = (word[1], [])
                elif word[0] == 'Fa' and fo:
                    fo[1].append(word[1])
                elif word[0] in ('Fc', 'Fn'):
                    name, args = fo if word[0] == 'Fc' else (word[1], word[2:])
                    if ft:
                        self.prototypes.append((number, ft, name, args))
                    else:
                        self.macros[name] = (number, args)
                    ft = fo = None

    def collect(self, number, word, telling):
        kind = tag = None
        for w in word:
            if w in ('struct', 'enum', 'union'):
                tag = w
                continue
            w, tag = f'{tag} {w}' if tag else w, None
            if w in ('Fn', 'Fo', 'Dv', 'Vt', 'Va', 'Er', 'Fa', 'Ft', 'Ic', 'Pa', 'Xr', 'Ev',
                     'Li', 'Ql', 'No', 'Ns', 'Cm'):
                kind = w
            elif kind in ('Fn', 'Fo', 'Dv', 'Vt', 'Er') and re.match(r'\w', w):
                self.named.add(w)
                self.said.append((number, w))
                self.told |= {w} if telling else set()
                kind = None if kind in ('Fn', 'Fo') else kind


def member_of(declaration):
    found = re.search(r'\(\*(\w+)\)', declaration) or \
        re.search(r'(\w+)\s*(\[[^\]]*\]\s*)*(:\s*\d+)?$', declaration)
    return found.group(1) if found else declaration


class Lint:
    def __init__(self):
        self.findings = []
        self.headers = [Header(path) for path in sorted(
            glob.glob('include/theseus/*.h') + glob.glob('include/theseus/iface/*.h'))]
        self.known = set()
        for header in self.headers:
            self.known |= set(header.functions) | set(header.macros) | header.types
            self.known |= header.opaque
            self.known |= header.variables | set(header.structs) | set(header.enums)
            self.known |= {c for constants in header.enums.values() for c in constants}

    def find(self, text):
        self.findings.append(text)

    def is_documented(self, header, page):
        """R1"""
        missing = []
        synopsis = {name for _, _, name, _ in page.prototypes}
        missing += [n for n in header.public(header.functions)
                    if n not in synopsis or n not in page.told]
        for name in header.public(header.macros):
            if header.macros[name] is not None and name not in header.functions:
                if name not in page.macros or name not in page.told:
                    missing.append(name)
            elif name not in page.named and name not in header.functions:
                missing.append(name)
        for name in header.public(header.structs):
            if name not in page.structs:
                missing.append(name)
                continue
            told = {member_of(d) for _, d in page.structs[name]}
            missing += [f'{name}.{m}' for m, _ in header.structs[name]
                        if m not in told and not m.endswith('_')]
        constants = [c for e in header.public(header.enums) for c in header.enums[e]]
        named_enums = [e for e in header.enums if not e[5:].isdigit()]
        for name in header.public([*constants, *named_enums, *header.types, *header.variables]):
            if name not in page.named and name not in page.structs:
                missing.append(name)
        for name in missing:
            self.find(f'{page.path}: says nothing of {name} of {header.path} (R1)')

    def is_there(self, page, header):
        """R2"""
        for number, name in page.said:
            if re.match(r'(struct |enum |union )?(ths|THS)_\w+$', name) and \
                    name not in self.known:
                self.find(f'{page.path}:{number}: there is no {name} (R2)')
        if header.name not in page.includes:
            self.find(f'{page.path}: its SYNOPSIS has no .In {header.name} (R3)')
        for number, _, name, _ in page.prototypes:
            if name not in header.functions:
                self.find(f'{page.path}:{number}: {header.path} has no {name}() (R2)')
        for name, (number, args) in page.macros.items():
            theirs = header.macros.get(name)
            if theirs is None:
                self.find(f'{page.path}:{number}: {header.path} has no macro {name}() (R2)')
            elif [a.strip('_') for a in args] != [a.strip('_') for a in theirs]:
                self.find(f'{page.path}:{number}: {name} has the parameters '
                          f'{", ".join(theirs)} (R3)')
        for name, members in page.structs.items():
            theirs = {m for m, _ in header.structs.get(name, [])}
            for number, declaration in members:
                if name in header.structs and member_of(declaration) not in theirs:
                    self.find(f'{page.path}:{number}: {name} has no member '
                              f'{member_of(declaration)} (R2)')

    def compiles(self, page, header):
        """R3"""
        lines = [f'#include <{name}>' for name in page.includes]
        lines += [f'#undef {name}' for _, _, name, _ in page.prototypes]
        for number, result, name, args in page.prototypes:
            lines += [f'#line {number} "{page.path}"', f'{result} {name}({", ".join(args) or "void"});']
        for number, (name, members) in enumerate(page.structs.items()):
            theirs = {m for m, _ in header.structs.get(name, [])}
            for line, declaration in members:
                member = member_of(declaration)
                if member not in theirs:
                    continue
                mine = f'page_{number}_{line}'
                lines += [
                    f'#line {line} "{page.path}"',
                    f'struct {mine} {{ {declaration}; }}; _Static_assert('
                    f'__builtin_types_compatible_p(__typeof__(((struct {mine} *)0)->{member}), '
                    f'__typeof__((({name} *)0)->{member})), "{name}.{member} is of another type");']
        text = '\n'.join(lines) + '\n'
        for compiler in dict.fromkeys([os.environ.get('CC', 'cc').split()[0], CLANG]):
            done = run([compiler, *header.flags, '-fsyntax-only', '-x', 'c', '-'], input=text)
            if done.returncode != 0:
                self.find(f'{compiler} refuses the SYNOPSIS of {page.path} (R3):\n{done.stderr}')

    def judge(self):
        pages = {os.path.basename(p)[:-2]: p for p in glob.glob('man/*.9')}
        opaque, said = set(), set()
        for header in self.headers:
            path = pages.pop(header.page, None)
            if not path:
                self.find(f'{header.path} has no page man/{header.page}.9 (R1)')
                continue
            page = Page(path)
            opaque |= header.opaque
            said |= page.named | set(header.structs)
            self.is_documented(header, page)
            self.is_there(page, header)
            self.compiles(page, header)
        for name in opaque - said:
            self.find(f'no page says anything of {name} (R1)')
        for path in pages.values():
            self.find(f'{path} is the page of no header (R2)')
        if not self.headers:
            self.find('no headers found')
        return self.findings


if __name__ == '__main__':
    if CLANG == 'no':
        print('clang is not installed')
        sys.exit(77)
    os.chdir(os.environ['top_srcdir'])
    findings = Lint().judge()
    print('\n'.join(findings) or 'section 9 and the headers say the same')
    sys.exit(bool(findings))

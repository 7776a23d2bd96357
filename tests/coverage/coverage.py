#!/usr/bin/env python3
"""coverage - which branches of the core the unit tests take.

usage: coverage.py [--bar PERCENT] [--all] GCOVR-JSON...

Reads what `gcovr --json` wrote. Counts branches a group, less those of lines that
unreached.tsv lists with the reason why no host test can take them; a line of that list
whose branches were all taken is a mistake in the list. Prints a table, and each line with
a branch not taken (--all: of every group; else of those below the bar).

Exit status: 0 every group is at or above the bar, 1 one is not or the list is wrong,
2 wrong usage.
"""
import argparse
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

# What the bar holds for, and which files are of it.
GROUPS = {
    "gate": r"nano_core/(gate|device|call|blob_copy|effect|sleep|work)\.c",
    "state_db": r"state_db/.*\.[ch]",
    "loader": r"nano_core/(loader|tmod|tmod_link|tmod_impl|instance|slots|layout|archive|symbols"
              r"|policy)\.[ch]",
    "metamodule": r"nano_core/(meta|meta_fault|state_move|db)\.c",
    "swap": r"nano_core/(swap|swap_impl|set|migrate|sweep|evolve|evolve_read|interpose|probation"
            r"|cascade)\.[ch]",
    "blob": r"base/(blob|siphash)\.c",
    "patterns": r"patterns/.*\.c",
}


def source_line(path, number):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read().split("\n")[number - 1]


def read_list():
    """unreached.tsv: file, text that the line contains, reason."""
    entries = []
    with open(os.path.join(HERE, "unreached.tsv"), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.startswith("#") or not line.strip():
                continue
            fields = line.rstrip("\n").split("\t")
            if len(fields) != 3 or not all(fields):
                sys.exit(f"unreached.tsv:{number}: not file, text and reason")
            entries.append({"at": number, "file": fields[0], "text": fields[1],
                            "missed": False, "met": False})
    return entries


def listed(entries, path, text, missed):
    found = False
    for entry in entries:
        if path.endswith(entry["file"]) and entry["text"] in text:
            entry["met"] = True
            entry["missed"] |= missed
            found = True
    return found


def count(report, entries):
    groups = {name: {"all": 0, "taken": 0, "listed": 0, "lines": []} for name in GROUPS}
    for file in report["files"]:
        path = file["file"]
        name = next((n for n, r in GROUPS.items() if re.search("libtheseus/" + r + "$", path)),
                    None)
        if name is None:
            continue
        group = groups[name]
        for line in file["lines"]:
            branches = line.get("branches", [])
            taken = sum(branch["count"] > 0 for branch in branches)
            if not branches:
                continue
            text = source_line(path, line["line_number"])
            if listed(entries, path, text, taken < len(branches)):
                group["listed"] += len(branches) - taken
                continue
            group["all"] += len(branches)
            group["taken"] += taken
            if taken < len(branches):
                group["lines"].append((path, line["line_number"], len(branches) - taken,
                                       text.strip()))
    return groups


def main():
    parser = argparse.ArgumentParser(description="judge branch coverage of the core")
    parser.add_argument("--bar", type=float, default=95)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("report")
    args = parser.parse_args()
    with open(args.report, encoding="utf-8") as file:
        report = json.load(file)
    entries = read_list()
    groups = count(report, entries)
    bad = 0
    print(f"{'group':10} {'branches':>8} {'taken':>8} {'listed':>8} {'covered':>8}")
    for name, group in groups.items():
        if not group["all"]:
            print(f"{name}: no branch was seen: was it built?", file=sys.stderr)
            bad += 1
            continue
        share = 100 * group["taken"] / group["all"]
        below = share < args.bar
        bad += below
        print(f"{name:10} {group['all']:8} {group['taken']:8} {group['listed']:8} "
              f"{share:7.1f}%{' below the bar' if below else ''}")
        if below or args.all:
            for path, number, missing, text in group["lines"]:
                print(f"    {path}:{number}: {missing} not taken: {text}")
    for entry in entries:
        if not entry["missed"]:
            why = "all its branches are taken" if entry["met"] else "no such line"
            print(f"unreached.tsv:{entry['at']}: {why}", file=sys.stderr)
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

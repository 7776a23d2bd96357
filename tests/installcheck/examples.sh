#!/bin/sh
# examples - the small ones, each built and tested by its own Makefile from the installed
# tree alone, in an empty folder; each is at most 200 lines of C, comments apart.
set -eu
[ "$QEMU" != no ] || { echo "QEMU is not installed"; exit 77; }
for name in classroom bank pulse; do
	echo "== $name"
	mkdir $name
	"$MAKE" -C $name -f "$examples/$name/Makefile" check
	lines=$(cat "$examples/$name"/*.[ch] | grep -cvE '^( \*|/\*|$)')
	[ "$lines" -le 200 ] || { echo "$name is $lines lines of C"; exit 1; }
	"$MAKE" -C $name -f "$examples/$name/Makefile" clean
	[ -z "$(ls $name)" ] || { ls $name; echo "make clean left these"; exit 1; }
done

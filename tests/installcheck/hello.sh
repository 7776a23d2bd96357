#!/bin/sh
# hello - the smallest kernel is built, and boots, from the installed tree alone.
set -eu
[ "$QEMU" != no ] || { echo "QEMU is not installed"; exit 77; }
"$MAKE" -f "$examples/hello/Makefile"
"$MAKE" -f "$examples/hello/Makefile" check
lines=$(grep -cvE '^( \*|/\*|$)' "$examples/hello/hello.c")
echo "$lines lines of C"
[ "$lines" -le 40 ]

#!/bin/sh
# abi - what modules are compiled against changes by version steps only: theseus-abi(7).
#
#   A1  tests/abi/signatures.txt is what headers and modules say today.
#   A2  What changed in it took the version step that it needs.
#   A3  gcc and clang mean the same by all of it.
#
# abi.sh --update (`make abi-update`) writes the file anew, where A2 holds.
set -u
export LC_ALL=C # folders are listed in one order everywhere
abi=$(cd "$(dirname "$0")/../abi" && pwd)
kept=$top_srcdir/tests/abi/signatures.txt
signatures=$top_builddir/tests/abi/signatures
[ -x "$signatures" ] || { echo "$signatures was not built"; exit 1; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$top_srcdir" || exit 1

# list COMPILER: the signatures as it makes them, in $dir/now.
list() {
	sh "$abi/probe.sh" . >"$dir/probe.c" &&
		"$1" -std=gnu17 -O0 -g -fno-eliminate-unused-debug-types -ffreestanding \
			-mgeneral-regs-only -DTHS_MODULE_BUILD -Iinclude -Ilibtheseus -w \
			-c -o "$dir/probe.o" "$dir/probe.c" &&
		"$signatures" list "$dir/probe.o" "$top_builddir"/modules/*.tmod >"$dir/now" &&
		[ -s "$dir/now" ] && return
	echo "$1: what is public cannot be listed"
	exit 1
}

if [ "$CLANG" != no ]; then
	list "$CLANG"
	mv "$dir/now" "$dir/clang"
fi
list "$CC"
if [ "$CLANG" != no ] && ! diff "$dir/now" "$dir/clang"; then
	echo "$CC and $CLANG mean something else by this (A3)"
	exit 1
fi
cmp -s "$kept" "$dir/now" && exit 0
if [ -f "$kept" ] && ! "$signatures" compare "$kept" "$dir/now"; then
	echo "a public layout changed without a version step (A2): see theseus-abi(7);" \
		"then make abi-update"
	exit 1
fi
if [ "${1:-}" = --update ]; then
	cp "$dir/now" "$kept" && echo "$kept is written: look at it, and commit it"
	exit
fi
diff "$kept" "$dir/now"
echo "tests/abi/signatures.txt is not what headers and modules say (A1): make abi-update"
exit 1

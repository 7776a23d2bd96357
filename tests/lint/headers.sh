#!/bin/sh
# headers - each public header is installed, and compiles alone: freestanding and hosted,
# gcc and clang.
set -eu
status=0 count=0
warnings='-std=gnu17 -Wall -Wextra -Wshadow -Wundef -Wwrite-strings -Wpointer-arith
-Wcast-qual -Wstrict-prototypes -Wold-style-definition -Wredundant-decls -Werror'
compilers=$CC
[ "$CLANG" = no ] || compilers="$compilers $CLANG"

cd "$top_srcdir/include"
for header in theseus/*.h theseus/iface/*.h; do
	find "$STAGE" -path "*/include/$header" | grep -q . || {
		echo "$header is not installed"
		status=1
	}
	for compiler in $compilers; do
		for world in '-ffreestanding -mgeneral-regs-only -DTHS_MODULE_BUILD' -DTHS_HOST; do
			count=$((count + 1))
			# shellcheck disable=SC2086 # flags are words
			printf '#include <%s>\n#include <%s>\n' "$header" "$header" |
				"$compiler" $warnings $world -I. -x c -fsyntax-only - && continue
			echo "$header does not compile alone: $compiler $world"
			status=1
		done
	done
done
echo "$count compilations"
[ $count -gt 0 ] && exit $status

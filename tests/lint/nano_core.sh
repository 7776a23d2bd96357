#!/bin/sh
# nano_core - the lists of nano_core(7) are those of the sources.
#
#   L1  The files that cannot be swapped: those of libtheseus/nano_core and
#       libtheseus/state_db that are compiled, `.It Pa FILE Ta LINES Ta BYTES`.
#   L2  The symbols a module may leave undefined: those of published.def, `.It Fn NAME` or
#       `.It Va NAME`.
#
# Lines and bytes change with every commit and compiler and are not compared;
# `nano_core.sh --sizes BUILD-FOLDER` prints the table anew, from there, with sums.
set -u
rooms='libtheseus/nano_core libtheseus/state_db'
: "${top_srcdir:=.}"

# FOLDER's lines of C and bytes of text and constants, by file, and the sum.
sizes_of() {
	find "$top_srcdir/$1" -name '*.c' | sort | while IFS= read -r file; do
		base=$(basename "$file" .c)
		object=$(find "$2/$1" "$2/modules/state_db.objects" -name "a-$base.o" -o \
			-name "libtheseus_a-$base.o" -o -name "$base.o" | head -n 1)
		echo "$1/$base.c $(wc -l <"$file") $(size "$object" | awk 'NR == 2 {print $1}')"
	done | awk '{ print ".It Pa " $1 " Ta " $2 " Ta " $3; lines += $2; bytes += $3 }
		END { print ".It Em together Ta " lines " Ta " bytes }'
}
if [ "${1:-}" = --sizes ]; then
	[ -f "${2:-}/libtheseus.a" ] || { echo "usage: nano_core.sh --sizes BUILD-FOLDER" >&2; exit 2; }
	for room in $rooms; do sizes_of "$room" "$2"; done
	exit 0
fi

cd "$top_srcdir" || exit 1
page=man/nano_core.7
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0
section() { # TITLE: its lines
	sed -n "/^\.S[sh] $1/,/^\.S[sh] /p" $page
}
compare() { # WHAT, sources in $tmp/is, page in $tmp/said
	for file in is said; do sort -o "$tmp/$file" "$tmp/$file"; done
	diff "$tmp/is" "$tmp/said" >"$tmp/diff" && return
	echo "$1: < the sources, > nano_core(7)"
	grep '^[<>]' "$tmp/diff"
	status=1
}

# shellcheck disable=SC2086 # a list of folders
find $rooms -name '*.c' >"$tmp/is"
section 'WHAT CANNOT BE SWAPPED' |
	sed -n 's/^\.It Pa \([^ ]*\.c\) Ta [0-9][0-9]* Ta [0-9][0-9]*$/\1/p' >"$tmp/said"
[ -s "$tmp/is" ] || { echo "no sources found"; status=1; }
compare 'L1, files that cannot be swapped'

sed -n 's/^THS_PUBLISHED[A-Z_]*(\([a-z_]*\))$/\1/p' libtheseus/nano_core/published.def >"$tmp/is"
section 'PUBLISHED SYMBOLS' | sed -n 's/^\.It [FV][na] \([a-z_]*\)$/\1/p' >"$tmp/said"
[ -s "$tmp/is" ] || { echo "no published symbols found"; status=1; }
compare 'L2, published symbols'
exit $status

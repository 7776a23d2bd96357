#!/bin/sh
# manpages - each page is clean mdoc; what pages and comments refer to among ours exists;
# each installed tool has a page.
set -eu
[ "$MANDOC" != no ] || { echo "mandoc is not installed"; exit 77; }
cd "$top_srcdir"
pages=$(find man -name '*.[1-9]' | sort)
[ -n "$pages" ] || { echo "no man pages found"; exit 1; }
status=0

# "referenced manual not found" is about this machine's pages; ours are checked below.
# shellcheck disable=SC2086 # a list of files
"$MANDOC" -T lint -W warning $pages | grep -v 'referenced manual not found' && status=1

dangling=$(for page in $pages; do
	sed -n 's/^\.Xr \([^ ]*\) \([0-9]\).*/\1.\2/p' "$page" | sort -u |
		grep -E '^(ths_|theseus|libtheseus|nano_core|state_db)' | while read -r target; do
		[ -f "man/$target" ] || echo "$page: .Xr to $target, which does not exist"
	done
done)
[ -z "$dangling" ] || { printf '%s\n' "$dangling"; status=1; }

# In a heading a word that is also a macro is taken for one, and is not printed.
# shellcheck disable=SC2086
taken=$(grep -nE '^\.S[hs] (.* )?(Ad|An|At|Do|Em|In|No|So)( |$)' $pages || true)
[ -z "$taken" ] || { printf '%s: a macro, without \\& before it\n' "$taken"; status=1; }

# What comments and texts refer to, as NAME(N), exists too.
dangling=$({
	find include libtheseus arch tools examples -name '*.[chS]' -exec grep -nHE '^ ?/?\*' {} +
	find . -name '*.md' -exec grep -nH '' {} +
} |
	grep -oE '^[^:]*:[0-9]*:|(ths_[a-z_]+|theseus[a-z_-]*|nano_core)\([1-9]\)' |
	awk '/:$/ { at = $0; next } { print at " " $0 }' | while read -r at name; do
	page=$(printf '%s\n' "$name" | sed 's/(\(.\))/.\1/')
	[ -f "man/$page" ] || echo "$at $name has no page"
done)
[ -z "$dangling" ] || { printf '%s\n' "$dangling"; status=1; }

for tool in $INSTALLED_TOOLS; do
	[ -f "man/${tool##*/}.1" ] || { echo "${tool##*/} has no page man/${tool##*/}.1"; status=1; }
done
# What a port is to implement is named where ports are told of.
for function in $([ ! -f include/theseus/arch.h ] || grep -oE 'ths_arch_[a-z_]+\(' include/theseus/arch.h | sort -u); do
	grep -qE "Fn ${function%(}( |$)" man/theseus-porting.7 2>/dev/null || {
		echo "theseus-porting(7) does not name ${function%(}"
		status=1
	}
done
exit $status

#!/bin/sh
# manpages - each page is clean mdoc, and what it refers to among ours exists; each
# installed tool has a page.
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

for tool in $INSTALLED_TOOLS; do
	[ -f "man/${tool##*/}.1" ] || { echo "${tool##*/} has no page man/${tool##*/}.1"; status=1; }
done
exit $status

#!/bin/sh
# html - the pages as HTML: each of ours is there and in the index, what a link leads to
# exists, only manuals of others lie elsewhere; what is installed goes again. (That it does
# with `make uninstall` is looked at by .ci/run.)
set -eu
html=$(cd "$(dirname "$0")/../../man" && pwd)/html.sh
[ "$MANDOC" != no ] || { echo "mandoc is not installed"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0
"$html" "$top_srcdir/man" "$tmp/html"

cd "$tmp/html"
for page in "$top_srcdir"/man/*.[1-9]; do
	name=${page##*/}.html
	grep -q "href=\"$name\"" index.html || { echo "$name is not in the index"; status=1; }
	grep -q 'id="NAME"' "$name" || { echo "$name is no page"; status=1; }
done
links=$(grep -o 'href="[^"]*"' -- *.html | sort -u)
for link in $(printf '%s\n' "$links" | sed 's/href="//; s/"$//'); do
	file=${link%%:*} to=${link#*:}
	case $to in
	https://manpages.debian.org/th[es]*) echo "$file: no page ${to##*/}"; status=1; continue ;;
	https://manpages.debian.org/*.[1-8]) continue ;;
	https:*) echo "$file: a link to $to"; status=1; continue ;;
	'#'*) to=$file$to ;;
	esac
	[ -f "${to%%#*}" ] || { echo "$file: a link to $to, which is not there"; status=1; continue; }
	case $to in
	*'#'*) grep -qF "id=\"${to#*#}\"" "${to%%#*}" ||
		{ echo "$file: a link to $to, a place which is not there"; status=1; } ;;
	esac
done
echo "$(printf '%s\n' "$links" | wc -l) links"

# Installed and uninstalled again, from where we are built.
[ -f "$top_builddir/Makefile" ] || exit $status
"${MAKE:-make}" -s -C "$top_builddir" install-html DESTDIR="$tmp/root" >"$tmp/log" 2>&1 ||
	{ cat "$tmp/log"; exit 1; }
count=$(find "$tmp/root" -name '*.html' | wc -l)
[ "$count" -eq "$(find "$tmp/html" -name '*.html' | wc -l)" ] || { echo "$count installed"; status=1; }
"${MAKE:-make}" -s -C "$top_builddir" uninstall-html DESTDIR="$tmp/root" >"$tmp/log" 2>&1 ||
	{ cat "$tmp/log"; exit 1; }
left=$(find "$tmp/root" -name "*.html" -o -name "*.css")
[ -z "$left" ] || { printf 'uninstall left:\n%s\n' "$left"; status=1; }
exit $status

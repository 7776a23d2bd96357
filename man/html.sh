#!/bin/sh
# html - the pages in SOURCE as HTML: html.sh SOURCE INTO
#
# A file for each page, NAME.SECTION.html, an index by section, one style sheet. Cross
# references lead to our own pages, and for others to those of Debian.
set -eu
source=$1
case $2 in /*) into=$2 ;; *) into=$PWD/$2 ;; esac
mandoc=${MANDOC:-mandoc}
command -v "$mandoc" >/dev/null || { echo "html: mandoc is not installed" >&2; exit 1; }
mkdir -p "$into"
cp -f "$(dirname "$0")/manual.css" "$into/"
cd "$source" # where mandoc looks which pages are ours

# TITLE: a page of it, from what is between, on standard input.
page() {
	printf '%s\n' '<!DOCTYPE html>' '<html lang="en">' '<head>' '<meta charset="utf-8">' \
		'<meta name="viewport" content="width=device-width, initial-scale=1">' \
		"<title>$1</title>" '<link rel="stylesheet" href="manual.css">' '</head>' '<body>' \
		'<nav><a href="index.html">libtheseus</a></nav>'
	cat
	printf '%s\n' '</body>' '</html>'
}
# What stands for a character in HTML; of a mdoc line.
text() { sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/\\&amp;//g; s/\\-/-/g'; }

for file in *.[1-9]; do
	"$mandoc" -T html \
		-O 'fragment,man=%N.%S.html;https://manpages.debian.org/%N.%S' "$file" |
		page "${file%.*}(${file##*.})" >"$into/$file.html"
done
{
	echo '<h1>libtheseus</h1>'
	for section in '1 Tools' '5 Files' '7 Ideas' '9 Headers'; do
		echo "<h2>${section#* }</h2>"
		echo '<dl class="index">'
		for file in *."${section%% *}"; do
			[ -f "$file" ] || continue
			echo "<dt><a href=\"$file.html\">${file%.*}(${file##*.})</a></dt>"
			echo "<dd>$(sed -n 's/^\.Nd //p' "$file" | text)</dd>"
		done
		echo '</dl>'
	done
} | page libtheseus >"$into/index.html"

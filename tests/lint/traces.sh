#!/bin/sh
# traces - nothing that is installed remembers the folder it was built in.
#
# Two builds of the same sources in two folders are the same to the byte; a path in debug
# information, a __FILE__ or a generated script would tell them apart.
set -u
cd "$STAGE" || exit 1
status=0
for path in "$top_srcdir" "$top_builddir"; do
	found=$(grep -rlF -- "$path" . || :)
	[ -z "$found" ] && continue
	echo "$path stands in:"
	printf '%s\n' "$found" | sed 's/^/  /'
	status=1
done
[ -n "$(find . -name 'libtheseus.a')" ] || { echo "nothing is staged"; status=1; }
exit $status

#!/bin/sh
# modules - theseus-check proves every module we install: I1, I7, I8, I9.
set -u
cd "$top_builddir" || exit 1
[ -x tools/theseus-check ] || { echo "theseus-check was not built"; exit 1; }
set -- modules/*.tmod
[ -f "$1" ] || { echo "no modules were built"; exit 1; }
status=0
for module; do
	tools/theseus-check "$module" || status=1
done
echo "$# modules"
exit $status

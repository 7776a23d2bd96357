#!/bin/sh
# portable - a kernel with its own <theseus/arch.h> can link the archive alone.
#
# The portable members (base, patterns, nano_core, state_db) may need from arch/ only
# what arch.h declares; any other name would pull in a member of arch/x86_64, and with it
# our boot code, page tables and traps beside the kernel's own (examples/guest).
set -eu
cd "$top_builddir"
# Those of sources that are still there: a build folder outlives a move.
sourced() {
	sort | while read -r object; do
		name=$(basename "$object" .o) folder=$top_srcdir/$(dirname "$object")
		[ -z "$(ls "$folder/${name#*-}".[cS] 2>/dev/null)" ] || echo "$object"
	done
}
portable=$(find libtheseus -name 'a-*.o' ! -path '*/modules/*' | sourced)
machine=$(find arch/x86_64 -name 'libtheseus_a-*.o' | sourced)
if [ -z "$portable" ] || [ -z "$machine" ]; then
	echo "no objects found: the names automake gives them have changed"
	exit 1
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# shellcheck disable=SC2086 # lists of files
{
	"$NM" -gu $portable | awk '$1 == "U" {print $2}' | sort -u >"$tmp/needed"
	"$NM" -g --defined-only $machine | awk 'NF == 3 {print $3}' | sort -u >"$tmp/machine"
	"$NM" -g --defined-only $portable | awk 'NF == 3 {print $3}' | sort -u >"$tmp/portable"
}
grep -oE '\bths_[a-z0-9_]+' "$top_srcdir/include/theseus/arch.h" | sort -u >"$tmp/contract"

comm -23 "$tmp/needed" "$tmp/portable" | comm -12 - "$tmp/machine" |
	comm -23 - "$tmp/contract" >"$tmp/extra"
# A weak definition is the portable one, for who has no better (the gate).
# shellcheck disable=SC2086
"$NM" -g --defined-only $portable | awk 'NF == 3 && $2 !~ /[WV]/ {print $3}' | sort -u |
	comm -12 "$tmp/machine" - >"$tmp/twice"
status=0
if [ -s "$tmp/extra" ]; then
	echo "portable members need from arch/x86_64 what arch.h does not declare:"
	sed 's/^/  /' "$tmp/extra"
	status=1
fi
if [ -s "$tmp/twice" ]; then
	echo "defined both by portable members and by arch/x86_64:"
	sed 's/^/  /' "$tmp/twice"
	status=1
fi

# And as the linker sees it: every portable name is wanted, what arch.h declares is the
# kernel's own; then no member of arch/x86_64 may come in.
"$LD" -o "$tmp/linked" -e 0 -t -t --unresolved-symbols=ignore-all \
	$(sed 's/^/-u /' "$tmp/portable") \
	$(comm -12 "$tmp/machine" "$tmp/contract" | sed 's/.*/--defsym=&=0/') \
	libtheseus.a >"$tmp/members" 2>"$tmp/ld.log" || { cat "$tmp/ld.log"; status=1; }
if grep 'libtheseus_a-' "$tmp/members" >"$tmp/pulled"; then
	echo "members of arch/x86_64 that a kernel without them gets:"
	sed 's/^/  /' "$tmp/pulled"
	status=1
fi
grep -q 'a-' "$tmp/members" || { echo "the trial link took no member at all"; status=1; }
echo "$(wc -l <"$tmp/needed") names needed, $(wc -l <"$tmp/machine") offered by arch/x86_64"
exit $status

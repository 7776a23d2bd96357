#!/bin/sh
# includes - who may know whom (I8, and the map in the design).
#
#   N1  A module includes public headers and its own folder's only; NAME_vN, a further
#       version of module NAME, also NAME's.
#   N2  Nothing in libtheseus/ includes from modules/, examples/, arch/ or tests/.
#   N3  Nothing outside arch/x86_64 names a file of arch/x86_64.
set -u
cd "$top_srcdir" || exit 1
status=0
report() { # RULE LINES
	[ -z "$2" ] && return
	echo "$1:"
	printf '%s\n' "$2" | sed 's/^/  /'
	status=1
}
c_files() { find "$@" -name '*.[chS]' 2>/dev/null; }
quoted='^[[:space:]]*#[[:space:]]*include[[:space:]]*'

report 'N1: a module includes more than public headers' "$(
	for file in $(c_files libtheseus/modules); do
		grep -HnE "$quoted" "$file" |
			grep -vE '<theseus/[a-z0-9_/]+\.h>|<(stdint|stddef|stdbool|stdarg|limits|stdatomic)\.h>' |
			while IFS= read -r line; do
				name=$(printf '%s\n' "$line" | sed -n 's/.*"\([^"]*\)".*/\1/p')
				folder=$(basename "$(dirname "$file")")
				case $name in
				"../${folder%_v[0-9]}/"*) [ "$folder" != "${folder%_v[0-9]}" ] ||
					printf '%s\n' "$line" ;;
				'' | *..* | */*) printf '%s\n' "$line" ;;
				*) [ -f "$(dirname "$file")/$name" ] || printf '%s\n' "$line" ;;
				esac
			done
	done)"
report 'N2: the library looks into a room above it' "$(
	c_files libtheseus | xargs grep -HnE "${quoted}[<\"].*(modules/|examples/|arch/|tests/)" |
		grep -vE '<theseus/')"
report 'N3: arch/x86_64 is reached around <theseus/arch.h>' "$(
	c_files libtheseus arch/host tools | xargs grep -HnE "${quoted}[<\"].*x86_64/")"
[ -n "$(c_files libtheseus)" ] || { echo 'no sources found'; status=1; }
exit $status

#!/bin/sh
# symbols - what the archives put into the one name space of a linked image.
#
#   S1  A global symbol begins ths_ (or is one of the four functions that compilers call
#       for plain C, or of the two that a stack protector needs, or an interface's
#       NOUN_iface descriptor).
#   S2  What an archive leaves undefined is named ths_ too, or comes from the linker
#       script: no libgcc helper (SSE, red zone), no libc.
set -eu
cd "$top_builddir"
allowed='^(ths_|memcpy$|memmove$|memset$|memcmp$|__stack_chk_(guard|fail)$|[a-z0-9]+_iface$)'
status=0

globals() {
	"$NM" -g --defined-only "$@" 2>/dev/null | awk 'NF == 3 && $2 !~ /[Nn]/ {print $3}' | sort -u
}
undefined() {
	"$NM" -gu "$@" 2>/dev/null | awk 'NF == 2 && $1 == "U" {print $2}' | sort -u
}
report() { # WHAT NAMES
	[ -z "$2" ] && return
	echo "$1:"
	printf '%s\n' "$2" | sed 's/^/  /'
	status=1
}

for archive in libtheseus.a libtheseus-module.a libtheseus-host.a \
	libtheseus-modules-host.a; do
	report "$archive defines names outside ths_ (S1)" \
		"$(globals $archive | grep -vE "$allowed" || :)"
done
for module in modules/*.tmod; do
	[ -f "$module" ] || continue
	report "$module defines names outside ths_ (S1)" \
		"$(globals "$module" | grep -vE "$allowed" || :)"
done
for archive in libtheseus.a libtheseus-module.a; do
	globals $archive >symbols.defined
	report "$archive needs names from elsewhere (S2)" \
		"$(undefined $archive | grep -vxFf symbols.defined | grep -vE "$allowed" || :)"
	rm -f symbols.defined
done
test -n "$(globals libtheseus.a)" || { echo "libtheseus.a defines nothing"; status=1; }
exit $status

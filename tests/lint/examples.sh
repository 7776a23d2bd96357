#!/bin/sh
# examples - each page of section 3 has a worked example, which compiles as a module does
# and leaves undefined only what nano_core publishes and the patterns define.
set -u
cd "$top_srcdir" || exit 1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0 count=0
flags='-std=gnu17 -O2 -ffreestanding -mgeneral-regs-only -mno-red-zone -fno-pic
-mcmodel=kernel -fno-common -DTHS_MODULE_BUILD -Wall -Wextra -Wshadow -Wundef
-Wstrict-prototypes -Wmissing-prototypes -Werror -Iinclude'

# PAGE: the literal text of its EXAMPLES, as C.
example_of() {
	awk '/^\.Sh / { in_it = $2 == "EXAMPLES" }
		in_it && /^\.Ed/ { literal = 0 }
		literal { gsub(/\\e/, "\\"); sub(/^\\&/, ""); print }
		in_it && /^\.Bd -literal/ { literal = 1 }' "$1"
}

sed -n 's/^THS_PUBLISHED[A-Z_]*(\([a-z_]*\))$/\1/p' libtheseus/nano_core/published.def >"$tmp/known"
for header in dfqueue dispatcher indirection mux; do
	grep -o "ths_${header}_[a-z]*" "include/theseus/$header.h" 2>/dev/null
done | sort -u >>"$tmp/known"
for page in $(find man -name '*.3' | sort); do
	count=$((count + 1))
	example_of "$page" >"$tmp/example.c"
	grep -q THS_MODULE "$tmp/example.c" || {
		echo "$page has no example of a module"
		status=1
		continue
	}
	# shellcheck disable=SC2086 # flags are words
	"$CC" $flags -c -o "$tmp/example.o" "$tmp/example.c" || {
		echo "$page: its example does not compile"
		status=1
		continue
	}
	for symbol in $(nm -u "$tmp/example.o" | awk '{ print $2 }'); do
		grep -qx "$symbol" "$tmp/known" || case $symbol in
		memcpy | memset | memmove | memcmp) ;;
		*)
			echo "$page: its example needs $symbol, which nobody gives it"
			status=1
			;;
		esac
	done
done
echo "$count examples"
[ $count -gt 0 ] || { echo "no pages of section 3 found"; status=1; }
exit $status

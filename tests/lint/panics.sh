#!/bin/sh
# panics - nano_core(7) lists every place that may stop the machine, and no other (I6).
#
# A place is a function that calls one of the stoppers below. In the page it stands as
# `.It Pa FILE Fn FUNCTION` between .Ss WHAT STOPS THE MACHINE and the next heading.
# `panics.sh --list` prints what the sources say, as such lines.
set -u
stoppers='ths_panic|ths_arch_stop|ths_stop|ths_x86_refuse|__builtin_trap|__builtin_unreachable'
[ "${1:-}" = --list ] && top_srcdir=${top_srcdir:-.}
cd "$top_srcdir" || exit 1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# A definition begins a line with its type and name; a call never does. The definition of
# a stopper is not a call of it.
find libtheseus arch/x86_64 -name '*.[chS]' ! -path 'libtheseus/modules/*' | sort |
	xargs awk -v stoppers="(^|[^a-z0-9_])($stoppers) *[(]" '
	FNR == 1 { inside = "?" }
	/^[A-Za-z][A-Za-z0-9_ *]*[ *][a-z_0-9]+[(]/ && !/;[ \t]*$/ {
		line = $0
		sub(/[(].*/, "", line)
		sub(/.*[ *]/, "", line)
		inside = line
		next
	}
	/^[ \t]*(\/?\*|\/\/|#)/ { next }
	/^[ \t]/ && $0 ~ stoppers { print FILENAME " " inside }' | sort -u >"$tmp/calls"
# What assembly ends in: an instruction that cannot be gone on from.
find libtheseus arch/x86_64 -name '*.S' | sort | xargs awk '
	/^[a-z_][a-z_0-9]*:/ { inside = $1; sub(/:.*/, "", inside) }
	/^([0-9]+:)?[ \t]+(ud2|hlt)([ \t]|$)/ { print FILENAME " " inside }' | sort -u >>"$tmp/calls"
sort -u -o "$tmp/calls" "$tmp/calls"
if [ "${1:-}" = --list ]; then
	sed 's/^\([^ ]*\) \(.*\)/.It Pa \1 Fn \2/' "$tmp/calls"
	exit 0
fi

sed -n '/^\.Ss WHAT STOPS THE MACHINE/,/^\.S[sh] /s/^\.It Pa \([^ ]*\) Fn \([^ ]*\)$/\1 \2/p' \
	man/nano_core.7 >"$tmp/listed"
status=0
for twice in $(sort "$tmp/listed" | uniq -d | tr ' ' ':'); do
	echo "nano_core(7) lists $twice twice"
	status=1
done
sort -u -o "$tmp/listed" "$tmp/listed"
if ! comm -23 "$tmp/calls" "$tmp/listed" | (! grep .); then
	echo "^ may stop the machine, and nano_core(7) does not say so"
	status=1
fi
if ! comm -13 "$tmp/calls" "$tmp/listed" | (! grep .); then
	echo "^ is in nano_core(7), and does not stop the machine"
	status=1
fi
[ -s "$tmp/calls" ] || { echo "no callers found"; status=1; }
echo "$(wc -l <"$tmp/calls") places"
exit $status

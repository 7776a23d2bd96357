#!/bin/sh
# text - what holds of every source file, read as text.
#
#   T1  No word that promises work to come (TAP's directive `# TODO` may be spoken of).
#   T2  No path of one machine.
#   T3  No .c file is longer than 700 lines.
#   T4  Every source opens with a comment that says what it is.
#   T5  Every unit test asserts something.
set -u
cd "$top_srcdir" || exit 1
status=0
report() { # RULE LINES
	[ -z "$2" ] && return
	echo "$1:"
	printf '%s\n' "$2" | sed 's/^/  /'
	status=1
}
rooms='include libtheseus arch tools man templates examples tests packaging'
files() {
	# shellcheck disable=SC2086 # a list of folders
	find $rooms -type f \( -name '*.[chS]' -o -name '*.sh' -o -name '*.in' -o -name '*.mk' \
		-o -name '*.py' -o -name '*.[1-9]' -o -name '*.md' -o -name '*.lds' \
		-o -name '*.pml' -o -name Makefile \) ! -path 'tests/lint/text.sh' "$@"
}

report 'T1: unfinished words' "$(files -print0 |
	xargs -0 grep -nHE '\b(TODO|FIXME|XXX|HACK|unimplemented|not implemented|placeholder|for now)\b' |
	grep -v '# TODO')"
report 'T2: paths of one machine' "$(files -print0 |
	xargs -0 grep -nHE '(^|[^A-Za-z0-9_.}])/(work|farm|root|home)/')"
report 'T3: longer than 700 lines' "$(files -name '*.c' -exec wc -l {} + |
	awk '$2 != "total" && $1 > 700')"
report 'T4: does not open with a comment' "$(
	files -name '*.[chS]' | while IFS= read -r file; do
		case $(head -n 1 "$file") in
		'/*'* | '//'*) ;;
		*) echo "$file" ;;
		esac
	done)"
report 'T5: asserts nothing' "$(find tests -name '*_test.c' -print0 |
	xargs -0 -r grep -LE 'ck_assert|ck_abort')"
[ -n "$(files)" ] || { echo "no files found"; status=1; }
exit $status

#!/bin/sh
# bench_host_test - every subject of `make bench-host` runs and finds the right objects.
#
# Its figures are not judged: they are the machine's. That instructions are counted is.
set -u
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
here=$top_srcdir/tests/bench/host
"$here/bench-host" --quick "$out/table" || exit

# look: five subjects alone, the three concurrent ones by two; use: three and three.
awk -F '\t' 'NR > 1 && $5 ~ /^-?[0-9.]+$/ { n++ } NR > 1 && $7 > 0 { counted++ }
	END { exit !(NR == 15 && n == 14 && counted == 8) }' "$out/table" ||
	{ echo "not the table there should be" >&2; exit 1; }

# A subject that finds the wrong objects is told.
cat >"$out/wrong.c" <<'END'
#include "subject.h"
static void fill(const uint64_t *keys, size_t count, unsigned threads)
{
	(void)keys, (void)count, (void)threads;
}
static void enter(unsigned thread) { (void)thread; }
static uint64_t look(const uint64_t *keys) { return keys[0]; }
static uint64_t use(const uint32_t *numbers) { return numbers[0]; }
#define SUBJECT(s) const struct subject s = {"wrong", 1, 1, 1, fill, enter, enter, look, use}
SUBJECT(subject_theseus); SUBJECT(subject_rculfhash); SUBJECT(subject_ck);
SUBJECT(subject_glib); SUBJECT(subject_uthash); SUBJECT(subject_nothing);
END
"${CC_FOR_BUILD:-cc}" -I"$here" -o "$out/wrong" "$out/wrong.c" "$here/main.c" -pthread || exit 1
"$out/wrong" wrong look 100 1 10 2>/dev/null
[ $? -eq 1 ] || { echo "wrong objects were not noticed" >&2; exit 1; }

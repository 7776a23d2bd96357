# os_test - what the scripts that boot tests/image/os share; sourced by them.
#
# Builds the OS once per script, from the staged installation, in a folder that goes away.
set -u
. "$top_srcdir/tests/support/guest_tap.sh"
os=$top_srcdir/tests/image/os

build() {
	holds 'the OS is built' "${MAKE:-make}" -s -f "$os/Makefile" here="$os" \
		SPILLER="$top_srcdir/libtheseus/modules/spiller/spiller.c" \
		STATE_DBS="$top_builddir/fixtures" CC="${CC:-cc}" all
}

# boots NAME TEST [OPTION...]: the guest's own results, one by one, are in ./log. Time is
# counted in instructions: else a host that stands still for a while ends operations by
# their deadline. What hangs says nothing: no test is silent for more than 5 s on a busy
# machine, and two minutes of it end the run.
boots() {
	name=$1
	test=$2
	shift 2
	holds "$name" theseus-run --test --icount --timeout 3600 --silence 300 --log log \
		--append "test=$test" "$@" -kernel test.elf -initrd test.cpio
	tr -d '\r' <log | sed -n 's/^\(not \)\{0,1\}ok [0-9]* - /#   \1/p'
}

finish() {
	echo "1..$count"
}

# os_test - what the scripts that boot tests/image/os share; sourced by them.
#
# Builds the OS once per script, from the staged installation, in a folder that goes away.
set -u
: "${top_srcdir:?is set by make check}" "${STAGE_BIN:?}" "${PKG_CONFIG_PATH:?}"
os=$top_srcdir/tests/image/os
count=0

if ! command -v "${QEMU:-qemu-system-x86_64}" >/dev/null; then
	if [ "${CI:-}" = true ]; then
		echo "Bail out! no QEMU, and CI=true"
		exit 1
	fi
	echo "1..0 # SKIP no QEMU"
	exit 0
fi

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir" || exit 1
PATH=$STAGE_BIN:$PATH
export PATH

# holds NAME COMMAND...: the command succeeds; what it said is shown when not.
holds() {
	name=$1
	shift
	count=$((count + 1))
	if "$@" >out 2>&1 </dev/null; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		sed 's/^/# /' out | tail -n 60
	fi
}

build() {
	holds 'the OS is built' "${MAKE:-make}" -s -f "$os/Makefile" here="$os" \
		SPILLER="$top_srcdir/libtheseus/modules/spiller/spiller.c" \
		STATE_DBS="$top_builddir/fixtures" CC="${CC:-cc}" all
}

# boots NAME TEST [OPTION...]: the guest's own results, one by one, are in ./log. Time is
# counted in instructions: else a host that stands still for a while ends operations by
# their deadline.
boots() {
	name=$1
	test=$2
	shift 2
	holds "$name" theseus-run --test --icount --timeout 3600 --log log --append "test=$test" "$@" \
		-kernel test.elf -initrd test.cpio
	tr -d '\r' <log | sed -n 's/^\(not \)\{0,1\}ok [0-9]* - /#   \1/p'
}

finish() {
	echo "1..$count"
}

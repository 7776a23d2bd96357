# guest_tap - what scripts share that build something from the staged installation and boot
# it; sourced by them. They go on in an empty folder that goes away, with the tools on PATH.
: "${top_srcdir:?is set by make check}" "${STAGE_BIN:?}" "${PKG_CONFIG_PATH:?}"
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

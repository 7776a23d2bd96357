# modules - how schema_test and against_test make modules of C text; sourced by them.
set -u
check=$top_builddir/tools/theseus-check
schema=$top_builddir/tools/theseus-schema
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cflags="$(pkg-config --cflags libtheseus) $(pkg-config --variable=module_cflags libtheseus)"
lds=$(pkg-config --variable=module_ldscript libtheseus)
lib=$(pkg-config --variable=module_lib libtheseus)
cd "$tmp" || exit 1
count=0

ok() { # STATUS NAME: one line of TAP
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		[ ! -s out ] || sed 's/^/# /' out
	fi
}
exits() { # STATUS NAME COMMAND...
	want=$1 name=$2
	shift 2
	"$@" >out 2>&1
	got=$?
	[ $got -eq "$want" ]
	ok $? "$name exits with $want"
}
# flags COMPILER: the flags of modules, as that compiler calls them.
flags() {
	case $1 in
	*clang*) echo "$cflags" | sed 's/-mpreferred-stack-boundary=3/-mstack-alignment=8/' ;;
	*) echo "$cflags" ;;
	esac
}
# compile FILE.c [COMPILER [FLAG]]: the object, the module with debug information as `debug`,
# and without as `bare`.
compile() {
	# shellcheck disable=SC2046,SC2086 # flags are words
	${2:-$CC} $(flags "${2:-$CC}") ${3:-} -c -o object.o "$1" && rm -f bare &&
		"$LD" -r -T "$lds" -o debug object.o "$lib" &&
		"$OBJCOPY" --strip-debug debug bare
}
# assemble FILE TEXT: the module `bare` with that text of layouts, sealed, as FILE.
assemble() {
	"$OBJCOPY" --add-section .ths.schema="$2" bare "$1" && "$check" --seal "$1"
}

#!/bin/sh
# lints_fail - each lint of this folder refuses the defect it is there for, by name.
#
# A seeded tree has one defect at a time; a lint that passes it, or fails without saying
# what it found, is itself the defect.
set -u
lints=$(cd "$(dirname "$0")" && pwd)
real=$top_builddir
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0 tried=0
INSTALLED_TOOLS=

# Start anew with an empty tree that is source and build folder at once.
fresh() {
	rm -rf "$tmp/tree"
	mkdir -p "$tmp/tree/include/theseus/iface" "$tmp/tree/libtheseus/base" \
		"$tmp/tree/libtheseus/modules/bad" "$tmp/tree/arch/x86_64" "$tmp/tree/arch/host" \
		"$tmp/tree/man" "$tmp/tree/modules" "$tmp/tree/stage" "$tmp/tree/tests" \
		"$tmp/tree/tools" "$tmp/tree/templates" "$tmp/tree/examples"
	cd "$tmp/tree" || exit 1
	echo '/* good */' >include/theseus/good.h
	echo '/* good */' >include/theseus/iface/good.h
	echo '/* good */' >libtheseus/base/good.c
}

# refuses LINT WORD: LINT fails on the tree as it stands, and says WORD.
refuses() {
	tried=$((tried + 1))
	[ -f "$lints/$1.sh" ] && lint=$1.sh || lint=$1.py
	if top_srcdir=$tmp/tree top_builddir=$tmp/tree STAGE=$tmp/tree/stage \
		PORTABLE_SOURCES=libtheseus/base/bad.c MODULE_SOURCES='' X86_SOURCES='' \
		HOST_SOURCES='' INSTALLED_TOOLS="${INSTALLED_TOOLS:-}" "$lints/$lint" >"$tmp/out" 2>&1; then
		echo "$1 passed a tree with: $2"
		status=1
	elif ! grep -q -- "$2" "$tmp/out"; then
		echo "$1 failed without naming: $2"
		sed 's/^/  /' "$tmp/out"
		status=1
	fi
}
object() { # FILE C-TEXT; beside it a source of that name, as a build has it
	mkdir -p "$(dirname "$1")"
	source=$(basename "$1" .o)
	: >"$(dirname "$1")/${source#*-}.c"
	printf '%s\n' "$2" | "$CC" -x c -O2 -ffreestanding -c -o "$1" - || exit 1
}

fresh
echo 'struct outer { struct unknown_inner inner; };' >include/theseus/bad.h
refuses headers 'theseus/bad.h does not compile alone'
refuses headers 'theseus/good.h is not installed'

# Examples of pages are run by another test; what it takes an example for is tried here.
example_page() { # LINE...
	fresh
	printf '%s\n' '.Sh EXAMPLES' "$@" '.Ed' >man/bad.9
}
refuses_example() { # WORD
	tried=$((tried + 1))
	if "$PYTHON3" "$lints/../support/manual.py" man/bad.9 >"$tmp/out" 2>&1; then
		echo "manual.py passed a page with: $1"
		status=1
	elif ! grep -q -- "$1" "$tmp/out"; then
		echo "manual.py failed without naming: $1"
		sed 's/^/  /' "$tmp/out"
		status=1
	fi
}
fresh
echo '.Sh NAME' >man/bad.9
refuses_example 'no examples'
example_page '.Bd -literal' 'int x;'
refuses_example 'man/bad.9:2: is no file'
example_page '.Bd -literal' '$ echo two' 'three'
refuses_example 'echo two prints'
example_page '.Bd -literal' '$ echo one' '\&...' 'two'
refuses_example 'echo one prints'
example_page '.Bd -literal' '$ false'
refuses_example 'false: exit status 1'
example_page '.Bd -literal' 'int main(void) { return nothing; }'
refuses_example 'nothing'
example_page '.Bd -literal' 'int main(void) { return 1; }'
refuses_example 'exit status 1'
example_page '.Bd -literal' '#include <stdio.h>' 'int main(void) { puts("one"); }' '.Ed' \
	'It prints:' '.Bd -literal' 'two'
refuses_example 'the program prints'
example_page 'It prints:' '.Bd -literal' 'two'
refuses_example 'there is none'
example_page '.Bd -literal' '#include <theseus/module.h>' \
	'static int calls; int secret(void);' \
	'static enum ths_err now(struct ths_call *call, struct clock_now *arg)' \
	'{ (void)call; arg->ns = (uint64_t)++calls; return THS_OK; }' \
	'THS_MODULE(bad, "bad", 1, 0, THS_PROVIDES(clock, .now = now));'
sed -i '3i #include <theseus/iface/clock.h>' man/bad.9
refuses_example calls

# A promise of a page, and the test that shows it; then what is wrong with the line.
claim() { # PAGE WORDS TEST NAMES
	fresh
	mkdir -p tests
	echo 'Each call is **atomic**, always.' >README.md
	printf '%s\n' '.Nm good' '.Nd a page' '.Sh DESCRIPTION' '.Nm' 'keeps' '.Fn rows "of it" .' >man/good.7
	printf 'START_TEST(it_is_atomic)\n' >tests/good_test.c
	printf 'holds "it is atomic"\n' >tests/good_test.tap
	cp tests/good_test.tap tests/bad_test.tap
	printf '%s\t%s\t%s\t%s\n' README.md 'Each call is atomic' tests/good_test.c it_is_atomic \
		good.7 'good keeps rows of it' tests/good_test.tap 'it is atomic' "$@" >tests/claims.tsv
}
export CHECK_TESTS='tests/good_test tests/good_test.tap'
claim README.md 'always' '-' 'nobody can wait so long'
for line in 1 2; do sed "${line}d;3d" tests/claims.tsv >tests/left && mv tests/left tests/claims.tsv
	refuses claims "no line of $([ $line = 1 ] && echo README.md || echo good.7)"
	claim README.md 'always' '-' 'nobody can wait so long'
done
refuses claims '1 of 3 lines have no test'
claim README.md 'is atomic' '-' no
refuses claims 'no reason why nothing tries: is atomic'
claim README.md 'call is nuclear' tests/good_test.c it_is_atomic
refuses claims 'does not stand in README.md: call is nuclear'
claim good.7 'keeps columns' tests/good_test.c it_is_atomic
refuses claims 'does not stand in good.7: keeps columns'
claim worse.7 'is atomic' tests/good_test.c it_is_atomic
refuses claims 'there is no page worse.7'
claim README.md 'is atomic' tests/none_test.c it_is_atomic
refuses claims 'there is no test tests/none_test.c'
claim README.md 'is atomic' tests/bad_test.tap 'it is atomic'
refuses claims 'no target of the build runs tests/bad_test.tap'
claim README.md 'is atomic' tests/good_test.c it_is
refuses claims 'tests/good_test.c has no it_is'
claim README.md 'is atomic' tests/good_test.tap 'it is nuclear'
refuses claims 'tests/good_test.tap has no it is nuclear'
claim README.md 'is atomic' tests/good_test.c ''
refuses claims 'names no test of tests/good_test.c'
claim README.md 'Each call is atomic' tests/good_test.c it_is_atomic
refuses claims 'stands there twice'
sed -i '3d' tests/claims.tsv
tried=$((tried + 1))
top_srcdir=$tmp/tree "$lints/claims.py" >"$tmp/out" 2>&1 || { cat "$tmp/out"; status=1; }
fresh
echo '#include <stdio.h>' >libtheseus/modules/bad/bad.c
refuses includes 'bad.c:1:#include <stdio.h>'
fresh
echo '#include "../../nano_core/gate_impl.h"' >libtheseus/modules/bad/bad.c
refuses includes 'N1.*'
fresh
echo '#include "modules/bad/bad.h"' >libtheseus/base/bad.c
refuses includes 'N2.*'
fresh
echo '#include "arch/x86_64/layout.h"' >arch/host/bad.c
refuses includes 'N3.*'

# A header, and the page that says the same; each of what follows differs in one thing.
bad_header() { # TEXT
	fresh
	printf '%s\n' '/* bad */' '#include <stdint.h>' "$@" >include/theseus/bad.h
}
bad_page() { # SYNOPSIS DESCRIPTION
	printf '%s\n' '.Sh SYNOPSIS' '.In theseus/bad.h' "$1" '.Sh DESCRIPTION' "$2" >man/ths_bad.9
}
if [ "$CLANG" != no ]; then
	bad_header 'int ths_bad(uint64_t key);'
	bad_page '.Ft int
.Fn ths_bad "uint64_t key"' '.Fn ths_bad'
	cp man/ths_bad.9 man/ths_none.9
	refuses reference 'ths_none.9 is the page of no header'
	refuses reference 'good.h has no page'
	sed -i 's/uint64_t/uint32_t/' man/ths_bad.9
	refuses reference 'refuses the SYNOPSIS of man/ths_bad.9'
	bad_page '.Ft int
.Fn ths_bad "uint64_t key"' 'text'
	refuses reference 'says nothing of ths_bad of'
	bad_page '.Ft void
.Fn ths_gone void' '.Fn ths_gone'
	refuses reference 'has no ths_gone()'
	bad_header '#define THS_BAD(a, b) ((a) + (b))' '#define THS_WORSE 1'
	bad_page '.Fn THS_BAD a' '.Fn THS_BAD'
	refuses reference 'THS_BAD has the parameters a, b'
	refuses reference 'says nothing of THS_WORSE'
	bad_header 'struct ths_bad { uint64_t key; uint32_t kind[4]; };'
	bad_page '' '.It Vt "struct ths_bad"
.It Va "uint64_t key"
.It Va "uint32_t kind[3]"'
	refuses reference 'struct ths_bad.kind is of another type'
	sed -i 's/kind.3./sort[4]/' man/ths_bad.9
	refuses reference 'struct ths_bad has no member sort'
	refuses reference 'says nothing of struct ths_bad.kind'
	echo '.Dv THS_NOWHERE' >>man/ths_bad.9
	refuses reference 'there is no THS_NOWHERE'
fi

# The words are put together here, so that lint text does not find them in this file.
todo=TO
fresh
echo "/* ${todo}DO: everything */" >libtheseus/base/bad.c
refuses text 'T1.*'
fresh
echo "/* see /""work/place/notes */" >libtheseus/base/bad.c
refuses text 'T2.*'
fresh
{ echo '/* long */'; yes 'int x;' | head -n 700; } >libtheseus/base/bad.c
refuses text 'T3.*'
fresh
echo 'int x;' >libtheseus/base/bad.c
refuses text 'T4.*'
fresh
echo '/* no assertion in it */' >tests/bad_test.c
refuses text 'T5.*'

fresh
object good.o 'int ths_good(void); int ths_good(void) { return 1; }'
object bad.o 'int stray(void); int stray(void) { return 1; }'
for archive in libtheseus libtheseus-module libtheseus-host libtheseus-modules-host; do
	ar crD $archive.a good.o
done
ar crD libtheseus.a bad.o
refuses symbols stray
object bad.o '__int128 ths_div(__int128 a, __int128 b); __int128 ths_div(__int128 a, __int128 b) { return a / b; }'
rm libtheseus.a
ar crD libtheseus.a good.o bad.o
refuses symbols __divti3

fresh
echo 'ths_contract' >include/theseus/arch.h
object libtheseus/base/a-core.o 'int ths_secret(void); int ths_core(void); int ths_core(void) { return ths_secret(); }'
object arch/x86_64/libtheseus_a-boot.o 'int ths_secret(void); int ths_secret(void) { return 1; }'
refuses portable ths_secret
fresh
echo 'ths_contract' >include/theseus/arch.h
object libtheseus/base/a-core.o 'int ths_same(void); int ths_same(void) { return 1; }'
object arch/x86_64/libtheseus_a-boot.o 'int ths_same(void); int ths_same(void) { return 1; }'
refuses portable ths_same

fresh
echo "$tmp/tree/include" >stage/installed
echo >stage/libtheseus.a
refuses traces ./installed

# A page that lists what these two lints want, for a tree with one source in each room.
nano_core_page() {
	mkdir -p libtheseus/nano_core libtheseus/state_db
	echo 'THS_PUBLISHED(ths_gate)' >libtheseus/nano_core/published.def
	printf '/* good */\nvoid ths_end(void)\n{\n\tths_panic("bad");\n}\n' >libtheseus/nano_core/good.c
	printf '%s\n' '.Sh PUBLISHED SYMBOLS' '.It Fn ths_gate' \
		'.Ss WHAT STOPS THE MACHINE' '.It Pa libtheseus/nano_core/good.c Fn ths_end' \
		'.Sh WHAT CANNOT BE SWAPPED' '.It Pa libtheseus/nano_core/good.c Ta 5 Ta 10' >man/nano_core.7
	for lint in panics nano_core; do
		top_srcdir=$tmp/tree "$lints/$lint.sh" >"$tmp/out" 2>&1 && continue
		echo "$lint refuses a tree without a defect"
		status=1
	done
}
fresh
nano_core_page
printf '/* bad */\nstatic void ths_new_end(void)\n{\n\tths_arch_stop(0, 1);\n}\n' >libtheseus/base/bad.c
refuses panics 'libtheseus/base/bad.c ths_new_end'
fresh
nano_core_page
printf 'ths_x86_last:\n\tud2\n' >arch/x86_64/bad.S
refuses panics 'arch/x86_64/bad.S ths_x86_last'
fresh
mkdir -p libtheseus/nano_core
printf '/* bad */\nstatic void change(void)\n{\n\tinstance->state = THS_INSTANCE_BOUND;\n}\n' \
	>libtheseus/nano_core/swap.c
refuses windows 'swap.c change'
printf '/* bad */\nvoid a(void)\n{\n\tTHS_POINT("a/b");\n\tths_publish(x);\n\tTHS_POINT("a/b");\n}\n' \
	>libtheseus/nano_core/swap.c
refuses windows '"a/b"'
rm libtheseus/nano_core/swap.c
refuses windows 'no steps found'
fresh
nano_core_page
sed -i 's/ths_panic/ths_log/' libtheseus/nano_core/good.c
echo 'void x(void) { }' >libtheseus/base/good.c
refuses panics 'does not stop the machine'
fresh
nano_core_page
echo '/* new */' >libtheseus/state_db/bad.c
refuses nano_core 'libtheseus/state_db/bad.c'
fresh
nano_core_page
rm libtheseus/nano_core/good.c
echo '/* other */' >libtheseus/nano_core/other.c
refuses nano_core 'good.c'
fresh
nano_core_page
echo 'THS_PUBLISHED(ths_secret)' >>libtheseus/nano_core/published.def
refuses nano_core ths_secret

if [ "$MANDOC" != no ]; then
	for reference in 'Xr ths_nowhere 9' 'Sx nowhere' 'Lk https://nowhere.example place'; do
		fresh
		printf '%s\n' '.Dd November 23, 2026' '.Dt THS_BAD 9' '.Os' '.Sh NAME' '.Nm ths_bad' \
			'.Nd a page' '.Sh DESCRIPTION' ".$reference" >man/ths_bad.9
		refuses html nowhere
	done
	fresh
	printf '.Dd November 22, 2026\n.Dt THESEUS-BAD 1\n.Os\n.Sh NAME\n.Nm theseus-bad\n.Nd a page\n.Sh SEE ALSO\n.Xr theseus-nowhere 1\n' >man/theseus-bad.1
	refuses manpages theseus-nowhere
	fresh
	printf '.Dd November 22, 2026\n.Dt THESEUS-BAD 1\n.Os\n.Sh NAME\n.Nm theseus-bad\n.Nd a page\n.Sh DESCRIPTION\n.Nosuchmacro\n' >man/theseus-bad.1
	refuses manpages Nosuchmacro
	fresh
	printf '.Dd November 22, 2026\n.Dt THESEUS-BAD 1\n.Os\n.Sh NAME\n.Nm theseus-bad\n.Nd a page\n.Sh DESCRIPTION\n.Ss 1. An end\nText.\n' >man/theseus-bad.1
	refuses manpages 'An end: a macro'
	fresh
	printf '.Dd November 22, 2026\n.Dt THESEUS-BAD 1\n.Os\n.Sh NAME\n.Nm theseus-bad\n.Nd a page\n' >man/theseus-bad.1
	printf '/*\n * bad - see ths_bad(9).\n */\n' >include/theseus/bad.h
	refuses manpages 'bad.h:2: ths_bad(9)'
	fresh
	printf '.Dd November 22, 2026\n.Dt THESEUS-BAD 1\n.Os\n.Sh NAME\n.Nm theseus-bad\n.Nd a page\n' >man/theseus-bad.1
	INSTALLED_TOOLS='tools/theseus-bad tools/theseus-mute' refuses manpages 'theseus-mute has no page'
	fresh
	printf '.Dd November 23, 2026\n.Dt THESEUS-PORTING 7\n.Os\n.Sh NAME\n.Nm theseus-porting\n.Nd a page\n' >man/theseus-porting.7
	echo '/* arch */ void ths_arch_bad(void);' >include/theseus/arch.h
	refuses manpages 'does not name ths_arch_bad'
fi
if [ "$CLANG" != no ]; then
	fresh
	echo 'static int unused_here(void) { return 1; }' >libtheseus/base/bad.c
	refuses clang unused_here
fi
if [ -x "$real/tools/theseus-check" ]; then
	fresh
	ln -s "$real/tools/theseus-check" tools/theseus-check
	object modules/bad.tmod 'int ths_remembered = 1;'
	refuses modules bad.tmod
fi

# The public headers as they are, their signatures, and modules built from them.
abi_tree() {
	fresh
	cp -r "$sources/include/theseus" include/
	mkdir -p libtheseus/nano_core tests/abi
	cp "$sources/libtheseus/nano_core/published.def" libtheseus/nano_core/
	cp "$sources/tests/abi/signatures.txt" tests/abi/
	chmod -R u+w include libtheseus tests # the sources may be read-only
	ln -s "$real/tests/abi/signatures" tests/abi/signatures
	rmdir modules
	ln -s "$real/modules" modules
}
# abi_refuses FILE SED WORD...: with FILE changed so, each WORD is said; and no update is
# made of it.
abi_refuses() {
	abi_tree
	sed -i "$2" "$1"
	shift 2
	cp tests/abi/signatures.txt kept
	for word; do CLANG=no refuses abi "$word"; done
	top_srcdir=$tmp/tree top_builddir=$tmp/tree CLANG=no "$lints/abi.sh" --update >"$tmp/out" 2>&1 &&
		{ echo "abi --update took: $1"; status=1; }
	cmp -s kept tests/abi/signatures.txt || { echo "abi --update wrote: $1"; status=1; }
}
# abi_takes FILE SED: changed so, it asks for an update, and takes it.
abi_takes() {
	abi_tree
	sed -i "$2" "$1"
	CLANG=no refuses abi 'make abi-update'
	for option in --update ''; do
		top_srcdir=$tmp/tree top_builddir=$tmp/tree CLANG=no "$lints/abi.sh" $option >"$tmp/out" 2>&1 &&
			continue
		echo "abi $option refused: $2"
		sed 's/^/  /' "$tmp/out"
		status=1
	done
}
if [ -x "$real/tests/abi/signatures" ]; then
	module=include/theseus/module.h sched=include/theseus/iface/sched.h
	step='s/define THS_ABI 3u/define THS_ABI 4u/'
	sources=$(cd "$lints/../.." && pwd)
	moved='/^struct ths_use {/,/^}/{/const char \*instance/d;s/const struct ths_iface/const char *instance;\n\t&/}'
	abi_refuses $module "$moved" \
		'struct ths_use: member instance is ptr at 0 here, ptr at 8 in the signatures' \
		'step THS_ABI in include/theseus/module.h'
	abi_takes $module "$moved;$step"
	abi_refuses include/theseus/gate.h 's/THS_OP_DEVICE = 2/THS_OP_DEVICE = 8/' \
		'value THS_OP_DEVICE: is 8 here, 2 in the signatures'
	abi_refuses libtheseus/nano_core/published.def '/ths_kick/d' 'function ths_kick is gone'
	abi_refuses include/theseus/gate.h 's/ths_forward(struct ths_call \*call,/& int more,/' \
		'function ths_forward: is i32(ptr, i32, ptr) here, i32(ptr, ptr) in'
	moved='/^struct sched_pick {/,/^}/s/uint32_t cpu;/uint64_t cpu;/'
	abi_refuses $sched "$moved" 'op sched/1:pick: member cpu is u64 at 0 here, u32 at 0' \
		'step the version of THS_INTERFACE in include/theseus/iface/sched.h'
	abi_takes $sched "$moved;s/THS_INTERFACE(sched, 1,/THS_INTERFACE(sched, 2,/"
	abi_refuses $sched '/OP(sched, pick/s/pick/grab/' 'op sched/1:pick is gone'
	abi_takes include/theseus/iface/clock.h \
		'/OP(clock, interrupt/s/DEVICE).*/DEVICE) OP(clock, more, struct ths_no_args, 0)/'
	abi_refuses tests/abi/signatures.txt '/^table sched.queue/,/ first/s/u16 0/u32 0/' \
		'table sched.queue/1: member first is u16 at 0 here, u32 at 0 in' \
		'step the version in "sched.queue/1"'
fi
echo "$tried defects tried"
exit $status

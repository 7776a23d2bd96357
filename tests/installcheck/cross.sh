#!/bin/sh
# cross - a project of one's own, made by the compiler and binutils of a bare x86_64-elf: by
# theseus.mk with CROSS_COMPILE, by theseus.m4 with --host, and from below a sysroot. What
# comes out is the same to the byte as without; unit tests are made by CC_FOR_BUILD, and run.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
REAL_CC=$CC "$here/../cross/toolchain" bin x86_64-elf
native=$CC_FOR_BUILD
unset CC CC_FOR_BUILD THESEUS_LD THESEUS_OBJCOPY
theseus-new --quiet module ours.cross
mkdir auto && (cd auto && theseus-new --quiet --autotools module ours.cross)
module=ours.cross
cd ours.cross
target="$module.tmod ours_cross_image.elf"

# shellcheck disable=SC2086 # names are words
"$MAKE" -s CC="$native" $target
mkdir ../native
mv $target "$module.tmod.debug" ../native
same() { # WHAT: made as natively?
	for file in $target $module.tmod.debug; do
		cmp "$file" "../native/$file"
	done
	echo "$1: the same"
}

"$MAKE" -s clean
PATH=$PWD/../bin:$PATH
: >../bin/called
# shellcheck disable=SC2086
"$MAKE" -s CROSS_COMPILE=x86_64-elf- CC="$native" $target unit-check
same 'theseus.mk'
for tool in gcc ld objcopy; do
	grep -qx $tool ../bin/called || { echo "x86_64-elf-$tool was not called"; exit 1; }
done
"$MAKE" -s clean
# shellcheck disable=SC2086
"$MAKE" -s CC=x86_64-elf-gcc CC_FOR_BUILD="$native" $target unit-check
same 'CC and CC_FOR_BUILD'

"$MAKE" -s clean
(
	PKG_CONFIG_LIBDIR=$PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR=$DESTDIR
	export PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR
	unset PKG_CONFIG_PATH
	# shellcheck disable=SC2086
	"$MAKE" -s CROSS_COMPILE=x86_64-elf- $target
)
same 'below a sysroot'

cd ../auto/ours.cross
autoreconf -i -I "$(dirname "$(find "$DESTDIR$prefix" -name theseus.m4)")" >log 2>&1 || { cat log; exit 1; }
./configure -q --host=x86_64-elf CC='x86_64-elf-gcc -nostdlib' CC_FOR_BUILD="$native"
: >../../bin/called
"$MAKE" -s $module.tmod
for tool in gcc ld objcopy; do
	grep -qx $tool ../../bin/called || { echo "theseus.m4: x86_64-elf-$tool was not called"; exit 1; }
done
cmp $module.tmod ../../native/$module.tmod
"$MAKE" -s ours_cross_test >/dev/null
./ours_cross_test

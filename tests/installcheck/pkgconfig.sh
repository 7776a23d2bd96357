#!/bin/sh
# pkgconfig - what the .pc files promise is there.
set -eu
# pc PACKAGE NAME: the value of a variable.
pc() { pkg-config --variable="$2" "$1"; }
need() { [ -e "$1" ] || { echo "missing: $1"; exit 1; }; }

for variable in moduledir toolsdir pkgdatadir templatedir gdbscript module_lib module_ldscript makefile ldscript; do
	value=$(pc libtheseus $variable)
	[ -n "$value" ] || { echo "libtheseus.pc has no $variable"; exit 1; }
	need "$value"
done
for variable in kernel_cflags module_cflags kernel_ldflags abi; do
	[ -n "$(pc libtheseus $variable)" ] || { echo "libtheseus.pc has no $variable"; exit 1; }
done
need "$(pc libtheseus libdir)/libtheseus.a"
need "$(pc libtheseus-host libdir)/libtheseus-host.a"

# The ABI number is the one in the header.
printf '#include <theseus/module.h>\n_Static_assert(THS_ABI == %su, "abi");\n' \
	"$(pc libtheseus abi)" >abi.c
# shellcheck disable=SC2046 # flags are words
"$CC" $(pkg-config --cflags libtheseus) $(pc libtheseus kernel_cflags) -c abi.c

# A kernel by flags alone, without theseus.mk.
# shellcheck disable=SC2046 # flags are words
"$CC" -O2 -o flags.elf "$examples/hello/hello.c" $(pkg-config --cflags --libs libtheseus-kernel)
if [ "$QEMU" != no ]; then
	theseus-run --test --icount -kernel flags.elf
fi

# An installed tree may be moved, and may lie in the root of another system.
moved=$PWD/moved
mkdir moved && cp -r "$DESTDIR$prefix" moved/there
(
	PKG_CONFIG_PATH=$(dirname "$(find "$moved" -name libtheseus.pc)")
	export PKG_CONFIG_PATH
	for variable in includedir libdir makefile ldscript templatedir; do
		value=$(realpath "$(pc libtheseus $variable)")
		case $value in "$moved"/*) ;; *) echo "$variable stays behind: $value"; exit 1 ;; esac
	done
	# shellcheck disable=SC2046 # flags are words
	"$CC" -O2 -o moved.elf "$examples/hello/hello.c" $(pkg-config --cflags --libs libtheseus-kernel)
	cmp flags.elf moved.elf
)
(
	PKG_CONFIG_SYSROOT_DIR=$DESTDIR PKG_CONFIG_LIBDIR=$DESTDIR$prefix/lib/pkgconfig
	export PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_LIBDIR
	for flag in $(pkg-config --cflags-only-I --libs-only-L libtheseus); do
		need "${flag#-?}"
	done
)

echo "abi $(pc libtheseus abi), modules in $(pc libtheseus moduledir)"

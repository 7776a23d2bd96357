#!/bin/sh
# autotools - theseus.m4 as a project meets it that lies out of tree and is built out of its
# own: found by pkg-config or below a prefix, with a module and an image; and what is said
# when it cannot be used. PKG_CONFIG_PATH is known to configure only.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
m4=$DESTDIR$prefix/share/aclocal
[ -f "$m4/theseus.m4" ] || m4=$(dirname "$(find "$DESTDIR$prefix" -name theseus.m4)")
mkdir project build prefix few
cp "$here/echo_plain.c" project
cp "$examples/pulse/pulse.manifest" "$examples"/pulse/*.[ch] project

cat >project/configure.ac <<'END'
AC_INIT([user], [1])
AM_INIT_AUTOMAKE([foreign -Wall -Werror -Wno-portability])
AC_PROG_CC
THESEUS_PATH([0.1])
THESEUS_MODULE([echo.plain])
THESEUS_IMAGE([pulse])
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
END
cat >project/Makefile.am <<'END'
noinst_DATA = $(THESEUS_MODULES) $(THESEUS_IMAGES)
EXTRA_DIST = $(THESEUS_DIST)
@THESEUS_RULES@
END
# Who needs it, in a version, and who can do without.
cat >few/wanted.ac <<'END'
AC_INIT([user], [1])
AC_PROG_CC
THESEUS_PATH([0.1])
echo "modules in '$THESEUS_MODULEDIR'"
AC_OUTPUT
END
sed 's/0\.1/9.0/' few/wanted.ac >few/newer.ac
sed 's/0\.1\]/], [:], [echo "does without: $theseus_why"]/' few/wanted.ac >few/configure.ac
(cd project && autoreconf -i -I "$m4" >log 2>&1) || { cat project/log; exit 1; }
(
	cd few && aclocal -I "$m4"
	for file in configure wanted newer; do
		autoconf -o $file $file.ac
	done
)

(cd build && ../project/configure -q CC="$CC")
(
	unset PKG_CONFIG_PATH
	cd build
	"$MAKE"
	theseus-check echo.plain.tmod
	[ -s pulse.cpio ] && [ -s pulse.elf ]
	if [ "$QEMU" != no ]; then
		theseus-run --test --icount --timeout 600 -kernel pulse.elf -initrd pulse.cpio
	fi
	"$MAKE" -s dist >/dev/null
	for file in echo_plain.c pulse.c pulse.manifest; do
		tar -tf user-1.tar.gz | grep -q "/$file\$" || { echo "not packed: $file"; exit 1; }
	done
	"$MAKE" clean
	left=$(find . -name '*.tmod*' -o -name '*.elf*' -o -name '*.o' -o -name '*.cpio')
	[ -z "$left" ] || { echo "make clean left: $left"; exit 1; }
)

# says TEXT COMMAND...: it fails, and this is how.
says() {
	text=$1
	shift
	if "$@" >said 2>&1; then
		echo "succeeded: $*"
		cat said
		exit 1
	fi
	grep -q "$text" said || { echo "'$text' is not said by: $*"; cat said; exit 1; }
	echo "$text"
}
nothing=$PWD/prefix
# Below a prefix it is found without pkg-config's help, and only there.
env PKG_CONFIG_PATH= PKG_CONFIG_LIBDIR="$nothing" sh few/wanted --with-theseus="$DESTDIR$prefix" >said
grep -q "^modules in '/.*'" said || { cat said; exit 1; }
says 'no libtheseus.pc below .*install it' sh few/newer --with-theseus="$nothing"
says 'libtheseus .* is too old, 9.0 or later is needed: install it' sh few/newer
says 'pkg-config does not find it: install it' \
	env PKG_CONFIG_PATH= PKG_CONFIG_LIBDIR="$nothing" sh few/newer
says 'says there is none' sh few/newer --without-theseus
says 'which is not there: install pkgconf' sh few/newer PKG_CONFIG=
env PKG_CONFIG_PATH= PKG_CONFIG_LIBDIR="$nothing" sh few/configure >said
grep -q '^does without: libtheseus is needed' said && grep -q "^modules in ''" said ||
	{ cat said; exit 1; }
# A compiler of another machine, and tools that were not installed.
cat >other-cc <<'END'
#!/bin/sh
for flag; do [ "$flag" != -mcmodel=kernel ] || exit 1; done
exec $REAL_CC "$@"
END
chmod +x other-cc
says 'makes no kernel code for x86_64' env REAL_CC="$CC" sh few/wanted CC="$PWD/other-cc"
cp -r "$DESTDIR$prefix" moved && rm moved/bin/theseus-check
says 'has no theseus-check: install theseus-tools' \
	env PKG_CONFIG_PATH= sh few/wanted --with-theseus="$PWD/moved"

#!/bin/sh
# module - a module of one's own is built by the installed theseus.mk and is admitted;
# one that remembers something is refused, and by name.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cp "$here/echo_plain.c" .
sed 's/echo_plain/echo_spill/; s/"echo.plain"/"echo.spill"/; s/^enum { COUNT };/static uint64_t remembered;\n&/; s/count->said++;/count->said = ++remembered;/' \
	echo_plain.c >echo_spill.c
cat >Makefile <<'END'
include $(shell pkg-config --variable=makefile libtheseus)
$(eval $(call theseus_module,echo.plain,echo_plain.c))
$(eval $(call theseus_module,echo.plain,echo_plain.c,-DSECOND,two))
$(eval $(call theseus_module,echo.spill,echo_spill.c))
END

"$MAKE" CFLAGS='-O0 -fPIC' echo.plain.tmod two/echo.plain.tmod
theseus-check echo.plain.tmod
cmp echo.plain.tmod two/echo.plain.tmod || {
	echo "the same source, built in two folders, differs"
	exit 1
}
if "$MAKE" echo.spill.tmod >spill.log 2>&1; then
	echo "a module with a writable variable was sealed"
	exit 1
fi
grep -q remembered spill.log || {
	echo "the refusal does not name the variable:"
	cat spill.log
	exit 1
}
[ ! -e echo.spill.tmod ] || { echo "the refused module was left behind"; exit 1; }

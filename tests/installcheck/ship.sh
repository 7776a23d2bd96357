#!/bin/sh
# ship - the example OS is built from the installed tree alone, with two modules that were
# written elsewhere; ship.py then sits before its console and swaps them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ "$QEMU" != no ] || { echo "QEMU is not installed"; exit 77; }
command -v python3 >/dev/null || { echo "python3 is not installed"; exit 77; }
cp "$here/echo_plain.c" "$here/sched_mine.c" .
cat >modules.mk <<'END'
include $(shell pkg-config --variable=makefile libtheseus)
$(eval $(call theseus_module,echo.plain,echo_plain.c))
$(eval $(call theseus_module,sched.mine,sched_mine.c))
END
"$MAKE" -f modules.mk echo.plain.tmod sched.mine.tmod

# Both are loaded at boot; one of them is bound then.
sed 's/^program ship/module echo.plain\nbind echo\/1 = echo.plain\nmodule sched.mine\n&/' \
	"$examples/ship/ship.manifest" >own.manifest
"$MAKE" -f "$examples/ship/Makefile" MODULE_DIRS=. MANIFEST=own.manifest archive iso
python3 "$here/ship.py" theseus-run --timeout 1800 -kernel build/ship.elf \
	-initrd build/ship.cpio
python3 "$here/ship.py" theseus-run --timeout 1800 build/ship.iso

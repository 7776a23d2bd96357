# theseus.m4 - libtheseus for configure.ac
#
# THS_CHECK([VERSION], [IF-FOUND], [IF-NOT])
#
# Finds libtheseus by pkg-config and substitutes what a kernel, its modules and their
# unit tests are built with: THESEUS_CFLAGS THESEUS_LIBS THESEUS_KERNEL_CFLAGS
# THESEUS_KERNEL_LINK THESEUS_MODULE_CFLAGS THESEUS_MODULEDIR THESEUS_LDSCRIPT
# THESEUS_MK (to be included in Makefile.am by ` include $(THESEUS_MK)`: with a blank
# before it automake leaves the line to make) and
# THESEUS_CHECK (the tool theseus-check), THESEUS_TOOLS (the folder of all).
AC_DEFUN([THS_CHECK], [
  AC_REQUIRE([PKG_PROG_PKG_CONFIG])
  PKG_CHECK_MODULES([THESEUS], [libtheseus]m4_ifval([$1], [ >= $1]), [
    THESEUS_KERNEL_CFLAGS="$THESEUS_CFLAGS -O2 -g `$PKG_CONFIG --variable=kernel_cflags libtheseus`"
    THESEUS_KERNEL_LINK=`$PKG_CONFIG --variable=kernel_ldflags libtheseus`
    THESEUS_MODULE_CFLAGS="$THESEUS_CFLAGS `$PKG_CONFIG --variable=module_cflags libtheseus`"
    THESEUS_MODULEDIR=`$PKG_CONFIG --variable=moduledir libtheseus`
    THESEUS_LDSCRIPT=`$PKG_CONFIG --variable=ldscript libtheseus`
    THESEUS_MK=`$PKG_CONFIG --variable=makefile libtheseus`
    THESEUS_CHECK=`$PKG_CONFIG --variable=toolsdir libtheseus`/theseus-check
    THESEUS_TOOLS=`$PKG_CONFIG --variable=toolsdir libtheseus`
    m4_default([$2], [:])
  ], [m4_default([$3], [AC_MSG_ERROR([libtheseus]m4_ifval([$1], [ >= $1])[ is needed])])])
  AC_SUBST([THESEUS_KERNEL_CFLAGS])
  AC_SUBST([THESEUS_KERNEL_LINK])
  AC_SUBST([THESEUS_MODULE_CFLAGS])
  AC_SUBST([THESEUS_MODULEDIR])
  AC_SUBST([THESEUS_LDSCRIPT])
  AC_SUBST([THESEUS_MK])
  AC_SUBST([THESEUS_CHECK])
  AC_SUBST([THESEUS_TOOLS])
])

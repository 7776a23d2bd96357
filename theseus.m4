# theseus.m4 - libtheseus for configure.ac                                      serial 3
#
# The macros find what is installed and substitute what theseus.mk (the recipe for modules,
# kernels and images) asks for; so `make` needs neither pkg-config nor its environment.
# theseus-build(7) has an example.
#
# THESEUS_PATH([VERSION], [IF-FOUND], [IF-NOT])
#	Finds libtheseus, of VERSION or later: below the PREFIX of --with-theseus=PREFIX, else
#	by pkg-config; and looks whether CC makes code for it. Without IF-NOT it is an error,
#	which says what to install, not to find it. Substituted:
#	  THESEUS_CFLAGS THESEUS_LIBS            as of pkg-config libtheseus
#	  THESEUS_HOST_CFLAGS THESEUS_HOST_LIBS  unit tests on the host
#	  THESEUS_MODULE_CFLAGS THESEUS_MODULE_LIB THESEUS_MODULE_LDSCRIPT
#	  THESEUS_KERNEL_CFLAGS THESEUS_KERNEL_LINK THESEUS_KERNEL_LIB THESEUS_KERNEL_LDSCRIPT
#	  THESEUS_DEBUG_CFLAGS                   with make THESEUS_DEBUG=1: theseus-debug(7)
#	  THESEUS_LD THESEUS_OBJCOPY             binutils of the host that is configured for
#	  CC_FOR_BUILD                           what makes programs that run here: CC, but for
#	                                         a cross build
#	  THESEUS_VERSION THESEUS_INCLUDEDIR
#	  THESEUS_MODULEDIR                      where the installed modules lie
#	  THESEUS_TOOLS                          the folder of theseus-check, -image, -run
#	The condition HAVE_THESEUS holds if it was found.
#
# THESEUS_MODULE(ID, [SOURCES], [FLAGS])
#	Adds ID.tmod to $(THESEUS_MODULES), made from SOURCES (else from ID with '_' for its
#	'.', and .c), which are paths from $(srcdir).
#
# THESEUS_IMAGE(NAME, [SOURCES], [MANIFEST], [FLAGS])
#	Adds NAME.cpio to $(THESEUS_IMAGES): the archive made by MANIFEST (NAME.manifest) of
#	$(THESEUS_MODULES) and the installed ones. To be had are, too, the kernel NAME.elf,
#	from SOURCES (NAME.c), and NAME.iso.
#
# Makefile.am has, on a line of its own, @THESEUS_RULES@: the rules for all of these, and for
# `make clean`. What is made of them is said there as of anything:
#	module_DATA = $(THESEUS_MODULES)
#	EXTRA_DIST = $(THESEUS_DIST)           (their sources and manifests)
# AM_INIT_AUTOMAKE is to have -Wno-portability: the rules are GNU make's.

# _THESEUS_GET(VARIABLE, NAME): VARIABLE is what libtheseus.pc has as NAME.
m4_define([_THESEUS_GET], [$1=`$PKG_CONFIG --variable=$2 libtheseus`
AC_SUBST([$1])])

AC_DEFUN([THESEUS_PATH], [
AC_REQUIRE([AC_PROG_CC])dnl
AC_REQUIRE([PKG_PROG_PKG_CONFIG])dnl
AC_ARG_VAR([CC_FOR_BUILD], [C compiler for what runs on this machine, if CC is not])
AS_IF([test -n "$CC_FOR_BUILD"], [],
  [test "$cross_compiling" = no], [CC_FOR_BUILD=$CC],
  [AC_CHECK_PROGS([CC_FOR_BUILD], [gcc cc clang])])
AC_CHECK_TOOL([THESEUS_LD], [ld], [ld])
AC_CHECK_TOOL([THESEUS_OBJCOPY], [objcopy], [objcopy])
AC_ARG_WITH([theseus],
  [AS_HELP_STRING([--with-theseus=PREFIX], [where libtheseus is installed, if pkg-config does not find it])],
  [], [with_theseus=yes])
theseus_why= theseus_where="install it (libtheseus-dev and theseus-tools, or from its sources), or say where it is:
  ./configure --with-theseus=PREFIX, or PKG_CONFIG_PATH=FOLDER of its libtheseus.pc"
AS_IF([test -z "$PKG_CONFIG"],
  [theseus_why="libtheseus is found by pkg-config, which is not there: install pkgconf"])
AS_CASE([$with_theseus],
  [yes], [],
  [no], [theseus_why="libtheseus is needed, and --without-theseus says there is none"],
  [theseus_pc=
  for theseus_dir in "$with_theseus"/lib64/pkgconfig "$with_theseus"/lib/*/pkgconfig \
      "$with_theseus"/lib/pkgconfig; do
    AS_IF([test -f "$theseus_dir/libtheseus.pc"], [theseus_pc=$theseus_dir])
  done
  AS_IF([test -n "$theseus_pc"],
    [PKG_CONFIG_PATH=$theseus_pc${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
    export PKG_CONFIG_PATH],
    [theseus_why="no libtheseus.pc below $with_theseus: $theseus_where"])])
AS_IF([test -z "$theseus_why"], [
  AC_CACHE_CHECK([for libtheseus]m4_ifval([$1], [[ >= $1]]), [theseus_cv_version],
    [theseus_cv_version=`$PKG_CONFIG --modversion libtheseus 2>&AS_MESSAGE_LOG_FD` ||
      theseus_cv_version=no])
  AS_IF([test "$theseus_cv_version" = no],
    [theseus_why="libtheseus is needed, and pkg-config does not find it: $theseus_where"],
    [m4_ifval([$1], [AS_VERSION_COMPARE([$theseus_cv_version], [$1],
      [theseus_why="libtheseus $theseus_cv_version is too old, $1 or later is needed: $theseus_where"])],
      [:])])
])
AS_IF([test -z "$theseus_why"], [
  THESEUS_VERSION=$theseus_cv_version
  THESEUS_CFLAGS=`$PKG_CONFIG --cflags libtheseus`
  THESEUS_LIBS=`$PKG_CONFIG --libs libtheseus`
  THESEUS_HOST_CFLAGS=`$PKG_CONFIG --cflags libtheseus-host`
  THESEUS_HOST_LIBS=`$PKG_CONFIG --libs libtheseus-host`
  THESEUS_MODULE_CFLAGS="$THESEUS_CFLAGS `$PKG_CONFIG --variable=module_cflags libtheseus`"
  THESEUS_KERNEL_CFLAGS="$THESEUS_CFLAGS -O2 -g `$PKG_CONFIG --variable=kernel_cflags libtheseus`"
  AC_CACHE_CHECK([whether $CC makes code for libtheseus], [theseus_cv_cc],
    [theseus_saved_CFLAGS=$CFLAGS
    CFLAGS="$THESEUS_CFLAGS -std=gnu17 -ffreestanding -fno-pic -mno-red-zone -mgeneral-regs-only -mcmodel=kernel"
    AC_COMPILE_IFELSE([AC_LANG_SOURCE([[#include <theseus/module.h>
enum ths_err conftest(void);
enum ths_err conftest(void) { return THS_OK; }]])], [theseus_cv_cc=yes], [theseus_cv_cc=no])
    CFLAGS=$theseus_saved_CFLAGS])
  AS_IF([test "$theseus_cv_cc" = no],
    [theseus_why="$CC makes no kernel code for x86_64 (config.log says why): gcc 12 or clang 14 does, ./configure CC=..."])
  AS_IF([test ! -x "`$PKG_CONFIG --variable=toolsdir libtheseus`/theseus-check"],
    [theseus_why="`$PKG_CONFIG --variable=toolsdir libtheseus` has no theseus-check: install theseus-tools"])
])
AS_IF([test -z "$theseus_why"], [
  _THESEUS_GET([THESEUS_INCLUDEDIR], [includedir])
  _THESEUS_GET([THESEUS_KERNEL_LINK], [kernel_ldflags])
  _THESEUS_GET([THESEUS_KERNEL_LDSCRIPT], [ldscript])
  _THESEUS_GET([THESEUS_MODULE_LIB], [module_lib])
  _THESEUS_GET([THESEUS_MODULE_LDSCRIPT], [module_ldscript])
  _THESEUS_GET([THESEUS_MODULEDIR], [moduledir])
  _THESEUS_GET([THESEUS_TOOLS], [toolsdir])
  _THESEUS_GET([THESEUS_DEBUG_CFLAGS], [debug_cflags])
  THESEUS_KERNEL_LIB=`$PKG_CONFIG --variable=libdir libtheseus`/libtheseus.a
  THESEUS_RULES="include `$PKG_CONFIG --variable=makefile libtheseus`"'
clean-am: theseus-clean
theseus-clean:
	rm -rf $(THESEUS_MODULES) $(THESEUS_MODULES:=.debug) $(THESEUS_MODULES:.tmod=.o) $(THESEUS_MODULES:.tmod=.d) $(THESEUS_MODULES:.tmod=.objects)
	rm -rf $(THESEUS_IMAGES) $(THESEUS_IMAGES:.cpio=.iso) $(THESEUS_IMAGES:.cpio=.elf) $(THESEUS_IMAGES:.cpio=.elf.objects)
.PHONY: theseus-clean'
])
AC_SUBST([THESEUS_VERSION])
AC_SUBST([THESEUS_CFLAGS])
AC_SUBST([THESEUS_LIBS])
AC_SUBST([THESEUS_HOST_CFLAGS])
AC_SUBST([THESEUS_HOST_LIBS])
AC_SUBST([THESEUS_MODULE_CFLAGS])
AC_SUBST([THESEUS_KERNEL_CFLAGS])
AC_SUBST([THESEUS_KERNEL_LIB])
AC_SUBST([THESEUS_MODULES])
AC_SUBST([THESEUS_IMAGES])
AC_SUBST([THESEUS_DIST])
AC_SUBST([THESEUS_RULES])
m4_ifdef([AM_CONDITIONAL], [AM_CONDITIONAL([HAVE_THESEUS], [test -z "$theseus_why"])])
m4_ifdef([_AM_SUBST_NOTMAKE], [_AM_SUBST_NOTMAKE([THESEUS_RULES])])
AS_IF([test -z "$theseus_why"],
  [m4_default([$2], [:])],
  [m4_default([$3], [AC_MSG_ERROR([$theseus_why])])])
])

# _THESEUS_ADD(MACRO, LIST, FILE, DIST, RULES): in shell text nothing is expanded.
m4_define([_THESEUS_ADD], [
AC_PROVIDE_IFELSE([THESEUS_PATH], [], [m4_fatal([$1: THESEUS_PATH is to come before])])
AS_IF([test -n "$THESEUS_RULES"], [
  $2="$$2 $3"
  THESEUS_DIST="$THESEUS_DIST $4"
  THESEUS_RULES=$THESEUS_RULES'
$5'
])])

AC_DEFUN([THESEUS_MODULE], [_THESEUS_ADD([$0], [THESEUS_MODULES], [$1.tmod],
  m4_default([$2], [m4_translit([[$1]], [.], [_]).c]),
  [$(eval $(call theseus_module,$1,$(addprefix $(srcdir)/,]m4_default([$2], [m4_translit([[$1]], [.], [_]).c])[),$3))])])

AC_DEFUN([THESEUS_IMAGE], [_THESEUS_ADD([$0], [THESEUS_IMAGES], [$1.cpio],
  m4_default([$2], [$1.c]) m4_default([$3], [$1.manifest]),
  [$(eval $(call theseus_kernel,$1.elf,$(addprefix $(srcdir)/,]m4_default([$2], [$1.c])[),$4))
$(eval $(call theseus_image,$1,$(srcdir)/]m4_default([$3], [$1.manifest])[,$(THESEUS_MODULES)))])])

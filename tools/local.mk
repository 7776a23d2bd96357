# Tools in C: `bin_PROGRAMS += %D%/theseus-x`, with
#   %C%_theseus_x_SOURCES = %D%/theseus-x.c
#   %C%_theseus_x_CPPFLAGS = $(theseus_cppflags)
#   %C%_theseus_x_CFLAGS = $(theseus_host_cflags) $(LIBELF_CFLAGS) $(CAPSTONE_CFLAGS)
#   %C%_theseus_x_LDADD = libtheseus-host.a $(LIBELF_LIBS) $(CAPSTONE_LIBS)
# Tools in shell: `theseus_scripts += %D%/theseus-y`, from %D%/theseus-y.in; the words
# that are replaced there stand in Makefile.am at theseus_subst.
bin_PROGRAMS +=
theseus_scripts +=

include tools/run/local.mk
include tools/check/local.mk
include tools/image/local.mk
include tools/schema/local.mk
include tools/gdb/local.mk
include tools/new/local.mk
include tools/symbolize/local.mk
include tools/graph/local.mk
include tools/completion/local.mk

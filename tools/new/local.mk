# theseus-new: a module, driver, interface, program or OS begins from templates/.
bin_PROGRAMS += tools/theseus-new
tools_theseus_new_SOURCES = %D%/theseus-new.c %D%/kind.c %D%/kind.h %D%/operations.c \
	%D%/operations.h %D%/template.c %D%/template.h tools/check/tool.c tools/check/tool.h
tools_theseus_new_CPPFLAGS = $(theseus_cppflags) -I$(srcdir)/tools -D_GNU_SOURCE \
	-DNEW_DATA_FROM_BIN="\"`realpath -ms --relative-to='$(bindir)' '$(pkgdatadir)'`\"" \
	-DNEW_INCLUDE_FROM_BIN="\"`realpath -ms --relative-to='$(bindir)' '$(includedir)'`\"" \
	-DNEW_ACLOCAL_FROM_BIN="\"`realpath -ms --relative-to='$(bindir)' '$(datadir)/aclocal'`\""
tools_theseus_new_CFLAGS = $(theseus_host_cflags)
tools_theseus_new_LDADD =

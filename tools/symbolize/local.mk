# theseus-symbolize: the source lines of the addresses in a log.
bin_PROGRAMS += tools/theseus-symbolize
tools_theseus_symbolize_SOURCES = %D%/theseus-symbolize.c %D%/lines.c %D%/lines.h \
	%D%/modules.c %D%/modules.h %D%/place.c %D%/place.h tools/check/object.c \
	tools/check/object.h tools/check/tool.c tools/check/tool.h
tools_theseus_symbolize_CPPFLAGS = $(theseus_cppflags) -I$(srcdir)/tools -D_GNU_SOURCE \
	-DSYMBOLIZE_MODULES_FROM_BIN="\"`realpath -ms --relative-to='$(bindir)' '$(pkglibdir)/modules'`\""
tools_theseus_symbolize_CFLAGS = $(theseus_host_cflags) $(LIBDW_CFLAGS) $(LIBELF_CFLAGS)
tools_theseus_symbolize_LDADD = $(LIBDW_LIBS) $(LIBELF_LIBS)

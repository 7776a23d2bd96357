bin_PROGRAMS += tools/theseus-run
tools_theseus_run_SOURCES = %D%/main.c %D%/options.c %D%/files.c %D%/command.c \
	%D%/qmp.c %D%/symbols.c %D%/watch.c %D%/where.c %D%/verdict.c \
	%D%/run.h %D%/verdict.h \
	tools/check/tool.c tools/check/tool.h
tools_theseus_run_CPPFLAGS = $(theseus_cppflags) -I$(srcdir)/tools -D_GNU_SOURCE
tools_theseus_run_CFLAGS = $(theseus_host_cflags) $(LIBELF_CFLAGS)
tools_theseus_run_LDADD = $(LIBELF_LIBS)

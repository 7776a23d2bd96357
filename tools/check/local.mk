# theseus-check, and what theseus-image shares with it.
theseus_tool_check_sources = \
	%D%/check.c %D%/check.h \
	%D%/descriptor.c %D%/descriptor.h \
	%D%/insn.c %D%/insn.h \
	%D%/layouts.c %D%/layouts.h \
	%D%/object.c %D%/object.h \
	%D%/published.c %D%/published.h \
	%D%/tool.c %D%/tool.h

bin_PROGRAMS += tools/theseus-check
tools_theseus_check_SOURCES = %D%/theseus-check.c %D%/against.c %D%/against.h \
	%D%/report.c %D%/report.h \
	$(theseus_tool_check_sources)
tools_theseus_check_CPPFLAGS = $(theseus_cppflags) -D_GNU_SOURCE
tools_theseus_check_CFLAGS = $(theseus_host_cflags) $(LIBELF_CFLAGS) $(CAPSTONE_CFLAGS)
tools_theseus_check_LDADD = libtheseus-host.a $(LIBELF_LIBS) $(CAPSTONE_LIBS)

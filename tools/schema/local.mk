# theseus-schema: layouts from debug information, into .ths.schema.
bin_PROGRAMS += tools/theseus-schema
tools_theseus_schema_SOURCES = %D%/theseus-schema.c %D%/dwarf.c %D%/dwarf.h %D%/json.c %D%/json.h \
	tools/check/descriptor.c tools/check/descriptor.h tools/check/tool.c tools/check/tool.h
tools_theseus_schema_CPPFLAGS = $(theseus_cppflags) -I$(srcdir)/tools -D_GNU_SOURCE
tools_theseus_schema_CFLAGS = $(theseus_host_cflags) $(LIBDW_CFLAGS)
tools_theseus_schema_LDADD = libtheseus-host.a $(LIBDW_LIBS)

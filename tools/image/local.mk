bin_PROGRAMS += tools/theseus-image
tools_theseus_image_SOURCES = %D%/theseus-image.c %D%/archive.c %D%/evolution.c %D%/image.h %D%/iso.c \
	%D%/kernel.c %D%/resolve.c %D%/temp.c $(theseus_tool_check_sources)
tools_theseus_image_CPPFLAGS = $(theseus_cppflags) -I$(srcdir)/tools -D_GNU_SOURCE \
	-DIMAGE_MODULES_FROM_BIN="\"`realpath -ms --relative-to='$(bindir)' '$(pkglibdir)/modules'`\""
tools_theseus_image_CFLAGS = $(theseus_host_cflags) $(LIBELF_CFLAGS) $(CAPSTONE_CFLAGS)
tools_theseus_image_LDADD = libtheseus-host.a $(LIBELF_LIBS) $(CAPSTONE_LIBS)

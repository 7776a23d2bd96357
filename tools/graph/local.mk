# theseus-graph: modules, interfaces and tables of an OS as a graph.
bin_PROGRAMS += tools/theseus-graph
tools_theseus_graph_SOURCES = %D%/theseus-graph.c %D%/graph.h %D%/graph.c \
	%D%/manifest.c %D%/log.c %D%/write.c tools/check/descriptor.c \
	tools/check/descriptor.h tools/check/tool.c tools/check/tool.h
tools_theseus_graph_CPPFLAGS = $(theseus_cppflags) -I$(srcdir)/tools -D_GNU_SOURCE \
	-DGRAPH_MODULES_FROM_BIN="\"`realpath -ms --relative-to='$(bindir)' '$(pkglibdir)/modules'`\""
tools_theseus_graph_CFLAGS = $(theseus_host_cflags)
tools_theseus_graph_LDADD = libtheseus-host.a

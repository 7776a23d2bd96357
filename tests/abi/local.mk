# What modules are compiled against, and a file of it that changes by version steps only:
# theseus-abi(7). `make abi-update` writes signatures.txt; tests/lint/abi.sh compares it.
noinst_PROGRAMS += %D%/signatures
%C%_signatures_SOURCES = %D%/signatures.c %D%/step.c %D%/step.h \
	tools/schema/dwarf.c tools/schema/dwarf.h tools/check/tool.c tools/check/tool.h
%C%_signatures_CPPFLAGS = $(theseus_cppflags) -I$(srcdir)/tools -D_GNU_SOURCE
%C%_signatures_CFLAGS = $(theseus_host_cflags) $(LIBDW_CFLAGS)
%C%_signatures_LDADD = libtheseus-host.a $(LIBDW_LIBS)
EXTRA_DIST += %D%/probe.sh %D%/signatures.txt %D%/README.md

# Modules as they were built from earlier commits: README.md.
theseus_kept = %D%/a4dbfa4/sched.rr.tmod %D%/6579e3d/sched.rr.tmod
EXTRA_DIST += $(theseus_kept)

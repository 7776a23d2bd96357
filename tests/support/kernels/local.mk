# A kernel for the runner's own tests: no library of ours, so it needs flags of its own.
noinst_PROGRAMS += %D%/parrot
%C%_parrot_SOURCES = %D%/entry.S %D%/parrot.c
EXTRA_%C%_parrot_DEPENDENCIES = $(srcdir)/%D%/parrot.lds
%C%_parrot_CPPFLAGS =
parrot_flags = -m32 -ffreestanding -fno-pic -fno-pie -mgeneral-regs-only \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none
%C%_parrot_CFLAGS = -std=gnu17 $(THS_WARN_CFLAGS) $(theseus_map_flags) $(parrot_flags)
%C%_parrot_CCASFLAGS = $(parrot_flags)
%C%_parrot_LDFLAGS = -m32 -nostdlib -static -no-pie -Wl,--build-id=none \
	-Wl,-T,$(srcdir)/%D%/parrot.lds
%C%_parrot_LDADD =
EXTRA_DIST += %D%/parrot.lds

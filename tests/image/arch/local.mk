# A kernel of arch/x86_64 and questions, without nano_core; arch_test.tap boots it.
noinst_PROGRAMS += %D%/kernel
%C%_kernel_SOURCES = %D%/harness.c %D%/harness.h %D%/boot_check.c %D%/trap_check.c \
	%D%/run_check.c %D%/paging_check.c %D%/interrupt_check.c
EXTRA_%C%_kernel_DEPENDENCIES = $(srcdir)/arch/x86_64/kernel.lds
%C%_kernel_CPPFLAGS = $(theseus_cppflags) -I$(srcdir)/arch/x86_64
%C%_kernel_CFLAGS = $(theseus_kernel_cflags)
%C%_kernel_LDFLAGS = $(theseus_kernel_ldflags)
%C%_kernel_LDADD = $(theseus_kernel_ldadd)
EXTRA_DIST += %D%/window_check.c

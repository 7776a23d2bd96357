# arch/host against the promises of <theseus/arch.h>, above a nano_core of a few lines
# (upcalls.c); once under ASan and UBSan, and what knows threads or stacks under TSan too.
theseus_upcalls = %D%/upcalls.c %D%/upcalls.h

check_unit_tests += %D%/host_context_test
%C%_host_context_test_SOURCES = %D%/host_context_test.c $(theseus_upcalls)
check_tsan_tests += %D%/host_context_tsan
%C%_host_context_tsan_SOURCES = %D%/host_context_test.c $(theseus_upcalls)
%C%_host_context_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_host_context_tsan_LDADD = $(theseus_tsan_ldadd)

check_unit_tests += %D%/host_fail_test
check_tsan_tests += %D%/host_fail_tsan
%C%_host_fail_tsan_SOURCES = %D%/host_fail_test.c
%C%_host_fail_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_host_fail_tsan_LDADD = $(theseus_tsan_ldadd)

check_unit_tests += %D%/host_irq_test
%C%_host_irq_test_SOURCES = %D%/host_irq_test.c $(theseus_upcalls)
%C%_host_irq_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/arch/host
check_tsan_tests += %D%/host_irq_tsan
%C%_host_irq_tsan_SOURCES = %D%/host_irq_test.c $(theseus_upcalls)
%C%_host_irq_tsan_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/arch/host
%C%_host_irq_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_host_irq_tsan_LDADD = $(theseus_tsan_ldadd)

check_unit_tests += %D%/host_machine_test
%C%_host_machine_test_SOURCES = %D%/host_machine_test.c $(theseus_upcalls)
check_tsan_tests += %D%/host_machine_tsan
%C%_host_machine_tsan_SOURCES = %D%/host_machine_test.c $(theseus_upcalls)
%C%_host_machine_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_host_machine_tsan_LDADD = $(theseus_tsan_ldadd)

check_unit_tests += %D%/host_memory_test
%C%_host_memory_test_SOURCES = %D%/host_memory_test.c $(theseus_upcalls)
check_tsan_tests += %D%/host_memory_tsan
%C%_host_memory_tsan_SOURCES = %D%/host_memory_test.c $(theseus_upcalls)
%C%_host_memory_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_host_memory_tsan_LDADD = $(theseus_tsan_ldadd)

check_unit_tests += %D%/host_trap_test
%C%_host_trap_test_SOURCES = %D%/host_trap_test.c $(theseus_upcalls)
check_tsan_tests += %D%/host_trap_tsan
%C%_host_trap_tsan_SOURCES = %D%/host_trap_test.c $(theseus_upcalls)
%C%_host_trap_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_host_trap_tsan_LDADD = $(theseus_tsan_ldadd)

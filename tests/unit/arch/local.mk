# The parts of arch/x86_64 that are pure: they read tables from memory they are given.
check_unit_tests += %D%/boot_info_test
%C%_boot_info_test_SOURCES = %D%/boot_info_test.c arch/x86_64/acpi.c \
	arch/x86_64/boot_multiboot2.c arch/x86_64/boot_pvh.c arch/x86_64/boot_text.c \
	arch/x86_64/memory.c
%C%_boot_info_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/arch/x86_64

check_unit_tests += %D%/madt_test
%C%_madt_test_SOURCES = %D%/madt_test.c arch/x86_64/acpi.c arch/x86_64/madt.c
%C%_madt_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/arch/x86_64

include tests/unit/arch/host.mk

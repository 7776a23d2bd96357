# What unit tests share: main() for libcheck, helpers. A suite defines
# `Suite *ths_test_suite(void)`, from <suite.h>, and nothing else.
theseus_support_sources += %D%/main.c %D%/suite.h %D%/turns.c
theseus_support_sources += %D%/accounts.c %D%/accounts.h
theseus_support_sources += %D%/failpoint.c %D%/failpoint.h %D%/archive.h
theseus_support_sources += %D%/rig.h %D%/rig.c %D%/harness.h %D%/harness.c
theseus_support_sources += %D%/history.h %D%/history.c
theseus_support_sources += %D%/preempt.h %D%/preempt.c
theseus_support_sources += %D%/keeper.h %D%/keeper.c %D%/keeper_v2.c
theseus_support_sources += %D%/script.h %D%/script.c %D%/other.c
theseus_support_sources += %D%/dev.h %D%/dev_16550.c %D%/dev_8254.c %D%/dev_8259.c
EXTRA_DIST += %D%/guest_tap.sh %D%/no-skip %D%/console.py %D%/manual.py

include tests/support/kernels/local.mk

# The judge over swap tests, and who lies to it: README.md. Neither runs in a guest.
noinst_PROGRAMS += %D%/oracle %D%/liar
%C%_oracle_SOURCES = %D%/oracle.c %D%/oracle_rules.c %D%/oracle.h
%C%_oracle_CPPFLAGS = -D_GNU_SOURCE
%C%_oracle_CFLAGS = $(theseus_host_cflags)
%C%_oracle_LDADD =
%C%_liar_SOURCES = %D%/liar.c
%C%_liar_CPPFLAGS = -D_GNU_SOURCE
%C%_liar_CFLAGS = $(theseus_host_cflags)
%C%_liar_LDADD =
check_image_tests += %D%/oracle_test.tap
EXTRA_DIST += %D%/README.md

# What unit tests share: main() for libcheck, helpers. A suite defines
# `Suite *ths_test_suite(void)`, from <suite.h>, and nothing else.
theseus_support_sources += %D%/main.c %D%/suite.h
EXTRA_DIST += %D%/no-skip

include tests/support/kernels/local.mk

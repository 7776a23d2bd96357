# One program per noun, tests/unit/<room>/<noun>_test.c: `check_unit_tests += %D%/base/list_test`.
# With further sources: `%C%_base_list_test_SOURCES = ...`. With TSan: check_tsan_tests, and
#   %C%_x_tsan_CFLAGS = $(theseus_host_cflags) $(THS_TSAN_CFLAGS) $(CHECK_CFLAGS)
#   %C%_x_tsan_LDADD = libtheseus-tsan.a $(CHECK_LIBS), main() from %D%/../support/main.c.
check_unit_tests +=

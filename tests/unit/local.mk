# One program per noun, tests/unit/<room>/<noun>_test.c:
#   check_unit_tests += %D%/base/list_test
#   %C%_base_list_test_SOURCES = ...         only if there are further sources
# Under TSan, with real threads:
#   check_tsan_tests += %D%/state_db/txn_tsan
#   %C%_state_db_txn_tsan_CFLAGS = $(theseus_tsan_cflags)
#   %C%_state_db_txn_tsan_LDADD = $(theseus_tsan_ldadd)
check_unit_tests +=
check_tsan_tests +=
include tests/unit/arch/local.mk
include tests/unit/base/local.mk
include tests/unit/fail/local.mk
include tests/unit/modules/local.mk
include tests/unit/nano_core/local.mk
include tests/unit/patterns/local.mk
include tests/unit/state_db/local.mk
include tests/unit/tools/local.mk

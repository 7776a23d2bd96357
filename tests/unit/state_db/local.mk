check_unit_tests += \
	%D%/absence_test \
	%D%/history_test \
	%D%/index_test \
	%D%/nest_test \
	%D%/row_test \
	%D%/serial_test \
	%D%/share_test \
	%D%/txn_smp_test \
	%D%/txn_test

check_tsan_tests += %D%/txn_smp_tsan
%C%_txn_smp_tsan_SOURCES = %D%/txn_smp_test.c
%C%_txn_smp_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_txn_smp_tsan_LDADD = $(theseus_tsan_ldadd)

check_tsan_tests += %D%/serial_tsan
%C%_serial_tsan_SOURCES = %D%/serial_test.c
%C%_serial_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_serial_tsan_LDADD = $(theseus_tsan_ldadd)

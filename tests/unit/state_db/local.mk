check_unit_tests += \
	%D%/absence_test \
	%D%/class_test \
	%D%/full_test \
	%D%/history_test \
	%D%/index_test \
	%D%/nest_test \
	%D%/ownership_test \
	%D%/quota_test \
	%D%/reaper_test \
	%D%/restore_test \
	%D%/row_test \
	%D%/save_large_test \
	%D%/save_layout_test \
	%D%/save_smp_test \
	%D%/save_test \
	%D%/serial_test \
	%D%/share_test \
	%D%/table_test \
	%D%/txn_smp_test \
	%D%/txn_test

check_tsan_tests += %D%/save_tsan %D%/txn_smp_tsan
%C%_save_tsan_SOURCES = %D%/save_smp_test.c %D%/keep.c %D%/keep.h
%C%_save_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_save_tsan_LDADD = $(theseus_tsan_ldadd)
%C%_txn_smp_tsan_SOURCES = %D%/txn_smp_test.c
%C%_txn_smp_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_txn_smp_tsan_LDADD = $(theseus_tsan_ldadd)

check_tsan_tests += %D%/full_tsan
%C%_full_tsan_SOURCES = %D%/full_test.c
%C%_full_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_full_tsan_LDADD = $(theseus_tsan_ldadd)

check_tsan_tests += %D%/serial_tsan
%C%_serial_tsan_SOURCES = %D%/serial_test.c
%C%_serial_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_serial_tsan_LDADD = $(theseus_tsan_ldadd)

%C%_restore_test_SOURCES = %D%/restore_test.c %D%/keep.c %D%/keep.h
%C%_save_test_SOURCES = %D%/save_test.c %D%/keep.c %D%/keep.h
%C%_save_smp_test_SOURCES = %D%/save_smp_test.c %D%/keep.c %D%/keep.h
%C%_save_large_test_SOURCES = %D%/save_large_test.c %D%/keep.c %D%/keep.h
%C%_save_layout_test_SOURCES = %D%/save_layout_test.c %D%/keep.c %D%/keep.h
%C%_ownership_test_SOURCES = %D%/ownership_test.c %D%/keep.c %D%/keep.h

# With a second copy of state_db, under other names.
check_unit_tests += %D%/self_smp_test
check_tsan_tests += %D%/self_smp_tsan
%C%_self_smp_test_SOURCES = %D%/self_smp_test.c $(theseus_state_db_sources)
%C%_self_smp_test_CPPFLAGS = $(AM_CPPFLAGS) -DSTATE_DB_COPY=second
%C%_self_smp_tsan_SOURCES = $(%C%_self_smp_test_SOURCES)
%C%_self_smp_tsan_CPPFLAGS = $(AM_CPPFLAGS) -DSTATE_DB_COPY=second
%C%_self_smp_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_self_smp_tsan_LDADD = $(theseus_tsan_ldadd)

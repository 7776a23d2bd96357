check_unit_tests += \
	%D%/dfqueue_short_test \
	%D%/dfqueue_test \
	%D%/dispatcher_test \
	%D%/indirection_test \
	%D%/mux_space_test \
	%D%/mux_test
EXTRA_DIST += %D%/dfqueue_rig.h %D%/mux_rig.h %D%/pattern.h

check_tsan_tests += %D%/dfqueue_tsan
%C%_dfqueue_tsan_SOURCES = %D%/dfqueue_test.c
%C%_dfqueue_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_dfqueue_tsan_LDADD = $(theseus_tsan_ldadd)

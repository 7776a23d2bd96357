check_unit_tests += \
	%D%/clock_test \
	%D%/frames_test \
	%D%/irq_test \
	%D%/policies_test \
	%D%/sched_smp_test \
	%D%/sched_test \
	%D%/serial_test \
	%D%/smp_test \
	%D%/tasks_test \
	%D%/testsrv_test

check_tsan_tests += %D%/smp_tsan
%C%_smp_tsan_SOURCES = %D%/smp_test.c
%C%_smp_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_smp_tsan_LDADD = $(theseus_tsan_ldadd)

# Both queues are the image's modules.
%C%_sched_smp_test_SOURCES = %D%/sched_smp_test.c %D%/sched_one.c %D%/sched_many.c
check_tsan_tests += %D%/sched_smp_tsan
%C%_sched_smp_tsan_SOURCES = $(%C%_sched_smp_test_SOURCES)
%C%_sched_smp_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_sched_smp_tsan_LDADD = $(theseus_tsan_ldadd)

check_unit_tests += \
	%D%/clock_test \
	%D%/frames_test \
	%D%/irq_test \
	%D%/sched_test \
	%D%/serial_test \
	%D%/tasks_test \
	%D%/testsrv_test

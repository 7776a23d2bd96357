check_unit_tests += \
	%D%/dfqueue_test \
	%D%/dispatcher_test \
	%D%/indirection_test \
	%D%/mux_test

check_unit_tests += %D%/tmod_test %D%/tmod_refuse_test

# Modules that only tests load, made by the rule of theseus.mk (see rules.mk).
theseus_fixture_sources += \
	%D%/fixtures/fixture_kinds.c \
	%D%/fixtures/fixture_plain.c \
	%D%/fixtures/fixture_spill.c
theseus_fixtures += fixtures/fixture.kinds.tmod fixtures/fixture.plain.tmod fixtures/fixture.spill.tmod
check_unit_tests += %D%/cascade_test %D%/fail_test %D%/gate_test %D%/module_iface_test %D%/probation_test %D%/sleep_test \
	%D%/swap_test
EXTRA_DIST += %D%/tmod_image.h

# Spin models, each a test by itself: exhaustive, and its seeded mistakes must be found.
check_model_tests += %D%/gate.pml %D%/commit.pml %D%/token.pml %D%/depth.pml %D%/probation.pml %D%/rendezvous.pml \
	%D%/migrate.pml %D%/nested.pml %D%/shootdown.pml \
	%D%/check_model_test.tap
EXTRA_DIST += %D%/check-model %D%/README.md

PML_LOG_DRIVER = $(LOG_DRIVER)
PML_LOG_DRIVER_FLAGS = --ignore-exit
PML_LOG_COMPILER = $(srcdir)/%D%/check-model

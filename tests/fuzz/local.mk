# Fuzzers over loader, boot tables, blobs; short runs belong to the unit tests.
check_unit_tests +=

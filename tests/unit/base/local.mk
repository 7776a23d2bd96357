check_unit_tests += \
	%D%/bits_test \
	%D%/blob_test \
	%D%/cpio_test \
	%D%/digest_test \
	%D%/err_test \
	%D%/fmt_test \
	%D%/hash_test \
	%D%/list_test \
	%D%/manifest_test \
	%D%/mem_test \
	%D%/ring_test \
	%D%/schema_test \
	%D%/siphash_test \
	%D%/string_test
EXTRA_DIST += %D%/quick.h

# What holds of the text and of the object files, whatever they do.
check_lint_tests += \
	%D%/abi.sh \
	%D%/claims.py \
	%D%/clang.sh \
	%D%/headers.sh \
	%D%/html.sh \
	%D%/includes.sh \
	%D%/lints_fail.sh \
	%D%/manpages.sh \
	%D%/modules.sh \
	%D%/nano_core.sh \
	%D%/panics.sh \
	%D%/portable.sh \
	%D%/reference.py \
	%D%/symbols.sh \
	%D%/text.sh \
	%D%/traces.sh \
	%D%/windows.sh
EXTRA_DIST += tests/claims.tsv

#!/bin/sh
# clang - every source is silent under clang too, with the flags gcc has.
#
# It compiles to assembly, not only to a syntax tree, because -Wframe-larger-than speaks
# in the back end. A warning is an error here.
set -u
[ "$CLANG" != no ] || { echo "clang is not installed"; exit 77; }
status=0 count=0

compile() { # FLAGS SOURCE...
	flags=$1
	shift
	for source; do
		count=$((count + 1))
		# shellcheck disable=SC2086 # flags are words
		"$CLANG" $flags -Werror -O2 -I"$top_srcdir/include" -I"$top_srcdir/libtheseus" \
			-S -o /dev/null "$top_srcdir/$source" && continue
		echo "clang: $source"
		status=1
	done
}
only_c() {
	for source; do
		case $source in *.c) echo "${source#"$top_srcdir"/}" ;; esac
	done
}
# gcc's own spelling of flags that clang lacks is dropped, nothing else.
accepted() {
	for flag; do
		"$CLANG" -Werror "$flag" -x c -fsyntax-only /dev/null 2>/dev/null && printf '%s ' "$flag"
	done
}
# -mcmodel=kernel is refused together with clang's default of -fPIE, so test it by itself.
# shellcheck disable=SC2046,SC2086
{
	compile "-fno-pic -mcmodel=kernel $(accepted $KERNEL_CFLAGS)" \
		$(only_c $PORTABLE_SOURCES $X86_SOURCES)
	compile "-fno-pic -mcmodel=kernel -DTHS_MODULE_BUILD $(accepted $KERNEL_CFLAGS)" \
		$(only_c $MODULE_SOURCES)
	compile "-DTHS_HOST $(accepted $HOST_CFLAGS)" \
		$(only_c $PORTABLE_SOURCES $MODULE_SOURCES $HOST_SOURCES)
}
echo "$count compilations"
[ $count -gt 0 ] && exit $status

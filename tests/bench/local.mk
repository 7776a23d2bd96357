# Scripts that boot the measuring kernel under -icount.
theseus_bench += %D%/bench
EXTRA_DIST += %D%/bars.tsv %D%/os/bench.h %D%/os/bench_ops.c %D%/os/bench_one.c \
	%D%/os/growth.c %D%/os/main.c %D%/os/measure.h %D%/os/migrate.c \
	%D%/os/moving.c %D%/os/moving.h \
	%D%/os/bench.manifest
CLEANFILES += %D%/growth.tsv %D%/results.tsv %D%/results-host.tsv

# The same things as other libraries do them, on the host: `make bench-host`.
theseus_bench_host = %D%/host/bench-host
check_lint_tests += %D%/host/bench_host_test.sh
EXTRA_DIST += %D%/host/bench-host %D%/host/subject.h %D%/host/main.c %D%/host/ck.c \
	%D%/host/glib.c %D%/host/nothing.c %D%/host/rculfhash.c %D%/host/theseus.c \
	%D%/host/uthash.c

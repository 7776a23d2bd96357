# Scripts that boot the measuring kernel under -icount.
theseus_bench += %D%/bench
EXTRA_DIST += %D%/bars.tsv %D%/os/bench.h %D%/os/bench_ops.c %D%/os/main.c \
	%D%/os/bench.manifest
CLEANFILES += %D%/results.tsv

# Which branches of the core the unit tests take: `make coverage`.
theseus_coverage = %D%/coverage
EXTRA_DIST += %D%/coverage %D%/coverage.py %D%/unreached.tsv

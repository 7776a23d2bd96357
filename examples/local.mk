# An OS each, built by a Makefile of its own from an installed libtheseus alone.
EXTRA_DIST += %D%/hello/Makefile %D%/hello/README.md %D%/hello/hello.c

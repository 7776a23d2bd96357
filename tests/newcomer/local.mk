# A bare Debian, the tarball, and what README.md and theseus-tutorial(7) say: `make
# check-newcomer`, which takes minutes, root and debootstrap, and is no part of `make check`.
EXTRA_DIST += %D%/newcomer %D%/path.py
check-newcomer: dist
	$(srcdir)/%D%/newcomer $(distdir).tar.gz
.PHONY: check-newcomer

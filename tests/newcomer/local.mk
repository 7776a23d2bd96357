# A bare Debian, the tarball, and what README.md and theseus-tutorial(7) say: `make
# check-newcomer`, which takes minutes, root and debootstrap, and is no part of `make check`.
theseus_newcomer = %D%/newcomer
EXTRA_DIST += $(theseus_newcomer) %D%/path.py
check-newcomer: dist
	$(srcdir)/$(theseus_newcomer) $(distdir).tar.gz
.PHONY: check-newcomer

# Debian packages: `make check-debian` builds, judges and uses them. The folder debian/ of a
# source package is packaging/debian.
EXTRA_DIST += $(addprefix %D%/,check-debian $(addprefix debian/,changelog control copyright \
	libtheseus-dev.docs libtheseus-dev.examples libtheseus-dev.install \
	libtheseus-dev.lintian-overrides rules source/format \
	source/lintian-overrides theseus-tools.install))
check-debian: dist
	$(srcdir)/packaging/check-debian $(distdir).tar.gz $(DEBIANFLAGS)
.PHONY: check-debian

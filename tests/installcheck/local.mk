# Run by `make installcheck`, each in an empty folder, with nothing but the installed
# tree on PATH and PKG_CONFIG_PATH (and CC, MAKE, QEMU, DESTDIR, prefix in the
# environment; $examples is the folder of the examples' sources).
theseus_installcheck += \
	%D%/autotools.sh \
	%D%/cross.sh \
	%D%/examples.sh \
	%D%/guest.sh \
	%D%/hello.sh \
	%D%/host.sh \
	%D%/module.sh \
	%D%/pkgconfig.sh \
	%D%/ship.sh
EXTRA_DIST += %D%/echo_plain.c %D%/sched_mine.c %D%/ship.py

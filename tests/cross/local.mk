# Cross builds, as `make check-cross` tries them: two minutes, so no part of `make check`.
theseus_cross = %D%/check-cross
EXTRA_DIST += $(theseus_cross) %D%/toolchain
check-cross:
	$(srcdir)/$(theseus_cross) $(abs_srcdir)
.PHONY: check-cross

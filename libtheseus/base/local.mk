# list, ring, bits, fmt, string, hash, …: no state, no policy; modules may link them.
theseus_base_sources += \
	%D%/bits.c \
	%D%/blob.c \
	%D%/cpio.c \
	%D%/digest.c \
	%D%/err.c \
	%D%/fmt.c \
	%D%/hash.c \
	%D%/list.c \
	%D%/manifest.c \
	%D%/manifest_check.c \
	%D%/mem.c \
	%D%/ring.c \
	%D%/schema.c \
	%D%/siphash.c \
	%D%/string.c
EXTRA_DIST += %D%/blob_impl.h %D%/manifest_impl.h

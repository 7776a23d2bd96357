# list, ring, bits, fmt, string, hash, …: no state, no policy; modules may link them.
theseus_base_sources += \
	%D%/bits.c \
	%D%/err.c \
	%D%/hash.c \
	%D%/list.c \
	%D%/mem.c \
	%D%/ring.c \
	%D%/string.c

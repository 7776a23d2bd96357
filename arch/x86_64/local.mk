# Boot, paging, traps, context switch, LAPIC: <theseus/arch.h> on the machine (.c, .S, .h).
# The linker script is kernel.lds: `dist_pkgdata_DATA += %D%/kernel.lds`; users reach it by
# pkg-config --variable=ldscript.
theseus_x86_sources +=

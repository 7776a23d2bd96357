# Boot, paging, traps, context switch, LAPIC: <theseus/arch.h> on the machine (.c, .S, .h).
theseus_x86_sources +=

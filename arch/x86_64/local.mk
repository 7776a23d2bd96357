# Boot, paging, traps, context switch, LAPIC: <theseus/arch.h> on the machine (.c, .S, .h).
theseus_x86_sources += \
	%D%/acpi.c %D%/backtrace.c %D%/boot.S %D%/boot_info.h %D%/boot_multiboot2.c \
	%D%/boot_pvh.c %D%/boot_text.c %D%/calibrate.c %D%/console.c \
	%D%/copy.S %D%/cpu.c %D%/entry.S %D%/gate.S %D%/gdt.c %D%/idt.c %D%/lapic.c %D%/layout.h \
	%D%/madt.c %D%/map.c %D%/memory.c %D%/paging.c %D%/paging.h %D%/pic.c %D%/power.c \
	%D%/print.c %D%/smp.c %D%/start.c %D%/traps.c  %D%/x86.h
# Users reach it by `pkg-config --variable=ldscript libtheseus`.
dist_pkgdata_DATA += %D%/kernel.lds

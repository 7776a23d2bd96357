# <theseus/arch.h> on any x86_64 processor, whatever the kernel's boot and page tables:
# freestanding only, the host has its own (arch/host).
theseus_x86_sources += %D%/processor.h %D%/cpu.c %D%/port.c %D%/context.c %D%/entropy.c \
	%D%/run.S

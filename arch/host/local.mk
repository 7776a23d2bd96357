# The same contract on POSIX, for unit tests, fuzzers, and users' tests of their modules.
theseus_host_sources += \
	%D%/boot.c \
	%D%/clock.c \
	%D%/console.c \
	%D%/context.c \
	%D%/cpu.c \
	%D%/die.c \
	%D%/fail.c \
	%D%/host_impl.h \
	%D%/irq.c \
	%D%/memory.c \
	%D%/paging.c \
	%D%/port.c %D%/reach.c \
	%D%/start.c \
	%D%/stop.c \
	%D%/trap.c

# An OS each, built by a Makefile of its own from an installed libtheseus alone.
EXTRA_DIST += %D%/hello/Makefile %D%/hello/README.md %D%/hello/hello.c
EXTRA_DIST += \
	%D%/ship/Makefile \
	%D%/ship/commands.c \
	%D%/ship/commands_clients.c \
	%D%/ship/commands_fault.c \
	%D%/ship/commands_machine.c \
	%D%/ship/commands_modules.c \
	%D%/ship/console.c \
	%D%/ship/line.c \
	%D%/ship/shell.c \
	%D%/ship/ship.h \
	%D%/ship/ship.manifest \
	%D%/ship/workload.c

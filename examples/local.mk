# An OS each, built by a Makefile of its own from an installed libtheseus alone.
EXTRA_DIST += %D%/hello/Makefile %D%/hello/README.md %D%/hello/hello.c
EXTRA_DIST += $(addprefix %D%/guest/,Makefile README.md arch.c boot.S guest.c guest.lds)
EXTRA_DIST += $(addprefix %D%/ship/,Makefile README.md commands.c commands_clients.c \
	commands_fault.c commands_graph.c commands_machine.c commands_modules.c commands_save.c console.c line.c shell.c \
	ship.h ship.manifest up.evolve down.evolve workload.c)
EXTRA_DIST += $(addprefix %D%/classroom/,Makefile README.md classroom.c classroom.manifest \
	counter.h counter_rows.c counter_spills.c expected servers.evolve)
EXTRA_DIST += $(addprefix %D%/bank/,Makefile README.md bank.h bank.manifest bank_module.c \
	banks.evolve client.c)
EXTRA_DIST += $(addprefix %D%/pulse/,Makefile README.md pulse.c pulse.manifest)

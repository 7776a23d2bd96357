# What cannot be swapped: gate, effects, loader, linker, swap, fault, log, boot.
theseus_core_sources += %D%/nano_core_impl.h %D%/records_impl.h %D%/swap_impl.h %D%/core.c %D%/db.c %D%/boot.c %D%/canary.c %D%/checks.c %D%/gate.c %D%/gate_layout.c %D%/gate_layout.h %D%/call.c \
	%D%/blob_copy.c %D%/sleep.c %D%/context.c %D%/effect.c %D%/work.c %D%/memory.c \
	%D%/instance.c %D%/interpose.c %D%/layout.c %D%/swap.c %D%/evolve.c %D%/evolve_read.c %D%/probation.c %D%/set.c %D%/migrate.c %D%/sweep.c %D%/loader.c %D%/symbols.c \
	%D%/published.c %D%/module_iface.c %D%/handle.c %D%/log.c %D%/fault.c %D%/cascade.c %D%/policy.c %D%/quota.c %D%/soft.c %D%/tables.c %D%/grow.c
theseus_core_sources += %D%/meta.c %D%/meta_fault.c %D%/state_move.c %D%/tmod.c %D%/tmod_link.c %D%/tmod_impl.h
EXTRA_DIST += %D%/published.def %D%/privileged.def
theseus_core_sources += %D%/archive.c %D%/device.c %D%/lines.c %D%/slots.c

# What cannot be swapped: gate, effects, loader, linker, swap, fault, log, boot.
theseus_core_sources +=
theseus_core_sources += %D%/tmod.c %D%/tmod_link.c %D%/tmod_impl.h
EXTRA_DIST += %D%/published.def

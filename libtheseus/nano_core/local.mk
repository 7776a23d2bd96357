# What cannot be swapped: gate, effects, loader, linker, swap, fault, log, boot.
theseus_core_sources +=

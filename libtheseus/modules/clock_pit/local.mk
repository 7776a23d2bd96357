theseus_module_sources += %D%/clock_pit.c

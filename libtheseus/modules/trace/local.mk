theseus_module_sources += %D%/trace.c

theseus_module_sources += %D%/loader_first.c

theseus_module_sources += %D%/loader_listed.c

theseus_module_sources += %D%/tasks.c

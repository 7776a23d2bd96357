theseus_module_sources += %D%/sched_rr.c

theseus_module_sources += %D%/sched_fcfs.c

theseus_module_sources += %D%/irq_pic.c

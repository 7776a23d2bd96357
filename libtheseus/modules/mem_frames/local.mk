theseus_module_sources += %D%/mem_frames.c

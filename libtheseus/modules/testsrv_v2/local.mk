theseus_module_sources += %D%/testsrv_v2.c

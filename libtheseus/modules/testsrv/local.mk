theseus_module_sources += %D%/testsrv.c
EXTRA_DIST += %D%/testsrv_impl.h %D%/testsrv_fault.h

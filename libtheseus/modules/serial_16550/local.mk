theseus_module_sources += %D%/serial_16550.c

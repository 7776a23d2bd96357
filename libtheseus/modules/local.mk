# The bag of modules: a folder each, its source and its local.mk.
theseus_module_sources +=
include libtheseus/modules/sched_rr/local.mk
include libtheseus/modules/sched_fcfs/local.mk
include libtheseus/modules/tasks/local.mk
include libtheseus/modules/mem_frames/local.mk
include libtheseus/modules/irq_pic/local.mk
include libtheseus/modules/clock_pit/local.mk
include libtheseus/modules/serial_16550/local.mk
include libtheseus/modules/testsrv/local.mk
include libtheseus/modules/testsrv_v2/local.mk
include libtheseus/modules/spiller/local.mk
include libtheseus/modules/trace/local.mk
include libtheseus/modules/loader_first/local.mk
include libtheseus/modules/loader_listed/local.mk

dist_pkgdata_DATA += %D%/module.lds

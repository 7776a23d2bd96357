# Public headers, one noun each; iface/ has one header per interface.
theseusinclude_HEADERS += \
	%D%/arch.h \
	%D%/arch_quiet.h \
	%D%/arch_window.h \
	%D%/attr.h \
	%D%/bits.h \
	%D%/blob.h \
	%D%/cpio.h \
	%D%/dfqueue.h \
	%D%/digest.h \
	%D%/dispatcher.h \
	%D%/evolve.h \
	%D%/effect.h \
	%D%/err.h \
	%D%/fmt.h \
	%D%/gate.h \
	%D%/handle.h \
	%D%/hash.h \
	%D%/host.h \
	%D%/indirection.h \
	%D%/interface.h \
	%D%/list.h \
	%D%/manifest.h \
	%D%/metamodule.h \
	%D%/module.h \
	%D%/mux.h \
	%D%/nano_core.h \
	%D%/point.h \
	%D%/ring.h \
	%D%/row.h \
	%D%/quota.h \
	%D%/save.h \
	%D%/soft.h \
	%D%/schema.h \
	%D%/siphash.h \
	%D%/string.h \
	%D%/tmod.h
theseusiface_HEADERS += \
	%D%/iface/clock.h \
	%D%/iface/frames.h \
	%D%/iface/interpose.h \
	%D%/iface/irq.h \
	%D%/iface/loader.h \
	%D%/iface/module.h \
	%D%/iface/sched.h \
	%D%/iface/sched_fifo.h \
	%D%/iface/sched_queue.h \
	%D%/iface/serial.h \
	%D%/iface/state_db.h \
	%D%/iface/tasks.h \
	%D%/iface/testsrv.h \
	%D%/iface/trace.h

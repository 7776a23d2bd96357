# Kernels booted under QEMU; each script boots some and believes theseus-run --test only.
check_image_tests += %D%/runner_test.tap %D%/debug_test.tap %D%/arch_test.tap %D%/hello_test.tap %D%/guest_test.tap %D%/ship_console.tap %D%/iso_test.tap %D%/fault_test.tap %D%/cpus_test.tap %D%/swap_test.tap %D%/phase_test.tap %D%/meta_test.tap %D%/pattern_test.tap %D%/shape_test.tap %D%/migrate_test.tap %D%/new_test.tap %D%/gdb_test.tap %D%/manual_test.tap
check_image_tests += %D%/symbolize_test.tap
EXTRA_DIST += %D%/os_test.sh $(addprefix %D%/os/,Makefile test.h test.c swap.c fault.c cascade.c sched_bad.c \
	control.c refusal.c pattern.c owner.c meta.c greedy.c bazaar.h bazaar.c shape.h shape.c shape_desk.c shape_clerk.c shape_halves.c \
	shape_sched.c shape_ward.c shape_slots.c shape_post.c shape_channel.c listener.c migrate.c cpus.c ledger.h ledger.c inject.c faulty.h faulty.c bad.c test.manifest there.evolve back.evolve refused.evolve)

EXTRA_DIST += $(addprefix %D%/crash/,Makefile crash.h crash.c crash.manifest crasher.c)

include tests/image/arch/local.mk

# Kernels booted under QEMU; each script boots some and believes theseus-run --test only.
check_image_tests += %D%/runner_test.tap %D%/arch_test.tap %D%/hello_test.tap %D%/iso_test.tap

include tests/image/arch/local.mk

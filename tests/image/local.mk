# Kernels booted under QEMU; each script boots some and believes theseus-run --test only.
check_image_tests += %D%/runner_test.tap

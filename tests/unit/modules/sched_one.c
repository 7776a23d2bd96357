/*
 * sched_one - the image's module of that name, for sched_smp_test.c.
 */
#include "../../image/os/shape_sched.c"

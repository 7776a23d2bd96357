/*
 * sched_many - the image's module of that name, for sched_smp_test.c.
 */
#define MANY
#include "../../image/os/shape_sched.c"

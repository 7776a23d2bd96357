/*
 * die - the end of a process that the host itself has failed.
 *
 * In a file of its own, so that fail points alone can be linked without a machine.
 */
#include "host_impl.h"

#include <stdio.h>
#include <stdlib.h>

void ths_host_die(const char *why)
{
	fprintf(stderr, "arch/host: %s\n", why);
	abort();
}

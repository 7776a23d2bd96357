/*
 * start - booting on the host. In a file of its own: it alone refers to ths_boot(), which
 * a test of a part does not have.
 */
#include "host_impl.h"

static void boot(void *info)
{
	ths_boot(info);
}

void ths_host_boot(struct ths_host_stop *stop)
{
	static struct ths_boot_info info; /* ths_boot() may ask for another meanwhile */

	info = *ths_host_boot_info();
	ths_host_irq_flag = false;
	ths_host_until_stop(boot, &info, stop);
}

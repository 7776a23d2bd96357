/*
 * harness - see harness.h.
 */
#include "harness.h"

#include <stdio.h>
#include <theseus/host.h>
#include "rig.h"

void harness_start(void)
{
	static char console[16384]; /* faults that are meant do not disturb the report */

	rig_start();
	ths_host_console(console, sizeof console);
	ths_arch_irq_restore(true); /* as on a machine that has booted */
}

uint32_t harness_bind(const struct ths_module *module, const char *binding)
{
	return rig_bind(module, binding);
}

uint32_t harness_swap(uint32_t old, const struct ths_module *module)
{
	static unsigned number;
	char name[THS_NAME_MAX];
	uint32_t slot;

	(void)snprintf(name, sizeof name, "successor.%u", ++number);
	slot = rig_add(module, name);
	ck_assert_int_eq(ths_swap(old, slot, NULL), THS_OK);
	return slot;
}

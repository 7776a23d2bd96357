/*
 * rig - see rig.h.
 */
#include "rig.h"

#include "accounts.h"

#include <check.h>
#include <stdlib.h>
#include <theseus/host.h>
#include "nano_core/nano_core_impl.h"

void rig_start(void)
{
	ths_host_reset();
	ck_assert_int_eq(ths_core_start(ths_host_boot_info()), THS_OK);
	ths_cpu()->started = true;
	accounts_seen_at_exit();
}

uint32_t rig_add(const struct ths_module *module, const char *name)
{
	struct ths_reason reason = {{0}};
	uint32_t slot = 0;
	enum ths_err err = ths_module_add(module, name, &slot, &reason);

	ck_assert_msg(err == THS_OK, "%s: %s: %s", module->id, ths_err_name(err),
		      reason.text);
	return slot;
}

uint32_t rig_bind(const struct ths_module *module, const char *name)
{
	uint32_t slot = rig_add(module, NULL);
	enum ths_err err = ths_bind(slot, name);

	ck_assert_msg(err == THS_OK, "bind %s: %s", module->id, ths_err_name(err));
	return slot;
}

void rig_cpus(unsigned cpus)
{
	for (unsigned i = 1; i < cpus; i++) {
		ck_assert_int_eq(ths_cpu_make(calloc(1, sizeof(struct ths_cpu)), i), THS_OK);
		ck_assert_int_eq(ths_cpu_start(ths_core.cpu[i]), THS_OK);
	}
	ths_core.cpus = cpus;
}

void rig_cpu_enter(unsigned cpu)
{
	ths_host_cpu_enter(ths_core.cpu[cpu]);
	ths_core.cpu[cpu]->started = true;
}

void rig_cpu_leave(void)
{
	ths_host_cpu_leave();
}

void rig_stop(void)
{
	ths_host_cpu_leave();
	for (unsigned i = 1; i < ths_core.cpus; i++)
		free(ths_core.cpu[i]);
	ths_host_reset();
}

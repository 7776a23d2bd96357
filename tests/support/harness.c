/*
 * harness - see harness.h.
 */
#include "harness.h"

#include <stdio.h>
#include <theseus/host.h>
#include "rig.h"
#include "nano_core/nano_core_impl.h"
#include <theseus/iface/tasks.h>

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

/* Who is bound to the interface, should @old have been loaded anew after a fault. */
static uint32_t who_serves(uint32_t old, const struct ths_iface *iface)
{
	const struct ths_instance *instance;
	struct ths_binding *binding;

	if (ths_core.instance[old].state == THS_INSTANCE_BOUND)
		return old;
	ck_assert_int_eq(ths_binding_find(iface, "", &binding), THS_OK);
	instance = ths_binding_instance(binding);
	ck_assert_ptr_nonnull(instance);
	return instance->slot;
}

uint32_t harness_swap(uint32_t old, const struct ths_module *module)
{
	static unsigned number;
	char name[THS_NAME_MAX];
	uint32_t slot;

	(void)snprintf(name, sizeof name, "successor.%u", ++number);
	slot = rig_add(module, name);
	ck_assert_int_eq(ths_swap(who_serves(old, module->provides.iface), slot, NULL),
			 THS_OK);
	return slot;
}

#define IDLE_MAX 20000u /* turns that may pass while all sleep */

static unsigned idle_turns;
static void (*idle_fn)(void);

static void on_idle(void *ctx)
{
	(void)ctx;
	ck_assert_msg(++idle_turns < IDLE_MAX, "everybody sleeps");
	idle_fn();
}

static void boot_to(void *program)
{
	struct ths_ref tasks = THS_REF(tasks);
	struct tasks_create create = {.entry = (uint64_t)(uintptr_t)program,
				      .name = "main"};

	ths_core.up = true;
	ck_assert_int_eq(tasks_create(&tasks, &create), THS_OK);
	ths_context_idle(ths_cpu());
}

void harness_run(void (*program)(void *), void (*idle)(void))
{
	struct ths_host_stop stop;

	idle_turns = 0;
	idle_fn = idle ? idle : ths_host_tick;
	ths_host_on_idle(on_idle, NULL);
	ck_assert(ths_host_until_stop(boot_to, (void *)(uintptr_t)program, &stop));
	ck_assert_int_eq(stop.how, THS_STOP_OFF);
}

void harness_done(void)
{
	ths_stop(THS_STOP_OFF, 0);
}

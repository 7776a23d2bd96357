/*
 * owner - what a client owns: no more than it may, and not for longer than it lives. A
 * client takes all that it gets, in tables of two modules, and is killed; neither of them
 * has a line of code for that.
 */
#include "test.h"

#include <stdatomic.h>
#include <theseus/iface/module.h>
#include <theseus/iface/tasks.h>
#include <theseus/quota.h>
#include "bazaar.h"

#define CHILDREN 2u /* that its quota leaves it, beside all the stalls there are */

static struct ths_ref bazaar = THS_REF(bazaar), tasks = THS_REF(tasks), module = THS_REF(module);
static _Atomic(bool) may_begin, has_all;
static struct hoard {
	unsigned stalls, children;
	enum ths_err stall_err, child_err; /* why there are no more */
} hoard;

static void child(void *arg)
{
	(void)arg;
}

static enum ths_err take_stall(struct bazaar_stall *stall)
{
	*stall = (struct bazaar_stall){.weight = 1};
	return bazaar_attach(&bazaar, stall);
}

static enum ths_err make_child(void)
{
	struct tasks_create create = {.entry = (uint64_t)(uintptr_t)child};

	return tasks_create(&tasks, &create);
}

static void hoarder(void *arg)
{
	struct bazaar_stall stall;

	(void)arg;
	while (!atomic_load(&may_begin))
		ths_yield();
	while ((hoard.stall_err = take_stall(&stall)) == THS_OK)
		hoard.stalls++;
	while ((hoard.child_err = make_child()) == THS_OK)
		hoard.children++;
	atomic_store(&has_all, true);
	for (;;)
		test_sleep_ms(1000);
}

static uint32_t owned_by(struct ths_task_id task)
{
	struct module_client client = {.client = task.slot - 1};

	return module_client(&module, &client) == THS_OK && client.client == task.slot
		       ? client.rows
		       : 0;
}

static enum ths_err kill(struct ths_task_id task)
{
	struct tasks_kill args = {.task = task};

	return tasks_kill(&tasks, &args);
}

void test_owner(void)
{
	struct ths_task_id task = test_start("hoarder", hoarder, NULL);
	struct bazaar_stall stall;
	struct bazaar_use use = {0};
	enum ths_err err = ths_quota_set(task, BAZAAR_STALLS + CHILDREN);

	test_ok(err == THS_OK, "a client gets a quota: %s", ths_err_name(err));
	atomic_store(&may_begin, true);
	while (!atomic_load(&has_all))
		ths_yield();
	test_ok(hoard.stalls == BAZAAR_STALLS && hoard.stall_err == THS_E_FULL,
		"%u stalls, then the table is full: %s", hoard.stalls,
		ths_err_name(hoard.stall_err));
	test_ok(hoard.children == CHILDREN && hoard.child_err == THS_E_QUOTA,
		"%u children, then its quota is spent: %s", hoard.children,
		ths_err_name(hoard.child_err));
	test_ok(owned_by(task) == BAZAAR_STALLS + CHILDREN, "it owns %u rows", owned_by(task));
	err = make_child();
	test_ok(err == THS_OK, "that is no affair of others: %s", ths_err_name(err));
	test_ok(take_stall(&stall) == THS_E_FULL, "but the stalls are taken");
	err = kill(task);
	test_ok(err == THS_OK, "it is killed: %s", ths_err_name(err));
	test_join(task);
	for (unsigned i = 0; i < 1000 && owned_by(task); i++)
		test_sleep_ms(1);
	test_ok(owned_by(task) == 0, "and owns nothing: %u rows", owned_by(task));
	err = take_stall(&stall);
	test_ok(err == THS_OK, "a stall is free: %s", ths_err_name(err));
	use.lease = stall.lease;
	test_ok(bazaar_leave(&bazaar, &use) == THS_OK, "and given back");
	test_drain();
}

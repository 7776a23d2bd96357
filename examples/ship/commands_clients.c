/*
 * commands_clients - clients, ps: tasks, and what is theirs.
 */
#include <theseus/iface/tasks.h>
#include <theseus/nano_core.h>
#include <theseus/string.h>
#include "ship.h"

static struct ths_ref module = THS_REF(module);
static struct ths_ref tasks = THS_REF(tasks);

void ship_ps(unsigned argc, const char *const *argv)
{
	struct tasks_next task = {.row = THS_ROW_NONE};
	struct ths_task_id self = ths_task_self();
	enum ths_err err;

	(void)argc;
	ship_print("task       state  name\n");
	while ((err = tasks_next(&tasks, &task)) == THS_OK) {
		if (task.state == TASKS_ENDED)
			ship_print("%4u.%-5u ended  %s (%llu)\n", task.task.slot,
				   task.task.generation, task.name,
				   (unsigned long long)task.status);
		else
			ship_print("%4u.%-5u live   %s%s\n", task.task.slot,
				   task.task.generation, task.name,
				   task.task.slot == self.slot ? " (this shell)" : "");
	}
	if (err != THS_E_NOENT)
		ship_complain(argv[0], err);
}

/* The name of the live task in @slot; false: tasks/1 knows none. */
static bool name_of(uint32_t slot, char *name)
{
	struct tasks_next task = {.row = THS_ROW_NONE};

	while (tasks_next(&tasks, &task) == THS_OK) {
		if (task.task.slot != slot || task.state != TASKS_LIVE)
			continue;
		memcpy(name, task.name, sizeof(task.name));
		return true;
	}
	return false;
}

static unsigned print_shares(uint32_t client)
{
	struct module_share share = {.share = THS_ROW_NONE};
	struct module_table table;
	unsigned count = 0;

	while (module_share(&module, &share) == THS_OK) {
		if (share.client != client)
			continue;
		ship_print("  row %u.%u of %s\n", share.row, share.generation,
			   ship_table_at(share.table, &table) ? table.schema : "?");
		count++;
	}
	return count;
}

/* What it may own, where that is limited. */
static void print_limit(uint32_t slot)
{
	struct module_client client = {.client = slot - 1};

	if (module_client(&module, &client) == THS_OK && client.client == slot &&
	    client.limit != UINT32_MAX)
		ship_print("  may own %u rows\n", client.limit);
}

static void print_client(uint32_t slot, const char *name)
{
	const struct ths_blob *blob = ship_blob_of(slot);

	ship_print("%s, task %u\n", name, slot);
	if (print_shares(slot) == 0)
		ship_print("  owns no row\n");
	print_limit(slot);
	if (blob)
		ship_print("  keeps a blob of %zu bytes\n", ths_blob_size(blob));
}

/* The smallest client above @after that owns a row; THS_ROW_NONE: none. */
static uint32_t next_owner(uint32_t after)
{
	struct module_share share = {.share = THS_ROW_NONE};
	uint32_t found = THS_ROW_NONE;

	while (module_share(&module, &share) == THS_OK)
		if (share.client + 1 > after + 1 && share.client < found)
			found = share.client;
	return found;
}

void ship_clients(unsigned argc, const char *const *argv)
{
	struct tasks_next task = {.row = THS_ROW_NONE};
	char name[THS_NAME_MAX];
	enum ths_err err;

	(void)argc;
	while ((err = tasks_next(&tasks, &task)) == THS_OK)
		if (task.state == TASKS_LIVE)
			print_client(task.task.slot, task.name);
	if (err != THS_E_NOENT)
		ship_complain(argv[0], err);
	for (uint32_t slot = next_owner(THS_ROW_NONE); slot != THS_ROW_NONE;
	     slot = next_owner(slot))
		if (!name_of(slot, name))
			print_client(slot, "nano_core");
}

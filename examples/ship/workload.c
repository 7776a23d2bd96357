/*
 * workload - clients of testsrv, to have something running while modules are swapped.
 *
 * Each has a session, which is a blob of its own, and knows what it was told last; so it
 * can tell whether the server that answers next, of whatever version, goes on where the
 * one before stopped.
 */
#include <stdatomic.h>
#include <theseus/fmt.h>
#include <theseus/iface/tasks.h>
#include <theseus/iface/testsrv.h>
#include <theseus/nano_core.h>
#include <theseus/string.h>
#include "ship.h"

#define CLIENTS_MAX 8u
#define PAUSE_MS    2u
#define SESSION_MAX 64u /* bytes: more than any version of testsrv asks for */

struct client {
	struct ths_task_id task;
	struct ths_blob *session;
	struct ths_ref testsrv;
	uint64_t last, calls, wrong, errors, versions; /* versions: a bit each */
	THS_BLOB_STORAGE(memory, SESSION_MAX);
};

static struct client shell, clients[CLIENTS_MAX];
static unsigned started;
static _Atomic(bool) enough;

static enum ths_err count_once(struct client *client)
{
	struct testsrv_count args = {0};
	enum ths_err err = testsrv_count_with(&client->testsrv, &args, client->session);

	client->calls++;
	if (err) {
		client->errors++;
		return err;
	}
	client->wrong += args.value != client->last + 1;
	client->last = args.value;
	client->versions |= 1ull << args.version % 64;
	return THS_OK;
}

static void reset(struct client *client)
{
	*client = (struct client){.testsrv = THS_REF(testsrv)};
	client->session = ths_blob_init(client->memory, SESSION_MAX);
}

static void run_client(void *arg)
{
	struct client *client = arg;

	while (!atomic_load(&enough)) {
		(void)count_once(client);
		ship_sleep(PAUSE_MS);
	}
}

static enum ths_err start_one(struct client *client, unsigned number)
{
	struct ths_ref tasks = THS_REF(tasks);
	struct tasks_create args = {.entry = (uint64_t)(uintptr_t)run_client,
				    .arg = (uint64_t)(uintptr_t)client};

	reset(client);
	(void)ths_format(args.name, sizeof(args.name), "client%u", number);
	THS_TRY(tasks_create(&tasks, &args));
	client->task = args.task;
	return THS_OK;
}

void ship_start(unsigned argc, const char *const *argv)
{
	uint64_t wanted = 1;

	if (argc > 1 &&
	    (ths_str_parse_u64(argv[1], ths_strlen(argv[1]), &wanted) != THS_OK ||
	     wanted == 0 || wanted > CLIENTS_MAX)) {
		ship_print("start: %s is no number from 1 to %u\n", argv[1], CLIENTS_MAX);
		return;
	}
	if (started) {
		ship_print("start: there are clients already; `stop` ends them\n");
		return;
	}
	atomic_store(&enough, false);
	while (started < wanted) {
		enum ths_err err = start_one(&clients[started], started + 1);

		if (err) {
			ship_complain(argv[0], err);
			break;
		}
		started++;
	}
	ship_print(started == 1 ? "1 client counts\n" : "%u clients count\n", started);
}

static void print_versions(uint64_t versions)
{
	for (unsigned i = 0; i < 64; i++)
		if (versions >> i & 1)
			ship_print(" %u", i);
}

void ship_stop(unsigned argc, const char *const *argv)
{
	struct ths_ref tasks = THS_REF(tasks);

	(void)argc;
	if (!started)
		ship_print("stop: no client runs\n");
	atomic_store(&enough, true);
	for (unsigned i = 0; i < started; i++) {
		const struct client *client = &clients[i];
		struct tasks_join args = {.task = client->task};
		enum ths_err err = tasks_join(&tasks, &args);

		if (err)
			ship_complain(argv[0], err);
		ship_print(
			"client%u: %llu calls, counted to %llu, %llu wrong, %llu errors, "
			"answered by version",
			i + 1, (unsigned long long)client->calls,
			(unsigned long long)client->last,
			(unsigned long long)client->wrong,
			(unsigned long long)client->errors);
		print_versions(client->versions);
		ship_print("\n");
	}
	started = 0;
}

void ship_count(unsigned argc, const char *const *argv)
{
	enum ths_err err = count_once(&shell);

	(void)argc;
	if (err)
		ship_complain(argv[0], err);
	else
		ship_print("%llu\n", (unsigned long long)shell.last);
}

void ship_is_the_shell(void)
{
	reset(&shell);
	shell.task = ths_task_self();
}

const struct ths_blob *ship_blob_of(uint32_t slot)
{
	if (shell.session && shell.task.slot == slot)
		return shell.session;
	for (unsigned i = 0; i < started; i++)
		if (clients[i].task.slot == slot)
			return clients[i].session;
	return NULL;
}

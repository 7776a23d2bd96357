/*
 * migrate - thousands of rows change their schema and come back while clients use them.
 *
 * Each client has accounts of its own and knows what is in them; the number of all entries
 * it tells the oracle. A turn publishes the other schema and, at a moment of its own in the
 * sweep, goes back: by a swap, or by taking the publication back. Every fourth turn brings
 * a module whose function faults at one account: that takes itself back, and all accounts
 * are what they were.
 */
#include "ledger.h"
#include "test.h"

#include <stdatomic.h>
#include <theseus/iface/module.h>
#include <theseus/string.h>

#define CLIENTS 5u
#define SHARE   (LEDGER_ACCOUNTS / CLIENTS)

static struct ths_ref ledger = THS_REF(ledger), module = THS_REF(module);
static _Atomic(bool) enough;
static _Atomic(uint32_t) errors;
static uint32_t entries[LEDGER_ACCOUNTS]; /* each client writes its own */
static uint64_t refused, stayed;

static bool must(enum ths_err err, const char *what)
{
	if (err == THS_OK)
		return true;
	if (atomic_fetch_add(&errors, 1) < 5)
		test_line("# %s: %s", what, ths_err_name(err));
	return false;
}

static void compare(const struct ledger_entry *entry)
{
	if (entry->entries != entries[entry->account])
		must(THS_E_INTERNAL, "an account is not what it was");
}

static void client(void *arg)
{
	uint32_t number = (uint32_t)(uintptr_t)arg, at = 0;
	struct test_story story;

	test_story_begin(&story, number);
	while (!atomic_load(&enough)) {
		struct ledger_entry entry = {.account = (number - 1) * SHARE + at % SHARE};

		at += 7; /* which has no part of SHARE: all of them in time */
		if (!must(ledger_enter(&ledger, &entry), "enter"))
			continue;
		entries[entry.account]++;
		compare(&entry);
		test_story_tell(&story, "joint.ledger", (uint32_t)entry.version, entry.total);
		entry = (struct ledger_entry){.account = (number - 1) * SHARE + at % SHARE};
		if (must(ledger_read(&ledger, &entry), "read"))
			compare(&entry);
		test_sleep_ms(3);
	}
	test_story_end(&story);
}

/* ---- turns ------------------------------------------------------------------------------ */

static void swap_to(const char *file)
{
	struct ths_reason reason = {{0}};

	if (ths_swap_file("ledger", file, NULL, &reason) && refused++ < 5)
		test_line("# swap to %s: %s", file, reason.text);
}

static bool serves(const char *id)
{
	struct module_info info = {.slot = THS_ROW_NONE};

	while (module_info(&module, &info) == THS_OK)
		if (ths_streq(info.id, id) && (info.state == THS_INSTANCE_BOUND ||
					       info.state == THS_INSTANCE_PROBATION))
			return true;
	return false;
}

static void take_back(void)
{
	struct ths_reason reason = {{0}};

	if (ths_rollback("ledger", &reason) && refused++ < 5)
		test_line("# rollback: %s", reason.text);
}

/* It takes itself back, once the sweeper or a client has met the bad account. In a step that
 * is under way the functions would be those of who began it. */
static void try_bad(void)
{
	must(ths_sweep(), "sweep");
	swap_to("ledger.bad");
	for (unsigned i = 0; i < 10000 && serves("ledger.bad"); i++)
		test_sleep_ms(1);
	stayed += serves("ledger.bad");
}

static void migrate(uint64_t turn)
{
	bool swaps = turn % 4 == 1;

	ths_probation_set((struct ths_probation){0, swaps ? 0 : 1000000});
	if (turn % 4 == 3) {
		try_bad();
		return;
	}
	swap_to("ledger.v2");
	if (turn % 5)
		test_sleep_ms(turn % 5);
	if (swaps)
		swap_to("ledger");
	else
		take_back();
}

static void check_all(void)
{
	for (uint32_t i = 0; i < LEDGER_ACCOUNTS; i++) {
		struct ledger_entry entry = {.account = i};

		if (must(ledger_read(&ledger, &entry), "read"))
			compare(&entry);
	}
}

void test_migrate(void)
{
	uint64_t turns = test_number("migrations", 400);
	struct ths_task_id task[CLIENTS];
	enum ths_err err;

	for (uintptr_t i = 0; i < CLIENTS; i++)
		task[i] = test_start("client", client, (void *)(i + 1));
	while (entries[LEDGER_BAD] == 0) /* or the function would not know it */
		test_sleep_ms(1);
	for (uint64_t i = 0; i < turns; i++)
		migrate(i);
	err = ths_sweep();
	atomic_store(&enough, true);
	for (unsigned i = 0; i < CLIENTS; i++)
		test_join(task[i]);
	check_all();
	test_drain();
	test_ok(refused == 0, "%lu times %u rows changed their schema and came back, %lu refused",
		(unsigned long)turns, LEDGER_ACCOUNTS, (unsigned long)refused);
	test_ok(stayed == 0, "who faults at one row took itself back, %lu times not",
		(unsigned long)stayed);
	test_ok(atomic_load(&errors) == 0, "no call failed, and no account differs (%u did)",
		atomic_load(&errors));
	test_ok(err == THS_OK, "no row is on its way any more: %s", ths_err_name(err));
}

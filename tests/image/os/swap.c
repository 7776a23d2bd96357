/*
 * swap - all modules go round under load, one by one or several at once.
 *
 * Clients tell what they are told; every second swap exchanges the test server's builds,
 * whose rows differ, the others go over every other module of the image. What the clients
 * print the oracle judges; here is judged what only the guest can see: no call failed, old
 * text is unmapped, memory is what it was.
 */
#include "test.h"

#include <stdatomic.h>
#include <theseus/blob.h>
#include <theseus/evolve.h>
#include <theseus/iface/clock.h>
#include <theseus/iface/frames.h>
#include <theseus/iface/module.h>
#include <theseus/iface/state_db.h>
#include <theseus/iface/testsrv.h>
#include <theseus/string.h>

#define CLIENTS 5u
/* Big pages of the direct map that module text of all modules may be spread over. */
#define TABLES_SPREAD 8u

static struct ths_ref testsrv = THS_REF(testsrv), clock_ref = THS_REF(clock),
		      frames = THS_REF(frames), module = THS_REF(module);
static _Atomic(bool) enough;
static _Atomic(uint32_t) errors, asleep;
static uint64_t caught_asleep, mapped_after, swaps_failed, probations;

static void must(enum ths_err err, const char *what)
{
	if (err == THS_OK)
		return;
	if (atomic_fetch_add(&errors, 1) < 5)
		test_line("# client: %s: %s", what, ths_err_name(err));
}

/* ---- clients ---------------------------------------------------------------------------- */

static void count(struct test_story *story, struct ths_blob *session)
{
	struct testsrv_count args = {0};

	must(testsrv_count_with(&testsrv, &args, session), "count");
	test_story_tell(story, "count.server", (uint32_t)args.version, args.value);
}

static void take_ticket(struct test_story *story)
{
	struct testsrv_add args = {.row = 0, .amount = 1};

	must(testsrv_add(&testsrv, &args), "add");
	test_story_tell(story, "joint.server", (uint32_t)args.version, args.value);
}

static void read_clock(struct test_story *story)
{
	struct clock_now args = {0};

	must(clock_now(&clock_ref, &args), "clock");
	test_story_tell(story, "clock", 0, args.ns);
}

static void borrow_frame(struct test_story *story)
{
	struct frames_alloc alloc = {.order = 0};
	struct frames_free back = {0};

	must(frames_alloc(&frames, &alloc), "alloc");
	test_story_tell(story, "take.frames", 0, alloc.paddr / THS_PAGE_SIZE);
	ths_yield();
	back.paddr = alloc.paddr;
	test_story_tell(story, "give.frames", 0, alloc.paddr / THS_PAGE_SIZE);
	must(frames_free(&frames, &back), "free");
}

static void client(void *arg)
{
	THS_BLOB_STORAGE(memory, 64);
	struct ths_blob *session = ths_blob_init(memory, 64);
	struct test_story story;

	test_story_begin(&story, (uint32_t)(uintptr_t)arg);
	while (!atomic_load(&enough)) {
		count(&story, session);
		take_ticket(&story);
		read_clock(&story);
		borrow_frame(&story);
		test_sleep_ms(20);
	}
	test_story_end(&story);
}

/* Two that send each other numbered bytes, each asleep in the server until its own comes:
 * the interactions that are in flight when the server is swapped. */
static void pinger(void *arg)
{
	struct testsrv_post box = {.box = 0, .byte = 0};

	(void)arg;
	for (uint32_t i = 0; !atomic_load(&enough); i++) {
		box = (struct testsrv_post){.box = 0, .byte = i};
		must(testsrv_post(&testsrv, &box), "post");
		box = (struct testsrv_post){.box = 1};
		atomic_fetch_add(&asleep, 1);
		must(testsrv_fetch(&testsrv, &box), "fetch");
		atomic_fetch_sub(&asleep, 1);
		if (box.byte != i)
			must(THS_E_INTERNAL, "the byte that came back");
		test_sleep_ms(3);
	}
	box = (struct testsrv_post){.box = 0, .byte = UINT32_MAX};
	must(testsrv_post(&testsrv, &box), "post");
}

static void ponger(void *arg)
{
	struct testsrv_post box = {0};

	(void)arg;
	for (;;) {
		box = (struct testsrv_post){.box = 0};
		atomic_fetch_add(&asleep, 1);
		must(testsrv_fetch(&testsrv, &box), "fetch");
		atomic_fetch_sub(&asleep, 1);
		if (box.byte == UINT32_MAX)
			return;
		box.box = 1;
		must(testsrv_post(&testsrv, &box), "post");
	}
}

/* ---- swaps -------------------------------------------------------------------------------- */

static uint64_t text_of(const char *iface)
{
	struct module_info info = {.slot = THS_ROW_NONE};

	while (module_info(&module, &info) == THS_OK)
		if (ths_streq(info.provides, iface) && (info.state == THS_INSTANCE_BOUND ||
						       info.state == THS_INSTANCE_PROBATION))
			return info.text;
	return 0;
}

/* Whether an instance has its text there, or had, and it is still mapped. */
static bool is_there(uint64_t text)
{
	struct module_info info = {.slot = THS_ROW_NONE};
	ths_paddr_t paddr;
	enum ths_prot prot;

	while (module_info(&module, &info) == THS_OK)
		if (info.text == text)
			return true;
	return ths_arch_lookup(text, &paddr, &prot);
}

static void swap_one(const char *iface, const char *file)
{
	struct ths_swap_times times = {0};
	struct ths_reason reason = {{0}};
	uint64_t text = text_of(iface);
	enum ths_err err;

	caught_asleep += atomic_load(&asleep) != 0;
	err = ths_swap_file(iface, file, &times, &reason);
	if (err && swaps_failed++ < 5)
		test_line("# swap %s to %s: %s", iface, file, reason.text);
	for (unsigned i = 0; times.kept && i < 1000 && is_there(text); i++)
		test_sleep_ms(1); /* until the probation is over, by whichever CPU's tick */
	probations += times.kept;
	mapped_after += text == 0 || is_there(text);
}

static void swap_round(uint64_t turn)
{
	static const struct {
		const char *iface, *file[2];
	} others[] = {{"sched", {"sched.fcfs", "sched.rr"}},
		      {"frames", {"mem.frames", "mem.frames"}},
		      {"clock", {"clock.pit", "clock.pit"}},
		      {"serial", {"serial.16550", "serial.16550"}},
		      {"irq", {"irq.pic", "irq.pic"}},
		      {"tasks", {"tasks", "tasks"}}};
	unsigned which = (unsigned)(turn / 2 % THS_ARRAY_SIZE(others));
	unsigned build = (unsigned)(turn / 2 / THS_ARRAY_SIZE(others) % 2);

	if (turn % 2 == 0)
		swap_one("testsrv", turn % 4 == 0 ? "testsrv.v2" : "testsrv");
	else
		swap_one(others[which].iface, others[which].file[build]);
}

/* With the same builds bound each time: they differ in pages. */
static uint64_t unused_frames(uint64_t *tables)
{
	swap_one("testsrv", "testsrv");
	swap_one("sched", "sched.rr");
	return test_unused_frames(tables);
}

/* @turns of @turn while clients run, numbered from @first on; returns when all have ended. */
static void under_load(uint64_t turns, uintptr_t first, void (*turn)(uint64_t))
{
	struct ths_task_id client_task[CLIENTS], ping, pong;

	atomic_store(&enough, false);
	for (uintptr_t i = 0; i < CLIENTS; i++)
		client_task[i] = test_start("client", client, (void *)(first + i));
	ping = test_start("pinger", pinger, NULL);
	pong = test_start("ponger", ponger, NULL);
	test_sleep_ms(50);
	for (uint64_t i = 0; i < turns; i++) {
		turn(i);
		if (i % 1000 == 999)
			test_line("# %lu of them", (unsigned long)(i + 1));
	}
	atomic_store(&enough, true);
	for (unsigned i = 0; i < CLIENTS; i++)
		test_join(client_task[i]);
	test_join(ping);
	test_join(pong);
	test_drain();
}

/* What was there after a tenth of the swaps, and at their end. */
struct trial {
	uint64_t swaps, before, after, tables, tables_after;
};

/* The first tenth makes the stacks the load needs, which stay with their slots; after
 * that memory is to be the same to the page. In that tenth each swap is followed by a short
 * probation, where the rows allow it. */
static struct trial swap_under_load(struct ths_probation probation, void (*round)(uint64_t),
				    uint64_t (*unused)(uint64_t *))
{
	struct trial trial = {.swaps = test_number("swaps", 10000)};

	ths_probation_set(probation);
	under_load(trial.swaps / 10, 1, round);
	ths_probation_set((struct ths_probation){0, 0});
	trial.before = unused(&trial.tables);
	under_load(trial.swaps - trial.swaps / 10, 1 + CLIENTS, round);
	trial.after = unused(&trial.tables_after);
	return trial;
}

static void judge(const struct trial *trial)
{
	test_ok(swaps_failed == 0, "%lu swaps, %lu of them refused",
		(unsigned long)trial->swaps, (unsigned long)swaps_failed);
	test_ok(atomic_load(&errors) == 0, "no client's call failed (%u did)",
		atomic_load(&errors));
	test_ok(probations >= trial->swaps / 30, "%lu swaps had a probation, and it ended",
		(unsigned long)probations);
	test_ok(mapped_after == 0, "old text is unmapped after each swap (%lu were not)",
		(unsigned long)mapped_after);
	test_ok(caught_asleep > 0, "%lu swaps met interactions that slept in the server",
		(unsigned long)caught_asleep);
	test_ok(test_same_frames(trial->before, trial->after),
		"free frames and stock: %lu after a tenth of the swaps, %lu at the end",
		(unsigned long)trial->before, (unsigned long)trial->after);
	test_ok(trial->tables_after <= trial->tables + TABLES_SPREAD,
		"page tables: %lu, then %lu", (unsigned long)trial->tables,
		(unsigned long)trial->tables_after);
}

void test_swap(void)
{
	struct trial trial =
		swap_under_load((struct ths_probation){3, 2}, swap_round, unused_frames);

	judge(&trial);
}

/* ---- state_db ------------------------------------------------------------------------------ */

static struct ths_ref state_db = THS_REF(state_db);
static uint64_t answers_missed, states_lost;

/* Now with the same layout, now with another; what it says of itself is what was swapped in,
 * and never less than before. */
static void self_round(uint64_t turn)
{
	static uint64_t commits;
	struct state_db_count count = {0};
	bool other = turn % 3 == 2;

	swap_one("state_db", other ? "state_db.other" : "state_db");
	must(state_db_count(&state_db, &count), "state_db.count");
	answers_missed += count.version != (other ? 2 : 1);
	states_lost += count.commits < commits;
	commits = count.commits;
}

static uint64_t unused_frames_but_self(uint64_t *tables)
{
	swap_one("state_db", "state_db");
	return unused_frames(tables);
}

void test_self(void)
{
	struct trial trial = swap_under_load((struct ths_probation){0, 2}, self_round,
					     unused_frames_but_self);

	judge(&trial);
	test_ok(answers_missed == 0 && states_lost == 0,
		"each time the other one answered (%lu did not), and from the same state (%lu)",
		(unsigned long)answers_missed, (unsigned long)states_lost);
}

static uint64_t taken_back;

static void nothing(void *unused)
{
	(void)unused;
}

static bool is_version(uint32_t version)
{
	struct state_db_count count = {0};

	must(state_db_count(&state_db, &count), "state_db.count");
	return count.version == version;
}

/* One that faults sooner or later, and goes only by that; tasks are made and end meanwhile. */
static void faulty_round(uint64_t turn)
{
	struct ths_reason reason = {{0}};
	enum ths_err err = ths_swap_file(
		"state_db", turn % 2 ? "state_db.faulty_other" : "state_db.faulty", NULL, &reason);

	if (err && swaps_failed++ < 5)
		test_line("# swap: %s", reason.text);
	for (unsigned i = 0; i < 1000 && is_version(3); i++)
		test_join(test_start("short", nothing, NULL));
	taken_back += is_version(1);
}

void test_faulty(void)
{
	uint64_t swaps = test_number("swaps", 100);

	ths_probation_set((struct ths_probation){0, UINT32_MAX});
	under_load(swaps, 1, faulty_round);
	test_ok(swaps_failed == 0 && atomic_load(&errors) == 0,
		"%lu state_dbs that fault; no client's call failed (%u did)",
		(unsigned long)swaps, atomic_load(&errors));
	test_ok(taken_back == swaps, "%lu of them were taken back",
		(unsigned long)taken_back);
}

/* Not to return: the machine stops, and says whose fault it was. */
void test_broken(void)
{
	ths_probation_set((struct ths_probation){0, UINT32_MAX});
	test_ok(ths_swap_file("state_db", "state_db.broken", NULL, NULL) == THS_OK,
		"one that faults in a commit");
	for (unsigned i = 0; i < 1000; i++)
		test_join(test_start("short", nothing, NULL));
	test_ok(false, "it served a thousand tasks");
}

/* ---- evolutions ---------------------------------------------------------------------------- */

static uint64_t evolutions_failed, refusals_missed;

/* There and back; before each way one that is refused at its very end. */
static void evolve_round(uint64_t turn)
{
	struct ths_reason reason = {{0}};
	enum ths_err err = ths_evolve_file("refused", &reason);

	refusals_missed += err != THS_E_IO;
	caught_asleep += atomic_load(&asleep) != 0;
	err = ths_evolve_file(turn % 2 ? "back" : "there", &reason);
	if (err && evolutions_failed++ < 5)
		test_line("# evolve: %s", reason.text);
	test_sleep_ms(1); /* or nobody would be served by sched.fcfs, which takes its time */
}

void test_evolve(void)
{
	uint64_t turns = test_number("evolutions", 2000), before, after;
	uint64_t tables = 0, tables_after = 0;

	ths_probation_set((struct ths_probation){0, 0});
	under_load(turns / 10, 1, evolve_round);
	before = unused_frames(&tables);
	under_load(turns - turns / 10, 1 + CLIENTS, evolve_round);
	after = unused_frames(&tables_after);
	test_ok(evolutions_failed == 0, "%lu evolutions of three modules, %lu refused",
		(unsigned long)turns, (unsigned long)evolutions_failed);
	test_ok(refusals_missed == 0, "as many with a module that is unwell: %lu accepted",
		(unsigned long)refusals_missed);
	test_ok(atomic_load(&errors) == 0, "no client's call failed (%u did)",
		atomic_load(&errors));
	test_ok(caught_asleep > 0, "%lu met interactions that slept in the server",
		(unsigned long)caught_asleep);
	test_ok(before == after, "free frames and stock: %lu after a tenth, %lu at the end",
		(unsigned long)before, (unsigned long)after);
}

/*
 * main - counts guest instructions: the TSC under `-icount shift=0` ticks once for each.
 *
 * Every figure is the difference of two runs of the same loop, with and without the thing
 * measured, or of n and 2 n repeats; what is subtracted is said beside it. A figure comes
 * out as a line "@bench NAME VALUE UNIT"; the script tests/bench/bench collects them.
 */
#include "measure.h"

#include <theseus/blob.h>
#include <theseus/iface/frames.h>
#include <theseus/iface/tasks.h>
#include <theseus/iface/testsrv.h>

struct ths_ref bench = THS_REF(bench);
static struct ths_ref testsrv = THS_REF(testsrv);
static struct ths_ref tasks = THS_REF(tasks);
static unsigned wrong;

void must(enum ths_err err, const char *what)
{
	if (err == THS_OK)
		return;
	ths_logf("# %s: %s", what, ths_err_name(err));
	wrong++;
}

void tell(const char *name, uint64_t value)
{
	ths_logf("@bench %s %lu instructions", name, (unsigned long)value);
}

/* What a loop of N turns costs by itself: it is subtracted from those below. */
static uint64_t empty_loop(void)
{
	uint64_t least = UINT64_MAX, start, took;

	for (unsigned k = 0; k < 4; k++) { /* the one without a tick in it */
		start = now();
		for (unsigned i = 0; i < N; i++)
			__asm__ volatile("" : : "r"(i) : "memory");
		took = now() - start;
		least = took < least ? took : least;
	}
	return least;
}

static uint64_t null_loop(enum ths_err (*call)(struct ths_ref *, struct bench_words *))
{
	struct bench_words words = {{1, 2, 3, 4}};
	uint64_t start;

	must(call(&bench, &words), "null");
	start = now();
	for (unsigned i = 0; i < N; i++)
		must(bench_null(&bench, &words), "null");
	return now() - start;
}

uint64_t null_call(void)
{
	uint64_t loop = empty_loop(), least = UINT64_MAX, took;

	for (unsigned i = 0; i < 4; i++) {
		took = null_loop(bench_null);
		least = took < least ? took : least;
	}
	return (least - loop) / N;
}

static void measure_null(void)
{
	struct bench_words words = {{1, 2, 3, 4}};
	uint64_t loop = empty_loop(), start;

	tell("null_interaction", null_call());
	must(bench_echo(&bench, &words), "echo");
	start = now();
	for (unsigned i = 0; i < N; i++)
		must(bench_echo(&bench, &words), "echo");
	tell("null_interaction_32B_back", (now() - start - loop) / N);
}

/* @args.repeat repeats inside one interaction. */
static uint64_t repeat(enum ths_err (*call)(struct ths_ref *, struct bench_row *),
		       struct bench_row args, const char *what)
{
	struct bench_row first = args;
	uint64_t start, least = UINT64_MAX, took;

	must(call(&bench, &first), what);
	for (unsigned i = 0; i < 4; i++) { /* the one without a tick in it */
		struct bench_row again = args;

		start = now();
		must(call(&bench, &again), what);
		took = now() - start;
		least = took < least ? took : least;
	}
	return least;
}

uint64_t each(enum ths_err (*call)(struct ths_ref *, struct bench_row *),
	      struct bench_row args, uint64_t n, const char *what)
{
	struct bench_row once = args, twice = args;
	uint64_t loop;

	once.repeat = n;
	twice.repeat = 2 * n;
	loop = repeat(bench_spin, twice, "spin") - repeat(bench_spin, once, "spin");
	return (repeat(call, twice, what) - repeat(call, once, what) - loop) / n;
}

static uint64_t rows_loop(enum ths_err (*call)(struct ths_ref *, struct bench_row *))
{
	uint64_t start = now();

	for (unsigned i = 0; i < N; i++) {
		struct bench_row args = {.row = i % 100, .repeat = 1};

		must(call(&bench, &args), "row");
	}
	return now() - start;
}

/* The one without a tick in it. */
static uint64_t least_rows(enum ths_err (*call)(struct ths_ref *, struct bench_row *))
{
	uint64_t least = UINT64_MAX, took;

	for (unsigned i = 0; i < 4; i++) {
		took = rows_loop(call);
		least = took < least ? took : least;
	}
	return least;
}

uint64_t row_call(enum ths_err (*call)(struct ths_ref *, struct bench_row *))
{
	return (least_rows(call) - empty_loop()) / N;
}

static void measure_rows(void)
{
	uint64_t nothing;

	nothing = least_rows(bench_nothing);
	tell("row_read_64B", (least_rows(bench_read) - nothing) / N);
	tell("row_read_64B_further", each(bench_reads, (struct bench_row){0}, 100, "read"));
	tell("row_write_commit_64B", row_call(bench_write));
	tell("weak_upgrade", each(bench_weak, (struct bench_row){0}, 1000, "weak"));
}

/* A client's 64 bytes of progress brought along, and back; empty at first. */
static uint64_t blob_loop(struct ths_ref *ref)
{
	THS_BLOB_STORAGE(memory, 64);
	struct ths_blob *blob = ths_blob_init(memory, 64);
	struct bench_words words = {{1, 2, 3, 4}};
	uint64_t start;

	must(bench_blob_with(ref, &words, blob), "blob");
	start = now();
	for (unsigned i = 0; i < N; i++)
		must(bench_blob_with(ref, &words, blob), "blob");
	return now() - start;
}

static void measure_blobs(void)
{
	struct ths_ref tagged = THS_REF(bench);
	uint64_t loop = empty_loop();

	tagged.flags = THS_REF_TAGGED;
	tell("blob_interaction_64B", (blob_loop(&bench) - loop) / N);
	tell("blob_interaction_64B_tagged", (blob_loop(&tagged) - loop) / N);
}

/* Among as many rows as growth_of_rows() has left. */
static void measure_lookup(void)
{
	struct bench_row keys = {.row = UINT16_MAX};

	tell("keyed_lookup_100k", each(bench_lookup, keys, 100, "lookup"));
}

/* ---- tasks ------------------------------------------------------------------------- */

static volatile bool partner_goes_on;

static void partner(void *arg)
{
	(void)arg;
	while (partner_goes_on)
		ths_yield();
}

static struct ths_task_id start(void (*entry)(void *), void *arg)
{
	struct tasks_create create = {.entry = (uint64_t)(uintptr_t)entry,
				      .arg = (uint64_t)(uintptr_t)arg, .name = "partner"};

	must(tasks_create(&tasks, &create), "create");
	return create.task;
}

static void join(struct ths_task_id task)
{
	struct tasks_join args = {.task = task};

	must(tasks_join(&tasks, &args), "join");
}

/* Two tasks that yield to each other: a yield of ours is two switches. */
static void measure_switch(void)
{
	struct ths_task_id task;
	uint64_t start_at;

	partner_goes_on = true;
	task = start(partner, NULL);
	ths_yield();
	start_at = now();
	for (unsigned i = 0; i < N; i++)
		ths_yield();
	tell("context_switch", (now() - start_at) / (2 * N));
	partner_goes_on = false;
	join(task);
}

static void ends_at_once(void *arg)
{
	(void)arg;
}

static void measure_create_join(const char *name)
{
	uint64_t start_at;

	for (unsigned i = 0; i < 10; i++)
		join(start(ends_at_once, NULL));
	start_at = now();
	for (unsigned i = 0; i < 100; i++)
		join(start(ends_at_once, NULL));
	tell(name, (now() - start_at) / 100);
}

static void post(uint32_t box, uint32_t byte)
{
	struct testsrv_post args = {.box = box, .byte = byte};

	must(testsrv_post(&testsrv, &args), "post");
}

static uint32_t fetch(uint32_t box)
{
	struct testsrv_post args = {.box = box};

	must(testsrv_fetch(&testsrv, &args), "fetch");
	return args.byte;
}

static void echo_task(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < N + 10; i++)
		post(1, fetch(0));
}

/* A byte to another task and back, each side asleep until its byte comes. */
static void measure_mailbox(void)
{
	struct ths_task_id task = start(echo_task, NULL);
	uint64_t start_at = 0;

	for (unsigned i = 0; i < N + 10; i++) {
		if (i == 10)
			start_at = now();
		post(0, i & 0xff);
		if (fetch(1) != (i & 0xff))
			must(THS_E_INTERNAL, "echo");
	}
	tell("mailbox_rtt_1B", (now() - start_at) / N);
	join(task);
}

static void sleeps(void *arg)
{
	(void)arg;
	(void)fetch(2);
}

/* Ours, asleep, for good: each is a row of ours that has to be told from the others. */
static void measure_create_join_among(void)
{
	for (unsigned i = 0; i < 500; i++) {
		(void)start(sleeps, NULL);
		ths_yield();
	}
	measure_create_join("task_create_join_among_500");
}

/* ---- modules -------------------------------------------------------------------------- */

/* Without ticks in between: the least of several; from load to retire. */
struct ths_swap_times least_swap(uint64_t *total)
{
	struct ths_swap_times least = {.load = UINT64_MAX, .publish = UINT64_MAX}, times = {0};
	uint64_t whole = UINT64_MAX;
	struct ths_reason reason = {{0}};

	ths_probation_set((struct ths_probation){0, 0});
	for (unsigned i = 0; i < 8; i++) {
		uint64_t start_at = now();

		must(ths_swap_file("sched", i % 2 ? "sched.rr" : "sched.fcfs", &times,
				   &reason),
		     "swap");
		whole = now() - start_at < whole ? now() - start_at : whole;
		least.load = times.load < least.load ? times.load : least.load;
		least.publish = times.publish < least.publish ? times.publish : least.publish;
	}
	if (total)
		*total = whole;
	return least;
}

static void measure_modules(void)
{
	uint64_t total;
	struct ths_swap_times least = least_swap(&total);

	tell("module_load", least.load);
	tell("swap_publish", least.publish);
	tell("swap_total_small", total);
}

/* A client that asks again and again, and lets others run in between. */
static struct {
	volatile bool goes_on;
	uint64_t longest; /* from one answer to the next */
} client;

static void asks(void *arg)
{
	struct bench_words words = {{1, 2, 3, 4}};
	uint64_t last = now(), at;

	(void)arg;
	for (; client.goes_on; last = at) {
		must(bench_null(&bench, &words), "null");
		at = now();
		client.longest = at - last > client.longest ? at - last : client.longest;
		ths_yield();
	}
}

/* The longest a client waits for an answer across whole swaps, from load to retire. */
static void measure_stall(void)
{
	struct ths_reason reason = {{0}};
	struct ths_task_id task;

	client.goes_on = true;
	task = start(asks, NULL);
	ths_yield();
	client.longest = 0;
	for (unsigned i = 0; i < 8; i++)
		must(ths_swap_file("sched", i % 2 ? "sched.rr" : "sched.fcfs", NULL, &reason),
		     "swap");
	tell("swap_stall_max", client.longest);
	client.goes_on = false;
	join(task);
}

static void measure(void *arg)
{
	(void)arg;
	tell("boot_to_console", now());
	measure_null();
	measure_rows();
	measure_blobs();
	growth_of_rows();
	measure_lookup();
	measure_switch();
	measure_create_join("task_create_join");
	measure_mailbox();
	measure_modules();
	measure_stall();
	measure_create_join_among();
	measure_migration();
	growth_of_modules();
	ths_logf("%sok 1 - every measured call returned THS_OK", wrong ? "not " : "");
	ths_logf("theseus: %u passed, %u failed", !wrong, !!wrong);
	ths_stop(THS_STOP_TEST, 0x2a);
}
THS_PROGRAM("measure", measure);

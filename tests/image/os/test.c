/*
 * test - see test.h. Lines go out through the serial module like any client's bytes; only
 * the results at the end use the log, when nobody else writes any more.
 */
#include "test.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <theseus/arch.h>
#include <theseus/fmt.h>
#include <theseus/iface/clock.h>
#include <theseus/iface/frames.h>
#include <theseus/iface/module.h>
#include <theseus/iface/serial.h>
#include <theseus/iface/tasks.h>
#include <theseus/string.h>

#define LATE_PAGES 64u

static struct ths_ref serial = THS_REF(serial), clock_ref = THS_REF(clock),
		      tasks = THS_REF(tasks), frames = THS_REF(frames),
		      module = THS_REF(module);
static _Atomic(bool) line_taken;
static _Atomic(uint64_t) written;
static unsigned results, failures;

void test_ok(bool holds, const char *fmt, ...)
{
	char what[160];
	va_list args;

	va_start(args, fmt);
	(void)ths_vformat(what, sizeof(what), fmt, args);
	va_end(args);
	results++;
	failures += !holds;
	ths_logf("%sok %u - %s", holds ? "" : "not ", results, what);
}

void test_note(const char *fmt, ...)
{
	char what[160];
	va_list args;

	va_start(args, fmt);
	(void)ths_vformat(what, sizeof(what), fmt, args);
	va_end(args);
	ths_logf("# %s", what);
}

THS_NORETURN void test_end(void)
{
	ths_logf("theseus: %u passed, %u failed", results - failures, failures);
	ths_stop(THS_STOP_TEST, 0x2a);
}

uint64_t test_number(const char *key, uint64_t otherwise)
{
	char text[24];
	uint64_t value;

	if (!ths_cmdline_get(key, text, sizeof(text)) ||
	    ths_str_parse_u64(text, ths_strlen(text), &value) != THS_OK)
		return otherwise;
	return value;
}

static void write_all(const char *text, size_t len)
{
	while (len) {
		struct serial_io io = {.len = len < SERIAL_CHUNK ? (uint32_t)len
								 : SERIAL_CHUNK};

		memcpy(io.data, text, io.len);
		if (serial_write(&serial, &io) != THS_OK)
			return; /* the oracle will miss it */
		atomic_fetch_add(&written, io.len);
		text += io.len;
		len -= io.len;
	}
}

void test_line(const char *fmt, ...)
{
	char line[160];
	size_t len;
	va_list args;

	va_start(args, fmt);
	len = ths_vformat(line, sizeof(line) - 1, fmt, args);
	va_end(args);
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len] = '\n';
	while (atomic_exchange(&line_taken, true))
		test_sleep_ms(1);
	write_all(line, len + 1);
	atomic_store(&line_taken, false);
}

void test_drain(void)
{
	struct serial_stat stat = {0};

	for (unsigned i = 0; i < 2000; i++) {
		if (serial_stat(&serial, &stat) == THS_OK &&
		    stat.sent >= atomic_load(&written))
			return;
		test_sleep_ms(5);
	}
	test_note("the serial line did not drain: %lu of %lu bytes",
		  (unsigned long)stat.sent, (unsigned long)atomic_load(&written));
}

/* ---- stories -------------------------------------------------------------------------- */

#define FNV_BASIS 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

static uint64_t chain_byte(uint64_t chain, uint8_t byte)
{
	return (chain ^ byte) * FNV_PRIME;
}

static uint64_t chain_number(uint64_t chain, uint64_t number, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		chain = chain_byte(chain, (uint8_t)(number >> 8 * i));
	return chain;
}

void test_story_begin(struct test_story *story, uint32_t client)
{
	*story = (struct test_story){.client = client, .chain = FNV_BASIS};
}

void test_story_tell(struct test_story *story, const char *service, uint32_t version,
		     uint64_t value)
{
	uint64_t chain = chain_number(story->chain, story->client, 4);

	chain = chain_number(chain, ++story->seq, 8);
	for (const char *c = service; *c; c++)
		chain = chain_byte(chain, (uint8_t)*c);
	chain = chain_byte(chain, 0);
	chain = chain_number(chain, version, 4);
	story->chain = chain_number(chain, value, 8);
	test_line("@C %u %lu %s %u %lx %016lx", story->client, (unsigned long)story->seq,
		  service, version, (unsigned long)value, (unsigned long)story->chain);
}

void test_story_end(struct test_story *story)
{
	test_line("@E %u %lu %016lx", story->client, (unsigned long)story->seq,
		  (unsigned long)story->chain);
}

/* ---- tasks ----------------------------------------------------------------------------- */

struct ths_task_id test_start(const char *name, void (*entry)(void *), void *arg)
{
	struct tasks_create create = {.entry = (uint64_t)(uintptr_t)entry,
				      .arg = (uint64_t)(uintptr_t)arg};
	enum ths_err err;

	(void)!ths_str_copy(create.name, sizeof(create.name), name);
	err = tasks_create(&tasks, &create);
	if (err)
		test_ok(false, "task %s starts: %s", name, ths_err_name(err));
	return create.task;
}

void test_join(struct ths_task_id task)
{
	struct tasks_join args = {.task = task};
	enum ths_err err = tasks_join(&tasks, &args);

	if (err)
		test_ok(false, "task %u is joined: %s", task.slot, ths_err_name(err));
}

void test_sleep_ms(uint64_t ms)
{
	struct clock_now now = {0};
	struct clock_wait wait;

	if (clock_now(&clock_ref, &now) != THS_OK)
		return;
	wait.ns = now.ns + ms * 1000000;
	(void)!clock_wait(&clock_ref, &wait);
}

/* ---- memory ---------------------------------------------------------------------------- */

static uint64_t pages_in_stock(uint64_t *tables)
{
	struct module_pool pool = {.pool = THS_ROW_NONE};
	uint64_t pages = 0, reserve = 0;

	while (module_pool(&module, &pool) == THS_OK) {
		reserve = pool.reserve;
		*tables = pool.tables;
		pages += pool.pages;
	}
	return pages + reserve;
}

uint64_t test_unused_frames(uint64_t *tables)
{
	struct frames_stat stat = {0};

	if (frames_stat(&frames, &stat) != THS_OK)
		return 0;
	return stat.free + pages_in_stock(tables) + *tables;
}

bool test_same_frames(uint64_t before, uint64_t after)
{
	uint64_t apart = before > after ? before - after : after - before;

	return apart <= (test_number("cpus", 1) > 1 ? LATE_PAGES : 0);
}

/* ---- which ------------------------------------------------------------------------------- */

static void run(void *arg)
{
	static const struct {
		const char *name;
		void (*test)(void);
	} tests[] = {{"swap", test_swap},
		     {"self", test_self},
		     {"faulty", test_faulty},
		     {"broken", test_broken},
		     {"meta", test_meta},
		     {"evolve", test_evolve},
		     {"fault", test_fault},
		     {"cascade", test_cascade},
		     {"control", test_control},
		     {"refusal", test_refusal},
		     {"pattern", test_pattern},
		     {"owner", test_owner},
		     {"shape", test_shape},
		     {"migrate", test_migrate},
		     {"cpus", test_cpus},
		     {"cpu_ends", test_cpu_ends}};
	char name[16] = "";

	(void)arg;
	ths_logf("%s", "");
	(void)ths_cmdline_get("test", name, sizeof(name));
	if (test_number("hz", 0)) /* ticks more often, and elsewhere */
		ths_arch_tick_start((uint32_t)test_number("hz", 0));
	for (unsigned i = 0; i < THS_ARRAY_SIZE(tests); i++)
		if (ths_streq(tests[i].name, name))
			tests[i].test();
	if (!results)
		test_ok(false, "test=%s names a test", name);
	test_end();
}
THS_PROGRAM("test", run);

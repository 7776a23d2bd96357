/*
 * pattern - mux and dispatcher in a module that is swapped, broken and interposed on
 * while its clients run; and a tracer before every binding of the OS in turn.
 */
#include "test.h"

#include <stdatomic.h>
#include <theseus/blob.h>
#include <theseus/iface/module.h>
#include <theseus/iface/testsrv.h>
#include <theseus/string.h>
#include "bazaar.h"

static const uint32_t weight[BAZAAR_STALLS] = {1, 2, 4, 8};

static struct ths_ref bazaar = THS_REF(bazaar), module = THS_REF(module);
static _Atomic(bool) leave;
static struct client {
	uint32_t number;
	uint64_t used, broken, answered[3];
	enum ths_err err; /* that no client should see */
	bool gone;
} client[BAZAAR_STALLS];

/* ---- clients ----------------------------------------------------------------------- */

static bool is_injected(enum ths_err err)
{
	return err == THS_E_IO || err == THS_E_OPCODE;
}

static enum ths_err live(struct client *self, struct ths_ref *ref, struct bazaar_use *use)
{
	while (!atomic_load(&leave)) {
		enum ths_err err;

		use->try++;
		err = bazaar_use(ref, use);
		if (err == THS_OK) {
			self->used++;
			self->answered[use->version % 3]++;
		} else if (is_injected(err)) {
			self->broken++;
		} else {
			return err;
		}
		if (use->try % 8 == 0)
			ths_yield();
	}
	return THS_OK;
}

static void stall(void *arg)
{
	struct client *self = arg;
	struct ths_ref ref = THS_REF(bazaar);
	struct bazaar_stall attach = {.weight = weight[self->number],
				      .number = self->number};
	struct bazaar_use use = {.number = self->number};

	self->err = bazaar_attach(&ref, &attach);
	use.lease = attach.lease;
	if (self->err == THS_OK)
		self->err = live(self, &ref, &use);
	/* Who leaves lets the others have their turns, and they see that it is time. */
	(void)!bazaar_leave(&ref, &use);
	self->gone = true;
}

static uint64_t all_used(void)
{
	struct bazaar_shares shares = {{0}};
	uint64_t sum = 0;

	if (bazaar_shares(&bazaar, &shares) != THS_OK)
		return 0;
	for (unsigned i = 0; i < BAZAAR_STALLS; i++)
		sum += shares.used[i];
	return sum;
}

/* Until the stalls have been served @more times; they are on the same CPU as we. */
static bool wait_for_uses(uint64_t more)
{
	uint64_t until = all_used() + more;

	for (unsigned i = 0; i < 100000; i++) {
		if (all_used() >= until)
			return true;
		ths_yield();
	}
	return false;
}

/* From @then to now: what any two used, over their weights, differs by a use of each. */
static bool is_fair(const struct bazaar_shares *then)
{
	struct bazaar_shares now = {{0}};

	if (bazaar_shares(&bazaar, &now) != THS_OK)
		return false;
	for (unsigned i = 0; i < BAZAAR_STALLS; i++) {
		for (unsigned j = 0; j < i; j++) {
			int64_t one =
				(int64_t)((now.used[i] - then->used[i]) * weight[j]);
			int64_t two =
				(int64_t)((now.used[j] - then->used[j]) * weight[i]);
			int64_t apart = one > two ? one - two : two - one;

			if (apart > weight[i] + weight[j] + 1)
				return false;
		}
	}
	return true;
}

/* ---- interposers ------------------------------------------------------------------- */

static enum ths_err put(const char *file, const char *name, const char *iface,
			uint32_t *slot)
{
	struct ths_reason reason = {{0}};

	THS_TRY(ths_module_load(file, name, slot, &reason));
	return ths_interpose(*slot, iface, NULL);
}

/* By name: one that faulted may have been loaded anew. */
static enum ths_err take(const char *name)
{
	uint32_t slot;

	THS_TRY(ths_module_find(name, &slot));
	THS_TRY(ths_interpose_end(slot));
	return ths_module_unload(slot);
}

static uint64_t calls_of(uint32_t slot)
{
	struct module_info info = {.slot = slot - 1};

	return module_info(&module, &info) == THS_OK && info.slot == slot ? info.calls
									  : 0;
}

/* One round: what is swapped, what stands before it, and whether all went on. */
static enum ths_err one_round(unsigned round)
{
	struct ths_swap_times times;
	struct ths_reason reason;
	uint32_t trace = 0, inject = 0;

	if (round % 3)
		THS_TRY(put("trace", "trace.1", "bazaar", &trace));
	if (round % 2)
		THS_TRY(put("inject", "inject.1", "bazaar", &inject));
	if (!wait_for_uses(30))
		return THS_E_DEADLINE;
	THS_TRY(ths_swap_file("bazaar", round % 2 ? "bazaar" : "bazaar.v2", &times,
			      &reason));
	if (!wait_for_uses(30))
		return THS_E_DEADLINE;
	if (round % 3 && calls_of(trace) == 0)
		return THS_E_NOENT;
	if (round % 3)
		THS_TRY(take("trace.1"));
	if (!wait_for_uses(5))
		return THS_E_DEADLINE;
	return round % 2 ? take("inject.1") : THS_OK;
}

static void swap_and_break(unsigned rounds)
{
	struct bazaar_shares then = {{0}};
	enum ths_err err = bazaar_shares(&bazaar, &then);
	unsigned round = 0, unfair = 0;

	for (; err == THS_OK && round < rounds; round++) {
		err = one_round(round);
		unfair += !is_fair(&then);
	}
	test_ok(err == THS_OK, "%u rounds of swaps, faults and interposers: %s", round,
		ths_err_name(err));
	test_ok(unfair == 0, "shares are by weight at the end of each: %u were not",
		unfair);
}

static void judge_clients(void)
{
	struct bazaar_shares shares = {{0}};
	enum ths_err err = bazaar_shares(&bazaar, &shares);
	uint64_t broken = 0, answered[3] = {0};
	bool exact = err == THS_OK;

	for (unsigned i = 0; i < BAZAAR_STALLS; i++) {
		test_ok(client[i].err == THS_OK && client[i].gone, "stall %u: %s", i,
			ths_err_name(client[i].err));
		exact = exact && shares.used[i] == client[i].used;
		broken += client[i].broken;
		answered[1] += client[i].answered[1];
		answered[2] += client[i].answered[2];
	}
	test_ok(exact, "what the rows say is what the clients were told, to the use");
	test_ok(broken > 0, "%lu calls were broken on purpose", (unsigned long)broken);
	test_ok(answered[1] && answered[2], "both builds answered: %lu and %lu",
		(unsigned long)answered[1], (unsigned long)answered[2]);
}

/* Before anybody's share is judged. */
static bool all_are_there(void)
{
	struct bazaar_shares shares = {{0}};
	unsigned there = 0;

	for (unsigned i = 0; i < 100000 && there < BAZAAR_STALLS; i++) {
		there = 0;
		ths_yield();
		if (bazaar_shares(&bazaar, &shares) == THS_OK)
			for (unsigned j = 0; j < BAZAAR_STALLS; j++)
				there += shares.used[j] > 0;
	}
	return there == BAZAAR_STALLS;
}

static void market(void)
{
	struct ths_task_id task[BAZAAR_STALLS];

	for (uint32_t i = 0; i < BAZAAR_STALLS; i++) {
		client[i].number = i;
		task[i] = test_start("stall", stall, &client[i]);
	}
	test_ok(all_are_there(), "the market has opened");
	swap_and_break((unsigned)test_number("rounds", 24));
	atomic_store(&leave, true);
	for (unsigned i = 0; i < BAZAAR_STALLS; i++)
		test_join(task[i]);
	judge_clients();
}

/* ---- the bell ---------------------------------------------------------------------- */

/* Where a binding lies, as a reference has it. */
static bool find_binding(const char *name, struct bazaar_listener *listener)
{
	struct ths_ref ref = THS_REF_TO(listener, name);
	struct listener_heard heard = {0};
	enum ths_err err = listener_heard(&ref, &heard);

	listener->binding = ref.binding;
	listener->generation = ref.generation;
	return err == THS_OK;
}

static uint64_t heard_by(const char *name, uint64_t *order)
{
	struct ths_ref ref = THS_REF_TO(listener, name);
	struct listener_heard heard = {0};

	if (listener_heard(&ref, &heard) != THS_OK)
		return UINT64_MAX;
	*order = heard.order;
	return heard.times;
}

static bool add_listener(const char *name, uint32_t priority, uint32_t *slot,
			 struct bazaar_listener *listener)
{
	struct ths_reason reason;

	listener->priority = priority;
	return ths_module_load("listener", name, slot, &reason) == THS_OK &&
	       ths_bind(*slot, name) == THS_OK && find_binding(name, listener) &&
	       bazaar_listen(&bazaar, listener) == THS_OK;
}

static struct bazaar_ring ring_after_swap(unsigned times)
{
	struct bazaar_ring ring = {0};
	struct ths_reason reason;

	for (unsigned i = 0; i < times; i++) {
		if (ths_swap_file("bazaar", i % 2 ? "bazaar" : "bazaar.v2", NULL,
				  &reason) ||
		    bazaar_ring(&bazaar, &ring))
			ring.served = 0;
	}
	return ring;
}

static void bell(void)
{
	struct bazaar_listener low = {0}, high = {0};
	uint32_t low_slot, high_slot;
	struct bazaar_ring ring;
	uint64_t order = 9;
	enum ths_err err;

	test_ok(add_listener("low", 1, &low_slot, &low) &&
			add_listener("high", 7, &high_slot, &high),
		"two listen");
	ring = ring_after_swap(6);
	test_ok(ring.served == 2 && ring.dead == 0, "both hear each ring, swaps between");
	test_ok(heard_by("high", &order) == 6 && order == 0, "the higher priority first");
	test_ok(heard_by("low", &order) == 6 && order == 1, "then the other");
	test_ok(ths_unbind(&listener_iface, "high") == THS_OK, "the first dies");
	ring = ring_after_swap(5);
	test_ok(ring.served == 1 && ring.dead == 1, "it is skipped and reported");
	test_ok(heard_by("low", &order) == 11 && order == 0, "the other hears each");
	err = bazaar_listener(&bazaar, &high);
	test_ok(err == THS_OK && high.missed == 5, "what it missed is told: %u",
		high.missed);
	test_ok(ths_bind(high_slot, "high") == THS_OK, "it comes back");
	ring = ring_after_swap(1);
	test_ok(ring.served == 2 && ring.dead == 0 &&
			bazaar_listener(&bazaar, &high) == THS_OK && high.missed == 0,
		"and is called again");
}

/* ---- a tracer before everything ---------------------------------------------------- */

static void nobody(void *arg)
{
	(void)arg;
	ths_yield();
}

/* A session goes on whether the gate or those further in copy the client's blob. */
static void session_under_trace(void)
{
	THS_BLOB_STORAGE(memory, 64);
	struct ths_blob *session = ths_blob_init(memory, sizeof(memory) - THS_BLOB_HEADER);
	struct ths_ref server = THS_REF(testsrv);
	struct testsrv_count count = {0};
	uint64_t want = 0, slot_calls = 0;
	enum ths_err err = THS_OK;

	for (unsigned round = 0; round < 9 && err == THS_OK; round++) {
		uint32_t slot = 0;

		if (round % 3)
			err = put("trace", "trace.3", "testsrv", &slot);
		for (unsigned i = 0; i < 5 && err == THS_OK; i++) {
			err = testsrv_count_with(&server, &count, session);
			want += count.value == want + 1;
		}
		if (round % 3) {
			slot_calls += calls_of(slot);
			err = err ? err : take("trace.3");
		}
	}
	test_ok(err == THS_OK && want == 45 && count.value == 45,
		"a session counted to %lu, a tracer coming and going: %s",
		(unsigned long)count.value, ths_err_name(err));
	test_ok(slot_calls == 30, "which saw %lu of its calls", (unsigned long)slot_calls);
}

static void trace_everything(void)
{
	static const char *const iface[] = {"sched",  "tasks",  "irq",    "clock",
					    "serial", "frames", "module", "testsrv"};

	for (unsigned i = 0; i < THS_ARRAY_SIZE(iface); i++) {
		uint32_t slot;
		enum ths_err err = put("trace", "trace.2", iface[i], &slot);
		uint64_t calls;

		test_ok(err == THS_OK, "a tracer before %s: %s", iface[i],
			ths_err_name(err));
		if (err)
			continue;
		test_join(test_start("nobody", nobody, NULL));
		test_sleep_ms(12);
		test_line("# under trace");
		calls = calls_of(slot);
		err = take("trace.2");
		test_ok(err == THS_OK, "%s was called through it %lu times", iface[i],
			(unsigned long)calls);
	}
}

void test_pattern(void)
{
	market();
	bell();
	session_under_trace();
	trace_everything();
	test_drain();
}

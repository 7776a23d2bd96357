/*
 * shape - a set of modules evolves, there and back, in each shape there is, while its
 * clients run.
 *
 * Every group of shapes has services and clients of its own. Clients tell what they were
 * told, for the oracle; some of them are asleep in the service whenever it evolves. An
 * evolution is made only when clients were served by the one before: they keep pace. Here is judged what only
 * the guest can see: none was refused, no call failed, somebody slept in the service, and
 * memory is what it was, to the page.
 */
#include "shape.h"
#include "bazaar.h"
#include "test.h"

#include <stdatomic.h>
#include <theseus/blob.h>
#include <theseus/evolve.h>
#include <theseus/iface/frames.h>
#include <theseus/iface/loader.h>
#include <theseus/string.h>

#define CLIENTS_MAX 6u
#define SHAPES_MAX  8u
#define STEPS_MAX   3u

static _Atomic(bool) enough; /* sleepers leave, ... */
static _Atomic(bool) over;   /* ... then who keeps them company */
static _Atomic(uint32_t) errors, asleep;
static _Atomic(uint64_t) turn;       /* evolutions so far */
static _Atomic(uint32_t) waiting;    /* clients served since, that wait for the next */
static uint32_t clients; /* so far: each has a number of its own */
static uint64_t pending_met;

static struct ths_ref clerk = THS_REF(clerk), slots = THS_REF(slots),
		      post = THS_REF(post), channel = THS_REF(channel),
		      bazaar = THS_REF(bazaar), frames = THS_REF(frames),
		      ward = THS_REF(ward), loader = THS_REF(loader);

static bool must(enum ths_err err, const char *what)
{
	if (err == THS_OK)
		return true;
	if (atomic_fetch_add(&errors, 1) < 5)
		test_line("# client: %s: %s", what, ths_err_name(err));
	test_sleep_ms(1);
	return false;
}

static void tell(struct test_story *story, const char *service, uint64_t version,
		 uint64_t value)
{
	test_story_tell(story, service, (uint32_t)version, value);
}

/* Until the next evolution. */
static void pause(void)
{
	uint64_t now = atomic_load(&turn);

	atomic_fetch_add(&waiting, 1);
	do
		test_sleep_ms(1);
	while (atomic_load(&turn) == now && !atomic_load(&enough));
}

/* ---- desk ------------------------------------------------------------------------------ */

static void taker(uint32_t number, struct test_story *story)
{
	static const char *const service[DESKS] = {"joint.desk.0", "joint.desk.1",
						   "joint.desk.2", "joint.desk.3"};
	struct desk_ticket ticket = {.desk = number % DESKS};

	while (!atomic_load(&over)) {
		if (must(clerk_take(&clerk, &ticket), "take"))
			tell(story, service[ticket.desk], ticket.version, ticket.value);
		pause();
	}
}

static void follower(uint32_t number, struct test_story *story)
{
	struct desk_seen seen = {.desk = number % DESKS};

	while (!atomic_load(&enough)) {
		atomic_fetch_add(&asleep, 1);
		must(clerk_follow(&clerk, &seen), "follow");
		atomic_fetch_sub(&asleep, 1);
		tell(story, "clock.desk", 0, seen.value);
	}
}

/* ---- slots ----------------------------------------------------------------------------- */

static void tenant(uint32_t number, struct test_story *story)
{
	struct frames_alloc alloc = {.order = 0};
	struct slots_place place = {0};
	struct frames_free back = {0};

	(void)number;
	while (!atomic_load(&enough)) {
		atomic_fetch_add(&asleep, 1);
		must(slots_take(&slots, &place), "slots.take");
		atomic_fetch_sub(&asleep, 1);
		tell(story, "take.slots", place.version, place.place);
		pause();
		if (must(frames_alloc(&frames, &alloc), "alloc")) {
			tell(story, "take.frames", 0, alloc.paddr / THS_PAGE_SIZE);
			back.paddr = alloc.paddr;
			tell(story, "give.frames", 0, alloc.paddr / THS_PAGE_SIZE);
			must(frames_free(&frames, &back), "free");
		}
		tell(story, "give.slots", 0, place.place);
		must(slots_give(&slots, &place), "slots.give");
	}
}

/* ---- post ------------------------------------------------------------------------------ */

#define LISTENERS 2u
static const char *const listener_name[LISTENERS] = {"post.a", "post.b"};
static _Atomic(uint64_t) delivered;

static uint64_t heard_by(const char *name)
{
	struct ths_ref ref = THS_REF_TO(listener, name);
	struct listener_heard heard = {0};

	return listener_heard(&ref, &heard) == THS_OK ? heard.times : UINT64_MAX;
}

static bool add_listener(const char *name)
{
	struct ths_ref ref = THS_REF_TO(listener, name);
	struct listener_heard heard = {0};
	struct post_listener listener;
	struct ths_reason reason;
	uint32_t slot;

	if (ths_module_load("listener", name, &slot, &reason) || ths_bind(slot, name) ||
	    listener_heard(&ref, &heard))
		return false;
	listener = (struct post_listener){ref.binding, ref.generation};
	return post_listen(&post, &listener) == THS_OK;
}

static void raiser(uint32_t number, struct test_story *story)
{
	struct post_event event = {0};

	(void)number;
	while (!atomic_load(&enough)) {
		atomic_fetch_add(&asleep, 1);
		must(post_raise(&post, &event), "raise");
		atomic_fetch_sub(&asleep, 1);
		tell(story, "joint.post", event.version, event.number);
	}
}

static bool is_pending(void)
{
	struct post_event event = {0};

	return post_pending(&post, &event) == THS_OK && event.number > 0;
}

/* The only one: it is told of the events in their order. */
static void deliverer(uint32_t number, struct test_story *story)
{
	struct post_event event = {0};
	uint64_t before = atomic_load(&delivered);

	(void)number;
	while (!atomic_load(&over) || is_pending()) {
		if (!is_pending()) {
			test_sleep_ms(1);
			continue;
		}
		must(post_deliver(&post, &event), "deliver");
		if (event.served != LISTENERS)
			must(THS_E_INTERNAL, "who listens hears each event");
		tell(story, "count.post", event.version, event.number - before);
		pause();
	}
	atomic_store(&delivered, event.number);
}

static void judge_post(void)
{
	for (unsigned i = 0; i < LISTENERS; i++)
		test_ok(heard_by(listener_name[i]) == atomic_load(&delivered),
			"%s heard each of %lu events once", listener_name[i],
			(unsigned long)atomic_load(&delivered));
	test_ok(pending_met > 0, "%lu evolutions met events that were pending",
		(unsigned long)pending_met);
}

/* ---- channel --------------------------------------------------------------------------- */

static void sender(uint32_t number, struct test_story *story)
{
	struct channel_message message = {0};
	uint64_t value = 0;
	bool last;

	(void)number;
	do { /* 0 is the end */
		last = atomic_load(&enough);
		value++;
		message.value = last ? 0 : value;
		atomic_fetch_add(&asleep, 1);
		must(channel_send(&channel, &message), "send");
		atomic_fetch_sub(&asleep, 1);
		if (!last)
			tell(story, "count.sent", message.version, value);
	} while (!last);
}

static void receiver(uint32_t number, struct test_story *story)
{
	struct channel_message message;
	struct ths_no_args none = {0};

	(void)number;
	for (;;) {
		must(channel_offer(&channel, &none), "offer");
		atomic_fetch_add(&asleep, 1);
		must(channel_receive(&channel, &message), "receive");
		atomic_fetch_sub(&asleep, 1);
		if (message.value == 0)
			return;
		tell(story, "count.received", message.version, message.value);
		pause();
	}
}

/* ---- bazaar ---------------------------------------------------------------------------- */

static void stall(uint32_t number, struct test_story *story)
{
	struct bazaar_stall attach = {.weight = 1u << number, .number = number};
	struct bazaar_use use = {.number = number};

	must(bazaar_attach(&bazaar, &attach), "attach");
	use.lease = attach.lease;
	while (!atomic_load(&enough)) {
		atomic_fetch_add(&asleep, 1);
		must(bazaar_use(&bazaar, &use), "use");
		atomic_fetch_sub(&asleep, 1);
		tell(story, "joint.bazaar", use.version, use.ticket);
		pause();
	}
	must(bazaar_leave(&bazaar, &use), "leave");
}

/* ---- ward ------------------------------------------------------------------------------ */

/* Calls until another serves than did before, who faults each time: the cascade has tried
 * all else after eight of them. By slot only two would take turns. */
static void patient(uint32_t number, struct test_story *story)
{
	struct ward_visit visit = {0};
	enum ths_err err = THS_OK;

	(void)number;
	while (!atomic_load(&over)) {
		visit.faults = visit.version;
		for (unsigned tries = 0; tries < 32; tries++)
			if ((err = ward_visit(&ward, &visit)) != THS_E_INTERNAL)
				break;
		if (must(err, "visit"))
			tell(story, "joint.ward", visit.version, visit.value);
		pause();
	}
}

static void visitor(uint32_t number, struct test_story *story)
{
	struct ward_visit seen = {0};

	(void)number;
	while (!atomic_load(&enough)) {
		atomic_fetch_add(&asleep, 1);
		must(ward_follow(&ward, &seen), "ward.follow");
		atomic_fetch_sub(&asleep, 1);
		tell(story, "clock.ward", 0, seen.value);
	}
}

/* The list is written while loader.listed serves, and stays. */
static void write_list(void)
{
	static const char *const listed[] = {"loader.first", "loader.listed"};
	static const char there[] = "replace loader with loader.listed\n",
			  back[] = "replace loader with loader.first\n";
	struct ths_reason reason;
	uint32_t slot;

	must(ths_evolve(there, sizeof(there) - 1, &reason), reason.text);
	for (unsigned i = 0; i < THS_ARRAY_SIZE(listed); i++) {
		struct loader_allow allow = {.allowed = 1};

		must(ths_str_copy(allow.id, sizeof(allow.id), listed[i]), "id");
		must(loader_allow(&loader, &allow), "allow");
	}
	test_ok(ths_module_load("listener", "unlisted", &slot, &reason) == THS_E_PERM,
		"who is not on the list is not loaded: %s", reason.text);
	must(ths_evolve(back, sizeof(back) - 1, &reason), reason.text);
}

/* ---- shapes ---------------------------------------------------------------------------- */

struct shape {
	const char *name;
	const char *step[STEPS_MAX]; /* the last leads back to where the first began */
};

struct group {
	void (*client[CLIENTS_MAX])(uint32_t number, struct test_story *story);
	unsigned stay; /* clients from here on stay until the others have left */
	unsigned pace; /* so many are served between two evolutions */
	struct shape shape[SHAPES_MAX];
	void (*prepare)(void);
	void (*judge)(void);
};

static const struct group groups[] = {
	{.client = {follower, follower, taker, taker, taker, taker},
	 .stay = 2,
	 .pace = DESKS,
	 .shape = {{"code only", {"replace desk with desk\n"}},
		   {"rows grow and shrink",
		    {"replace desk with desk.wide\nmigrate shape.desk/1 shape.desk/2\n",
		     "replace desk with desk\nmigrate shape.desk/2 shape.desk/1\n"}},
		   {"rows in another order",
		    {"replace desk with desk.turned\nmigrate shape.desk/1 shape.desk/3\n",
		     "replace desk with desk\nmigrate shape.desk/3 shape.desk/1\n"}},
		   {"a row becomes two, two become one",
		    {"replace desk with desk.split\n", "replace desk with desk.merged\n"}},
		   {"operations added, then removed and changed",
		    {"replace desk with desk.more\n",
		     "replace desk with desk.next\nreplace clerk with clerk.next\n"
		     "version desk/1 desk/2\n",
		     "replace desk with desk\nreplace clerk with clerk\n"
		     "version desk/2 desk/1\n"}},
		   {"a module becomes two, two become one",
		    {"remove desk\nmodule tally\nmodule sides\n"
		     "replace clerk with clerk.halves\n"
		     "bind tally/1 = tally\nbind sides/1 = sides\n",
		     "remove tally\nremove sides\nmodule desk.merged\n"
		     "replace clerk with clerk\nbind desk/1 = desk.merged\n"}},
		   {"a queue becomes one per CPU, and one again",
		    {"replace sched with sched.one\n", "replace sched with sched.many\n"}},
		   {"state_db, its state laid out otherwise, and who keeps rows in it",
		    {"replace state_db with state_db.other\nreplace desk with desk\n",
		     "replace state_db with state_db\nreplace desk with desk\n"}}}},
	{.client = {tenant, tenant, tenant, tenant, tenant},
	 .stay = 5,
	 .pace = SLOTS,
	 .shape = {{"allocators, with live allocations",
		    {"replace slots with slots.list\nreplace frames with mem.frames\n",
		     "replace slots with slots.map\nreplace frames with mem.frames\n"}}}},
	{.client = {raiser, raiser, deliverer},
	 .stay = 2,
	 .pace = 1,
	 .shape = {{"a dispatcher, with pending events",
		    {"replace post with post.more\n"
		     "migrate shape.handlers/1 shape.handlers/2\n",
		     "replace post with post\n"
		     "migrate shape.handlers/2 shape.handlers/1\n"}}},
	 .judge = judge_post},
	{.client = {stall, stall, stall, stall},
	 .stay = 4,
	 .pace = 1,
	 .shape = {{"a mux, with live leases",
		    {"replace bazaar with bazaar.v2\n", "replace bazaar with bazaar\n"}}}},
	{.client = {sender, receiver},
	 .stay = 1,
	 .pace = 1,
	 .shape = {{"synchronous messages become buffered, amid traffic",
		    {"replace channel with channel.buffered\n"
		     "migrate shape.channel/1 shape.channel/2\n",
		     "replace channel with channel.sync\n"
		     "migrate shape.channel/2 shape.channel/1\n"}}}},
	{.client = {visitor, patient},
	 .stay = 1,
	 .pace = 1,
	 .shape = {{"the loader's policy, asked in between who takes over",
		    {"replace loader with loader.listed\n",
		     "replace loader with loader.first\n"}}},
	 .prepare = write_list},
};

static struct score {
	uint64_t evolutions, refused, met_asleep;
} scores[THS_ARRAY_SIZE(groups)][SHAPES_MAX];

static void wait_for_service(const struct group *group)
{
	for (unsigned i = 0; i < 10000 && atomic_load(&waiting) < group->pace; i++)
		test_sleep_ms(1);
	if (atomic_load(&waiting) < group->pace)
		must(THS_E_DEADLINE, "served between two evolutions");
}

static void evolve(const struct group *group, const char *text, struct score *score)
{
	struct ths_reason reason = {{0}};
	enum ths_err err;

	score->met_asleep += atomic_load(&asleep) != 0;
	pending_met += is_pending();
	err = ths_evolve(text, ths_strlen(text), &reason);
	score->evolutions++;
	if (err && score->refused++ < 5)
		test_line("# evolve: %s", reason.text);
	atomic_store(&waiting, 0);
	atomic_fetch_add(&turn, 1);
	wait_for_service(group);
}

static void one_round(const struct group *group, struct score *score)
{
	for (unsigned i = 0; i < SHAPES_MAX && group->shape[i].name; i++)
		for (unsigned k = 0; k < STEPS_MAX && group->shape[i].step[k]; k++)
			evolve(group, group->shape[i].step[k], &score[i]);
}

/* ---- rounds ---------------------------------------------------------------------------- */

static const struct group *present;

static void client(void *arg)
{
	uint32_t number = (uint32_t)(uintptr_t)arg;
	struct test_story story;

	test_story_begin(&story, ++clients);
	present->client[number](number, &story);
	test_story_end(&story);
}

static void rounds(const struct group *group, struct score *score, uint64_t count)
{
	struct ths_task_id task[CLIENTS_MAX];
	unsigned there = 0;

	present = group;
	atomic_store(&enough, false);
	atomic_store(&over, false);
	atomic_store(&waiting, 0);
	for (; there < CLIENTS_MAX && group->client[there]; there++)
		task[there] = test_start("client", client, (void *)(uintptr_t)there);
	wait_for_service(group);
	for (uint64_t i = 0; i < count; i++)
		one_round(group, score);
	atomic_store(&enough, true);
	for (unsigned i = 0; i < group->stay; i++)
		test_join(task[i]);
	atomic_store(&over, true);
	for (unsigned i = group->stay; i < there; i++)
		test_join(task[i]);
	test_drain();
}

/* Who was superseded last may have rows to see to before it goes. */
static uint64_t settled_frames(uint64_t wanted)
{
	uint64_t tables, now = 0;

	for (unsigned i = 0; i < 2000; i++) {
		test_sleep_ms(4);
		now = test_unused_frames(&tables);
		if (wanted && test_same_frames(wanted, now))
			break;
		if (!wanted && i == 100)
			break;
	}
	return now;
}

/* Operations' first tenth makes the stacks and pages the load needs, which stay. */
static void judge(const struct group *group, struct score *score, uint64_t count)
{
	uint64_t before, after;

	if (group->prepare)
		group->prepare();
	rounds(group, score, count / 10 + 1);
	before = settled_frames(0);
	rounds(group, score, count);
	after = settled_frames(before);
	for (unsigned i = 0; i < SHAPES_MAX && group->shape[i].name; i++)
		test_ok(score[i].refused == 0 && score[i].met_asleep > 0,
			"%s: %lu evolutions, %lu refused, %lu met sleepers",
			group->shape[i].name, (unsigned long)score[i].evolutions,
			(unsigned long)score[i].refused,
			(unsigned long)score[i].met_asleep);
	test_ok(test_same_frames(before, after), "free frames and stock: %lu, then %lu",
		(unsigned long)before, (unsigned long)after);
	if (group->judge)
		group->judge();
}

void test_shape(void)
{
	uint64_t count = test_number("rounds", 1000);
	uint64_t only = test_number("group", THS_ARRAY_SIZE(groups));

	ths_probation_set((struct ths_probation){0, 0});
	for (unsigned i = 0; i < LISTENERS; i++)
		if (!add_listener(listener_name[i]))
			test_ok(false, "%s listens", listener_name[i]);
	for (unsigned i = 0; i < THS_ARRAY_SIZE(groups); i++)
		if (only == THS_ARRAY_SIZE(groups) || only == i)
			judge(&groups[i], scores[i], count);
	test_ok(atomic_load(&errors) == 0, "no client's call failed (%u did)",
		atomic_load(&errors));
}

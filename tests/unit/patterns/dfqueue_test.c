/*
 * dfqueue - beside models: plain lists, and for parcels who should have done what how often.
 * Consumers die at every step, queues are lost, calls are spoilt and met by swaps
 * (pattern.h). The last part is several CPUs at once, and runs under TSan, too.
 */
#include <pthread.h>
#include <theseus/iface/tasks.h>
#include "dfqueue_rig.h"

extern const struct ths_module ths_module_sched_rr, ths_module_tasks;

/* ---- D1, D2: beside a list ---------------------------------------------------------------- */

static const struct {
	unsigned item, bytes, items, queues;
} shapes[] = {{SMALL, 16, 1, 1},  {SMALL, 16, 2, 4},  {SMALL, 1, 5, 3},
	      {SMALL, 16, 64, 1}, {LARGE, 200, 1, 4}, {LARGE, 200, 16, 4},
	      {LARGE, 37, 7, 2}};

static uint64_t put_count[QUEUES], done_count[QUEUES];

/* What item @ticket of queue @which has in it: the same whoever asks. */
static uint32_t len_of(unsigned which, uint64_t ticket)
{
	return (uint32_t)((ticket * 7 + which) % (queue.bytes + 1));
}

static void fill(struct letter *letter)
{
	letter->len = len_of(letter->which, letter->ticket);
	for (unsigned i = 0; i < letter->len; i++)
		letter->bytes[i] = (uint8_t)(letter->ticket * 31 + letter->which + i);
}

static void try_put(unsigned which)
{
	struct letter letter = {.which = which, .ticket = put_count[which]};
	uint64_t queued = put_count[which] - done_count[which];

	fill(&letter);
	ck_assert_int_eq(pattern_call(put_fn, &letter),
			 queued == queue.items ? THS_E_AGAIN : THS_OK);
	if (queued < queue.items)
		ck_assert_uint_eq(letter.ticket, put_count[which]++);
}

static void try_consume(unsigned which)
{
	struct letter letter = {.which = which}, want = {.which = which};
	enum ths_err err = pattern_call(peek_fn, &letter);

	want.ticket = done_count[which];
	ck_assert_int_eq(err,
			 put_count[which] == done_count[which] ? THS_E_AGAIN : THS_OK);
	if (err)
		return;
	fill(&want);
	ck_assert_uint_eq(letter.ticket, want.ticket);
	ck_assert_uint_eq(letter.len, want.len);
	ck_assert_mem_eq(letter.bytes, want.bytes, want.len);
	if (dice(3) == 0)
		return; /* the consumer died: the item stays */
	ck_assert_int_eq(pattern_call(complete_fn, &letter), THS_OK);
	done_count[which]++;
}

static void ask_at_random(unsigned which)
{
	struct letter letter = {.which = which, .ticket = dice(put_count[which] + 2)};
	enum ths_err want = letter.ticket >= put_count[which]   ? THS_E_INVAL
			    : letter.ticket < done_count[which] ? THS_OK
								: THS_E_AGAIN;

	ck_assert_int_eq(pattern_call(wait_fn, &letter), want);
	if (letter.ticket == done_count[which] && want == THS_E_AGAIN)
		return;
	ck_assert_int_eq(pattern_call(complete_fn, &letter),
			 want == THS_OK ? THS_E_STALE : THS_E_INVAL);
}

START_TEST(items_are_done_in_order_each_once)
{
	queue.item = shapes[_i].item;
	queue.bytes = shapes[_i].bytes;
	queue.items = shapes[_i].items;
	memset(put_count, 0, sizeof put_count);
	memset(done_count, 0, sizeof done_count);
	for (unsigned step = 0; step < 2000; step++) {
		unsigned which = (unsigned)dice(shapes[_i].queues);

		switch (dice(5)) {
		case 0:
		case 1:
			try_put(which);
			break;
		case 2:
		case 3:
			try_consume(which);
			break;
		default:
			ask_at_random(which);
		}
	}
	ck_assert_uint_gt(done_count[0], queue.items);
}
END_TEST

START_TEST(work_in_one_interaction_is_done_exactly_once)
{
	uint64_t sum = 0, count = 0;

	for (unsigned i = 0; i < 500; i++) {
		struct letter letter = {.len = 1, .bytes = {(uint8_t)dice(256)}};

		if (pattern_call(put_fn, &letter) == THS_OK)
			sum += letter.bytes[0];
		if (dice(2) && pattern_call(work_fn, &letter) == THS_OK)
			count++;
	}
	for (struct letter letter = {0}; pattern_call(work_fn, &letter) == THS_OK;)
		count++;
	ck_assert_uint_eq(ledger().sum, sum);
	ck_assert_uint_eq(ledger().count, count);
}
END_TEST

START_TEST(sizes_and_numbers_are_checked)
{
	struct letter letter = {.len = 17};

	ck_assert_int_eq(pattern_call(put_fn, &letter), THS_E_SIZE);
	letter.len = 16;
	ck_assert_int_eq(pattern_call(put_fn, &letter), THS_OK);
	letter.which = QUEUES;
	ck_assert_int_eq(pattern_call(put_fn, &letter), THS_E_NOENT);
	ck_assert_int_eq(pattern_call(peek_fn, &letter), THS_E_NOENT);
	ck_assert_int_eq(pattern_call(complete_fn, &letter), THS_E_NOENT);
	ck_assert_int_eq(pattern_call(wait_fn, &letter), THS_E_NOENT);
}
END_TEST

/* ---- D5: parcels, and a queue that is lost with each swap -------------------------------------- */

static enum ths_err deliver_fn(struct ths_call *call, void *ctx)
{
	struct letter *letter = ctx;
	uint64_t amount;

	THS_TRY(next_fn(call, ctx));
	if (letter->parcel.generation == 0)
		return THS_OK; /* some were passed over, and there are no more */
	memcpy(&amount, letter->bytes, sizeof amount);
	THS_TRY(add_to_ledger(call, amount));
	return finish_fn(call, ctx);
}

/* What producers have out; @amount is the work it asks for. */
static struct {
	struct ths_weak parcel;
	uint64_t amount;
	bool used;
} out[PARCELS];
static uint64_t owed; /* the sum of all that was put and not withdrawn undone */

static void post_one(unsigned i)
{
	struct letter letter = {.which = (uint32_t)dice(QUEUES), .len = 8};
	enum ths_err err;

	out[i].amount = 1 + dice(1000);
	memcpy(letter.bytes, &out[i].amount, sizeof out[i].amount);
	err = pattern_call(post_fn, &letter);
	ck_assert(err == THS_OK || err == THS_E_AGAIN);
	out[i].used = err == THS_OK;
	out[i].parcel = letter.parcel;
	owed += err == THS_OK ? out[i].amount : 0;
}

/* Does what a producer does: put again what was lost, take back what is done. */
static void look_after(unsigned i)
{
	struct letter letter = {.parcel = out[i].parcel};
	enum ths_err err = script_by(&pattern_ref, look_fn, &letter);

	if (err == THS_E_NOENT) {
		err = script_by(&pattern_ref, repost_fn, &letter);
		ck_assert(err == THS_OK || err == THS_E_AGAIN);
		return;
	}
	ck_assert(err == THS_OK || err == THS_E_AGAIN);
	ck_assert_int_eq(script_by(&pattern_ref, repost_fn, &letter), THS_E_EXIST);
	if (err == THS_E_AGAIN && dice(8))
		return;
	if (err == THS_E_AGAIN)
		owed -= out[i].amount; /* it has thought better of it */
	ck_assert_int_eq(script_by(&pattern_ref, withdraw_fn, &letter), THS_OK);
	ck_assert_int_eq(script_by(&pattern_ref, look_fn, &letter), THS_E_STALE);
	out[i].used = false;
}

static unsigned deliver_all(void)
{
	unsigned done = 0;

	for (uint32_t which = 0; which < QUEUES; which++)
		for (struct letter letter = {.which = which};
		     script_by(&pattern_ref, deliver_fn, &letter) == THS_OK;)
			done++;
	return done;
}

START_TEST(a_parcel_is_done_once_or_put_again)
{
	unsigned done = 0;

	memset(out, 0, sizeof out);
	owed = 0;
	for (unsigned step = 0; step < 2500; step++) {
		unsigned i = (unsigned)dice(PARCELS);
		struct letter letter = {.which = (uint32_t)dice(QUEUES)};

		if (dice(2))
			done += pattern_call(deliver_fn, &letter) == THS_OK;
		else if (out[i].used)
			look_after(i);
		else
			post_one(i);
	}
	for (unsigned left = PARCELS; left;) { /* until all that was owed is done */
		(void)deliver_all();
		left = 0;
		for (unsigned i = 0; i < PARCELS; i++) {
			struct letter letter = {.parcel = out[i].parcel};

			if (!out[i].used)
				continue;
			left += script_by(&pattern_ref, look_fn, &letter) != THS_OK;
			(void)!script_by(&pattern_ref, repost_fn, &letter);
		}
	}
	ck_assert_uint_gt(done, 20);
	ck_assert_uint_eq(ledger().sum, owed);
}
END_TEST

START_TEST(a_parcel_is_where_it_says)
{
	struct letter first = {.len = 8}, second = {.len = 8}, late;

	ck_assert_int_eq(script_by(&pattern_ref, post_fn, &first), THS_OK);
	ck_assert_int_eq(script_by(&pattern_ref, post_fn, &second), THS_OK);
	ck_assert_int_eq(script_by(&pattern_ref, finish_fn, &second), THS_E_INVAL);
	late = first;
	ck_assert_int_eq(script_by(&pattern_ref, finish_fn, &late), THS_OK);
	ck_assert_int_eq(script_by(&pattern_ref, finish_fn, &late), THS_E_STALE);
	pattern_swap(); /* the queue is gone */
	ck_assert_int_eq(script_by(&pattern_ref, look_fn, &first), THS_OK);
	ck_assert_int_eq(script_by(&pattern_ref, look_fn, &second), THS_E_NOENT);
	ck_assert_int_eq(script_by(&pattern_ref, finish_fn, &second), THS_E_INVAL);
	/* Another has its ticket of the queue that is gone. */
	ck_assert_int_eq(script_by(&pattern_ref, post_fn, &late), THS_OK);
	ck_assert_int_eq(script_by(&pattern_ref, post_fn, &late), THS_OK);
	ck_assert_int_eq(script_by(&pattern_ref, look_fn, &second), THS_E_NOENT);
	ck_assert_int_eq(script_by(&pattern_ref, repost_fn, &second), THS_OK);
	ck_assert_int_eq(script_by(&pattern_ref, look_fn, &second), THS_E_AGAIN);
	late.len = 21;
	ck_assert_int_eq(script_by(&pattern_ref, post_fn, &late), THS_E_SIZE);
	queue.bytes = 16;
	ck_assert_int_eq(script_by(&pattern_ref, next_fn, &late), THS_E_INVAL);
}
END_TEST

static unsigned of_the_dead;

static void posts_and_dies(void *arg)
{
	struct letter letter = {.len = 8, .bytes = {99}};

	(void)arg;
	while (script_by(&pattern_ref, post_fn, &letter) == THS_OK)
		of_the_dead++;
}

static void consumes_after(void *arg)
{
	struct ths_ref tasks = THS_REF(tasks);
	struct tasks_create create = {.entry = (uint64_t)(uintptr_t)posts_and_dies};
	struct letter letter = {.len = 8, .bytes = {5}};

	(void)arg;
	ck_assert_int_eq(tasks_create(&tasks, &create), THS_OK);
	for (unsigned i = 0; i < 8; i++)
		ths_yield();
	ck_assert_uint_eq(of_the_dead, queue.items);
	/* The queue is full of them, and stays so until the consumer has looked. */
	ck_assert_int_eq(script_by(&pattern_ref, post_fn, &letter), THS_E_AGAIN);
	ck_assert_int_eq(script_by(&pattern_ref, deliver_fn, &letter), THS_OK);
	ck_assert_int_eq(script_by(&pattern_ref, deliver_fn, &letter), THS_E_AGAIN);
	ck_assert_int_eq(script_by(&pattern_ref, post_fn, &letter), THS_OK);
	ck_assert_int_eq(script_by(&pattern_ref, deliver_fn, &letter), THS_OK);
	ck_assert_uint_eq(ledger().count, 1);
	ck_assert_uint_eq(ledger().sum, 5);
	harness_done();
}

START_TEST(a_parcel_goes_with_its_producer)
{
	harness_bind(&ths_module_sched_rr, "");
	harness_bind(&ths_module_tasks, "");
	harness_run(consumes_after, NULL);
}
END_TEST

/* ---- interrupt inboxes ---------------------------------------------------------------------- */

/* The device's side: as many as it has waiting and the inbox takes. */
static unsigned arrived, delivered;

static enum ths_err arrive_fn(struct ths_call *call, void *ctx)
{
	struct letter letter = {.len = 8};

	memcpy(letter.bytes, &(uint64_t){delivered}, sizeof(uint64_t));
	letter.which = *(uint32_t *)ctx;
	return put_fn(call, &letter);
}

static enum ths_err take_fn(struct ths_call *call, void *ctx)
{
	struct letter *letter = ctx;

	THS_TRY(peek_fn(call, ctx));
	memcpy(&letter->ticket, letter->bytes, sizeof letter->ticket);
	return ths_dfqueue_complete(call, &queue, letter->which,
				    letter->ticket); /* serial and ticket agree */
}

START_TEST(what_finds_the_inbox_full_stays_with_the_device)
{
	uint32_t which = 2;
	unsigned taken = 0, full = 0;

	arrived = delivered = 0;
	for (unsigned step = 0; step < 1500; step++) {
		struct letter letter = {.which = which};

		arrived += (unsigned)dice(2);
		while (delivered < arrived) { /* the driver, kicked */
			enum ths_err err =
				script_drive_by(&pattern_ref, arrive_fn, &which);

			ck_assert_int_eq(err, delivered - taken == queue.items
						      ? THS_E_AGAIN
						      : THS_OK);
			full += err == THS_E_AGAIN;
			if (err)
				break;
			delivered++;
		}
		if (dice(2) == 0)
			taken += pattern_call(take_fn, &letter) == THS_OK;
	}
	ck_assert_uint_gt(full, 0);
	ck_assert_uint_gt(taken, 100);
	/* Each side is kept to its rows. */
	ck_assert_int_eq(script_by(&pattern_ref, put_fn, &(struct letter){.len = 1}),
			 THS_E_PERM);
	ck_assert_int_eq(
		script_drive_by(&pattern_ref, complete_fn,
				&(struct letter){.which = which, .ticket = taken}),
		delivered == taken ? THS_E_INVAL : THS_E_PERM);
}
END_TEST

/* ---- several CPUs ------------------------------------------------------------------------------ */

#define CPUS   4u
#define ROUNDS 700u

struct note {
	uint64_t producer, serial;
};

/* All into one queue, where any may have to wait; or each into its own, as devices do. */
static bool into_own;

static enum ths_err note_put(struct ths_call *call, void *ctx)
{
	const struct note *note = ctx;
	uint32_t which = into_own ? (uint32_t)note->producer : 0;
	uint64_t ticket;

	return ths_dfqueue_put(call, &queue, which, note, sizeof(*note), &ticket);
}

static void *produce(void *arg)
{
	struct ths_ref own = {&script_iface, "", 0, 1, THS_REF_NOWAIT};
	struct note note = {.producer = (uintptr_t)arg};

	rig_cpu_enter((unsigned)note.producer);
	for (note.serial = 1; note.serial <= ROUNDS;) {
		enum ths_err err = into_own ? script_drive_by(&own, note_put, &note)
					    : script_by(&own, note_put, &note);

		ck_assert(err == THS_OK || err == THS_E_AGAIN);
		if (err == THS_OK)
			note.serial++;
		else
			ths_arch_relax();
	}
	rig_cpu_leave();
	return NULL;
}

/* Looks that each producer's come in order, none twice, none left out. */
static enum ths_err note_work(struct ths_call *call, void *ctx)
{
	uint32_t which = *(uint32_t *)ctx, len;
	struct ledger *ledger;
	struct note note;
	uint64_t ticket;

	THS_TRY(ths_dfqueue_peek(call, &queue, which, &note, &len, &ticket));
	THS_TRY(ths_row_write(call, LEDGER, 0, &ledger));
	if (note.producer >= QUEUES || note.serial != ledger->last[note.producer] + 1)
		return THS_E_FORMAT;
	ledger->last[note.producer]++;
	ledger->count++;
	return ths_dfqueue_complete(call, &queue, which, ticket);
}

static void consume_all(bool inboxes)
{
	pthread_t thread[CPUS];
	unsigned swaps = 0;
	uint64_t done = 0;

	into_own = inboxes;
	rig_cpus(CPUS);
	for (uintptr_t cpu = 1; cpu < CPUS; cpu++)
		ck_assert_int_eq(pthread_create(&thread[cpu], NULL, produce, (void *)cpu),
				 0);
	while (done < (CPUS - 1) * ROUNDS) {
		uint32_t which = inboxes ? 1 + (uint32_t)dice(CPUS - 1) : 0;
		struct spoilt spoilt = {note_work, &which, (enum wrong)dice(WRONGS),
					THS_OK};
		enum ths_err err;

		if (dice(5) == 0) /* the consumer dies, and nothing is lost by it */
			ck_assert_int_ne(script_by(&pattern_ref, spoil, &spoilt), THS_OK);
		if (dice(60) == 0) {
			pattern_swap();
			swaps++;
		}
		err = script_by(&pattern_ref, note_work, &which);
		ck_assert(err == THS_OK || err == THS_E_AGAIN);
		done += err == THS_OK;
		if (err)
			ths_arch_relax();
	}
	for (unsigned cpu = 1; cpu < CPUS; cpu++)
		ck_assert_int_eq(pthread_join(thread[cpu], NULL), 0);
	ck_assert_uint_gt(swaps, 5);
	ck_assert_uint_eq(ledger().count, (CPUS - 1) * ROUNDS);
	for (unsigned cpu = 1; cpu < CPUS; cpu++)
		ck_assert_uint_eq(ledger().last[cpu], ROUNDS);
}

START_TEST(many_cpus_put_and_one_consumes)
{
	queue.items = _i ? 64 : 3;
	consume_all(false);
}
END_TEST

START_TEST(each_cpu_has_an_inbox)
{
	queue.items = _i ? 16 : 1;
	consume_all(true);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("dfqueue");

	harness_loop(suite, "D1, D2", setup, items_are_done_in_order_each_once, 0,
		     (int)THS_ARRAY_SIZE(shapes));
	harness_case(suite, "D4", setup, work_in_one_interaction_is_done_exactly_once);
	harness_case(suite, "checks", setup, sizes_and_numbers_are_checked);
	harness_case(suite, "D5", setup_lossy, a_parcel_is_done_once_or_put_again);
	harness_case(suite, "D5 places", setup_lossy, a_parcel_is_where_it_says);
	harness_case(suite, "D5 producers", setup_lossy, a_parcel_goes_with_its_producer);
	harness_case(suite, "D3 inbox", setup_inbox,
		     what_finds_the_inbox_full_stays_with_the_device);
	harness_loop(suite, "CPUs", setup, many_cpus_put_and_one_consumes, 0, 2);
	harness_loop(suite, "CPUs' inboxes", setup_inbox, each_cpu_has_an_inbox, 0, 2);
	return suite;
}

/*
 * mux_space - mux, beside models that know which places are taken and what comes next in
 * a stream. Every call may be spoilt or met by a swap (pattern.h).
 */
#include "mux_rig.h"

/* ---- M4: in space ------------------------------------------------------------------ */

#define WIDTH_MAX  48u
#define HEIGHT_MAX 20u
static const struct {
	unsigned width, height, clients;
} planes[] = {{1, 1, 2},    {48, 1, 12},  {1, 20, 9},
	      {16, 16, 12}, {48, 20, 40}, {7, 13, 64}};

static uint8_t taken[HEIGHT_MAX][WIDTH_MAX]; /* 1 + client */
static struct ths_mux_part held[LEASES];

static bool is_free(const struct ths_mux_part *part, unsigned self)
{
	if (part->x + part->width > mux.width || part->y + part->height > mux.height)
		return false;
	for (uint64_t y = part->y; y < part->y + part->height; y++)
		for (uint64_t x = part->x; x < part->x + part->width; x++)
			if (taken[y][x] && taken[y][x] != self + 1)
				return false;
	return true;
}

static void paint(unsigned self, const struct ths_mux_part *part)
{
	for (uint64_t y = 0; y < mux.height; y++)
		for (uint64_t x = 0; x < mux.width; x++)
			taken[y][x] = taken[y][x] == self + 1 ? 0 : taken[y][x];
	held[self] = *part;
	for (uint64_t y = part->y; y < part->y + part->height; y++)
		for (uint64_t x = part->x; x < part->x + part->width; x++)
			taken[y][x] = (uint8_t)(self + 1);
}

static bool first_free(struct ths_mux_part *part, unsigned self)
{
	for (part->y = 0; part->y < mux.height; part->y++)
		for (part->x = 0; part->x < mux.width; part->x++)
			if (is_free(part, self))
				return true;
	return false;
}

static void try_reserve(unsigned i)
{
	struct asked asked = {.lease = client[i].lease};
	struct ths_mux_part want;
	enum ths_err err;
	bool fits;

	asked.part.width = dice(mux.width / 2 + 2);
	asked.part.height = dice(mux.height / 2 + 2);
	want = asked.part;
	err = pattern_call(reserve_fn, &asked);
	if (want.width == 0 || want.height == 0) {
		ck_assert_int_eq(err, THS_E_INVAL);
		return;
	}
	if (held[i].width) {
		ck_assert_int_eq(err, THS_E_EXIST);
		return;
	}
	fits = first_free(&want, i);
	ck_assert_int_eq(err, fits ? THS_OK : THS_E_FULL);
	if (!fits)
		return;
	ck_assert_uint_eq(asked.part.x, want.x);
	ck_assert_uint_eq(asked.part.y, want.y);
	paint(i, &want);
}

static void try_claim(unsigned i)
{
	struct asked asked = {.lease = client[i].lease};
	enum ths_err err;

	asked.part =
		(struct ths_mux_part){dice(mux.width), dice(mux.height),
				      dice(mux.width / 2 + 2), dice(mux.height / 2 + 2)};
	err = pattern_call(claim_fn, &asked);
	if (asked.part.width == 0 || asked.part.height == 0) {
		ck_assert_int_eq(err, THS_OK);
		paint(i, &(struct ths_mux_part){0, 0, 0, 0});
	} else if (asked.part.x + asked.part.width > mux.width ||
		   asked.part.y + asked.part.height > mux.height) {
		ck_assert_int_eq(err, THS_E_INVAL);
	} else if (!is_free(&asked.part, i)) {
		ck_assert_int_eq(err, THS_E_BUSY);
	} else {
		ck_assert_int_eq(err, THS_OK);
		paint(i, &asked.part);
	}
}

static void look_at_place(unsigned i)
{
	struct asked asked = {.lease = client[i].lease};
	enum ths_err err;

	asked.part = (struct ths_mux_part){dice(mux.width + 1), dice(mux.height + 1),
					   dice(3), dice(3)};
	err = pattern_call(place_fn, &asked);
	if (asked.part.x + asked.part.width > held[i].width ||
	    asked.part.y + asked.part.height > held[i].height) {
		ck_assert_int_eq(err, THS_E_PERM);
		return;
	}
	ck_assert_int_eq(err, THS_OK);
	ck_assert_uint_eq(asked.x, held[i].x + asked.part.x);
	ck_assert_uint_eq(asked.y, held[i].y + asked.part.y);
}

static void look_for_owner(void)
{
	struct asked asked = {.x = dice(mux.width), .y = dice(mux.height)};
	unsigned owner = taken[asked.y][asked.x];

	ck_assert_int_eq(pattern_call(owner_fn, &asked), owner ? THS_OK : THS_E_NOENT);
	if (owner)
		ck_assert_uint_eq(client_of(asked.lease), owner - 1);
}

START_TEST(parts_are_where_the_model_has_them)
{
	mux.width = planes[_i].width;
	mux.height = planes[_i].height;
	clients = planes[_i].clients;
	memset(taken, 0, sizeof taken);
	for (unsigned i = 0; i < clients; i++) {
		client[i].lease = attach(1);
		held[i] = (struct ths_mux_part){0, 0, 0, 0};
	}
	for (unsigned step = 0; step < 700; step++) {
		unsigned i = (unsigned)dice(clients);

		switch (dice(6)) {
		case 0:
			try_claim(i);
			break;
		case 1:
			look_at_place(i);
			break;
		case 2:
			look_for_owner();
			break;
		case 3: /* it leaves, and what it held is free */
			ck_assert_int_eq(with(detach_fn, client[i].lease, 0), THS_OK);
			paint(i, &(struct ths_mux_part){0, 0, 0, 0});
			client[i].lease = attach(1);
			break;
		default:
			try_reserve(i);
		}
	}
}
END_TEST

/* Numbers as large as they get: nothing wraps round. */
START_TEST(a_range_may_be_vast)
{
	struct ths_weak first = attach(1), second = attach(1);
	struct asked asked = {.lease = first};

	mux.width = INT64_MAX;
	asked.part = (struct ths_mux_part){0, 0, INT64_MAX, 1};
	ck_assert_int_eq(pattern_call(reserve_fn, &asked), THS_OK);
	asked = (struct asked){.lease = second, .part = {INT64_MAX - 1, 0, 1, 1}};
	ck_assert_int_eq(pattern_call(claim_fn, &asked), THS_E_BUSY);
	asked.part.x = UINT64_MAX;
	ck_assert_int_eq(pattern_call(claim_fn, &asked), THS_E_INVAL);
	asked.part = (struct ths_mux_part){1, 0, UINT64_MAX, 1};
	ck_assert_int_eq(pattern_call(claim_fn, &asked), THS_E_INVAL);
	ck_assert_int_eq(pattern_call(reserve_fn, &asked), THS_E_FULL);
	asked = (struct asked){.lease = first, .part = {1, 0, UINT64_MAX, 1}};
	ck_assert_int_eq(pattern_call(place_fn, &asked), THS_E_PERM);
	asked.part = (struct ths_mux_part){INT64_MAX - 1, 0, 1, 1};
	ck_assert_int_eq(pattern_call(place_fn, &asked), THS_OK);
	ck_assert_uint_eq(asked.x, INT64_MAX - 1);
	asked.x = UINT64_MAX;
	ck_assert_int_eq(pattern_call(owner_fn, &asked), THS_E_NOENT);
}
END_TEST

/* ---- M6: merging ------------------------------------------------------------------- */

static const struct {
	unsigned sources, queued, stamp;
} streams[] = {{1, 4, 8}, {2, 1, 8}, {3, 4, 8}, {8, 3, 8}, {5, 2, 0}};
static struct ths_dfqueue queue;
static struct ths_mux_merge merge;

struct passed {
	uint32_t which, len;
	uint64_t ticket;
	struct event event;
};

static enum ths_err put_fn(struct ths_call *call, void *ctx)
{
	struct passed *passed = ctx;

	return ths_dfqueue_put(call, &queue, passed->which, &passed->event, passed->len,
			       &passed->ticket);
}

static enum ths_err merge_fn(struct ths_call *call, void *ctx)
{
	struct passed *passed = ctx;

	THS_TRY(ths_mux_merge(call, &merge, &passed->which, &passed->event, &passed->len,
			      &passed->ticket));
	return ths_dfqueue_complete(call, &queue, passed->which, passed->ticket);
}

/* The model: what each source has put and nobody has had. */
static struct event waits[SOURCES][QUEUED];
static unsigned waiting[SOURCES];

static uint64_t stamp_of(const struct event *event)
{
	return merge.stamp == 8 ? event->stamp : event->serial;
}

static void put_one(uint64_t serial)
{
	struct passed passed = {.which = (uint32_t)dice(merge.sources),
				.len = sizeof(struct event),
				.event = {.serial = serial, .stamp = dice(50)}};
	unsigned n = waiting[passed.which];
	enum ths_err err = pattern_call(put_fn, &passed);

	ck_assert_int_eq(err, n == queue.items ? THS_E_AGAIN : THS_OK);
	if (err == THS_OK)
		waits[passed.which][waiting[passed.which]++] = passed.event;
}

static void merge_one(void)
{
	struct passed passed;
	unsigned best = merge.sources;
	enum ths_err err = pattern_call(merge_fn, &passed);

	for (unsigned i = 0; i < merge.sources; i++)
		if (waiting[i] && (best == merge.sources ||
				   stamp_of(&waits[i][0]) < stamp_of(&waits[best][0])))
			best = i;
	ck_assert_int_eq(err, best == merge.sources ? THS_E_AGAIN : THS_OK);
	if (err)
		return;
	ck_assert_uint_eq(passed.which, best);
	ck_assert_uint_eq(passed.len, sizeof(struct event));
	ck_assert_uint_eq(passed.event.serial, waits[best][0].serial);
	ck_assert_uint_eq(passed.event.stamp, waits[best][0].stamp);
	memmove(&waits[best][0], &waits[best][1], --waiting[best] * sizeof(struct event));
}

START_TEST(streams_are_merged_in_order)
{
	queue = (struct ths_dfqueue){.put = PUT,
				     .done = DONE,
				     .item = EVENT,
				     .items = streams[_i].queued,
				     .bytes = sizeof(struct event)};
	merge = (struct ths_mux_merge){&queue, streams[_i].sources, streams[_i].stamp};
	memset(waiting, 0, sizeof waiting);
	for (uint64_t serial = 0; serial < 1500; serial++) {
		if (dice(2))
			put_one(serial);
		else
			merge_one();
	}
}
END_TEST

START_TEST(what_has_no_stamp_cannot_be_merged)
{
	struct passed passed = {.which = 1, .len = 12};

	queue = (struct ths_dfqueue){.put = PUT,
				     .done = DONE,
				     .item = EVENT,
				     .items = 2,
				     .bytes = sizeof(struct event)};
	merge = (struct ths_mux_merge){&queue, 3, 8};
	ck_assert_int_eq(pattern_call(merge_fn, &passed), THS_E_AGAIN);
	passed = (struct passed){.which = 1, .len = 12};
	ck_assert_int_eq(pattern_call(put_fn, &passed), THS_OK);
	ck_assert_int_eq(pattern_call(merge_fn, &passed), THS_E_INVAL);
	merge.stamp = 4;
	ck_assert_int_eq(pattern_call(merge_fn, &passed), THS_OK);
	merge.stamp = UINT32_MAX;
	passed = (struct passed){.which = 0, .len = 16};
	ck_assert_int_eq(pattern_call(put_fn, &passed), THS_OK);
	ck_assert_int_eq(pattern_call(merge_fn, &passed), THS_E_INVAL);
}
END_TEST

START_TEST(what_cannot_be_read_is_not_merged)
{
	struct passed passed = {.which = 1, .len = 16, .event = {1, 5}};

	queue = (struct ths_dfqueue){.put = PUT,
				     .done = DONE,
				     .item = EVENT,
				     .items = 2,
				     .bytes = sizeof(struct event)};
	merge = (struct ths_mux_merge){&queue, 3, 8};
	ck_assert_int_eq(script_by(&pattern_ref, put_fn, &passed), THS_OK);
	ck_assert_int_eq(pattern_short(pattern_shortages[_i], merge_fn, &passed, sizeof passed),
			 THS_OK);
	ck_assert_uint_eq(passed.event.stamp, 5);
	ck_assert_int_eq(script_by(&pattern_ref, merge_fn, &passed), THS_E_AGAIN);
	passed = (struct passed){.which = 2, .len = 4}; /* too short for a stamp anywhere */
	ck_assert_int_eq(script_by(&pattern_ref, put_fn, &passed), THS_OK);
	ck_assert_int_eq(script_by(&pattern_ref, merge_fn, &passed), THS_E_INVAL);
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("mux_space");

	harness_loop(suite, "M4 model", setup, parts_are_where_the_model_has_them, 0,
		     (int)THS_ARRAY_SIZE(planes));
	harness_case(suite, "M4 vast", setup, a_range_may_be_vast);
	harness_loop(suite, "M6 model", setup, streams_are_merged_in_order, 0,
		     (int)THS_ARRAY_SIZE(streams));
	harness_case(suite, "M6 stamps", setup, what_has_no_stamp_cannot_be_merged);
	harness_loop(suite, "M6 short", setup, what_cannot_be_read_is_not_merged, 0,
		     PATTERN_SHORTAGES);
	return suite;
}

/*
 * migrate - what it costs that rows change their schema: to publish it, and each row.
 *
 * A table of 10, then 1,000, 10,000 and 100,000 rows goes there and back. There, whoever
 * publishes does not wait for the rows; they are swept afterwards. The least of a few
 * rounds: a tick may lie in one.
 */
#include "measure.h"
#include "moving.h"

#include <theseus/nano_core.h>

#define ROUNDS 3u
#define WRITES 500u

static struct ths_ref moving = THS_REF(moving);

static void fill(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i += 10) {
		struct moving_rows args = {.count = 10};

		must(moving_make(&moving, &args), "make");
	}
}

static uint64_t publish(const char *file)
{
	struct ths_swap_times times = {0};
	struct ths_reason reason = {{0}};

	must(ths_swap_file("moving", file, &times, &reason), "publish");
	return times.publish;
}

static uint64_t sweep(void)
{
	uint64_t start = now();

	must(ths_sweep(), "sweep");
	return now() - start;
}

/* Each a call that writes one row and commits. */
static uint64_t write_rows(void)
{
	uint64_t start = now();

	for (uint32_t i = 0; i < WRITES; i++) {
		struct moving_rows args = {.first = i, .count = 1};

		must(moving_write(&moving, &args), "write");
	}
	return now() - start;
}

static void lower(uint64_t *least, uint64_t value)
{
	*least = value < *least ? value : *least;
}

/* @swept: of all rows together. */
static uint64_t least_publish(uint64_t *swept)
{
	uint64_t least = UINT64_MAX;

	*swept = UINT64_MAX;
	for (unsigned i = 0; i < ROUNDS; i++) {
		lower(&least, publish("moving.v2"));
		lower(swept, sweep());
		(void)publish("moving");
	}
	return least;
}

/* What a row to be converted costs its writer beyond one that is not. */
static uint64_t converted_by_writer(void)
{
	uint64_t there = UINT64_MAX, plain = UINT64_MAX;

	for (unsigned i = 0; i < ROUNDS; i++) {
		(void)publish("moving.v2");
		lower(&there, write_rows());
		(void)sweep();
		lower(&plain, write_rows());
		(void)publish("moving");
	}
	return (there - plain) / WRITES;
}

void measure_migration(void)
{
	static const struct {
		uint32_t rows;
		const char *name;
	} sizes[] = {{10, "migrate_publish_10"},
		     {1000, "migrate_publish_1k"},
		     {10000, "migrate_publish_10k"},
		     {100000, "migrate_publish_100k"}};
	uint64_t swept = 0;
	uint32_t rows = 0;

	ths_probation_set((struct ths_probation){0, 0}); /* who leaves has swept its rows */
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		fill(rows, sizes[i].rows);
		rows = sizes[i].rows;
		tell(sizes[i].name, least_publish(&swept));
		if (rows == 10000)
			tell("migrate_row_64B", swept / rows);
		if (rows == 1000)
			tell("migrate_row_64B_written", converted_by_writer());
	}
}

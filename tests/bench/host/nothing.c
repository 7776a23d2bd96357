/* nothing - what the measuring costs by itself: taken off the others' figures. */
#include "subject.h"

static const uint64_t *all;

static void fill(const uint64_t *keys, size_t count, unsigned threads)
{
	(void)count, (void)threads;
	all = keys;
}

static void enter(unsigned thread)
{
	(void)thread;
}

static uint64_t look(const uint64_t *keys)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < BATCH; i++) {
		const uint64_t *object = &keys[i];

		__asm__ volatile(
			""
			: "+r"(object)); /* no vectors: the others cannot, either */
		sum += ~*object;
	}
	return sum;
}

static uint64_t use(const uint32_t *numbers)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < BATCH; i++) {
		const uint64_t *object = &all[numbers[i]];

		__asm__ volatile("" : "+r"(object));
		sum += ~*object;
	}
	return sum;
}

const struct subject subject_nothing = {"nothing", false, true, true, fill,
					enter,     enter, look, use};

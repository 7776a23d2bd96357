/*
 * clock - time and chance, both of which a test may take into its own hands.
 *
 * The counter counts nanoseconds: CLOCK_MONOTONIC's, or those the test sets. Entropy is
 * SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) over a counter: one atomic addition a
 * draw, no state to lock, and the same numbers for the same seed (H4).
 */
#include "host_impl.h"

#include <stdlib.h>
#include <sys/random.h>

#define NS_PER_S UINT64_C(1000000000)

static atomic_bool is_virtual;
static _Atomic uint64_t virtual_now;

static pthread_once_t seed_once = PTHREAD_ONCE_INIT;
static uint64_t seed;
static _Atomic uint64_t state;

uint64_t ths_arch_counter(void)
{
	struct timespec now;

	if (atomic_load(&is_virtual))
		return atomic_load(&virtual_now);
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t ths_arch_counter_hz(void)
{
	return NS_PER_S;
}

void ths_host_clock_set(uint64_t ns)
{
	atomic_store(&virtual_now, ns);
	atomic_store(&is_virtual, true);
}

void ths_host_clock_advance(uint64_t ns)
{
	atomic_fetch_add(&virtual_now, ns);
}

void ths_host_clock_real(void)
{
	atomic_store(&is_virtual, false);
}

void ths_host_clock_reset(void)
{
	ths_host_clock_real();
	atomic_store(&virtual_now, 0);
}

static void seed_choose(void)
{
	const char *given = getenv("THS_SEED");

	if (given != NULL && *given != '\0')
		seed = strtoull(given, NULL, 0);
	else if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		ths_host_die("no entropy for a seed");
	atomic_store(&state, seed);
}

uint64_t ths_host_seed(void)
{
	pthread_once(&seed_once, seed_choose);
	return seed;
}

void ths_host_seed_set(uint64_t value)
{
	pthread_once(&seed_once, seed_choose);
	seed = value;
	atomic_store(&state, value);
}

uint64_t ths_arch_entropy(void)
{
	const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t mixed;

	ths_host_seed();
	mixed = atomic_fetch_add(&state, golden) + golden;
	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ mixed >> 31;
}

/*
 * main - measures one subject once, and prints nanoseconds a look-up.
 *
 * usage: bench-host SUBJECT look|use KEYS THREADS SECTIONS
 *
 * Every thread does SECTIONS sections of BATCH. Under callgrind the difference of two
 * runs is the price of a look-up in instructions. Exit status: 0 measured and every
 * object was the right one; 1 it was not; 2 wrong usage; 3 the subject has no such thing.
 */
#include "subject.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct subject *const subjects[] = {&subject_theseus, &subject_rculfhash,
						 &subject_ck,      &subject_glib,
						 &subject_uthash,  &subject_nothing};

static const struct subject *subject;
static bool looking;
static size_t key_count, sections;
static uint64_t key[KEYS_MAX];
static pthread_barrier_t start;

_Noreturn void subject_die(const char *what)
{
	fprintf(stderr, "bench-host: %s: %s\n", subject->name, what);
	exit(1);
}

/* Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

struct sample { /* what a thread asks for, over and over */
	uint64_t key[16][BATCH];
	uint32_t number[16][BATCH];
	uint64_t sum[16];
};

static struct sample *make_sample(unsigned thread)
{
	struct sample *sample = calloc(1, sizeof(*sample));

	if (!sample)
		subject_die("no memory");
	for (size_t i = 0; i < 16u * BATCH; i++) {
		uint32_t number = (uint32_t)(mix(i * 31 + thread) % key_count);

		sample->key[i / BATCH][i % BATCH] = key[number];
		sample->number[i / BATCH][i % BATCH] = number;
		sample->sum[i / BATCH] += ~key[number];
	}
	return sample;
}

static void read_all(const struct sample *sample)
{
	for (size_t i = 0; i < sections; i++) {
		uint64_t sum = looking ? subject->look(sample->key[i % 16])
				       : subject->use(sample->number[i % 16]);

		if (sum != sample->sum[i % 16])
			subject_die("wrong objects were found");
	}
}

static void *other_thread(void *arg)
{
	unsigned thread = *(unsigned *)arg;
	struct sample *sample = make_sample(thread);

	subject->enter(thread);
	pthread_barrier_wait(&start);
	read_all(sample);
	subject->leave(thread);
	free(sample);
	return NULL;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double measure(unsigned threads)
{
	pthread_t handle[THREADS_MAX];
	unsigned number[THREADS_MAX];
	struct sample *sample = make_sample(0);
	double begin;

	pthread_barrier_init(&start, NULL, threads);
	for (unsigned i = 1; i < threads; i++) {
		number[i] = i;
		if (pthread_create(&handle[i], NULL, other_thread, &number[i]) != 0)
			subject_die("no thread");
	}
	pthread_barrier_wait(&start);
	begin = now();
	read_all(sample);
	for (unsigned i = 1; i < threads; i++)
		pthread_join(handle[i], NULL);
	free(sample);
	return (now() - begin) / (double)(sections * BATCH);
}

static int usage(void)
{
	fprintf(stderr, "usage: bench-host SUBJECT look|use KEYS THREADS SECTIONS\n"
			"subjects:");
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		fprintf(stderr, " %s", subjects[i]->name);
	fputs("\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	unsigned threads;

	if (argc != 6)
		return usage();
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		if (strcmp(argv[1], subjects[i]->name) == 0)
			subject = subjects[i];
	looking = strcmp(argv[2], "look") == 0;
	key_count = strtoul(argv[3], NULL, 0);
	threads = (unsigned)strtoul(argv[4], NULL, 0);
	sections = strtoul(argv[5], NULL, 0);
	if (!subject || (!looking && strcmp(argv[2], "use") != 0) || key_count < 1 ||
	    key_count > KEYS_MAX || threads < 1 || threads > THREADS_MAX || sections < 1)
		return usage();
	if (!(looking ? subject->lookups : subject->weaks) ||
	    (threads > 1 && looking && subject->shuts_out))
		return 3;
	for (size_t i = 0; i < key_count; i++)
		key[i] = mix(i + 1);
	subject->fill(key, key_count, threads);
	printf("%.2f\n", measure(threads));
	return 0;
}

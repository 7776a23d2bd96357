/*
 * subject - what is measured side by side: a map from 64-bit keys to objects, and a
 * reference kept to such an object that is looked at before each use.
 *
 * The object of a key holds ~key, so what a subject found can be checked. Reading is done
 * in sections of BATCH: what a subject needs about its reads (an interaction, an epoch, a
 * quiescent state) is paid once a section, and is in its figure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATCH       256u
#define KEYS_MAX    131072u
#define THREADS_MAX 2u

struct subject {
	const char *name;
	bool shuts_out;      /* look-ups must shut out writers: one thread */
	bool lookups, weaks; /* what it has */
	/* Once, by the main thread, which is thread 0. */
	void (*fill)(const uint64_t *keys, size_t count, unsigned threads);
	/* Each other thread about its reads. */
	void (*enter)(unsigned thread);
	void (*leave)(unsigned thread);
	/* One section: looks up BATCH keys, or uses the references kept to them; the sum
	 * of what their objects hold. */
	uint64_t (*look)(const uint64_t *keys);
	uint64_t (*use)(
		const uint32_t *numbers); /* numbers: of keys, in fill()'s order */
};

extern const struct subject subject_theseus, subject_rculfhash, subject_ck, subject_glib,
	subject_uthash, subject_nothing;

_Noreturn void subject_die(const char *what);

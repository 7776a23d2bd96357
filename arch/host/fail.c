/*
 * fail - counts the places where something may run out, and makes the Nth of them fail.
 *
 * Lock-free, since a tick may reach a site while a site is being counted: a name takes a
 * slot of an open-addressed table by compare-and-swap and keeps it. Names are compared
 * by contents, for the same literal has another address in each object file.
 */
#include "host_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SITES_MAX 1024u /* a power of two */
#define CLASS_MAX 32u

struct site {
	const char *_Atomic name;
	_Atomic uint64_t reached;
	_Atomic uint64_t failed;
};

static struct site sites[SITES_MAX];

/* What is armed; written by the test while nobody reaches a site. */
static char armed_class[CLASS_MAX];
static uint64_t armed_n;
static bool armed_persistently;
static _Atomic uint64_t reached;
static _Atomic uint64_t failed;

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void (*_Atomic point_fn)(const char *name, void *ctx);
static void *_Atomic point_ctx;

/* ---- arming ----------------------------------------------------------------------- */

static void arm(const char *class, size_t len, uint64_t n, bool persistently)
{
	len = len < CLASS_MAX - 1 ? len : CLASS_MAX - 1;
	memcpy(armed_class, class, len);
	armed_class[len] = '\0';
	armed_n = n;
	armed_persistently = persistently;
	atomic_store(&reached, 0);
	atomic_store(&failed, 0);
}

static void site_append(const char *name, uint64_t times, uint64_t failures, void *file)
{
	fprintf(file, "%s\t%llu\t%llu\n", name, (unsigned long long)times,
		(unsigned long long)failures);
}

static void sites_append(void)
{
	FILE *file = fopen(getenv("THS_FAIL_SITES"), "a");

	if (file == NULL)
		return;
	ths_host_fail_sites(site_append, file);
	fclose(file);
}

/* THS_FAIL=class:n or class:n+ */
static void arm_by_variable(void)
{
	const char *spec = getenv("THS_FAIL");
	const char *colon = spec == NULL ? NULL : strrchr(spec, ':');
	char *end;
	uint64_t n;

	if (colon == NULL)
		return;
	n = strtoull(colon + 1, &end, 10);
	if (end == colon + 1 || (*end != '\0' && strcmp(end, "+") != 0))
		ths_host_die("THS_FAIL is not of the form class:n or class:n+");
	arm(spec, (size_t)(colon - spec), n, *end == '+');
}

/* And THS_FAIL_SITES=file */
static void arm_from_environment(void)
{
	if (getenv("THS_FAIL_SITES") != NULL)
		atexit(sites_append);
	arm_by_variable();
}

void ths_host_fail_nth(const char *class, uint64_t n, bool persistently)
{
	pthread_once(&once, arm_from_environment);
	arm(class, strlen(class), n, persistently);
}

uint64_t ths_host_fail_reached(void)
{
	return atomic_load(&reached);
}

uint64_t ths_host_fail_failed(void)
{
	return atomic_load(&failed);
}

void ths_host_fail_reset(void)
{
	pthread_once(&once, arm_from_environment);
	arm("", 0, 0, false);
	arm_by_variable(); /* counts from here on, so that each test meets it */
	ths_host_on_point(NULL, NULL);
}

/* ---- reaching --------------------------------------------------------------------- */

static uint32_t name_hash(const char *name)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	while (*name != '\0')
		hash = (hash ^ (unsigned char)*name++) * 16777619u;
	return hash;
}

static struct site *site_of(const char *name)
{
	uint32_t at = name_hash(name);

	for (uint32_t tries = 0; tries < SITES_MAX; tries++) {
		struct site *site = &sites[(at + tries) % SITES_MAX];
		const char *there = NULL;

		if (atomic_compare_exchange_strong(&site->name, &there, name) ||
		    strcmp(there, name) == 0)
			return site;
	}
	ths_host_die("more fail sites than the table holds");
}

static bool is_armed_class(const char *name)
{
	size_t len = strlen(armed_class);

	return len == 0 || (strncmp(name, armed_class, len) == 0 &&
			    (name[len] == '/' || name[len] == '\0'));
}

bool ths_host_fail(const char *name)
{
	struct site *site = site_of(name);
	uint64_t nth;

	pthread_once(&once, arm_from_environment);
	atomic_fetch_add(&site->reached, 1);
	if (!is_armed_class(name))
		return false;
	nth = atomic_fetch_add(&reached, 1) + 1;
	if (armed_n == 0 || nth < armed_n || (nth > armed_n && !armed_persistently))
		return false;
	atomic_fetch_add(&site->failed, 1);
	atomic_fetch_add(&failed, 1);
	return true;
}

void ths_host_fail_sites(void (*fn)(const char *site, uint64_t reached_, uint64_t failed_,
				    void *ctx),
			 void *ctx)
{
	for (uint32_t i = 0; i < SITES_MAX; i++)
		if (atomic_load(&sites[i].name) != NULL)
			fn(sites[i].name, sites[i].reached, sites[i].failed, ctx);
}

/* ---- windows --------------------------------------------------------------------- */

void ths_host_on_point(void (*fn)(const char *name, void *ctx), void *ctx)
{
	if (fn != NULL)
		atomic_store(&point_ctx, ctx);
	atomic_store(&point_fn, fn);
}

void ths_host_point(const char *name)
{
	void (*fn)(const char *name_, void *ctx) = atomic_load(&point_fn);

	if (fn != NULL)
		fn(name, atomic_load(&point_ctx));
}

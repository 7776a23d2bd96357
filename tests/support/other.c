/*
 * other - a second CPU that commits exactly when the test says: see script.h.
 *
 * So a conflict is met at the very step a test is about, each time. Of itself it only comes
 * when all CPUs are gathered (meta.c).
 */
#include <check.h>
#include <pthread.h>
#include <time.h>
#include "nano_core/nano_core_impl.h"
#include "rig.h"
#include "script.h"

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool ready, end;
	other_fn *fn; /* NULL: nothing to do */
	void *ctx;
	enum ths_err err;
} other = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

#define LOOKS_NS 200000 /* between two looks whether somebody gathers */

/* With the lock: for something to do, or for those who gather. */
static void wait(void)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += LOOKS_NS;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	(void)pthread_cond_timedwait(&other.changed, &other.lock, &until);
	if (other.fn || !(atomic_load(&ths_cpu()->pending) & PENDING_MEET))
		return;
	pthread_mutex_unlock(&other.lock);
	ths_work();
	pthread_mutex_lock(&other.lock);
}

static void *serve(void *arg)
{
	(void)arg;
	rig_cpu_enter(1);
	pthread_mutex_lock(&other.lock);
	other.ready = true;
	pthread_cond_broadcast(&other.changed);
	while (!other.end) {
		if (other.fn) {
			pthread_mutex_unlock(&other.lock);
			other.err = other.fn(other.ctx);
			pthread_mutex_lock(&other.lock);
			other.fn = NULL;
			pthread_cond_broadcast(&other.changed);
		} else {
			wait();
		}
	}
	pthread_mutex_unlock(&other.lock);
	rig_cpu_leave();
	return NULL;
}

void other_start(void)
{
	other.ready = other.end = false;
	other.fn = NULL;
	if (pthread_create(&other.thread, NULL, serve, NULL) != 0)
		ck_abort_msg("no thread to be had");
	pthread_mutex_lock(&other.lock);
	while (!other.ready)
		pthread_cond_wait(&other.changed, &other.lock);
	pthread_mutex_unlock(&other.lock);
}

void other_begins(other_fn *fn, void *ctx)
{
	pthread_mutex_lock(&other.lock);
	other.fn = fn;
	other.ctx = ctx;
	pthread_cond_broadcast(&other.changed);
	pthread_mutex_unlock(&other.lock);
}

enum ths_err other_ends(void)
{
	enum ths_err err;

	pthread_mutex_lock(&other.lock);
	while (other.fn)
		pthread_cond_wait(&other.changed, &other.lock);
	err = other.err;
	pthread_mutex_unlock(&other.lock);
	return err;
}

enum ths_err other_does(other_fn *fn, void *ctx)
{
	other_begins(fn, ctx);
	return other_ends();
}

static enum ths_err call_script(void *arg)
{
	const struct script_args *args = arg;
	struct ths_ref ref = THS_REF(script);

	return script_by(&ref, (script_fn *)(uintptr_t)args->fn,
			 (void *)(uintptr_t)args->ctx);
}

enum ths_err other_script(script_fn *fn, void *ctx)
{
	struct script_args args = {(uint64_t)(uintptr_t)fn, (uint64_t)(uintptr_t)ctx};

	return other_does(call_script, &args);
}

void other_stop(void)
{
	pthread_mutex_lock(&other.lock);
	other.end = true;
	pthread_cond_broadcast(&other.changed);
	pthread_mutex_unlock(&other.lock);
	pthread_join(other.thread, NULL);
}

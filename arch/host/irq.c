/*
 * irq - interrupts that tests raise, a timer that raises them, and idling.
 *
 * What is to be delivered is posted in the CPU's slot and delivered by the CPU itself:
 * at once when its interrupts are on, else when they go on again (H3). Only a real
 * timer's tick interrupts anything: its signal handler runs on the interrupted stack and
 * may call ths_tick(), which may unwind. It never calls ths_work(), which may need a lock
 * of the C library that the interrupted code holds; it leaves a kick instead.
 *
 * An idle CPU polls its event descriptor. Whoever posts writes to it *after* posting, so
 * a post between the last look and the poll ends the poll.
 */
#include "host_impl.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define TICK_SIGNAL       (SIGRTMIN + 3)
#define RELAXES_PER_YIELD 64u

_Thread_local volatile sig_atomic_t ths_host_irq_flag;

static void (*idle_fn)(void *ctx);
static void *idle_ctx;

/* ---- posting ------------------------------------------------------------------- */

void ths_host_irq_wake(struct host_cpu *cpu)
{
	uint64_t one = 1;

	/* Full means that it is awake already. */
	if (write(cpu->event, &one, sizeof(one)) < 0)
		return;
}

void ths_host_irq_on(unsigned index, unsigned vector)
{
	struct host_cpu *cpu = ths_host_cpu_at(index);

	if (cpu == NULL || vector >= HOST_VECTORS)
		return;
	atomic_fetch_or(&cpu->vectors[vector / 64], UINT64_C(1) << vector % 64);
	ths_host_irq_wake(cpu);
}

void ths_host_irq(unsigned vector)
{
	ths_host_irq_on(ths_host_cpu_index(), vector);
	ths_host_irq_deliver();
}

void ths_arch_kick_cpu(unsigned index)
{
	struct host_cpu *cpu = ths_host_cpu_at(index);

	if (cpu == NULL)
		return;
	atomic_store(&cpu->kick, true);
	ths_host_irq_wake(cpu);
}

/* ---- delivering ------------------------------------------------------------------ */

static bool vector_take(struct host_cpu *cpu, unsigned *vector)
{
	for (unsigned i = 0; i < HOST_VECTORS / 64; i++) {
		uint64_t bits = atomic_load(&cpu->vectors[i]);

		if (bits == 0)
			continue;
		*vector = 64 * i + (unsigned)__builtin_ctzll(bits);
		atomic_fetch_and(&cpu->vectors[i], ~(bits & -bits));
		return true;
	}
	return false;
}

/* Looks without taking. */
static bool is_pending(struct host_cpu *cpu)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < HOST_VECTORS / 64; i++)
		bits |= atomic_load(&cpu->vectors[i]);
	return bits != 0 || atomic_load(&cpu->tick) || atomic_load(&cpu->kick);
}

/* One pending thing, with interrupts off, and what follows from it, with them on. */
static void deliver_one(struct host_cpu *cpu, uint64_t pc)
{
	unsigned vector;

	ths_host_irq_flag = false;
	if (atomic_exchange(&cpu->tick, false))
		ths_tick(pc);
	else if (vector_take(cpu, &vector))
		ths_irq(vector);
	else
		atomic_store(&cpu->kick, false);
	ths_host_irq_flag = true;
	if (ths_cpu_is_idle())
		ths_work();
}

/* Looks again after each, for a real tick may come while interrupts are off in between.
 */
static void deliver(uint64_t pc)
{
	while (ths_host_irq_flag && ths_host_self != NULL && is_pending(ths_host_self))
		deliver_one(ths_host_self, pc);
}

void ths_host_irq_deliver(void)
{
	deliver((uint64_t)(uintptr_t)__builtin_return_address(0));
}

THS_NOINLINE void ths_host_tick(void)
{
	if (ths_host_self == NULL)
		return;
	atomic_store(&ths_host_self->tick, true);
	deliver((uint64_t)(uintptr_t)__builtin_return_address(0));
}

bool ths_host_irq_is_on(void)
{
	return ths_host_irq_flag != 0;
}

bool ths_arch_irq_save(void)
{
	bool on = ths_host_irq_flag != 0;

	ths_host_irq_flag = false;
	return on;
}

void ths_arch_irq_restore(bool on)
{
	ths_host_irq_flag = on;
	if (on)
		ths_host_irq_deliver();
}

/* ---- idling ------------------------------------------------------------------------ */

void ths_host_on_idle(void (*fn)(void *ctx), void *ctx)
{
	idle_fn = fn;
	idle_ctx = ctx;
}

static void event_drain(struct host_cpu *cpu)
{
	uint64_t count;

	while (read(cpu->event, &count, sizeof(count)) > 0)
		continue;
}

void ths_arch_idle(void)
{
	struct host_cpu *cpu = ths_host_self;
	struct pollfd event = {.events = POLLIN};

	if (cpu == NULL)
		ths_host_die("ths_arch_idle: the thread is no CPU");
	event.fd = cpu->event;
	event_drain(cpu);
	if (is_pending(cpu)) {
		ths_arch_irq_restore(true);
		return;
	}
	ths_host_irq_flag = true;
	if (idle_fn != NULL)
		idle_fn(idle_ctx);
	else
		while (poll(&event, 1, -1) < 0 && errno == EINTR && !is_pending(cpu))
			continue;
	ths_host_irq_deliver();
}

void ths_arch_relax(void)
{
	static _Thread_local unsigned turns;

	/* There may be fewer processors than CPUs here. */
	if (++turns % RELAXES_PER_YIELD == 0)
		sched_yield();
	__builtin_ia32_pause();
	ths_host_irq_deliver();
}

/* ---- the real timer ------------------------------------------------------------------ */

/*
 * Async-signal-safe up to ths_tick(): atomics, write(), thread-locals of the program
 * itself. That ths_tick() is too, is nano_core's part of the bargain: it may touch its
 * own data only, and unwind only when the interrupted code is a module's.
 */
static void tick_signal(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *interrupted = context;
	struct host_cpu *cpu = ths_host_self;
	int saved = errno;

	(void)signal;
	(void)info;
	if (cpu == NULL)
		return;
	if (!ths_host_irq_flag) {
		atomic_store(&cpu->tick, true);
	} else {
		ths_host_irq_flag = false;
		ths_host_faults_open();
		ths_host_signals++;
		ths_tick((uint64_t)interrupted->uc_mcontext.gregs[REG_RIP]);
		ths_host_signals--;
		atomic_store(&cpu->kick, true);
		ths_host_irq_flag = true;
	}
	ths_host_irq_wake(cpu);
	errno = saved;
}

void ths_host_tick_signal_install(void)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART};

	action.sa_sigaction = tick_signal;
	sigemptyset(&action.sa_mask);
	if (sigaction(TICK_SIGNAL, &action, NULL) != 0)
		ths_host_die("no signal for ticks");
}

void ths_host_timer_stop(struct host_cpu *cpu)
{
	if (cpu->timer_on)
		timer_delete(cpu->timer);
	cpu->timer_on = false;
}

void ths_arch_tick_start(uint32_t hz)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID};
	struct itimerspec period = {{0, 0}, {0, 0}};
	struct host_cpu *cpu = ths_host_self;

	if (cpu == NULL)
		ths_host_die("ths_arch_tick_start: the thread is no CPU");
	ths_host_timer_stop(cpu);
	if (hz == 0)
		return;
	event.sigev_signo = TICK_SIGNAL;
	event.sigev_notify_thread_id = gettid();
	period.it_interval.tv_sec = hz == 1;
	period.it_interval.tv_nsec = hz == 1 ? 0 : 1000000000 / (long)hz;
	period.it_value = period.it_interval;
	if (timer_create(CLOCK_MONOTONIC, &event, &cpu->timer) != 0)
		ths_host_die("no timer for ticks");
	cpu->timer_on = true;
	timer_settime(cpu->timer, 0, &period, NULL);
}

void ths_host_irq_reset(void)
{
	idle_fn = NULL;
	idle_ctx = NULL;
}

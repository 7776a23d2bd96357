/*
 * cpu - threads as CPUs.
 *
 * A thread becomes a CPU by taking one of THS_CPU_MAX slots. The slot is what other
 * threads can reach (interrupts, kicks); all that only the thread itself and its signal
 * handlers touch is thread-local, so that nothing has to be locked in a handler.
 *
 * Sanitizers give each thread a signal stack of their own and free *the one they find* at
 * the thread's end; so ours is taken away again when the CPU leaves, at the latest by the
 * destructor of a thread-specific key.
 */
#include "host_impl.h"

#include <asm/prctl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXCEPTION_STACK_SIZE (256u << 10)

_Thread_local struct ths_cpu *ths_host_cpu;
_Thread_local unsigned ths_host_core_depth;
_Thread_local struct host_cpu *ths_host_self;

static struct host_cpu cpus[THS_CPU_MAX];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t leave_key;

struct host_cpu *ths_host_cpu_at(unsigned index)
{
	if (index >= THS_CPU_MAX || !atomic_load(&cpus[index].used))
		return NULL;
	return &cpus[index];
}

void ths_host_stack_bounds(uintptr_t *low, uintptr_t *high)
{
	pthread_attr_t attr;
	void *base;
	size_t size;

	if (pthread_getattr_np(pthread_self(), &attr) != 0)
		ths_host_die("a thread's stack is not known");
	pthread_attr_getstack(&attr, &base, &size);
	pthread_attr_destroy(&attr);
	*low = (uintptr_t)base;
	*high = *low + size;
}

static void leave_at_thread_end(void *unused)
{
	(void)unused;
	ths_host_cpu_leave();
}

static void enter_first(void)
{
	if (pthread_key_create(&leave_key, leave_at_thread_end) != 0)
		ths_host_die("no thread-specific key left");
	ths_host_trap_install();
	ths_host_tick_signal_install();
}

static void exception_stack_take(struct host_cpu *cpu)
{
	stack_t stack = {.ss_size = EXCEPTION_STACK_SIZE};

	cpu->exception_stack = mmap(NULL, EXCEPTION_STACK_SIZE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (cpu->exception_stack == MAP_FAILED)
		ths_host_die("no memory for an exception stack");
	stack.ss_sp = cpu->exception_stack;
	if (sigaltstack(&stack, &cpu->outer_stack) != 0)
		ths_host_die("sigaltstack refused the exception stack");
}

static void exception_stack_give_back(struct host_cpu *cpu)
{
	if ((cpu->outer_stack.ss_flags & SS_DISABLE) != 0)
		cpu->outer_stack.ss_size = EXCEPTION_STACK_SIZE; /* some libcs check it */
	sigaltstack(&cpu->outer_stack, NULL);
	munmap(cpu->exception_stack, EXCEPTION_STACK_SIZE);
}

/* Freestanding code compiled for the machine finds its CPU at %gs:0. */
static void record_set(struct ths_cpu *record)
{
	ths_host_self->record = record;
	ths_host_cpu = record;
	syscall(SYS_arch_prctl, ARCH_SET_GS, record);
}

/* Stays open when the CPU leaves: another thread may just be about to write to it. */
static void event_open(struct host_cpu *cpu)
{
	if (cpu->has_event)
		return;
	cpu->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (cpu->event < 0)
		ths_host_die("no file descriptor for a CPU");
	cpu->has_event = true;
}

static bool slot_enter(unsigned index, struct ths_cpu *record, bool irq_on)
{
	struct host_cpu *cpu = &cpus[index];
	bool unused = false;

	if (!atomic_compare_exchange_strong(&cpu->used, &unused, true))
		return false;
	pthread_once(&once, enter_first);
	pthread_setspecific(leave_key, cpu);
	event_open(cpu);
	atomic_store(&cpu->tick, false);
	atomic_store(&cpu->kick, false);
	for (unsigned i = 0; i < HOST_VECTORS / 64; i++)
		atomic_store(&cpu->vectors[i], 0);
	ths_host_stack_bounds(&cpu->stack_low, &cpu->stack_high);
	exception_stack_take(cpu);
	ths_host_self = cpu;
	record_set(record);
	ths_host_core_depth = 0;
	ths_host_irq_flag = irq_on;
	return true;
}

static unsigned lowest_enter(struct ths_cpu *record, bool irq_on)
{
	for (unsigned i = 0; i < THS_CPU_MAX; i++)
		if (slot_enter(i, record, irq_on))
			return i;
	return THS_HOST_NO_CPU;
}

unsigned ths_host_cpu_enter(struct ths_cpu *cpu)
{
	ths_host_cpu_leave();
	return lowest_enter(cpu, true);
}

bool ths_host_cpu_enter_as(struct ths_cpu *cpu, unsigned index)
{
	ths_host_cpu_leave();
	return index < THS_CPU_MAX && slot_enter(index, cpu, true);
}

void ths_host_cpu_leave(void)
{
	struct host_cpu *cpu = ths_host_self;

	if (cpu == NULL)
		return;
	ths_host_irq_flag = false;
	ths_host_timer_stop(cpu);
	pthread_setspecific(leave_key, NULL);
	ths_host_cpu = NULL;
	ths_host_self = NULL;
	exception_stack_give_back(cpu);
	atomic_store(&cpu->used, false);
}

unsigned ths_host_cpu_index(void)
{
	return ths_host_self == NULL ? THS_HOST_NO_CPU : (unsigned)(ths_host_self - cpus);
}

void ths_arch_cpu_set(struct ths_cpu *cpu)
{
	if (ths_host_self != NULL)
		record_set(cpu);
	else if (lowest_enter(cpu, false) == THS_HOST_NO_CPU)
		ths_host_die("ths_arch_cpu_set: all CPUs are taken");
}

bool ths_host_in_module(uint64_t pc)
{
	(void)pc;
	return ths_host_core_depth == 0;
}

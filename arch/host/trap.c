/*
 * trap - signals as exceptions, jumps as unwinding, and copies that may fault.
 *
 * A fault's signal handler runs on the CPU's exception stack, describes the fault as
 * x86_64 would (vector and error code are the machine's own: Linux hands them on) and
 * calls ths_trap(). That leaves by ths_arch_unwind(), or comes back: then whoever handled
 * the signal before us gets it, and the instruction runs again, so that a crash nobody
 * expected is a crash, a core file, a sanitizer's report (H2). A fault inside ths_trap(),
 * or on a thread that is no CPU, is such a crash at once.
 *
 * Jumps do not restore the signal mask by themselves, which would cost a system call for
 * every interaction; only a jump out of a handler does.
 *
 * A copy's recovery comes first of all: it is not an exception anybody is to hear of.
 */
#include "host_impl.h"

#include <errno.h>
#include <string.h>
#include <ucontext.h>

/* A thread's guard is a page, but a frame may begin well below; the main thread's grows
 * up to a limit that is known to a few pages only. */
#define STACK_GUARD (1u << 20)
#define STACK_SLACK (4u * THS_PAGE_SIZE)

_Thread_local unsigned ths_host_signals;

static _Thread_local sigjmp_buf *copy_recovery;
static _Thread_local bool in_trap;

static const int fault_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
static struct sigaction former[THS_ARRAY_SIZE(fault_signals)];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- leaving handlers ------------------------------------------------------------ */

/* TSan blocks every signal in every handler, so all are opened, not only ours. */
static void mask_open(void)
{
	sigset_t every;

	sigfillset(&every);
	pthread_sigmask(SIG_UNBLOCK, &every, NULL);
}

void ths_host_faults_open(void)
{
	sigset_t faults;

	sigemptyset(&faults);
	for (size_t i = 0; i < THS_ARRAY_SIZE(fault_signals); i++)
		sigaddset(&faults, fault_signals[i]);
	pthread_sigmask(SIG_UNBLOCK, &faults, NULL);
}

void ths_host_signals_leave(unsigned to)
{
	if (ths_host_signals > to)
		mask_open();
	ths_host_signals = to;
	in_trap = false;
	copy_recovery = NULL;
}

/* ---- exceptions ------------------------------------------------------------------- */

static bool is_stack_guard(uintptr_t addr)
{
	uintptr_t low = ths_host_self->stack_low;

	return (addr + STACK_GUARD >= low && addr < low + STACK_SLACK) ||
	       ths_host_context_is_guard(addr) || ths_host_is_stack_guard(addr);
}

static enum ths_trap_kind trap_kind(int signal, uintptr_t addr)
{
	switch (signal) {
	case SIGSEGV:
	case SIGBUS:
		return addr != 0 && is_stack_guard(addr) ? THS_TRAP_STACK : THS_TRAP_PAGE;
	case SIGFPE:
		return THS_TRAP_ARITH;
	case SIGILL:
		return THS_TRAP_OPCODE;
	default:
		return THS_TRAP_OTHER;
	}
}

static void trap_call(int signal, const siginfo_t *info, const ucontext_t *context)
{
	const greg_t *regs = context->uc_mcontext.gregs;
	bool is_memory = signal == SIGSEGV || signal == SIGBUS;
	uintptr_t addr = is_memory ? (uintptr_t)info->si_addr : 0;
	struct ths_trap trap = {
		.kind = trap_kind(signal, addr),
		.vector = (uint32_t)regs[REG_TRAPNO],
		.error = (uint64_t)regs[REG_ERR],
		.addr = addr,
		.pc = (uint64_t)regs[REG_RIP],
		.sp = (uint64_t)regs[REG_RSP],
		.fp = (uint64_t)regs[REG_RBP],
		.regs = regs,
	};
	sig_atomic_t on = ths_host_irq_flag;

	ths_host_faults_open();
	ths_host_irq_flag = false;
	ths_host_signals++;
	in_trap = true;
	ths_trap(&trap);
	in_trap = false;
	ths_host_signals--;
	ths_host_irq_flag = on;
}

/* Not ours after all: whoever was there before us is to have it. */
static void hand_back(int signal, bool is_fault)
{
	for (size_t i = 0; i < THS_ARRAY_SIZE(fault_signals); i++)
		if (fault_signals[i] == signal)
			sigaction(signal, &former[i], NULL);
	if (!is_fault)
		raise(signal); /* nothing would run again */
}

static void fault_signal(int signal, siginfo_t *info, void *context)
{
	bool is_fault = info->si_code > 0; /* else somebody sent it: kill(), raise() */
	sigjmp_buf *recovery = copy_recovery;
	int saved = errno;

	if (is_fault && recovery != NULL && (signal == SIGSEGV || signal == SIGBUS)) {
		copy_recovery = NULL;
		mask_open();
		siglongjmp(*recovery, 1);
	}
	if (is_fault && ths_host_self != NULL && !in_trap)
		trap_call(signal, info, context);
	hand_back(signal, is_fault);
	errno = saved;
}

static void install(void)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

	action.sa_sigaction = fault_signal;
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < THS_ARRAY_SIZE(fault_signals); i++)
		if (sigaction(fault_signals[i], &action, &former[i]) != 0)
			ths_host_die("no signals for exceptions");
}

void ths_host_trap_install(void)
{
	pthread_once(&once, install);
}

/* ---- frames ---------------------------------------------------------------------- */

uint64_t ths_arch_run(struct ths_frame *frame, void *stack_top, uint64_t (*fn)(void *),
		      void *arg)
{
	(void)stack_top;
	frame->core_depth = ths_host_core_depth;
	frame->signals = ths_host_signals;
	if (sigsetjmp(frame->regs, 0) == 0)
		return fn(arg);
	ths_host_irq_deliver(); /* what came while the exception had interrupts off */
	return frame->value;
}

void ths_arch_unwind(struct ths_frame *frame, uint64_t value)
{
	frame->value = value;
	ths_host_signals_leave(frame->signals);
	ths_host_core_depth = frame->core_depth;
	ths_host_irq_flag = true;
	siglongjmp(frame->regs, 1);
}

/* ---- copies ------------------------------------------------------------------------ */

/* Through a pointer whose type does not promise non-null arguments: they may be, here. */
static void *(*volatile copy_fn)(void *, const void *, size_t) = memmove;

enum ths_err ths_arch_copy(void *dst, const void *src, size_t len)
{
	sigjmp_buf *volatile outer = copy_recovery; /* of what a tick interrupted */
	sigjmp_buf here;

	if ((uintptr_t)dst + len < len || (uintptr_t)src + len < len)
		return THS_E_FAULT; /* around the end of the address space */
	ths_host_trap_install();
	if (sigsetjmp(here, 0) != 0) {
		copy_recovery = outer;
		return THS_E_FAULT;
	}
	copy_recovery = &here;
	atomic_signal_fence(memory_order_seq_cst);
	copy_fn(dst, src, len);
	atomic_signal_fence(memory_order_seq_cst);
	copy_recovery = outer;
	return THS_OK;
}

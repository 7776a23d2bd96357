/*
 * context - tasks' contexts, on stacks of their own, in the sight of sanitizers.
 *
 * A switch stores the callee-saved registers on the stack and takes up another stack, as
 * on the machine. What differs: the stacks are ours and not the given ones, because
 * sanitizers and signal handlers want more than a kernel's 16 KiB; and ASan and TSan are
 * told of each switch.
 *
 * The contract has no call to end a context, so ours lasts as long as the stack it stands
 * for: a context prepared on the same stack_top again takes the stack over (the earlier
 * one is dead, or its stack would not be given away), and unmapping the page below
 * stack_top frees it.
 */
#include "host_impl.h"

#include <stdlib.h>
#include <sys/mman.h>

#ifdef HOST_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#ifdef HOST_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#define STACK_SIZE (512u << 10)
#define GUARD_SIZE (4u * THS_PAGE_SIZE)

struct host_context {
	struct host_context *next; /* all those with a stack of ours; lock */
	uintptr_t key;        /* the stack_top it stands for; 0: a thread's own stack */
	unsigned char *stack; /* lowest usable byte */
	size_t size;
	void (*entry)(void *arg);
	void *arg;
	unsigned core_depth; /* while it is away */
	void *fake_stack;    /* ASan's, while it is away */
	void *fiber;         /* TSan's name for it */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct host_context *all;
static _Thread_local struct host_context thread_context; /* the thread's own stack */
static _Thread_local struct host_context *running;

/* ---- the switch itself --------------------------------------------------------------- */

void ths_host_stack_switch(uint64_t *from_rsp, uint64_t to_rsp, void *self);
void ths_host_stack_begin(void);
void ths_host_context_begin(struct host_context *self);

/*
 * ths_host_stack_switch: six registers and the floating-point control words are pushed,
 * the stack is changed, they are popped. @self reaches a new context in rdi, by way of
 * ths_host_stack_begin, whose address lies on a new stack where the return address would.
 */
__asm__(".text\n"
	".globl ths_host_stack_switch\n"
	".type ths_host_stack_switch, @function\n"
	"ths_host_stack_switch:\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	subq $8, %rsp\n"
	"	stmxcsr (%rsp)\n"
	"	fnstcw 4(%rsp)\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	movq %rdx, %rdi\n"
	"	ldmxcsr (%rsp)\n"
	"	fldcw 4(%rsp)\n"
	"	addq $8, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	".size ths_host_stack_switch, .-ths_host_stack_switch\n"
	".globl ths_host_stack_begin\n"
	".type ths_host_stack_begin, @function\n"
	"ths_host_stack_begin:\n"
	"	.cfi_startproc\n"
	"	.cfi_undefined rip\n"
	"	xorl %ebp, %ebp\n"
	"	call ths_host_context_begin\n"
	"	ud2\n"
	"	.cfi_endproc\n"
	".size ths_host_stack_begin, .-ths_host_stack_begin\n");

static uint64_t first_frame(const struct host_context *self)
{
	uint64_t *top = (uint64_t *)(void *)(self->stack + self->size);
	uint32_t *words;

	*--top = 0; /* keeps the stack aligned at ths_host_stack_begin's call */
	*--top = 0;
	*--top = (uint64_t)(uintptr_t)ths_host_stack_begin;
	for (int i = 0; i < 6; i++)
		*--top = 0;
	words = (uint32_t *)(void *)--top;
	words[0] = 0x1f80; /* mxcsr and x87 control word as the ABI has them at a start */
	words[1] = 0x037f;
	return (uint64_t)(uintptr_t)top;
}

/* ---- what sanitizers want to know ---------------------------------------------------- */

static void leaving(struct host_context *from, struct host_context *to)
{
#ifdef HOST_ASAN
	__sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->size);
#endif
#ifdef HOST_TSAN
	__tsan_switch_to_fiber(to->fiber, 0);
#endif
	(void)from;
	(void)to;
}

/* Not inlined: the thread may be another one now, and no address of a thread-local that
 * was computed before the switch may be used after it. */
static THS_NOINLINE void arrived(struct host_context *self)
{
#ifdef HOST_ASAN
	__sanitizer_finish_switch_fiber(self->fake_stack, NULL, NULL);
	self->fake_stack = NULL;
#endif
	running = self;
	ths_host_core_depth = self->core_depth;
}

static void stack_forget(struct host_context *self)
{
#ifdef HOST_ASAN
	__asan_unpoison_memory_region(self->stack, self->size);
#endif
#ifdef HOST_TSAN
	if (self->fiber != NULL)
		__tsan_destroy_fiber(self->fiber);
#endif
	self->fiber = NULL;
	self->fake_stack = NULL;
}

/* ---- stacks -------------------------------------------------------------------------- */

static struct host_context *context_create(uintptr_t key)
{
	struct host_context *self = calloc(1, sizeof(*self));
	unsigned char *base = mmap(NULL, STACK_SIZE + GUARD_SIZE, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (self == NULL || base == MAP_FAILED ||
	    mprotect(base + GUARD_SIZE, STACK_SIZE, PROT_READ | PROT_WRITE) != 0)
		ths_host_die("no memory for a task's stack");
	self->key = key;
	self->stack = base + GUARD_SIZE;
	self->size = STACK_SIZE;
#ifdef HOST_ASAN
	__lsan_register_root_region(self->stack, self->size);
#endif
	self->next = all;
	all = self;
	return self;
}

static void context_destroy(struct host_context *self)
{
	stack_forget(self);
#ifdef HOST_ASAN
	__lsan_unregister_root_region(self->stack, self->size);
#endif
	munmap(self->stack - GUARD_SIZE, self->size + GUARD_SIZE);
	free(self);
}

static struct host_context *context_find(uintptr_t key)
{
	struct host_context *self = all;

	while (self != NULL && self->key != key)
		self = self->next;
	return self;
}

static void destroy_range(uintptr_t base, uint64_t size)
{
	struct host_context **link = &all;

	pthread_mutex_lock(&lock);
	while (*link != NULL) {
		struct host_context *self = *link;

		if (self->key - 1 - base < size) {
			*link = self->next;
			context_destroy(self);
		} else {
			link = &self->next;
		}
	}
	pthread_mutex_unlock(&lock);
}

void ths_host_contexts_unmapped(ths_vaddr_t base, uint64_t size)
{
	destroy_range(base, size);
}

void ths_host_contexts_reset(void)
{
	destroy_range(0, UINT64_MAX);
	running = NULL;
}

bool ths_host_context_is_guard(uintptr_t addr)
{
	const struct host_context *self = running;

	return self != NULL && self->key != 0 && (uintptr_t)self->stack > addr &&
	       (uintptr_t)self->stack - addr <= GUARD_SIZE;
}

/* ---- the contract -------------------------------------------------------------------- */

struct host_context *ths_host_context_running(void)
{
	uintptr_t high;

	if (running != NULL)
		return running;
	ths_host_stack_bounds((uintptr_t *)&thread_context.stack, &high);
	thread_context.size = high - (uintptr_t)thread_context.stack;
#ifdef HOST_TSAN
	thread_context.fiber = __tsan_get_current_fiber();
#endif
	running = &thread_context;
	return running;
}

void ths_host_context_begin(struct host_context *self)
{
	arrived(self);
	ths_arch_irq_restore(true);
	self->entry(self->arg);
	ths_host_die("a task's entry function returned");
}

void ths_arch_context_init(struct ths_arch_context *context, void *stack_top,
			   void (*entry)(void *), void *arg)
{
	struct host_context *self;

	pthread_mutex_lock(&lock);
	self = context_find((uintptr_t)stack_top);
	if (self != NULL)
		stack_forget(self);
	else
		self = context_create((uintptr_t)stack_top);
	pthread_mutex_unlock(&lock);
	self->entry = entry;
	self->arg = arg;
	self->core_depth = 0;
#ifdef HOST_TSAN
	self->fiber = __tsan_create_fiber(0);
#endif
	context->host = self;
	context->rsp = first_frame(self);
}

void ths_arch_switch(struct ths_arch_context *from, struct ths_arch_context *to)
{
	struct host_context *self = ths_host_context_running();
	struct host_context *next = to->host;

	if (next == self)
		return;
	from->host = self;
	self->core_depth = ths_host_core_depth;
	leaving(self, next);
	ths_host_stack_switch(&from->rsp, to->rsp, next);
	arrived(self);
}

void ths_host_context_jump(struct host_context *to, sigjmp_buf regs)
{
	struct host_context *self = ths_host_context_running();

	if (to != self)
		leaving(self, to);
	siglongjmp(regs, 1);
}

void ths_host_context_landed(struct host_context *self)
{
	if (running != self)
		arrived(self);
}

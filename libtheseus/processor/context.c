/*
 * context - the stack of a task that has not run yet: as if it had called
 * ths_arch_switch() from ths_x86_context_start, with what it needs in saved registers.
 */
#include "processor.h"

void ths_x86_context_start(void);

void ths_arch_context_init(struct ths_arch_context *context, void *stack_top,
			   void (*entry)(void *), void *arg)
{
	uint64_t *sp = (uint64_t *)((uint64_t)stack_top & ~15ul);

	*--sp = 0; /* where a backtrace ends */
	*--sp = 0;
	*--sp = (uint64_t)ths_x86_context_start;
	*--sp = 0;               /* rbp */
	*--sp = (uint64_t)entry; /* rbx */
	*--sp = (uint64_t)arg;   /* r12 */
	*--sp = 0;               /* r13 */
	*--sp = 0;               /* r14 */
	*--sp = 0;               /* r15 */
	context->rsp = (uint64_t)sp;
	context->host = NULL;
}

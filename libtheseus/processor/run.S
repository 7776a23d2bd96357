/*
 * run - recovery frames and context switch: who owns the stack pointer.
 *
 * Both save the six callee-saved registers on the stack and one word, the stack pointer,
 * elsewhere. A recovery frame stays valid as long as ths_arch_run() has not returned,
 * whatever became of the stack above it; giving up is therefore one load and six pops.
 * %rbp keeps pointing at the caller's frame across a change of stack, so that backtraces
 * go on through it. Flags need no saving: DF is clear by convention, interrupts are on
 * after an unwind (once they ever were) and off after a switch by contract.
 */
	.macro pop_saved
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	.endm

	.macro push_saved
	pushq %rbp
	movq %rsp, %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	.endm

	.text

	/* rdi: frame, rsi: stack top or NULL, rdx: function, rcx: its argument */
	.globl ths_arch_run
	.type ths_arch_run, @function
	.balign 16
ths_arch_run:
	push_saved
	movq %rsp, (%rdi)
	leaq -8(%rsp), %rax
	testq %rsi, %rsi
	cmovzq %rax, %rsi
	movq %rsi, %rsp
	movq %rcx, %rdi
	call *%rdx
	leaq -40(%rbp), %rsp
	pop_saved
	ret
	.size ths_arch_run, . - ths_arch_run

	/* rdi: frame, rsi: value */
	.globl ths_arch_unwind
	.type ths_arch_unwind, @function
	.balign 16
ths_arch_unwind:
	movq (%rdi), %rsp
	movq %rsi, %rax
	pop_saved
	cmpb $0, ths_x86_irqs_begun /* during boot they stay off: nobody owns the PIC yet */
	je 1f
	sti
1:	ret
	.size ths_arch_unwind, . - ths_arch_unwind

	/* rdi: from, rsi: to */
	.globl ths_arch_switch
	.type ths_arch_switch, @function
	.balign 16
ths_arch_switch:
	push_saved
	movq %rsp, (%rdi)
	movq (%rsi), %rsp
	pop_saved
	ret
	.size ths_arch_switch, . - ths_arch_switch

	/* Where a new context starts: rbx: entry, r12: its argument (context.c). */
	.globl ths_x86_context_start
	.type ths_x86_context_start, @function
	.balign 16
ths_x86_context_start:
	movq %r12, %rdi
	cmpb $0, ths_x86_irqs_begun
	je 1f
	sti
1:	call *%rbx
	ud2
	.size ths_x86_context_start, . - ths_x86_context_start

	.globl ths_x86_irqs_begun
	.type ths_x86_irqs_begun, @object
	.size ths_x86_irqs_begun, 1
	.bss
ths_x86_irqs_begun:
	.skip 1

	.section .note.GNU-stack, "", @progbits

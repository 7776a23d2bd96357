/*
 * entry - the way in and out of every exception and interrupt.
 *
 * A stub a vector pushes what the processor left out (struct ths_x86_regs) and joins one
 * of two paths. An exception comes back only if the interrupted code may go on. An
 * interrupt at depth 0 ends in ths_work(): its frame is first copied to the interrupted
 * task's own stack and the interrupt stack left (P1), so that the next interrupt finds
 * that stack free and the task can be switched away while it is in there. There is no
 * red zone, hence the memory below the task's stack pointer is free to take.
 */
#include "layout.h"

#define REGS_SIZE 176 /* sizeof(struct ths_x86_regs) */
#define REGS_RSP  160

	.macro push_all
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rbx
	pushq %rbp
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	cld
	.endm

	.text
	.balign 16
	.globl ths_x86_stubs
	.type ths_x86_stubs, @function
ths_x86_stubs:
	vector = 0
	.rept 256
	.balign 16
	.if vector != 8 && vector != 17 && vector != 21 && vector != 29 && \
		vector != 30 && (vector < 10 || vector > 14)
	pushq $0
	.endif
	pushq $vector
	.if vector < 32
	jmp exception
	.else
	jmp interrupt
	.endif
	vector = vector + 1
	.endr
	.balign 16
	.size ths_x86_stubs, . - ths_x86_stubs
	.globl ths_x86_stubs_end
	.type ths_x86_stubs_end, @function
ths_x86_stubs_end:
	.size ths_x86_stubs_end, 0

	.type exception, @function
exception:
	push_all
	movq %rsp, %rdi
	call ths_x86_exception
	jmp restore
	.size exception, . - exception

	.type interrupt, @function
interrupt:
	push_all
	movq %rsp, %rdi
	call ths_x86_interrupt
	testb %al, %al
	jz restore

	movq REGS_RSP(%rsp), %rdi
	subq $REGS_SIZE, %rdi
	andq $-16, %rdi
	movq %rdi, %rbx
	movq %rsp, %rsi
	movl $(REGS_SIZE / 8), %ecx
	rep movsq
	movq %rbx, %rsp
	call ths_work
	jmp restore
	.size interrupt, . - interrupt

	.type restore, @function
restore:
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rbp
	popq %rbx
	popq %rdx
	popq %rcx
	popq %rax
	addq $16, %rsp
	iretq
	.size restore, . - restore

	.section .note.GNU-stack, "", @progbits

/*
 * copy - a copy that may fault, and the table that catches it.
 *
 * .ths.extable holds pairs (address of an instruction, where to go on when it faults);
 * traps.c looks there before it tells nano_core of a fault. By quadwords, since `rep`
 * costs one guest instruction a step under icount.
 */
	/* rdi: dst, rsi: src, rdx: len */
	.text
	.globl ths_arch_copy
	.type ths_arch_copy, @function
	.balign 16
ths_arch_copy:
	movq %rdx, %rcx
	shrq $3, %rcx
	andl $7, %edx
1:	rep movsq
	movl %edx, %ecx
2:	rep movsb
	xorl %eax, %eax
	ret
3:	movl $-11, %eax /* THS_E_FAULT */
	ret
	.size ths_arch_copy, . - ths_arch_copy

	.section .ths.extable, "a", @progbits
	.balign 8
	.quad 1b, 3b
	.quad 2b, 3b

	.section .note.GNU-stack, "", @progbits

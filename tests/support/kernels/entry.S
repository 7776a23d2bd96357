/*
 * The PVH entry: EBX points to the start info, the rest is a stack of our own.
 *
 * The note is of the kind XEN_ELFNOTE_PHYS32_ENTRY (18); QEMU -kernel takes an ELF file
 * by nothing else.
 */
	.section .note.pvh, "a", @note
	.balign 4
	.long	2f - 1f, 4f - 3f, 18
1:	.asciz	"Xen"
2:	.balign 4
3:	.long	entry
4:

	.text
	.code32
	.globl	entry
entry:
	cli
	cld
	movl	$stack_end, %esp
	xorl	%ebp, %ebp
	pushl	%ebx
	call	parrot_main

	.bss
	.balign 16
	.skip	4096
stack_end:

	.section .note.GNU-stack, "", @progbits

/*
 * A CD's boot image for BIOS: loaded at 0x7c00, in real mode. It passes one test, so that
 * theseus-run's way from an ISO to a verdict can be tried without a boot loader.
 */
	.code16
	.text
	.globl	_start
_start:
	cli
	cld
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	$text, %si
1:	movw	$0x3fd, %dx
2:	inb	%dx, %al	/* until COM1 can take a byte */
	testb	$0x20, %al
	jz	2b
	lodsb
	movw	$0x3f8, %dx
	testb	%al, %al
	jz	3f
	outb	%al, %dx
	jmp	1b
3:	movl	$0x2a, %eax
	movw	$0x501, %dx
	outl	%eax, %dx
4:	hlt
	jmp	4b

text:	.asciz	"\nok 1 - booted from a CD by BIOS\ntheseus: 1 passed, 0 failed\n"

	.balign	2048		/* one sector of the CD */
	.section .note.GNU-stack, "", @progbits

/*
 * A UEFI application, header and all, for the same purpose as bios.S. The firmware
 * leaves ports alone, so it says its words to COM1 directly. It is one section, runs
 * wherever it is loaded, and is written out as a flat file.
 */
	.set	HEADERS, 0x200
	.set	SIZE, end - image

	.text
	.globl	_start
_start:
image:
	.ascii	"MZ"
	.org	image + 0x3c
	.long	pe - image
pe:	.ascii	"PE\0\0"
	.word	0x8664		/* x86_64 */
	.word	1		/* sections */
	.long	0, 0, 0
	.word	section - optional
	.word	0x22e		/* executable, no lines, symbols or debug, large addresses */
optional:
	.word	0x20b		/* PE32+ */
	.byte	0, 0
	.long	SIZE - HEADERS, 0, 0
	.long	entry - image
	.long	HEADERS		/* base of code */
	.quad	0		/* image base */
	.long	0x200, 0x200	/* alignments, in memory and in the file */
	.word	0, 0, 0, 0, 0, 0
	.long	0
	.long	SIZE, HEADERS, 0
	.word	10, 0		/* an application for EFI */
	.quad	0, 0, 0, 0
	.long	0, 6		/* six data directories, all of them empty */
	.fill	6, 8, 0
section:
	.ascii	".text\0\0\0"
	.long	SIZE - HEADERS, HEADERS, SIZE - HEADERS, HEADERS
	.long	0, 0, 0
	.long	0x60000020	/* code, readable, executable */

	.org	image + HEADERS
entry:
	leaq	text(%rip), %rsi
1:	movw	$0x3fd, %dx
2:	inb	%dx, %al
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

text:	.asciz	"\nok 1 - booted from a CD by UEFI\ntheseus: 1 passed, 0 failed\n"
	.org	image + 0x400
end:
	.section .note.GNU-stack, "", @progbits

/*
 * greeter - a kernel that GRUB loads, and that says what it was handed.
 *
 * It tests the images theseus-image makes: an ELF64 file with a multiboot2 header, one
 * program ("main"), which prints its command line and passes if it got one module, and
 * that a cpio archive. It stays in 32-bit mode, as the Multiboot2 Specification leaves
 * it ("I386 machine state").
 */
	.set	COM1, 0x3f8
	.set	DEBUG_EXIT, 0x501
	.set	TAG_CMDLINE, 1
	.set	TAG_MODULE, 3

	.section .multiboot, "a"
	.balign 8
header:	.long	0xe85250d6, 0, header_end - header
	.long	-(0xe85250d6 + 0 + (header_end - header))
	.word	0, 0
	.long	8
header_end:

	.text
	.code32
	.globl	greeter
	.type	greeter, @function
greeter:
	cli
	cld
	movl	$stack_end, %esp
	cmpl	$0x36d76289, %eax
	jne	fail
	leal	8(%ebx), %esi		/* the first tag */
next:	movl	(%esi), %eax
	testl	%eax, %eax
	jz	done
	cmpl	$TAG_CMDLINE, %eax
	jne	1f
	movl	$words, %edi
	call	say
	leal	8(%esi), %edi
	call	say
	movl	$newline, %edi
	call	say
1:	cmpl	$TAG_MODULE, (%esi)
	jne	2f
	movl	8(%esi), %edx		/* where the module begins: "070701" */
	cmpl	$0x37303730, (%edx)
	jne	fail
	cmpw	$0x3130, 4(%edx)
	jne	fail
	incl	modules
2:	movl	4(%esi), %eax		/* tags begin at multiples of 8 */
	addl	$7, %eax
	andl	$-8, %eax
	addl	%eax, %esi
	jmp	next
done:	cmpl	$1, modules
	jne	fail
	movl	$passed, %edi
	call	say
	movb	$0x2a, %al
	jmp	leave
fail:	movl	$failed, %edi
	call	say
	movb	$0x33, %al
leave:	movw	$DEBUG_EXIT, %dx
	outb	%al, %dx
3:	hlt
	jmp	3b
	.size	greeter, . - greeter

	/* The string at %edi, to the serial line. */
	.type	say, @function
say:	movb	(%edi), %cl
	testb	%cl, %cl
	jz	5f
4:	movw	$(COM1 + 5), %dx	/* until the transmitter is empty */
	inb	%dx, %al
	testb	$0x20, %al
	jz	4b
	movb	%cl, %al
	movw	$COM1, %dx
	outb	%al, %dx
	incl	%edi
	jmp	say
5:	ret
	.size	say, . - say

	.section .rodata
words:	.asciz	"# cmdline: "
newline: .asciz	"\n"
passed:	.asciz	"ok 1 - one module, an archive\n1..1\ntheseus: 1 passed, 0 failed\n"
failed:	.asciz	"not ok 1 - one module, an archive\n1..1\ntheseus: 0 passed, 1 failed\n"
main:	.asciz	"main"

	/* THS_PROGRAM("main", greeter); ld makes the two symbols when they are used. */
	.section ths_programs, "a"
	.quad	main, greeter
	.section .rodata
	.quad	__start_ths_programs, __stop_ths_programs

	.bss
	.balign 16
modules: .skip	16
	.skip	1024
stack_end:

	.section .note.GNU-stack, "", @progbits

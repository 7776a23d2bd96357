/*
 * boot - guest's own way from QEMU's -kernel (PVH: 32 bits, paging off, %ebx at the start
 * information) to guest_main(), and the three places where C cannot save registers.
 *
 * The page tables stand ready in the image: the first GiB at its own address, 2 MiB a
 * page, executable only where guest.lds puts text, writable everywhere else; then, at
 * 1 GiB, a window of 512 pages for what nano_core maps.
 */
	.section .note.Xen, "a", @note
	.long 4, 8, 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.quad start

	.text
	.code32
	.globl start
start:	movl $pml4, %eax
	movl %eax, %cr3
	movl $0x20, %eax /* PAE */
	movl %eax, %cr4
	movl $0xc0000080, %ecx /* EFER: long mode, no-execute */
	xorl %edx, %edx
	movl $0x900, %eax
	wrmsr
	movl $0x80010001, %eax /* PG WP PE */
	movl %eax, %cr0
	lgdt gdt_pointer
	ljmp $8, $long_mode
	.code64
long_mode:
	movl $stack_top, %esp
	xorl %ebp, %ebp
	movl %ebx, %edi
	call guest_main
	ud2

	/* (frame, stack_top, fn, arg). Runs nest, also on one frame: a return goes by %rbp. */
	.globl ths_arch_run
ths_arch_run:
	push %rbp
	movq %rsp, %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	movq %rsp, (%rdi)
	testq %rsi, %rsi
	cmovnzq %rsi, %rsp
	andq $-16, %rsp
	movq %rcx, %rdi
	call *%rdx
	leaq -40(%rbp), %rsp
	jmp restore

	.globl ths_arch_unwind /* (frame, value) */
ths_arch_unwind:
	movq %rsi, %rax
	movq (%rdi), %rsp
	jmp restore

	.globl ths_arch_switch /* (from, to) */
ths_arch_switch:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	movq %rsp, (%rdi)
	movq (%rsi), %rsp
restore:
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret

	.globl guest_first_steps /* a context's first switch ends here: arch.c */
guest_first_steps:
	movq %r13, %rdi
	call *%r12
	ud2

	.data
gdt:	.quad 0, 0x00af9b000000ffff
gdt_pointer:
	.short . - gdt - 1
	.long gdt
	.balign 4096
pml4:	.quad pdpt + 3
	.balign 4096
pdpt:	.quad pd + 3, pd_window + 3
	.balign 4096
pd:	.quad 0x8000000000000083 /* 0: not executable */
	.quad 0x0000000000200081 /* 2 MiB, text: not writable */
	.set page, 2
	.rept 510
	.quad 0x8000000000000083 + (page << 21)
	.set page, page + 1
	.endr
pd_window:
	.quad guest_window + 3
	.balign 4096
	.globl guest_window
guest_window:
	.skip 4096

	.bss
	.balign 16
	.skip 32768
stack_top:
	.section .note.GNU-stack, "", @progbits

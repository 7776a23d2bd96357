/*
 * boot - guest's own way from QEMU's -kernel (PVH: 32 bits, paging off, %ebx at the start
 * information) to guest_main(), and its page tables.
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

/*
 * boot - from whoever loaded us to ths_x86_main() in the higher half.
 *
 * One kernel, two doors. GRUB (BIOS or UEFI; its relocator leaves UEFI's long mode for
 * us) finds the multiboot2 header and enters at ths_x86_start; QEMU's -kernel and Xen
 * find the PVH note and enter at ths_x86_start_pvh. Both come in flat 32-bit protected
 * mode, paging off, interrupts off, with %ebx at a structure that describes the machine.
 *
 * The code here runs where it was loaded, which is its linked address less
 * X86_KERNEL_BASE: PHYS() turns one into the other. It maps the first 4 GiB three times
 * (at 0, at the direct map, the first of it at X86_KERNEL_BASE), all of it writable and
 * executable; paging.c replaces this map before ths_boot() is called.
 *
 * The other CPUs come by here too, each when the first asks for it (smp.c).
 *
 * The linker script names the three symbols (ENTRY, EXTERN), so that this member is
 * linked from libtheseus.a into every kernel that uses the script, and into no other.
 */
#include "layout.h"

#define PHYS(symbol) ((symbol) - X86_KERNEL_BASE)

#define MULTIBOOT2_HEADER_MAGIC 0xe85250d6
#define XEN_ELFNOTE_PHYS32_ENTRY 18
#define BOOT_CODE32_SEL 0x18

	/* Multiboot2 Specification 2.0, 3.1: within the first 32 KiB of the file. */
	.section .ths.head, "a", @progbits
	.balign 8
	.globl ths_x86_multiboot2_header
	.type ths_x86_multiboot2_header, @object
ths_x86_multiboot2_header:
	.long MULTIBOOT2_HEADER_MAGIC
	.long 0 /* i386 */
	.long 2f - ths_x86_multiboot2_header
	.long -(MULTIBOOT2_HEADER_MAGIC + (2f - ths_x86_multiboot2_header))
	.short 1, 0 /* information request, required: */
	.long 12
	.long 6 /* the memory map */
	.balign 8
	.short 3, 0 /* entry address */
	.long 12
	.long PHYS(ths_x86_start)
	.balign 8
	.short 6, 0 /* modules page-aligned */
	.long 8
	.short 0, 0 /* end of tags */
	.long 8
2:
	.size ths_x86_multiboot2_header, . - ths_x86_multiboot2_header

	.section .note.Xen, "a", @note
	.balign 4
	.globl ths_x86_pvh_note
	.type ths_x86_pvh_note, @object
ths_x86_pvh_note:
	.long 4, 8, XEN_ELFNOTE_PHYS32_ENTRY
	.asciz "Xen"
	.quad PHYS(ths_x86_start_pvh)
	.size ths_x86_pvh_note, . - ths_x86_pvh_note

	.section .ths.boot, "ax", @progbits
	.code32
	.globl ths_x86_start
	.type ths_x86_start, @function
ths_x86_start:
	cli
	cld
	movl %eax, %edi
	jmp common
	.size ths_x86_start, . - ths_x86_start

	.globl ths_x86_start_pvh
	.type ths_x86_start_pvh, @function
ths_x86_start_pvh:
	cli
	cld
	movl $X86_PVH_MAGIC, %edi
	.size ths_x86_start_pvh, . - ths_x86_start_pvh

	/* %edi: who started us; %ebx: what it left us, kept in %esi. */
common:
	movl %ebx, %esi
	movl $PHYS(ths_x86_boot_stack_top), %esp

	movl $0x80000000, %eax
	cpuid
	cmpl $0x80000001, %eax
	jb too_old
	movl $0x80000001, %eax
	cpuid
	andl $(1 << 29 | 1 << 20), %edx /* long mode, no-execute */
	cmpl $(1 << 29 | 1 << 20), %edx
	jne too_old

	movl $PHYS(boot_pd), %ebx
	movl $(X86_P | X86_W | X86_PS), %eax
	movl $(X86_BOOT_MAPPED / 0x200000), %ecx
1:	movl %eax, (%ebx)
	addl $8, %ebx
	addl $0x200000, %eax
	loop 1b

	movl $(PHYS(boot_pd) + X86_P + X86_W), %eax
	movl %eax, PHYS(boot_pdpt_high) + 8 * 510
	movl $PHYS(boot_pdpt_low), %ebx
	movl $4, %ecx
1:	movl %eax, (%ebx)
	addl $8, %ebx
	addl $4096, %eax
	loop 1b
	movl $(PHYS(boot_pdpt_low) + X86_P + X86_W), %eax
	movl %eax, PHYS(boot_pml4)
	movl %eax, PHYS(boot_pml4) + 8 * ((X86_DIRECT_BASE >> 39) & 511)
	movl $(PHYS(boot_pdpt_high) + X86_P + X86_W), %eax
	movl %eax, PHYS(boot_pml4) + 8 * 511

to_long_mode:
	movl $PHYS(boot_pml4), %eax
	movl %eax, %cr3
	/* Set, not changed: what firmware had on (SSE, under UEFI) is off from here. */
	movl $(1 << 5), %eax /* PAE */
	movl %eax, %cr4
	movl $0xc0000080, %ecx /* EFER: long mode, no-execute */
	xorl %edx, %edx
	movl $(1 << 8 | 1 << 11), %eax
	wrmsr
	movl $(1 << 31 | 1 << 16 | 1 << 5 | 1 << 4 | 1 << 0), %eax /* PG WP NE ET PE */
	movl %eax, %cr0
	lgdt PHYS(boot_gdt_pointer)
	ljmp $X86_CODE_SEL, $PHYS(long_mode)

too_old:
	movl $PHYS(too_old_text), %esi
	movl $0x3f8, %edx
1:	lodsb
	testb %al, %al
	jz 2f
	outb %al, %dx
	jmp 1b
2:	hlt
	jmp 2b

	.code64
long_mode:
	movabsq $high, %rax
	jmp *%rax
high:
	movl $X86_DATA_SEL, %eax
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %fs
	movl %eax, %gs
	testl %edi, %edi
	jz other_cpu
	movq $ths_x86_boot_stack_top, %rsp
	xorl %ebp, %ebp
	movl %edi, %edi
	movl %esi, %esi
	call ths_x86_main
	ud2

	/* Its task state is marked busy while the table can be written, in this map; its
	 * stack is in the final one alone. */
other_cpu:
	lgdt ths_x86_start_gdt
	movzwl ths_x86_start_task, %eax
	ltr %ax
	movq ths_x86_start_stack, %rsp
	movq ths_x86_start_root, %rax
	movq %rax, %cr3
	xorl %ebp, %ebp
	pushq $0 /* nobody to go back to */
	jmp ths_x86_other_main

	/* Copied to X86_TRAMPOLINE: another CPU, from real mode on (smp.c). The boot CPU waits
	 * for it, and has made the map. */
	.section .rodata.ths_x86_trampoline, "a", @progbits
	.code16
	.globl ths_x86_trampoline
	.type ths_x86_trampoline, @object
ths_x86_trampoline:
	cli
	cld
	xorw %ax, %ax
	movw %ax, %ds
	lgdtl X86_TRAMPOLINE + trampoline_gdt_pointer - ths_x86_trampoline
	movl %cr0, %eax
	orl $1, %eax
	movl %eax, %cr0
	ljmpl $BOOT_CODE32_SEL, $PHYS(from_real_mode)
	.balign 4
trampoline_gdt_pointer:
	.short boot_gdt_end - boot_gdt - 1
	.long PHYS(boot_gdt)
	.size ths_x86_trampoline, . - ths_x86_trampoline
	.globl ths_x86_trampoline_end
	.type ths_x86_trampoline_end, @object
ths_x86_trampoline_end:
	.size ths_x86_trampoline_end, 0

	.section .ths.boot, "ax", @progbits
	.code32
from_real_mode:
	movl $X86_DATA_SEL, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $X86_OTHER_CPU, %edi
	jmp to_long_mode
	.code64

	.section .rodata.ths_x86_boot, "a", @progbits
	.balign 8
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff /* X86_CODE_SEL */
	.quad 0x00cf93000000ffff /* X86_DATA_SEL */
	.quad 0x00cf9b000000ffff /* BOOT_CODE32_SEL: on the way from real mode */
boot_gdt_end:
boot_gdt_pointer:
	.short . - boot_gdt - 1
	.long PHYS(boot_gdt)
too_old_text:
	.asciz "panic: boot: this processor has no 64-bit mode with no-execute pages\r\n"

	.section .bss.ths_x86_boot_tables, "aw", @nobits
	.balign 4096
boot_pml4:
	.skip 4096
boot_pdpt_low:
	.skip 4096
boot_pdpt_high:
	.skip 4096
boot_pd:
	.skip 4096 * 4

	/* The stack ths_boot() is called on; the page below it is never mapped. */
	.section .bss.ths_x86_boot_stack, "aw", @nobits
	.balign 4096
	.globl ths_x86_boot_stack_guard
	.type ths_x86_boot_stack_guard, @object
ths_x86_boot_stack_guard:
	.skip 4096
	.skip X86_BOOT_STACK
	.globl ths_x86_boot_stack_top
	.type ths_x86_boot_stack_top, @object
ths_x86_boot_stack_top:
	.section .note.GNU-stack, "", @progbits

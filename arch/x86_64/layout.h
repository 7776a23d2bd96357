/*
 * layout - the addresses of this machine, for C, assembly and the linker script.
 *
 *   0xffff888000000000  direct map: all RAM, RW NX, in 2 MiB pages where it can be
 *   0xffffc90000000000  stack area: 1 GiB of workspaces and stacks with holes between
 *   0xffffc90040000000  stacks of the CPUs but the first, of traps and idleness
 *   0xffffffff80000000  kernel image at its load address: rodata R, text RX, data RW
 *   0xffffffffa0000000  module area: 256 MiB, in reach of 32-bit relocations
 *   0xffffffffbfe00000  devices arch drives itself (the local APIC), RW NX, uncached
 *
 * Nothing else is mapped. The lower half stays empty until there are user processes.
 */
#pragma once

#ifdef __ASSEMBLER__
#define X86_UL(n) n
#else
#define X86_UL(n) n##ul
#endif

#define X86_KERNEL_BASE  X86_UL(0xffffffff80000000)
#define X86_LOAD_ADDRESS X86_UL(0x200000)
#define X86_DIRECT_BASE  X86_UL(0xffff888000000000)
#define X86_DIRECT_SIZE  X86_UL(0x400000000000)
#define X86_STACK_BASE   X86_UL(0xffffc90000000000)
#define X86_STACK_SIZE   X86_UL(0x40000000)
#define X86_OTHERS_BASE  X86_UL(0xffffc90040000000)
#define X86_OTHERS_ROOM  X86_UL(0x40000) /* of each */
#define X86_MODULE_BASE  X86_UL(0xffffffffa0000000)
#define X86_MODULE_SIZE  X86_UL(0x10000000)
#define X86_DEVICE_BASE  X86_UL(0xffffffffbfe00000)

/* What the entry code maps before anything is known of the machine. */
#define X86_BOOT_MAPPED X86_UL(0x100000000)

#define X86_BOOT_STACK 32768
#define X86_IST_LARGE  16384
#define X86_IST_SMALL  8192

/* Selectors of the GDT all share; its segments have their accessed bit set from the start. */
#define X86_CODE_SEL 0x08
#define X86_DATA_SEL 0x10
#define X86_TSS_SEL  0x18 /* the first CPU's; 16 further the next one's */

/* Where another CPU begins, in real mode: a page of RAM below 1 MiB. */
#define X86_TRAMPOLINE 0x8000

/* Page table entries. */
#define X86_P   X86_UL(0x001)
#define X86_W   X86_UL(0x002)
#define X86_PWT X86_UL(0x008)
#define X86_PCD X86_UL(0x010)
#define X86_PS  X86_UL(0x080) /* a leaf of 2 MiB */
#define X86_DYNAMIC                                                                      \
	X86_UL(0x200)           /* software: the table below is from ths_page_alloc()    \
				 */
#define X86_GUARD X86_UL(0x400) /* software: not present, and not to be mapped over */
#define X86_SEALED X86_UL(0x800) /* software: the frame's alias is still read-only */
#define X86_NX    X86_UL(0x8000000000000000)
#define X86_ADDR  X86_UL(0x000ffffffffff000)

/* How we were started; the entry code hands these to ths_x86_main(). */
#define X86_MULTIBOOT2_MAGIC 0x36d76289
#define X86_PVH_MAGIC        0x336ec578
#define X86_OTHER_CPU        0 /* in place of a magic number */

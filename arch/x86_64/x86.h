/*
 * x86 - what the files of arch/x86_64 know of each other and of the processor.
 *
 * Private to this folder; everyone else uses <theseus/arch.h>. What any kernel on this
 * processor does alike is in libtheseus/processor. Registers, vectors and
 * bits are named as in the Intel SDM (volumes 3A and 4), chip registers as in their data
 * sheets.
 */
#pragma once

#include <theseus/arch.h>

#include "layout.h"
#include "processor/processor.h"

/* ---- what a trap or interrupt pushes, lowest address first (entry.S) ----------- */
struct ths_x86_regs {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error; /* error: 0 where the processor pushes none */
	uint64_t rip, cs, rflags, rsp, ss;
};

enum ths_x86_vector {
	X86_VEC_DIVIDE = 0,
	X86_VEC_DEBUG = 1,
	X86_VEC_NMI = 2,
	X86_VEC_OVERFLOW = 4,
	X86_VEC_OPCODE = 6,
	X86_VEC_DOUBLE = 8,
	X86_VEC_STACK = 12,
	X86_VEC_GENERAL = 13,
	X86_VEC_PAGE = 14,
	X86_VEC_MACHINE = 18,
	X86_VEC_EXCEPTIONS = 32, /* and from here on interrupts: */
	X86_VEC_PIC = 32,        /* 32..47: the two 8259s */
	X86_VEC_TICK = 0xef,
	X86_VEC_KICK = 0xf0,
	X86_VEC_FLUSH = 0xf1,
	X86_VEC_SPURIOUS = 0xff,
	X86_VECTORS = 256,
};

/* ---- bits ----------------------------------------------------------------------- */
#define X86_MSR_APIC_BASE 0x1bu

#define X86_CPUID1_EDX_APIC (1u << 9)
#define X86_CPUID7_EBX_SMEP (1u << 7)
#define X86_CPUID7_EBX_SMAP (1u << 20)
#define X86_CPUID7_ECX_UMIP (1u << 2)

#define X86_CR4_UMIP (1ul << 11)
#define X86_CR4_SMEP (1ul << 20)
#define X86_CR4_SMAP (1ul << 21)

#define X86_RFLAGS_IF (1ul << 9)

/* ---- the image (kernel.lds) and the boot stack (boot.S) -------------------------- */
extern const char ths_x86_image_start[], ths_x86_image_end[];
extern const char ths_x86_text_start[], ths_x86_text_end[];
extern const char ths_x86_sealed_start[], ths_x86_sealed_end[];
extern const char ths_x86_boot_stack_guard[];

/* ---- between the files ----------------------------------------------------------- */
struct ths_x86_memory; /* boot_info.h */

/* start.c */
THS_NORETURN void ths_x86_main(uint32_t magic, uint32_t info);
THS_NORETURN void ths_x86_refuse(const char *what, const char *why);

/* What lgdt and lidt take. */
struct ths_x86_table {
	uint16_t limit;
	uint64_t base;
} THS_PACKED;

/* gdt.c: segments; task states and IST stacks of all CPUs. */
enum ths_x86_ist {
	X86_IST_INTERRUPT = 1, /* devices, tick, kick: they never nest */
	X86_IST_FAULT,         /* every exception without a stack of its own */
	X86_IST_DOUBLE,
	X86_IST_NMI,
	X86_IST_MACHINE,
	X86_IST_DEBUG,
	X86_IST_COUNT
};
void ths_x86_gdt_init(void); /* all of it, and loads it on the first CPU */
struct ths_x86_table ths_x86_gdt_table(void);
/* Of the CPU that asks; good once its task register is loaded. */
unsigned ths_x86_cpu_number(void);
/* Whether @sp lies on this CPU's stack of @ist. */
bool ths_x86_on_ist(enum ths_x86_ist ist, uint64_t sp);
/* The unmapped pages below the first CPU's IST stacks: number @index, or NULL after the
 * last. */
const void *ths_x86_ist_guard(unsigned index);
/* The stacks of another CPU that are to be mapped: number @index; false after the last. */
bool ths_x86_other_stack(unsigned cpu, unsigned index, uint64_t *base, uint64_t *size);
uint64_t ths_x86_idle_stack(unsigned cpu); /* its end; of another CPU than the first */

/* idt.c, traps.c, entry.S */
void ths_x86_idt_init(void);
void ths_x86_idt_load(void);
void ths_x86_exception(struct ths_x86_regs *regs);
bool ths_x86_interrupt(struct ths_x86_regs *regs);

/* paging.c */
const char *ths_x86_paging_init(struct ths_x86_memory *memory, unsigned cpus);
uint64_t ths_x86_paging_root(void); /* physical address of the top table */
void ths_x86_protect_cpu(void);

/* smp.c */
struct ths_x86_cpus; /* boot_info.h */
/* Starts them; how many there are now, the boot CPU included. */
unsigned ths_x86_smp_start(const struct ths_x86_cpus *cpus,
			   const struct ths_x86_memory *memory);
/* The others drop their translations, too, before this returns. No lock may be held. */
void ths_x86_flush_others(void);
void ths_x86_flush_serve(void); /* for whoever waits with interrupts off */
/* The others halt for good, and so does who comes second. */
void ths_x86_stop_others(void);
bool ths_x86_is_stopping(void);
THS_NORETURN void ths_x86_halt(void);

/* pic.c, lapic.c, calibrate.c */
void ths_x86_pic_init(void);
void ths_x86_pic_tick_start(uint32_t hz);
bool ths_x86_pic_tick_ack(unsigned vector);
bool ths_x86_lapic_present(void);
ths_paddr_t ths_x86_lapic_paddr(void);
void ths_x86_lapic_init(bool first); /* of this CPU; the first takes the 8259s' interrupts */
void ths_x86_lapic_eoi(void);
void ths_x86_lapic_ipi(uint32_t apic_id, enum ths_x86_vector vector);
void ths_x86_lapic_reset(uint32_t apic_id);               /* INIT: waits to be started */
void ths_x86_lapic_start(uint32_t apic_id, uint32_t page); /* SIPI: begins at that page */
void ths_x86_lapic_nmi_others(void);
uint32_t ths_x86_lapic_id(void);
uint32_t ths_x86_lapic_left(void); /* the timer's count, going down */
void ths_x86_lapic_tick_start(uint32_t count);
void ths_x86_calibrate(void);
uint64_t ths_x86_timer_hz(void); /* of the LAPIC timer, as it is divided */

/* console.c, print.c */
void ths_x86_console_init(void);
void ths_x86_print(const char *text);
void ths_x86_print_hex(uint64_t value, unsigned digits);
void ths_x86_print_dec(uint64_t value);

/*
 * arch - everything libtheseus asks of the machine it runs on, in one list.
 *
 * Three implementers keep the list honest: arch/x86_64 (the real machine), arch/host
 * (POSIX: signals are faults, threads are CPUs) and examples/guest (a kernel with its
 * own boot and page tables). Whoever ports libtheseus writes these functions and
 * nothing else; nano_core names no register, port or instruction of its own. On x86_64
 * less than all: ths_arch_cpu_set, _relax, _counter, _entropy, _port_in, _port_out, _run,
 * _unwind, _switch and _context_init are in libtheseus.a (libtheseus/processor), and a
 * machine without interrupts has the most of the rest in <theseus/arch_quiet.h>.
 *
 * Invariants
 *   A1  A function here takes no lock that nano_core could hold, and calls back only
 *       through the upcalls at the end of this file.
 *   A2  ths_cpu() is the record of the CPU the caller runs on, as long as the caller
 *       is inside an interaction, has interrupts off, or is the only task.
 *   A3  No page is writable and executable at once, in any mapping made here.
 *   A4  Interrupt entry never runs module code and never blocks: it calls ths_irq() or
 *       ths_tick(); when the interrupted code was at depth 0 (ths_cpu_is_idle()) it
 *       then calls ths_work(), on the interrupted task's own stack (P1, P2).
 *
 * Context: see each function. "Early" means callable before ths_boot(). In which order to
 * bring them up is in theseus-porting(7).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <theseus/attr.h>
#include <theseus/err.h>

typedef uint64_t ths_paddr_t; /* a physical address, in bytes */
typedef uint64_t ths_vaddr_t; /* a virtual address, in bytes */

#define THS_PAGE_SIZE 4096u
#define THS_CPU_MAX   8u

struct ths_cpu; /* nano_core's record of a CPU; its first word is its own address */

/* ---- the CPU ------------------------------------------------------------------ */

/*
 * The record of this CPU. On x86_64 the GS base points at it while in the kernel; on the
 * host it is thread-local. Inline, for the gate's sake.
 */
#ifdef THS_HOST
extern _Thread_local struct ths_cpu *ths_host_cpu;
THS_INLINE struct ths_cpu *ths_cpu(void)
{
	return ths_host_cpu;
}
#else
THS_INLINE struct ths_cpu *ths_cpu(void)
{
	struct ths_cpu *cpu;

	__asm__("movq %%gs:0, %0" : "=r"(cpu));
	return cpu;
}
#endif

/**
 * ths_arch_cpu_set() - make @cpu what ths_cpu() returns on this CPU
 *
 * Context: early; once per CPU, by ths_boot() for the boot CPU.
 */
void ths_arch_cpu_set(struct ths_cpu *cpu);

/* Interrupts. save() turns them off and says whether they were on. */
bool ths_arch_irq_save(void);
void ths_arch_irq_restore(bool on);
/* Turns interrupts on and waits for one, atomically; returns with interrupts on. */
void ths_arch_idle(void);
/* One turn of a spin loop (`pause`). */
void ths_arch_relax(void);

/*
 * The border between nano_core and module code. nano_core calls enter() first and leave()
 * last in each function that modules call, and the other way round about each call of an
 * operation; so the code in between two leave() and enter() is the module's. On x86_64
 * module text is told by its address and these are nothing (the place where protection
 * keys widen and narrow the rights); on the host, where modules are linked into the
 * program, they count, and a fault or tick at depth 0 is the module's. An unwinding
 * restores the depth ths_arch_run() was called at. Context: any; inline.
 */
#ifdef THS_HOST
extern _Thread_local unsigned ths_host_core_depth;
THS_INLINE void ths_arch_core_enter(void)
{
	ths_host_core_depth++;
}
THS_INLINE void ths_arch_core_leave(void)
{
	ths_host_core_depth--;
}
#else
THS_INLINE void ths_arch_core_enter(void)
{
}
THS_INLINE void ths_arch_core_leave(void)
{
}
#endif

/* A free-running counter, and its rate in counts per second (0: not known). */
uint64_t ths_arch_counter(void);
uint64_t ths_arch_counter_hz(void);
/* 64 bits of entropy, as good as the machine has (RDRAND mixed with counter jitter). */
uint64_t ths_arch_entropy(void);

/* Starts the periodic tick on this CPU: ths_tick() is called @hz times a second. */
void ths_arch_tick_start(uint32_t hz);

/* ---- recovery frames and contexts --------------------------------------------- */

/* Callee-saved registers and stack pointer of whoever called ths_arch_run(). */
#ifdef THS_HOST
#include <setjmp.h>
struct ths_frame {
	sigjmp_buf regs;
	uint64_t value;
	unsigned core_depth; /* restored by an unwinding, as is ... */
	unsigned signals;    /* ... the number of signal handlers entered */
};
#else
struct ths_frame {
	uint64_t rsp; /* the six callee-saved registers lie on that stack */
};
#endif

/**
 * ths_arch_run() - call @fn(@arg) so that it can be given up in the middle
 * @frame:     filled in; valid until this returns
 * @stack_top: run on this stack (16-byte aligned); NULL: stay on the present one
 *
 * Return: what @fn returns, or the value given to ths_arch_unwind(@frame, value).
 * On the host the stack is never changed (sanitizers do not follow).
 */
uint64_t ths_arch_run(struct ths_frame *frame, void *stack_top, uint64_t (*fn)(void *),
		      void *arg);
/* Makes the ths_arch_run() that filled in @frame return @value; interrupts go on, if they
 * ever were on. May be called from ths_trap() and ths_tick(), whose stacks are left for
 * good. */
THS_NORETURN void ths_arch_unwind(struct ths_frame *frame, uint64_t value);

/* A task's saved registers; what lies below is arch's own. */
struct ths_arch_context {
	uint64_t rsp; /* x86_64: callee-saved registers lie on the stack */
	void *host;   /* host: the thread */
};
/* Prepares @context to run @entry(@arg) on the stack that ends at @stack_top; @entry
 * never returns and starts with interrupts on. */
void ths_arch_context_init(struct ths_arch_context *context, void *stack_top,
			   void (*entry)(void *), void *arg);
/* Saves the caller in @from and goes on in @to. Context: depth 0, interrupts off. */
void ths_arch_switch(struct ths_arch_context *from, struct ths_arch_context *to);

/* ---- memory ------------------------------------------------------------------- */

enum ths_prot {
	THS_PROT_NONE = 0, /* a guard page: mapped nowhere */
	THS_PROT_R = 1,
	THS_PROT_RW = 3,
	THS_PROT_RX = 5, /* module text */
};

/* Where a frame of memory can be reached by nano_core (the direct map), and back. */
void *ths_arch_direct(ths_paddr_t paddr);
ths_paddr_t ths_arch_paddr(const void *direct);

/**
 * ths_arch_map() - map @pages frames from @paddr on at @vaddr
 *
 * Page tables needed on the way are taken from ths_page_alloc() (an upcall).
 * Return: THS_OK; THS_E_NOMEM with nothing mapped; THS_E_EXIST a page was mapped;
 *         THS_E_INVAL not page-aligned, or outside what arch lets be mapped.
 * Context: depth 0 or interrupts off; never from an interrupt.
 */
THS_MUST_CHECK enum ths_err ths_arch_map(ths_vaddr_t vaddr, ths_paddr_t paddr,
					 size_t pages, enum ths_prot prot);
/* Changes the protection of mapped pages, and flushes them on all CPUs. */
THS_MUST_CHECK enum ths_err ths_arch_protect(ths_vaddr_t vaddr, size_t pages,
					     enum ths_prot prot);
/* Unmaps, and flushes on all CPUs. Pages not mapped are passed over. */
void ths_arch_unmap(ths_vaddr_t vaddr, size_t pages);
/* What @vaddr is mapped to; false when it is not. For tests and for `spill`. */
bool ths_arch_lookup(ths_vaddr_t vaddr, ths_paddr_t *paddr, enum ths_prot *prot);

/* The address ranges nano_core may map into: modules lie in the top 2 GiB, so that
 * 32-bit relocations reach nano_core. Workspaces and stacks lie where guard pages can. */
struct ths_arch_area {
	ths_vaddr_t base;
	uint64_t size;
};
struct ths_arch_area ths_arch_module_area(void);
struct ths_arch_area ths_arch_stack_area(void);

/* Copies where either side may fault; THS_E_FAULT when it did (exception table). */
THS_MUST_CHECK enum ths_err ths_arch_copy(void *dst, const void *src, size_t len);

/* ---- devices ------------------------------------------------------------------ */

/* @width in bytes: 1, 2 or 4. Bounds are checked by the handle functions, not here. */
uint32_t ths_arch_port_in(uint16_t port, unsigned width);
void ths_arch_port_out(uint16_t port, unsigned width, uint32_t value);

/* ---- SMP ---------------------------------------------------------------------- */

/* Makes @cpu pass through ths_work() soon, or ths_cpu_enter() where it waits for that (an
 * IPI; nothing on one CPU). */
void ths_arch_kick_cpu(unsigned cpu);

/* ---- the end ------------------------------------------------------------------ */

enum ths_stop { THS_STOP_OFF, THS_STOP_REBOOT, THS_STOP_HALT, THS_STOP_TEST };
/* @code: for THS_STOP_TEST, what isa-debug-exit is given (0x2a pass, 0x33 panic). */
THS_NORETURN void ths_arch_stop(enum ths_stop how, uint32_t code);

/* Writes to the machine's first console, polled. Early; any context; cannot fail. */
void ths_arch_console_write(const char *text, size_t len);
/* Prints all registers, where @trap has them, and "  #0 0x… function+0x… [module]" lines
 * of the calls that led there. */
struct ths_trap;
void ths_arch_backtrace(const struct ths_trap *trap);

/* ================================================================================
 * Upcalls: what arch calls in nano_core.
 * ================================================================================ */

#define THS_BOOT_RANGES_MAX 32u

struct ths_boot_range {
	ths_paddr_t base; /* page-aligned */
	uint64_t size;    /* in bytes, whole pages */
};

/* What arch found. Lives until ths_boot() has read it. */
struct ths_boot_info {
	const char *cmdline;    /* NUL-terminated; "" if none */
	const char *loader;     /* who started us, for the log: "GRUB 2.06", "PVH" */
	const void *archive;    /* the module archive (cpio newc), in the direct map */
	size_t archive_size;    /* 0: none */
	uint32_t cpus;          /* found; the boot CPU is 0 */
	uint32_t ranges;        /* of free[] in use */
	struct ths_boot_range free[THS_BOOT_RANGES_MAX]; /* RAM nobody uses, ascending:
		less the kernel, the archive, page tables and everything below 1 MiB */
};

/* nano_core's start: never returns. Called on a stack of at least 16 KiB, interrupts off,
 * direct map up. It ends by running the first program. Supplied by libtheseus. */
THS_NORETURN void ths_boot(const struct ths_boot_info *info);

/* A CPU of ths_boot_info.cpus but the first: called on a stack of its own of at least 16 KiB,
 * interrupts off, direct map up. Does not return if nano_core can use it by now; else the
 * CPU is to wait for an interrupt, and to ask again. */
void ths_cpu_enter(unsigned number);

enum ths_trap_kind {
	THS_TRAP_PAGE,    /* unmapped, non-canonical (#GP), protection: address in @addr */
	THS_TRAP_STACK,   /* touched the guard page of the workspace stack */
	THS_TRAP_ARITH,   /* division, overflow */
	THS_TRAP_OPCODE,  /* invalid instruction */
	THS_TRAP_OTHER,
};

struct ths_trap {
	enum ths_trap_kind kind;
	uint32_t vector;     /* the machine's own number, for the dump */
	uint64_t error;      /* the machine's error code */
	uint64_t addr;       /* the address touched, 0 if not known */
	uint64_t pc, sp, fp; /* of the interrupted code */
	const void *regs;    /* arch's dump of all registers */
};

/* An exception. Returns only if the interrupted code may go on; unwinds or stops
 * otherwise. Called with interrupts off, on an exception stack. */
void ths_trap(const struct ths_trap *trap);
/* The periodic tick; may unwind an interaction beyond its budget. @pc interrupted. The
 * timer has been acknowledged before the call. Interrupts off. */
void ths_tick(uint64_t pc);
/* A device vector (0..255) fired; only marks it pending (P2). Interrupts off. */
void ths_irq(unsigned vector);
/* Whether this CPU is at depth 0, so that pending work may run now. */
bool ths_cpu_is_idle(void);
/* Runs what is pending: handlers, wake-ups, a new pick. Depth 0; turns interrupts
 * on in between and leaves them as they were. */
void ths_work(void);
/* One zeroed page for a page table; false when the reserve is empty. */
bool ths_page_alloc(ths_paddr_t *paddr);
void ths_page_free(ths_paddr_t paddr);
/* Name of the function (and module) that holds @pc, for backtraces; false if none. */
bool ths_symbolize(uint64_t pc, const char **function, uint64_t *offset,
		   const char **module);
/* "0xPC", and whose it is as far as that is known: " FUNCTION+0xOFFSET", and for modules
 * " [NAME+0xOFFSET DIGEST]", from the beginning of its text, and 8 digits of the digest of the
 * file it is from; so that one line of a log is enough for theseus-symbolize(1), whatever was
 * swapped before and after. @back: how far before @pc to look; 1 where @pc is a return
 * address, which may lie in the next function. Returns as ths_format(). */
size_t ths_place_format(char *buf, size_t size, uint64_t pc, unsigned back);

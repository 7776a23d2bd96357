/*
 * gate - the common call, in as few instructions as it takes.
 *
 * The same protocol as libtheseus/nano_core/gate.c, for an outermost call of an ordinary
 * operation without a blob. Whatever is not ordinary shows as a value that does not fit
 * and leads back there: an unresolved or dead reference has no operations, a locked
 * binding gives a misaligned version whose count of operations reads as 0, and an
 * operation that wants more than this has ths_gate_not_fast() for its function.
 *
 * All that has to outlive the call of the module lies in the CPU's record; the callee-
 * saved registers are pushed for an unwinding alone, which pops them and returns to
 * `unwound` (run.S has the other half). Offsets are checked in nano_core/gate_layout.c.
 *
 * ths_row_quick_alone() and ths_row_quick_write_alone() are here for the same reason.
 *
 * What bounds it: 6 + 1 pushes that make a fault recoverable, two barriers' worth of
 * activity, the record of who is called for what (6 stores), and two instructions per
 * word of arguments each way.
 */
#include "nano_core/gate_layout.h"

	.altmacro
	.macro copy_word name, word, from, to, at
\name\()_\word:
	movq (\at + 8 * \word)(%\from), %r11
	movq %r11, (\at + 8 * \word)(%\to)
	.endm

	/* The last word first: whoever enters at word n copies n + 1 of them. */
	.macro copy_words name, from, to, at
	.set word, GATE_ARGS_MAX / 8
	.rept GATE_ARGS_MAX / 8
	.set word, word - 1
	copy_word \name, %word, \from, \to, \at
	.endr
\name\()_end:
	.endm

	.macro table_entry name, word
	.quad \name\()_\word
	.endm

	/* Where to enter for so many bytes: 8 bytes an entry, so a multiple of 8 is its own
	 * offset. */
	.macro copy_table name
	.section .rodata.\name, "a"
	.balign 8
\name:
	.quad \name\()_end
	.set word, 0
	.rept GATE_ARGS_MAX / 8
	table_entry \name, %word
	.set word, word + 1
	.endr
	.text
	.endm

	.text
	.globl ths_x86_gate /* the linker script asks for it, as gate.c has a ths_gate too */
	.globl ths_gate
	.type ths_gate, @function
	.balign 64
	/* rdi: reference, esi: operation, rdx: arguments, rcx: blob */
ths_x86_gate:
ths_gate:
	testb $1, %gs:CPU_ACTIVITY
	jnz ths_gate_portable
	movl REF_BINDING(%rdi), %eax
	andl $BINDING_MASK, %eax

	pushq $unwound
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	/* From here on no interrupt's work runs on this CPU; before, the record is its own. */
	lock incq %gs:CPU_ACTIVITY
	movq %rsp, %gs:CALL0_FRAME

	movq ths_core + CORE_BINDING(%rax), %r9
	andq $~SLOT_WAITERS_BIT, %r9
	cmpl %esi, (VERSION_DATA + PROVIDER_OPS)(%r9)
	jbe leave_and_go_portable
	shll $5, %esi
	movq (VERSION_DATA + PROVIDER_OP)(%r9), %r10
	addq %rsi, %r10

	movq ths_core + CORE_CLOCK, %r11
	movq %r11, %gs:TXN_CLOCK
	movq (VERSION_DATA + PROVIDER_INSTANCE)(%r9), %r11
	movq %r11, %gs:CALL0_INSTANCE
	movl %gs:CPU_NUMBER, %r8d
	incq INSTANCE_CALLS(%r11, %r8, 8)
	movq %r10, %gs:CALL0_OP
	movq %r9, %gs:CALL0_PROVIDER
	movq %rdi, %gs:CALL0_REF
	movq %rdx, %gs:CALL0_ARGS
	movl %eax, %gs:CALL0_BINDING_AT

	movq %gs:CPU_CALL, %rdi
	movq %gs:CPU_STACK_TOP, %rsp
	movzwl OP_ARGS_SIZE(%r10), %eax
	jmp *copy_in(%rax)
	copy_words copy_in, rdx, rsp, 0
	movq %rsp, %rsi
	call *OP_FAST(%r10)

	testl %eax, %eax
	jnz no_success
	cmpq $0, %gs:TXN_DIRTY
	jne touched
	movl %gs:CALL0_BINDING_AT, %eax
	movq ths_core + CORE_BINDING(%rax), %rax
	andq $~SLOT_WAITERS_BIT, %rax
	cmpq %gs:CALL0_PROVIDER, %rax
	jne swapped

committed:
	movq %gs:CALL0_ARGS, %rdx
	movq %gs:CALL0_OP, %rax
	movzwl OP_OUT_SIZE(%rax), %eax
	jmp *copy_out(%rax)
	copy_words copy_out, rsp, rdx, 0

	movq %gs:CALL0_FRAME, %rsp
	movq %gs:TXN_READ_FIRST, %rax
	movq %rax, %gs:TXN_READ_NEXT
	incq %gs:CPU_ACTIVITY
	cmpl $0, %gs:CPU_PENDING
	jne pending
	addq $56, %rsp
	xorl %eax, %eax
	ret

	/*
	 * Rows were written: with one CPU and nothing special, commit is to put the new
	 * versions in their slots and the old ones back into their pools. r11 gathers marks.
	 */
touched:
	movq %gs:TXN_DIRTY, %rax
	shrq $32, %rax
	jnz commit_in_c
	cmpl $1, ths_core + CORE_CPUS
	jne commit_in_c
	movzwl %gs:TXN_WRITES, %ecx
	testl %ecx, %ecx
	jz commit_in_c
	incq ths_core + CORE_CLOCK
	movq ths_core + CORE_CLOCK, %rax
	movq ths_core + CORE_ANY_COMMIT, %r11
	xorl %edx, %edx
install:
	movq %gs:WRITE_COPY(%rdx), %rdi
	movq %gs:WRITE_SLOT(%rdx), %rsi
	movq %gs:WRITE_TABLE(%rdx), %r8
	movq %gs:WRITE_OLD(%rdx), %r9
	movq %rax, (%rdi)
	orq (%rsi), %r11
	movq %rdi, (%rsi)
	incq TABLE_COMMITS(%r8)
	cmpq %r9, TABLE_ZERO(%r8)
	je next_install
	movl TABLE_POOL_AT(%r8), %esi
	movq %gs:(%rsi), %r10
	movq %r10, VERSION_OLDER(%r9)
	movq %r9, %gs:(%rsi)
next_install:
	addl $64, %edx
	decl %ecx
	jnz install
	testb $SLOT_WAITERS_BIT, %r11b
	jnz wake
woken:
	movq %gs:TXN_READ_END, %rax
	movq %rax, %gs:TXN_READ_LIMIT
	movq $0, %gs:TXN_DIRTY
	movq $0, %gs:TXN_FILTER
	jmp committed

wake:
	movq %gs:CALL0_FRAME, %rsp
	movq %gs:CPU_SELF, %rdi
	call ths_gate_wake
	movq %gs:CPU_STACK_TOP, %rsp
	jmp woken

commit_in_c:
	movq %gs:CALL0_FRAME, %rsp
	movq %gs:CPU_SELF, %rdi
	call ths_gate_commit
	movq %gs:CPU_STACK_TOP, %rsp
	testl %eax, %eax
	jz committed
	jmp no_success

pending:
	call ths_gate_pending
	addq $56, %rsp
	ret

swapped:
	movl $OUTCOME_CONFLICT_VALUE, %eax
no_success:
	movq %gs:CALL0_FRAME, %rsp
	movslq %eax, %rsi

	/* rsp: our frame, rsi: the outcome. What was asked for is kept on our own stack, as
	 * others may call while we sleep; a sleeper asks anew when woken. */
conclude:
	movq %gs:CALL0_OP, %rcx
	subq %gs:CALL0_INSTANCE, %rcx
	shrl $5, %ecx
	pushq %gs:CALL0_REF
	pushq %gs:CALL0_ARGS
	pushq %rcx
	pushq %rcx
	movq %gs:CPU_SELF, %rdi
	call ths_gate_conclude
	cmpl $GATE_AGAIN, %eax
	je again
	addq $88, %rsp
	ret
again:
	popq %rcx
	popq %rsi
	popq %rdx
	popq %rdi
	xorl %ecx, %ecx
	addq $56, %rsp
	jmp ths_gate

	/* ths_arch_unwind() was given our frame: the registers are back, rax is the outcome. */
unwound:
	subq $56, %rsp
	movq %rax, %rsi
	jmp conclude

leave_and_go_portable:
	addq $56, %rsp
	incq %gs:CPU_ACTIVITY
	jmp ths_gate_portable
	.size ths_gate, . - ths_gate

	/* Called as an operation: gives the call up and begins anew in gate.c. The blob is
	 * still in rcx. */
	.globl ths_gate_not_fast
	.type ths_gate_not_fast, @function
	.balign 16
ths_gate_not_fast:
	movq %gs:CALL0_FRAME, %rsp
	addq $56, %rsp
	movq %gs:CALL0_REF, %rdi
	movq %gs:CALL0_OP, %rsi
	subq %gs:CALL0_INSTANCE, %rsi
	shrl $5, %esi
	movq %gs:CALL0_ARGS, %rdx
	incq %gs:CPU_ACTIVITY
	jmp ths_gate_portable
	.size ths_gate_not_fast, . - ths_gate_not_fast

	/*
	 * ths_row_quick() where nobody else commits: nothing is locked, nothing newer than
	 * our clock. edi: table, esi: row. Returns the row's version, or 0: ask
	 * ths_row_read_().
	 */
	.globl ths_row_quick_alone
	.type ths_row_quick_alone, @function
	.balign 64
ths_row_quick_alone:
	movq %gs:CPU_CALL, %rax
	andl $7, %edi
	movq (CALL0_INSTANCE - CALL0)(%rax), %rax
	movq INSTANCE_TABLE(%rax, %rdi, 8), %r8
	cmpl %esi, TABLE_QUICK_ROWS(%r8)
	jbe not_quick
	movq TABLE_SLOTS(%r8), %r9
	leaq (%r9, %rsi, 8), %r9
	movq (%r9), %rax
	andq $~3, %rax
	testb $1, VERSION_FLAGS(%rax)
	jnz not_quick
	movq %gs:TXN_READ_NEXT, %r10
	cmpq %gs:TXN_READ_LIMIT, %r10
	jae not_quick
	movq %r9, (%r10)
	movq %rax, 8(%r10)
	addq $16, %gs:TXN_READ_NEXT
	ret
not_quick:
	xorl %eax, %eax
	ret
	.size ths_row_quick_alone, . - ths_row_quick_alone

	/*
	 * ths_row_quick_write() likewise: quick_write() of state_db/txn_quick.h. edi: table,
	 * esi: row. Returns our version of the row, or 0: ask ths_row_write_().
	 */
	.globl ths_row_quick_write_alone
	.type ths_row_quick_write_alone, @function
	.balign 64
ths_row_quick_write_alone:
	movq %gs:CPU_CALL, %rax
	andl $7, %edi
	movq (CALL0_INSTANCE - CALL0)(%rax), %rax
	movq INSTANCE_TABLE(%rax, %rdi, 8), %r8
	cmpl %esi, TABLE_WRITE_ROWS(%r8)
	jbe not_quick
	movzwl %gs:TXN_WRITES, %edi
	cmpw %di, %gs:TXN_WRITES_LIMIT
	jbe not_quick
	movq TABLE_SLOTS(%r8), %r9
	leaq (%r9, %rsi, 8), %r9
	movq (%r9), %rax
	andq $~3, %rax
	testb $1, VERSION_FLAGS(%rax)
	jnz not_quick
	movl %r9d, %ecx
	shrl $3, %ecx
	movq %gs:TXN_FILTER, %r11
	btsq %rcx, %r11
	jc not_quick
	movl TABLE_POOL_AT(%r8), %ecx
	movq %gs:(%rcx), %rdx
	testq %rdx, %rdx
	jz not_quick
	movq %r11, %gs:TXN_FILTER
	movq VERSION_OLDER(%rdx), %r11
	movq %r11, %gs:(%rcx)
	movq VERSION_LIFE(%rax), %r11
	movq %r11, VERSION_LIFE(%rdx)
	shll $6, %edi
	movq %r9, %gs:WRITE_SLOT(%rdi)
	movq %rax, %gs:WRITE_OLD(%rdi)
	movq %rdx, %gs:WRITE_COPY(%rdi)
	movq %r8, %gs:WRITE_TABLE(%rdi)
	movl %esi, %gs:WRITE_ROW(%rdi)
	movw $0, %gs:WRITE_UNDER(%rdi)
	incw %gs:TXN_WRITES
	movq %gs:TXN_READ_FIRST, %r11
	movq %r11, %gs:TXN_READ_LIMIT
	movl TABLE_WORDS8(%r8), %ecx
	jmp *copy_row(%rcx)
	copy_words copy_row, rax, rdx, VERSION_DATA
	movq %rdx, %rax
	ret
	.size ths_row_quick_write_alone, . - ths_row_quick_write_alone

	copy_table copy_in
	copy_table copy_out
	copy_table copy_row

	.section .note.GNU-stack, "", @progbits

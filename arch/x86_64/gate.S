/*
 * gate - the common call, in as few instructions as it takes.
 *
 * The same protocol as libtheseus/nano_core/gate.c, for an outermost call of an ordinary
 * operation. Whatever is not ordinary shows as a value that does not fit and leads back
 * there: an unresolved or dead reference has no operations, a locked binding gives a
 * misaligned version whose count of operations reads as 0, and each operation brings, from
 * when its module was loaded, the address at which it is entered and the one at which it
 * is left (ths_gate_paths, at the end; instance.c chooses).
 *
 * All that has to outlive the call of the module lies in the CPU's record. The caller's
 * registers are kept there for an unwinding alone, laid out as on a stack: the recovery
 * frame of cpu->calls[0] points at them, and the return address above leads to `unwound`
 * (processor/run.S has the other half). Offsets are checked in nano_core/gate_layout.c.
 *
 * ths_row_read_alone() and ths_row_write_alone() are here for the same reason.
 *
 * What bounds it: 7 registers that make a fault recoverable, one barrier, the record of
 * who is called for what (6 stores and a count), 6 for finding whom, 5 for leaving, and
 * two instructions per word of arguments each way.
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
	.macro copy_entries name
	.quad \name\()_end
	.set word, 0
	.rept GATE_ARGS_MAX / 8
	table_entry \name, %word
	.set word, word + 1
	.endr
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
	/* From here on no interrupt's work runs on this CPU; before, the record is its own. */
	lock incq %gs:CPU_ACTIVITY
	movq %r15, %gs:CPU_FRAME + 0
	movq %r14, %gs:CPU_FRAME + 8
	movq %r13, %gs:CPU_FRAME + 16
	movq %r12, %gs:CPU_FRAME + 24
	movq %rbx, %gs:CPU_FRAME + 32
	movq %rbp, %gs:CPU_FRAME + 40
	movq %rsp, %gs:CPU_RSP

	movq ths_core + CORE_BINDING(%rax), %r9
	andq $~SLOT_WAITERS_BIT, %r9
	cmpl %esi, (VERSION_DATA + PROVIDER_OPS)(%r9)
	jbe go_portable
	shll $5, %esi
	movq %rdi, %gs:CALL0_REF
	movq (VERSION_DATA + PROVIDER_INSTANCE)(%r9), %rdi
	leaq (%rdi, %rsi), %r10
	movl %gs:CPU_NUMBER, %r8d
	incq INSTANCE_CALLS(%rdi, %r8, 8)
	movq %rdi, %gs:CPU_SERVING
	movq %rdi, %gs:CALL0_INSTANCE
	movq %r10, %gs:CALL0_OP
	movq %rdx, %gs:CALL0_ARGS
	movq %gs:CPU_STACK_TOP, %rsp
	jmp *OP_ENTER(%r10)

	copy_words copy_in, rdx, rsp, 0
	movq %rsp, %rsi
	call *OP_FN(%r10) /* rdi, its token, is the instance: what counts is the record */

	movl %gs:TXN_DIRTY, %ecx
	orl %eax, %ecx
	jnz not_clean
leave:
	movq %gs:CALL0_OP, %rcx
	movq %gs:CALL0_ARGS, %rdx
	jmp *OP_LEAVE(%rcx)

	copy_words copy_out, rsp, rdx, 0
	movq %gs:CPU_RSP, %rsp
	movq %gs:TXN_READ_FIRST, %rcx
	movq %rcx, %gs:TXN_READ_NEXT
	incq %gs:CPU_ACTIVITY
	cmpl $0, %gs:CPU_PENDING
	jne ths_gate_pending /* THS_OK, too */
	ret

	/*
	 * Rows were written: with one CPU and nothing special, commit is to put the new
	 * versions in their slots and the old ones back into their pools. r11 gathers marks.
	 */
not_clean:
	testl %eax, %eax
	jnz refused
	cmpl $0, %gs:TXN_DIRTY_HIGH
	jne commit_in_c
	cmpl $1, ths_core + CORE_CPUS
	jne commit_in_c
	shrl $16, %ecx /* how many; below, flags */
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
	xorl %eax, %eax
	movq %rax, %gs:TXN_DIRTY
	movq %rax, %gs:TXN_FILTER
	jmp leave

wake:
	movq %gs:CPU_RSP, %rsp
	movq %gs:CPU_SELF, %rdi
	call ths_gate_wake
	movq %gs:CPU_STACK_TOP, %rsp
	jmp woken

commit_in_c:
	movq %gs:CPU_RSP, %rsp
	movq %gs:CPU_SELF, %rdi
	call ths_gate_commit
	movq %gs:CPU_STACK_TOP, %rsp
	testl %eax, %eax
	jnz no_success
committed_in_c:
	movq %gs:CALL0_OP, %rcx /* the binding held: not OP_LEAVE, which may look again */
	movq %gs:CALL0_ARGS, %rdx
	movzwl OP_OUT_SIZE(%rcx), %ecx
	jmp *copy_out_at(%rcx)

refused: /* above 0 are unwinding's outcomes, which no operation may return */
	js no_success
	movl $OUTCOME_FOREIGN, %eax
no_success:
	movq %gs:CPU_RSP, %rsp
	movslq %eax, %rsi

	/* rsi: the outcome. What was asked for is kept on our own stack, as others may call
	 * while we sleep; a sleeper asks anew when woken. */
conclude:
	movq %gs:CALL0_OP, %rcx
	movzbl OP_NUMBER(%rcx), %ecx
	pushq %gs:CALL0_REF
	pushq %gs:CALL0_ARGS
	pushq %rcx
	pushq %gs:CALL0_BLOB
	movq %gs:CPU_SELF, %rdi
	call ths_gate_conclude
	popq %rcx
	popq %rsi
	popq %rdx
	popq %rdi
	cmpl $GATE_AGAIN, %eax
	je ths_gate
	ret

	/* ths_arch_unwind() was given our frame and has popped the registers out of the CPU's
	 * record (traps and interrupts have stacks of their own). rax: the outcome. */
unwound:
	movq %gs:CPU_RSP, %rsp
	movq %rax, %rsi
	jmp conclude

	/* With the client's blob, on the only CPU: taken, and given back when all has been
	 * committed; its body is asked for in between, or is not. */
enter_blob:
	testq %rcx, %rcx
	jz enter_portable
	cmpq $0, BLOB_BUSY(%rcx)
	jne enter_portable
	movq $1, BLOB_BUSY(%rcx)
	movq %rcx, %gs:CALL0_BLOB
	movq $0, %gs:CALL0_BLOB_COPY
	movq $BLOB_READY, %gs:CPU_BLOB_STATE
	movzwl OP_ARGS_SIZE(%r10), %eax
	jmp *copy_in_at(%rax)
leave_blob:
	movq %gs:CPU_BLOB_STATE, %r10
	testq %r10, %r10 /* an address, if ths_blob_body_alone() served */
	jns leave_blob_in_c
	movq %gs:CALL0_BLOB, %r8
	movq %gs:CPU_BLOB_ROOM, %r9
	incl BLOB_GENERATION(%r8)
	jmp *%r10
	copy_words copy_blob_out, r9, r8, BLOB_BODY
	movq %rax, BLOB_BUSY(%r8)
	movq %rax, %gs:CPU_BLOB_STATE
	movzwl OP_OUT_SIZE(%rcx), %ecx
	jmp *copy_out_at(%rcx)
leave_blob_in_c:
	movq %gs:CPU_RSP, %rsp
	movq %gs:CPU_SELF, %rdi
	call ths_gate_blob_commit
	movq %gs:CPU_STACK_TOP, %rsp
	xorl %eax, %eax
	jmp committed_in_c

	/* Several CPUs: reads are of one moment, and the binding is believed at the end. */
enter_shared:
	movq ths_core + CORE_CLOCK, %rax
	movq %rax, %gs:TXN_CLOCK
	movq %r9, %gs:CALL0_PROVIDER
	movzwl OP_ARGS_SIZE(%r10), %eax
	jmp *copy_in_at(%rax)
leave_shared:
	movq %gs:CALL0_REF, %r8
	movl REF_BINDING(%r8), %r8d
	andl $BINDING_MASK, %r8d
	movq ths_core + CORE_BINDING(%r8), %r8
	andq $~SLOT_WAITERS_BIT, %r8
	cmpq %gs:CALL0_PROVIDER, %r8
	jne swapped
	movzwl OP_OUT_SIZE(%rcx), %ecx
	jmp *copy_out_at(%rcx)
swapped:
	movl $OUTCOME_CONFLICT_VALUE, %eax
	jmp no_success

	/* An operation that wants more: begins anew in gate.c. The blob is still in rcx. */
enter_portable:
	decq INSTANCE_CALLS(%rdi, %r8, 8)
	movq %gs:CPU_RSP, %rsp
	movq %gs:CALL0_REF, %rdi
	movzbl OP_NUMBER(%r10), %esi
go_portable:
	incq %gs:CPU_ACTIVITY
	jmp ths_gate_portable
	.size ths_gate, . - ths_gate

	/* Where it is, which operation, whose table: r9 the slot, rax its version, r8 the
	 * table. A row that does not exist, or is dead, leads to \else. */
	.macro find_row rows, else
	movq %gs:CPU_SERVING, %rax
	andl $(THS_TABLES - 1), %edi
	movq INSTANCE_TABLE(%rax, %rdi, 8), %r8
	cmpl %esi, \rows\()(%r8)
	jbe \else
	movq TABLE_SLOTS(%r8), %r9
	leaq (%r9, %rsi, 8), %r9
	movq (%r9), %rax
	andq $~SLOT_FLAGS_BITS, %rax
	testb $VERSION_DEAD_BIT, VERSION_FLAGS(%rax)
	jnz \else
	.endm

	/*
	 * ths_row_read_() where nobody else commits: nothing is locked, nothing newer than our
	 * clock, and of a read only the slot is noted, for those who will sleep on it. edi:
	 * table, esi: row. Returns the row's version, or an error.
	 */
	.globl ths_row_read_alone
	.type ths_row_read_alone, @function
	.balign 64
ths_row_read_alone:
	find_row TABLE_QUICK_ROWS, ths_row_read_
	movq %gs:TXN_READ_NEXT, %r10
	cmpq %gs:TXN_READ_LIMIT, %r10
	jae ths_row_read_
	movq %r9, (%r10)
	addq $16, %gs:TXN_READ_NEXT
	ret
	.size ths_row_read_alone, . - ths_row_read_alone

	/* ths_row_write_() likewise: quick_write() of state_db/txn_quick.h. edi: table, esi:
	 * row. Returns our version of the row, or an error. */
	.globl ths_row_write_alone
	.type ths_row_write_alone, @function
	.balign 64
ths_row_write_alone:
	find_row TABLE_WRITE_ROWS, ths_row_write_
	movzwl %gs:TXN_WRITES, %r10d
	cmpw %r10w, %gs:TXN_WRITES_LIMIT
	jbe ths_row_write_
	imull $FILTER_FACTOR, %r9d, %ecx
	shrl $FILTER_SHIFT, %ecx
	movq %gs:TXN_FILTER, %r11
	btsq %rcx, %r11
	jc ths_row_write_
	movl TABLE_POOL_AT(%r8), %ecx
	movq %gs:(%rcx), %rdx
	testq %rdx, %rdx
	jz ths_row_write_
	movq %r11, %gs:TXN_FILTER
	movq VERSION_OLDER(%rdx), %r11
	movq %r11, %gs:(%rcx)
	movq VERSION_LIFE(%rax), %r11
	movq %r11, VERSION_LIFE(%rdx)
	shll $6, %r10d
	movq %r9, %gs:WRITE_SLOT(%r10)
	movq %rax, %gs:WRITE_OLD(%r10)
	movq %rdx, %gs:WRITE_COPY(%r10)
	movq %r8, %gs:WRITE_TABLE(%r10)
	movl %esi, %gs:WRITE_ROW(%r10)
	movw $0, %gs:WRITE_UNDER(%r10)
	incw %gs:TXN_WRITES
	movq %gs:TXN_READ_FIRST, %r11
	movq %r11, %gs:TXN_READ_LIMIT
	movl TABLE_WORDS8(%r8), %ecx
	jmp *copy_row_at(%rcx)
	copy_words copy_row, rax, rdx, VERSION_DATA
	movq %rdx, %rax
	ret
	.size ths_row_write_alone, . - ths_row_write_alone

	/* ths_blob_body() for the outermost call, of a blob of the common kind: not empty, of
	 * whole words, by a reference that is trusted. edi: a token, esi: slot, rdx: where
	 * the body's address goes, rcx: where it goes that it is not fresh, or NULL. */
	.globl ths_blob_body_alone
	.type ths_blob_body_alone, @function
	.balign 64
ths_blob_body_alone:
	cmpq $BLOB_READY, %gs:CPU_BLOB_STATE
	jne ths_blob_body
	movq %gs:CALL0_REF, %rax
	testb $REF_TAGGED_BIT, REF_FLAGS(%rax)
	jnz ths_blob_body_tagged
	cmpl $THS_BLOBS, %esi
	jae ths_blob_body
	movl %esi, %r9d
	shll $6, %r9d
	addq %gs:CPU_SERVING, %r9
	movq %gs:CALL0_BLOB, %r8
	movq (INSTANCE_BLOB + BLOB_INFO_QUICK)(%r9), %r10
	cmpq %r10, BLOB_TYPE(%r8)
	jne ths_blob_body
	movq (INSTANCE_BLOB + BLOB_INFO_SCHEMA)(%r9), %r10
	cmpq %r10, BLOB_SCHEMA(%r8)
	jne ths_blob_body
	movl %esi, %gs:CALL0_BLOB_SLOT
	movq (INSTANCE_BLOB + BLOB_INFO_OUT)(%r9), %r10
	movq %r10, %gs:CPU_BLOB_STATE
	movq (INSTANCE_BLOB + BLOB_INFO_IN)(%r9), %r10
	movq %gs:CPU_BLOB_ROOM, %r9
	leaq BLOB_BODY(%r9), %rax
	movq %rax, %gs:CALL0_BLOB_COPY
	movq %rax, (%rdx)
	testq %rcx, %rcx
	jz 1f
	movb $0, (%rcx)
1:	jmp *%r10
	copy_words copy_blob_in, r8, r9, BLOB_BODY
	xorl %eax, %eax
	ret
	.size ths_blob_body_alone, . - ths_blob_body_alone

	.section .rodata.ths_gate_paths, "a"
	.balign 8
	.globl ths_gate_paths /* struct gate_paths */
	.type ths_gate_paths, @object
ths_gate_paths:
copy_in_at:
	copy_entries copy_in
copy_out_at:
	copy_entries copy_out
	.quad enter_portable
	.quad enter_shared
	.quad leave_shared
	.quad unwound
	.quad enter_blob
	.quad leave_blob
	copy_entries copy_blob_in
	copy_entries copy_blob_out
	.size ths_gate_paths, . - ths_gate_paths
copy_row_at:
	copy_entries copy_row

	.section .note.GNU-stack, "", @progbits

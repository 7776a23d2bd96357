/*
 * gate_layout - the compiler's word for each number gate.S uses.
 */
#include "base/blob_impl.h"
#include "nano_core/gate_layout.h"
#include "nano_core/nano_core_impl.h"

#ifndef THS_HOST /* a recovery frame of the host's is larger, and gate.S is not there */
#define AT(type, field, offset)                                                          \
	_Static_assert(offsetof(struct type, field) == (offset), #type "." #field)

AT(ths_cpu, self, CPU_SELF);
AT(ths_cpu, activity, CPU_ACTIVITY);
AT(ths_cpu, pending, CPU_PENDING);
AT(ths_cpu, call, CPU_CALL);
AT(ths_cpu, stack_top, CPU_STACK_TOP);
AT(ths_cpu, number, CPU_NUMBER);
AT(ths_cpu, calls, CALL0);
AT(ths_cpu, txn, TXN);
AT(ths_cpu, serving, CPU_SERVING);
AT(ths_cpu, gate_frame, CPU_FRAME);
AT(ths_cpu, gate_rsp, CPU_RSP);
_Static_assert(sizeof(((struct ths_cpu *)0)->gate_frame) == 7 * sizeof(uint64_t),
	       "what ths_arch_unwind() pops and returns to");
AT(ths_cpu, blob_state, CPU_BLOB_STATE);
AT(ths_cpu, blob_room, CPU_BLOB_ROOM);
AT(ths_call, blob, CALL0_BLOB - CALL0);
AT(ths_call, blob_copy, CALL0_BLOB_COPY - CALL0);
AT(ths_call, blob_slot, CALL0_BLOB_SLOT - CALL0);
AT(ths_blob, busy, BLOB_BUSY);
AT(ths_blob, type, BLOB_TYPE);
AT(ths_blob, schema, BLOB_SCHEMA);
AT(ths_blob, size, BLOB_SCHEMA + 4);
AT(ths_blob, generation, BLOB_GENERATION);
AT(ths_blob, body, BLOB_BODY);
AT(instance_blob, quick, BLOB_INFO_QUICK);
AT(instance_blob, schema, BLOB_INFO_SCHEMA);
AT(instance_blob, size, BLOB_INFO_SCHEMA + 4);
AT(instance_blob, in, BLOB_INFO_IN);
AT(instance_blob, out, BLOB_INFO_OUT);
AT(ths_instance, blob, INSTANCE_BLOB);
AT(ths_ref, flags, REF_FLAGS);
_Static_assert(sizeof(struct instance_blob) == 64, "gate.S shifts by 6");
_Static_assert(THS_BLOBS_MAX == THS_BLOBS, "gate.S compares");
_Static_assert(THS_REF_TAGGED == REF_TAGGED_BIT, "REF_TAGGED_BIT");
_Static_assert(BLOB_BODY + GATE_ARGS_MAX <= BLOB_ROOM, "what gate.S copies");
AT(ths_call, op, CALL0_OP - CALL0);
AT(ths_call, instance, CALL0_INSTANCE - CALL0);
AT(ths_call, provider, CALL0_PROVIDER - CALL0);
AT(ths_call, ref, CALL0_REF - CALL0);
AT(ths_call, args, CALL0_ARGS - CALL0);
AT(ths_txn, dirty, TXN_DIRTY - TXN);
AT(ths_txn, clock, TXN_CLOCK - TXN);
AT(ths_txn, read_next, TXN_READ_NEXT - TXN);
AT(ths_txn, read_limit, TXN_READ_LIMIT - TXN);
AT(ths_txn, read_first, TXN_READ_FIRST - TXN);
AT(ths_txn, read_end, TXN_READ_END - TXN);
AT(ths_txn, filter, TXN_FILTER - TXN);
AT(ths_txn, writes_limit, TXN_WRITES_LIMIT - TXN);
AT(ths_txn, writes, TXN_WRITES - TXN);
AT(ths_txn, write, TXN_WRITE - TXN);
AT(txn_write, slot, WRITE_SLOT - TXN_WRITE);
AT(txn_write, old, WRITE_OLD - TXN_WRITE);
AT(txn_write, copy, WRITE_COPY - TXN_WRITE);
AT(txn_write, table, WRITE_TABLE - TXN_WRITE);
AT(txn_write, row, WRITE_ROW - TXN_WRITE);
AT(txn_write, under, WRITE_UNDER - TXN_WRITE);
_Static_assert(sizeof(struct txn_write) == 64, "gate.S shifts by 6");
AT(ths_core, cpus, CORE_CPUS);
AT(ths_core, any_commit, CORE_ANY_COMMIT);
AT(ths_core, clock, CORE_CLOCK);
AT(ths_core, binding, CORE_BINDING);
AT(ths_binding, slot, 0);
AT(ths_ref, binding, REF_BINDING);
AT(ths_version, data, VERSION_DATA);
AT(ths_version, flags, VERSION_FLAGS);
AT(ths_table, slots, TABLE_SLOTS);
AT(ths_table, quick_rows, TABLE_QUICK_ROWS);
AT(ths_table, write_rows, TABLE_WRITE_ROWS);
AT(ths_table, pool_at, TABLE_POOL_AT);
AT(ths_table, words8, TABLE_WORDS8);
AT(ths_table, zero, TABLE_ZERO);
AT(ths_table, commits, TABLE_COMMITS);
AT(ths_version, older, VERSION_OLDER);
AT(ths_version, generation, VERSION_LIFE);
_Static_assert(QUICK_BYTES_MAX == GATE_ARGS_MAX, "what gate.S unrolls");
AT(provider, ops, PROVIDER_OPS);
AT(provider, instance, PROVIDER_INSTANCE);
AT(instance_op, enter, OP_ENTER);
AT(instance_op, leave, OP_LEAVE);
AT(instance_op, fn, OP_FN);
AT(instance_op, number, OP_NUMBER);
AT(instance_op, args_size, OP_ARGS_SIZE);
AT(instance_op, out_size, OP_OUT_SIZE);
AT(ths_instance, op, 0);
AT(ths_instance, calls, INSTANCE_CALLS);
AT(ths_instance, table, INSTANCE_TABLE);
_Static_assert(sizeof(struct instance_op) == 32, "gate.S shifts by 5");
_Static_assert(sizeof(struct ths_binding) == 128, "BINDING_MASK");
_Static_assert((BINDINGS_MAX - 1) * sizeof(struct ths_binding) == BINDING_MASK,
	       "BINDING_MASK");
_Static_assert(SLOT_WAITERS == SLOT_WAITERS_BIT, "SLOT_WAITERS_BIT");
_Static_assert(SLOT_FLAGS == SLOT_FLAGS_BITS, "SLOT_FLAGS_BITS");
_Static_assert(offsetof(struct ths_txn, effects) == TXN_DIRTY_HIGH - TXN,
	       "gate.S looks at flags and writes, then at the rest");
_Static_assert(sizeof(struct gate_paths) ==
		       (4 * (GATE_ARGS_MAX / 8 + 1) + 6) * sizeof(uint64_t),
	       "what gate.S lists");
_Static_assert(SLOT_LOCKED == 1 && OPS_MAX < 256,
	       "one byte further on, a count of operations reads as 0");
_Static_assert(THS_TABLES_MAX == THS_TABLES, "find_row masks");
_Static_assert(sizeof(struct txn_read) == 16, "ths_row_read_alone adds");
_Static_assert(VERSION_DEAD == VERSION_DEAD_BIT, "find_row tests");
_Static_assert(THS_ARGS_MAX == GATE_ARGS_MAX, "GATE_ARGS_MAX");
_Static_assert(OUTCOME_CONFLICT == OUTCOME_CONFLICT_VALUE, "OUTCOME_CONFLICT_VALUE");
#else
_Static_assert(THS_ARGS_MAX == GATE_ARGS_MAX, "GATE_ARGS_MAX");
#endif

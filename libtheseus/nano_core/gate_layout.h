/*
 * gate_layout - where gate.S finds things; plain numbers, for the assembler's sake. That
 * they are true gate_layout.c proves.
 */
#pragma once

/* struct ths_cpu, by %gs */
#define CPU_SELF        0
#define CPU_ACTIVITY    8
#define CPU_PENDING     16
#define CPU_CALL        24
#define CPU_STACK_TOP   32
#define CPU_NUMBER      40
#define CPU_SERVING     48
#define CPU_FRAME       56  /* six registers and `unwound` */
#define CPU_RSP         112
#define CPU_BLOB_STATE  120
#define CPU_BLOB_ROOM   128
#define CALL0           136
#define CALL0_OP        (CALL0 + 8)
#define CALL0_REF       (CALL0 + 16)
#define CALL0_ARGS      (CALL0 + 24)
#define CALL0_INSTANCE  (CALL0 + 32)
#define CALL0_PROVIDER  (CALL0 + 40)
#define CALL0_BLOB      (CALL0 + 64)
#define CALL0_BLOB_COPY (CALL0 + 72)
#define CALL0_BLOB_SLOT (CALL0 + 80)
#define TXN             1144
#define TXN_DIRTY       (TXN + 0)
#define TXN_DIRTY_HIGH  (TXN + 4)
#define TXN_CLOCK       (TXN + 8)
#define TXN_READ_NEXT   (TXN + 16)
#define TXN_READ_LIMIT  (TXN + 24)
#define TXN_READ_FIRST  (TXN + 32)
#define TXN_READ_END    (TXN + 40)
#define TXN_FILTER      (TXN + 48)
#define TXN_WRITES_LIMIT (TXN + 56)
#define TXN_WRITES      (TXN + 2)
#define TXN_WRITE       (TXN + 64)
#define WRITE_SLOT      (TXN_WRITE + 0)
#define WRITE_OLD       (TXN_WRITE + 8)
#define WRITE_COPY      (TXN_WRITE + 16)
#define WRITE_TABLE     (TXN_WRITE + 24)
#define WRITE_ROW       (TXN_WRITE + 32)
#define WRITE_UNDER     (TXN_WRITE + 38)

/* struct ths_core */
#define CORE_CLOCK   0
#define CORE_BINDING 8
#define CORE_CPUS    262152
#define CORE_ANY_COMMIT 262160

/* struct ths_blob; struct instance_blob, 64 bytes, 4 of them in an instance */
#define BLOB_BUSY        8
#define BLOB_TYPE        16
#define BLOB_SCHEMA      24
#define BLOB_GENERATION  32
#define BLOB_BODY        40
#define BLOB_READY       1
#define BLOB_INFO_QUICK  0
#define BLOB_INFO_SCHEMA 8
#define BLOB_INFO_IN     16
#define BLOB_INFO_OUT    24
#define THS_BLOBS        4
#define INSTANCE_BLOB    1152

/* struct ths_ref; a binding is 128 bytes, and there are 2,048 */
#define REF_BINDING  16
#define REF_FLAGS    24
#define REF_TAGGED_BIT 2
#define BINDING_MASK 0x3ff80

/* struct ths_version with a struct provider for its data */
#define VERSION_DATA      24
#define VERSION_OLDER     8
#define VERSION_LIFE      16 /* generation, pool, flags, schema: one word */
#define VERSION_FLAGS     21
#define PROVIDER_OPS      0
#define PROVIDER_INSTANCE 8
#define SLOT_WAITERS_BIT  2
#define SLOT_FLAGS_BITS   3
#define FILTER_FACTOR     0x9e3779b1 /* a slot's bit: the upper 6 of 32, multiplied */
#define FILTER_SHIFT      26
#define VERSION_DEAD_BIT  1
#define THS_TABLES        8

/* struct instance_op, 32 bytes; struct ths_instance begins with 32 of them */
#define OP_ENTER       0
#define OP_LEAVE       8
#define OP_FN          16
#define OP_ARGS_SIZE   24
#define OP_OUT_SIZE    26
#define OP_NUMBER      29
#define INSTANCE_CALLS 1024
#define INSTANCE_TABLE 1088

/* struct ths_table */
#define TABLE_SLOTS      0
#define TABLE_QUICK_ROWS 8
#define TABLE_WRITE_ROWS 12
#define TABLE_POOL_AT    16
#define TABLE_WORDS8     20
#define TABLE_ZERO       24
#define TABLE_COMMITS    32

#define GATE_ARGS_MAX          256
#define OUTCOME_CONFLICT_VALUE 1
#define OUTCOME_FOREIGN        (-0x7fffffff) /* in place of what no operation may return */
#define GATE_AGAIN             100 /* from ths_gate_conclude(): ask anew */

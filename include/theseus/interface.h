/*
 * interface - declare an interface once, and get all that user and provider need.
 *
 *	#define SCHED_OPS(OP)                                                  \
 *		OP(sched, admit, struct sched_admit, 0)                        \
 *		OP(sched, pick,  struct sched_pick,  0)
 *	THS_INTERFACE(sched, 1, SCHED_OPS)
 *
 * makes: struct sched_ops (what a provider fills in), enum sched_op (sched_op_admit, …,
 * sched_ops_count), sched_iface (what references and descriptors name), and per operation
 * the typed callers sched_admit(ref, args) and sched_admit_with(ref, args, blob).
 *
 * Invariants
 *   F1  Within one version operations are only appended, and an argument struct never
 *       changes. User and provider compare argument sizes when a reference is resolved.
 *   F2  Argument structs are plain data without pointers to be followed, at most
 *       THS_ARGS_MAX bytes, a multiple of 8 long. (A struct ths_span is not followed: it
 *       is handed to copy functions.)
 */
#pragma once

#include <theseus/gate.h>

/* Arguments of an operation that has none. */
struct ths_no_args {
	uint64_t unused;
};

#define THS_INTERFACE(name_, version_, OPS)                                              \
	struct name_##_ops {                                                             \
		OPS(THS_IFACE_FIELD)                                                     \
	};                                                                               \
	enum name_##_op {                                                                \
		OPS(THS_IFACE_NUMBER) name_##_ops_count                                   \
	};                                                                               \
	static const struct ths_op_info name_##_ops_info[] THS_UNUSED = {                 \
		OPS(THS_IFACE_INFO)};                                                    \
	static const struct ths_iface name_##_iface THS_UNUSED = {                       \
		#name_, (version_), name_##_ops_count, name_##_ops_info};                  \
	OPS(THS_IFACE_CALLER)

#define THS_IFACE_FIELD(name_, op_, type_, flags_)                                       \
	enum ths_err (*op_)(struct ths_call * call, type_ * args);
#define THS_IFACE_NUMBER(name_, op_, type_, flags_) name_##_op_##op_,
#define THS_IFACE_INFO(name_, op_, type_, flags_)   {#op_, sizeof(type_), (flags_)},
#define THS_IFACE_CALLER(name_, op_, type_, flags_)                                      \
	_Static_assert(sizeof(type_) % 8 == 0 && sizeof(type_) <= THS_ARGS_MAX,          \
		       "arguments of " #name_ "." #op_ ": multiple of 8, at most 256");  \
	THS_INLINE THS_MUST_CHECK enum ths_err name_##_##op_##_with(                     \
		struct ths_ref *ref, type_ *args, struct ths_blob *blob)                 \
	{                                                                                \
		return ths_gate(ref, name_##_op_##op_, args, blob);                      \
	}                                                                                \
	THS_INLINE THS_MUST_CHECK enum ths_err name_##_##op_(struct ths_ref *ref,        \
							     type_ *args)                \
	{                                                                                \
		return ths_gate(ref, name_##_op_##op_, args, (struct ths_blob *)0);      \
	}

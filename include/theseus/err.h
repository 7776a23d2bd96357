/*
 * err - every outcome an interaction can have, in one table.
 *
 * THS_OK is 0, everything else is negative, so `if (err)` and `if (err < 0)` agree.
 * The table is the only place where a value, its name and its sentence stand together;
 * ths_err_name() and ths_err_text() are generated from it. A module that returns a
 * value outside the table has broken its contract: the gate turns it into
 * THS_E_INTERNAL and keeps nothing of the interaction.
 *
 * Values are ABI: they are only ever appended.
 */
#pragma once

#include <theseus/attr.h>

#define THS_ERR_MAP(X)                                                                   \
	X(THS_OK, 0, "success")                                                          \
	X(THS_E_INVAL, -1, "invalid argument")                                           \
	X(THS_E_NOMEM, -2, "out of memory")                                              \
	X(THS_E_NOENT, -3, "no such thing")                                              \
	X(THS_E_EXIST, -4, "exists already")                                             \
	X(THS_E_BUSY, -5, "in use by another interaction")                               \
	X(THS_E_AGAIN, -6, "cannot proceed now; sleep until something read changes")     \
	X(THS_E_STALE, -7, "the reference names something that is gone")                 \
	X(THS_E_UNAVAIL, -8, "no provider of the interface is bound")                    \
	X(THS_E_VERSION, -9, "the interface is bound in another version")                \
	X(THS_E_DEPTH, -10, "calls nested too deeply")                                   \
	X(THS_E_FAULT, -11, "the module faulted")                                        \
	X(THS_E_STACK, -12, "the module overran its stack")                              \
	X(THS_E_ARITH, -13, "the module divided by zero or overflowed")                  \
	X(THS_E_OPCODE, -14, "the module executed an invalid instruction")               \
	X(THS_E_DEADLINE, -15, "the operation exceeded its time budget")                 \
	X(THS_E_INTERNAL, -16, "an internal invariant was broken")                       \
	X(THS_E_BLOB, -17, "the blob is not one this server made")                       \
	X(THS_E_FULL, -18, "a fixed limit is reached")                          \
	X(THS_E_PERM, -19, "not permitted")                                              \
	X(THS_E_FORMAT, -20, "malformed input")                                          \
	X(THS_E_DIGEST, -21, "the digest does not match the contents")                   \
	X(THS_E_SPILL, -22, "the module has memory of its own")                          \
	X(THS_E_SYMBOL, -23, "a symbol is not published by nano_core")                   \
	X(THS_E_RELOC, -24, "a relocation of a kind the loader refuses")                 \
	X(THS_E_ABI, -25, "built against another ABI")                                   \
	X(THS_E_SCHEMA, -26, "a table exists with another layout")                       \
	X(THS_E_USES, -27, "a required interface is not bound")                          \
	X(THS_E_NOSYS, -28, "the provider does not implement the operation")             \
	X(THS_E_SIZE, -29, "too large")                                                  \
	X(THS_E_INTR, -30, "the sleep was interrupted")                                  \
	X(THS_E_IO, -31, "the device reported an error")                                \
	X(THS_E_QUOTA, -32, "the client owns as many rows as it may")

enum ths_err {
#define THS_ERR_ENUM(name, value, text) name = (value),
	THS_ERR_MAP(THS_ERR_ENUM)
#undef THS_ERR_ENUM
	THS_ERR_LAST = -32
};

/* Hands an error on to the caller; the gate does the cleaning up. */
#define THS_TRY(expr)                                                                    \
	do {                                                                             \
		enum ths_err ths_try_err_ = (expr);                                      \
		if (THS_UNLIKELY(ths_try_err_ != THS_OK))                                \
			return ths_try_err_;                                             \
	} while (0)

/**
 * ths_err_name() - the constant's name, "THS_E_INVAL"; "THS_E_?" for a foreign value
 * ths_err_text() - its sentence, lower case, without a full stop
 *
 * Context: any. The strings live for ever.
 */
const char *ths_err_name(enum ths_err err);
const char *ths_err_text(enum ths_err err);
